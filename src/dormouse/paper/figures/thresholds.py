"""The figure of the effect of the reliability threshold on populations."""

from itertools import product

import pandas as pd

from dormouse.paper.figures.scores import LAYERS
from dormouse.paper.figures.style import PANEL_IN, plt, set_style, sns
from dormouse.tables import WHOLE

LEGEND_IN = 1.4  # its width


def plot_thresholds(table: pd.DataFrame, areas: list[str], min_reliability: float, title: str) -> plt.Figure:
    """Draw the split-half r of every site over the reliability threshold: one column per area, one row per cortical layer.

    Parameters
    ----------
    table : table `thresholds`
    areas : order of the columns
    min_reliability : the threshold in use, dashed

    A missing r leaves a gap in the line.
    """
    layers = [layer for layer in (WHOLE, *LAYERS) if layer == WHOLE or (table.cortical_layer == layer).any()]
    set_style("whitegrid")
    size = {"figsize": (1.2 + LEGEND_IN + PANEL_IN * len(areas), 1.2 + PANEL_IN * len(layers)), "layout": "constrained"}
    figure, axes = plt.subplots(len(layers), len(areas), sharex=True, sharey=True, squeeze=False, **size)
    for (row, layer), (column, area) in product(enumerate(layers), enumerate(areas)):
        ax, site = axes[row, column], table[(table.area == area) & (table.cortical_layer == layer)]
        counts = ax.twinx()
        each = site[site.instance == "matrix"]
        counts.fill_between(each.threshold, each.n_neurons, color="0.9", label="neurons (right)")
        counts.set_ylim(0, max(1, 1.1 * each.n_neurons.max()) if len(each) else 1)
        counts.grid(visible=False)
        counts.yaxis.set_major_locator(plt.MaxNLocator(4, integer=True))
        counts.tick_params(labelsize="x-small", colors="0.5")
        ax.set_zorder(counts.get_zorder() + 1)
        ax.patch.set_visible(False)
        for instance, colour in zip(("matrix", "image"), sns.color_palette("colorblind"), strict=False):
            dots = site[site.instance == instance]
            ax.errorbar(dots.threshold, dots.split_half_r, dots.split_half_sem, fmt="o-", ms=3, color=colour, label=instance)
        ax.axvline(min_reliability, color="black", linestyle="--", linewidth=0.8)
        ax.set_title(area if row == 0 else "")
        ax.set_ylabel("" if column else "whole area" if layer == WHOLE else f"layer {layer}")
    figure.supxlabel("minimum reliability of the neurons")
    figure.supylabel("split-half r")
    figure.suptitle(title)
    handles = {label: h for part in (ax, counts) for h, label in zip(*part.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside right center", frameon=False)
    return figure
