"""Files over HTTP arrive whole and checked, or not at all where there is no room."""

import gzip
import shutil
from collections import namedtuple

import pytest
from downloads import CONTENT, DIGEST, FIRST, arrived, begin, in_part_of, start
from web import Answer, File, chunked, cut, told

from dormouse.download import download
from dormouse.errors import InputError

pytestmark = pytest.mark.usefixtures("waits")


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
