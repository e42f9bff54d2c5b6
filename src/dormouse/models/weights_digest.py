"""Weights that are written here carry a digest. It is checked when they are read, so that a flipped bit is found."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
from safetensors import safe_open

from dormouse.errors import InputError

DIGEST = "dormouse_sha256"  # key in the metadata of a file


def digest(state: Mapping) -> str:
    """Return the SHA-256 of the names, types, shapes and numbers of arrays, or of tensors on the CPU."""
    told = sha256()
    for key in sorted(state):
        value = np.asarray(state[key])
        told.update(f"{key} {value.dtype} {value.shape}\n".encode())
        told.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    return told.hexdigest()


def check_digest(path: str | Path, state: Mapping, made_here: bool = False) -> Mapping:
    """Return `state`, which was read from the safetensors file `path`; weights from elsewhere need no digest.

    Raises InputError where it is not what was written.
    """
    with safe_open(path, "np") as file:
        expected = (file.metadata() or {}).get(DIGEST)
    if (expected or made_here) and expected != digest(state):
        raise InputError(f"{path}: damaged, its numbers are not those that were written. Remove the file and run again.")
    return state
