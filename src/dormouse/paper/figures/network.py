"""The figure of MouseNet's anatomy: nodes and connections."""

import numpy as np
import pandas as pd

from dormouse.paper.facts import Tables
from dormouse.paper.figures.style import SMALL_PT, panels, plt


def data(tables: Tables, variant: str) -> pd.DataFrame:
    """Return the connections of a variant."""
    return tables["connections"][tables["connections"].variant == variant]


def plot(tables: Tables, variant: str) -> plt.Figure:
    """Draw MouseNet: nodes by level of the hierarchy (abscissa) and area, connections coloured by size of kernels."""
    nodes, connections = tables["nodes"][tables["nodes"].variant == variant], data(tables, variant)
    places = _places(nodes)
    figure, ((ax,),) = panels(1, 1, height=5.8)
    sizes = sorted(connections.kernel.unique())
    colours = dict(zip(sizes, plt.get_cmap("viridis_r")(np.linspace(0.05, 1, len(sizes))), strict=True))
    # nodes are drawn below the arrows, which end at their edges, and again above them, so that none crosses their words
    boxes = {node.name: _draw_node(ax, node, places[node.name]).get_bbox_patch() for node in nodes.itertuples()}
    for connection in connections.itertuples():
        look = {"arrowstyle": "-|>,head_length=3,head_width=1.3", "mutation_scale": 1, "linewidth": 0.7}
        ends = {"patchA": boxes[connection.source], "patchB": boxes[connection.target], "shrinkA": 0, "shrinkB": 0}
        arrow = look | ends | {"color": colours[connection.kernel]}
        ax.annotate("", places[connection.target], places[connection.source], arrowprops=arrow)
    for node in nodes.itertuples():
        _draw_node(ax, node, places[node.name])
    lowest = min(y for _, y in places.values())
    ax.set(xlim=(-0.9, 3.6), ylim=(lowest - 0.35, 0.75), xticks=[-0.6, 0, 1, 2, 3])
    ax.set_xticklabels(["image", "LGN", "level 1", "level 2", "level 3"])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.yaxis.set_visible(False)
    ax.tick_params(length=0)
    figure.suptitle(
        f"MouseNet, variant {variant}: {len(nodes)} nodes (channels x side of the map²), {len(connections)} connections"
    )
    handles = {f"{size} px": plt.Line2D([], [], color=colour, linewidth=1.5) for size, colour in colours.items()}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles), title="side of the kernel")
    return figure


def _draw_node(ax: plt.Axes, node, place: tuple[float, float]) -> plt.Annotation:
    """Draw the box of a node, and return it."""
    style = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "0.6", "linewidth": 0.6}
    label = f"{node.name}\n{node.channels} x {node.map_px}²"
    return ax.annotate(label, place, ha="center", va="center", fontsize=SMALL_PT, bbox=style)


def _places(nodes: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return where each node lies: areas of one level below each other, and in each the layers in the order of signals."""
    shown = nodes[nodes.level >= 0]
    rows = {area: row for row, area in enumerate(shown[shown.level == 2].area.unique())}
    middle, shifts = (len(rows) - 1) / 2, {"4": (-0.31, 0.0), "2/3": (0.0, 0.34), "5": (0.31, -0.28), "": (0.0, 0.0)}
    places = {
        node.name: (node.level + shifts[node.layer][0], -rows.get(node.area, middle) + shifts[node.layer][1])
        for node in shown.itertuples()
    }
    return places | {"input": (-0.6, -middle)}
