"""Names in a dataset folder: of areas, cortical layers, animals, sessions, neurons and sites; and which are refused.

Two spellings of one name would split one thing into two, and no number would look wrong.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from dormouse.errors import InputError, suggest
from dormouse.recordings.cre_lines import CORTICAL_LAYERS
from dormouse.written import cut

WHOLE = "all"  # in the place of a cortical layer: the whole area; in the place of an area: all areas
MISSING = {"nan", "na", "n/a", "none", "null", "<na>", "nat"}  # what programs write for a missing value
MOST_LETTERS = 100  # of a cell: in an array, every name takes the room of the longest
SITE = re.compile(r"([\w.]+)(?:-([^\W_]+(?:[_/.][^\W_]+)*))?")


def check_cells(path: Path, table: pd.DataFrame) -> None:
    """Raise InputError for the first cell that cannot be a name; the index of the table is the line in the file."""
    for column in table:
        for line, cell in table[column].items():
            wrong = ""
            if cell != cell.strip() or not cell.isprintable():
                wrong = "remove the space, or what cannot be seen"
            elif len(cell) > MOST_LETTERS:
                wrong = f"expected at most {MOST_LETTERS} letters"
            elif cell.casefold() in MISSING:
                wrong = "leave the cell empty where a value is not known, or give another name"
            elif column in ("area", "layer") and cell.casefold() == WHOLE:
                wrong = f"{WHOLE!r} is reserved for the whole area; rename it"
            elif column == "layer" and "-" in cell:
                wrong = "'-' stands between area and layer; write 2/3, which spreadsheets take for a date"
            if wrong:
                raise InputError(f"{path}: line {line}: {column} is {cut(cell)}: {wrong}.")


def check_spelling(place: str | Path, what: str, names: Iterable[str], known: Sequence[str] = ()) -> None:
    """Raise InputError where two names, or a name and a known one, differ only in case; layers also in `_` for `/`.

    An accented letter may be one character or two, which look the same.
    """
    spelt: dict[str, str] = {}
    for name in (*known, *names):
        key = unicodedata.normalize("NFC", name).casefold()
        key = key.replace("_", "/") if what == "layer" else key
        other = spelt.setdefault(key, name)
        if other != name:
            same_looks = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
            shown = ascii if same_looks else repr
            pair = f"{what} {shown(name)} and {shown(other)}"
            raise InputError(f"{place}: {pair} differ only in spelling; use {shown(other)} for both.")


def site_of(name: str) -> tuple[str, str]:
    """Return area and cortical layer of a site named AREA-LAYER, as VISp-2_3, or AREA for the whole area."""
    area, _, layer = name.partition("-")
    return area, layer.replace("_", "/") or WHOLE


def sites_of(path: Path, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return area and cortical layer of each site of a file, by its name.

    Raises InputError for names that are not names of sites, and for one site or one area in two spellings.
    """
    sites: dict[str, tuple[str, str]] = {}
    for name in names:
        parts = SITE.fullmatch(name)
        if not parts or {part.casefold() for part in parts.groups("")} & {*MISSING, WHOLE}:
            raise InputError(
                f"{path}: {name!r} is not the name of a site; expected AREA for a whole area or AREA-LAYER, as VISp or "
                f"VISp-2_3. {WHOLE!r} is reserved."
            )
        same = [other for other, site in sites.items() if site == site_of(name)]
        if same:
            raise InputError(f"{path}: {same[0]!r} and {name!r} are one site; take one away or rename it.")
        sites[name] = site_of(name)
    check_spelling(path, "area", [area for area, _ in sites.values()])
    check_spelling(path, "layer", [layer for _, layer in sites.values()], CORTICAL_LAYERS)
    return sites


def without(recordings: Sequence[str], exclude: Iterable[str | int], place: str | Path) -> list[str]:
    """Return the recordings of a data set that are not to be left out; raises InputError for one that it does not have."""
    left_out = [str(name) for name in exclude]
    if unknown := [name for name in left_out if name not in recordings]:
        raise InputError(f"config: exclude: {unknown[0]!r} is no recording of {place}. {suggest(unknown[0], recordings)}")
    if kept := [name for name in recordings if name not in left_out]:
        return kept
    raise InputError(f"config: exclude: all {len(recordings)} recordings of {place} are left out. Name fewer.")


def check_areas(place: str | Path, wanted: Sequence[str], present: Iterable[str]) -> None:
    """Raise InputError where an area of the data differs from one of the configuration only in case or spaces."""
    for area in present:
        same = [name for name in wanted if name != area and name.casefold() == area.strip().casefold()]
        if same:
            what = f"area {area!r} of the data and {same[0]!r} of config: areas"
            raise InputError(f"{place}: {what} differ only in spelling; write {same[0]!r}.")
