"""The figure of MouseNet's anatomy: nodes and connections."""

import pandas as pd

from dormouse.paper.facts import Tables
from dormouse.paper.figures.style import SMALL_PT, panels, plt, sns


def data(tables: Tables, variant: str) -> pd.DataFrame:
    """Return the connections of a variant."""
    return tables["connections"][tables["connections"].variant == variant]


def plot(tables: Tables, variant: str) -> plt.Figure:
    """Draw MouseNet: nodes by level of the hierarchy (abscissa) and area, connections coloured by size of kernels."""
    nodes, connections = tables["nodes"][tables["nodes"].variant == variant], data(tables, variant)
    shown = nodes[nodes.level >= 0]
    rows = {area: row for row, area in enumerate(shown[shown.level == 2].area.unique())}
    middle, shifts = (len(rows) - 1) / 2, {"4": (-0.25, 0.0), "2/3": (0.0, 0.3), "5": (0.25, -0.3), "": (0.0, 0.0)}
    places = {
        node.name: (node.level + shifts[node.layer][0], -rows.get(node.area, middle) + shifts[node.layer][1])
        for node in shown.itertuples()
    }
    places["input"] = (-0.6, -middle)
    figure, ((ax,),) = panels(1, 1, height=5.6, style="white")
    colours = plt.get_cmap("viridis_r", 6)
    scale = plt.Normalize(0, connections.kernel.max())
    for connection in connections.itertuples():
        colour = colours(scale(connection.kernel))
        arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 15, "shrinkB": 15, "linewidth": 0.9}
        ax.annotate("", places[connection.target], places[connection.source], arrowprops=arrow)
    for node in nodes.itertuples():
        style = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        label = f"{node.name}\n{node.channels} x {node.map_px}²"
        ax.annotate(label, places[node.name], ha="center", va="center", fontsize=SMALL_PT, bbox=style)
    ax.set(xlim=(-1, 3.6), ylim=(-len(rows) + 0.2, 0.8), yticks=[], xticks=[-0.6, 0, 1, 2, 3])
    ax.set_xticklabels(["image", "LGN", "level 1", "level 2", "level 3"])
    sns.despine(figure, left=True)
    figure.colorbar(plt.cm.ScalarMappable(scale, colours), ax=ax, label="kernel (pixels)", shrink=0.6)
    figure.suptitle(f"MouseNet: {len(connections)} connections; channels x size of the map")
    return figure
