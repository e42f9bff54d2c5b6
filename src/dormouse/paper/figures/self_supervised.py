"""The figure of self-supervised networks beside those of the same architecture that were trained on labels."""

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import (
    AREA_SIZE,
    ROW_IN,
    add_legend,
    answer_words,
    axis_words,
    counted,
    dot,
    dots_of,
    draw_null,
    draw_rows,
)
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, panels, plt
from dormouse.paper.networks import SELF, networks, over_areas, shown_scores

TWINS = {  # state, colour, words
    "supervised": ("trained", "black", "its architecture, trained on labels"),
    "random": ("random", "0.6", "its architecture, random weights"),
}
AT = ["method", "area", "named"]


def data(tables: Tables) -> pd.DataFrame:
    """Return the scores of self-supervised networks in every area and over areas, by the methods shown, and of their twins.

    Twins have the same name, whatever their source: those trained on labels (`supervised`) and with random weights (`random`).
    Where there are several, they are averaged.
    """
    known = networks(tables["models"])[["model", "named", "group"]]
    scores = shown_scores(tables).merge(known, on="model")
    own = scores[scores.kind == SELF]
    if not len(own):
        raise NotDrawn("this run has no self-supervised networks; `models.groups` with selfsupervised would add them.")
    for name, (state, *_) in TWINS.items():
        twins = scores[(scores.state == state) & (scores.group.isin(["imagenet", "random"]))]
        own = own.join(twins.groupby(AT).score.mean().rename(name), on=AT)
    return own.drop(columns="group")


def plot(tables: Tables) -> plt.Figure:
    """Draw for each method the networks, by architecture, best first; bars: the same architecture trained otherwise."""
    scores, methods, facts = data(tables), shown_methods(tables), run_facts(tables["run"])
    answers, dots = tables["comparisons"][tables["comparisons"].contrast == "supervision"], dots_of(areas_of(tables))
    n = scores.model.nunique()
    width = DOUBLE_IN if len(methods) > 1 else SINGLE_IN
    figure, axes = panels(1, len(methods), width, 1.8 + ROW_IN * n)
    for ax, row in zip(axes[0], methods, strict=True):
        own = scores[scores.method == row["method"]]
        means = in_order(over_areas(own))
        draw_rows(ax, own, list(means.model), dots)
        for name, (_, colour, _) in TWINS.items():
            look = {"markersize": ROW_IN * 72, "markeredgewidth": 1.2, "color": colour, "zorder": 2, "label": f"_{name}"}
            ax.plot(means[name], range(len(means))[::-1], "|", **look)
        for place in (means.block != means.block.shift(-1)).to_numpy()[:-1].nonzero()[0]:
            ax.axhline(len(means) - place - 1.5, color="0.6", linewidth=0.5)
        draw_null(ax, row)
        ax.set(title=f"{row['label']}\n{answer_words(answers, row['method'])}", xlabel=axis_words(row, own))
    figure.suptitle(f"{facts['title']}: {counted(n, 'self-supervised networks')}")
    entries = {area: dot(colour, size=AREA_SIZE) for area, colour in dots.items()} | {"mean over areas": dot()}
    entries |= {words: dot(colour, marker="|", size=8, markeredgewidth=1.2) for _, colour, words in TWINS.values()}
    add_legend(figure, entries)
    return figure


def in_order(means: pd.DataFrame) -> pd.DataFrame:
    """Return networks in blocks, best first: those of one architecture, most networks first; last those alone in theirs."""
    size = means.groupby("named").model.transform("size")
    blocks = means.assign(size=size, block=means.named.where(size > 1, ""))
    return blocks.sort_values(["size", "block", "score"], ascending=[False, True, False], kind="stable")
