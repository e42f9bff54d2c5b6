"""The figures of a run, by resources/figures.yaml, and the code of each; the start of the workflow needs no more of them.

So nothing here imports what draws.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dormouse.code_hash import script_code
from dormouse.content_hash import short_hash

FOLDER = Path(__file__).with_name("figures")


def list_figures(
    table: Mapping[str, Mapping], instances: Mapping[str, Sequence[str]], presets: Mapping[str, Sequence[str]]
) -> dict[str, dict]:
    """Return the figures of a run by the name of their files.

    Parameters
    ----------
    table : `figures` of resources/figures.yaml
    instances : names of the methods, areas, models and variants of a run, by `method`, `area`, `model` and `variant`
    presets : names of the methods that belong to each preset

    Returns
    -------
    figure : its row of the table
    section : of the report
    endings : of its files
    of : what it is drawn of, a keyword of its functions for each page; a figure of the run has one page, and no keyword
    """
    found: dict[str, dict] = {}
    for figure, row in table.items():
        of = [{row["of"]: instance} for instance in instances[row["of"]]] if "of" in row else [{}]
        of = [one for one in of if "preset" not in row or one["method"] in presets.get(row["preset"], ())]
        own = {"figure": figure, "section": row["section"], "endings": ["pdf", "png", "csv"]}
        if row.get("pages"):
            found[figure] = own | {"endings": ["pdf", "csv"], "of": of}
        else:
            found |= {"_".join([figure, *one.values()]): own | {"of": [one]} for one in of}
    return found


def figure_code(table: Iterable[str]) -> dict[str, str]:
    """Return a hash of the code that each figure depends on; it is found by name, so that of the script does not lead to it.

    One for each, because a figure may need a part of the module of another, whose hash is then that of this part alone.
    """
    return {figure: short_hash(script_code(FOLDER / f"{figure}.py", "data", "plot")) for figure in table}
