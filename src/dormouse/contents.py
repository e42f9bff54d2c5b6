"""What files hold, as hashes: a job is keyed by the contents of the files that a user gives, not by their times or places."""

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from hashlib import file_digest, sha256
from pathlib import Path

from dormouse.errors import InputError

CACHE = Path(".snakemake/contents.sqlite")  # of the working directory; safe to remove
# A file that changed this recently may change again without another time: file systems count in steps of milliseconds.
UNSETTLED_NS = 2_000_000_000
MADE = ("results/", "resources/allen/", "resources/connectome/", "resources/weights/")  # folders that the workflow fills
TABLE = "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INT, changed INT, modified INT, sha256 TEXT)"


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file, from the cache where its size and times, to the nanosecond, are as they were.

    Raises InputError where the file cannot be read.
    """
    try:
        path = Path(path).resolve()
        stat = path.stat()
        # The time of the last change of the inode is set by the system: a copy that keeps the other time does not hide.
        state = stat.st_size, stat.st_ctime_ns, stat.st_mtime_ns
        found = _look_up(path, state)
        if found is None:
            with open(path, "rb") as file:
                found = file_digest(file, "sha256").hexdigest()
            if time.time_ns() - max(state[1:]) > UNSETTLED_NS:
                _keep(path, state, found)
        return found
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error


def folder_hash(folder: str | Path, files: Iterable[Path]) -> str:
    """Return one hash of some files of a folder: of their names relative to it, and their contents."""
    digest = sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file_hash(file)}\0".encode())
    return digest.hexdigest()


def is_made(file: str) -> bool:
    """Return whether the workflow itself fetches or makes a file, named from the working directory."""
    return file.startswith(MADE)


def _look_up(path: Path, state: tuple[int, ...]) -> str | None:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{CACHE}?mode=ro", uri=True)) as cache:
        row = cache.execute("SELECT size, changed, modified, sha256 FROM files WHERE path = ?", [str(path)]).fetchone()
        return row[3] if row and row[:3] == state else None
    return None


def _keep(path: Path, state: tuple[int, ...], digest: str) -> None:
    """Put a hash into the cache; where that cannot be written, files are read again each time."""
    with suppress(sqlite3.Error, OSError):
        CACHE.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(CACHE)) as cache, cache:
            cache.execute(TABLE)
            cache.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", [str(path), *state, digest])
