"""A download goes on where it broke off, and never mixes two versions of a file."""

import re
import signal
import subprocess
import sys
import time

import pytest
from downloads import CHANGED, CONTENT, DIGEST, FIRST, LATER, SECOND, THEN, arrived, begin, in_part_of, start
from web import PATIENCE_S, Answer, File, cut, stalled, told, wait_until

from dormouse.download import download

pytestmark = pytest.mark.usefixtures("waits")


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
