"""A file to download and its versions, and what a download leaves on the disk."""

import hashlib

import numpy as np
import pytest
from web import cut

from dormouse.download import ATTEMPTS, download
from dormouse.errors import InputError

CONTENT = np.random.default_rng(0).bytes(3_000_000)  # more than one chunk
CHANGED = np.random.default_rng(1).bytes(2_500_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FIRST, SECOND = '"first"', '"second"'
THEN, LATER = "Mon, 05 Jan 2026 10:00:00 GMT", "Tue, 06 Jan 2026 10:00:00 GMT"


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
