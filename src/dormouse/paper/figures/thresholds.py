"""The figure of the effect of the reliability threshold on populations."""

from itertools import product

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts
from dormouse.paper.figures.scores import LAYERS
from dormouse.paper.figures.style import SMALL_PT, NotDrawn, panels, plt, sns
from dormouse.tables import WHOLE


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `thresholds`."""
    if not len(tables["thresholds"]):
        raise NotDrawn("there are no neurons to leave out: the data set gives similarities, or all are below any threshold.")
    return tables["thresholds"]


def plot(tables: Tables) -> plt.Figure:
    """Draw the split-half r of every site over the reliability threshold: one column per area, one row per cortical layer.

    Dashed: the threshold in use. A missing r leaves a gap in the line.
    """
    table, areas, facts = data(tables), areas_of(tables), run_facts(tables["run"])
    min_reliability = facts["config"]["selection"]["min_reliability"]
    layers = [layer for layer in (WHOLE, *LAYERS) if layer == WHOLE or (table.cortical_layer == layer).any()]
    height = 1.1 + 1.1 * len(layers)
    figure, axes = panels(len(layers), len(areas), height=height, style="whitegrid", sharex=True, sharey=True)
    for (row, layer), (column, area) in product(enumerate(layers), enumerate(areas)):
        ax, site = axes[row, column], table[(table.area == area) & (table.cortical_layer == layer)]
        counts = ax.twinx()
        each = site[site.instance == "matrix"]
        counts.fill_between(each.threshold, each.n_neurons, color="0.9", label="neurons (right)")
        counts.set_ylim(0, max(1, 1.1 * each.n_neurons.max()) if len(each) else 1)
        counts.grid(visible=False)
        counts.yaxis.set_major_locator(plt.MaxNLocator(4, integer=True))
        counts.tick_params(labelsize=SMALL_PT, colors="0.5")
        ax.set_zorder(counts.get_zorder() + 1)
        ax.patch.set_visible(False)
        for instance, colour in zip(("matrix", "image"), sns.color_palette("colorblind"), strict=False):
            dots = site[site.instance == instance]
            ax.errorbar(dots.threshold, dots.split_half_r, dots.split_half_sem, fmt="o-", ms=2, color=colour, label=instance)
        ax.axvline(min_reliability, color="black", linestyle="--", linewidth=0.8)
        ax.set_title(area if row == 0 else "")
        ax.set_ylabel("" if column else "whole area" if layer == WHOLE else f"layer {layer}")
    figure.supxlabel("minimum reliability of the neurons")
    figure.supylabel("split-half r")
    figure.suptitle(f"{facts['title']}, selection {table.selection.iloc[0]}")
    handles = {label: h for part in (ax, counts) for h, label in zip(*part.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside right center")
    return figure
