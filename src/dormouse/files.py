"""Files written whole or not at all."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from dormouse.errors import InputError

NO_ROOM_BYTES = 1 << 16
UNFINISHED = r"\..*\.unfinished-[0-9a-f]{32}(\..*)?"  # names of files that are being written


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to, of its own; rename it to `path` at the end, or remove it on any error.

    What a process that was killed leaves is removed by the next run (`lock.lock_results`). Raises InputError where the disk is
    full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the ending stays last, because writers choose the format by it
    temporary = path.with_name(f".{path.stem}.unfinished-{uuid4().hex}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        # writers of arrays and tables do not all tell why they wrote less than they should have
        if error.errno != errno.ENOSPC and shutil.disk_usage(path.parent).free > NO_ROOM_BYTES:
            raise
        raise InputError(f"{path}: cannot be written, the disk is full ({error}). Make room and run again.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], compress: bool = False) -> None:
    """Write named arrays to an .npz file; no array may need pickle."""
    with atomic(path) as temporary:
        (np.savez_compressed if compress else np.savez)(temporary, allow_pickle=False, **arrays)


def read_arrays(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read the named arrays of an .npz file, or all of them.

    Raises InputError where the file cannot be read or lacks one of the names.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            missing = [name for name in names if name not in stored.files]
            if missing:
                raise InputError(
                    f"{path}: no array named {', '.join(missing)}; the file holds {', '.join(stored.files) or 'none'}."
                )
            return {name: stored[name] for name in names or stored.files}
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib, numpy and the system each raise their own
        raise InputError(f"{path}: not a readable .npz file ({error}).") from error


def read_joined(paths: Sequence[str | Path], axis: int) -> dict[str, np.ndarray]:
    """Read .npz files of the same arrays and join those of one name along an axis."""
    parts = [read_arrays(path) for path in paths]
    return {name: np.concatenate([part[name] for part in parts], axis=axis) for name in parts[0]}


def list_files(folder: str | Path, endings: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Return what lies in a folder and has one of these endings, in any case, and what has not, each in the order of names.

    Hidden things, whose names begin with a point (.DS_Store, and ._image.png beside image.png), are in neither.
    """
    found = Path(folder).iterdir() if Path(folder).is_dir() else []
    seen = sorted((path for path in found if not path.name.startswith(".")), key=lambda path: path.name)
    wanted = [path.suffix.lower() in endings for path in seen]
    return list(compress(seen, wanted)), list(compress(seen, (not fits for fits in wanted)))


def write_tsv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as text between tabs, numbers with every digit."""
    with atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


def write_json(path: str | Path, value) -> None:
    """Write a value as JSON."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1), encoding="utf-8")


def link_or_copy(source: str | Path, path: str | Path) -> None:
    """Give the file `source` a second name `path`, or copy it where the two lie on different disks."""
    with atomic(path) as temporary:
        try:
            os.link(Path(source).resolve(), temporary)
        except OSError:
            try:
                shutil.copyfile(source, temporary)
            except OSError as error:
                raise InputError(f"{path}: cannot be written ({error.strerror or error}). Make room and run again.") from error
