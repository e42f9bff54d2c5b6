"""Files over HTTP arrive whole or not at all, go on where they broke off, and fail in one sentence."""

import gzip
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from web import PATIENCE_S, Answer, File, chunked, cut, refused, stalled, told, wait_until

from dormouse.download import ATTEMPTS, LONGEST_WAIT_S, download, sha256_of
from dormouse.errors import InputError
from dormouse.files import link_or_copy

CONTENT = np.random.default_rng(0).bytes(3_000_000)  # more than one chunk
CHANGED = np.random.default_rng(1).bytes(2_500_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FIRST, SECOND = '"first"', '"second"'
THEN, LATER = "Mon, 05 Jan 2026 10:00:00 GMT", "Tue, 06 Jan 2026 10:00:00 GMT"

pytestmark = pytest.mark.usefixtures("waits")


@pytest.fixture
def address(web):
    """Address of a file on the server; in `web.files` it is /weights.pth."""
    web.files["/weights.pth"] = File(CONTENT, {"ETag": FIRST})
    return f"{web.address}/weights.pth"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "weights.pth"


def arrived(path, content=CONTENT):
    """Whether the file is there, and nothing else."""
    return path.read_bytes() == content and list(path.parent.iterdir()) == [path]


def begin(web, address, path, n_bytes=2_500_000):
    """Leave the beginning of the file beside `path`, as a connection does that breaks off again and again at once."""
    web.will(cut(n_bytes), *[cut(0)] * (ATTEMPTS - 1))
    with pytest.raises(InputError):
        download(address, path)
    web.requests.clear()


def start(web):
    """Where the last request asks to go on."""
    return int(web.ranges()[-1].removeprefix("bytes=").removesuffix("-"))


def in_part_of(path):
    return path.with_name(f".{path.name}.part")


# --- what arrives


@pytest.mark.parametrize(
    "trick",
    [None, chunked, told(Content_Length=None), told(ETag=None), told(Content_Encoding="identity")],
    ids=["as usual", "in chunks", "without a length", "without a version", "encoded as itself"],
)
def test_what_is_published_arrives_byte_for_byte(web, address, path, trick):
    web.will(trick)
    download(address, path)
    assert arrived(path)
    assert len(web.requests) == 1


def test_an_empty_file_arrives(web, address, path):
    web.files["/weights.pth"].content = b""
    download(address, path)
    assert arrived(path, b"")


def test_a_server_that_can_compress_is_asked_not_to(web, address, path):
    download(address, path)
    assert web.requests[0].headers["Accept-Encoding"] == "identity"


def test_what_was_compressed_all_the_same_is_unpacked(web, address, path):
    packed, content = gzip.compress(bytes(3_000_000)), bytes(3_000_000)
    web.files["/weights.pth"] = File(packed, {"Content-Encoding": "gzip", "ETag": FIRST})
    web.will(cut(2500))
    download(address, path)
    assert arrived(path, content)


def test_a_file_that_is_there_is_replaced(address, path):
    path.parent.mkdir()
    path.write_text("old")
    download(address, path)
    assert arrived(path)


def test_a_redirect_is_followed_and_resumed(web, other_web, address, path):
    web.files["/link"] = Answer(302, {"Location": f"{other_web.address}/data", "Content-Length": "0"})
    other_web.files["/data"] = File(CONTENT, {"ETag": FIRST})
    other_web.will(cut(2_500_000))
    download(f"{web.address}/link", path)
    assert arrived(path)
    assert other_web.requests[1].sent == len(CONTENT) - start(other_web)


def test_credentials_go_to_the_host_they_are_for_and_to_no_other(web, other_web, path):
    web.files["/link"] = Answer(302, {"Location": f"{other_web.address}/data", "Content-Length": "0"})
    other_web.files["/data"] = File(CONTENT)
    download(f"{web.address}/link", path, headers={"Authorization": "Bearer secret"})
    assert web.requests[0].headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in other_web.requests[0].headers


# --- what breaks off


@pytest.mark.parametrize("trouble", [cut(2_500_000), stalled(2_500_000)], ids=["closed", "stalled"])
@pytest.mark.parametrize(
    ("version", "condition"),
    [
        ({"ETag": FIRST}, FIRST),
        ({"ETag": FIRST, "Last-Modified": THEN}, FIRST),
        ({"Last-Modified": THEN}, THEN),
        ({"ETag": 'W/"weak"', "Last-Modified": THEN}, THEN),
    ],
    ids=["tag", "tag and date", "date", "weak tag and date"],
)
def test_what_breaks_off_goes_on_in_the_same_call(web, address, path, monkeypatch, version, condition, trouble):
    monkeypatch.setattr("dormouse.download.TIMEOUT_S", 0.2)
    web.files["/weights.pth"].headers = version
    web.will(trouble)
    download(address, path)
    assert arrived(path)
    assert web.requests[1].headers["If-Range"] == condition
    assert web.requests[1].sent == len(CONTENT) - start(web)
    assert 0 < start(web) <= 2_500_000


def test_a_server_that_falls_silent_is_left_after_a_while(web, address, path, monkeypatch):
    monkeypatch.setattr("dormouse.download.TIMEOUT_S", 0.2)
    web.will(stalled(1000))
    before = time.monotonic()
    download(address, path)
    assert arrived(path)
    assert time.monotonic() - before < PATIENCE_S / 2


def test_a_connection_that_breaks_off_before_every_megabyte_gets_there(web, address, path):
    web.always(cut(900_000))
    download(address, path)
    assert arrived(path)


@pytest.mark.parametrize("version", [{}, {"ETag": 'W/"weak"'}], ids=["none", "weak tag"])
def test_a_file_whose_version_is_not_told_starts_again(web, address, path, version):
    web.files["/weights.pth"].headers = version
    web.will(cut(2_500_000))
    download(address, path)
    assert arrived(path)
    assert (web.ranges(), web.requests[1].sent) == ([None, None], len(CONTENT))


def test_a_process_that_was_killed_goes_on_in_the_next(web, address, path):
    web.will(stalled(2_500_000))
    call = "import sys; from dormouse.download import download; download(*sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", call, address, path], stderr=subprocess.DEVNULL)
    wait_until(lambda: in_part_of(path).exists() and in_part_of(path).stat().st_size >= 1_000_000)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not path.exists()
    download(address, path, DIGEST)
    assert arrived(path)
    assert start(web) >= 1_000_000
    assert web.requests[1].sent == len(CONTENT) - start(web)


