"""Names in a dataset folder: of areas, cortical layers, animals, sessions, neurons and sites; and which are refused.

A name that is nearly another one would make two of what is one, or one of two, and no number would look wrong.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from dormouse.errors import InputError
from dormouse.recordings.cre_lines import CORTICAL_LAYERS

WHOLE = "all"  # stands for a whole area where a cortical layer is named, and for all areas
MISSING = {"nan", "na", "n/a", "none", "null", "<na>", "nat"}  # what programs write for a value that is not there
SITE = re.compile(r"([\w.]+)(?:-([^\W_]+(?:[_/.][^\W_]+)*))?")


def check_cells(path: Path, table: pd.DataFrame) -> None:
    """Raise InputError for the first cell of a table of names that is none; the index of the table tells the line."""
    for column in table:
        for line, cell in table[column].items():
            wrong = ""
            if cell != cell.strip() or not cell.isprintable():
                wrong = "remove the space, or what cannot be seen"
            elif cell.casefold() in MISSING:
                wrong = "leave the cell empty where a value is not known, or give another name"
            elif column in ("area", "layer") and cell.casefold() == WHOLE:
                wrong = f"{WHOLE!r} is reserved for the whole area; rename it"
            elif column == "layer" and "-" in cell:
                wrong = "'-' stands between area and layer; write 2/3, which spreadsheets take for a date"
            if wrong:
                raise InputError(f"{path}: line {line}: {column} is {cell!r}: {wrong}.")


def check_spelling(place: str | Path, what: str, names: Iterable[str], known: Sequence[str] = ()) -> None:
    """Raise InputError where two names, or a name and a known one, differ in case alone; layers also in `_` for `/`."""
    spelt: dict[str, str] = {}
    for name in (*known, *names):
        key = name.casefold().replace("_", "/") if what == "layer" else name.casefold()
        other = spelt.setdefault(key, name)
        if other != name:
            raise InputError(f"{place}: {what} {name!r} would be another than {other!r}; use one spelling, {other!r}.")


def site_of(name: str) -> tuple[str, str]:
    """Return area and cortical layer of a site named AREA-LAYER, as VISp-2_3; an area alone is the whole area."""
    area, _, layer = name.partition("-")
    return area, layer.replace("_", "/") or WHOLE


def sites_of(path: Path, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return area and cortical layer of each site of a file by its name.

    Raises InputError for names that are none of a site, or that are one site or one area in two spellings.
    """
    sites: dict[str, tuple[str, str]] = {}
    for name in names:
        parts = SITE.fullmatch(name)
        if not parts or {part.casefold() for part in parts.groups("")} & {*MISSING, WHOLE}:
            raise InputError(
                f"{path}: {name!r} names no site; expected AREA for a whole area or AREA-LAYER, as VISp or VISp-2_3. "
                f"{WHOLE!r} is reserved."
            )
        same = [other for other, site in sites.items() if site == site_of(name)]
        if same:
            raise InputError(f"{path}: {same[0]!r} and {name!r} are one site; take one away or rename it.")
        sites[name] = site_of(name)
    check_spelling(path, "area", [area for area, _ in sites.values()])
    check_spelling(path, "layer", [layer for _, layer in sites.values()], CORTICAL_LAYERS)
    return sites


def check_areas(place: str | Path, wanted: Sequence[str], present: Iterable[str]) -> None:
    """Raise InputError where an area of the data is one of the configuration but for case or spaces."""
    for area in present:
        same = [name for name in wanted if name != area and name.casefold() == area.strip().casefold()]
        if same:
            raise InputError(f"{place}: area {area!r} of the data is another than {same[0]!r} of config: areas; spell it so.")
