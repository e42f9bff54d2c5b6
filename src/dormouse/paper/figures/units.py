"""The figure of distributions of unit statistics, in networks and in recorded neurons."""

from itertools import product

import pandas as pd

from dormouse.columns import FLOAT, TABLES
from dormouse.paper.figures.style import colours_of, lines_of, plt, set_style


def plot_units(units: pd.DataFrame, models: pd.DataFrame, areas: list[str], neurons: str, title: str) -> plt.Figure:
    """Draw cumulative distributions: one column per area that the data and MouseNet share, one row per quantity.

    Parameters
    ----------
    units, models : tables of these names; each network is a line
    areas : order of the columns
    neurons : what the legend calls the neurons of the data set
    """
    lines = lines_of(models)
    named = units.assign(network=units.model.map(lines | {"": neurons}))
    of_networks = set(named.area[named.model != ""])
    shared = [area for area in areas if area in of_networks] or areas[:1]
    quantities = [column for column, (kind, _) in TABLES["units"].items() if kind == FLOAT]
    colours = colours_of(models, lines) | {neurons: "black"}
    set_style("whitegrid")
    size = {"figsize": (1 + 2.1 * len(shared), 1 + 1.8 * len(quantities)), "layout": "constrained"}
    figure, axes = plt.subplots(len(quantities), len(shared), sharex="row", sharey=True, squeeze=False, **size)
    for (row, quantity), (column, area) in product(enumerate(quantities), enumerate(shared)):
        ax = axes[row, column]
        for name, rows in named[named.area == area].groupby("network", sort=False):
            if rows[quantity].notna().any():
                ax.ecdf(rows[quantity].dropna(), color=colours[name], linewidth=1.2, label=name)
        ax.set(title=area if row == 0 else "", xlabel=quantity.replace("_", " "))
    figure.supylabel("fraction of units")
    figure.suptitle(title)
    handles = {label: h for ax in axes.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    return figure
