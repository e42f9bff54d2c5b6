"""What all figures have in common.

They take matplotlib and seaborn from here, so that no setting of a user's for other figures reaches them.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import chdir
from itertools import cycle
from pathlib import Path
from textwrap import fill

import pandas as pd

os.environ["MPLBACKEND"] = "Agg"  # needs no screen; a run that is started in a notebook inherits another one
with chdir(Path(__file__).parent):  # a matplotlibrc of the working directory goes before all others; here it is our own
    import matplotlib  # noqa: F401

import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages

from dormouse.files import atomic
from dormouse.stimuli.images import ORIGINAL

SINGLE_IN, DOUBLE_IN = 89 / 25.4, 183 / 25.4  # widths of a figure in a journal, inches: one column, and two
PAGE_IN = 240 / 25.4  # height of a page
TEXT_PT, SMALL_PT = 7, 6  # sizes of type; none is smaller
FONT = "DejaVu Sans"  # which comes with matplotlib; seaborn would take Arial where there is one
DPI = 200
PLAIN = "paper", "given"  # selections that titles do not name
RED, GREY = "#b2182b", "0.6"
SETTINGS = {
    **dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize", "figure.labelsize", "legend.title_fontsize"), TEXT_PT),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), SMALL_PT),
    "figure.titlesize": TEXT_PT + 1,
    **dict.fromkeys(("axes.linewidth", "grid.linewidth", "xtick.major.width", "ytick.major.width"), 0.5),
    **{"xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.major.pad": 2, "ytick.major.pad": 2, "axes.labelpad": 2},
    **{"lines.linewidth": 0.8, "lines.markersize": 3, "legend.frameon": False, "axes.titlepad": 3},
    **{"pdf.fonttype": 42, "axes.spines.top": False, "axes.spines.right": False},  # type that can be edited
}


class NotDrawn(Exception):
    """A run has too little for a figure; the message is a sentence that says what is missing."""


def set_style(style: str = "ticks") -> None:
    """Draw the figures that follow in seaborn's `style`, at the sizes of a journal."""
    sns.set_theme(context="paper", style=style, font=FONT, rc=SETTINGS)


def panels(n_rows: int, n_columns: int, width: float = DOUBLE_IN, height: float | None = None, style: str = "ticks", **shared):
    """Return a figure and its panels (n_rows, n_columns), laid out so that nothing overlaps.

    Parameters
    ----------
    width, height : inches; by default 1.6 for each row, up to a page
    shared : further arguments of `matplotlib.pyplot.subplots`
    """
    set_style(style)
    size = (width, min(PAGE_IN, height or 0.7 + 1.6 * n_rows))
    return plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, layout="constrained", **shared)


def stacked(heights: Sequence[float], width: float = DOUBLE_IN, around: float = 0.6, style: str = "ticks"):
    """Return a figure and its parts, one below the other, each laid out for itself, so that their panels need not align.

    Parameters
    ----------
    heights : of the parts, inches; with `around`, which title and legend take, up to a page
    """
    set_style(style)
    figure = plt.figure(figsize=(width, min(PAGE_IN, sum(heights) + around)), layout="constrained")
    return figure, figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]


def area_colours(areas: Sequence[str]) -> dict[str, tuple]:
    """Return the colour of each cortical area, the same in all figures of a run."""
    return dict(zip(areas, cycle(sns.color_palette("colorblind")), strict=False))


def heading(title: str, what: str, scores: pd.DataFrame) -> str:
    """Return the title of a figure of scores; further lines name an unusual selection, and settings that are not defaults."""
    unusual = [f"selection {name}" for name in scores.selection.unique() if name not in PLAIN]
    unusual += [f"with {differs}" for differs in scores.differs.unique() if differs]
    return f"{title}: {what}" + "".join(f"\n{words}" for words in unusual)


def placeholder(sentence: str) -> plt.Figure:
    """Return a figure that says why there is none."""
    figure, ((ax,),) = panels(1, 1, height=0.8)
    ax.set_axis_off()
    ax.text(0.5, 0.5, fill(f"Not drawn: {sentence}", 110), ha="center", va="center", color="0.4")
    return figure


def save(figure: plt.Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to every path, in the format of its ending, without a date, and close it."""
    _lay_out(figure)
    for path in map(Path, paths):
        dateless = {"metadata": {"CreationDate": None}} if path.suffix == ".pdf" else {}
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=DPI, **dateless)
    plt.close(figure)


def _lay_out(figure: plt.Figure) -> None:
    """Lay a figure out once, as a PDF, for all formats; matplotlib would draw it in vain before each of them."""
    if engine := figure.get_layout_engine():
        FigureCanvasPdf(figure)
        figure.dpi = 72  # that of a PDF
        engine.execute(figure)
        figure.set_layout_engine(None)


def save_pages(figures: Iterable[plt.Figure], path: str | Path) -> None:
    """Write figures to the pages of one PDF, without a date, and close each."""
    with atomic(path) as temporary, PdfPages(temporary, metadata={"CreationDate": None}) as pages:
        for figure in figures:
            pages.savefig(figure)
            plt.close(figure)


HUES = ("Blues", "Oranges", "Greens", "Purples")


def lines_of(models: pd.DataFrame) -> dict[str, str]:
    """Return for each MouseNet of the table `models` the name of its line; random weights share one for all seeds."""
    own = models[(models.source == "mousenet") & (models.stimulus_set == ORIGINAL)]
    # `models.registry` puts the seed at the end of the name
    return {net.model: net.display_name.removesuffix(f" {net.seed:.0f}") for net in own.itertuples()}


def colours_of(models: pd.DataFrame, lines: dict[str, str]) -> dict[str, tuple]:
    """Return a colour for each line: one hue per variant, darker from each of its networks to the next."""
    names = models.set_index("model").name[list(lines)].groupby(lines, sort=False).first()
    colours = {}
    for variant, hue in zip(names.unique(), cycle(HUES)):
        own = names.index[names == variant]
        colours |= dict(zip(own, sns.color_palette(hue, len(own) + 2)[2:], strict=True))
    return colours
