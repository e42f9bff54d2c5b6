"""The figure of trained networks beside the same networks with random weights."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd

from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.figures.marks import (
    N_SMALL,
    add_legend,
    answer_words,
    axis_words,
    dot,
    draw_interval,
    name_rows,
    set_apart,
)
from dormouse.paper.figures.style import DOUBLE_IN, GREY, SINGLE_IN, NotDrawn, panels, plt, sns
from dormouse.paper.networks import OVER_AREAS, answers_at, networks, places, shown_scores

CONTRAST = "training"
TASKS = ("", "Object classification")  # of trained networks that have a twin, as in the contrast
MARKERS = {"Convolutional": "o", "Transformer": "^", "MLP-Mixer": "s"}  # by architecture
N_COLOURED = 7  # families with a colour of their own
AT = ["method", "area", "source", "named"]
PAIR, MEAN = "pair", "mean over families"
ROW_IN = 0.18  # height of an area, inches


def data(tables: Tables) -> pd.DataFrame:
    """Return for each pair, method and area the scores of the trained network and of its random twin; and the answers.

    Twins are the same network of the same source; several seeds, or several weights, are averaged. `mark` is `PAIR`, or `MEAN`
    for the mean difference of the table `comparisons`, with the ends of its interval.
    """
    known = networks(tables["models"])[["model", "source", "named"]]
    scores = shown_scores(tables).merge(known, on="model")
    trained = scores[(scores.state == "trained") & scores.task.isin(TASKS)].groupby(AT, sort=False)
    random = scores[scores.state == "random"].groupby(AT, sort=False)
    labels = trained[["network", "family", "architecture", "statistic"]].first()
    pairs = labels.join(trained.score.mean().rename("trained")).join(random.score.mean().rename("random"), how="inner")
    if not len(pairs):
        raise NotDrawn(
            "no network of this run is there both trained and with random weights; `models.groups` with imagenet and random "
            "would add pairs."
        )
    pairs = pairs.assign(difference=pairs.trained - pairs.random, mark=PAIR).reset_index().drop(columns=["source", "named"])
    said = answers_at(tables, CONTRAST).rename(columns={"estimate": "difference"}).assign(mark=MEAN)
    return pd.concat([pairs, said], ignore_index=True) if len(said) else pairs.assign(low=np.nan, high=np.nan)


def plot(tables: Tables) -> plt.Figure:
    """Draw for each method trained over random scores, and below it their differences in every area."""
    shown, methods, rows = data(tables), shown_methods(tables), places(tables)
    answers = tables["comparisons"][tables["comparisons"].contrast == CONTRAST]
    pairs = shown[shown.mark == PAIR]
    looks, heights = family_looks(pairs), [2.7, 0.3 + ROW_IN * len(rows)]
    width = DOUBLE_IN if len(methods) > 1 else SINGLE_IN
    figure, axes = panels(2, len(methods), width, 1.9 + sum(heights), height_ratios=heights)
    for (above, below), row in zip(axes.T, methods, strict=True):
        own = pairs[pairs.method == row["method"]]
        draw_pairs(above, own[own.area == OVER_AREAS], looks)
        above.set_title(f"{row['label']}\n{answer_words(answers, row['method'])}")
        above.set(xlabel="random weights", ylabel=f"trained\n{axis_words(row, own, 52)}")
        draw_differences(below, shown[shown.method == row["method"]], rows)
        below.set_xlabel("trained, less random")
    figure.suptitle(run_facts(tables["run"])["title"])
    add_legend(figure, {name: dot(look["color"], marker=look["marker"]) for name, look in looks.items()})
    return figure


def family_looks(pairs: pd.DataFrame) -> dict[str, dict]:
    """Return how families are drawn: those with most pairs in colours of their own, others by their architecture, grey."""
    once = pairs[(pairs.area == OVER_AREAS) & (pairs.method == pairs.method.iloc[0])]
    architecture = once.groupby("family").architecture.first()
    most = once.family.value_counts(sort=True).index[:N_COLOURED]
    colours = cycle(sns.color_palette("colorblind"))
    looks = {family: {"color": next(colours), "marker": MARKERS.get(architecture[family], "o")} for family in most}
    rest = sorted(architecture[~architecture.index.isin(most)].unique())
    return looks | {_other(kind): {"color": GREY, "marker": MARKERS.get(kind, "o")} for kind in rest}


def _other(architecture: str) -> str:
    return f"other, {architecture or 'unknown'}"


def draw_pairs(ax: plt.Axes, pairs: pd.DataFrame, looks: Mapping[str, Mapping]) -> None:
    """Draw trained over random scores of pairs, with the line on which both are the same."""
    for row in pairs.itertuples():
        look = looks.get(row.family) or looks[_other(row.architecture)]
        ax.plot(row.random, row.trained, markersize=3.5, linestyle="", markeredgewidth=0, **look)
    ends = pairs[["random", "trained"]].to_numpy()
    margin = 0.08 * np.ptp(ends) or 0.1
    ax.axline((ends.min(), ends.min()), slope=1, color="0.5", linewidth=0.8, zorder=0)
    limits = (ends.min() - margin, ends.max() + margin)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(plt.MaxNLocator(5))


def draw_differences(ax: plt.Axes, shown: pd.DataFrame, rows: list[str]) -> None:
    """Draw differences of pairs in each area (rows), each a dot, and above them their mean with its interval, if known."""
    span = np.ptp(shown.difference.dropna()) or 1.0
    for place, area in enumerate(reversed(rows)):
        here = shown[shown.area == area]
        dots = here.difference[here.mark == PAIR].to_numpy()
        look = {"markersize": 1.6 if len(dots) > N_SMALL else 3, "color": "0.65", "markeredgewidth": 0}
        ax.plot(dots, place - 0.12 + set_apart(dots, span, 0.08, 0.25), "o", label=f"_{area}", **look)
        means = here[here.mark == MEAN].rename(columns={"difference": "estimate"})
        draw_interval(ax, means, np.full(len(means), place + 0.3))
    ax.axvline(0, color="0.5", linewidth=0.8, zorder=0)
    name_rows(ax, rows)
