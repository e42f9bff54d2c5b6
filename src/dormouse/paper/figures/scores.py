"""The figure of the scores of all models in all areas."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.paper.evidence import ABOVE, ALPHA, CHANCE, MEAN, POOLED, UNTESTED, WORDS, leading, whole_area_marks
from dormouse.paper.facts import Tables, areas_of, method_row, run_facts
from dormouse.paper.figures.marks import counted
from dormouse.paper.figures.style import DOUBLE_IN, RED, heading, panels, plt, sns
from dormouse.tables import WHOLE, whole_areas

# Within the height of a row, which is 1, from above: the whole area, all neurons together beside a mean over animals, and the
# cortical layers from the surface downwards, each with its colour.
MAIN_AT, BESIDE_AT = 0.35, 0.17
LAYERS = dict(
    zip(("2/3", "4", "5", "6"), zip(sns.color_palette("viridis_r", 4), (0.02, -0.11, -0.24, -0.37), strict=True), strict=True)
)
ROW_IN = 0.19  # height of a row, inches
LEGEND_IN = 2.2, 0.2  # width and height of an entry of the legend, inches
MARKERS = {MEAN: ("D", 2.2), POOLED: ("d", 3)}  # and their sizes, points
COLOURS = {ABOVE: "black", UNTESTED: "black", CHANCE: "0.65"}


def data(tables: Tables, method: str) -> pd.DataFrame:
    """Return the score of every model at every site; at whole areas, by statistic, with intervals and verdicts."""
    best, models = tables["best_layers"], tables["models"]
    layers = _with_intervals(best[best.method == method], tables["intervals"], method).rename(columns={"score": "estimate"})
    layers = layers.loc[layers.cortical_layer != WHOLE, ["model", "area", "cortical_layer", "estimate", "low", "high"]]
    layers["statistic"] = POOLED
    marks = whole_area_marks(best, tables["intervals"], tables["permutation_tests"], method).assign(cortical_layer=WHOLE)
    rows = pd.concat([part for part in (marks.drop(columns="main"), layers) if len(part)] or [marks], ignore_index=True)
    return models[["model", "display_name"]].merge(rows, on="model")


def plot(tables: Tables, method: str) -> plt.Figure:
    """Draw the score of every model in every area: one panel per area, one row per model, one mark per site and statistic.

    Models are ordered by their mean of `best_layers` over whole areas, or over the layers of areas that the data set has only
    in parts; those without a score come last. The dashed line is the noise ceiling of the area, the dotted one what other
    animals predict, the solid one the expected score of features without information.
    """
    best, models, row, areas = tables["best_layers"], tables["models"], method_row(tables, method), areas_of(tables)
    names = models[["model", "display_name"]]
    shown = best[best.method == method].merge(names, on="model")
    order = leading(whole_areas(shown).groupby("model").score.mean(), models)[::-1]
    rows = dict(zip(order, np.arange(len(order), dtype=float), strict=True))
    shown = shown.assign(row=shown.model.map(rows).astype(float)).dropna(subset="row")
    shown = _with_intervals(shown, tables["intervals"], method)
    marks = whole_area_marks(best, tables["intervals"], tables["permutation_tests"], method).merge(names, on="model")
    marks = marks.assign(row=marks.model.map(rows).astype(float)).dropna(subset="row")
    entries = _entries(marks)
    labels = list(names.set_index("model").display_name[order])
    figure, axes, n_columns = _panels(labels, areas, len(entries) + len(LAYERS) + 2)
    limits = area_ceilings(tables["ceilings"], row)
    for area, ax in zip(areas, axes, strict=True):
        _draw_panel(ax, shown[shown.area == area], marks[marks.area == area], limits[limits.area == area], row)
    n = f"{len(order)} of {len(models)} networks: the best, MouseNets and baselines"
    n = n if len(order) < len(models) else counted(len(order), "networks")
    title = heading(run_facts(tables["run"])["title"], row["axis"], shown)
    figure.suptitle(title + (", " if "\n" in title else "\n") + n, wrap=True)
    lines = {line.get_label(): line for ax in axes for line in ax.lines if len(line.get_xdata())}
    entries |= {label: line for label, line in lines.items() if not label.startswith("_")}
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=min(n_columns, max(1, len(entries))), frameon=False
    )
    return figure


def _with_intervals(shown: pd.DataFrame, intervals: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return scores with low and high where an area has cortical layers alone; beside a whole area they would be too many."""
    of = intervals[(intervals.method == method) & (intervals.statistic == POOLED)]
    shown = shown.merge(of[["model", "area", "cortical_layer", "low", "high"]], "left", ["model", "area", "cortical_layer"])
    whole = shown.area.isin(shown.area[shown.cortical_layer == WHOLE])
    return shown.assign(low=shown.low.mask(whole), high=shown.high.mask(whole))


