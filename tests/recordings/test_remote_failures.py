"""Failures while a file is read over the network: those that pass, and those that end in one clear error."""

import re
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from remote_file import CONTENT, FIRST, PLACE, SECOND, arrays_of, read
from web import Answer, File, chunked, cut, refused, stalled, told

from dormouse.download import ATTEMPTS
from dormouse.errors import InputError
from dormouse.recordings import remote
from dormouse.recordings.remote import BLOCK_BYTES, LARGE_BYTES, RemoteFile

pytestmark = [pytest.mark.allen, pytest.mark.usefixtures("waits")]


def longer(answer):
    """Send a byte more than was asked for, and say so."""
    return replace(answer, headers=answer.headers | {"Content-Length": str(len(answer.body) + 1)}, body=answer.body + b"x")


def longer_than_told(answer):
    """Send more than is announced."""
    return replace(answer, body=answer.body + b"more")


def less(answer):
    """Send less than was asked for, as RFC 9110 allows, where it is a part at all."""
    first = re.match(r"bytes (\d+)-", answer.headers["Content-Range"])[1]
    place = f"bytes {first}-{int(first) + 999}/{len(CONTENT)}"
    return Answer(206, answer.headers | {"Content-Range": place, "Content-Length": "1000"}, answer.body[:1000])


def beside(answer):
    """Send as many bytes from the next place on."""
    first, rest = re.match(r"bytes (\d+)(-.*)", answer.headers["Content-Range"]).groups()
    headers = answer.headers | {"Content-Range": f"bytes {int(first) + 1}{rest}"}
    return replace(answer, headers=headers, body=answer.body[1:] + b"x")


PASSING = {
    "500": refused(500),
    "503": refused(503),
    "503, wait": refused(503, Retry_After="7"),
    "429": refused(429),
    "closed at once": cut(0),
    "closed in the middle": cut(30_000),
    "stalled": stalled(30_000),
    "in chunks": chunked,
    "length not told": told(Content_Length=None),
    "length not told, closed": lambda answer: told(Content_Length=None)(cut(30_000)(answer)),
    "longer": longer,
    "longer than told": longer_than_told,
    "length too small": told(Content_Length="1000"),
    "length too large": lambda answer: told(Content_Length=str(len(answer.body) + 1000))(answer),
    "another place": told(Content_Range=f"bytes 5-65540/{len(CONTENT)}"),
    "the next place": beside,
    "less": less,
}


@pytest.mark.parametrize("stays", [False, True], ids=["closed", "left open"])
@pytest.mark.parametrize("trick", PASSING.values(), ids=PASSING)
def test_what_goes_wrong_once_ends_in_the_right_bytes(web, address, monkeypatch, trick, stays):
    monkeypatch.setattr(remote, "TIMEOUT_S", 0.3)
    web.stays = stays
    web.will(trick)
    with RemoteFile(address) as file:
        assert read(file, 10, 10) == CONTENT[10:20]
        for start, stop in ((2_000_000, 4_000_000), (4_300_000, 4_400_000)):  # one large read, one in blocks
            web.will(trick)
            assert read(file, start, stop - start) == CONTENT[start:stop]
        assert read(file, 0, -1) == CONTENT


def test_the_wait_that_a_server_asks_for_is_kept(web, address, waits):
    web.will(refused(503, Retry_After="7"), refused(500))
    RemoteFile(address).close()
    assert waits == [7, 2]


def test_a_recording_is_read_right_while_every_other_answer_fails(web, recording, monkeypatch):
    monkeypatch.setattr(remote, "TIMEOUT_S", 0.3)
    web.files[PLACE] = File(recording, FIRST)
    web.will(
        *[trick for pair in zip([refused(503), cut(0), cut(1000), longer] * 9, [None] * 36, strict=True) for trick in pair]
    )
    with RemoteFile(web.address + PLACE) as file:
        ours, expected = arrays_of(file), arrays_of(recording)
    for name, array in expected.items():
        np.testing.assert_array_equal(ours[name], array)


def whole(answer):
    """Ignore that a part was asked for."""
    return Answer(200, FIRST | {"Content-Length": str(len(CONTENT))}, CONTENT)


