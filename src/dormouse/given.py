"""Files from elsewhere: which may be opened, and arrays that others made.

A path must lead to a regular file: a pipe would hang, a device never end. What headers say of sizes is checked before anything
is read, because a file may promise more than memory holds.
"""

import math
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from pathlib import Path

import numpy as np

from dormouse.errors import InputError
from dormouse.files import refusing, select

MOST_ARRAY_BYTES = 1 << 33  # of one array in memory; 100 trials of 1,000 images and 20,000 neurons in float32
MOST_ARRAYS = 10_000  # in one file
REPLACE = "Replace it."
UNSEEN = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")  # controls, ends of lines, halves of characters
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}  # by version
Headers = Mapping[str, tuple[tuple[int, ...], np.dtype]]  # shape and type by name


def check_file(path: str | Path, missing: str = ".", most_bytes: int | None = None) -> os.stat_result:
    """Return what the system knows of a file.

    Parameters
    ----------
    missing : what a message says behind "not found"
    most_bytes : size that the file may have, if it is read as a whole

    Raises InputError unless the path leads to a regular file of that size.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        what = f" is a link that leads nowhere{missing}" if os.path.islink(path) else f": not found{missing}"
        raise InputError(f"{path}{what}") from error
    except (OSError, ValueError) as error:  # ValueError: no system has such a name
        raise InputError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}). Rename or mend it."
        ) from error
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise InputError(f"{path}: {what}; expected a file. {REPLACE}")
    if most_bytes is not None and found.st_size > most_bytes:
        raise InputError(f"{path}: {found.st_size:,} bytes; expected at most {most_bytes:,}. {REPLACE}")
    return found


def shown(folder: str | Path, names: Iterable[str]) -> list[str]:
    """Return names of a folder sorted, without hidden ones, as the ._1.png in which macOS keeps what it knows of 1.png.

    Raises InputError for a name that breaks lines or is not UTF-8.
    """
    seen = sorted(name for name in names if not name.startswith("."))
    if odd := [name for name in seen if UNSEEN.search(name)]:
        raise InputError(f"{folder}: {odd[0]!a} is no name in one line of UTF-8. Rename it.")
    return seen


def list_files(folder: str | Path, endings: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Return the paths in a folder with one of these endings (upper or lower case), and all others, each sorted by name.

    A folder that is not there is empty. Hidden files are in neither list. Raises InputError where `shown` does, and for a
    folder that cannot be read.
    """
    try:
        names = os.listdir(folder) if Path(folder).is_dir() else []
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}). Let this user read it, and run again.") from error
    seen = [Path(folder, name) for name in shown(folder, names)]
    wanted = [path.suffix.lower() in endings for path in seen]
    return list(compress(seen, wanted)), list(compress(seen, (not fits for fits in wanted)))


def array_headers(path: str | Path, missing: str = ".") -> Headers:
    """Return shape and type of each array of an .npz file, from the headers alone; see `check_file`.

    Raises InputError where the file cannot be read, where two arrays have one name, or where a header promises more than the
    file holds, or than `MOST_ARRAY_BYTES`.
    """
    check_file(path, missing)
    headers = {}
    with refusing(path, REPLACE), zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > MOST_ARRAYS:
            raise InputError(f"{path}: {len(archive.infolist()):,} arrays; expected at most {MOST_ARRAYS:,}. {REPLACE}")
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in headers:
                raise InputError(f"{path}: two arrays are named {name!r}. {REPLACE}")
            headers[name] = _header(archive, member, f"{path}: {name}")
    return headers


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of an array in an archive."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise InputError(f"{place} is of version {version[0]} of NumPy's format; expected 1 or 2. {REPLACE}")
        shape, _, kind = HEADERS[version](file)
        n_held, n_bytes = member.file_size - file.tell(), math.prod(shape) * kind.itemsize
    if n_bytes != n_held and not kind.hasobject:  # objects are pickled, which is refused when they are read
        raise InputError(f"{place} has {n_held:,} bytes, but its header says {kind} of shape {shape}. {REPLACE}")
    if max(n_bytes, n_held) > MOST_ARRAY_BYTES:
        raise InputError(f"{place} has {max(n_bytes, n_held):,} bytes; expected at most {MOST_ARRAY_BYTES:,}. {REPLACE}")
    return shape, kind


def read_given(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read the named arrays, or all of them, from an .npz file that someone else wrote.

    Raises InputError where `array_headers` does, or if the file lacks one of the names or holds pickled objects.
    """
    held = array_headers(path)
    with refusing(path, REPLACE), np.load(path, allow_pickle=False) as stored:
        return select(path, stored, names or tuple(held), REPLACE)