def test_a_process_that_is_killed_before_the_first_byte_does_not_mix_two_versions(web, address, path):
    begin(web, address, path)
    web.files["/weights.pth"] = File(CHANGED, {"ETag": SECOND})
    call = (
        "import os, signal, sys, dormouse.download as module\n"
        "module._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "module.download(*sys.argv[1:])"
    )
    assert subprocess.run([sys.executable, "-c", call, address, path]).returncode == -signal.SIGKILL
    download(address, path)
    assert arrived(path, CHANGED)


def test_a_call_that_gave_up_keeps_what_arrived_for_the_next(web, address, path):
    begin(web, address, path)
    assert not path.exists()
    download(address, path)
    assert arrived(path)
    assert web.requests[0].sent == len(CONTENT) - start(web)


@pytest.mark.parametrize("length", [len(CHANGED), len(CONTENT), 1000])
@pytest.mark.parametrize("version", [{"ETag": SECOND}, {"Last-Modified": LATER}, {}], ids=["tag", "date", "none"])
def test_a_file_that_changed_meanwhile_is_fetched_as_a_whole(web, address, path, version, length):
    begin(web, address, path)
    content = (CHANGED + CHANGED)[:length]
    web.files["/weights.pth"] = File(content, version)
    download(address, path)
    assert arrived(path, content)
    assert [request.sent for request in web.requests] == [length]


