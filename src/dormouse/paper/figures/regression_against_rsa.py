"""The figure of the scores of networks by one method over those by another."""

import pandas as pd

from dormouse.inference.agreement import METHODS
from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend, axis_words, draw_interval, draw_null, kind_entries, name_rows, of_kind
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, panels, plt
from dormouse.paper.networks import ATTRIBUTES, KINDS, OVER_AREAS, over_areas, places, shown_scores
from dormouse.tables import WHOLE

NETWORK, RHO = "network", "rank correlation"


def data(tables: Tables) -> pd.DataFrame:
    """Return the networks with their means over areas by both methods, columns named after these; and rank correlations.

    `mark` is `NETWORK`, or `RHO` for rank correlations of an area, with the ends of their intervals.
    """
    names = [row["method"] for row in shown_methods(tables)][:2]
    if len(names) < 2:
        raise NotDrawn("figures of this run show one method alone; `figures.methods` with two would set them side by side.")
    means = over_areas(shown_scores(tables)).pivot(index=["model", *ATTRIBUTES], columns="method", values="score")
    means = means[names].dropna().rename_axis(columns=None).reset_index()
    if not len(means):
        raise NotDrawn("no network has a score in every area by both methods.")
    rho = agreement_of(tables["agreement"], *names)
    return pd.concat([part for part in (means.assign(mark=NETWORK), rho.assign(mark=RHO)) if len(part)], ignore_index=True)


def plot(tables: Tables) -> plt.Figure:
    """Draw the networks, and beside them the rank correlation in every area, where there are networks enough for one."""
    shown, (first, second, *_), scores = data(tables), shown_methods(tables), shown_scores(tables)
    means, rho = (shown[shown.mark == mark] for mark in (NETWORK, RHO))
    figure, axes = panels(1, 1 + (len(rho) > 0), DOUBLE_IN if len(rho) else SINGLE_IN, 3.4)
    ax = axes[0, 0]
    for (kind, state), own in sorted(means.groupby(["kind", "state"]), key=lambda part: KINDS.index(part[0][0])):
        look = {"linestyle": "", "markersize": 3.2, "label": f"_{kind}"} | of_kind(kind, state)
        ax.plot(own[first["method"]], own[second["method"]], **look)
    for axis, row in (("xlabel", first), ("ylabel", second)):
        ax.set(**{axis: axis_words(row, scores[scores.method == row["method"]], 60)})
        draw_null(ax, row, across=axis == "xlabel")
    if len(rho):
        draw_rho(axes[0, 1], rho, places(tables))
    else:
        ax.set_title("too few networks for a rank correlation")
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {len(means)} networks")
    add_legend(figure, kind_entries(means))
    return figure


def agreement_of(agreement: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return how two methods agree on the order of networks, in whole areas and, as `OVER_AREAS`, over these."""
    pair = agreement.method.isin([first, second]) & agreement.other_method.isin([first, second])
    rows = agreement[pair & (agreement.varies == METHODS) & (agreement.cortical_layer == WHOLE)]
    return rows[["area", "rho", "low", "high", "n_networks"]].assign(area=rows.area.replace(WHOLE, OVER_AREAS))


def draw_rho(ax: plt.Axes, rho: pd.DataFrame, rows: list[str]) -> None:
    """Draw rank correlations with their intervals over networks, a row for each area, the first on top."""
    rows = [row for row in rows if row in set(rho.area)]
    draw_interval(ax, rho.rename(columns={"rho": "estimate"}), rho.area.map({row: k for k, row in enumerate(reversed(rows))}))
    name_rows(ax, rows)
    n = " to ".join(dict.fromkeys(f"{value:.0f}" for value in (rho.n_networks.min(), rho.n_networks.max())))
    ax.set(xlim=(-1.05, 1.05), xlabel=f"rank correlation (Spearman's rho)\n{n} networks, without baselines")
    ax.axvline(0, color="0.5", linewidth=0.8, zorder=0)
