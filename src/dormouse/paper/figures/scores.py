"""The figure of the scores of all models in all areas."""

from collections.abc import Mapping

import pandas as pd

from dormouse.paper.figures.style import PANEL_IN, heading, plt, set_style, sns
from dormouse.tables import WHOLE, whole_areas

# colour of each cortical layer, and its shift from the middle of the row; from the surface of cortex downwards
LAYERS = dict(
    zip(("2/3", "4", "5", "6"), zip(sns.color_palette("viridis_r", 4), (0.3, 0.1, -0.1, -0.3), strict=True), strict=True)
)
ROW_IN = 0.26  # height of a row, inches


def plot_scores(
    best: pd.DataFrame,
    ceilings: pd.DataFrame,
    models: pd.DataFrame,
    method: Mapping,
    areas: list[str],
    title: str,
) -> plt.Figure:
    """Draw the score of every model in every area: one panel per area, one row per model, one dot per site.

    Parameters
    ----------
    best, ceilings, models : tables `best_layers`, `ceilings` and `models`
    method : row of the table of methods, with its name as `method`
    areas : order of the panels

    Models are ordered by their mean over whole areas, or over the layers of areas that the data set has only in parts; those
    without a score come last. The dashed line is the noise ceiling of the area, the solid one the expected score of features
    without information.
    """
    shown = best[best.method == method["method"]].merge(models[["model", "display_name"]], on="model")
    means = whole_areas(shown).groupby("display_name").score.mean().reindex(sorted(models.display_name))
    order = means.sort_values(kind="stable", na_position="first").index
    shown = shown.assign(row=shown.display_name.map({name: row for row, name in enumerate(order)}).astype(float))
    limits = area_ceilings(ceilings, method)
    set_style("whitegrid")
    size = {"figsize": (2.0 + PANEL_IN * len(areas), 1.1 + ROW_IN * len(order)), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(areas), sharex=True, sharey=True, squeeze=False, **size)
    for area, ax in zip(areas, axes[0], strict=True):
        draw_sites(ax, shown[shown.area == area])
        for limit in limits.ceiling[limits.area == area]:
            ax.axvline(limit, color="firebrick", linestyle="--", linewidth=1, label="noise ceiling")
        if method["null_score"] is not None:
            ax.axvline(method["null_score"], color="black", linewidth=0.8)
        ax.set_title(area)
        ax.grid(axis="x", visible=False)
    axes[0, 0].set_yticks(range(len(order)), order)
    axes[0, 0].set_ylim(-0.6, len(order) - 0.4)
    figure.suptitle(heading(title, method["axis"], shown))
    lines = {line.get_label(): line for ax in axes[0] for line in ax.lines if len(line.get_xdata())}
    lines = {label: line for label, line in lines.items() if not label.startswith("_")}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=max(1, len(lines)), frameon=False)
    return figure


def area_ceilings(ceilings: pd.DataFrame, method: Mapping) -> pd.DataFrame:
    """Return the rows of the table `ceilings` for whole areas and a method's target and selection."""
    of_method = (ceilings.target == method["target"]) & (ceilings.selection == method["selection"])
    return ceilings[of_method & (ceilings.cortical_layer == WHOLE) & ceilings.neuron.isna()]


def draw_sites(ax: plt.Axes, sites: pd.DataFrame) -> None:
    """Draw the score of every model at every site of an area, at its `row`; layers with unusual names in grey."""
    others = sorted(set(sites.cortical_layer) - {*LAYERS, WHOLE})
    for layer, (colour, shift) in (LAYERS | dict.fromkeys(others, ("0.6", 0.0))).items():
        dots = sites[sites.cortical_layer == layer]
        ax.plot(dots.score, dots.row + shift, "o", markersize=3, color=colour, label=f"layer {layer}")
    dots = sites[sites.cortical_layer == WHOLE]
    ax.plot(dots.score, dots.row, "d", markersize=6, color="black", label="whole area")
