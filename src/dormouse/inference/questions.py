"""Answers to questions about networks, from the resampled scores of all models by all methods."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.column_groups import FLOAT, INT, STRING
from dormouse.columns import TABLES
from dormouse.files import read_arrays
from dormouse.inference.comparison import q_values
from dormouse.inference.contrasts import FEWEST, chosen, contrasts_of, units_of
from dormouse.inference.estimates import agreement, estimate
from dormouse.inference.resampled import OF_SITE, Resamples, at_each_site, joined, mean_of
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import WHOLE, whole_areas

PLACE = ["area", "cortical_layer"]
EVERYWHERE = {"area": WHOLE, "cortical_layer": WHOLE}  # the mean over areas
POSITIVE, NEGATIVE, UNDECIDED, TOO_FEW, NOT_RUN = "positive", "negative", "undecided", "too few networks", "not run"
ALPHA = 0.05  # of q
TESTS = {  # by the kind of question: the test over units, and the size of the effect
    "pairs": ("Student's t of differences over units", "Hedges g of pairs"),
    "groups": ("Welch's t over units", "Hedges g of units"),
    "covariates": ("t of a least-squares slope over units", "partial r"),
    "agreement": ("Spearman over units", "rho"),
}
OF_TYPE = {STRING: object, FLOAT: float, INT: "Int64"}  # of columns, while a value may be missing
NO_KINDS = {"first": "", "second": "", "verdict": TOO_FEW, "n_units": 0, "n_models": 0}  # nothing to compare with anything
CORRECTION = "Benjamini-Hochberg over all that the question compares, by all methods, in all areas"


@dataclass
class Scored:
    """The scores of models at one site by one method, or their means over areas.

    Attributes
    ----------
    place : method, selection, area, cortical_layer
    models : names
    statistics : resamples of the models: of the mean over animals where there is one, then of pooled scores
    """

    place: dict[str, str]
    models: list[str]
    statistics: list[Resamples]


def read_scored(paths: Mapping[str, Sequence[str | Path]], models: Sequence[str]) -> list[Scored]:
    """Return the scores of all methods at whole areas (or the layers of areas that are there in parts), and means over areas.

    Parameters
    ----------
    paths : files of the arrays of `assessment.assess` by family, one for each model
    """
    found = []
    for files in paths.values():
        sites = at_each_site(list(map(read_arrays, files)))
        shown = whole_areas(pd.DataFrame([place for place, _, _ in sites], columns=OF_SITE)).index
        found += [Scored(place, [models[k] for k in own], parts) for place, own, parts in (sites[k] for k in shown)]
    return found + [mean for of_method in _by(found, ["method"]) for mean in _over_areas(of_method)]


def _over_areas(sites: Sequence[Scored]) -> list[Scored]:
    """Return the mean over the sites of one method, of the models that have a score at each, if there are several sites."""
    common = [model for model in sites[0].models if all(model in site.models for site in sites)]
    if len(sites) < 2 or not common:
        return []
    parts = [[part.of([site.models.index(model) for model in common]) for part in site.statistics] for site in sites]
    return [Scored(sites[0].place | EVERYWHERE, common, [mean_of(same) for same in _shared(parts)])]


def _shared(parts: Sequence[list[Resamples]]) -> list[tuple[Resamples, ...]]:
    """Return the statistics that all have, of which the last is the pooled score, each with the resamples of all."""
    n = min(map(len, parts))
    return list(zip(*(part[-n:] for part in parts), strict=True))


def _by(scored: Iterable[Scored], keys: Sequence[str]) -> list[list[Scored]]:
    """Return groups of scores whose places have the same names."""
    groups: dict[tuple, list[Scored]] = {}
    for part in scored:
        groups.setdefault(tuple(part.place[key] for key in keys), []).append(part)
    return list(groups.values())


def answer(
    rows: Mapping[str, Mapping], scored: Sequence[Scored], models: pd.DataFrame, best: pd.DataFrame, methods: Iterable[str]
) -> pd.DataFrame:
    """Return the table `comparisons`, without `sentence`.

    Parameters
    ----------
    rows : from `contrasts.list_contrasts`
    scored : from `read_scored`
    models : from `contrasts.with_attributes`
    best : the table `best_layers`; the effective dimension of a model is that of the layer that represents it
    methods : names of those that are run
    """
    sites, known = whole_areas(best), set(methods)
    dimension = pd.concat([sites, sites.assign(**EVERYWHERE)]).groupby(["method", *PLACE, "model"]).effective_dimension.mean()
    tables = []
    for name, row in rows.items():
        named = methods_of(row)
        if missing := [method for method in named if method not in known]:
            found = [EVERYWHERE | {"method": missing[0], "verdict": NOT_RUN}]
        else:
            cells = _cells(named, scored, asked_of(row, models), dimension)
            found = _once([line for cell in cells for line in _answers(row, *cell)] or [NO_KINDS])
        test, effect = TESTS[row["kind"]]
        asked = {"contrast": name, "question": row["question"], "kind": row["kind"], "unit": row["unit"], "test": test}
        tables.append(_decided([asked | {"effect": effect, "correction": CORRECTION} | line for line in found]))
    return pd.concat(tables, ignore_index=True)


def methods_of(row: Mapping) -> list[str]:
    """Return the methods that a question names."""
    given = [row[side]["method"] for side in ("first", "second") if "method" in row.get(side, {})]
    for where in _conditions(row):
        values = where.get("method", [])
        given += [values] if isinstance(values, str) else values
    return list(dict.fromkeys(given))


def asked_of(row: Mapping, models: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that a question is about: those that see the original images, unless it names a set of stimuli."""
    sets = any("stimulus_set" in where for where in _conditions(row))
    return models if sets else models[models.stimulus_set == ORIGINAL]


