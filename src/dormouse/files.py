"""Write files whole or not at all, and read them only if nothing has changed them.

Every file that a run writes carries a digest, so a flipped bit ends in an error, never in a wrong number.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import pandas as pd

from dormouse.errors import InputError, is_full, no_room

NO_ROOM_BYTES = 1 << 16
UNFINISHED = r"\..*\.unfinished-[0-9a-f]{32}(\..*)?"  # names of files that are being written
DIGESTS = "digests"  # the array of an .npz file that holds the digests of all others
AGAIN = "Remove it and run again."  # what to do about a file that a run made
OF_ANOTHER_VERSION = f"holds no digest: another version wrote it, or it is damaged. {AGAIN}"
CHANGED = f"not as it was written: its digest is another. {AGAIN}"


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a unique temporary name beside `path` to write to; rename it to `path` at the end, or remove it on any error.

    The next run removes what a killed process leaves behind (`lock.lock_results`). Raises InputError if the disk is full.
    """
    path = Path(path)
    # the ending stays the same, because writers choose the format by it
    temporary = path.with_name(f".{path.stem}.unfinished-{uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except InputError:
        raise
    except Exception as error:  # torch, safetensors and arrow raise errors of their own, which do not always say why
        above = next(folder for folder in path.parents if folder.exists())
        if not is_full(error) and shutil.disk_usage(above).free > NO_ROOM_BYTES:
            raise
        raise no_room(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], compress: bool = False) -> None:
    """Write named arrays, and a digest of each, to an .npz file; no array may need pickle."""
    with writing_arrays(path, compress) as write:
        for name, array in arrays.items():
            write(name, array)


@contextmanager
def writing_arrays(path: str | Path, compress: bool = False) -> Iterator[Callable[[str, np.ndarray], None]]:
    """Give write(name, array), which adds an array to an .npz file; the file appears at the end, whole or not at all."""
    digests, method = [], ZIP_DEFLATED if compress else ZIP_STORED

    with atomic(path) as temporary, ZipFile(temporary, "w", method) as archive:

        def write(name: str, array: np.ndarray) -> None:
            array = np.asanyarray(array)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
            digests.append(f"{name} {_digest(name, array)}")

        yield write
        write(DIGESTS, np.array(digests))


def _digest(name: str, array: np.ndarray) -> str:
    """Return a digest of an array: of its name, type, shape and content."""
    digest = hashlib.sha256(repr((name, array.dtype.str, array.shape)).encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def read_arrays(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read the named arrays of an .npz file that `write_arrays` wrote, or all of them.

    Raises InputError if the file cannot be read, lacks one of the names or a digest, or was changed.
    """
    with reading_arrays(path) as read:
        return read(*names)


@contextmanager
def reading_arrays(path: str | Path) -> Iterator[Callable[..., dict[str, np.ndarray]]]:
    """Give read(*names), which reads arrays of the open file as `read_arrays` does, and leaves the others on disk."""
    with ExitStack() as opened:
        with refusing(path, AGAIN):
            digests = dict(line.rsplit(" ", 1) for line in digests_of(path))
            stored = opened.enter_context(np.load(path, allow_pickle=False))

        def read(*names: str) -> dict[str, np.ndarray]:
            with refusing(path, AGAIN):
                arrays = select(path, stored, names or tuple(digests), AGAIN)
            if any(digests.get(name) != _digest(name, np.asarray(array)) for name, array in arrays.items()):
                raise InputError(f"{path}: {CHANGED}")
            return arrays

        yield read


def digests_of(path: str | Path) -> list[str]:
    """Return the digests that an .npz file carries, of each of its arrays; none of them is checked."""
    with refusing(path, AGAIN), np.load(path, allow_pickle=False) as stored:
        if DIGESTS not in stored.files:
            raise InputError(f"{path}: {OF_ANOTHER_VERSION}")
        return stored[DIGESTS].tolist()


@contextmanager
def refusing(path: str | Path, remedy: str) -> Iterator[None]:
    """Turn any error while an .npz file is read into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib, numpy and the system each raise their own
        raise unreadable(path, ".npz", error, remedy) from error


def select(path: str | Path, stored: np.lib.npyio.NpzFile, names: Sequence[str], remedy: str) -> dict[str, np.ndarray]:
    """Return the named arrays of an open file."""
    held = [name for name in stored.files if name != DIGESTS]
    if missing := [name for name in names if name not in held]:
        raise InputError(f"{path}: no array named {', '.join(missing)}; the file holds {', '.join(held) or 'none'}. {remedy}")
    return {name: stored[name] for name in names}


def unreadable(path: str | Path, kind: str, error: Exception, remedy: str = AGAIN) -> InputError:
    """Return the error for a file that is missing, may not be read, or is of another kind; it says what to do."""
    if isinstance(error, PermissionError):
        return InputError(f"{path}: may not be read ({error.strerror}). Change its permissions and run again.")
    return InputError(f"{path}: not a readable {kind} file ({' '.join(str(error).split())}). {remedy}")


def read_joined(paths: Sequence[str | Path], axis: int, *names: str) -> dict[str, np.ndarray]:
    """Read the named arrays of .npz files, or all of them, and join arrays of the same name along an axis."""
    parts = [read_arrays(path, *names) for path in paths]
    return {name: np.concatenate([part[name] for part in parts], axis=axis) for name in parts[0]}


def write_tsv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as tab-separated text, numbers with all their digits."""
    with atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


def write_json(path: str | Path, value) -> None:
    """Write a value as JSON, with a digest."""
    with atomic(path) as temporary:
        content = {"digest": _text_digest(value), "value": value}
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_json(path: str | Path):
    """Read a value that `write_json` wrote.

    Raises InputError if the file cannot be read, lacks a digest, or was changed.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, "JSON", error) from error
    if not isinstance(content, dict) or content.keys() != {"digest", "value"}:
        raise InputError(f"{path}: {OF_ANOTHER_VERSION}")
    if content["digest"] != _text_digest(content["value"]):
        raise InputError(f"{path}: {CHANGED}")
    return content["value"]


def _text_digest(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def link_or_copy(source: str | Path, path: str | Path) -> None:
    """Give the file `source` a second name `path`, or copy it where the two lie on different disks."""
    with atomic(path) as temporary:
        try:
            os.link(Path(source).resolve(), temporary)
        except OSError:
            shutil.copyfile(source, temporary)
