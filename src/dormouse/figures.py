"""Figures from tables; nothing is computed here."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed, nor looked for

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from dormouse.columns import FLOAT, TABLES
from dormouse.files import atomic
from dormouse.tables import WHOLE

# colour and shift from the middle of its row, from the surface of cortex downwards
LAYERS = dict(
    zip(("2/3", "4", "5", "6"), zip(sns.color_palette("viridis_r", 4), (0.3, 0.1, -0.1, -0.3), strict=True), strict=True)
)
LABELS = {
    "rsa": ("pearson", "similarity of RDMs (RSA, Pearson r)"),
    "ridge": ("srp", "prediction of left-out responses (ridge, Pearson r, mean over neurons)"),
}
PANEL_IN, ROW_IN = 1.6, 0.26  # width of a panel, height of a row, inches


def plot_scores(
    best: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, metric: str, areas: list[str], title: str
) -> plt.Figure:
    """Draw the score of every model in every area: a panel an area, a row a model, a dot a site.

    Parameters
    ----------
    best, ceilings, models : tables `best_layers`, `ceilings` and `models`
    metric : rsa or ridge
    areas : order of the panels

    Models are ordered by their mean over the dots that are shown largest. The dashed line is the noise ceiling of the area.
    """
    variant, label = LABELS[metric]
    shown = best[(best.metric == metric) & (best.variant == variant)].merge(models[["model", "display_name"]], on="model")
    main = shown[shown.cortical_layer == WHOLE] if (shown.cortical_layer == WHOLE).any() else shown
    order = main.groupby("display_name").score.mean().sort_values().index
    shown = shown.assign(row=shown.display_name.map({name: row for row, name in enumerate(order)}))
    limits = ceilings[(ceilings.metric == metric) & (ceilings.cortical_layer == WHOLE) & ceilings.neuron.isna()]
    sns.set_theme(context="paper", style="whitegrid")
    figure, axes = plt.subplots(
        1,
        len(areas),
        figsize=(2.0 + PANEL_IN * len(areas), 1.1 + ROW_IN * len(order)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for area, ax in zip(areas, axes[0], strict=True):
        inside = shown[shown.area == area]
        for layer, (colour, shift) in LAYERS.items():
            dots = inside[inside.cortical_layer == layer]
            ax.plot(dots.score, dots.row + shift, "o", markersize=3, color=colour, label=f"layer {layer}")
        dots = inside[inside.cortical_layer == WHOLE]
        ax.plot(dots.score, dots.row, "d", markersize=6, color="black", label="whole area")
        for limit in limits.ceiling[limits.area == area]:
            ax.axvline(limit, color="firebrick", linestyle="--", linewidth=1, label="noise ceiling")
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_title(area)
        ax.grid(axis="x", visible=False)
    axes[0, 0].set_yticks(range(len(order)), order)
    axes[0, 0].set_ylim(-0.6, len(order) - 0.4)
    figure.suptitle(f"{title}: {label}")
    lines = {line.get_label(): line for ax in axes[0] for line in ax.lines if len(line.get_xdata())}
    lines = {label: line for label, line in lines.items() if not label.startswith("_")}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=len(lines), frameon=False)
    return figure


def plot_thresholds(table: pd.DataFrame, areas: list[str], min_reliability: float, title: str) -> plt.Figure:
    """Draw the split-half r of every site over the limit of reliability: a column an area, a row a cortical layer.

    Parameters
    ----------
    table : table `thresholds`
    areas : order of the columns
    min_reliability : limit in use, dashed
    """
    layers = [layer for layer in (WHOLE, *LAYERS) if layer == WHOLE or (table.cortical_layer == layer).any()]
    sns.set_theme(context="paper", style="whitegrid")
    size = {"figsize": (1.2 + PANEL_IN * len(areas), 1.2 + PANEL_IN * len(layers)), "layout": "constrained"}
    figure, axes = plt.subplots(len(layers), len(areas), sharex=True, sharey=True, squeeze=False, **size)
    for (row, layer), (column, area) in product(enumerate(layers), enumerate(areas)):
        ax, site = axes[row, column], table[(table.area == area) & (table.cortical_layer == layer)]
        counts = ax.twinx()
        each = site[site.instance == "matrix"]
        counts.fill_between(each.threshold, each.n_neurons, color="0.9", label="neurons (right)")
        counts.set_ylim(0, max(1, 1.1 * each.n_neurons.max()) if len(each) else 1)
        counts.grid(visible=False)
        counts.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        counts.tick_params(labelsize="x-small", colors="0.5")
        ax.set_zorder(counts.get_zorder() + 1)
        ax.patch.set_visible(False)
        for instance, colour in zip(("matrix", "image"), sns.color_palette("colorblind"), strict=False):
            dots = site[site.instance == instance]
            ax.errorbar(dots.threshold, dots.split_half_r, dots.split_half_sem, fmt="o-", ms=3, color=colour, label=instance)
        ax.axvline(min_reliability, color="black", linestyle="--", linewidth=0.8)
        ax.set_title(area if row == 0 else "")
        ax.set_ylabel("" if column else "whole area" if layer == WHOLE else f"layer {layer}")
    figure.supxlabel("lowest reliability of the neurons")
    figure.supylabel("split-half r")
    figure.suptitle(title)
    handles = {label: h for part in (ax, counts) for h, label in zip(*part.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside upper right", ncols=len(handles), frameon=False)
    return figure


def plot_mousenet(populations: pd.DataFrame, projections: pd.DataFrame) -> plt.Figure:
    """Draw MouseNet: populations by level of the hierarchy (abscissa) and area, projections coloured by their kernels.

    Parameters
    ----------
    populations, projections : tables of these names
    """
    shown = populations[populations.level >= 0]
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
    scale = plt.Normalize(0, projections.kernel.max())
    for edge in projections.itertuples():
        arrow = {"arrowstyle": "-|>", "color": colours(scale(edge.kernel)), "shrinkA": 15, "shrinkB": 15, "linewidth": 0.9}
        ax.annotate("", places[edge.target], places[edge.source], arrowprops=arrow)
    for node in populations.itertuples():
        style = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        label = f"{node.name}\n{node.channels} x {node.map_px}²"
        ax.annotate(label, places[node.name], ha="center", va="center", fontsize=7, bbox=style)
    ax.set(xlim=(-1, 3.6), ylim=(-len(rows) + 0.2, 0.8), yticks=[], xticks=[-0.6, 0, 1, 2, 3])
    ax.set_xticklabels(["image", "LGN", "level 1", "level 2", "level 3"])
    sns.despine(figure, left=True)
    figure.colorbar(plt.cm.ScalarMappable(scale, colours), ax=ax, label="kernel (pixels)", shrink=0.6)
    figure.suptitle(f"MouseNet: {len(projections)} projections; channels x size of the map")
    return figure


def plot_populations(
    scores: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, areas: list[str], title: str
) -> plt.Figure:
    """Draw the similarity of every population of MouseNets (abscissa) with every recorded area (panels): RSA, Spearman.

    Parameters
    ----------
    scores, ceilings, models : tables of these names; of data sets without whole areas, the mean over an area's sites is shown
    areas : order of the panels

    Dotted: the best layer of the pixels; dashed: noise ceiling.
    """
    shown = scores[(scores.metric == "rsa") & (scores.variant == "spearman")].merge(models, on="model")
    if (shown.cortical_layer == WHOLE).any():
        shown = shown[shown.cortical_layer == WHOLE]
    nets = shown[(shown.source == "mousenet") & ~shown.layer.str.contains("-")]  # populations, without the classifier
    order = list(dict.fromkeys(nets.sort_values("layer_index").layer))
    pixels = shown[(shown.source == "baseline") & (shown.name == "pixels")].groupby("area").score.max()
    limits = ceilings[(ceilings.metric == "rsa") & (ceilings.cortical_layer == WHOLE) & ceilings.neuron.isna()]
    sns.set_theme(context="paper", style="whitegrid")
    size = {"figsize": (8, 1 + PANEL_IN * len(areas)), "layout": "constrained"}
    figure, axes = plt.subplots(len(areas), 1, sharex=True, sharey=True, squeeze=False, **size)
    for area, ax in zip(areas, axes[:, 0], strict=True):
        inside = nets[nets.area == area].groupby(["display_name", "layer"]).score.mean()
        for name in nets.display_name.unique():
            ax.plot(order, inside[name].reindex(order), "o-", markersize=3, label=name)
        for limit in limits.ceiling[limits.area == area]:
            ax.axhline(limit, color="firebrick", linestyle="--", linewidth=1, label="noise ceiling")
        ax.axhline(pixels.get(area, float("nan")), color="black", linestyle=":", linewidth=1, label="pixels")
        ax.set_ylabel(area)
    axes[-1, 0].tick_params(axis="x", rotation=90)
    figure.suptitle(f"{title}: similarity of RDMs (RSA, Spearman)")
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def plot_trajectory(
    best: pd.DataFrame, models: pd.DataFrame, history: pd.DataFrame, areas: list[str], title: str
) -> plt.Figure:
    """Draw the best similarity (RSA, Spearman) of networks that were trained here with every area, over their accuracy.

    Parameters
    ----------
    best, models, history : tables `best_layers`, `models` and `training`; weights as trained:RUN or trained:RUN@EPOCH
    areas : order of the lines
    """
    told = models.weights.str.extract(r"^trained:(?P<run>[^@]+)@?(?P<epoch>\d*)$")
    last = history.groupby("run").epoch.max()
    epoch = pd.to_numeric(told.epoch).fillna(told.run.map(last))
    trained = models[["model"]].assign(run=told.run, epoch=epoch).dropna().astype({"epoch": int})
    shown = best[(best.metric == "rsa") & (best.variant == "spearman")].merge(trained, on="model")
    shown = shown.merge(history, on=["run", "epoch"]).groupby(["run", "area", "epoch"])[["test_accuracy", "score"]].mean()
    runs = shown.index.unique("run")
    sns.set_theme(context="paper", style="whitegrid")
    figure, axes = plt.subplots(
        1, len(runs), figsize=(1 + 3.5 * len(runs), 3.2), sharey=True, squeeze=False, layout="constrained"
    )
    for run, ax in zip(runs, axes[0], strict=True):
        for area, colour in zip(areas, sns.color_palette("colorblind", len(areas)), strict=True):
            line = shown.loc[(run, area)].sort_index()
            ax.plot(line.test_accuracy, line.score, "o-", markersize=3, color=colour, label=area)
        ax.set(title=run, xlabel="share of test images named rightly")
    axes[0, 0].set_ylabel("similarity of RDMs (Spearman)")
    figure.suptitle(title)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def plot_units(units: pd.DataFrame, models: pd.DataFrame, areas: list[str], title: str) -> plt.Figure:
    """Draw cumulative distributions: a column an area that mouse and MouseNet share, a row a quantity, a line a network.

    Parameters
    ----------
    units, models : tables of these names
    areas : order of the columns
    """
    named = units.merge(models[["model", "display_name"]], on="model", how="left").fillna({"display_name": "mouse"})
    of_networks = set(named.area[named.model != ""])
    shared = [area for area in areas if area in of_networks] or areas[:1]
    quantities = [column for column, (kind, _) in TABLES["units"].items() if kind == FLOAT]
    colours = {"mouse": "black"} | dict(zip(models.display_name, sns.color_palette("colorblind", len(models)), strict=True))
    sns.set_theme(context="paper", style="whitegrid")
    size = {"figsize": (1 + 2.1 * len(shared), 1 + 1.8 * len(quantities)), "layout": "constrained"}
    figure, axes = plt.subplots(len(quantities), len(shared), sharex="row", sharey=True, squeeze=False, **size)
    for (row, quantity), (column, area) in product(enumerate(quantities), enumerate(shared)):
        ax = axes[row, column]
        for name, rows in named[named.area == area].groupby("display_name", sort=False):
            if rows[quantity].notna().any():
                ax.ecdf(rows[quantity].dropna(), color=colours[name], linewidth=1.2, label=name)
        ax.set(title=area if row == 0 else "", xlabel=quantity.replace("_", " "))
    figure.supylabel("share of units")
    figure.suptitle(title)
    handles = {label: h for ax in axes.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def plot_training(history: pd.DataFrame) -> plt.Figure:
    """Draw loss and accuracy of every run over its epochs, on training images (dashed) and test images.

    Parameters
    ----------
    history : table `training`
    """
    sns.set_theme(context="paper", style="whitegrid")
    figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    for (run, rows), colour in zip(
        history.groupby("run"), sns.color_palette("colorblind", history.run.nunique()), strict=True
    ):
        for ax, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            ax.plot(rows.epoch, rows[f"test_{quantity}"], "o-", markersize=3, color=colour, label=f"{run}, test")
            ax.plot(rows.epoch, rows[f"train_{quantity}"], "--", color=colour, label=f"{run}, training")
            ax.set(xlabel="epoch", ylabel={"loss": "cross-entropy", "accuracy": "share named rightly"}[quantity])
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[1].set_ylim(0, 1)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def save(figure: plt.Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to every path, in the format of its ending, without a date, and close it."""
    for path in map(Path, paths):
        dateless = {"metadata": {"CreationDate": None}} if path.suffix == ".pdf" else {}
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=200, **dateless)
    plt.close(figure)
