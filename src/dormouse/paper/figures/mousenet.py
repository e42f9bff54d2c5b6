"""Figures of MouseNet: its anatomy, its nodes beside recorded areas, its units beside recorded neurons."""

from collections.abc import Mapping
from itertools import cycle, product

import pandas as pd
import seaborn as sns

from dormouse.columns import FLOAT, TABLES
from dormouse.paper.figures.scores import area_ceilings
from dormouse.paper.figures.style import PANEL_IN, heading, plt
from dormouse.tables import whole_areas

HUES = ("Blues", "Oranges", "Greens", "Purples")


def plot_mousenet(nodes: pd.DataFrame, connections: pd.DataFrame) -> plt.Figure:
    """Draw MouseNet: nodes by level of the hierarchy (abscissa) and area, connections coloured by the size of their kernels.

    Parameters
    ----------
    nodes, connections : tables of these names
    """
    shown = nodes[nodes.level >= 0]
    rows = {area: row for row, area in enumerate(shown[shown.level == 2].area.unique())}
    middle, shifts = (len(rows) - 1) / 2, {"4": (-0.25, 0.0), "2/3": (0.0, 0.3), "5": (0.25, -0.3), "": (0.0, 0.0)}
    places = {
        node.name: (node.level + shifts[node.layer][0], -rows.get(node.area, middle) + shifts[node.layer][1])
        for node in shown.itertuples()
    }
    places["input"] = (-0.6, -middle)
    sns.set_theme(context="paper", style="white")
    figure, ax = plt.subplots(figsize=(9.5, 6.5), layout="constrained")
    colours = plt.get_cmap("viridis_r", 6)
    scale = plt.Normalize(0, connections.kernel.max())
    for connection in connections.itertuples():
        colour = colours(scale(connection.kernel))
        arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 15, "shrinkB": 15, "linewidth": 0.9}
        ax.annotate("", places[connection.target], places[connection.source], arrowprops=arrow)
    for node in nodes.itertuples():
        style = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        label = f"{node.name}\n{node.channels} x {node.map_px}²"
        ax.annotate(label, places[node.name], ha="center", va="center", fontsize=7, bbox=style)
    ax.set(xlim=(-1, 3.6), ylim=(-len(rows) + 0.2, 0.8), yticks=[], xticks=[-0.6, 0, 1, 2, 3])
    ax.set_xticklabels(["image", "LGN", "level 1", "level 2", "level 3"])
    sns.despine(figure, left=True)
    figure.colorbar(plt.cm.ScalarMappable(scale, colours), ax=ax, label="kernel (pixels)", shrink=0.6)
    figure.suptitle(f"MouseNet: {len(connections)} connections; channels x size of the map")
    return figure


