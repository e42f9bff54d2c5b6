"""How figures of networks draw them: trained filled and random open, single areas as small dots, and lines to compare with."""

from collections.abc import Mapping, Sequence
from itertools import product
from textwrap import wrap

import numpy as np
import pandas as pd

from dormouse.paper.figures.style import RED, area_colours, plt, sns
from dormouse.paper.networks import BASELINE, KINDS, MOUSENET, OVER_AREAS, SELF, TASKS, UNTRAINED, over_areas
from dormouse.tables import WHOLE

ROW_IN = 0.14  # height of a row with a name, inches
LETTER_IN = 0.05  # width of a letter of a legend
MEAN_SIZE, AREA_SIZE = 4, 2.2  # points
BIN = 1 / 60  # of the width of a panel: marks that lie closer are set side by side
N_SMALL = 20  # more dots than this are small
UNITS = {"family": "families", "network": "architectures", "model": "networks"}  # of contrasts, in few words
_COLOURS = sns.color_palette("colorblind")
KIND_LOOKS = {  # where kinds of networks are told apart
    **{kind: {"marker": "o", "color": "black"} for kind in KINDS},
    SELF: {"marker": "s", "color": _COLOURS[0]},
    TASKS: {"marker": "^", "color": _COLOURS[1]},
    MOUSENET: {"marker": "D", "color": _COLOURS[2]},
    BASELINE: {"marker": "x", "color": _COLOURS[3]},
}


# --- marks


def face(state: str, colour="black") -> dict:
    """Return how a network is drawn: filled, or open where its weights are random."""
    return {"color": colour, "markerfacecolor": "white" if state == "random" else colour, "markeredgewidth": 0.7}


def of_kind(kind: str, state: str = "trained") -> dict:
    """Return how a network is drawn where kinds are told apart, by colour and shape."""
    return KIND_LOOKS[kind] | ({"markerfacecolor": "white"} if state == "random" else {}) | {"markeredgewidth": 0.7}


def dots_of(areas: Sequence[str]) -> dict[str, tuple]:
    """Return the colours of the dots of areas beside their mean; of a single area there are none."""
    return area_colours(areas) if len(areas) > 1 else {}


def set_apart(values: np.ndarray, span: float, step: float, widest: float = 0.4) -> np.ndarray:
    """Return offsets (n,) of marks across the axis of their values, so that those close to each other lie side by side.

    Parameters
    ----------
    span : of the axis, in units of the values
    step : between two marks, where there is room; `widest` is the largest offset
    """
    values = np.asarray(values, float)
    offsets, bins = np.zeros(len(values)), np.floor(values / (span * BIN))
    for found in np.unique(bins):
        own = np.flatnonzero(bins == found)
        own = own[np.argsort(values[own], kind="stable")]
        places = (np.arange(len(own)) + 1) // 2 * np.where(np.arange(len(own)) % 2, 1, -1)
        offsets[own] = places * min(step, 2 * widest / len(own))
    return offsets


def draw_rows(
    ax: plt.Axes, scores: pd.DataFrame, order: Sequence[str], dots: Mapping[str, tuple], colours: Mapping | None = None
) -> None:
    """Draw networks in rows, the first of `order` on top: each area a small dot, the mean over areas a mark.

    Parameters
    ----------
    scores : by one method, from `networks.network_scores`
    order : of models
    dots : colours of areas
    colours : of the marks, by model; black where none is given
    """
    place = {model: row for row, model in enumerate(reversed(order))}
    shown = scores[scores.model.isin(order)]
    for area, colour in dots.items():
        own = shown[shown.area == area]
        ax.plot(own.score, own.model.map(place), "o", markersize=AREA_SIZE, color=colour, markeredgewidth=0, label=area)
    for row in over_areas(shown).itertuples():
        look = face(row.state, (colours or {}).get(row.model, "black"))
        ax.plot(row.score, place[row.model], "o", markersize=MEAN_SIZE, label=f"_{row.network}", zorder=3, **look)
    names = scores.drop_duplicates("model").set_index("model").network
    name_rows(ax, [names[model] for model in order])
    ax.grid(axis="y", color="0.92")
    ax.set_axisbelow(True)


