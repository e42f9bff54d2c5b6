"""Weights that are not what they should be, servers that refuse or fail, and where credentials go."""

import huggingface_hub as hub
import pytest
from web import refused
from weight_sources import AT_HUB, CONTENT, DIGEST, arrived

from dormouse.errors import InputError
from dormouse.models.weights import fetch_weights

TOKEN = "hf_secret"

pytestmark = pytest.mark.usefixtures("waits", "machine")


# --- what is wrong


@pytest.mark.parametrize("digest", ["0" * 64, "0" * 8], ids=["whole", "first digits"])
def test_weights_of_another_digest_are_refused_and_nothing_of_them_is_left(source, path, digest):
    source.sha256 = digest
    with pytest.raises(InputError, match=rf"^{source.url}: .*SHA-256 {DIGEST}, expected {digest}\..*run again"):
        source.fetch(path)
    assert list(path.parent.iterdir()) == []


def test_weights_that_are_not_what_the_hub_tells_are_refused(at_hub, path):
    at_hub.publish(CONTENT, digest="0" * 64)
    with pytest.raises(InputError, match=rf"^{at_hub.url}: .*SHA-256 {DIGEST}, expected {'0' * 64}\."):
        at_hub.fetch(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_weights_that_are_refused_are_asked_for_once(source, path, waits, status):
    source.web.always(refused(status))
    with pytest.raises(InputError, match=rf"(?s)^{source.url}: .*{status}.*Check the "):
        source.fetch(path)
    assert (len(source.web.requests), waits, path.exists()) == (1, [], False)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "RepoNotFound"), (404, "EntryNotFound"), (401, "GatedRepo"), (403, "GatedRepo")]
)
def test_what_the_hub_refuses_is_told_with_what_may_help(at_hub, path, status, code):
    at_hub.web.always(refused(status, X_Error_Code=code, X_Error_Message="Please log in."))
    with pytest.raises(
        InputError, match=rf"(?s)^{at_hub.url}: .*{status}.*Check the name, and your token .*HF_TOKEN"
    ) as error:
        at_hub.fetch(path)
    assert "\n" not in str(error.value)


def test_a_store_that_refuses_what_the_hub_promised_is_told_by_the_address_at_the_hub(at_hub, path):
    at_hub.store.always(refused(403))
    with pytest.raises(InputError, match=rf"^{at_hub.url}: 403 Forbidden"):
        at_hub.fetch(path)
    assert not path.exists()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("which", ["web", "store"])
def test_the_wait_that_a_server_asks_for_is_kept(source, path, waits, which, status):
    getattr(source, which).will(refused(status, Retry_After="7"))
    source.fetch(path)
    assert arrived(path)
    assert len(waits) == 1
    assert 7 <= waits[0] <= 8


@pytest.mark.parametrize("which", ["web", "store"])
def test_a_server_that_is_busy_for_ever_is_one_error(source, path, which):
    getattr(source, which).always(refused(503))
    with pytest.raises(InputError, match=rf"(?s)^{source.url}: .*503.*Check the connection and run again"):
        source.fetch(path)
    assert not path.exists()


def test_a_server_that_cannot_be_reached_is_one_error(source, path, monkeypatch):
    nobody = "http://127.0.0.1:9"
    monkeypatch.setattr(hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{nobody}{AT_HUB}")
    source.address = source.address.replace(source.web.address, nobody)
    with pytest.raises(InputError, match=rf"^{nobody}/.*: .*refused.*Check the connection and run again"):
        source.fetch(path)
    assert not path.exists()


def test_a_disk_without_room_is_one_error_and_is_left_as_it_was(source, small_disk):
    with pytest.raises(InputError, match=rf"^{small_disk / 'name.pth'}: .*Make room and run again"):
        source.fetch(small_disk / "name.pth")
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("name", ["owner/name/more", "-name", "owner/na me", ""])
def test_a_name_that_no_repository_can_have_is_an_input_error(path, name):
    with pytest.raises(InputError, match=rf"^hf-hub:{name}: "):
        fetch_weights(f"hf-hub:{name}", "", path)


# --- credentials


def test_the_token_goes_to_the_hub_and_to_no_other_host(at_hub, path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    at_hub.fetch(path)
    assert arrived(path)
    assert [request.headers["Authorization"] for request in at_hub.web.requests] == [f"Bearer {TOKEN}"] * 2
    assert all(TOKEN not in str(request.headers) for request in at_hub.store.requests)


def test_the_token_does_not_go_to_an_address(at_address, path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    at_address.fetch(path)
    assert all(TOKEN not in str(request.headers) for request in at_address.web.requests)


def test_the_token_is_in_no_message(at_hub, path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    at_hub.store.always(refused(403))
    with pytest.raises(InputError) as error:
        at_hub.fetch(path)
    assert TOKEN not in str(error.value)