def plot_nodes(
    scores: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, method: Mapping, areas: list[str], title: str
) -> plt.Figure:
    """Draw the score of every node of MouseNets (abscissa) with every recorded area (panels).

    Parameters
    ----------
    scores, ceilings, models : tables of these names; of an area that is there in parts alone, the mean over its sites is shown
    method : row of the table of methods, with its name as `method`
    areas : order of the panels

    Networks that differ by the seed of their weights are one line, with one sd to either side. Dotted: the best layer of the
    pixels; dashed: noise ceiling, where panels reach so high.
    """
    lines = lines_of(models)
    nets, pixels = similarities(scores[scores.method == method["method"]], models)
    limits = area_ceilings(ceilings, method)
    sns.set_theme(context="paper", style="whitegrid")
    size = {"figsize": (8, 1 + PANEL_IN * len(areas)), "layout": "constrained"}
    figure, axes = plt.subplots(len(areas), 1, sharex=True, sharey=True, squeeze=False, **size)
    colours, nets = colours_of(models, lines), nets.assign(network=nets.model.map(lines))
    looks = {"hue": "network", "hue_order": colours, "palette": colours, "errorbar": "sd", "sort": False, "marker": "o"}
    for area, ax in zip(areas, axes[:, 0], strict=True):
        if nets.score[nets.area == area].notna().any():
            sns.lineplot(nets[nets.area == area], x="layer", y="score", ax=ax, markersize=4, **looks)
            ax.get_legend().remove()
        ax.axhline(pixels.get(area, float("nan")), color="black", linestyle=":", linewidth=1, label="pixels")
        if method["null_score"] is not None:
            ax.axhline(method["null_score"], color="0.5", linewidth=0.8)
        ax.set(ylabel=area, xlabel="")
    view = ax.get_ylim()  # ceilings are often so high that networks would lie together below them
    for area, ax in zip(areas, axes[:, 0], strict=True):
        for limit in limits.ceiling[limits.area == area]:
            ax.axhline(limit, color="firebrick", linestyle="--", linewidth=1)
            place = {"xy": (0.995, 0.97), "xycoords": "axes fraction", "ha": "right", "va": "top", "color": "firebrick"}
            ax.annotate(f"noise ceiling {limit:.2f}", **place, bbox={"facecolor": "white", "linewidth": 0, "pad": 1})
    ax.set_ylim(view)
    axes[-1, 0].tick_params(axis="x", rotation=90)
    figure.suptitle(heading(title, method["axis"], scores[scores.method == method["method"]]))
    handles = {label: h for ax in axes.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def similarities(scores: pd.DataFrame, models: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return the scores of MouseNets' nodes in the order in which signals pass, and by area those of the pixels."""
    shown = whole_areas(scores).merge(models, on="model")
    shown = shown.groupby(["model", "source", "name", "area", "layer", "layer_index"], as_index=False).score.mean()
    nets = shown[(shown.source == "mousenet") & ~shown.layer.str.contains("-")]  # nodes, without the classifier
    pixels = shown[(shown.source == "baseline") & (shown.name == "pixels")]
    return nets.sort_values("layer_index", kind="stable"), pixels.groupby("area").score.max()


def lines_of(models: pd.DataFrame) -> dict[str, str]:
    """Return for each MouseNet of the table `models` the name of its line: seeds of the same random weights have one."""
    own = models[models.source == "mousenet"]
    # as `models.registry` names them
    return {net.model: net.display_name.removesuffix(f" {net.seed:.0f}") for net in own.itertuples()}


def colours_of(models: pd.DataFrame, lines: dict[str, str]) -> dict[str, tuple]:
    """Return a colour for each line: a hue for each variant, darker from one network of it to the next."""
    names = models.set_index("model").name[list(lines)].groupby(lines, sort=False).first()
    colours = {}
    for variant, hue in zip(names.unique(), cycle(HUES)):
        own = names.index[names == variant]
        colours |= dict(zip(own, sns.color_palette(hue, len(own) + 2)[2:], strict=True))
    return colours


def plot_units(units: pd.DataFrame, models: pd.DataFrame, areas: list[str], title: str) -> plt.Figure:
    """Draw cumulative distributions: a column an area that mouse and MouseNet share, a row a quantity, a line a network.

    Parameters
    ----------
    units, models : tables of these names
    areas : order of the columns
    """
    lines = lines_of(models)
    named = units.assign(network=units.model.map(lines | {"": "mouse"}))
    of_networks = set(named.area[named.model != ""])
    shared = [area for area in areas if area in of_networks] or areas[:1]
    quantities = [column for column, (kind, _) in TABLES["units"].items() if kind == FLOAT]
    colours = colours_of(models, lines) | {"mouse": "black"}
    sns.set_theme(context="paper", style="whitegrid")
    size = {"figsize": (1 + 2.1 * len(shared), 1 + 1.8 * len(quantities)), "layout": "constrained"}
    figure, axes = plt.subplots(len(quantities), len(shared), sharex="row", sharey=True, squeeze=False, **size)
    for (row, quantity), (column, area) in product(enumerate(quantities), enumerate(shared)):
        ax = axes[row, column]
        for name, rows in named[named.area == area].groupby("network", sort=False):
            if rows[quantity].notna().any():
                ax.ecdf(rows[quantity].dropna(), color=colours[name], linewidth=1.2, label=name)
        ax.set(title=area if row == 0 else "", xlabel=quantity.replace("_", " "))
    figure.supylabel("share of units")
    figure.suptitle(title)
    handles = {label: h for ax in axes.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    return figure
