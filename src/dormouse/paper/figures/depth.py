"""The figure of scores over depth, and of how sure it is where the best layer lies."""

import pandas as pd

from dormouse.paper.depths import N_BINS, best_layers_at, chosen_range, depth_curves
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend, counted, draw_null, in_lines, of_kind
from dormouse.paper.figures.style import NotDrawn, panels, plt
from dormouse.paper.networks import BASELINE, KINDS, MOUSENET, UNTRAINED, networks
from dormouse.tables import WHOLE, whole_areas

CURVE_IN, ROW_IN = 1.2, 0.1  # heights of a panel of curves, and of a network's row below it, inches
N_NAMED = 20  # networks that are named
SHARES = {MOUSENET: 4, UNTRAINED: 4}  # of these at most so many, where there are more networks
CURVE, BEST, RANGE = "mean score in a bin of depth", "best layer", "range of choices"  # marks
COLUMNS = ["method", "area", "cortical_layer", "network", "kind", "state", "place", "mark", "layer", "layer_depth", "score"]
COLUMNS += ["low", "high", "n_splits"]
OTHERS = {"color": "0.8", "linewidth": 0.3, "zorder": 1}


def data(tables: Tables) -> pd.DataFrame:
    """Return for the methods shown side by side: scores over depth; of named networks, best layers and ranges of choices.

    Curves are means over the seeds of a network, and ranges pool the choices of all. `place` is the place of a named network,
    1 is best; it is missing for the others.
    """
    methods, known = [row["method"] for row in shown_methods(tables)], networks(tables["models"])
    known = known[known.kind != BASELINE]
    of_network = known.set_index("model").stands_for
    scores, best, choices = (
        table[table.method.isin(methods) & table.model.isin(known.model)]
        for table in (tables["scores"], tables["best_layers"], tables["layer_choices"])
    )
    layers = best_layers_at(best, scores)
    scores, layers, choices, best = (part.assign(model=part.model.map(of_network)) for part in (scores, layers, choices, best))
    curves = depth_curves(scores, N_BINS)
    if not len(curves):
        raise NotDrawn("this run has no scores of networks apart from baselines, whose layers are no depths.")
    named = named_networks(whole_areas(best), known.set_index("model").kind)
    of_named = layers[layers.model.isin(named)], chosen_range(choices[choices.model.isin(named)])
    parts = [part.assign(mark=mark) for part, mark in zip((curves, *of_named), (CURVE, BEST, RANGE), strict=True)]
    marks = pd.concat([part for part in parts if len(part)], ignore_index=True)
    marks = marks.merge(known[["model", "network", "kind", "state"]], on="model")
    order = {model: place for place, model in enumerate(named, start=1)}
    return marks.assign(place=marks.model.map(order)).reindex(columns=COLUMNS)


def named_networks(scores: pd.DataFrame, kinds: pd.Series) -> list[str]:
    """Return the networks that the figure names, best first: all of a few, else the best, with some MouseNets and random ones.

    Parameters
    ----------
    scores : method, model and score; a network's place is its mean rank over methods, by its mean score of each
    kinds : by model
    """
    means = scores.groupby(["method", "model"]).score.mean()
    places = means.groupby("method").rank(ascending=False).groupby("model").mean().sort_values(kind="stable").index
    if len(places) <= N_NAMED:
        return list(places)
    few = {model for kind, n in SHARES.items() for model in places[kinds[places] == kind][:n]}
    others = [model for model in places if kinds[model] not in SHARES][: N_NAMED - len(few)]
    return [model for model in places if model in {*few, *others}]


