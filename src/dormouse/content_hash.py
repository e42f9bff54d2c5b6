"""Hashes of file contents: jobs depend on the contents of a user's files, not on their times or locations."""

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from hashlib import file_digest, sha256
from pathlib import Path

from tqdm import tqdm

from dormouse.errors import InputError
from dormouse.given import check_file

MADE = ("results/", "resources/allen/", "resources/connectome/", "resources/weights/")  # folders that the workflow fills
CACHE = Path(".snakemake/contents.sqlite")  # in the working directory; safe to remove
DIGEST = re.compile("[0-9a-f]{64}")
COLUMNS = "path TEXT PRIMARY KEY, size INT, changed INT, modified INT, sha256 TEXT"
# A file that changed this recently may change again and keep its time: file systems count time in milliseconds.
UNSETTLED_NS = 2_000_000_000


def is_made(file: str) -> bool:
    """Return whether the workflow itself fetches or makes a file, given its path from the working directory."""
    return file.startswith(MADE)


def short_hash(value) -> str:
    """Return twelve hexadecimal digits (48 bits) for a JSON value, whatever the order of its keys."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file, see `file_hashes`."""
    return file_hashes([path])[0]


def folder_hash(folder: str | Path, files: Iterable[Path]) -> str:
    """Return one hash of some files of a folder: of their contents, and their names relative to the folder."""
    files = sorted(files)
    named = zip(files, file_hashes(files), strict=True)
    return sha256("".join(f"{file.relative_to(folder).as_posix()}\0{found}\0" for file, found in named).encode()).hexdigest()


def file_hashes(paths: Sequence[str | Path]) -> list[str]:
    """Return the SHA-256 of each file, from the cache if its size and times (to the nanosecond) are unchanged.

    Raises InputError if a file cannot be read.
    """
    with closing(_cache()) as cache:
        shown = tqdm(paths, desc="reading files", unit="file", delay=5, mininterval=5)
        found = [_hash(cache, Path(path)) for path in shown]
        with suppress(sqlite3.Error):  # the disk is full
            cache.commit()
    return found


def _cache() -> sqlite3.Connection:
    """Open the cache; if it cannot be written, use one in memory, so files are read again each time."""
    for place in (CACHE, ":memory:"):
        with suppress(sqlite3.Error, OSError):
            if place is CACHE:
                CACHE.parent.mkdir(exist_ok=True)
            cache = sqlite3.connect(place)
            cache.execute(f"CREATE TABLE IF NOT EXISTS files ({COLUMNS})")
            return cache
    raise AssertionError("SQLite has no memory")


def _hash(cache: sqlite3.Connection, path: Path) -> str:
    stat = check_file(path)
    try:
        # Only the system sets an inode's change time, so a copy that keeps its modification time is still noticed.
        state = stat.st_size, stat.st_ctime_ns, stat.st_mtime_ns
        key = str(path.absolute())
        known = _known(cache, key)
        if known and known[:3] == state and DIGEST.fullmatch(str(known[3])):
            return known[3]
        with open(path, "rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if time.time_ns() - max(state[1:]) > UNSETTLED_NS:
        with suppress(sqlite3.Error):  # another process may be writing
            cache.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", [key, *state, found])
    return found


def _known(cache: sqlite3.Connection, key: str) -> tuple | None:
    """Return what the cache holds of a file. A damaged cache is removed, and made anew next time."""
    try:
        return cache.execute("SELECT size, changed, modified, sha256 FROM files WHERE path = ?", [key]).fetchone()
    except sqlite3.Error as error:
        if not isinstance(error, sqlite3.OperationalError):  # which says that another process is writing
            CACHE.unlink(missing_ok=True)
        return None
