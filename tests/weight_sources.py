"""Files of weights behind an address and at the hub, both served on this machine."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import huggingface_hub as hub
import numpy as np
from web import Answer, File, Web

from dormouse.models.weights import fetch_weights

CONTENT = np.random.default_rng(0).bytes(2_500_000)  # more than one chunk
CHANGED = np.random.default_rng(1).bytes(2_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TOKEN = "hf_secret"
AT_HUB = "/owner/name/resolve/main/model.safetensors"


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
