"""Two scatter plots of networks that are linked: what is selected in one is marked in the other.

They are described in Vega-Lite by Altair, and drawn twice: here, as SVG that stands in the page without scripts, and again by
Vega-Embed in the page, where scripts run.
"""

import json
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
import vl_convert
from markupsafe import Markup

from dormouse.methods.table import RDMS
from dormouse.paper.facts import Tables
from dormouse.paper.markup import network_id
from dormouse.paper.rankings import mean_scores

SIZE = 300  # of a panel, pixels
FRAME, KIND = "frame", "kind"  # what is selected: by a frame that one draws, and in the legend
PALETTE = ["#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#949494", "#56b4e9"]


def linked_plots(tables: Tables, methods: Sequence[Mapping]) -> dict | None:
    """Return the two plots: regression against RSA, and score against number of parameters; None without scores.

    Where one kind of method is missing, there is the second plot alone.

    Parameters
    ----------
    methods : rows of the methods that are set side by side

    Returns
    -------
    drawing : the plots as SVG
    description : the plots in Vega-Lite, as JSON
    both : whether there are two
    """
    means = mean_scores(tables["best_layers"])
    known = [method for method in methods if method["method"] in means]
    rsa = next((method for method in known if method["target"] in RDMS), None)
    other = next((method for method in known if method["target"] not in RDMS), None)
    if not known:
        return None
    points = _points(tables["models"], means, known)
    panels = [
        _panel(
            "parameters",
            points,
            alt.X("n_parameters:Q", title="parameters").scale(type="log").axis(format="~s"),
            other or rsa,
            known,
        )
    ]
    if rsa and other:
        panels.insert(0, _panel("methods", points, _axis(alt.X, rsa, known), other, known))
    views = [panel.name for panel in panels]
    selections = [
        alt.TopLevelSelectionParameter(name=FRAME, select="interval", views=views),
        alt.TopLevelSelectionParameter(name=KIND, select={"type": "point", "fields": ["group"]}, bind="legend", views=views),
    ]
    chart = alt.hconcat(*panels, params=selections).configure(background="white", aria=False)
    described = chart.configure_view(stroke=None).to_dict()
    return {
        "drawing": Markup(vl_convert.vegalite_to_svg(described)),
        "description": Markup(json.dumps(described, separators=(",", ":")).replace("<", "\\u003c")),
        "both": len(panels) == 2,
    }


def _points(models: pd.DataFrame, means: pd.DataFrame, methods: Sequence[Mapping]) -> pd.DataFrame:
    """Return a row for each network with a score: what the plots show of it. Baselines have no parameters."""
    points = models[["model", "display_name", "group", "n_parameters"]].assign(place=models.model.map(network_id))
    points = points.assign(n_parameters=points.n_parameters.where(points.n_parameters > 0))
    for number, method in enumerate(methods):
        points[f"score{number}"] = points.model.map(means[method["method"]]).round(4)
    return points.drop(columns="model").rename(columns={"display_name": "name"})


def _axis(kind: type, method: Mapping, methods: Sequence[Mapping]):
    """Return an axis with the mean score by a method."""
    return kind(f"score{methods.index(method)}:Q", title=f"mean score, {method['label']}").scale(zero=False)


def _panel(name: str, points: pd.DataFrame, x: alt.X, y: Mapping, methods: Sequence[Mapping]) -> alt.Chart:
    """Return one plot; what is not selected is grey."""
    scores = [alt.Tooltip(f"score{number}:Q", title=method["label"], format=".3f") for number, method in enumerate(methods)]
    tooltip = ["name:N", "group:N", alt.Tooltip("n_parameters:Q", title="parameters", format=","), *scores]
    selected = alt.LogicalAndPredicate(**{"and": [{"param": FRAME}, {"param": KIND}]})
    colour = alt.Color("group:N", scale=alt.Scale(range=PALETTE))
    return (
        alt.Chart(points, name=name, width=SIZE, height=SIZE)
        .mark_point(filled=True, size=45, opacity=0.8)
        .encode(x=x, y=_axis(alt.Y, y, methods), color=alt.condition(selected, colour, alt.value("#d0d0d0")), tooltip=tooltip)
    )
