"""The figure of how far the order of networks depends on the method."""

import numpy as np
import pandas as pd

from dormouse.inference.agreement import METHODS
from dormouse.paper.evidence import N_SHOWN
from dormouse.paper.facts import Tables, run_facts
from dormouse.paper.figures.marks import ROW_IN
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, SMALL_PT, NotDrawn, panels, plt
from dormouse.paper.networks import BASELINE, network_scores, over_areas
from dormouse.tables import WHOLE

RHO, RANK = "rank correlation", "rank"
FEW = 20  # networks: with fewer, colours do not spread over their whole range
DARK = 0.6  # of the range of colours: numbers on darker ones are white


def data(tables: Tables) -> pd.DataFrame:
    """Return rank correlations of methods over means over areas, and the ranks of the networks that lead, by each method.

    `mark` is `RHO` or `RANK`. Networks lead whose mean rank over methods is lowest; baselines have no part.
    """
    methods = tables["methods"]
    if len(methods) < 2:
        raise NotDrawn("this run has one method; `methods.run` with more would show whether they order networks alike.")
    labels = methods.set_index("method").label
    told = tables["agreement"]
    told = told[(told.varies == METHODS) & (told.cortical_layer == WHOLE)]
    told = told[told.area == (WHOLE if (told.area == WHOLE).any() else told.area.min())]
    rho = told[["method", "other_method", "rho", "low", "high", "n_networks"]].assign(mark=RHO)
    means = pd.concat([over_areas(network_scores(tables, method)).assign(method=method) for method in methods.method])
    means = means[means.kind != BASELINE]
    if not len(means):
        raise NotDrawn("this run has baselines alone, and no networks that could be put in order.")
    ranks = means.assign(rank=means.groupby("method").score.rank(ascending=False, method="min"), mark=RANK)
    best = ranks.groupby("network")["rank"].mean().sort_values(kind="stable").index[:N_SHOWN]
    ranks = ranks[ranks.network.isin(best)][["mark", "method", "network", "rank", "score"]]
    ranks = ranks.assign(n_networks=means.groupby("method").size().reindex(ranks.method).to_numpy())
    shown = pd.concat([part for part in (rho, ranks) if len(part)], ignore_index=True)
    return shown.assign(label=shown.method.map(labels))


def plot(tables: Tables) -> plt.Figure:
    """Draw the matrix of rank correlations, where there are any, and beside it the table of ranks."""
    shown, methods = data(tables), tables["methods"]
    rho, ranks = (shown[shown.mark == mark] for mark in (RHO, RANK))
    n_rows = ranks.network.nunique()
    height = 1.9 + max(ROW_IN * n_rows, 0.3 * len(methods) * (len(rho) > 0))
    figure, axes = panels(1, 1 + (len(rho) > 0), DOUBLE_IN if len(rho) else SINGLE_IN, height)
    if len(rho):
        draw_rho(axes[0, 0], rho, methods)
    draw_ranks(axes[0, -1], ranks, methods)
    few = "" if len(rho) else "\n(too few networks for rank correlations)"
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {ranks.n_networks.max():.0f} networks, means over areas{few}")
    return figure


def draw_rho(ax: plt.Axes, rho: pd.DataFrame, methods: pd.DataFrame) -> None:
    """Draw the rank correlation of every two methods as a number in its colour, below the diagonal."""
    names = [name for name in methods.method if name in {*rho.method, *rho.other_method}]
    place = {name: k for k, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for row in rho.itertuples():
        matrix[tuple(sorted((place[row.method], place[row.other_method]), reverse=True))] = row.rho
    image = ax.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r", aspect="auto")
    for row, column in zip(*np.nonzero(np.isfinite(matrix)), strict=True):
        colour = "white" if abs(matrix[row, column]) > DARK else "black"
        ax.text(column, row, f"{matrix[row, column]:.2f}", ha="center", va="center", size=SMALL_PT, color=colour)
    labels = methods.set_index("method").label[names]
    ax.set_yticks(range(1, len(names)), labels[1:])
    _name_columns(ax, labels[:-1])
    ax.set(
        xlim=(-0.5, len(names) - 1.5), ylim=(len(names) - 0.5, 0.5), title="rank correlation of two methods (Spearman's rho)"
    )
    ax.figure.colorbar(image, ax=ax, shrink=0.5, label="rho")


def draw_ranks(ax: plt.Axes, ranks: pd.DataFrame, methods: pd.DataFrame) -> None:
    """Draw the rank of each network (rows) by each method (columns) as a number, darker for higher ranks."""
    wide = ranks.pivot(index="network", columns="method", values="rank").reindex(columns=methods.method)
    wide = wide.loc[wide.mean(axis=1).sort_values(kind="stable").index]
    shade = np.log(wide.to_numpy()) / np.log(max(ranks.n_networks.max(), FEW))
    ax.imshow(shade, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (row, column), rank in np.ndenumerate(wide.to_numpy()):
        if np.isfinite(rank):
            colour = "black" if shade[row, column] > DARK else "white"
            ax.text(column, row, f"{rank:.0f}", ha="center", va="center", size=SMALL_PT, color=colour)
    ax.set_yticks(range(len(wide)), wide.index)
    _name_columns(ax, methods.label)
    ax.set_title(f"rank among {ranks.n_networks.max():.0f} networks")


def _name_columns(ax: plt.Axes, labels: pd.Series) -> None:
    ax.set_xticks(range(len(labels)), labels, rotation=35, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
