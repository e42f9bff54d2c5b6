"""The figure of how alike sites are to each other."""

import numpy as np
import pandas as pd

from dormouse.paper.facts import Tables, areas_of, run_facts
from dormouse.paper.figures.areas import sites_in_order
from dormouse.paper.figures.style import SMALL_PT, NotDrawn, panels, plt
from dormouse.tables import WHOLE

SITE_IN, LABELS_IN = 0.27, 1.2  # inches: a site, and what is around them
LEAST_IN, MOST_IN = 3.0, 7.2  # of a side of the figure; a title is wide, and so is the label of the colours
PAD_IN = 0.1  # around labels, which are a little longer in a picture than in the PDF for which they are laid out
INSET = (0.66, 0.66, 0.33, 0.33)  # place of the whole areas in the corner that the layers leave empty: x, y, width, height
FEWEST_AROUND = 8  # layers, with which the corner is large enough


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `site_similarity`: a run compares the sites of its first selection."""
    pairs, areas = tables["site_similarity"].dropna(subset="r"), areas_of(tables)
    pairs = pairs[pairs.area.isin(areas) & pairs.other_area.isin(areas)]
    if not len(pairs):
        raise NotDrawn("this run has no two sites with an RDM, or has not compared them.")
    return pairs


def plot(tables: Tables) -> plt.Figure:
    """Draw a heat map of the cortical layers, and in its empty corner one of the whole areas."""
    pairs, areas = data(tables), areas_of(tables)
    whole = pairs.cortical_layer == WHOLE
    parts = [part for part in (pairs[~whole], pairs[whole]) if len(part)]
    sites = [_sites(part, areas) for part in parts]
    inside = len(parts) == 2 and len(sites[0]) >= FEWEST_AROUND
    ratios = [len(part) for part in (sites[:1] if inside else sites)]
    size = min(max(LABELS_IN + SITE_IN * sum(ratios), LEAST_IN), MOST_IN)
    figure, axes = panels(len(ratios), 1, width=size, height=size - 0.3, height_ratios=ratios)
    figure.get_layout_engine().set(w_pad=PAD_IN, h_pad=PAD_IN)
    places = [axes[0, 0], axes[0, 0].inset_axes(INSET)] if inside else list(axes[:, 0])
    limits = min(0.0, np.floor(pairs.r.min() * 10) / 10), np.ceil(pairs.r.max() * 10) / 10
    for part, own, ax in zip(parts, sites, places, strict=True):
        image = _draw_heat_map(ax, part, own, limits)
    figure.colorbar(image, ax=axes, label="Pearson's r of two RDMs", shrink=0.5, aspect=30, pad=0.01)
    counts = "\nin brackets: numbers of neurons" if pairs.n_neurons.notna().any() else ""
    figure.suptitle(f"{run_facts(tables['run'])['title']}: similarity of sites{counts}")
    return figure


def _sites(pairs: pd.DataFrame, areas: list[str]) -> pd.DataFrame:
    """Return all sites of some pairs in order."""
    others = pairs[["other_area", "other_cortical_layer", "other_n_neurons"]].set_axis(
        ["area", "cortical_layer", "n_neurons"], axis=1
    )
    return sites_in_order(pd.concat([pairs[list(others)], others]), areas)


def _draw_heat_map(ax: plt.Axes, pairs: pd.DataFrame, sites: pd.DataFrame, limits: tuple[float, float]):
    """Draw the pairs below the diagonal, each with its value, and return the image."""
    index = pd.MultiIndex.from_frame(sites[["area", "cortical_layer"]])
    first, second = (
        index.get_indexer(pd.MultiIndex.from_frame(pairs[[f"{which}area", f"{which}cortical_layer"]]))
        for which in ("", "other_")
    )
    matrix = np.full((len(sites), len(sites)), np.nan)
    matrix[np.maximum(first, second), np.minimum(first, second)] = pairs.r
    np.fill_diagonal(matrix, np.nan)
    image = ax.imshow(matrix[1:, :-1], cmap="viridis", vmin=limits[0], vmax=limits[1])
    for row, column in zip(*np.nonzero(~np.isnan(matrix[1:, :-1])), strict=True):
        r = matrix[row + 1, column]
        dark = (r - limits[0]) / (limits[1] - limits[0]) < 0.6
        words = f"{r:.2f}".replace("0.", ".")
        ax.text(column, row, words, ha="center", va="center", fontsize=SMALL_PT, color="white" if dark else "black")
    names = [
        f"{area} {layer}".removesuffix(f" {WHOLE}") + ("" if pd.isna(n) else f" ({n:.0f})")
        for area, layer, n in sites.itertuples(index=False)
    ]
    ax.set_xticks(range(len(sites) - 1), names[:-1], rotation=90)
    ax.set_yticks(range(len(sites) - 1), names[1:])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return image
