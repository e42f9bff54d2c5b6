"""Published weights: found through the clients of their hubs, fetched once, checked.

The clients tell addresses, digests, credentials and what this machine has already. The bytes are fetched by `download`,
because neither client resumes a download whose process was stopped.
"""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub as hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from torch.hub import get_dir

from dormouse.download import BUSY, download, sha256_of
from dormouse.errors import InputError, suggest
from dormouse.files import link_or_copy
from dormouse.models.loaders import make_torchvision_importable

HUB = "hf-hub:"
HUB_FILE = "model.safetensors"
DIGEST = re.compile(r"[0-9a-f]{64}")


def fetch_weights(address: str, sha256: str, path: str | Path) -> None:
    """Bring a file of weights to `path`, from what this machine has already or from the network.

    Parameters
    ----------
    address : http(s)://..., hf-hub:OWNER/NAME (its model.safetensors), or timm:NAME.TAG and torchvision:NAME.WEIGHTS, which
        the library resolves
    sha256 : digest of the file or its first digits; empty where none is published. The hub tells its own.

    Raises InputError where the address leads nowhere, or offline (HF_HUB_OFFLINE=1) where the file is not here.
    """
    sha256 = sha256.lower()
    if address.partition(":")[0] in ADDRESSES:
        address, told = resolve(address)
        sha256 = sha256 or told
    if address.startswith(HUB):
        _fetch_from_hub(address.removeprefix(HUB), sha256, Path(path))
    else:
        _fetch_from_address(address, sha256, Path(path))


def resolve(address: str) -> tuple[str, str]:
    """Return where a library publishes timm:NAME.TAG or torchvision:NAME.WEIGHTS, and what it tells of the SHA-256.

    Raises InputError where it publishes no weights of this name.
    """
    make_torchvision_importable()
    library, _, name = address.partition(":")
    return ADDRESSES[library](name)


def _torchvision_address(name: str) -> tuple[str, str]:
    from torchvision.models import get_model_weights, list_models

    network, _, weights = name.partition(".")
    if network not in list_models():
        raise InputError(f"torchvision has no network {network!r}. {suggest(network, list_models())}")
    known = get_model_weights(network).__members__
    if weights not in known:
        raise InputError(f"torchvision publishes no weights {weights!r} of {network}; there are: {', '.join(known)}.")
    url = known[weights].url
    digits = re.search(r"-([0-9a-f]{8,})\.\w+$", url)  # torch.hub's convention: the first digits of the SHA-256
    return url, digits[1] if digits else ""


def _timm_address(name: str) -> tuple[str, str]:
    from timm import list_models, list_pretrained
    from timm.models import get_pretrained_cfg

    if name not in list_pretrained():
        network = name.partition(".")[0]
        there = list_pretrained(f"{network}.*")
        if not there:
            raise InputError(f"timm publishes no weights of {network!r}. {suggest(network, list_models())}")
        raise InputError(f"timm publishes no weights {name!r}. There are: {', '.join(there)}.")
    published = get_pretrained_cfg(name)
    return (f"{HUB}{published.hf_hub_id}" if published.hf_hub_id else published.url), ""


ADDRESSES = {"torchvision": _torchvision_address, "timm": _timm_address}  # by the name of the source


def _fetch_from_address(address: str, sha256: str, path: Path) -> None:
    cached = Path(get_dir()) / "checkpoints" / Path(urlsplit(address).path).name
    if sha256 and cached.is_file() and sha256_of(cached).startswith(sha256):
        link_or_copy(cached, path)
        return
    if hub.is_offline_mode():
        raise InputError(_offline(address, path, f"{cached} (with a known SHA-256)"))
    download(address, path, sha256)


def _fetch_from_hub(repository: str, sha256: str, path: Path) -> None:
    try:
        cached = hub.try_to_load_from_cache(repository, HUB_FILE)
    except HFValidationError as error:
        raise InputError(f"{HUB}{repository}: {error}") from error
    if isinstance(cached, str):
        # the cache names files by their digest; what it points to in turn may be named by another hash
        digest = sha256 or _digest(os.path.basename(os.readlink(cached)) if os.path.islink(cached) else "")
        if digest and not sha256_of(cached).startswith(digest):
            raise InputError(f"{cached}: damaged, its SHA-256 is not {digest}. Remove it from the cache and run again.")
        link_or_copy(cached, path)
        return
    url = hub.hf_hub_url(repository, HUB_FILE)
    try:
        published = hub.get_hf_file_metadata(url, retry_on_errors=True)
    except OfflineModeIsEnabled as error:
        raise InputError(_offline(url, path, "the hub's cache (HF_HOME)")) from error
    except HfHubHTTPError as error:
        busy = error.response.status_code in BUSY
        advice = (
            "Check the connection and run again." if busy else "Check the name, and your token if it is not public (HF_TOKEN)."
        )
        raise InputError(f"{url}: {' '.join(str(error).split())}. {advice}") from error
    except Exception as error:  # the client passes on whatever its HTTP library raises
        raise InputError(f"{url}: cannot be reached ({error}). Check the connection and run again.") from error
    download(url, path, sha256 or _digest(published.etag or ""), hub.utils.build_hf_headers())


def _digest(tag: str) -> str:
    """Return the tag of a version where it is a SHA-256, as for all large files of the hub."""
    return tag if DIGEST.fullmatch(tag) else ""


def _offline(address: str, path: Path, elsewhere: str) -> str:
    return f"{address}: not fetched, HF_HUB_OFFLINE is set. Put the file at {path}, or into {elsewhere}."
