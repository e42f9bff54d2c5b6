"""Which images a method uses, and how ridge regression folds them: all, the scenes, or by what a table says of them.

A row of the table of methods may name images by a column of that table (`images: {category: plants}`), and folds likewise
(`folds: {by: category}`). Both are put into names and numbers when the workflow starts, so that everything behind it, and the
question whether a job must run again, depends on which images these are and on nothing else.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dormouse.errors import InputError, suggest
from dormouse.stimuli.images import BLANK

USER = "python"  # source of a row that names a user's function, whose settings are the user's
Described = Mapping[str, Mapping[str, str]]  # what is said of each image, by its name, in the order of the images


def images_of(row: Mapping, stimuli: Sequence[str]) -> slice | np.ndarray:
    """Return the indices of the images that a method uses."""
    names = np.asarray(stimuli)
    if row["images"] == "all":
        return slice(None)
    return np.flatnonzero(names != BLANK if row["images"] == "scenes" else np.isin(names, row["images"]))


def is_part(row: Mapping) -> bool:
    """Return whether a method uses a part of the images, for which no noise ceiling was estimated."""
    return not isinstance(row["images"], str)


def with_images(methods: Mapping[str, Mapping], stimuli: Described) -> dict[str, dict]:
    """Return rows whose images are named one by one where a column named them, and whose folds are numbers of images.

    Parameters
    ----------
    methods : from `table.list_methods`
    stimuli : of all images, the blank included

    Raises InputError for a column that the images do not have, a value that none has, or an image that is in no fold.
    """
    found = {}
    for name, row in methods.items():
        place, row = f"config: method {name}", dict(row)
        if isinstance(row["images"], Mapping):
            row["images"] = _named(row["images"], stimuli, f"{place}: images")
        if row.get("source") != USER and isinstance(row["settings"].get("folds"), Mapping):
            used = np.array(list(stimuli))[images_of(row, list(stimuli))]
            folds = _folds(row["settings"]["folds"], used, stimuli, f"{place}: settings.folds")
            row["settings"] = row["settings"] | {"folds": folds}
        found[name] = row
    return found


def _named(wanted: Mapping[str, str | Sequence[str]], stimuli: Described, place: str) -> list[str]:
    """Return the names of the images that have one of the wanted values in every column."""
    chosen = list(stimuli)
    for column, values in wanted.items():
        known = _column(column, stimuli, place)
        values = [values] if isinstance(values, str) else values
        if unknown := [value for value in values if value not in known.values()]:
            raise InputError(f"{place}: no image has {column} {unknown[0]!r}. {suggest(unknown[0], set(known.values()))}")
        chosen = [name for name in chosen if known.get(name) in values]
    return chosen


def _folds(wanted: Mapping[str, str], used: Sequence[str], stimuli: Described, place: str) -> list[int]:
    """Return the fold of each image that is used: one for each value of a column, in the order in which they come."""
    if set(wanted) != {"by"}:
        raise InputError(f"{place}: {dict(wanted)}; expected a number, or {{by: COLUMN}} for a fold for each of its values.")
    known = _column(wanted["by"], stimuli, place)
    if bare := [name for name in used if name not in known]:
        raise InputError(
            f"{place}: {bare[0]} ({len(bare)} of {len(used)} images) has no {wanted['by']}. Fill the cell, or leave such "
            "images out, by images: scenes for the blank."
        )
    values = list(dict.fromkeys(known[name] for name in used))
    if len(values) < 2:
        raise InputError(f"{place}: all images have {wanted['by']} {''.join(values)!r}; folds need two values or more.")
    return [values.index(known[name]) for name in used]


def _column(column: str, stimuli: Described, place: str) -> dict[str, str]:
    """Return the value of each image in a column, of those that have one."""
    columns = {key for of_image in stimuli.values() for key in of_image}
    if not columns:
        expected = f"expected stimuli.csv with a column {column!r} (docs/data.md)"
        raise InputError(f"{place}: nothing describes the images; {expected}.")
    if column not in columns:
        raise InputError(f"{place}: no column {column!r} describes the images. {suggest(column, columns)}")
    return {name: of_image[column] for name, of_image in stimuli.items() if column in of_image}
