"""The figure of the depth of the best layer, by kind of network and by area."""

import numpy as np
import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, area_colours, panels, plt
from dormouse.paper.networks import BASELINE, KINDS, MOUSENET, TASKS, networks
from dormouse.tables import whole_areas

ROW_IN, GAP = 0.075, 1.2  # height of a row, inches; space between kinds, rows
NETWORK, MEDIAN = "network", "median"  # marks


def data(tables: Tables) -> pd.DataFrame:
    """Return the depth of the best layer of each network in each area, by the methods shown side by side; and medians.

    Seeds of a network are averaged, and so are the sites of an area that the data set has only in parts. `n` is the number of
    networks behind the mark.
    """
    methods, known = [row["method"] for row in shown_methods(tables)], networks(tables["models"])
    best = tables["best_layers"]
    rows = whole_areas(best[best.method.isin(methods)].dropna(subset="score"))
    rows = rows.merge(known[known.kind != BASELINE], on="model")
    if not len(rows):
        raise NotDrawn("this run has no scores of networks apart from baselines, whose layers are no depths.")
    at = ["method", "area", "kind", "group", "state"]
    rows = rows.assign(group=_groups(rows))
    each = rows.groupby([*at, "network"], as_index=False).layer_depth.mean().assign(n=1, mark=NETWORK)
    medians = each.groupby(at, as_index=False).agg(layer_depth=("layer_depth", "median"), n=("n", "sum")).assign(mark=MEDIAN)
    return pd.concat([each, medians], ignore_index=True)


def _groups(rows: pd.DataFrame) -> pd.Series:
    """Return the groups of networks that have rows: their kinds, Taskonomy by cluster of tasks, MouseNets by their weights."""
    clusters = (TASKS + ", " + rows.task_cluster).where((rows.kind == TASKS) & (rows.task_cluster != ""), rows.kind)
    return clusters.mask((rows.kind == MOUSENET) & (rows.state == "random"), f"{MOUSENET}, random weights")


def plot(tables: Tables) -> plt.Figure:
    """Draw one panel per method, and in it one row per group and area: a dot per network, a line at their median."""
    shown, areas = data(tables), areas_of(tables)
    methods = [row for row in shown_methods(tables) if row["method"] in set(shown.method)]
    groups = shown.assign(place=shown.kind.map(KINDS.index)).sort_values(["place", "group"]).group.unique()
    colours, block = area_colours(areas), len(areas) + GAP
    rows = {(group, area): k * block + a for k, group in enumerate(groups) for a, area in enumerate(areas)}
    height = 1.1 + ROW_IN * block * len(groups)
    width = SINGLE_IN if len(methods) == 1 else DOUBLE_IN
    figure, axes = panels(1, len(methods), width, height, sharex=True, sharey=True)
    for row, ax in zip(methods, axes[0], strict=True):
        own = shown[shown.method == row["method"]]
        for (area, state, mark), marks in own.groupby(["area", "state", "mark"]):
            places = np.array([rows[group, area] for group in marks.group])
            _draw(ax, marks, places, mark, state, colours[area])
        ax.set(title=row["label"], xlabel="depth of the best layer", xlim=(-0.02, 1.02))
        for edge in range(1, len(groups)):
            ax.axhline(edge * block - (1 + GAP) / 2, color="0.85", linewidth=0.5)
        ax.tick_params(axis="y", length=0)
    counts = shown[shown.mark == MEDIAN].groupby("group").n.max()
    middle = np.arange(len(groups)) * block + (len(areas) - 1) / 2
    axes[0, 0].set_yticks(middle, [f"{group}\nn = {counts[group]}" for group in groups])
    axes[0, 0].set_ylim(len(groups) * block - (1 + GAP) / 2, -(1 + GAP) / 2)
    figure.suptitle(f"{run_facts(tables['run'])['title']}: depth of the best layer; n: networks of a kind")
    add_legend(figure, {area: plt.Line2D([], [], color=colour, linewidth=2) for area, colour in colours.items()})
    return figure


def _draw(ax: plt.Axes, marks: pd.DataFrame, places: np.ndarray, mark: str, state: str, colour: tuple) -> None:
    """Draw the networks of groups in an area as dots, open where weights are random; or the medians of several."""
    if mark == MEDIAN:
        several = (marks.n > 1).to_numpy()
        ax.vlines(marks.layer_depth[several], places[several] - 0.45, places[several] + 0.45, color=colour, linewidth=1.6)
    else:
        fill = "none" if state == "random" else colour
        ax.scatter(marks.layer_depth, places, s=4, facecolors=fill, edgecolors=[colour], linewidths=0.5, alpha=0.7)
