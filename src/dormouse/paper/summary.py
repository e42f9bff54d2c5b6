"""The first page of the report, in words: what was asked, what was found, how sure it is, what is open, what was not run.

Every sentence about results is made from rows of tables: by `dormouse.inference.wording` and `limits`, or here.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from dormouse.inference.limits import limits
from dormouse.inference.questions import NEGATIVE, NOT_RUN, POSITIVE, TOO_FEW
from dormouse.inference.wording import sentence
from dormouse.paper.evidence import ALPHA, is_main
from dormouse.paper.facts import Tables
from dormouse.paper.rankings import first_places, first_words, joined
from dormouse.paper.replication import AGREES, DIFFERS
from dormouse.paper.replication import NOT_RUN as NOT_HELD
from dormouse.tables import WHOLE, whole_areas

VERDICTS = {  # on published numbers: of one of them, and of several
    DIFFERS: ("differs", "differ"),
    AGREES: ("agrees", "agree"),
    NOT_HELD: ("was not run", "were not run"),
}
FOUND, OPEN, LACKING = "found", "open", "lacking"
KINDS = {
    POSITIVE: FOUND,
    NEGATIVE: FOUND,
    NOT_RUN: LACKING,
    TOO_FEW: LACKING,
}  # of verdicts; any other leaves the question open


def summary(tables: Tables, facts: Mapping, shown: Sequence[Mapping]) -> dict:
    """Return the sentences of the first page.

    Parameters
    ----------
    facts : of the run
    shown : rows of the methods that are set side by side

    Returns
    -------
    asked : a sentence; questions : what is asked of the tables
    first : for each method, what it is `about` and what is `said`: which network is first in which area
    found, open, lacking : likewise for each question
    in_areas : likewise, for single areas where there is an answer on average over areas
    sure : likewise for each method that is set side by side; `sure_of_others`: for the other methods
    """
    labels = dict(zip(tables["methods"].method, tables["methods"].label, strict=True))
    names = dict(zip(tables["models"].model, tables["models"].display_name, strict=True))
    own = [method["method"] for method in shown]
    sure = _sure(tables, labels)
    return {
        "asked": asked(tables, facts["areas"], [method["label"] for method in shown]),
        "questions": list(tables["comparisons"].question.unique()),
        "first": [
            {"about": labels[method], "said": said}
            for method in own
            if (said := first_words(first_places(tables, method), names, facts["areas"]))
        ],
        **answers(tables["comparisons"], labels),
        "sure": [line for line in sure if line["method"] in own],
        "sure_of_others": [line for line in sure if line["method"] not in own],
    }


def asked(tables: Tables, areas: Sequence[str], labels: Sequence[str]) -> str:
    """Return what a run asks, in one sentence: of how many networks, in which areas, of what data, by which methods."""
    intervals = tables["intervals"]
    counts = [("images", intervals.n_images.max()), ("animals", tables["animal_scores"].animal.nunique() or None)]
    if len(neurons := tables["neurons"]):
        kept = neurons[neurons.kept].drop_duplicates(["recording", "neuron"])
        counts.append(("neurons", len(kept)))
    data = [f"{n:,.0f} {what}" for what, n in counts if pd.notna(n)]
    layers = f"{tables['models'].n_layers.sum():,} layers of {len(tables['models']):,} networks"
    question = f"How similar are {layers} to {joined(areas)} of mice, by {joined(labels)}?"
    return f"{question} There are {joined(data)}." if data else question


def answers(comparisons: pd.DataFrame, labels: Mapping[str, str]) -> dict[str, list[dict]]:
    """Return what may be said of each question, by whether it is found, open or lacking; of single areas apart, `in_areas`."""
    found: dict[str, list[dict]] = {kind: [] for kind in (FOUND, OPEN, LACKING, "in_areas")}
    for question, rows in comparisons.groupby("question", sort=False):
        everywhere = rows.area == WHOLE
        first = everywhere if everywhere.any() else ~everywhere
        kinds = rows.verdict.map(KINDS).fillna(OPEN).where(first, "in_areas")
        for kind, own in rows.groupby(kinds):
            said = list(dict.fromkeys(sentence(row, labels) for row in own.to_dict("records")))
            found[kind].append({"about": question, "said": said})
    return found


def _sure(tables: Tables, labels: Mapping[str, str]) -> list[dict]:
    """Return for each method what tells how sure its scores are."""
    decided = {line["label"]: line["said"] for line in limits(tables, labels)}
    found = []
    for method, label in labels.items():
        own = {
            name: tables[name][tables[name].method == method] for name in ("intervals", "permutation_tests", "layer_choices")
        }
        parts = _width(own["intervals"]), _chance(own["permutation_tests"]), _flattery(own["layer_choices"])
        if said := [part for part in parts if part] + decided.get(label, []):
            found.append({"method": method, "about": label, "said": said})
    return found


def _width(intervals: pd.DataFrame) -> str:
    """Say how wide intervals are, and for what they are."""
    rows = whole_areas(intervals)
    known = rows[is_main(rows) & rows.low.notna()]
    if not len(known):
        return ""
    half = (known.high - known.low) / 2
    return (
        f"The 95 % interval of a score is {half.median():.3f} to either side (median over networks and areas; over "
        f"{joined(known.over.unique())})."
    )


def _chance(tests: pd.DataFrame) -> str:
    """Say how many networks score above chance."""
    rows = whole_areas(tests)
    known = rows[rows.q.notna()]
    if not len(known):
        return ""
    n = known.n_permutations.max()
    if 1 / (n + 1) >= ALPHA:
        return f"Whether networks score above chance is open: with images shuffled {n} times, p is {1 / (n + 1):.2g} at least."
    above = known.assign(above=known.q < ALPHA).groupby(["area", "cortical_layer"]).above.agg(["sum", "count"])
    few, most = above["sum"].min(), above["sum"].max()
    ends = f"{few}" if few == most else f"{few} to {most} by area"
    return f"Of {above['count'].max()} networks, {ends} score above chance (q < {ALPHA}, images shuffled {n} times)."


def _flattery(choices: pd.DataFrame) -> str:
    """Say how much a choice of layers on the same data would flatter."""
    rows = whole_areas(choices).drop_duplicates(["model", "area", "cortical_layer", "choice"])
    means = rows.groupby("choice", sort=False).optimism.mean().dropna()
    if not len(means):
        return ""
    parts = joined([f"{mean:+.3f} against {choice.replace('_', ' ')}" for choice, mean in means.items()])
    return f"A layer that is chosen on the same data as it is scored on flatters its network: by {parts}, on average."


def replicated(targets: pd.DataFrame, is_study: bool) -> dict | None:
    """Return which published numbers a run has: how many, in words, and each one; None where the run has none of them.

    Parameters
    ----------
    targets : table `replication`
    is_study : whether the data are those of the published study; of other data, what was not run is left out

    Returns
    -------
    score : a sentence for hard targets, and one for soft ones
    differ : the targets that differ; targets : all of them, these first
    """
    own = targets if is_study else targets[targets.verdict != NOT_HELD]
    if not len(own):
        return None
    score = []
    for kind, rows in own.groupby("kind"):
        counts = rows.verdict.value_counts().to_dict()
        told = [f"{counts[verdict]} {words[counts[verdict] > 1]}" for verdict, words in VERDICTS.items() if verdict in counts]
        score.append(f"Of {len(rows)} {kind} targets, {joined(told)}.")
    order = own.assign(place=own.verdict.map(list(VERDICTS).index)).sort_values("place", kind="stable")
    columns = {"target": "target", "statement": "statement", "expected": "expected", "found": "found", "verdict": "verdict"}
    columns |= {"low": "agrees from", "high": "to", "because": "because", "kind": "kind", "source": "source"}
    targets = order[list(columns)].rename(columns=columns)
    return {"score": score, "differ": targets[targets.verdict == DIFFERS], "targets": targets}
