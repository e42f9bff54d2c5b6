"""What pages of networks and of areas are put together from; all places are in inches from the upper left corner.

Pages are laid out by hand: there are hundreds of them, and to find out what overlaps takes longer than to draw.
"""

from collections.abc import Mapping
from textwrap import wrap

import pandas as pd

from dormouse.paper.figures.style import DOUBLE_IN, RED, SMALL_PT, TEXT_PT, plt, set_style
from dormouse.tables import WHOLE

LINE_IN = 0.125  # height of a line of small type
MARGIN_IN, NAMES_IN = 0.35, 1.2  # around a page; width of a column of names


def new_page(height: float, title: str, subtitle: str) -> plt.Figure:
    """Return a page with its title."""
    set_style()
    figure = plt.figure(figsize=(DOUBLE_IN, height))
    write(figure, MARGIN_IN, 0.25, title, size=TEXT_PT + 3, weight="bold")
    write(figure, MARGIN_IN, 0.45, subtitle, color="0.4")
    return figure


def write(figure: plt.Figure, left: float, top: float, text: str, size: float = SMALL_PT, **look) -> None:
    """Write text whose first line lies at a place."""
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - top / height, text, fontsize=size, va="baseline", **look)


def axes_at(figure: plt.Figure, left: float, top: float, width: float, height: float) -> plt.Axes:
    """Return axes of a size at a place."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes((left / page_width, 1 - (top + height) / page_height, width / page_width, height / page_height))


def write_facts(figure: plt.Figure, left: float, top: float, facts: Mapping[str, str], n_characters: int) -> float:
    """Write names and values in two columns, without those that have no value, and return where they end."""
    for name, value in facts.items():
        for k, text in enumerate(wrap(value, n_characters)):
            if k == 0:
                write(figure, left, top, name, color="0.4")
            write(figure, left + NAMES_IN, top, text)
            top += LINE_IN
    return top


def site_names(sites: pd.DataFrame) -> list[str]:
    """Return the names of sites: an area, or an area and a cortical layer."""
    return [f"{area} {layer}".removesuffix(f" {WHOLE}") for area, layer in zip(sites.area, sites.cortical_layer, strict=True)]


def draw_intervals(ax: plt.Axes, rows: pd.DataFrame) -> None:
    """Draw one row for each score: its interval, and the noise ceiling where there is one.

    Parameters
    ----------
    rows : place, estimate, low and high; ceiling, colour and open, whether the mark is
    """
    ax.hlines(rows.place, rows.low, rows.high, color=rows.colour, linewidth=0.8)
    for colour, dots in rows.groupby("colour"):
        for empty, own in dots.groupby("open"):
            ax.plot(own.estimate, own.place, "D", color=colour, markersize=2.5, markerfacecolor="white" if empty else colour)
    limits = rows.dropna(subset="ceiling")
    ax.vlines(limits.ceiling, limits.place - 0.4, limits.place + 0.4, color=RED, linestyle=(0, (2, 1)), linewidth=0.8)


def write_columns(ax: plt.Axes, rows: pd.DataFrame, columns: Mapping[str, float]) -> None:
    """Write columns of text to the right of a panel, each with its head above.

    Parameters
    ----------
    rows : place, and a text for each of the columns
    columns : where each begins, in widths of the panel from its left
    """
    across = ax.get_yaxis_transform()
    top = ax.get_ylim()[1]
    for column, left in columns.items():
        ax.text(left, top, column, transform=across, fontsize=SMALL_PT, color="0.4", va="bottom")
        for place, text in zip(rows.place, rows[column], strict=True):
            ax.text(left, place, text, transform=across, fontsize=SMALL_PT, va="center")


def span(low: float, high: float, digits: int) -> str:
    """Return the two ends of an interval as text; nothing where there is none."""
    return "" if pd.isna(low) or pd.isna(high) else f"[{low:.{digits}f}, {high:.{digits}f}]"


def no_ticks(ax: plt.Axes) -> None:
    """Take the frame and the ticks away from the ordinate of a panel whose rows have names."""
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color="0.92", zorder=0)
    ax.set_axisbelow(True)
