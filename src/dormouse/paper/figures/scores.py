"""The figure of the scores of all models in all areas."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.methods.images import is_part
from dormouse.paper.evidence import ABOVE, ALPHA, CHANCE, MEAN, POOLED, UNTESTED, WORDS, whole_area_marks
from dormouse.paper.figures.style import PANEL_IN, heading, plt, set_style, sns
from dormouse.tables import WHOLE, whole_areas

# Within the height of a row, which is 1, from above: the whole area, all neurons together beside a mean over animals, and the
# cortical layers from the surface downwards, each with its colour.
MAIN_AT, BESIDE_AT = 0.35, 0.17
LAYERS = dict(
    zip(("2/3", "4", "5", "6"), zip(sns.color_palette("viridis_r", 4), (0.02, -0.11, -0.24, -0.37), strict=True), strict=True)
)
ROW_IN, NAME_IN = 0.34, 0.075  # height of a row, and width of a letter of its name, inches
MANY = 40  # rows, above which the scale stands at the top, too
LEGEND_IN = 2.7, 0.3  # width and height of an entry of the legend, inches
MARKERS = {MEAN: ("D", 3.2), POOLED: ("d", 4.2)}  # and their sizes, points
COLOURS = {ABOVE: "black", UNTESTED: "black", CHANCE: "0.65"}


def plot_scores(
    best: pd.DataFrame,
    ceilings: pd.DataFrame,
    models: pd.DataFrame,
    intervals: pd.DataFrame,
    tests: pd.DataFrame,
    method: Mapping,
    areas: list[str],
    title: str,
) -> plt.Figure:
    """Draw the score of every model in every area: one panel per area, one row per model, one mark per site and statistic.

    Parameters
    ----------
    best, ceilings, models, intervals, tests : tables `best_layers`, `ceilings`, `models`, `intervals` and `permutation_tests`;
        the last two may be empty
    method : row of the table of methods, with its name as `method`
    areas : order of the panels

    Models are ordered by their mean of `best` over whole areas, or over the layers of areas that the data set has only in
    parts; those without a score come last. The dashed line is the noise ceiling of the area, the solid one the expected score
    of features without information.
    """
    names = models[["model", "display_name"]]
    shown = best[best.method == method["method"]].merge(names, on="model")
    means = whole_areas(shown).groupby("display_name").score.mean().reindex(sorted(models.display_name))
    order = means.sort_values(kind="stable", na_position="first").index
    rows = {name: float(row) for row, name in enumerate(order)}
    shown = shown.assign(row=shown.display_name.map(rows).astype(float))
    marks = whole_area_marks(best, intervals, tests, method["method"]).merge(names, on="model")
    marks = marks.assign(row=marks.display_name.map(rows).astype(float))
    entries = _entries(marks)
    figure, axes, n_columns = _panels(list(order), areas, len(entries) + len(LAYERS) + 1)
    limits = area_ceilings(ceilings, method)
    for area, ax in zip(areas, axes, strict=True):
        _draw_panel(ax, shown[shown.area == area], marks[marks.area == area], limits.ceiling[limits.area == area], method)
    figure.suptitle(heading(title, method["axis"], shown), wrap=True)
    lines = {line.get_label(): line for ax in axes for line in ax.lines if len(line.get_xdata())}
    entries |= {label: line for label, line in lines.items() if not label.startswith("_")}
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=min(n_columns, max(1, len(entries))), frameon=False
    )
    return figure


def _panels(order: list[str], areas: list[str], n_entries: int) -> tuple[plt.Figure, np.ndarray, int]:
    """Return a figure with room for a legend of so many entries, its panels without marks, and the columns of the legend."""
    set_style("whitegrid")
    width = max(2.0, NAME_IN * max(map(len, order), default=0)) + PANEL_IN * len(areas)
    n_columns = max(1, int(width / LEGEND_IN[0]))
    height = 1.1 + ROW_IN * len(order) + LEGEND_IN[1] * np.ceil(n_entries / n_columns)
    size = {"figsize": (width, height), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(areas), sharex=True, sharey=True, squeeze=False, **size)
    for area, ax in zip(areas, axes[0], strict=True):
        ax.set_title(area)
        ax.tick_params(axis="x", labeltop=len(order) > MANY)
        ax.grid(visible=False)
        ax.grid(axis="y", which="minor")  # between the rows
    axes[0, 0].set_yticks(range(len(order)), order)
    axes[0, 0].set_yticks(np.arange(len(order) + 1) - 0.5, minor=True)
    axes[0, 0].set_ylim(-0.5, len(order) - 0.5)
    return figure, axes[0], n_columns


def area_ceilings(ceilings: pd.DataFrame, method: Mapping) -> pd.DataFrame:
    """Return the rows of the table `ceilings` for whole areas and a method's target and selection; none for some images."""
    if is_part(method):
        return ceilings[:0]
    of_method = (ceilings.target == method["target"]) & (ceilings.selection == method["selection"])
    return ceilings[of_method & (ceilings.cortical_layer == WHOLE) & ceilings.neuron.isna()]