def _conditions(row: Mapping) -> list[Mapping]:
    return [row["among"], *(row[side].get("where", {}) for side in ("first", "second") if side in row)]


def _cells(
    named: Sequence[str], scored: Sequence[Scored], models: pd.DataFrame, dimension: pd.Series
) -> Iterator[tuple[dict[str, str], pd.DataFrame, Resamples]]:
    """Yield what each answer rests on: its place, attributes of the scores, and their resamples.

    One method at one site, or all methods that the question names at one site.
    """
    used = [part for part in scored if not named or part.place["method"] in named]
    labels = models.set_index("model")
    for parts in _by(used, PLACE if named else OF_SITE):
        entries, statistics = [], []
        for part in parts:
            own = [k for k, model in enumerate(part.models) if model in labels.index]
            table = labels.loc[[part.models[k] for k in own]].reset_index().assign(**part.place)
            at = pd.MultiIndex.from_frame(table[["method", *PLACE, "model"]])
            entries.append(table.assign(effective_dimension=dimension.reindex(at).to_numpy()))
            statistics.append([resamples.of(own) for resamples in part.statistics])
        place = {key: ", ".join(dict.fromkeys(part.place[key] for part in parts)) for key in OF_SITE}
        yield place, pd.concat(entries, ignore_index=True), joined(_shared(statistics)[0])


def _answers(row: Mapping, place: Mapping[str, str], entries: pd.DataFrame, resamples: Resamples) -> list[dict]:
    """Return the rows of `comparisons` of one question at one place."""
    if row["kind"] == "agreement":
        return [dict(place) | _agreement(row, entries, resamples)]
    lines = []
    for contrast in contrasts_of(row, entries):
        counts = {"first": contrast.first, "second": contrast.second, "n_units": min(map(len, contrast.units))}
        counts["n_models"] = entries.model[contrast.weights != 0].nunique()
        counts["n_pairs"] = None if contrast.pairs is None else len(contrast.pairs)
        found = {"verdict": TOO_FEW} if contrast.few else {"statistic": resamples.statistic} | estimate(contrast, resamples)
        lines.append(dict(place) | counts | found)
    return lines


def _agreement(row: Mapping, entries: pd.DataFrame, resamples: Resamples) -> dict:
    """Return how alike two methods order units of the networks that have a score by both."""
    sides = [chosen(entries, row["among"] | {"method": row[side]["method"]}) for side in ("first", "second")]
    both = set(entries.model[sides[0]]) & set(entries.model[sides[1]])
    units = [units_of(row, entries, side & entries.model.isin(both).to_numpy()) for side in sides]
    found = {"first": row["first"]["label"], "second": row["second"]["label"], "n_units": len(units[0]), "n_models": len(both)}
    if len(units[0]) < FEWEST:
        return found | {"verdict": TOO_FEW}
    return found | {"statistic": resamples.statistic} | agreement(*(part @ resamples.estimate for part in units))


def _once(lines: list[dict]) -> list[dict]:
    """Return one line for each comparison where, whatever the method and the area, there are too few networks."""
    if any(line.get("verdict") != TOO_FEW for line in lines):
        return lines
    nowhere = EVERYWHERE | {"method": "", "selection": ""}
    return list({(line["first"], line["second"]): line | nowhere for line in lines}.values())


def _decided(lines: list[dict]) -> pd.DataFrame:
    """Return lines with all columns of `comparisons`: with q and, where there is an estimate, a verdict."""
    columns = TABLES["comparisons"]
    table = pd.DataFrame(lines).reindex(columns=list(columns))
    table = table.astype({name: OF_TYPE[kind] for name, (kind, _) in columns.items()})
    table["q"] = q_values(table.p)
    sign = np.sign(table.estimate).where(table.q < ALPHA, 0.0)
    verdicts = sign.map({1.0: POSITIVE, -1.0: NEGATIVE, 0.0: UNDECIDED})
    table["verdict"] = table.verdict.where(table.verdict.notna(), verdicts)
    text = [name for name, (kind, _) in columns.items() if kind == STRING]
    return table.assign(**table[text].fillna(""))