def _panels(order: list[str], areas: list[str], n_entries: int) -> tuple[plt.Figure, np.ndarray, int]:
    """Return a figure with room for a legend of so many entries, its panels without marks, and the columns of the legend."""
    n_columns = int(DOUBLE_IN / LEGEND_IN[0])
    height = 1 + ROW_IN * len(order) + LEGEND_IN[1] * np.ceil(n_entries / n_columns)
    figure, axes = panels(1, len(areas), height=height, style="whitegrid", sharex=True, sharey=True)
    for area, ax in zip(areas, axes[0], strict=True):
        ax.set_title(area)
        ax.grid(visible=False)
        ax.grid(axis="y", which="minor")  # between the rows
    axes[0, 0].set_yticks(range(len(order)), order)
    axes[0, 0].set_yticks(np.arange(len(order) + 1) - 0.5, minor=True)
    axes[0, 0].set_ylim(-0.5, len(order) - 0.5)
    return figure, axes[0], n_columns


def site_ceilings(ceilings: pd.DataFrame, method: Mapping) -> pd.DataFrame:
    """Return the rows of the table `ceilings` for sites and a method's target and selection; none for some images."""
    if method["images"] not in ("all", "scenes"):
        return ceilings[:0]
    of_method = (ceilings.target == method["target"]) & (ceilings.selection == method["selection"])
    return ceilings[of_method & ceilings.neuron.isna()]


def area_ceilings(ceilings: pd.DataFrame, method: Mapping) -> pd.DataFrame:
    """Return the rows of `site_ceilings` for whole areas."""
    found = site_ceilings(ceilings, method)
    return found[found.cortical_layer == WHOLE]


def _draw_panel(ax: plt.Axes, sites: pd.DataFrame, marks: pd.DataFrame, ceilings: pd.DataFrame, method: Mapping) -> None:
    """Draw an area: every model at its `row`, the noise ceiling, and the score without information."""
    draw_layers(ax, sites)
    draw_whole_area(ax, marks)
    for limit in ceilings.ceiling.dropna():
        ax.axvline(limit, color=RED, linestyle="--", linewidth=1, label="noise ceiling")
    for limit in ceilings.inter_animal.dropna():
        ax.axvline(limit, color=RED, linestyle=":", linewidth=1, label="other animals")
    if method["null_score"] is not None:
        ax.axvline(method["null_score"], color="black", linewidth=0.8)


def draw_layers(ax: plt.Axes, sites: pd.DataFrame) -> None:
    """Draw the score of every model in every cortical layer of an area, at its `row`; layers with unusual names in grey."""
    others = sorted(set(sites.cortical_layer) - {*LAYERS, WHOLE})
    for layer, (colour, shift) in (LAYERS | dict.fromkeys(others, ("0.6", -0.175))).items():
        dots = sites[sites.cortical_layer == layer]
        ax.hlines(dots.row + shift, dots.low, dots.high, color=colour, linewidth=0.5)
        ax.plot(dots.score, dots.row + shift, "o", markersize=1.8, color=colour, markeredgewidth=0, label=f"layer {layer}")


def draw_whole_area(ax: plt.Axes, marks: pd.DataFrame) -> None:
    """Draw the scores of a whole area, see `evidence.whole_area_marks`, each at its `row`; main ones with an interval.

    The lines have labels that start with an underscore: `_entries` explains them.
    """
    for (statistic, main, verdict), dots in marks.groupby(["statistic", "main", "verdict"]):
        height = dots.row + (MAIN_AT if main else BESIDE_AT)
        if main:
            ax.hlines(height, dots.low, dots.high, color=COLOURS[verdict], linewidth=0.8)
        ax.plot(dots.estimate, height, label=f"_{statistic}", **_look(statistic, main, COLOURS[verdict]))


def _look(statistic: str, main: bool, colour: str) -> dict:
    """Return how a score of a whole area is drawn: open where it has no part in the intervals that are shown."""
    marker, size = MARKERS[statistic]
    fill = {"markerfacecolor": colour if main else "white", "markeredgewidth": 0.6}
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
