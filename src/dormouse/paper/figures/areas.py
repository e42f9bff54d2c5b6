"""The figure of scores by cortical area and layer."""

import numpy as np
import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend, draw_null, in_lines
from dormouse.paper.figures.scores import site_ceilings
from dormouse.paper.figures.style import RED, NotDrawn, area_colours, panels, plt
from dormouse.paper.networks import BASELINE, networks
from dormouse.tables import WHOLE

NETWORK, MEDIAN, CEILING = "network", "median of networks", "noise ceiling"  # marks
SIDES = {"trained": -0.22, "random": 0.22}  # places of the strips of dots, from the middle of a site, of which each has 1
SPREAD, GAP = 0.16, 0.8  # half the width of a strip, and the space between areas
SCORE_IN, CEILING_IN = 1.6, 0.45  # heights of panels, inches
DASHES = (0, (2, 1))
AT = ["area", "cortical_layer"]
STATES = {"trained": "trained", "random": "with random weights"}


def data(tables: Tables) -> pd.DataFrame:
    """Return the score of each network at each site, by the methods shown side by side; medians over networks, and ceilings.

    Seeds of a network are averaged.
    """
    best, known = tables["best_layers"], networks(tables["models"])
    known = known[known.kind != BASELINE]
    parts = []
    for row in shown_methods(tables):
        own = best[best.method == row["method"]].dropna(subset="score")
        own = own.merge(known[["model", "network", "state"]], on="model")
        own = own.groupby([*AT, "network", "state"], as_index=False).agg(
            score=("score", "mean"), n_neurons=("n_neurons", "max")
        )
        at = own.groupby([*AT, "state"], as_index=False)
        medians = at.agg(score=("score", "median"), n_neurons=("n_neurons", "max"), n_networks=("score", "size"))
        limits = site_ceilings(tables["ceilings"], row).rename(columns={"ceiling": "score"}).dropna(subset="score")
        each = own.assign(mark=NETWORK)
        found = each, medians.assign(mark=MEDIAN), limits[[*AT, "score", "n_neurons"]].assign(mark=CEILING)
        parts += [part.assign(method=row["method"]) for part in found if len(part) and len(own)]
    if not parts:
        raise NotDrawn("this run has no scores of networks apart from baselines.")
    return pd.concat(parts, ignore_index=True)


def plot(tables: Tables) -> plt.Figure:
    """Draw for each method the noise ceilings, and below them strips of each site: a dot a network, a line at the median."""
    shown, areas, colours = data(tables), areas_of(tables), area_colours(areas_of(tables))
    methods = [row for row in shown_methods(tables) if row["method"] in set(shown.method)]
    sites = sites_in_order(shown[shown.mark == MEDIAN], areas)
    middle = np.arange(len(sites)) + GAP * sites.area.map(areas.index).to_numpy()
    limited = set(shown.method[shown.mark == CEILING])
    rows = [(row, mark) for row in methods for mark in (CEILING, NETWORK) if mark == NETWORK or row["method"] in limited]
    ratios = [{CEILING: CEILING_IN, NETWORK: SCORE_IN}[mark] for _, mark in rows]
    figure, axes = panels(len(rows), 1, height=1.1 + sum(ratios), sharex=True, height_ratios=ratios)
    rng = np.random.default_rng(0)
    for (row, mark), ax in zip(rows, axes[:, 0], strict=True):
        own = shown[shown.method == row["method"]].merge(sites[AT].assign(x=middle), on=AT)
        if mark == CEILING:
            limits = own[own.mark == CEILING]
            ax.hlines(limits.score, limits.x - 0.45, limits.x + 0.45, color=RED, linestyle=DASHES)
            ax.set(ylim=(min(0.7, limits.score.min()) - 0.05, 1.03), ylabel="ceiling")
        else:
            _draw_scores(ax, own, colours, rng)
            draw_null(ax, row, across=False)
            ax.set_ylabel(f"{in_lines(row['label'], 24)}\nscore")
    _name_sites(axes[-1, 0], sites, middle)
    for area in dict.fromkeys(sites.area):
        at = {"xy": (middle[sites.area == area].mean(), 1.02), "xycoords": ("data", "axes fraction")}
        axes[0, 0].annotate(area, color=colours[area], weight="bold", ha="center", va="bottom", **at)
    counts = shown[shown.mark == MEDIAN].groupby("state").n_networks.max()
    n = ", ".join(f"{counts[state]:.0f} {words}" for state, words in STATES.items() if state in counts)
    figure.suptitle(f"{run_facts(tables['run'])['title']}: scores of networks ({n})")
    add_legend(figure, _handles(shown))
    return figure


def sites_in_order(table: pd.DataFrame, areas: list[str]) -> pd.DataFrame:
    """Return the sites of a table, `AT` and n_neurons, by area and then layer, the whole area first."""
    sites = table.groupby(AT, as_index=False).n_neurons.max()
    layer = sites.cortical_layer.mask(sites.cortical_layer == WHOLE, "")
    sites = sites.assign(place=sites.area.map(areas.index), layer=layer).sort_values(["place", "layer"], ignore_index=True)
    return sites[[*AT, "n_neurons"]]


def _draw_scores(ax: plt.Axes, marks: pd.DataFrame, colours: dict, rng: np.random.Generator) -> None:
    """Draw the networks of all sites, trained ones to the left and random ones to the right, and their medians."""
    for state, side in SIDES.items():
        own = marks[marks.state == state]
        for area, dots in own[own.mark == NETWORK].groupby("area"):
            fill = "none" if state == "random" else colours[area]
            x = dots.x + side + rng.uniform(-SPREAD, SPREAD, len(dots))
            ax.scatter(x, dots.score, s=3, facecolors=fill, edgecolors=[colours[area]], linewidths=0.45, alpha=0.7)
        lines = own[(own.mark == MEDIAN) & (own.n_networks > 1)]
        ax.hlines(lines.score, lines.x + side - 0.2, lines.x + side + 0.2, color="black", linewidth=1.2, zorder=3)


def _name_sites(ax: plt.Axes, sites: pd.DataFrame, middle: np.ndarray) -> None:
    """Name the layers below the lowest panel, with numbers of neurons where there are any."""
    layers = sites.cortical_layer.replace(WHOLE, "all")
    counts = ["" if pd.isna(n) else f"\n{n:.0f}" for n in sites.n_neurons]
    ax.set_xticks(middle, [layer + n for layer, n in zip(layers, counts, strict=True)])
    ax.set(xlabel="cortical layer" + ("; number of neurons" if any(counts) else ""), xlim=(-0.8, middle[-1] + 0.8))


def _handles(shown: pd.DataFrame) -> dict[str, plt.Line2D]:
    dots = {"marker": "o", "linestyle": "", "markersize": 2.5, "color": "0.3", "markeredgewidth": 0.4}
    entries = {
        "trained network": ((shown.mark == NETWORK) & (shown.state == "trained"), dots),
        "network with random weights": (shown.state == "random", dots | {"markerfacecolor": "white"}),
        "median": (shown.mark == MEDIAN, {"color": "black", "linewidth": 1.2}),
        CEILING: (shown.mark == CEILING, {"color": RED, "linestyle": DASHES}),
    }
    return {words: plt.Line2D([], [], **look) for words, (there, look) in entries.items() if there.any()}
