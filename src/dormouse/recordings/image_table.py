"""Tables that describe images: stimuli.csv of a dataset folder, and that of the scenes of the Allen Brain Observatory.

stimulus      name of an image, with or without the ending of its file; one row for each image
others        whatever tells images apart, such as source or category; a cell may be empty
"""

import os
from collections.abc import Sequence
from pathlib import Path

from dormouse.errors import InputError, suggest
from dormouse.recordings.arrays import without_endings
from dormouse.recordings.names import check_cells
from dormouse.recordings.session import scene_names
from dormouse.written import given_table

FILE, NAME = "stimuli.csv", "stimulus"
ALLEN, N_ALLEN = Path(__file__).parents[3] / "resources/allen_stimuli.csv", 118  # scenes; the blank has no row


def describe_images(folder: Path, images: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Return what stimuli.csv of a dataset folder says of each image, by name; nothing where there is no such file."""
    names = [image.stem for image in images]
    return read_descriptions(folder / FILE, names) if os.path.lexists(folder / FILE) else {name: {} for name in names}


def describe_allen() -> dict[str, dict[str, str]]:
    """Return what is known of each scene of the Allen Brain Observatory, by name."""
    return read_descriptions(ALLEN, scene_names(N_ALLEN, blank=False).tolist())


def read_descriptions(path: Path, images: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what a table says of each image, by name, in the order of the images; empty cells are left out.

    Raises InputError unless every image has one row, and every column a name.
    """
    table = given_table(path)
    if NAME not in table:
        raise InputError(f"{path}: no column {NAME!r}; expected the names of the images there, in any order. Rename a column.")
    if "" in table:
        number = list(table).index("") + 1
        raise InputError(f"{path}: column {number} has no name in the first line. Name it, or take it out.")
    check_cells(path, table)
    lines: dict[str, int] = {}
    for line, name in zip(table.index, without_endings(table[NAME], images), strict=True):
        if name not in images:
            raise InputError(
                f"{path}: line {line}: {table[NAME][line]!r} is no image of this data set. {suggest(name, images)}"
            )
        if lines.setdefault(name, line) != line:
            raise InputError(f"{path}: lines {lines[name]} and {line} are both of image {name}. Take one of them out.")
    if missing := [name for name in images if name not in lines]:
        raise InputError(
            f"{path}: no row for {missing[0]} ({len(missing)} of {len(images)} images); expected one for every image. Add it; "
            "cells of what is not known stay empty."
        )
    told = {name: dict(table.loc[line].drop(NAME)) for name, line in lines.items()}
    return {name: {column: value for column, value in told[name].items() if value} for name in images}
