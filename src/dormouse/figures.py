"""Figures from tables; nothing is computed here."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed, nor looked for

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from dormouse.files import atomic

WHOLE = "all"
LAYER_COLOURS = dict(zip(("2/3", "4", "5", "6"), sns.color_palette("viridis_r", 4), strict=True))
LABELS = {
    "rsa": ("pearson", "RSA: correlation of RDMs (Pearson r)"),
    "ridge": ("srp", "ridge regression: left-out prediction (Pearson r, mean over neurons)"),
}
PANEL_IN, ROW_IN = 1.75, 0.24  # width of a panel, height of a row, inches


def plot_scores(
    best: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, metric: str, areas: list[str], title: str
) -> plt.Figure:
    """Draw the score of every model in every area: a panel an area, a row a model, a dot a site.

    Parameters
    ----------
    best, ceilings, models : tables `best_layers`, `ceilings` and `models`
    metric : rsa or ridge
    areas : order of the panels

    Models are ordered by their mean over the dots that are shown largest. The dashed line is the noise ceiling of the area.
    """
    variant, label = LABELS[metric]
    shown = best[(best.metric == metric) & (best.variant == variant)].merge(models[["model", "display_name"]], on="model")
    main = shown[shown.cortical_layer == WHOLE] if (shown.cortical_layer == WHOLE).any() else shown
    order = main.groupby("display_name").score.mean().sort_values().index
    place = {name: row for row, name in enumerate(order)}
    limits = ceilings[(ceilings.metric == metric) & (ceilings.cortical_layer == WHOLE) & ceilings.neuron.isna()]
    sns.set_theme(context="paper", style="whitegrid", font_scale=0.9)
    figure, axes = plt.subplots(
        1,
        len(areas),
        figsize=(2.0 + PANEL_IN * len(areas), 1.3 + ROW_IN * len(order)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for area, ax in zip(areas, axes[0], strict=True):
        inside = shown[shown.area == area]
        for layer, colour in LAYER_COLOURS.items():
            dots = inside[inside.cortical_layer == layer]
            ax.scatter(dots.score, dots.display_name.map(place), s=9, color=colour, label=f"layer {layer}", zorder=2)
        dots = inside[inside.cortical_layer == WHOLE]
        ax.scatter(dots.score, dots.display_name.map(place), s=30, color="black", label="whole area", zorder=3)
        for limit in limits.ceiling[limits.area == area]:
            ax.axvline(limit, color="grey", linestyle="--", linewidth=1, label="noise ceiling", zorder=1)
        ax.axvline(0, color="grey", linewidth=0.8, zorder=1)
        ax.set_title(area)
        ax.grid(axis="x", visible=False)
    axes[0, 0].set_yticks(range(len(order)), order)
    figure.suptitle(title)
    figure.supxlabel(label, fontsize="medium")
    handles = {text: handle for ax in axes[0] for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    handles = {text: handle for text, handle in handles.items() if _has_data(handle)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return figure


def _has_data(handle) -> bool:
    return not hasattr(handle, "get_offsets") or len(handle.get_offsets()) > 0


def save(figure: plt.Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to every path, in the format of its ending, without a date, and close it."""
    for path in map(Path, paths):
        dateless = {"metadata": {"CreationDate": None}} if path.suffix == ".pdf" else {}
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=200, **dateless)
    plt.close(figure)
