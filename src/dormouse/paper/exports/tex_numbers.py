r"""Numbers that a paper quotes, as one file of TeX: \dormouse{WHAT}{OF}{WHERE} stands for a number.

Names are made by one rule. WHAT is one of those in the head of the file, or a question and what is asked of its answer, as
`training.estimate`. OF is a method, or of numbers of neurons a selection. WHERE is an area, `VISp-2_3` for a layer of one, or
`all`. Any character but letters, digits and `.+_-` becomes `-`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from dormouse.errors import InputError
from dormouse.files import atomic
from dormouse.paper.evidence import is_main
from dormouse.paper.facts import Tables
from dormouse.tables import WHOLE, whole_areas

Number = tuple[str, str, str, str]  # what, of, where, and the number in words
ESCAPED = {
    **{letter: f"\\{letter}" for letter in "{}$&%#_"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
}
DIGITS = {"estimate": 3, "low": 3, "high": 3, "effect_size": 2}  # of an answer, behind the point; as in the report
OF_ANSWER = ["estimate", "low", "high", "effect_size", "q", "n_units", "verdict", "sentence"]
BY_SIDES = ("groups", "covariates")  # kinds of questions that have several answers
HEAD = r"""% Numbers of the run "{title}", rounded as in its report.
% \input{{numbers}}, then \dormouse{{score}}{{METHOD}}{{AREA}} stands for one.
% of a method and an area (or layer of an area: VISp-2_3; all: mean over areas):
%   best, score, low, high (95 % interval), ceiling, networks
% of a selection of neurons and an area, or all: neurons, recorded, animals. Of the run, everywhere: images, networks
% of an answer, by QUESTION.estimate, .low, .high, .effect_size, .q, .n_units, .verdict, .sentence, and a method and an area;
%   where a question has several answers, by QUESTION-FIRST-SECOND.estimate and so on
% of the replication: agrees, differs, not-run, of hard or soft targets
\def\dormouseset#1#2#3#4{{\expandafter\def\csname dormouse/#1/#2/#3\endcsname{{#4}}}}
\def\dormouse#1#2#3{{\expandafter\ifx\csname dormouse/#1/#2/#3\endcsname\relax
  \errmessage{{numbers.tex has no number #1 of #2 in #3}}\else\csname dormouse/#1/#2/#3\endcsname\fi}}
"""


def write_numbers(path: str | Path, tables: Tables, title: str) -> None:
    """Write the numbers of a run as TeX."""
    lines = [f"\\dormouseset{{{what}}}{{{of}}}{{{where}}}{{{text}}}" for (what, of, where), text in named(tables).items()]
    with atomic(path) as temporary:
        temporary.write_text(HEAD.format(title=" ".join(title.split())) + "\n".join(lines) + "\n", encoding="utf-8")


def named(tables: Tables) -> dict[tuple[str, str, str], str]:
    """Return the numbers of a run, as TeX, by their names.

    Raises InputError where two have one name.
    """
    found: dict[tuple[str, str, str], str] = {}
    for part in (_of_run, _of_neurons, _of_methods, _of_answers, _of_replication):
        for what, of, where, text in part(tables):
            name = (key(what), key(of), key(where))
            if name in found:
                raise InputError(f"numbers.tex: two numbers are named {name}: use letters and digits in names of areas.")
            found[name] = escaped(text)
    return found


def key(text: str) -> str:
    """Return a text as a part of a name."""
    return re.sub(r"[^A-Za-z0-9.+_-]", "-", text)


def escaped(text: str) -> str:
    """Return text as TeX shows it: special characters escaped, a minus and a power of ten as in a formula."""
    text = "".join(ESCAPED.get(letter, letter) for letter in text)
    text = re.sub(r"(?<![\w.-])-(?=\d)", r"\\ensuremath{-}", text)
    return re.sub(r"(\d)e([-+]\d+)", lambda number: rf"{number[1]}\ensuremath{{\times10^{{{int(number[2])}}}}}", text)


def _of_run(tables: Tables) -> Iterator[Number]:
    yield "images", "run", WHOLE, f"{tables['stimuli'].stimulus.nunique():,}"
    yield "networks", "run", WHOLE, f"{len(tables['models']):,}"


def _of_neurons(tables: Tables) -> Iterator[Number]:
    neurons = tables["neurons"]
    for area, rows in [*neurons.groupby("area"), (WHOLE, neurons)] if len(neurons) else ():
        for selection, own in rows.groupby("selection"):
            yield "neurons", selection, area, f"{own.kept.sum():,}"
            yield "recorded", selection, area, f"{len(own):,}"
            yield "animals", selection, area, f"{own.animal[own.kept].nunique():,}"


def _of_methods(tables: Tables) -> Iterator[Number]:
    """Yield the best network of each method and site: by the statistic that figures show, or on average over areas."""
    names = tables["models"].set_index("model").display_name
    main = tables["intervals"][is_main(tables["intervals"])]
    for (method, area, layer), rows in main.groupby(["method", "area", "cortical_layer"]):
        where, best = site(area, layer), rows.loc[rows.estimate.idxmax()]
        yield "best", method, where, names[best.model]
        yield "score", method, where, f"{best.estimate:.3f}"
        yield "networks", method, where, f"{len(rows):,}"
        for name in ("low", "high"):
            if pd.notna(best[name]):
                yield name, method, where, f"{best[name]:.3f}"
    yield from _ceilings(tables)
    shown = whole_areas(main)
    for method, rows in shown.groupby("method"):
        means = rows.pivot(index="model", columns=["area", "cortical_layer"], values="estimate").dropna().mean(axis=1)
        if len(means):
            yield "best", method, WHOLE, names[means.idxmax()]
            yield "score", method, WHOLE, f"{means.max():.3f}"
            yield "networks", method, WHOLE, f"{len(means):,}"


def _ceilings(tables: Tables) -> Iterator[Number]:
    sites = tables["ceilings"][tables["ceilings"].neuron.isna() & tables["ceilings"].ceiling.notna()]
    for row in tables["methods"].itertuples():
        own = sites[(sites.target == row.target) & (sites.selection == row.selection)]
        for at in own.itertuples():
            yield "ceiling", row.method, site(at.area, at.cortical_layer), f"{at.ceiling:.3f}"


def site(area: str, cortical_layer: str) -> str:
    """Return the name of a site, as VISp-2_3, or VISp for the whole area."""
    return area if cortical_layer == WHOLE else f"{area}-{cortical_layer.replace('/', '_')}"


def _of_answers(tables: Tables) -> Iterator[Number]:
    for row in tables["comparisons"].to_dict("records"):
        sides = "".join(f"-{_slug(row[side])}" for side in ("first", "second") if row[side] and row["kind"] in BY_SIDES)
        of, where = row["method"].replace(", ", "+") or WHOLE, site(row["area"], row["cortical_layer"])
        for name in OF_ANSWER:
            if (text := _answer(row, name)) is not None:
                yield f"{row['contrast']}{sides}.{name}", of, where, text


def _answer(row: Mapping, name: str) -> str | None:
    value = row[name]
    if pd.isna(value):
        return None
    if name in DIGITS:
        return f"{value:.{2 if row['kind'] == 'agreement' else DIGITS[name]}f}"
    return f"{value:.2g}" if name == "q" else value if isinstance(value, str) else f"{value:,.0f}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")


def _of_replication(tables: Tables) -> Iterator[Number]:
    table = tables["replication"]
    for kind in ("hard", "soft") if len(table) else ():
        for verdict in ("agrees", "differs", "not run"):
            yield verdict, kind, WHOLE, f"{((table.kind == kind) & (table.verdict == verdict)).sum():,}"
