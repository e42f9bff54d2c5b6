"""Types of the arrays in files that users made, from their headers, and which row belongs to which image."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from dormouse.errors import InputError
from dormouse.given import Headers, read_given
from dormouse.stimuli.images import ENDINGS, check_order

# NumPy's letters for kinds of types; others are refused: a cast would keep only part of a number, or turn dates into numbers
KINDS = {"real numbers": "fiu", "text or whole numbers": "USiu"}
MOST_NAME_BYTES = 4096  # of a name in an array, where every name takes the room of the longest


def check_kind(path: Path, headers: Headers, expected: str, *names: str) -> None:
    """Raise InputError where one of the named arrays exists and is not of the type `expected`, one of `KINDS`."""
    for name in names:
        if name in headers and headers[name][1].kind not in KINDS[expected]:
            raise InputError(f"{path}: {name} is of type {headers[name][1]}; expected {expected}. Convert it.")
        if name in headers and headers[name][1].itemsize > MOST_NAME_BYTES:
            raise InputError(f"{path}: {name} is of type {headers[name][1]}; expected shorter names. Rename them.")


def read_text(path: Path, name: str) -> np.ndarray:
    """Read an array of names, text or whole numbers, as text."""
    array = read_given(path, name)[name]
    try:
        text = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(str)
        text.tolist()  # NumPy looks at letters no earlier
        return text
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {name} holds text that is not UTF-8 ({error}).") from error
    except (SystemError, ValueError) as error:
        raise InputError(
            f"{path}: {name} holds characters that Unicode does not have ({error}). Write it again, as text."
        ) from error


def image_rows(path: Path, headers: Headers, n_rows: int, images: Sequence[Path]) -> np.ndarray:
    """Return the row of each image in the arrays of a file, (n_images,) int.

    An array `stimulus` (n_rows,) names the image of each row, with or without the ending of its file. Without this array the
    rows follow the sorted names of the images. Raises InputError where a name is not that of an image, where an image has no
    row or several, and, without names, where the names sort differently as text than by number.
    """
    if "stimulus" not in headers:
        if n_rows != len(images):
            raise InputError(f"{path}: response has {n_rows} stimuli, but the folder of stimuli has {len(images)} images.")
        check_order(images)
        return np.arange(n_rows)
    check_kind(path, headers, "text or whole numbers", "stimulus")
    if headers["stimulus"][0] != (n_rows,):
        raise InputError(f"{path}: stimulus has shape {headers['stimulus'][0]}; expected ({n_rows},), a name for each row.")
    stems = [file.stem for file in images]
    place = {name: k for k, name in enumerate(stems)}
    names = without_endings(read_text(path, "stimulus").tolist(), stems)
    unknown = [name for name in names if name not in place]
    if unknown:
        raise InputError(
            f"{path}: stimulus {unknown[0]!r} ({len(unknown)} of {n_rows} names) is no image of {images[0].parent}; expected "
            f"names such as {images[0].stem}."
        )
    rows = np.array([place[name] for name in names], int)
    count = np.bincount(rows, minlength=len(images))
    if (count > 1).any():
        name = images[count.argmax()].name
        raise InputError(f"{path}: stimulus names {name} {count.max()} times; expected each image once.")
    if (count == 0).any():
        name = images[count.argmin()].name
        raise InputError(f"{path}: stimulus lacks {name}; {(count == 0).sum()} of {len(images)} images have no row.")
    return np.argsort(rows)


def without_endings(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return names as those of known images, without the ending of a file; a name that is none of these stays as it is."""
    spelt = {_same_form(name): name for name in known}
    return [spelt.get(_same_form(name)) or spelt.get(_same_form(_without_ending(name)), name) for name in names]


def _same_form(name: str) -> str:
    """Return a name with each accented letter as one character; some systems store it as two."""
    return unicodedata.normalize("NFC", name)


def _without_ending(name: str) -> str:
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in ENDINGS else name
