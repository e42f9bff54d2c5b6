"""Scores of all layers of a network by their depth: what the report draws of each network, on axes that all share."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from dormouse.paper.depth_plots import N_COLOURS, depth_axes, depth_plot
from dormouse.paper.facts import Tables
from dormouse.tables import whole_areas

SITE = ["area", "cortical_layer"]


def depth_curves(tables: Tables, methods: Sequence[Mapping], areas: Sequence[str]) -> dict[str, list[dict]]:
    """Return for each model its plots: the `label` of a method, and the score by depth as `svg`.

    Parameters
    ----------
    methods : rows of the methods that are set side by side
    areas : in the order of colours
    """
    found: dict[str, list[dict]] = {}
    names = tables["models"].set_index("model").display_name
    best = whole_areas(tables["best_layers"])
    for method, rows in _scores_by(tables, methods):
        chosen = best[best.method == method["method"]].set_index(["model", *SITE]).layer_index
        for model, own in rows.groupby("model", sort=False):
            title = f"Score by depth, {names[model]}, {method['label']}: a line for each area"
            plot = depth_plot(_lines(own, chosen, areas), _limits(rows.score), _axes(method), title)
            found.setdefault(str(model), []).append({"label": method["label"], "svg": plot})
    return found


def shared_axes(tables: Tables, methods: Sequence[Mapping]) -> list[Markup]:
    """Return the axes of the plots of each method, which stand in the page once."""
    return [depth_axes(_limits(rows.score), _axes(method)) for method, rows in _scores_by(tables, methods)]


def _scores_by(tables: Tables, methods: Sequence[Mapping]) -> list[tuple[Mapping, pd.DataFrame]]:
    """Return the methods that have scores, and these, of whole areas."""
    scores = whole_areas(tables["scores"]).dropna(subset="score")
    parts = [(method, scores[scores.method == method["method"]]) for method in methods]
    return [(method, rows) for method, rows in parts if len(rows)]


def _axes(method: Mapping) -> str:
    return f"axes-{method['method']}"


def _limits(scores: pd.Series) -> tuple[float, float]:
    """Return the ends of the scale that all networks share: of their scores, with 0."""
    return min(scores.min(), 0), max(scores.max(), 0.01)


def _lines(own: pd.DataFrame, chosen: pd.Series, areas: Sequence[str]) -> list[dict]:
    """Return the lines of a network's plot, see `depth_plots.depth_plot`."""
    lines = []
    model = own.model.iloc[0]
    for (area, layer), rows in own.groupby(SITE, sort=False):
        rows = rows.sort_values("layer_index")
        places = np.flatnonzero(rows.layer_index == chosen.get((model, area, layer), -1))
        line = {"label": area, "colour": areas.index(area) % N_COLOURS, "best": int(places[0]) if len(places) else None}
        lines.append(line | {"depth": rows.layer_depth.to_numpy(), "score": rows.score.to_numpy()})
    return lines