@pytest.mark.parametrize("length", [len(CHANGED), len(CONTENT), 1000])
def test_versions_are_not_mixed_by_a_server_that_goes_on_whatever_the_condition(web, address, path, length):
    begin(web, address, path)
    content = (CHANGED + CHANGED)[:length]
    web.files["/weights.pth"] = File(content, {"ETag": SECOND}, conditions=False)
    download(address, path)
    assert arrived(path, content)


def test_what_is_asked_for_does_not_outlive_an_attempt(web, address, path):
    begin(web, address, path)
    web.files["/weights.pth"] = File(CHANGED, {"ETag": SECOND})
    web.will(cut(0))
    download(address, path)
    assert arrived(path, CHANGED)
    assert web.ranges()[1] is None
    assert "If-Range" not in web.requests[1].headers


def test_a_server_that_sends_all_where_the_rest_was_asked_for_is_understood(web, address, path):
    web.files["/weights.pth"].ranges = False
    web.will(cut(2_500_000))
    download(address, path)
    assert arrived(path)
    assert web.requests[1].headers["Range"] is not None
    assert web.requests[1].sent == len(CONTENT)


def another_part(answer):
    """Send from byte 10 on, whatever was asked for."""
    place = f"bytes 10-{len(CONTENT) - 1}/{len(CONTENT)}"
    return Answer(206, answer.headers | {"Content-Range": place, "Content-Length": str(len(CONTENT) - 10)}, CONTENT[10:])


def less_than_asked_for(answer):
    """Send 1000 bytes of the rest, as RFC 9110 allows."""
    first, total = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers["Content-Range"]).groups()
    place = f"bytes {first}-{int(first) + 999}/{total}"
    return Answer(206, answer.headers | {"Content-Range": place, "Content-Length": "1000"}, answer.body[:1000])


@pytest.mark.parametrize(
    "trick",
    [another_part, told(Content_Range=None), told(Content_Range="pages 1-2/3"), less_than_asked_for],
    ids=["another part", "no place", "no bytes", "less than asked for"],
)
def test_an_answer_that_is_not_the_rest_is_not_taken_for_it(web, address, path, trick):
    begin(web, address, path)
    web.will(trick)
    download(address, path)
    assert arrived(path)


def test_a_part_without_having_asked_for_one_is_not_taken_for_the_file(web, address, path):
    web.will(another_part)
    download(address, path)
    assert arrived(path)


def complete(web, address, path):
    """Leave the whole file beside `path`, as a process does that is killed before it gives the file its name."""
    begin(web, address, path)
    in_part_of(path).write_bytes(CONTENT)


def test_a_file_that_had_arrived_whole_is_not_sent_again(web, address, path):
    complete(web, address, path)
    download(address, path, DIGEST)
    assert arrived(path)
    assert [request.sent for request in web.requests] == [0]


@pytest.mark.parametrize("place", [None, "bytes */17", "bytes */*"], ids=["none", "another", "unknown"])
def test_a_refusal_of_the_rest_for_another_reason_starts_again(web, address, path, place):
    complete(web, address, path)
    web.will(told(Content_Range=place))
    download(address, path)
    assert arrived(path)


def test_the_rest_need_not_tell_its_version_again(web, address, path):
    begin(web, address, path)
    web.will(told(ETag=None))
    download(address, path)
    assert arrived(path)
    assert [request.sent for request in web.requests] == [len(CONTENT) - start(web)]


def test_the_part_of_another_address_is_not_continued(web, address, path):
    begin(web, address, path)
    web.files["/other.pth"] = File(CHANGED, {"ETag": FIRST})
    download(f"{web.address}/other.pth", path)
    assert arrived(path, CHANGED)
    assert web.ranges() == [None]


@pytest.mark.parametrize("text", ["", '{"address": "htt', "[]", "{}"], ids=["empty", "half", "a list", "without keys"])
def test_damaged_notes_on_a_part_start_it_again(web, address, path, text):
    begin(web, address, path)
    in_part_of(path).with_name(f".{path.name}.part.json").write_text(text)
    download(address, path)
    assert arrived(path)


