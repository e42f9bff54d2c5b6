"""Hashes of what files hold."""

from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def folder_hash(folder: str | Path, files: Iterable[Path]) -> str:
    """Return a hash of the names of files, relative to `folder`, and of their contents."""
    told = sorted(f"{Path(file).relative_to(folder).as_posix()}\0{file_hash(file)}\n" for file in files)
    return sha256("".join(told).encode()).hexdigest()
