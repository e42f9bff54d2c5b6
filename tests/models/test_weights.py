"""Published weights are found on this machine or on a server, fetched whole, and checked; the servers are this test's."""

import os
import re
import signal

import huggingface_hub as hub
import pytest
from huggingface_hub.utils import _shared_blobs
from web import Answer, File, cut, refused, stalled, told, wait_until
from weight_sources import AT_HUB, CHANGED, CONTENT, DIGEST, arrived, process, start, tag_of

from dormouse.errors import InputError
from dormouse.models.weights import fetch_weights

pytestmark = pytest.mark.usefixtures("waits", "machine")


# --- the first time


def test_weights_arrive_whole_and_alone(source, path):
    source.fetch(path)
    assert arrived(path)
    assert [request.method for request in source.store.requests] == ["GET"]


def test_a_small_file_that_the_hub_sends_itself_arrives(at_hub, path):
    """It is kept in git, whose tags are no SHA-256, and sent from another path of the hub."""
    version = {"ETag": f'"{"a" * 40}"', "X-Repo-Commit": "5" * 40}
    at_hub.web.files[AT_HUB] = Answer(307, {"Location": "/api/resolve-cache/file", "Content-Length": "0"} | version)
    at_hub.web.files["/api/resolve-cache/file"] = File(b"small", version)
    at_hub.fetch(path)
    assert arrived(path, b"small")


def test_a_repository_that_was_renamed_is_followed(at_hub, path):
    at_hub.web.files["/old/name/resolve/main/model.safetensors"] = Answer(307, {"Location": AT_HUB, "Content-Length": "0"})
    fetch_weights("hf-hub:old/name", "", path)
    assert arrived(path)


def test_weights_without_a_known_digest_arrive(at_address, path):
    fetch_weights(at_address.address, "", path)
    assert arrived(path)


# --- what this machine has already


def test_weights_that_this_machine_has_are_not_fetched(source, path):
    cached = source.cache()
    source.fetch(path)
    assert arrived(path)
    assert os.path.samefile(cached, path)
    assert source.web.requests == source.store.requests == []


def test_weights_that_this_machine_has_need_no_network(source, path, offline):
    source.cache()
    offline()
    source.fetch(path)
    assert arrived(path)


def test_weights_are_copied_from_a_cache_on_another_disk(source, small_disk):
    source.publish(CONTENT[:1000])
    source.cache()
    source.fetch(small_disk / "name.pth")
    assert arrived(small_disk / "name.pth", CONTENT[:1000])


def test_a_cache_that_does_not_fit_on_the_disk_is_one_error_and_leaves_nothing(source, small_disk):
    source.cache()
    with pytest.raises(InputError, match=rf"{small_disk / 'name.pth'}: .*Make room and run again"):
        source.fetch(small_disk / "name.pth")
    assert list(small_disk.iterdir()) == []


def test_the_cache_of_files_that_repositories_share_is_used(at_hub, path):
    """The client keeps what came by Xet under its Xet hash, which looks like a SHA-256 and is none."""
    blob = at_hub.cache().resolve()
    assert _shared_blobs.publish_blob_to_shared_store(
        blob_path=blob, xet_hash="e" * 64, cache_dir=hub.constants.HF_HUB_CACHE, expected_size=len(CONTENT)
    )
    at_hub.fetch(path)
    assert arrived(path)


def test_a_damaged_file_in_the_cache_of_the_hub_is_named(at_hub, path):
    cached = at_hub.cache()
    cached.write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match=rf"{cached}: damaged.* {DIGEST}\. Remove it from the cache and run again"):
        at_hub.fetch(path)
    assert not path.exists()


def test_a_file_of_another_digest_in_the_cache_of_torch_is_not_used(at_address, path):
    at_address.cache().write_bytes(CHANGED)
    at_address.fetch(path)
    assert arrived(path)
    assert len(at_address.web.requests) == 1


