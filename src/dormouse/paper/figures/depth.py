"""The figure of scores over depth, and of how sure it is where the best layer lies."""

import pandas as pd

from dormouse.paper.depths import N_BINS, best_layers_at, chosen_range, depth_curves
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.style import NotDrawn, panels, plt
from dormouse.paper.kinds import BASELINE, COLOURS, dot, line, kind_handles, named_models, with_kinds
from dormouse.tables import WHOLE, whole_areas

CURVE_IN, ROW_IN = 1.2, 0.1  # heights of a panel of curves, and of a network's row below it, inches
CURVE, BEST, RANGE = "mean score in a bin of depth", "best layer", "range of choices"  # marks
COLUMNS = ["method", "area", "cortical_layer", "model", "display_name", "kind", "state", "place", "mark", "layer"]
COLUMNS += ["layer_depth", "score", "low", "high", "n_splits"]
OTHERS = {"color": "0.8", "linewidth": 0.3, "zorder": 1}


def data(tables: Tables) -> pd.DataFrame:
    """Return for the methods shown side by side: scores over depth; of named networks, best layers and ranges of choices.

    `place` is the place of a named network, 1 is best; missing for the others.
    """
    methods, networks = [row["method"] for row in shown_methods(tables)], with_kinds(tables["models"])
    networks = networks[networks.kind != BASELINE]
    scores, best, choices = (
        table[table.method.isin(methods) & table.model.isin(networks.model)]
        for table in (tables["scores"], tables["best_layers"], tables["layer_choices"])
    )
    curves = depth_curves(scores, N_BINS)
    if not len(curves):
        raise NotDrawn("this run has no scores of networks apart from baselines, whose layers are no depths.")
    named = named_models(whole_areas(best), networks)
    of_named = best_layers_at(best[best.model.isin(named)], scores), chosen_range(choices[choices.model.isin(named)])
    parts = [part.assign(mark=mark) for part, mark in zip((curves, *of_named), (CURVE, BEST, RANGE), strict=True)]
    marks = pd.concat([part for part in parts if len(part)], ignore_index=True)
    order = {model: place for place, model in enumerate(named, start=1)}
    marks = marks.merge(networks[["model", "display_name", "kind", "state"]], on="model")
    return marks.assign(place=marks.model.map(order)).reindex(columns=COLUMNS)


def plot(tables: Tables) -> plt.Figure:
    """Draw two rows of panels for each method, one column per area: scores over depth; and a row for each named network."""
    shown, areas = data(tables), areas_of(tables)
    methods = [row for row in shown_methods(tables) if row["method"] in set(shown.method)]
    named = shown.dropna(subset="place").drop_duplicates("model").sort_values("place")
    ratios = [CURVE_IN, 0.1 + ROW_IN * len(named)] * len(methods)
    shape = 2 * len(methods), len(areas)
    figure, axes = panels(*shape, height=1 + sum(ratios), sharex=True, sharey="row", height_ratios=ratios)
    for place, row in enumerate(methods):
        for area, (curves, rows) in zip(areas, axes[2 * place : 2 * place + 2].T, strict=True):
            marks = shown[(shown.method == row["method"]) & (shown.area == area)]
            _draw_curves(curves, marks)
            _draw_rows(rows, marks)
            curves.set_title(area if place == 0 else "")
            if row["null_score"] is not None:
                curves.axhline(row["null_score"], color="black", linewidth=0.5, zorder=0)
        axes[2 * place, 0].set_ylabel(f"{row['label']}\nscore")
        axes[2 * place + 1, 0].set_yticks(named.place, named.display_name)
        axes[2 * place + 1, 0].set_ylim(len(named) + 0.7, 0.3)
    for ax in axes[-1]:
        ax.set(xlabel="depth of the layer", xlim=(-0.02, 1.02), xticks=[0, 0.5, 1], xticklabels=["0", ".5", "1"])
    n = shown.model.nunique()
    figure.suptitle(f"{run_facts(tables['run'])['title']}: score by depth, {n} network{'s' * (n > 1)}")
    handles = kind_handles(named)
    if shown.place.isna().any():
        handles["other networks"] = plt.Line2D([], [], **OTHERS)
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=4)
    return figure


def _draw_curves(ax: plt.Axes, marks: pd.DataFrame) -> None:
    """Draw a line for each network, those without a name in grey; and a dot where the best layer of the whole area lies."""
    curves, best = marks[marks.mark == CURVE], marks[(marks.mark == BEST) & (marks.cortical_layer == WHOLE)]
    for _, one in curves[curves.place.isna()].groupby("model"):
        ax.plot(one.layer_depth, one.score, **OTHERS)
    for _, one in curves.groupby("place"):
        ax.plot(one.layer_depth, one.score, **line(one.iloc[0]))
    for _, dots in best.groupby(["kind", "state"]):
        ax.plot(dots.layer_depth, dots.score, **dot(dots.iloc[0]))


def _draw_rows(ax: plt.Axes, marks: pd.DataFrame) -> None:
    """Draw the best layers of each named network at its place, and the range of choices."""
    for _, bars in marks[marks.mark == RANGE].groupby("kind"):
        ax.hlines(bars.place, bars.low, bars.high, color=COLOURS[bars.kind.iloc[0]], linewidth=1)
    for _, dots in marks[marks.mark == BEST].groupby(["kind", "state"]):
        ax.plot(dots.layer_depth, dots.place, **dot(dots.iloc[0]))
    ax.tick_params(axis="y", length=0)
