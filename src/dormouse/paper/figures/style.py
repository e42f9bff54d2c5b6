"""What all figures have in common.

They take matplotlib and seaborn from here, so that no setting of a user's for other figures reaches them.
"""

import os
from collections.abc import Iterable
from contextlib import chdir
from itertools import cycle
from pathlib import Path

import pandas as pd

os.environ["MPLBACKEND"] = "Agg"  # needs no screen; a run that is started in a notebook inherits another one
with chdir(Path(__file__).parent):  # a matplotlibrc of the working directory goes before all others; here it is our own
    import matplotlib  # noqa: F401

import seaborn as sns
from matplotlib import pyplot as plt

from dormouse.files import atomic
from dormouse.stimuli.images import ORIGINAL

PANEL_IN = 1.6  # width of a panel, inches
FONT = "DejaVu Sans"  # which comes with matplotlib; seaborn would take Arial where there is one
PLAIN = "paper", "given"  # selections that titles do not name


def set_style(style: str) -> None:
    """Draw the figures that follow in seaborn's `style`."""
    sns.set_theme(context="paper", style=style, font=FONT)


def heading(title: str, what: str, scores: pd.DataFrame) -> str:
    """Return the title of a figure of scores; further lines name an unusual selection, and settings that are not defaults."""
    unusual = [f"selection {name}" for name in scores.selection.unique() if name not in PLAIN]
    unusual += [f"with {differs}" for differs in scores.differs.unique() if differs]
    return f"{title}: {what}" + "".join(f"\n{words}" for words in unusual)


def save(figure: plt.Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to every path, in the format of its ending, without a date, and close it."""
    for path in map(Path, paths):
        dateless = {"metadata": {"CreationDate": None}} if path.suffix == ".pdf" else {}
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=200, **dateless)
        figure.set_layout_engine("none")  # it is laid out once, which takes half of the time, for all formats
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
