"""Published weights are found on this machine or on a server, fetched whole, and checked; the servers are this test's."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import huggingface_hub as hub
import numpy as np
import pytest
from huggingface_hub.utils import _shared_blobs, close_session
from web import Answer, File, Web, cut, refused, stalled, told, wait_until

from dormouse.errors import InputError
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.weights import fetch_weights, resolve

CONTENT = np.random.default_rng(0).bytes(2_500_000)  # more than one chunk
CHANGED = np.random.default_rng(1).bytes(2_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TOKEN = "hf_secret"
AT_HUB = "/owner/name/resolve/main/model.safetensors"

pytestmark = pytest.mark.usefixtures("waits", "machine")


@pytest.fixture
def machine(monkeypatch, tmp_path, web):
    """Give a machine without caches, credentials and offline mode, whose hub is `web`."""
    home = tmp_path / "hub"
    variables = {
        "HF_ENDPOINT": web.address,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "TORCH_HOME": str(tmp_path / "torch"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    home.mkdir()  # the client asks the hub for this file once a day
    (home / ".agent_harnesses.json").write_text('{"standardEnvVars": [], "harnesses": {}}')
    monkeypatch.setattr(hub.constants, "AGENT_HARNESSES_PATH", str(home / ".agent_harnesses.json"))
    # what the client made of the environment when it was imported
    template = f"{web.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(hub.constants, "ENDPOINT", web.address)
    monkeypatch.setattr(hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(hub.constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    yield
    close_session()


@pytest.fixture
def offline(monkeypatch):
    """Give a function that cuts this machine off."""
    return lambda: monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)


class Source:
    """A file of weights behind an address, as in the table, and its URL: `web` is asked, `store` sends the bytes of `file`."""

    def __init__(self, web: Web, store: Web, address: str, sha256: str, url: str):
        self.web, self.store, self.address, self.sha256, self.url = web, store, address, sha256, url

    def fetch(self, path: Path):
        fetch_weights(self.address, self.sha256, path)


class Plain(Source):
    """An address, with the digest that the table has."""

    def __init__(self, web: Web, _: Web):
        url = f"{web.address}/weights-{DIGEST[:8]}.pth"
        super().__init__(web, web, url, DIGEST[:8], url)
        self.publish(CONTENT)

    def publish(self, content: bytes):
        self.file = self.web.files[f"/weights-{DIGEST[:8]}.pth"] = File(content, {"ETag": tag_of(content)})
        self.sha256 = hashlib.sha256(content).hexdigest()

    def cache(self):
        """Put the file where torch.hub keeps it."""
        cached = Path(os.environ["TORCH_HOME"]) / "hub" / "checkpoints" / f"weights-{DIGEST[:8]}.pth"
        cached.parent.mkdir(parents=True)
        cached.write_bytes(self.file.content)
        return cached


class Hub(Source):
    """The hub, which tells the digest and sends the client to a store of another name."""

    def __init__(self, web: Web, store: Web):
        super().__init__(web, store, "hf-hub:owner/name", "", f"{web.address}{AT_HUB}")
        self.publish(CONTENT)

    def publish(self, content: bytes, digest: str = ""):
        headers = {
            "Location": f"{self.store.address}/blob?signed=secret",
            "Content-Length": "0",
            "ETag": '"of-the-redirect"',
            "X-Repo-Commit": "5" * 40,
            "X-Linked-Etag": f'"{digest or hashlib.sha256(content).hexdigest()}"',
            "X-Linked-Size": str(len(content)),
        }
        self.web.files[AT_HUB] = Answer(302, headers)
        self.file = self.store.files["/blob?signed=secret"] = File(content, {"ETag": tag_of(content)})

    def cache(self):
        """Let the hub's own client fetch the file."""
        cached = hub.hf_hub_download("owner/name", "model.safetensors")
        self.web.requests.clear()
        self.store.requests.clear()
        return Path(cached)


def tag_of(content):
    return f'"{hashlib.md5(content).hexdigest()}"'


@pytest.fixture(params=[Plain, Hub], ids=["address", "hub"])
def source(request, web, other_web):
    return request.param(web, other_web)


@pytest.fixture
def at_hub(web, other_web):
    return Hub(web, other_web)


@pytest.fixture
def at_address(web, other_web):
    return Plain(web, other_web)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "resources" / "weights" / "name.safetensors"


def arrived(path, content=CONTENT):
    """Whether the file is there, and nothing else."""
    return path.read_bytes() == content and list(path.parent.iterdir()) == [path]