def name_rows(ax: plt.Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel, the first on top: its place is the highest, the last is at 0."""
    ax.set_yticks(range(len(names)), list(reversed(names)))
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.tick_params(axis="y", length=0)


def draw_interval(ax: plt.Axes, rows: pd.DataFrame, height, colour="black", **look) -> None:
    """Draw estimates as diamonds at a height, with the ends `low` and `high` of their intervals where they are known."""
    ax.hlines(height, rows.low, rows.high, color=colour, linewidth=1)
    ax.plot(rows.estimate, height, "D", **{"markersize": 3, "color": colour, "linestyle": ""} | look)


# --- lines to compare with


def draw_null(ax: plt.Axes, method: Mapping, across: bool = True) -> None:
    """Draw the score of features without information, where it is known: on the abscissa, or else on the ordinate."""
    if method["null_score"] is not None:
        (ax.axvline if across else ax.axhline)(method["null_score"], color="0.5", linewidth=0.8, zorder=0)


def mean_ceiling(ceilings: pd.DataFrame, method: Mapping) -> float:
    """Return the noise ceiling of a method, mean over whole areas; NaN where there is none, or the images are some of all."""
    own = ceilings[(ceilings.target == method["target"]) & (ceilings.selection == method["selection"])]
    own = own[(own.cortical_layer == WHOLE) & own.neuron.isna()]
    return float(own.ceiling.mean()) if method["images"] != "some" else float("nan")


def draw_ceiling(ax: plt.Axes, ceiling: float) -> str:
    """Draw a noise ceiling on the abscissa if the panel reaches that high, and else return words that say where it is."""
    low, high = ax.get_xlim()
    if ceiling > high:
        return f"noise ceiling of all neurons: {ceiling:.2f}"
    if not np.isnan(ceiling):
        ax.axvline(ceiling, color=RED, linestyle="--", linewidth=1, zorder=0)
        ax.set_xlim(low, high)
    return ""


# --- words


def axis_words(method: Mapping, scores: pd.DataFrame, width: int = 40) -> str:
    """Return the label of the axis of a method's scores: what they are, and of what, on lines of some width."""
    statistic = ", ".join(scores.statistic.dropna().unique())
    return f"{in_lines(method['axis'], width)}\n{statistic}"


def in_lines(text: str, width: int) -> str:
    """Return text on as few lines of `width` letters as it takes, about equally long."""
    whole = {"break_on_hyphens": False, "break_long_words": False}
    n_lines = len(wrap(text, width, **whole))
    widths = (w for w in range(len(text) // n_lines, width + 1) if len(wrap(text, w, **whole)) <= n_lines)
    return "\n".join(wrap(text, next(widths, width), **whole))


def dot(colour="black", state: str = "", size: float = MEAN_SIZE, **look) -> plt.Line2D:
    """Return an entry of a legend: a mark without a line."""
    return plt.Line2D([], [], linestyle="", markersize=size, **{"marker": "o"} | face(state, colour) | look)


def kind_entries(scores: pd.DataFrame) -> dict[str, plt.Line2D]:
    """Return the entries of a legend for kinds of networks, with their numbers; MouseNets with random weights are apart."""
    once, entries = scores.drop_duplicates("model"), {}
    open_ones = (once.kind == UNTRAINED) | ((once.kind == MOUSENET) & (once.state == "random"))
    for kind, is_open in product(KINDS, (False, True)):
        if n := int(((once.kind == kind) & (open_ones == is_open)).sum()):
            words = f"{kind}, random weights" if is_open and kind != UNTRAINED else kind
            look = of_kind(kind, "random" if is_open else "trained")
            entries[f"{words} ({n})"] = plt.Line2D([], [], linestyle="", markersize=MEAN_SIZE, **look)
    return entries


def states(scores: pd.DataFrame) -> dict[str, plt.Line2D]:
    """Return the entries of a legend for means over areas of networks with trained and with random weights."""
    told = {"trained": f"{OVER_AREAS}: trained, or no weights", "random": f"{OVER_AREAS}: random weights"}
    return {words: dot(state=state) for state, words in told.items() if state == "trained" or (scores.state == state).any()}


def add_legend(figure: plt.Figure, entries: Mapping[str, plt.Line2D]) -> None:
    """Add a legend below the panels, in as many columns as the figure has room for."""
    longest = max(map(len, entries))
    most = max(1, int(figure.get_figwidth() / (LETTER_IN * longest + 0.4)))
    n_rows = -(-len(entries) // most)
    figure.legend(entries.values(), entries, loc="outside lower center", ncols=-(-len(entries) // n_rows))


def counted(n: float, words: str) -> str:
    """Return a number with what it counts."""
    singular = {"families": "family"}.get(words, words.removesuffix("s"))
    return f"{n:.0f} {singular if n == 1 else words}"


def answer_words(answers: pd.DataFrame, method: str) -> str:
    """Return what a contrast of `comparisons` says by a method, over areas if there are several: estimate, interval, numbers.

    Parameters
    ----------
    answers : rows of one contrast
    """
    rows = answers[answers.method.isin([method, ""])]
    rows = pd.concat([rows[rows.area == WHOLE], rows])
    if not len(rows):
        return "not asked in this run"
    row = rows.iloc[0]
    numbers = (("n_pairs", "pairs"), ("n_units", UNITS[row.unit]))
    counts = ", ".join(counted(row[n], words) for n, words in numbers if not pd.isna(row[n]))
    if pd.isna(row.estimate):
        return f"no interval: {row.verdict}\n({counts})"
    return f"difference {row.estimate:+.3f} [{row.low:.3f}, {row.high:.3f}]\n{counts}, q = {row.q:.2g}"
