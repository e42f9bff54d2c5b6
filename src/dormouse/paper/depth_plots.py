"""Small plots of scores by depth, as SVG that stands in a page: a line for each site, its best layer marked."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

WIDTH, HEIGHT = 260, 130  # of the panel, in units of the SVG
LEFT, TOP, RIGHT, BOTTOM = 40, 8, 52, 34  # room around it
BOX = f"0 0 {LEFT + WIDTH + RIGHT} {TOP + HEIGHT + BOTTOM}"
LABEL_GAP = 11  # between labels of lines
MOST_POINTS = 40  # of a line
N_COLOURS = 8  # classes a0 to a7 of the page


def depth_plot(lines: Sequence[Mapping], limits: tuple[float, float], axes: str, title: str) -> Markup:
    """Return the plot of the scores of one network by one method.

    Parameters
    ----------
    lines : of each site its `label` and number of its `colour`; `depth` and `score` of its layers, in their order; and `best`,
        the place of the layer that represents the network, or None
    limits : lowest and highest score of the panel
    axes : id of what `depth_axes` gives
    title : what the plot shows, for those who do not see it
    """
    drawn = "".join(_line(line, limits) for line in lines)
    return Markup(
        f'<svg class=depth viewBox="{BOX}" role=img aria-label="{escape(title)}"><use href="#{axes}"/>'
        f"{drawn}{_labels(lines, limits)}</svg>"
    )


def thinned(n: int, keep: int | None) -> np.ndarray:
    """Return the places of at most `MOST_POINTS` of n points, evenly spread, with the first, the last and the one to keep."""
    even = np.linspace(0, n - 1, min(n, MOST_POINTS - 1)).round().astype(int)
    return np.union1d(even, [] if keep is None else [keep]).astype(int)


def _x(depth: np.ndarray | float) -> np.ndarray:
    return np.rint(LEFT + WIDTH * np.asarray(depth)).astype(int)


def _y(score: np.ndarray | float, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    return np.rint(TOP + HEIGHT * (high - np.asarray(score)) / (high - low)).astype(int)


def _line(line: Mapping, limits: tuple[float, float]) -> str:
    places = thinned(len(line["score"]), line["best"])
    x, y = _x(line["depth"][places]), _y(line["score"][places], limits)
    steps = " ".join(f"{a} {b}" for a, b in zip(np.diff(x), np.diff(y), strict=True)).replace(" -", "-")
    drawn = f'<path class=a{line["colour"]} d="M{x[0]} {y[0]}{f"l{steps}" if steps else ""}"/>'
    if line["best"] is None:
        return drawn
    at = _x(line["depth"][line["best"]]), _y(line["score"][line["best"]], limits)
    return f"{drawn}<circle class=a{line['colour']} cx={at[0]} cy={at[1]} r=3 />"


def _labels(lines: Sequence[Mapping], limits: tuple[float, float]) -> str:
    """Return the names of lines at their ends, one below the other."""
    ends = pd.DataFrame(
        [(line["label"], line["colour"], int(_y(line["score"][-1], limits))) for line in lines],
        columns=["label", "colour", "y"],
    )
    ends = ends.groupby(["label", "colour"]).y.min().reset_index().sort_values("y", kind="stable")
    found, last = [], TOP - LABEL_GAP
    for label, colour, y in ends.itertuples(index=False):
        last = max(last + LABEL_GAP, y)
        x = LEFT + WIDTH
        found.append(
            f'<path class=a{colour} d="M{x} {y}l4 0 5 {last - y}"/><text x={x + 11} y={last + 3}>{escape(label)}</text>'
        )
    return "".join(found)


def depth_axes(limits: tuple[float, float], name: str) -> Markup:
    """Return the axes of a method's plots, which all networks share, as an SVG that shows nothing itself."""
    right, bottom = LEFT + WIDTH, TOP + HEIGHT
    marks = [f'<path class=axis d="M{LEFT} {TOP}V{bottom}H{right}"/>']
    for depth in (0, 0.5, 1):
        marks.append(f"<text x={_x(depth)} y={bottom + 13} text-anchor=middle>{depth:g}</text>")
    for score in _ticks(limits):
        y = _y(score, limits)
        marks.append(f'<path class=axis d="M{LEFT - 3} {y}h3"/><text x={LEFT - 5} y={y + 3} text-anchor=end>{score:g}</text>')
    marks.append(f"<text x={LEFT + WIDTH // 2} y={bottom + 27} text-anchor=middle>depth of the layer</text>")
    marks.append(f'<text transform="translate(10 {TOP + HEIGHT // 2}) rotate(-90)" text-anchor=middle>score</text>')
    return Markup(f'<svg class=axes aria-hidden=true><g id="{name}" class=depth>{"".join(marks)}</g></svg>')


def _ticks(limits: tuple[float, float]) -> np.ndarray:
    """Return two to six round numbers between the limits."""
    low, high = limits
    step = 10 ** np.floor(np.log10((high - low) / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) < 6)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step + 0.0  # no negative zero