def start(web):
    """Where the last request asks to go on."""
    return int(web.ranges()[-1].removeprefix("bytes=").removesuffix("-"))


def process(path, *addresses, **variables):
    """Start a process that fetches one address after the other to `path`."""
    call = "import sys; from dormouse.models.weights import fetch_weights\nfor address in sys.argv[2:]:"
    command = [sys.executable, "-c", f"{call} fetch_weights(address, '', sys.argv[1])", path, *addresses]
    return subprocess.Popen(command, env=os.environ | variables, stderr=subprocess.PIPE, text=True)


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


# --- what the libraries publish


@pytest.mark.parametrize(
    ("name", "url", "digits"),
    [
        ("alexnet.IMAGENET1K_V1", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"),
        ("resnet18.IMAGENET1K_V1", "https://download.pytorch.org/models/resnet18-f37072fd.pth", "f37072fd"),
        ("resnet50.IMAGENET1K_V2", "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "11ad3fa6"),
        ("resnet50.DEFAULT", "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "11ad3fa6"),
        ("vgg16.IMAGENET1K_FEATURES", "https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth", "88682ab5"),
        (
            "shufflenet_v2_x1_0.IMAGENET1K_V1",
            "https://download.pytorch.org/models/shufflenetv2_x1-5666bf0f80.pth",
            "5666bf0f80",
        ),
    ],
)
def test_torchvision_tells_the_address_and_the_first_digits_of_the_digest(name, url, digits):
    assert resolve(f"torchvision:{name}") == (url, digits)


def test_every_network_of_torchvision_has_an_address_with_digits():
    make_torchvision_importable()
    from torchvision import models

    for network in models.list_models(module=models):
        for weights in models.get_model_weights(network):
            address, digits = resolve(f"torchvision:{network}.{weights.name}")
            assert (address, len(digits) >= 8) == (weights.url, True)


@pytest.mark.parametrize("name", ["convnext_tiny.fb_in1k", "resnet50.a1_in1k", "vit_base_patch16_224.dino"])
def test_timm_names_a_repository_of_the_hub(name):
    assert resolve(f"timm:{name}") == (f"hf-hub:timm/{name}", "")


def test_timm_names_an_address_where_the_hub_has_no_file():
    release = "https://github.com/rwightman/pytorch-image-models/releases/download"
    assert resolve("timm:legacy_xception.tf_in1k")[0] == f"{release}/v0.1-cadene/xception-43020ad28.pth"


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("timm:convnext_tiny.nonsense", ["convnext_tiny.fb_in1k", "convnext_tiny.in12k"]),
        ("timm:convnext_tiny", ["convnext_tiny.fb_in1k", "convnext_tiny.in12k"]),
        ("torchvision:resnet50.NONSENSE", ["IMAGENET1K_V1", "IMAGENET1K_V2"]),
        ("torchvision:resnet50", ["IMAGENET1K_V1", "IMAGENET1K_V2"]),
    ],
)
def test_unknown_weights_are_named_with_those_that_there_are(address, known):
    with pytest.raises(InputError, match=r"publishes no weights .*[Tt]here are: ") as error:
        resolve(address)
    assert all(name in str(error.value) for name in known)


@pytest.mark.parametrize("address", ["timm:convnext_tny.fb_in1k", "torchvision:resnet5.IMAGENET1K_V1"])
def test_weights_of_an_unknown_network_are_an_input_error(address):
    library, _, name = address.partition(":")
    with pytest.raises(InputError, match=rf"{library} .*{name.partition('.')[0]}.*\w[.?]$"):
        resolve(address)


def test_what_a_library_publishes_is_fetched_from_the_hub(at_hub, path):
    at_hub.web.files["/timm/convnext_tiny.fb_in1k/resolve/main/model.safetensors"] = at_hub.web.files[AT_HUB]
    fetch_weights("timm:convnext_tiny.fb_in1k", "", path)
    assert arrived(path)


def test_a_digest_that_the_caller_knows_is_checked_also_where_a_library_tells_the_address(at_hub, path):
    at_hub.web.files["/timm/convnext_tiny.fb_in1k/resolve/main/model.safetensors"] = at_hub.web.files[AT_HUB]
    with pytest.raises(InputError, match=f"SHA-256 {DIGEST}, expected {'0' * 64}"):
        fetch_weights("timm:convnext_tiny.fb_in1k", "0" * 64, path)
    assert list(path.parent.iterdir()) == []
