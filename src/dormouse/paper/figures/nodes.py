"""The figure of MouseNet's nodes beside recorded areas."""

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, method_row, run_facts
from dormouse.paper.figures.marks import add_legend, counted
from dormouse.paper.figures.scores import area_ceilings
from dormouse.paper.figures.style import RED, NotDrawn, colours_of, heading, lines_of, panels, plt, sns
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import whole_areas


def data(tables: Tables, method: str) -> pd.DataFrame:
    """Return the score of every node of MouseNets with every area, and of the pixels."""
    scores = _scores(tables, method)
    nets, pixels = similarities(scores, tables["models"])
    if not len(nets):
        raise NotDrawn("this run has no MouseNet scored by this method; `models.groups` with mousenet would add some.")
    pixels = pixels.rename("score").reset_index().assign(model="pixels", source="baseline", name="pixels")
    return pd.concat([nets, pixels], ignore_index=True)


def plot(tables: Tables, method: str) -> plt.Figure:
    """Draw the score of every node of MouseNets (abscissa) with every recorded area (panels).

    For an area that the data set has only in parts, their mean is shown. Networks that differ only by the seed of their
    weights share a line, with one sd to either side. Dotted: the best layer of the pixels; dashed: noise ceiling, where panels
    reach that high.
    """
    scores, models, row, areas = _scores(tables, method), tables["models"], method_row(tables, method), areas_of(tables)
    lines = lines_of(models)
    nets, pixels = similarities(scores, models)
    limits = area_ceilings(tables["ceilings"], row)
    figure, axes = panels(len(areas), 1, height=1.3 + 1.05 * len(areas), sharex=True, sharey=True)
    colours, nets = colours_of(models, lines), nets.assign(network=nets.model.map(lines))
    looks = {
        "hue": "network",
        "hue_order": colours,
        "palette": colours,
        "errorbar": "sd",
        "sort": False,
        "marker": "o",
        "linewidth": 0.8,
        "markeredgewidth": 0,
    }
    for area, ax in zip(areas, axes[:, 0], strict=True):
        if nets.score[nets.area == area].notna().any():
            sns.lineplot(nets[nets.area == area], x="layer", y="score", ax=ax, markersize=3, **looks)
            ax.get_legend().remove()
        ax.axhline(pixels.get(area, float("nan")), color="black", linestyle=":", linewidth=1, label="pixels")
        if row["null_score"] is not None:
            ax.axhline(row["null_score"], color="0.5", linewidth=0.8)
        ax.set(ylabel=f"{area}\nscore", xlabel="")
        ax.grid(axis="x", color="0.93")
    view = ax.get_ylim()  # ceilings are often so high that they would squeeze the networks together
    for area, ax in zip(areas, axes[:, 0], strict=True):
        for limit in limits.ceiling[limits.area == area].dropna():
            ax.axhline(limit, color=RED, linestyle="--", linewidth=1)
            place = {"xy": (0.995, 0.97), "xycoords": "axes fraction", "ha": "right", "va": "top", "color": RED}
            ax.annotate(f"noise ceiling {limit:.2f}", **place, bbox={"facecolor": "white", "linewidth": 0, "pad": 1})
    ax.set_ylim(view)
    axes[-1, 0].tick_params(axis="x", rotation=90)
    what = f"{row['axis']}; {counted(nets.model.nunique(), 'networks')}"
    figure.suptitle(heading(run_facts(tables["run"])["title"], what, scores))
    handles = {label: h for ax in axes.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    add_legend(figure, handles)
    return figure


def _scores(tables: Tables, method: str) -> pd.DataFrame:
    return tables["scores"][tables["scores"].method == method]


def similarities(scores: pd.DataFrame, models: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return the scores of MouseNets' nodes in the order of computation, and the scores of the pixels by area."""
    shown = whole_areas(scores).merge(models[models.stimulus_set == ORIGINAL], on="model")
    shown = shown.groupby(["model", "source", "name", "area", "layer", "layer_index"], as_index=False).score.mean()
    nets = shown[(shown.source == "mousenet") & ~shown.layer.str.contains("-")]  # nodes, without the classifier
    pixels = shown[(shown.source == "baseline") & (shown.name == "pixels")]
    return nets.sort_values("layer_index", kind="stable"), pixels.groupby("area").score.max()
