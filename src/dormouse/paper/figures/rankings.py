"""The figure of the ranking of networks."""

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import (
    AREA_SIZE,
    MEAN_SIZE,
    ROW_IN,
    add_legend,
    axis_words,
    dot,
    dots_of,
    draw_ceiling,
    draw_null,
    draw_rows,
    face,
    mean_ceiling,
    set_apart,
    states,
)
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, panels, plt
from dormouse.paper.networks import KINDS, named, over_areas, shown_scores

KIND_IN = 0.28  # height of the row of a kind of networks, inches


def data(tables: Tables) -> pd.DataFrame:
    """Return the scores of networks in every area and over areas, by the methods shown, with their ranks over areas."""
    scores = shown_scores(tables)
    means = over_areas(scores)
    if not len(means):
        raise NotDrawn("no network has a score in every area.")
    ranks = means.groupby("method").score.rank(ascending=False, method="min").rename("rank")
    return scores.join(ranks)


def plot(tables: Tables) -> plt.Figure:
    """Draw for each method all networks by their kind, where they are many, and those that are named, best first."""
    scores, methods, facts = data(tables), shown_methods(tables), run_facts(tables["run"])
    orders = {row["method"]: named(scores[scores.method == row["method"]], tables["models"]) for row in methods}
    dots, longest = dots_of(areas_of(tables)), max(map(len, orders.values()))
    many = longest < scores.model.nunique()
    kinds = [kind for kind in KINDS if kind in set(scores.kind)]
    heights = [KIND_IN * len(kinds)] * many + [ROW_IN * longest]
    size = {"width": DOUBLE_IN if len(methods) > 1 else SINGLE_IN, "height": 1.5 + sum(heights)}
    figure, axes = panels(len(heights), len(methods), **size, height_ratios=heights, sharex="col")
    for column, row in zip(axes.T, methods, strict=True):
        own = scores[scores.method == row["method"]]
        if many:
            draw_kinds(column[0], over_areas(own), kinds)
        draw_rows(column[-1], own, orders[row["method"]], dots)
        for ax in column:
            draw_null(ax, row)
        elsewhere = draw_ceiling(column[-1], mean_ceiling(tables["ceilings"], row))
        column[0].set_title(row["label"])
        column[-1].set_xlabel("\n".join(filter(None, [axis_words(row, own), elsewhere])))
    figure.suptitle(f"{facts['title']}: {scores.model.nunique()} networks")
    add_legend(figure, {area: dot(colour, size=AREA_SIZE) for area, colour in dots.items()} | states(scores))
    return figure


def draw_kinds(ax: plt.Axes, means: pd.DataFrame, kinds: list[str]) -> None:
    """Draw means over areas of all networks of a method, each a dot, in a row for each kind."""
    span = means.score.max() - means.score.min()
    for place, kind in enumerate(reversed(kinds)):
        own = means[means.kind == kind]
        for state, dots in own.groupby("state"):
            heights = place + set_apart(dots.score.to_numpy(), span, 0.12)
            ax.plot(dots.score, heights, "o", markersize=MEAN_SIZE / 2, label=f"_{kind}", **face(state))
    counts = means.kind.value_counts()
    ax.set_yticks(range(len(kinds)), [f"{kind} ({counts[kind]})" for kind in reversed(kinds)])
    ax.set_ylim(-0.6, len(kinds) - 0.4)
    ax.tick_params(axis="y", length=0)
