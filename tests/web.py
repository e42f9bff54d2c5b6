"""A server on this machine that keeps to RFC 9110, notes what it is asked, and misbehaves where it is told to."""

import gc
import mmap
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote

PATIENCE_S = 20
PIECE_BYTES = 1 << 18  # what is written at once


@dataclass
class Answer:
    """What is sent: headers say how long the body is; where it `waits`, the client is to close the connection."""

    status: int
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Length": "0"})
    body: bytes | memoryview = b""
    waits: bool = False


@dataclass
class File:
    """What is published, also from a file of a disk; `ranges` and `conditions` tell whether Range and If-Range are heeded."""

    content: bytes | Path
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    conditions: bool = True

    def answer(self, asked: Message) -> Answer:
        content = mapped(self.content) if isinstance(self.content, Path) else self.content
        strong = [value for value in self.headers.values() if not value.startswith("W/")]
        same = not self.conditions or asked.get("If-Range") in [None, *strong]
        part = place_of(asked.get("Range", ""), len(content)) if same and self.ranges else None
        headers = self.headers | ({"Accept-Ranges": "bytes"} if self.ranges else {})
        if part is None:
            return Answer(200, headers | {"Content-Length": str(len(content))}, content)
        if not len(part):
            return Answer(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
        place = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
        return Answer(
            206, headers | {"Content-Range": place, "Content-Length": str(len(part))}, content[part.start : part.stop]
        )


def mapped(path: Path) -> memoryview:
    """Return the bytes of a file, which are read where they are sent."""
    if not path.stat().st_size:
        return memoryview(b"")
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def place_of(asked: str, size: int) -> range | None:
    """Return the bytes that a Range header asks for, none where they lie behind the end; None where all are to be sent."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return range(max(size - int(last), 0), size)
    stop = min(int(last) + 1, size) if last else size
    return None if last and int(last) < int(first) else range(int(first), max(stop, int(first)))


@dataclass
class Request:
    """What came, and how many bytes of a file were sent."""

    method: str
    path: str
    headers: Message
    sent: int


Trick = Callable[[Answer], Answer]
Service = Callable[[str], File | Answer]  # makes an answer of what stands behind the question mark


class Web:
    """The files of a server, by path, with what was asked and what it does to its next answers."""

    def __init__(self, address: str):
        self.address = address
        self.files: dict[str, File | Answer] = {}
        self.services: dict[str, Service] = {}
        self.requests: list[Request] = []
        self.tricks: dict[str, Iterator[Trick | None]] = {}
        self.stays = False  # leave the connection open behind an answer

    def will(self, *tricks: Trick | None, at: str = "") -> None:
        """Do this to the next answers, one after the other, and then behave; `at`: only where the address holds this text."""
        self.tricks[at] = iter(tricks)

    def always(self, trick: Trick | None, at: str = "") -> None:
        self.tricks[at] = repeat(trick)

    def ranges(self) -> list[str | None]:
        return [request.headers.get("Range") for request in self.requests]

    def asked(self, at: str) -> list[Request]:
        """Return the requests whose address holds a text."""
        return [request for request in self.requests if at in unquote(request.path)]

    def sent(self, at: str = "") -> int:
        """Return the number of bytes sent of files whose address holds a text."""
        return sum(request.sent for request in self.asked(at))

    def find(self, path: str) -> File | Answer:
        place, _, query = path.partition("?")
        service = self.services.get(place)
        return service(query) if service and path not in self.files else self.files.get(path, Answer(404))

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = Request(handler.command, handler.path, handler.headers, 0)
        self.requests.append(request)
        file = self.find(handler.path)
        answer = file if isinstance(file, Answer) else file.answer(handler.headers)
        for at, tricks in list(self.tricks.items()):
            trick = next(tricks, None) if at in unquote(handler.path) else None
            answer = trick(answer) if trick else answer
        body = b"" if handler.command == "HEAD" else answer.body
        whole = handler.command == "HEAD" or answer.headers.get("Content-Length") == str(len(body))
        handler.close_connection = not (self.stays and whole)
        handler.send_response(answer.status)
        for name, value in (answer.headers | ({"Connection": "close"} if handler.close_connection else {})).items():
            handler.send_header(name, value)
        handler.end_headers()
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            request.sent += len(piece)  # first, so that a client that has it all finds it counted
            handler.wfile.write(piece)
        if answer.waits:
            handler.close_connection = True
            handler.connection.settimeout(PATIENCE_S)
            handler.rfile.read(1)


@contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[Web]:
    """Give a server without files, on this machine under the name `host`; port 0 is any that is free."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.close_connection = True
            with suppress(OSError):  # the client left, or never does
                web.answer(self)

        do_HEAD = do_GET

        def log_message(self, *_):
            """Keep the output of the tests free of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    web = Web(f"http://{host}:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    with without_collection():
        yield web
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the collector of garbage from running, which may run in the thread of a server.

    Objects of h5py that it frees there wait for the lock of h5py, and a read over that server, which holds it, for the answer.
    """
    enabled = gc.isenabled()
    gc.disable()
    yield
    if enabled:
        gc.enable()


def refused(status: int, **headers: str) -> Trick:
    return lambda answer: Answer(status, {"Content-Length": "0"} | {key.replace("_", "-"): headers[key] for key in headers})


def cut(n_bytes: int) -> Trick:
    """Close the connection after so many bytes of those that were promised."""
    return lambda answer: replace(answer, body=answer.body[:n_bytes])


def stalled(n_bytes: int) -> Trick:
    """Send so many bytes, and then nothing while the client is there."""
    return lambda answer: replace(answer, body=answer.body[:n_bytes], waits=True)


def told(**headers: str | None) -> Trick:
    """Replace headers, or leave them out where None."""
    changed = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda answer: replace(
        answer, headers={key: value for key, value in (answer.headers | changed).items() if value is not None}
    )


def chunked(answer: Answer) -> Answer:
    """Send the body in two pieces, without telling its length before."""
    middle = len(answer.body) // 2
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (answer.body[:middle], answer.body[middle:], b"")]
    return replace(told(Content_Length=None, Transfer_Encoding="chunked")(answer), body=b"".join(pieces))


def wait_until(met: Callable[[], bool]) -> None:
    """Wait for what another process does, also where time.sleep is replaced."""
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end, "waited in vain"
        Event().wait(0.01)
