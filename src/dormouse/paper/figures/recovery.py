"""The figure of which networks and layers are recovered from simulated neurons."""

from textwrap import fill

import numpy as np
import pandas as pd

from dormouse.inference.recovered import LAYER, NETWORK, shares_recovered
from dormouse.paper.evidence import numbers
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.style import SMALL_PT, NotDrawn, plt, stacked
from dormouse.tables import WHOLE

LOOKS = {NETWORK: {"marker": "o", "markerfacecolor": "black"}, LAYER: {"marker": "s", "markerfacecolor": "white"}}
SHIFTS = {NETWORK: -0.15, LAYER: 0.15}  # from the middle of a row, which has a height of 1
ROW_IN, CELL_IN = 0.18, 0.19  # heights of a row of shares, and of a row of a matrix, inches
SHARE, COUNT = "share", "count"  # marks


def data(tables: Tables) -> pd.DataFrame:
    """Return shares of simulations: by each method over all areas, and by those shown side by side in each area; and, by the
    latter, how often neurons of a network were said to come from each.
    """
    recovery = tables["recovery"]
    if not len(recovery):
        raise NotDrawn(
            "no neurons were simulated from networks: it takes recorded neurons, and two networks with random weights or more."
        )
    shown = recovery[recovery.method.isin([row["method"] for row in shown_methods(tables)])]
    counts = shown.dropna(subset="recovered").groupby(["method", "model", "recovered"], as_index=False).size()
    counts = counts.rename(columns={"size": "n"}).assign(mark=COUNT)
    everywhere = shares_recovered(recovery, ["method"]).assign(area=WHOLE)
    return pd.concat(
        [part.assign(mark=SHARE) for part in (everywhere, shares_recovered(shown, ["method", "area"]))] + [counts]
    )


def plot(tables: Tables) -> plt.Figure:
    """Draw shares by method and by area, and below them for each method shown side by side a matrix of networks."""
    marks, areas, labels = data(tables), areas_of(tables), tables["methods"].set_index("method").label
    methods = [row["method"] for row in shown_methods(tables) if row["method"] in set(marks.method)]
    shares, counts = marks[marks.mark == SHARE], marks[marks.mark == COUNT]
    names = tables["models"].set_index("model").display_name
    names = names[names.index.isin(tables["recovery"].model)]
    order, shown = (
        [name for name in places if name in set(found)]
        for places, found in ((labels.index, shares.method), (areas, shares.area))
    )
    heights = 0.5 + ROW_IN * max(len(order), len(shown)), 1.6 + CELL_IN * len(names)
    figure, (upper, lower) = stacked(heights)
    axes = upper.subplots(1, 1 + len(methods), sharex=True)
    rows = shares[shares.area == WHOLE]
    _draw_shares(axes[0], rows.method.map(order.index), rows, list(labels[order]), "all areas")
    matrices = lower.subplots(1, len(methods), squeeze=False, sharey=True)[0]
    for method, ax, matrix in zip(methods, axes[1:], matrices, strict=True):
        rows = shares[(shares.method == method) & (shares.area != WHOLE)]
        _draw_shares(ax, rows.area.map(shown.index), rows, shown, labels[method])
        _draw_matrix(matrix, counts[counts.method == method], names)
        matrix.set_title(labels[method])
    matrices[0].set_ylabel("true network")
    n = numbers(tables["recovery"].groupby(["method", "area"]).size())
    figure.suptitle(
        f"{run_facts(tables['run'])['title']}: {n} simulations by each method in each area, from {len(names)} networks"
    )
    handles = {label: handle for handle, label in zip(*axes[0].get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3)
    return figure


def _draw_shares(ax: plt.Axes, places: pd.Series, rows: pd.DataFrame, names: list[str], title: str) -> None:
    """Draw shares with intervals, networks above layers, and the share by chance."""
    for right, look in LOOKS.items():
        own = rows.right == right
        y, part = places[own] + SHIFTS[right], rows[own]
        ax.hlines(y, part.low, part.high, color="black", linewidth=0.8)
        ax.plot(
            part.share,
            y,
            linestyle="",
            color="black",
            markersize=2.8,
            markeredgewidth=0.6,
            label=f"{right}, 95 % interval",
            **look,
        )
    for chance in rows.chance.dropna().unique():
        ax.axvline(chance, color="0.5", linestyle=":", linewidth=0.8, label="network, by chance")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(-0.03, 1.03), ylim=(len(names) - 0.5, -0.5), xlabel="share of simulations", title=fill(title, 26))


def _draw_matrix(ax: plt.Axes, counts: pd.DataFrame, names: pd.Series) -> None:
    """Draw how often neurons of each network (rows) were said to come from each (columns), as shares of the row."""
    matrix = counts.pivot(index="model", columns="recovered", values="n").reindex(index=names.index, columns=names.index)
    matrix = matrix.fillna(0).to_numpy()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        ax.text(column, row, f"{matrix[row, column]:.0f}", ha="center", va="center", fontsize=SMALL_PT, color=colour)
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel("named network")
    ax.tick_params(length=0)
