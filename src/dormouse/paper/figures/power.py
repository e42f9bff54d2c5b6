"""The figure of the smallest difference between two networks that studies would find, beside those that were found."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dormouse.paper.evidence import MEAN, numbers
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.marks import add_legend, in_lines
from dormouse.paper.figures.style import NotDrawn, panels, plt
from dormouse.tables import whole_areas

SMALLEST, OBSERVED = "smallest difference", "observed difference"  # marks
AT = ["method", "area"]
HISTOGRAM = (0.8, 0, 0.2, 1)  # place of the histogram in a panel: x, y, width, height
N_BINS, DRAWN = 30, 0.99  # of the histogram; share of the differences that it shows


def data(tables: Tables) -> pd.DataFrame:
    """Return smallest differences by numbers of animals and images, for the methods shown side by side; and observed ones.

    Observed differences are counted by their size, without the largest hundredth. They are of the mean over animals where the
    site has it. Where the data set has only parts of an area, smallest differences are medians over these, and the observed
    ones are those of all of them.
    """
    methods = [row["method"] for row in shown_methods(tables)]
    power, found = (whole_areas(table[table.method.isin(methods)]) for table in (tables["power"], tables["differences"]))
    power = power.dropna(subset="smallest")
    if not len(power):
        raise NotDrawn("nothing is known of other studies: this takes two networks, and standard errors of their scores.")
    ends = {"smallest": ("smallest", "median"), "lowest": ("lowest", "min"), "highest": ("highest", "max")}
    of_study = [*AT, "over", "n_animals", "n_images", "own"]
    studies = power.groupby(of_study, as_index=False, dropna=False).agg(**ends, n_pairs=("n_pairs", "max"))
    of_animals = found.statistic == MEAN
    main = of_animals | ~of_animals.groupby([found[key] for key in (*AT, "cortical_layer")]).transform("any")
    parts = [studies.assign(mark=SMALLEST), *_counted(found[main])]
    return pd.concat(parts, ignore_index=True)


def _counted(found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield for each method and area how many of the observed differences are of each size."""
    for method, own in found.groupby("method", sort=False):
        edges = np.linspace(0, own.difference.abs().quantile(DRAWN, interpolation="higher"), N_BINS + 1)
        for area, part in own.groupby("area", sort=False):
            counts = np.histogram(part.difference.abs(), edges)[0]
            table = pd.DataFrame({"at_least": edges[:-1], "at_most": edges[1:], "n_differences": counts})
            yield table.assign(method=method, area=area, mark=OBSERVED)


def plot(tables: Tables) -> plt.Figure:
    """Draw one panel per method and area: a line per number of images, over animals; or one line over images alone."""
    marks, areas = data(tables), areas_of(tables)
    methods = [row for row in shown_methods(tables) if row["method"] in set(marks.method)]
    studies = marks[marks.mark == SMALLEST]
    images = sorted(studies.n_images[studies.n_animals.notna()].unique())
    colours = dict(zip(images, plt.get_cmap("viridis_r")(np.linspace(0.1, 1, len(images))), strict=True))
    figure, axes = panels(len(methods), len(areas), height=1.3 + 1.5 * len(methods), sharey="row")
    for row, line in zip(methods, axes, strict=True):
        of_method = marks[marks.method == row["method"]]
        top = 1.05 * of_method.reindex(columns=["smallest", "at_most"]).max(axis=None)  # the range may go beyond it
        for area, ax in zip(areas, line, strict=True):
            own = of_method[of_method.area == area]
            if (own.mark == SMALLEST).any():
                _draw_panel(ax, own[own.mark == SMALLEST], colours)
            else:
                ax.set_xticks([])
            _draw_observed(ax, own[own.mark == OBSERVED])
            ax.set_title(area if row is methods[0] else "")
        line[0].set_ylabel(f"{in_lines(row['label'], 24)}\ndifference of scores")
        line[0].set_ylim(0, top)
    figure.suptitle(f"{run_facts(tables['run'])['title']}: differences of {numbers(studies.n_pairs)} pairs of networks")
    handles = {f"{n:.0f} images": plt.Line2D([], [], color=colour) for n, colour in colours.items()}
    handles["these data"] = plt.Line2D([], [], color="black", marker="o", linestyle="", markersize=3.5)
    handles["range over pairs"] = plt.Rectangle((0, 0), 1, 1, color="0.9", linewidth=0)
    if (marks.mark == OBSERVED).any():
        handles["observed differences"] = plt.Rectangle((0, 0), 1, 1, color="0.6", linewidth=0)
    add_legend(figure, handles)
    return figure


def _draw_panel(ax: plt.Axes, studies: pd.DataFrame, colours: dict) -> None:
    """Draw the smallest differences of an area; the range over pairs of networks where one number is that of the data."""
    of_animals, own = studies.n_animals.notna().any(), studies[studies.own]
    lines = studies.groupby("n_images") if of_animals else [(None, studies)]
    across = "n_animals" if of_animals else "n_images"
    for n, line in lines:
        line = line.sort_values(across)
        if n is None or (own.n_images == n).any():
            ax.fill_between(line[across].astype(float), line.lowest, line.highest, color="0.9", linewidth=0, zorder=0)
        ax.plot(line[across].astype(float), line.smallest, color=colours.get(n, "black"))
    ax.plot(own[across].astype(float), own.smallest, "o", color="black", markersize=3.5, zorder=4)
    for row in own.itertuples():
        ax.annotate(f"{row.smallest:.2f}", (getattr(row, across), row.smallest), (3, 3), textcoords="offset points")
    ax.set_xscale("log")
    ticks = [n for n in ((3, 10, 50) if of_animals else (50, 200, 1000)) if n <= studies[across].max()]
    ax.set_xticks(ticks, ticks)
    ax.minorticks_off()
    low, high = np.log10(studies[across].min()), np.log10(studies[across].max())
    ax.set(xlabel="animals" if of_animals else "images", xlim=(10 ** (low - 0.05), 10 ** (low + (high - low) / HISTOGRAM[0])))


def _draw_observed(ax: plt.Axes, counts: pd.DataFrame) -> None:
    """Draw a histogram of the observed differences at the right of a panel, on its ordinate."""
    if len(counts):
        beside = ax.inset_axes(HISTOGRAM, sharey=ax)
        edges = [*counts.at_least, counts.at_most.iloc[-1]]
        beside.stairs(counts.n_differences, edges, orientation="horizontal", fill=True, color="0.6")
        beside.invert_xaxis()
        beside.set_axis_off()
