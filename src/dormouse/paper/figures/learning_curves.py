"""The figure of scores over numbers of images, neurons and trials."""

import numpy as np
import pandas as pd

from dormouse.paper.evidence import numbers
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend, in_lines
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, area_colours, panels, plt

AXES = {"images": "images", "neurons": "neurons", "trials": "trials of each image"}
N_NETWORKS = 2  # of each method that are drawn
SPREAD = 0.06  # of the areas around each number, relative to it
ROUND = [factor * 10**power for power in range(5) for factor in (1, 2, 5)]
MOST_TICKS, APART = 5, 1.1  # and the least ratio of two


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `learning_curves` for the methods shown side by side, of the `N_NETWORKS` best networks.

    `place` is that of a network, 1 is best. Where the data set has only parts of an area, means and standard deviations are
    averaged over these.
    """
    curves, areas = tables["learning_curves"], areas_of(tables)
    methods = [row["method"] for row in shown_methods(tables)]
    curves = curves[curves.method.isin(methods) & curves.area.isin(areas)].dropna(subset="mean")
    if not len(curves):
        raise NotDrawn("no network was scored on parts of the data; `inference.judge.curves.n_models` says how many are.")
    at = ["method", "model", "area", "axis", "n", "equal"]
    shown = curves.groupby(at, as_index=False).agg(mean=("mean", "mean"), sd=("sd", "mean"), n_draws=("n_draws", "max"))
    shown = shown.merge(tables["models"][["model", "display_name"]], on="model")
    on_all = shown[shown.n == shown.groupby(at[:4]).n.transform("max")].groupby(["method", "model"])["mean"].mean()
    places = on_all.groupby("method").rank(ascending=False, method="first").rename("place").astype(int).reset_index()
    shown = shown.merge(places[places.place <= N_NETWORKS], on=["method", "model"])
    return shown.sort_values(["method", "place", "area", "axis", "n"], ignore_index=True)


def plot(tables: Tables) -> plt.Figure:
    """Draw a row of panels for each method and network, a column for each kind of parts, and a line for each area."""
    shown, areas, methods = data(tables), areas_of(tables), shown_methods(tables)
    kinds = [kind for kind in AXES if kind in set(shown.axis)]
    rows = [(row, place) for row in methods for place in sorted(shown.place[shown.method == row["method"]].unique())]
    width = SINGLE_IN if len(kinds) == 1 else DOUBLE_IN
    figure, axes = panels(len(rows), len(kinds), width, 1.2 + 1.3 * len(rows), sharey="row", sharex="col")
    colours = area_colours(areas)
    for (row, place), line in zip(rows, axes, strict=True):
        own = shown[(shown.method == row["method"]) & (shown.place == place)]
        for kind, ax in zip(kinds, line, strict=True):
            _draw(ax, own[own.axis == kind], colours)
        line[0].set_ylabel(f"{in_lines(row['label'], 24)}\nscore")
        line[0].set_title(own.display_name.iloc[0], loc="left")
    for kind, ax in zip(kinds, axes[-1], strict=True):
        _mark_numbers(ax, kind, shown.n[shown.axis == kind])
    n = numbers(shown.n_draws[shown.sd.notna()])
    draws = f", mean and sd of {n} draws" if n else ""
    title = f"{run_facts(tables['run'])['title']}: scores on parts of the data{draws}"
    figure.suptitle(in_lines(title, 50 if len(kinds) == 1 else 110))
    handles = {area: plt.Line2D([], [], color=colour) for area, colour in colours.items()}
    if shown.equal.any():
        handles["fewest neurons of an area"] = plt.Line2D([], [], color="0.6", linewidth=0.5)
    add_legend(figure, handles)
    return figure


def _draw(ax: plt.Axes, curves: pd.DataFrame, colours: dict[str, tuple]) -> None:
    """Draw a line for each area; bars of one standard deviation stand beside each other."""
    shifts = dict(zip(colours, np.linspace(1 - SPREAD, 1 + SPREAD, len(colours)), strict=True))
    for area, curve in curves.groupby("area"):
        look = {"color": colours[area], "marker": "o", "markersize": 1.8, "elinewidth": 0.5}
        ax.errorbar(curve.n * shifts[area], curve["mean"], curve.sd.fillna(0), **look)
    for n in curves.n[curves.equal].unique():
        ax.axvline(n, color="0.6", linewidth=0.5, zorder=0)
    ax.set_xscale("log")


def _mark_numbers(ax: plt.Axes, kind: str, n: pd.Series) -> None:
    """Mark plain numbers on a logarithmic axis: those of images that were drawn, or else round ones."""
    ticks = sorted(n.unique()) if kind == "images" else [tick for tick in ROUND if n.min() <= tick <= n.max()]
    ticks = [tick for tick, after in zip(ticks, [*ticks[1:], np.inf], strict=True) if after / tick > APART]
    ticks = ticks[:: -(-len(ticks) // MOST_TICKS)]
    ax.set_xticks(ticks, ticks)
    ax.minorticks_off()
    ax.set_xlabel(AXES[kind])