def test_a_file_in_the_cache_of_torch_is_not_used_where_no_digest_tells_that_it_is_the_same(at_address, path):
    at_address.cache()
    fetch_weights(at_address.address, "", path)
    assert len(at_address.web.requests) == 1


def test_digits_of_a_digest_may_be_upper_case(source, path):
    source.cache()
    fetch_weights(source.address, DIGEST.upper(), path)
    assert arrived(path)
    assert source.web.requests == []


# --- offline


def test_weights_that_are_not_here_are_not_asked_for_offline(source, path, offline):
    offline()
    with pytest.raises(InputError, match=rf"^{re.escape(source.url)}: .*HF_HUB_OFFLINE is set\. Put the file at {path}, or"):
        source.fetch(path)
    assert source.web.requests == []
    assert not path.exists()


def test_the_environment_says_where_the_hub_and_its_cache_are_and_whether_to_ask(at_hub, path):
    at_hub.cache()
    ended = process(path, at_hub.address, "hf-hub:owner/absent", HF_HUB_OFFLINE="1")
    assert f"InputError: {at_hub.web.address}/owner/absent/resolve/main/model.safetensors: not" in ended.communicate()[1]
    assert arrived(path)
    assert at_hub.web.requests == []


# --- what breaks off


def test_a_connection_that_breaks_off_goes_on_in_the_same_call(source, path):
    source.store.will(cut(2_000_000))
    source.fetch(path)
    assert arrived(path)
    assert source.store.requests[-1].sent == len(CONTENT) - start(source.store)
    assert source.store.requests[-1].headers["If-Range"] == tag_of(CONTENT)
    assert 0 < start(source.store) <= 2_000_000


@pytest.mark.parametrize(
    "tricks",
    [
        [stalled(2_000_000)],
        [told(ETag=None, Content_Length="4000000")],
        [cut(2_000_000), told(Content_Range="bytes 7-8/9")],
        [cut(2_000_000), told(Content_Range=None)],
        [cut(2_000_000), refused(416)],
        [cut(2_000_000), refused(503), cut(0), refused(429)],
    ],
    ids=["stalled", "shorter than told", "another part", "no place", "no range", "busy"],
)
def test_trouble_on_the_way_ends_in_the_right_bytes(source, path, monkeypatch, tricks):
    monkeypatch.setattr("dormouse.download.TIMEOUT_S", 0.2)
    source.store.will(*tricks)
    source.fetch(path)
    assert arrived(path)


@pytest.mark.parametrize("file", [{"ranges": False}, {"headers": {}}, {"headers": {"ETag": 'W/"weak"'}}])
def test_a_store_that_cannot_go_on_sends_all_again(source, path, file):
    vars(source.file).update(file)
    source.store.will(cut(2_000_000))
    source.fetch(path)
    assert arrived(path)
    assert source.store.requests[-1].sent == len(CONTENT)


def test_a_process_that_was_killed_goes_on_in_the_next(at_hub, path):
    at_hub.store.will(stalled(2_000_000))
    killed, part = process(path, at_hub.address), path.with_name(f".{path.name}.part")
    wait_until(lambda: part.exists() and part.stat().st_size >= 1_000_000)
    killed.kill()
    killed.communicate()
    assert (killed.returncode, path.exists()) == (-signal.SIGKILL, False)
    at_hub.fetch(path)
    assert arrived(path)
    assert at_hub.store.requests[-1].sent == len(CONTENT) - start(at_hub.store)
    assert start(at_hub.store) >= 1_000_000


def test_weights_that_changed_meanwhile_are_fetched_as_a_whole(source, path):
    source.store.always(cut(400_000))
    with pytest.raises(InputError, match="run again; what has arrived is kept"):
        source.fetch(path)
    source.store.will()
    source.store.requests.clear()
    source.publish(CHANGED)
    source.fetch(path)
    assert arrived(path, CHANGED)
    assert [request.sent for request in source.store.requests] == [len(CHANGED)]
