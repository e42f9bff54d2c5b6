"""The figure of the scores of networks over their size, the dimension of their features, and their accuracy."""

import numpy as np
import pandas as pd

from dormouse.inference.contrasts import FEWEST
from dormouse.inference.estimates import rank_correlation
from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.figures.marks import UNITS, add_legend, axis_words, counted, kind_entries, of_kind
from dormouse.paper.figures.style import DOUBLE_IN, SMALL_PT, NotDrawn, panels, plt
from dormouse.paper.networks import BASELINE, KINDS, OVER_AREAS, answers_at, networks, over_areas, shown_scores
from dormouse.tables import whole_areas

COVARIATES = {  # columns: the contrast about each, its scale, and its words
    "n_parameters": ("parameters", "log", "parameters"),
    "n_features": ("features", "log", "features of all layers"),
    "effective_dimension": ("dimension", "log", "effective dimension\nof the best layer"),
    "imagenet_top1": ("accuracy", "linear", "ImageNet accuracy, %\n(top 1)"),
}

NARROW = 10  # ratio of the largest to the smallest value below which ticks are as on a linear scale


def data(tables: Tables) -> pd.DataFrame:
    """Return the mean over areas of each network, by the methods shown, with a column for each covariate.

    The effective dimension is that of the layer that represents the network, mean over areas. Baselines have no part.
    """
    known = networks(tables["models"])
    scores = over_areas(shown_scores(tables))
    scores = scores[scores.kind != BASELINE]
    if scores.model.nunique() < 2:
        raise NotDrawn("this run has fewer than two networks; `models.groups` would add more.")
    best = whole_areas(tables["best_layers"]).merge(known[["model", "stands_for"]], on="model")
    dimension = best.groupby(["method", "stands_for"]).effective_dimension.mean()
    at = pd.MultiIndex.from_frame(scores[["method", "model"]])
    shown = scores.assign(effective_dimension=dimension.reindex(at).to_numpy())
    own = known[["model", *(name for name in COVARIATES if name != "effective_dimension")]]
    shown = shown.merge(own, on="model").drop(columns=["low", "high"])
    if not differing(shown):
        raise NotDrawn("the networks of this run do not differ in any of the numbers.")
    return shown


def differing(shown: pd.DataFrame) -> list[str]:
    """Return the covariates in which networks differ."""
    return [name for name in COVARIATES if len(set(shown[name][shown[name] > 0])) > 1]


def plot(tables: Tables) -> plt.Figure:
    """Draw scores by each method (rows) over each covariate (columns) that two networks or more have."""
    shown, methods = data(tables), shown_methods(tables)
    columns = differing(shown)
    figure, axes = panels(len(methods), len(columns), DOUBLE_IN, 0.8 + 2.3 * len(methods), sharex="col", sharey="row")
    for of_method, row in zip(axes, methods, strict=True):
        own = shown[shown.method == row["method"]]
        for ax, name in zip(of_method, columns, strict=True):
            contrast, scale, _ = COVARIATES[name]
            dots = own[own[name] > 0]
            for (kind, state), part in sorted(dots.groupby(["kind", "state"]), key=lambda part: KINDS.index(part[0][0])):
                ax.plot(part[name], part.score, linestyle="", markersize=2.5, label=f"_{kind}", **of_kind(kind, state))
            set_scale(ax, scale, dots[name])
            ax.set_title(answer(answers_at(tables, contrast), row["method"], dots, name), size=SMALL_PT)
        of_method[0].set_ylabel(axis_words(row, own))
    for ax, name in zip(axes[-1], columns, strict=True):
        ax.set_xlabel(COVARIATES[name][2])
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {shown.model.nunique()} networks, means over areas")
    add_legend(figure, kind_entries(shown))
    return figure


def answer(answers: pd.DataFrame, method: str, dots: pd.DataFrame, name: str) -> str:
    """Return what is known of a covariate: the slope of trained networks, else the rank correlation of all that are drawn."""
    rows = answers[(answers.method == method) & (answers.area == OVER_AREAS)]
    if len(rows):
        row = rows.iloc[0]
        found = f"{row.estimate:+.3f} per sd [{row.low:.3f}, {row.high:.3f}]"
        return f"{found}\n{counted(row.n_units, UNITS[row.unit])}, q = {row.q:.2g}"
    if len(dots) < FEWEST:
        return f"{counted(len(dots), 'networks')}:\ntoo few for a correlation"
    rho = rank_correlation(dots[name].to_numpy(), dots.score.to_numpy())
    ends = "" if np.isnan(rho["low"]) else f" [{rho['low']:.2f}, {rho['high']:.2f}]"
    return f"rho = {rho['rho']:.2f}{ends}\n{counted(len(dots), 'networks')}, trained and random"


def set_scale(ax: plt.Axes, scale: str, values: pd.Series) -> None:
    """Set the scale of the abscissa: on a logarithmic one, few ticks, as 3, 10, 30, 1k or 1M."""
    ax.set_xscale(scale)
    if scale == "log":
        ax.xaxis.set_major_locator(plt.LogLocator(subs=(1, 3)) if values.max() > NARROW * values.min() else plt.MaxNLocator(3))
        ax.xaxis.set_major_formatter(plt.FuncFormatter(lambda value, _: shortened(value)))
        ax.xaxis.set_minor_formatter(plt.NullFormatter())
    else:
        ax.xaxis.set_major_locator(plt.MaxNLocator(4))


def shortened(value: float) -> str:
    """Return a number as 10, 1k, 3M or 1.5G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
