"""HDF5 files: opened, on disk or at an address, and their parts checked from their headers alone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import h5py
import numpy as np

from dormouse.errors import InputError
from dormouse.recordings.remote import RemoteFile, is_address

NUMBERS, WHOLE_NUMBERS = "fiu", "iu"  # NumPy's letters for kinds of types
TEXT = "OSiu"  # a number in the place of a text is read as one
IN_WORDS = {NUMBERS: "numbers", WHOLE_NUMBERS: "whole numbers", TEXT: "text"}
Parts = Mapping[str, tuple]  # by the path within a file: kinds of types, and one or several possible numbers of axes
Whole = Callable[[h5py.Dataset], np.ndarray]


@contextmanager
def open_hdf5(source: str | Path) -> Iterator[tuple[h5py.File, Whole]]:
    """Open a file; give it, and a function that reads a whole array of it.

    Raises InputError where the file, or what is read of it meanwhile, is damaged.
    """
    try:
        with RemoteFile(source) if is_address(source) else nullcontext(source) as place, h5py.File(place, "r") as file:
            yield file, place.whole if is_address(source) else lambda dataset: dataset[()]
    except InputError:
        raise
    except Exception as error:  # h5py raises a kind of its own for each of the ways in which a file can be damaged
        advice = (
            "Run again; if it stays, leave it out (config: exclude)" if is_address(source) else "Remove it and fetch it again"
        )
        raise InputError(f"{source}: not a whole HDF5 file ({' '.join(str(error).split())}). {advice}.") from error


def check_parts(file: h5py.File, parts: Parts, source: str | Path, advice: str) -> None:
    """Raise InputError where a file lacks some parts, for which `advice` says what to do, or holds one of another form."""
    missing = [part for part in parts if part not in file]
    if missing:
        raise InputError(f"{source}: lacks {', '.join(missing)}. {advice}")
    for part, (kinds, *n_axes) in parts.items():
        held = file[part]
        fits = isinstance(held, h5py.Dataset) and held.dtype.kind in kinds and held.size and held.ndim in n_axes
        if not fits:
            what = f"{held.dtype} of shape {held.shape}" if isinstance(held, h5py.Dataset) else "a group"
            axes = " or ".join(map(str, n_axes))
            expected = f"{IN_WORDS[kinds]} (axes: {axes}), not empty"
            raise InputError(f"{source}: {part} is {what}; expected {expected}. Remove the file and fetch it again.")


def text(dataset: h5py.Dataset) -> str:
    """Return a text that a file holds; what is no UTF-8 is replaced."""
    return decoded(dataset[()])


def decoded(value: bytes | str | np.generic) -> str:
    """Return a value of a file as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
