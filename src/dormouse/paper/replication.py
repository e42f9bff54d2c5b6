"""The score of a replication: published numbers held against those of a run, from its tables alone.

A number that differs is told, and stays. Most numbers are of the recordings of the Allen Brain Observatory; what a run of
other data has in their place says how far the finding holds there, not whether the run is right.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from dormouse.columns import TABLES
from dormouse.paper.facts import Tables, run_facts
from dormouse.paper.measures.found import Found, NotRun
from dormouse.paper.measures.networks import n_networks, projection_columns, size_of_network
from dormouse.paper.measures.neurons import (
    highest_reliability,
    highest_similarity,
    n_neurons,
    published_rdm,
    reliability_of_rdm,
    site_similarity,
)
from dormouse.paper.measures.scores import (
    difference,
    effect_of_pairs,
    mean_score,
    median_depth,
    rank,
    ranks_gained,
    score_of_noise,
    share_above,
    share_of_pairs,
)

MEASURES = {
    measure.__name__: measure
    for measure in (
        *(n_neurons, reliability_of_rdm, highest_reliability, site_similarity, highest_similarity, published_rdm),
        *(projection_columns, size_of_network, n_networks),
        *(share_of_pairs, effect_of_pairs, rank, ranks_gained, difference, mean_score, median_depth, share_above),
        score_of_noise,
    )
}
AGREES, DIFFERS, NOT_RUN = "agrees", "differs", "not run"
ROUNDING = 1e-9  # by which a value may lie beyond a limit
ALLEN = "allen"  # the data set of the paper, as `dataset` of the configuration names it


def replicate(targets: Sequence[Mapping], tables: Tables) -> pd.DataFrame:
    """Return the table `replication`.

    Parameters
    ----------
    targets : of `targets.list_targets`
    tables : those of `targets.READ`; all but run, methods and models may be empty
    """
    facts = run_facts(tables["run"])
    rows = [{**target, **_found(target, tables, facts)} for target in targets]
    return pd.DataFrame(rows)[list(TABLES["replication"])].astype(dict.fromkeys(("value", "low", "high"), float))


def _found(target: Mapping, tables: Tables, facts: Mapping) -> dict:
    """Return found, value, verdict and because of a target."""
    try:
        _check_data(target, facts)
        found = MEASURES[target["measure"]](tables, **target["of"])
    except NotRun as reason:
        return {"found": "", "value": None, "verdict": NOT_RUN, "because": str(reason)}
    verdict = AGREES if _inside(found, target) else DIFFERS
    return {"found": found.words, "value": float(found.value), "verdict": verdict, "because": _apart(target, tables, facts)}


def _check_data(target: Mapping, facts: Mapping) -> None:
    """Raise NotRun where a number is of other data than the run."""
    if facts["config"]["dataset"] == ALLEN or target["data"] in ("any", "none"):
        return
    if target["data"] == ALLEN or facts["kind"] != "similarity":
        or_matrices = "" if target["data"] == ALLEN else ", or the published similarity matrices as the data set"
        raise NotRun(f"it takes the recordings of the Allen Brain Observatory (`dataset: allen`){or_matrices}.")


def _inside(found: Found, target: Mapping) -> bool:
    above = target["low"] is None or found.value >= target["low"] - ROUNDING
    return above and (target["high"] is None or found.value <= target["high"] + ROUNDING)


def _apart(target: Mapping, tables: Tables, facts: Mapping) -> str:
    """Return what sets a run apart from that of the paper: its data, and settings of its methods."""
    reasons = []
    if target["data"] != "none" and facts["config"]["dataset"] != ALLEN:
        reasons.append(f"the number is of recordings of the Allen Brain Observatory, and this run of {facts['title']}")
    best = tables["best_layers"]
    named = {target["of"].get("method"), target["of"].get("other_method")}
    if differs := sorted(set(best.differs[best.method.isin(named)]) - {""}):
        reasons.append(f"settings differ from the paper's: {'; '.join(differs)}")
    return f"{'; '.join(reasons)}." if reasons else ""
