"""From the tables of a run to its figures: resources/figures.yaml lists them, and each is drawn by a module of its name.

A module of `dormouse.paper.figures` has two functions of the tables: `data`, what is drawn, one row a mark; and `plot`, the
figure. A figure of which a run has too little is replaced by a sentence.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from joblib import Parallel, delayed

from dormouse.errors import InputError, suggest
from dormouse.files import atomic
from dormouse.paper.facts import Tables, method_row, run_facts
from dormouse.paper.figures.style import NotDrawn, placeholder, plt, save, save_pages
from dormouse.tables import read_tables

INDEX = ["name", "figure", "section", "title", "caption", "not_drawn"]  # columns of what is known of all figures
FACTS = ("run", "methods")  # tables that every figure gets


def draw_figures(
    table: Mapping[str, Mapping],
    figures: Mapping[str, Mapping],
    paths: Sequence[str | Path],
    folder: str | Path,
    threads: int = 1,
) -> None:
    """Draw figures into `folder`: each as PDF and PNG, what it shows as CSV, and index.csv, what is said of all.

    Parameters
    ----------
    table : `figures` of resources/figures.yaml
    figures : of `listing.list_figures`
    paths : of tables, each named after its table
    """
    files = list(map(str, paths))
    longest_first = sorted(figures.items(), key=lambda figure: -len(figure[1]["of"]))  # so that processes end together
    jobs = (delayed(_draw)(name, row["figure"], table, row["of"], files, folder) for name, row in longest_first)
    drawn = {row["name"]: row for row in Parallel(n_jobs=threads, backend="multiprocessing")(jobs)}
    index = pd.DataFrame([drawn[name] for name in figures], columns=INDEX)
    with atomic(Path(folder, "index.csv")) as temporary:
        index.to_csv(temporary, index=False)


def plot(table: Mapping[str, Mapping], name: str, tables: Tables, of: Mapping[str, str]) -> plt.Figure:
    """Return one figure of the tables of a run.

    Raises InputError for an unknown figure, a wrong keyword in `of`, and where the run has too little for it.
    """
    if name not in table:
        raise InputError(f"unknown figure {name!r}. {suggest(name, table)}")
    if [*of] != ([table[name]["of"]] if "of" in table[name] else []):
        wanted = f"one keyword, {table[name]['of']}" if "of" in table[name] else "no keyword"
        raise InputError(f"figure {name}: given {', '.join(of) or 'no keyword'}; expected {wanted}.")
    given = {known: tables[known] if known in tables else read_tables(known, []) for known in (*FACTS, *table[name]["reads"])}
    try:
        return import_module(f"dormouse.paper.figures.{name}").plot(given, **of)
    except NotDrawn as error:
        raise InputError(f"figure {name}: {error}") from error


def read_for(row: Mapping, paths: Sequence[str]) -> Tables:
    """Return the tables that a figure reads, and `FACTS`; one without a file is empty."""
    return {name: _read(name, tuple(path for path in paths if Path(path).stem == name)) for name in (*FACTS, *row["reads"])}


@cache
def _read(name: str, paths: tuple[str, ...]) -> pd.DataFrame:
    return read_tables(name, paths)


def _draw(name: str, figure: str, table: Mapping, of: list[dict], paths: list[str], folder: str | Path) -> dict:
    """Draw one figure, and return its row of the index."""
    row, module = table[figure], import_module(f"dormouse.paper.figures.{figure}")
    tables, stem, reason, shown = read_for(row, paths), Path(folder, name), "", pd.DataFrame()
    try:
        shown = pd.concat([module.data(tables, **one).assign(**one) for one in of], ignore_index=True)
        pages = (module.plot(tables, **one) for one in of)
        if row.get("pages"):
            save_pages(pages, f"{stem}.pdf")
        else:
            save(next(pages), [f"{stem}.pdf", f"{stem}.png"])
    except NotDrawn as error:
        reason = str(error)
        save(placeholder(reason), [f"{stem}.pdf"] + [f"{stem}.png"] * (not row.get("pages")))
    with atomic(f"{stem}.csv") as temporary:
        shown.to_csv(temporary, index=False)
    said = {key: _words(row[key], tables, of) for key in ("title", "caption")}
    return {"name": name, "figure": figure, "section": row["section"], "not_drawn": reason} | said


def _words(text: str, tables: Tables, of: list[dict]) -> str:
    """Return a title or caption of the table of figures with what its braces stand for."""
    method = method_row(tables, of[0]["method"]) if of and "method" in of[0] else {}
    facts = {"run": run_facts(tables["run"]), "method": method} | (of[0] if of and "method" not in of[0] else {})
    return " ".join(Environment(undefined=StrictUndefined).from_string(text).render(facts).split())
