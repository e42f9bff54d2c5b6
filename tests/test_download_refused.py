"""What a server refuses is told in one sentence, and is asked for again only if that may help."""

from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from downloads import CONTENT, arrived, start
from web import Answer, cut, refused, stalled, told

from dormouse.download import ATTEMPTS, LONGEST_WAIT_S, download
from dormouse.errors import InputError

pytestmark = pytest.mark.usefixtures("waits")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_what_is_refused_for_good_is_asked_for_once_and_leaves_nothing(web, address, path, waits, status):
    web.always(refused(status))
    with pytest.raises(InputError, match=rf"^{address}: {status} .*run again\.$"):
        download(address, path)
    assert (len(web.requests), waits, list(path.parent.iterdir())) == (1, [], [])


def test_a_refusal_behind_a_redirect_names_the_address_that_was_given(web, other_web, path):
    web.files["/link"] = Answer(302, {"Location": f"{other_web.address}/data?signed=secret", "Content-Length": "0"})
    with pytest.raises(InputError, match=rf"^{web.address}/link: 404 .*run again") as error:
        download(f"{web.address}/link", path)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_after_a_while(web, address, path, waits, status):
    web.will(refused(status), refused(status))
    download(address, path)
    assert arrived(path)
    assert waits == [1, 2]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked", "waited"), [("0", 0), ("7", 7), ("9999", LONGEST_WAIT_S), ("soon", 1)])
def test_the_wait_that_a_server_asks_for_is_kept_within_reason(web, address, path, waits, status, asked, waited):
    web.will(refused(status, Retry_After=asked))
    download(address, path)
    assert arrived(path)
    assert waits == [waited]


def test_a_wait_that_is_asked_for_by_a_date_is_no_obstacle(web, address, path, waits):
    web.will(refused(503, Retry_After=format_datetime(datetime.now(UTC), usegmt=True)))
    download(address, path)
    assert arrived(path)
    assert len(waits) == 1


def test_a_part_survives_a_server_that_is_busy(web, address, path):
    web.will(cut(2_500_000), refused(503))
    download(address, path)
    assert arrived(path)
    assert [request.sent for request in web.requests[1:]] == [0, len(CONTENT) - start(web)]


@pytest.mark.parametrize(
    ("trick", "reason"),
    [
        (refused(503), "503 Service Unavailable"),
        (refused(429, Retry_After="3"), "429 Too Many Requests"),
        (stalled(0), "timed out"),
        (cut(0), "0 bytes read"),
        (told(Content_Length="4000000"), "3000000 bytes read"),
    ],
    ids=["busy", "too many", "stalled", "closed", "shorter than told"],
)
def test_what_goes_on_for_ever_ends_in_one_error_and_no_file(web, address, path, monkeypatch, trick, reason):
    monkeypatch.setattr("dormouse.download.TIMEOUT_S", 0.1)
    web.files["/weights.pth"].ranges = False
    web.always(trick)
    with pytest.raises(InputError, match=rf"^{address}: .*{reason}.*{ATTEMPTS} times.*Check the connection and run again"):
        download(address, path)
    assert len(web.requests) == ATTEMPTS
    assert not path.exists()


def test_waits_grow(web, address, path, waits):
    web.always(refused(503))
    with pytest.raises(InputError):
        download(address, path)
    assert waits == [2**i for i in range(ATTEMPTS - 1)]


def test_a_failed_download_leaves_an_older_file_as_it_was(web, address, path):
    path.parent.mkdir()
    path.write_text("old")
    web.always(cut(500_000))  # less than it takes in all attempts
    with pytest.raises(InputError):
        download(address, path)
    assert path.read_text() == "old"


def test_a_server_that_cannot_be_reached_is_an_input_error_and_leaves_nothing(path):
    unused = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{unused.server_port}/weights.pth"
    unused.server_close()
    with pytest.raises(InputError, match=rf"^{address}: .*refused.*Check the connection and run again"):
        download(address, path)
    assert list(path.parent.iterdir()) == []
