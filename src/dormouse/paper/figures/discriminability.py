"""The figure of how far methods tell families of networks apart."""

import numpy as np
import pandas as pd

from dormouse.paper.evidence import numbers
from dormouse.paper.facts import Tables, areas_of, run_facts
from dormouse.paper.figures.style import NotDrawn, area_colours, panels, plt

PANELS = {"auc": ("area under the ROC curve", 0.5), "d_prime": ("d'", 0.0)}  # words, and chance
SPREAD = 0.3  # of the areas in a row, whose height is 1


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `discriminability`, rows with a value."""
    rows = tables["discriminability"]
    rows = rows[rows.area.isin(areas_of(tables))].dropna(subset=["auc", "d_prime"])
    if not len(rows):
        raise NotDrawn(
            "families cannot be told apart: it takes simulated neurons, and two families, one of them with two networks."
        )
    return rows


def plot(tables: Tables) -> plt.Figure:
    """Draw one row per method and in it one dot per area: the area under the ROC curve, and d'."""
    shown, areas = data(tables), areas_of(tables)
    labels = tables["methods"].set_index("method").label
    order = [method for method in labels.index if method in set(shown.method)]
    figure, (axes,) = panels(1, 2, height=1.2 + 0.24 * len(order), sharey=True)
    shifts = dict(zip(areas, np.linspace(-SPREAD, SPREAD, len(areas)), strict=True))
    for (column, (words, chance)), ax in zip(PANELS.items(), axes, strict=True):
        for area, colour in area_colours(areas).items():
            dots = shown[shown.area == area]
            ax.plot(dots[column], dots.method.map(order.index) + shifts[area], "o", color=colour, label=area)
        ax.axvline(chance, color="0.5", linestyle=":", label="chance")
        for edge in range(1, len(order)):
            ax.axhline(edge - 0.5, color="0.9", linewidth=0.5, zorder=0)
        ax.set(xlabel=words)
    axes[0].set_yticks(range(len(order)), labels[order])
    axes[0].set_ylim(len(order) - 0.5, -0.5)
    axes[0].tick_params(axis="y", length=0)
    within, between, families = (numbers(shown[f"n_{what}"]) for what in ("within", "between", "families"))
    counts = f"{within} scores within families, {between} between; {families} families"
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {counts}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(areas) + 1)
    return figure