# --- what is checked


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:8], DIGEST.upper()], ids=["whole", "first digits", "upper case"])
def test_a_digest_that_fits_is_accepted(address, path, digest):
    download(address, path, digest)
    assert arrived(path)


@pytest.mark.parametrize("digest", ["0" * 64, "0" * 8, DIGEST[:-1] + "x"], ids=["whole", "first digits", "last digit"])
def test_a_file_of_another_digest_is_refused_and_nothing_of_it_is_left(address, path, digest):
    with pytest.raises(InputError, match=rf"{address}: .*SHA-256 {DIGEST}, expected {digest}\..* run again"):
        download(address, path, digest)
    assert list(path.parent.iterdir()) == []


def test_a_part_that_was_spoiled_is_found_by_the_digest(web, address, path):
    begin(web, address, path)
    with open(in_part_of(path), "r+b") as file:
        file.write(b"spoiled")
    with pytest.raises(InputError, match=rf"{address}: .*expected {DIGEST}"):
        download(address, path, DIGEST)
    download(address, path, DIGEST)
    assert arrived(path)


# --- what is refused


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


# --- disks


def test_a_file_for_which_there_is_no_room_is_not_begun(address, path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "free")(2_999_999))
    with pytest.raises(InputError, match=rf"^{path}: .*3000000 bytes to come, 2999999 free.* Make room and run again"):
        download(address, path)
    assert list(path.parent.iterdir()) == []


def test_only_the_rest_needs_room(web, address, path, monkeypatch):
    begin(web, address, path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "free")(2_000_000))
    download(address, path)
    assert arrived(path)


@pytest.mark.parametrize("trick", [None, chunked], ids=["length told", "length not told"])
def test_a_disk_that_is_full_is_named_and_left_as_it_was(web, address, small_disk, trick):
    path = small_disk / "weights.pth"
    web.always(trick)
    with pytest.raises(InputError, match=rf"^{path}: cannot be written .*Make room and run again"):
        download(address, path)
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_filled_up_meanwhile_is_named_and_left_as_it_was(address, small_disk, monkeypatch):
    path = small_disk / "weights.pth"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "free")(10**9))
    with pytest.raises(InputError, match=rf"^{path}: .*No space left.*Make room and run again"):
        download(address, path)
    assert list(small_disk.iterdir()) == []


def test_a_file_gets_a_second_name(tmp_path):
    (tmp_path / "cached").write_bytes(CONTENT)
    (tmp_path / "link").symlink_to(tmp_path / "cached")
    link_or_copy(tmp_path / "link", tmp_path / "deep" / "weights.pth")
    assert arrived(tmp_path / "deep" / "weights.pth")
    assert os.path.samefile(tmp_path / "cached", tmp_path / "deep" / "weights.pth")
    assert not (tmp_path / "deep" / "weights.pth").is_symlink()


def test_a_second_name_replaces_an_older_file(tmp_path):
    (tmp_path / "cached").write_bytes(CONTENT)
    for _ in range(2):  # the second time it is the same file already
        link_or_copy(tmp_path / "cached", tmp_path / "weights.pth")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["cached", "weights.pth"]
    assert sha256_of(tmp_path / "weights.pth") == DIGEST


def test_a_file_of_another_disk_is_copied(tmp_path, small_disk):
    (tmp_path / "cached").write_bytes(CONTENT[:1000])
    link_or_copy(tmp_path / "cached", small_disk / "weights.pth")
    assert arrived(small_disk / "weights.pth", CONTENT[:1000])


def test_a_copy_that_does_not_fit_leaves_nothing(tmp_path, small_disk):
    (tmp_path / "cached").write_bytes(CONTENT)
    with pytest.raises(InputError, match=rf"{small_disk / 'weights.pth'}: .*Make room and run again"):
        link_or_copy(tmp_path / "cached", small_disk / "weights.pth")
    assert list(small_disk.iterdir()) == []
