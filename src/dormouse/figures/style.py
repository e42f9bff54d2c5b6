"""What all figures have in common."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed, nor looked for

import matplotlib.pyplot as plt

from dormouse.files import atomic

PANEL_IN = 1.6  # width of a panel, inches


def save(figure: plt.Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to every path, in the format of its ending, without a date, and close it."""
    for path in map(Path, paths):
        dateless = {"metadata": {"CreationDate": None}} if path.suffix == ".pdf" else {}
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=200, **dateless)
    plt.close(figure)
