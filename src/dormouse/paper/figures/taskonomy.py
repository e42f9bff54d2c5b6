"""The figure of networks that share an architecture and differ by their task (Taskonomy)."""

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import AREA_SIZE, ROW_IN, add_legend, axis_words, counted, dot, dots_of, draw_null, draw_rows
from dormouse.paper.figures.style import DOUBLE_IN, GREY, SINGLE_IN, NotDrawn, panels, plt, sns
from dormouse.paper.networks import networks, over_areas, shown_scores


def data(tables: Tables) -> pd.DataFrame:
    """Return the scores of Taskonomy's encoders in every area and over areas, by the methods shown; with the random one."""
    known = networks(tables["models"])
    scores = shown_scores(tables)
    own = scores[scores.model.isin(known.model[known.source == "taskonomy"])]
    if not (own.state == "trained").any():
        raise NotDrawn("this run has no networks of Taskonomy; `models.groups` with taskonomy would add them.")
    return own


def plot(tables: Tables) -> plt.Figure:
    """Draw for each method the encoders, best first, in the colour of the cluster of their task; dashed: the random one."""
    scores, methods, facts = data(tables), shown_methods(tables), run_facts(tables["run"])
    trained = scores[scores.state == "trained"]
    clusters = dict(zip(sorted(trained.task_cluster.unique()), sns.color_palette("colorblind"), strict=False))
    colours = dict(zip(trained.model, trained.task_cluster.map(clusters), strict=True))
    width = DOUBLE_IN if len(methods) > 1 else SINGLE_IN
    figure, axes = panels(1, len(methods), width, 1.4 + ROW_IN * len(colours))
    for ax, row in zip(axes[0], methods, strict=True):
        own = trained[trained.method == row["method"]]
        order = over_areas(own).sort_values("score", ascending=False, kind="stable").model
        draw_rows(ax, own, list(order), dict.fromkeys(dots_of(areas_of(tables)), GREY), colours)
        for twin in over_areas(scores[(scores.state == "random") & (scores.method == row["method"])]).score:
            ax.axvline(twin, color="black", linestyle="--", linewidth=0.8, zorder=0)
        draw_null(ax, row)
        ax.set(title=row["label"], xlabel=axis_words(row, own))
    figure.suptitle(f"{facts['title']}: {counted(len(colours), 'encoders')} of Taskonomy")
    counts = trained.drop_duplicates("model").task_cluster.value_counts()
    entries = {f"{cluster or 'no cluster'} ({counts[cluster]})": dot(colour) for cluster, colour in clusters.items()}
    entries["single area"] = dot(GREY, size=AREA_SIZE)
    if (scores.state == "random").any():
        entries["random weights"] = plt.Line2D([], [], color="black", linestyle="--", linewidth=0.8)
    add_legend(figure, entries)
    return figure
