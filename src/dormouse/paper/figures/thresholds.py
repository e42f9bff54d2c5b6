"""The figure of the effect of the reliability threshold on populations."""

from itertools import product

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts
from dormouse.paper.figures.marks import add_legend
from dormouse.paper.figures.scores import LAYERS
from dormouse.paper.figures.style import SMALL_PT, NotDrawn, panels, plt, sns
from dormouse.tables import WHOLE


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `thresholds`."""
    if not len(tables["thresholds"]):
        raise NotDrawn(
            "there are no neurons to leave out: the data set gives similarities, or images were shown once, or all neurons "
            "are below any threshold."
        )
    return tables["thresholds"]


def plot(tables: Tables) -> plt.Figure:
    """Draw the split-half r of every site over the reliability threshold: one column per area, one row per cortical layer.

    Dashed: the threshold in use. A missing r leaves a gap in the line, and a site without neurons has no panel.
    """
    table, areas, facts = data(tables), areas_of(tables), run_facts(tables["run"])
    layers = [layer for layer in (WHOLE, *LAYERS) if layer == WHOLE or (table.cortical_layer == layer).any()]
    figure, axes = panels(len(layers), len(areas), height=1 + 1.05 * len(layers), sharex=True, sharey=True)
    entries: dict = {}
    for (row, layer), (column, area) in product(enumerate(layers), enumerate(areas)):
        ax, site = axes[row, column], table[(table.area == area) & (table.cortical_layer == layer)]
        ax.set(title=area if row == 0 else "", xlim=(-0.03, 1))
        if column == 0:
            ax.set_ylabel(f"{'whole area' if layer == WHOLE else f'layer {layer}'}\nsplit-half r")
        if len(site):
            entries |= _draw_site(ax, site, facts["config"]["selection"]["min_reliability"])
        else:
            ax.tick_params(left=False)
            ax.annotate("no neurons", (0.5, 0.5), xycoords="axes fraction", ha="center", color="0.5", fontsize=SMALL_PT)
    for ax in axes[-1]:
        ax.set(xlabel="threshold (reliability)", xticks=[0, 0.5, 1], xticklabels=["0", ".5", "1"])
    figure.suptitle(f"{facts['title']}, selection {table.selection.iloc[0]}: populations above a threshold")
    add_legend(figure, entries)
    return figure


def _draw_site(ax: plt.Axes, site: pd.DataFrame, in_use: float) -> dict:
    """Draw both split-half r of a site, its number of neurons behind them, and the threshold in use; return the legend."""
    counts, each = ax.twinx(), site[site.instance == "matrix"]
    most = max(1, each.n_neurons.max()) if len(each) else 1
    entries = {"number of neurons (right)": counts.fill_between(each.threshold, each.n_neurons, color="0.92", linewidth=0)}
    counts.set(ylim=(0, 1.15 * most), yticks=[0, most])
    counts.tick_params(colors="0.5", length=0, pad=1)
    counts.spines["right"].set_visible(False)
    ax.set_zorder(counts.get_zorder() + 1)
    ax.patch.set_visible(False)
    for instance, colour in zip(("matrix", "image"), sns.color_palette("colorblind"), strict=False):
        dots = site[site.instance == instance]
        look = {"fmt": "o-", "markersize": 1.8, "color": colour, "elinewidth": 0.5}
        entries[instance] = ax.errorbar(dots.threshold, dots.split_half_r, dots.split_half_sem, label=instance, **look)
    entries["threshold in use"] = ax.axvline(in_use, color="black", linestyle="--", linewidth=0.6)
    return entries
