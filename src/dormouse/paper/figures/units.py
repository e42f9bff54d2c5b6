"""The figure of distributions of unit statistics, in networks and in recorded neurons."""

from itertools import product

import pandas as pd

from dormouse.columns import FLOAT, TABLES
from dormouse.paper.facts import Tables, areas_of, run_facts
from dormouse.paper.figures.marks import add_legend, counted
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, colours_of, lines_of, panels, plt


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `units`."""
    if not len(tables["units"]):
        raise NotDrawn("this run has no MouseNet, or no neurons, of which single units could be compared.")
    return tables["units"]


def plot(tables: Tables) -> plt.Figure:
    """Draw cumulative distributions: one column per area that the data and MouseNet share, one row per quantity."""
    units, models, areas, facts = data(tables), tables["models"], areas_of(tables), run_facts(tables["run"])
    neurons = "simulated neurons" if facts["simulated"] else "recorded neurons"
    lines = lines_of(models)
    named = units.assign(network=units.model.map(lines | {"": neurons}))
    of_networks = set(named.area[named.model != ""])
    shared = [area for area in areas if area in of_networks] or areas[:1]
    quantities = [column for column, (kind, _) in TABLES["units"].items() if kind == FLOAT]
    colours = colours_of(models, lines) | {neurons: "black"}
    shape, width = (len(quantities), len(shared)), min(DOUBLE_IN, 0.8 + 1.6 * len(shared))
    figure, axes = panels(*shape, max(width, SINGLE_IN), 1 + 1.25 * len(quantities), sharex="row", sharey=True)
    counts = named[named.model == ""].groupby("area").size()
    for (row, quantity), (column, area) in product(enumerate(quantities), enumerate(shared)):
        ax = axes[row, column]
        for name, rows in named[named.area == area].groupby("network", sort=False):
            if rows[quantity].notna().any():
                ax.ecdf(rows[quantity].dropna(), color=colours[name], linewidth=1, label=name)
        n = f" ({counted(counts[area], 'neurons')})" if area in counts else ""
        ax.set(title=f"{area}{n}" if row == 0 else "", xlabel=quantity.replace("_", " "))
    for line in axes:
        line[0].set_ylabel("share of units")
    n_units = f"{(units.model != '').sum():,} units of {counted(units.model[units.model != ''].nunique(), 'networks')}"
    figure.suptitle(f"{facts['title']}: {n_units}, and neurons")
    add_legend(figure, {label: h for ax in axes.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)})
    return figure