def _draw_panel(ax: plt.Axes, sites: pd.DataFrame, marks: pd.DataFrame, ceilings: pd.Series, method: Mapping) -> None:
    """Draw an area: every model at its `row`, the noise ceiling, and the score without information."""
    draw_layers(ax, sites)
    draw_whole_area(ax, marks)
    for limit in ceilings:
        ax.axvline(limit, color="firebrick", linestyle="--", linewidth=1, label="noise ceiling")
    if method["null_score"] is not None:
        ax.axvline(method["null_score"], color="black", linewidth=0.8)


def draw_layers(ax: plt.Axes, sites: pd.DataFrame) -> None:
    """Draw the score of every model in every cortical layer of an area, at its `row`; layers with unusual names in grey."""
    others = sorted(set(sites.cortical_layer) - {*LAYERS, WHOLE})
    for layer, (colour, shift) in (LAYERS | dict.fromkeys(others, ("0.6", -0.175))).items():
        dots = sites[sites.cortical_layer == layer]
        ax.plot(dots.score, dots.row + shift, "o", markersize=3, color=colour, label=f"layer {layer}")


def draw_whole_area(ax: plt.Axes, marks: pd.DataFrame) -> None:
    """Draw the scores of a whole area, see `evidence.whole_area_marks`, each at its `row`; main ones with an interval.

    The lines have labels that start with an underscore: `_entries` explains them.
    """
    for (statistic, main, verdict), dots in marks.groupby(["statistic", "main", "verdict"]):
        height = dots.row + (MAIN_AT if main else BESIDE_AT)
        if main:
            ax.hlines(height, dots.low, dots.high, color=COLOURS[verdict], linewidth=1)
        ax.plot(dots.estimate, height, label=f"_{statistic}", **_look(statistic, main, COLOURS[verdict]))


def _look(statistic: str, main: bool, colour: str) -> dict:
    """Return how a score of a whole area is drawn: open where it has no part in the intervals that are shown."""
    marker, size = MARKERS[statistic]
    fill = {"markerfacecolor": colour if main else "white", "markeredgewidth": 0.8}
    return {"marker": marker, "markersize": size, "color": colour, "linestyle": ""} | fill


def _entries(marks: pd.DataFrame) -> dict[str, plt.Line2D]:
    """Return what the legend says of the scores of whole areas, by its words: their shapes, then their colours."""
    entries = {}
    shapes = marks[["main", "statistic", "over"]].drop_duplicates().sort_values(["main", "statistic"], ascending=[False, True])
    for main, statistic, over in shapes.itertuples(index=False):
        barred = main and over
        words = f"whole area: {WORDS[statistic]}" + (f"\n(95 % interval: over {over})" if barred else "")
        look = _look(statistic, main, "black") | ({"linestyle": "-", "linewidth": 1} if barred else {})
        entries[words] = plt.Line2D([], [], **look)
    found = set(marks.verdict)
    black = {ABOVE: f"{ABOVE}, q < {ALPHA}", UNTESTED: f"{UNTESTED} against chance"}
    if words := " or ".join(words for verdict, words in black.items() if verdict in found):
        entries[f"black: {words}"] = plt.Line2D([], [], **_look(MEAN, True, COLOURS[ABOVE]))
    if CHANCE in found:
        entries[f"grey: {CHANCE}, q ≥ {ALPHA}"] = plt.Line2D([], [], **_look(MEAN, True, COLOURS[CHANCE]))
    return entries
