"""The kinds of networks that figures tell apart, their looks, and which networks a figure names."""

from collections.abc import Mapping
from itertools import product

import pandas as pd

from dormouse.inference.contrasts import with_attributes
from dormouse.paper.figures.style import plt
from dormouse.stimuli.images import ORIGINAL

LABELS, SELF, TASKONOMY, OTHER = "trained on labels", "self-supervised", "Taskonomy", "other training"
MOUSENET, RANDOM, BASELINE = "MouseNet", "random weights", "baselines"
COLOURS = {  # in the order of figures; seaborn's "colorblind", and light blue for what is not trained
    **{LABELS: "#0173b2", SELF: "#029e73", TASKONOMY: "#de8f05", OTHER: "#ca9161"},
    **{MOUSENET: "#cc78bc", RANDOM: "#56b4e9", BASELINE: "black"},
}
ON_LABELS = "Object classification"  # a task
N_NAMED = 20  # networks that a figure of curves names
SHARES = {MOUSENET: 4, RANDOM: 4}  # of these, so many at most where there are more networks


def with_kinds(models: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that saw the original images, with `with_attributes` and two columns more.

    kind : one of `COLOURS`
    subkind : the same, but Taskonomy by cluster of tasks, and MouseNet with random weights for itself
    """
    found = with_attributes(models[models.stimulus_set == ORIGINAL])
    kinds = {  # a later one goes before those above it
        LABELS: found.task == ON_LABELS,
        SELF: found.group == "selfsupervised",
        TASKONOMY: found.source == "taskonomy",
        RANDOM: found.state == "random",
        MOUSENET: found.source == "mousenet",
        BASELINE: found.state == "none",
    }
    kind = pd.Series(OTHER, found.index, dtype=str)
    for name, belongs in kinds.items():
        kind = kind.mask(belongs, name)
    cluster = (TASKONOMY + ", " + found.task_cluster).where((kind == TASKONOMY) & (found.task_cluster != ""), kind)
    untrained = (found.state == "random") & (kind == MOUSENET)
    return found.assign(kind=kind, subkind=cluster.mask(untrained, f"{MOUSENET}, {RANDOM}"))


def subkinds(networks: pd.DataFrame) -> list[str]:
    """Return the subkinds that some networks have, in the order of figures."""
    kinds = list(COLOURS)
    found = networks.drop_duplicates("subkind").assign(place=networks.kind.map(kinds.index))
    return list(found.sort_values(["place", "subkind"]).subkind)


def named_models(scores: pd.DataFrame, networks: pd.DataFrame) -> list[str]:
    """Return the networks that a figure names, best first: all of a few, else the best, with some MouseNets and random ones.

    Parameters
    ----------
    scores : method, model and score; a network's place is its mean rank over methods, and over its rows of each
    networks : from `with_kinds`, those that may be named
    """
    means = scores[scores.model.isin(networks.model)].groupby(["method", "model"]).score.mean()
    places = means.groupby("method").rank(ascending=False).groupby("model").mean().sort_values(kind="stable")
    kinds = networks.set_index("model").kind.reindex(places.index)
    if len(places) <= N_NAMED:
        return list(places.index)
    few = [model for kind, n in SHARES.items() for model in places.index[kinds == kind][:n]]
    others = [model for model in places.index if kinds[model] not in SHARES][: N_NAMED - len(few)]
    return [model for model in places.index if model in {*few, *others}]


def line(network: Mapping | pd.Series) -> dict:
    """Return how the line of a network is drawn: its colour tells its kind, and dashes that its weights are random."""
    random = network["state"] == "random"
    return {"color": COLOURS[network["kind"]], "linestyle": "--" if random else "-", "linewidth": 0.7, "zorder": 2 + (not random)}


def dot(network: Mapping | pd.Series) -> dict:
    """Return how dots of networks are drawn: filled where they are trained, open where their weights are random."""
    colour = COLOURS[network["kind"]]
    fill = "white" if network["state"] == "random" else colour
    look = {"color": colour, "markerfacecolor": fill, "markeredgewidth": 0.5, "markersize": 2.3}
    return {"linestyle": "", "marker": "o", "zorder": 4} | look


def kind_handles(networks: pd.DataFrame) -> dict[str, plt.Line2D]:
    """Return the entries of a legend for the kinds of some networks, by their words."""
    handles = {}
    for kind, state in product(COLOURS, ("trained", "random")):
        if ((networks.kind == kind) & (networks.state == state)).any():
            network = {"kind": kind, "state": state}
            words = kind if state == "trained" or kind == RANDOM else f"{kind}, {RANDOM}"
            handles[words] = plt.Line2D([], [], **dot(network) | line(network))
    return handles