def plot(tables: Tables) -> plt.Figure:
    """Draw two rows of panels for each method, one column per area: scores over depth; and a row for each named network."""
    shown, areas = data(tables), areas_of(tables)
    methods = [row for row in shown_methods(tables) if row["method"] in set(shown.method)]
    named = shown.dropna(subset="place").drop_duplicates("place").sort_values("place")
    ratios = [CURVE_IN, 0.1 + ROW_IN * len(named)] * len(methods)
    shape = 2 * len(methods), len(areas)
    figure, axes = panels(*shape, height=1 + sum(ratios), sharex=True, sharey="row", height_ratios=ratios)
    for place, row in enumerate(methods):
        for area, (curves, rows) in zip(areas, axes[2 * place : 2 * place + 2].T, strict=True):
            marks = shown[(shown.method == row["method"]) & (shown.area == area)]
            _draw_curves(curves, marks)
            _draw_rows(rows, marks)
            draw_null(curves, row, across=False)
            curves.set_title(area if place == 0 else "")
        axes[2 * place, 0].set_ylabel(f"{in_lines(row['label'], 24)}\nscore")
        axes[2 * place + 1, 0].set_yticks(named.place, named.network)
        axes[2 * place + 1, 0].set_ylim(len(named) + 0.7, 0.3)
    for ax in axes[-1]:
        ax.set(xlabel="depth of the layer", xlim=(-0.02, 1.02), xticks=[0, 0.5, 1], xticklabels=["0", ".5", "1"])
    n = counted(shown.network.nunique(), "networks")
    figure.suptitle(f"{run_facts(tables['run'])['title']}: score by depth, {n}")
    add_legend(figure, _entries(shown))
    return figure


def _draw_curves(ax: plt.Axes, marks: pd.DataFrame) -> None:
    """Draw a line for each network, those without a name in grey; and a dot where the best layer of the whole area lies."""
    curves, best = marks[marks.mark == CURVE], marks[(marks.mark == BEST) & (marks.cortical_layer == WHOLE)]
    others = curves[curves.place.isna()]
    gaps = others.drop_duplicates("network").assign(score=float("nan"))  # hundreds of lines are drawn as one with gaps
    others = pd.concat([others, gaps]).sort_values("network", kind="stable")
    ax.plot(others.layer_depth, others.score, **OTHERS)
    for _, one in curves.groupby("place"):
        ax.plot(one.layer_depth, one.score, **_line(one.iloc[0]))
    for _, dots in best.groupby(["kind", "state"]):
        ax.plot(dots.layer_depth, dots.score, **_dot(dots.iloc[0]))


def _draw_rows(ax: plt.Axes, marks: pd.DataFrame) -> None:
    """Draw the best layers of each named network at its place, and the range of choices."""
    for _, bars in marks[marks.mark == RANGE].groupby(["kind", "state"]):
        ax.hlines(bars.place, bars.low, bars.high, color=_line(bars.iloc[0])["color"], linewidth=1)
    for _, dots in marks[marks.mark == BEST].groupby(["kind", "state"]):
        ax.plot(dots.layer_depth, dots.place, **_dot(dots.iloc[0]))
    ax.tick_params(axis="y", length=0)


def _line(network: pd.Series) -> dict:
    """Return how the line of a network is drawn: its colour tells its kind, and dashes that its weights are random."""
    random = network["state"] == "random"
    colour = "0.45" if network["kind"] == UNTRAINED else of_kind(network["kind"])["color"]
    return {"color": colour, "linestyle": "--" if random else "-", "linewidth": 0.7, "zorder": 2 + (not random)}


def _dot(network: pd.Series) -> dict:
    """Return how the best layer of a network is drawn."""
    look = of_kind(network["kind"], network["state"]) | {"color": _line(network)["color"]}
    return look | {"linestyle": "", "markersize": 2.4, "markeredgewidth": 0.5, "zorder": 4}


def _entries(shown: pd.DataFrame) -> dict[str, plt.Line2D]:
    """Return the entries of the legend: kinds of named networks, and the others."""
    named = shown.dropna(subset="place").drop_duplicates(["kind", "state"])
    named = named.sort_values(["kind", "state"], key=lambda column: column.map([*KINDS, "trained", "random"].index))
    entries = {}
    for _, network in named.iterrows():
        apart = network.kind == MOUSENET and network.state == "random"
        entries[f"{network.kind}, random weights" if apart else network.kind] = plt.Line2D(
            [], [], **_dot(network) | _line(network)
        )
    if shown.place.isna().any():
        entries["other networks"] = plt.Line2D([], [], **OTHERS)
    return entries
