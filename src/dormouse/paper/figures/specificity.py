"""The figure of how much nearer an area is to itself in other animals than to other areas."""

import pandas as pd

from dormouse.paper.evidence import numbers
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend, in_lines
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, panels, plt

SAME, OTHER = "same area of other animals", "other areas of other animals"


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `specificity` for the methods shown side by side."""
    methods = [row["method"] for row in shown_methods(tables)]
    rows = tables["specificity"]
    rows = rows[rows.method.isin(methods) & rows.area.isin(areas_of(tables)) & rows.specificity.notna()]
    if not len(rows):
        raise NotDrawn("animals cannot be compared: it takes neurons of several animals in two areas or more.")
    return rows


def plot(tables: Tables) -> plt.Figure:
    """Draw two panels for each method, one row per area: scores between animals, and the specificity with its interval."""
    shown, areas = data(tables), areas_of(tables)
    methods = [row for row in shown_methods(tables) if row["method"] in set(shown.method)]
    places = {area: place for place, area in enumerate(area for area in areas if area in set(shown.area))}
    width = SINGLE_IN if len(methods) == 1 else DOUBLE_IN
    figure, axes = panels(1, 2 * len(methods), width, 1 + 0.2 * len(places), sharey=True)
    for k, row in enumerate(methods):
        own = shown[shown.method == row["method"]]
        y, (scores, gaps) = own.area.map(places), axes[0, 2 * k : 2 * k + 2]
        scores.hlines(y, own.same, own.other, color="0.7", linewidth=0.8, zorder=1)
        scores.plot(own.same, y, "o", color="black", label=SAME)
        scores.plot(own.other, y, "o", color="black", markerfacecolor="white", markeredgewidth=0.6, label=OTHER)
        scores.set(title=in_lines(row["label"], 24), xlabel="score")
        gaps.hlines(y, own.low, own.high, color="black", linewidth=0.8)
        gaps.plot(own.specificity, y, "D", color="black", markersize=2.5, label="specificity, 95 % interval over animals")
        gaps.axvline(0, color="0.5", linewidth=0.5)
        gaps.set(xlabel="specificity")
    counts = {area: numbers(rows.n_animals) for area, rows in shown.groupby("area")}
    axes[0, 0].set_yticks(list(places.values()), [f"{area} (n = {counts[area]})" for area in places])
    axes[0, 0].set_ylim(len(places) - 0.5, -0.5)
    figure.suptitle(f"{run_facts(tables['run'])['title']}: areas across animals; n: animals with neurons in an area")
    add_legend(figure, {label: h for ax in axes[0] for h, label in zip(*ax.get_legend_handles_labels(), strict=True)})
    return figure
