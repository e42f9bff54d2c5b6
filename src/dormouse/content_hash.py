"""What files hold, as hashes: a job is keyed by the contents of the files that a user gives, not by their times or places."""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from hashlib import file_digest, sha256
from pathlib import Path

from tqdm import tqdm

from dormouse.errors import InputError

MADE = ("results/", "resources/allen/", "resources/connectome/", "resources/weights/")  # folders that the workflow fills
CACHE = Path(".snakemake/contents.sqlite")  # of the working directory; safe to remove
COLUMNS = "path TEXT PRIMARY KEY, size INT, changed INT, modified INT, sha256 TEXT"
# A file that changed this recently may change again without another time: file systems count in steps of milliseconds.
UNSETTLED_NS = 2_000_000_000


def is_made(file: str) -> bool:
    """Return whether the workflow itself fetches or makes a file, named from the working directory."""
    return file.startswith(MADE)


def short_hash(value) -> str:
    """Return twelve hexadecimal digits (48 bits) for a value of JSON, whatever the order of its keys."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file, see `file_hashes`."""
    return file_hashes([path])[0]


def folder_hash(folder: str | Path, files: Iterable[Path]) -> str:
    """Return one hash of some files of a folder: of their names relative to it, and their contents."""
    files = sorted(files)
    named = zip(files, file_hashes(files), strict=True)
    return sha256("".join(f"{file.relative_to(folder).as_posix()}\0{found}\0" for file, found in named).encode()).hexdigest()


def file_hashes(paths: Sequence[str | Path]) -> list[str]:
    """Return the SHA-256 of each file, from the cache where its size and times, to the nanosecond, are as they were.

    Raises InputError where a file cannot be read.
    """
    with closing(_cache()) as cache, cache:
        shown = tqdm(paths, desc="reading files", unit="file", delay=5, mininterval=5)
        return [_hash(cache, Path(path)) for path in shown]


def _cache() -> sqlite3.Connection:
    """Open the cache; where there can be none, one in memory, and files are read again each time."""
    for place in (CACHE, ":memory:"):
        with suppress(sqlite3.Error, OSError):
            CACHE.parent.mkdir(exist_ok=True)
            cache = sqlite3.connect(place)
            cache.execute(f"CREATE TABLE IF NOT EXISTS files ({COLUMNS})")
            return cache
    raise AssertionError("SQLite has no memory")


def _hash(cache: sqlite3.Connection, path: Path) -> str:
    try:
        stat = path.stat()
        # The system sets the time of the last change of an inode: a copy that keeps the other time does not hide itself.
        state = stat.st_size, stat.st_ctime_ns, stat.st_mtime_ns
        key = str(path.absolute())
        known = cache.execute("SELECT size, changed, modified, sha256 FROM files WHERE path = ?", [key]).fetchone()
        if known and known[:3] == state:
            return known[3]
        with open(path, "rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if time.time_ns() - max(state[1:]) > UNSETTLED_NS:
        with suppress(sqlite3.Error):  # another process may be writing
            cache.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", [key, *state, found])
    return found
