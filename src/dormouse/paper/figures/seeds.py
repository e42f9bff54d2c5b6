"""The figure of how much random weights differ from seed to seed, beside how much networks differ."""

import pandas as pd

from dormouse.paper.evidence import N_SHOWN, POOLED, WORDS
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import AREA_SIZE, add_legend, axis_words, counted, dot, name_rows
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, area_colours, panels, plt
from dormouse.paper.networks import networks
from dormouse.tables import whole_areas

BETWEEN = "between networks"  # the row below those of networks
ROW_IN = 0.34  # height of a row, inches


def data(tables: Tables) -> pd.DataFrame:
    """Return mean, lowest and highest score of each random network's seeds in every area, by the methods shown.

    In the rows `BETWEEN` these are of the means of all such networks. Of areas in parts, means over the parts are given.
    """
    shown = [row["method"] for row in shown_methods(tables)]
    spread = whole_areas(tables["seed_spread"])
    spread = spread[spread.method.isin(shown)]
    if not len(spread):
        raise NotDrawn(
            "no network of this run has random weights with several seeds; `models.seeds` with several would add them."
        )
    known = networks(tables["models"])
    names = known.network.groupby(known.source + ":" + known.name).first()
    at = ["method", "network", "area"]
    own = spread.groupby(at, sort=False)[["n_seeds", "mean", "sd", "lowest", "highest"]].mean().reset_index()
    own["network"] = own.network.map(names).fillna(own.network)
    means = own.groupby(["method", "area"], sort=False)["mean"]
    between = means.agg(mean="mean", sd="std", lowest="min", highest="max", n_networks="size").reset_index()
    between = between[between.n_networks > 1].assign(network=BETWEEN)
    return pd.concat([own, between], ignore_index=True).assign(statistic=WORDS[POOLED])


def plot(tables: Tables) -> plt.Figure:
    """Draw for each method the range over seeds of each network (rows) in every area, and below it that over networks."""
    shown, colours = data(tables), area_colours(areas_of(tables))
    methods = [row for row in shown_methods(tables) if row["method"] in set(shown.method)]
    means = shown[shown.network != BETWEEN].groupby("network")["mean"].mean().sort_values(ascending=False, kind="stable")
    rows = [*means.index[:N_SHOWN], *([BETWEEN] if (shown.network == BETWEEN).any() else [])]
    width = DOUBLE_IN if len(methods) > 1 else SINGLE_IN
    figure, axes = panels(1, len(methods), width, 1.5 + ROW_IN * len(rows), sharey=True)
    for ax, row in zip(axes[0], methods, strict=True):
        own = shown[shown.method == row["method"]]
        place = {name: k for k, name in enumerate(reversed(rows))}
        for k, (area, colour) in enumerate(colours.items()):
            here = own[(own.area == area) & own.network.isin(rows)]
            height = here.network.map(place) + 0.36 - 0.72 * (k + 0.5) / len(colours)
            ax.hlines(height, here.lowest, here.highest, color=colour, linewidth=1)
            ax.plot(here["mean"], height, "o", markersize=AREA_SIZE, color=colour, markeredgewidth=0, label=area)
        name_rows(ax, rows)
        ax.set(title=row["label"], xlabel=axis_words(row, own))
        if rows[-1] == BETWEEN:
            ax.axhline(0.5, color="0.6", linewidth=0.5)
    n = shown[shown.network != BETWEEN].n_seeds
    seeds = " to ".join(dict.fromkeys(f"{value:.0f}" for value in (n.min(), n.max())))
    left = f", the {N_SHOWN} best" * (len(means) > N_SHOWN)
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {counted(len(means), 'random networks')}{left}, {seeds} seeds each")
    add_legend(figure, {area: dot(colour, size=AREA_SIZE) for area, colour in colours.items()})
    return figure
