"""A server on this machine that keeps to RFC 9110, notes what it is asked, and misbehaves where it is told to."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from threading import Event, Thread

PATIENCE_S = 20


@dataclass
class Answer:
    """What is sent: headers say how long the body is; where it `waits`, the client is to close the connection."""

    status: int
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Length": "0"})
    body: bytes = b""
    waits: bool = False


@dataclass
class File:
    """What is published; `ranges` and `conditions` tell whether Range and If-Range are heeded."""

    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    conditions: bool = True

    def answer(self, asked: Message) -> Answer:
        start = int(re.fullmatch(r"bytes=(\d+)-", asked.get("Range", "bytes=0-"))[1])
        strong = [value for value in self.headers.values() if not value.startswith("W/")]
        same = not self.conditions or asked.get("If-Range") in [None, *strong]
        if not start or not same or not self.ranges:
            return Answer(200, self.headers | {"Content-Length": str(len(self.content))}, self.content)
        if start >= len(self.content):
            return Answer(416, {"Content-Range": f"bytes */{len(self.content)}", "Content-Length": "0"})
        rest = self.content[start:]
        place = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        return Answer(206, self.headers | {"Content-Range": place, "Content-Length": str(len(rest))}, rest)


@dataclass
class Request:
    """What came, and how many bytes of a file were sent."""

    method: str
    path: str
    headers: Message
    sent: int


Trick = Callable[[Answer], Answer]


class Web:
    """The files of a server, by path, with what was asked and what it does to its next answers."""

    def __init__(self, address: str):
        self.address = address
        self.files: dict[str, File | Answer] = {}
        self.requests: list[Request] = []
        self.tricks: Iterator[Trick | None] = iter(())

    def will(self, *tricks: Trick | None) -> None:
        """Do this to the next answers, one after the other, and then behave."""
        self.tricks = iter(tricks)

    def always(self, trick: Trick) -> None:
        self.tricks = repeat(trick)

    def ranges(self) -> list[str | None]:
        return [request.headers.get("Range") for request in self.requests]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        file = self.files.get(handler.path, Answer(404))
        answer = file if isinstance(file, Answer) else file.answer(handler.headers)
        trick = next(self.tricks, None)
        answer = trick(answer) if trick else answer
        body = b"" if handler.command == "HEAD" else answer.body
        self.requests.append(Request(handler.command, handler.path, handler.headers, len(body)))
        handler.send_response(answer.status)
        for name, value in (answer.headers | {"Connection": "close"}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        if answer.waits:
            handler.connection.settimeout(PATIENCE_S)
            handler.rfile.read(1)


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Web]:
    """Give a server without files, on this machine under the name `host`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            with suppress(OSError):  # the client left, or never does
                web.answer(self)
            self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_):
            """Keep the output of the tests free of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web = Web(f"http://{host}:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield web
    server.shutdown()
    thread.join()
    server.server_close()


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