LASTING = {  # what the server does, how often it is asked, what the error says
    "404": (refused(404), 1, "404 Not Found"),
    "403": (refused(403), 1, "403 Forbidden"),
    "416": (refused(416), 1, "416"),
    "503": (refused(503), ATTEMPTS, f"503 Service Unavailable, {ATTEMPTS} times"),
    "closed": (cut(1000), ATTEMPTS, f"{ATTEMPTS} times"),
    "stalled": (stalled(1000), ATTEMPTS, f"timed out.*{ATTEMPTS} times"),
    "shorter": (lambda answer: longer(cut(1000)(answer)), ATTEMPTS, f"only 1001 of .* bytes arrived, {ATTEMPTS} times"),
    "whole": (whole, 1, "whole files.*allen.keep"),
    "another place": (told(Content_Range=f"bytes 5-65540/{len(CONTENT)}"), ATTEMPTS, f"bytes 5-65540.*{ATTEMPTS} times"),
}


@pytest.mark.parametrize(("trick", "n_requests", "said"), LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("when", ["opened", "a small read", "a large read"])
def test_what_goes_wrong_for_good_ends_in_one_error(web, address, monkeypatch, when, trick, n_requests, said):
    monkeypatch.setattr(remote, "TIMEOUT_S", 0.1)
    file = None if when == "opened" else RemoteFile(address)
    web.requests.clear()
    web.always(trick)
    with pytest.raises(InputError, match=rf"^{address}: .*{said}.*[Rr]un again|allen\.keep"):
        _ = (
            RemoteFile(address)
            if file is None
            else read(file, 2_000_000, {"a small read": 10, "a large read": LARGE_BYTES}[when])
        )
    assert len(web.requests) == n_requests
    if file:  # and goes on where the server does
        web.always(None)
        assert read(file, 2_000_000, 10) == CONTENT[2_000_000:2_000_010]


@pytest.mark.parametrize("place", [None, "", "pages 1-2", f"bytes 0-{BLOCK_BYTES - 1}/*"])
@pytest.mark.parametrize("version", [FIRST, {}], ids=["version told", "not told"])
def test_a_server_that_does_not_tell_which_part_it_sends_is_one_error(web, address, place, version):
    web.files[PLACE].headers = version
    web.always(told(Content_Range=place))
    with pytest.raises(InputError, match=rf"^{address}: .* bytes 0-{BLOCK_BYTES - 1}, {ATTEMPTS} times"):
        RemoteFile(address)


@pytest.mark.parametrize("place", [None, f"bytes 5-65540/{len(CONTENT)}", "bytes 5-65540/99"])
def test_an_answer_that_is_not_what_was_asked_for_says_nothing_of_the_file(web, address, place):
    web.will(told(Content_Range=place, ETag='"other"'))
    with RemoteFile(address) as file:
        assert read(file, 0, -1) == CONTENT


def test_an_empty_file_is_one_error(web, address):
    web.files[PLACE].content = b""
    with pytest.raises(InputError, match=rf"^{address}: "):
        RemoteFile(address)


def test_a_server_that_cannot_be_reached_is_one_error():
    unused = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{unused.server_port}{PLACE}"
    unused.server_close()
    with pytest.raises(InputError, match=rf"^{address}: .*refused.*Check the connection and run again"):
        RemoteFile(address)


@pytest.mark.parametrize(
    ("content", "version"),
    [(CONTENT[::-1], SECOND), (CONTENT[1:], FIRST), (CONTENT[1:], SECOND), (CONTENT[::-1], {})],
    ids=["version", "size", "both", "version not told any more"],
)
@pytest.mark.parametrize("n_bytes", [10, LARGE_BYTES])
def test_versions_of_a_file_are_not_mixed(web, address, content, version, n_bytes):
    with RemoteFile(address) as file:
        web.files[PLACE] = File(content, version)
        with pytest.raises(InputError, match=rf"^{address}: the file changed on the server.*Run again"):
            read(file, 2_000_000, n_bytes)


def test_a_file_that_changed_between_two_attempts_is_not_mixed(web, address):
    with RemoteFile(address) as file:

        def change(answer):
            web.files[PLACE] = File(CONTENT[::-1], SECOND)
            return cut(1000)(answer)

        web.will(change)
        with pytest.raises(InputError, match="changed on the server"):
            read(file, 2_000_000, LARGE_BYTES)
