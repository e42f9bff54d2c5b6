"""The figure of baselines beside the networks with trained and with random weights."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.figures.marks import ROW_IN, axis_words, counted, draw_interval, draw_null, face, set_apart
from dormouse.paper.figures.style import DOUBLE_IN, NotDrawn, panels, plt
from dormouse.paper.networks import BASELINE, over_areas, places, shown_scores

STATES = {"trained": "trained networks", "random": "random networks"}
FEWEST = 5  # networks with a median
STATE_IN = 0.4  # height of a row of networks, inches


def data(tables: Tables) -> pd.DataFrame:
    """Return the scores of baselines, with their intervals, and of all networks, by the methods shown; `row` is where."""
    scores = shown_scores(tables)
    if not (scores.kind == BASELINE).any():
        raise NotDrawn("this run has no baselines; `models.groups` with baselines would add them.")
    return scores.assign(row=scores.network.where(scores.kind == BASELINE, scores.state.map(STATES)))


def plot(tables: Tables) -> plt.Figure:
    """Draw the scores in every area (columns) by each method (rows): networks as dots by their state, baselines below."""
    shown, methods, columns = data(tables), shown_methods(tables), places(tables)
    baselines = over_areas(shown[(shown.kind == BASELINE) & (shown.method == methods[0]["method"])])
    rows = [row for row in STATES.values() if row in set(shown.row)]
    n_states = len(rows)
    rows += list(baselines.sort_values("score", ascending=False, kind="stable").network)
    height = 1 + (0.75 + STATE_IN * n_states + 1.4 * ROW_IN * (len(rows) - n_states)) * len(methods)
    figure, axes = panels(len(methods), len(columns), DOUBLE_IN, height, sharex="row", sharey=True)
    for area, ax in zip(columns, axes[0], strict=True):
        ax.set_title(area)
    for of_method, row in zip(axes, methods, strict=True):
        own = shown[shown.method == row["method"]]
        for place, (ax, area) in enumerate(zip(of_method, columns, strict=True)):
            draw_panel(ax, own[own.area == area], rows, np.ptp(own.score))
            draw_null(ax, row)
            ax.tick_params(axis="y", length=0, labelleft=place == 0)
            ax.xaxis.set_major_locator(plt.MaxNLocator(3))
        of_method[len(columns) // 2].set_xlabel(axis_words(row, own, 120).replace("\n", "; "))
    states = shown.drop_duplicates("model").row.value_counts()
    words = [counted(len(baselines), "baselines"), *(counted(states[row], row) for row in rows[:n_states])]
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {', '.join(words)}")
    return figure


def draw_panel(ax: plt.Axes, shown: pd.DataFrame, rows: list[str], span: float) -> None:
    """Draw the scores in one area: each row of networks a cloud of dots with its median, each baseline a diamond."""
    heights = heights_of(rows)
    for name, own in shown[shown.kind != BASELINE].groupby("row"):
        values, place = own.score.to_numpy(), heights[name]
        look = {"markersize": 1.8, "label": f"_{name}"} | face(own.state.iloc[0], "0.45")
        ax.plot(values, place + set_apart(values, span, 0.18, 0.75), "o", **look)
        if len(values) >= FEWEST:
            ax.vlines(np.median(values), place - 0.9, place + 0.9, color="black", linewidth=1.2)
    own = shown[shown.kind == BASELINE].rename(columns={"score": "estimate"})
    draw_interval(ax, own, own.row.map(heights), label="_baselines")
    ax.set_yticks(list(heights.values()), list(heights))
    ax.set_ylim(-0.7, max(heights.values()) + (1.2 if rows[0] in STATES.values() else 0.7))


def heights_of(rows: list[str]) -> Mapping[str, float]:
    """Return the place of each row, the first on top; rows of networks have twice the room."""
    room = np.array([2.2 if row in STATES.values() else 1.0 for row in reversed(rows)])
    return dict(reversed(list(zip(reversed(rows), np.cumsum(room) - room / 2 - 0.5, strict=True))))
