"""The figure of the answers to the questions about networks."""

import numpy as np
import pandas as pd

from dormouse.inference.contrasts import FEWEST
from dormouse.inference.questions import NEGATIVE, NOT_RUN, POSITIVE, TOO_FEW
from dormouse.inference.wording import COVARIATES
from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.figures.marks import UNITS, counted, draw_interval, in_lines, name_rows
from dormouse.paper.figures.style import DOUBLE_IN, SMALL_PT, NotDrawn, panels, plt
from dormouse.tables import WHOLE

BLOCKS = {  # of kinds of questions: the words of their axes
    "pairs": "difference of scores",
    "groups": "difference of scores",
    "covariates": "change of the score per standard deviation",
    "agreement": "rank correlation (Spearman's rho)",
}
ROW_IN, LETTERS, MOST = 0.2, 48, 40  # height of a row; letters in a line of its name; rows
DECIDED, OPEN, UNANSWERED = "black", "0.55", "0.5"  # colours


def data(tables: Tables) -> pd.DataFrame:
    """Return the answers of the table `comparisons` over areas, by the methods shown; of one area, where there is one alone.

    Answers about two methods, and questions that have no answer by any method, have `column` "", others the method.
    """
    told, shown = tables["comparisons"], [row["method"] for row in shown_methods(tables)]
    own = told[told.method.isin([*shown, ""]) | (told.kind == "agreement") | (told.verdict == NOT_RUN)]
    if not len(own):
        raise NotDrawn("no questions are asked in this run (`contrasts`).")
    own = pd.concat([own[own.area == WHOLE], own]).drop_duplicates(["contrast", "method", "first", "second"]).sort_index()
    own = own.assign(row=[row_name(row) for row in own.to_dict("records")], block=own.kind.map(BLOCKS))
    columns = [
        "contrast",
        "question",
        "block",
        "row",
        "area",
        "estimate",
        "low",
        "high",
        "q",
        "n_units",
        "n_pairs",
        "n_models",
    ]
    return own.assign(column=own.method.where(own.method.isin(shown), ""))[["column", *columns, "unit", "over", "verdict"]]


def plot(tables: Tables) -> plt.Figure:
    """Draw the answers by block (rows) and method (columns); those about two methods in the first column alone."""
    shown, methods, facts = data(tables), shown_methods(tables), run_facts(tables["run"])
    answered = shown.groupby("row", sort=False).estimate.count().sort_values(ascending=False, kind="stable")
    kept = shown[shown.row.isin(answered.index[:MOST])]
    blocks = {block: list(kept.row[kept.block == block].unique()) for block in dict.fromkeys(BLOCKS.values())}
    blocks = {block: rows for block, rows in blocks.items() if rows}
    heights = [ROW_IN * len(rows) + 0.1 for rows in blocks.values()]
    height = 0.5 + sum(heights) + 0.4 * len(blocks)
    figure, axes = panels(len(blocks), len(methods), DOUBLE_IN, height, height_ratios=heights)
    for of_block, (block, rows) in zip(axes, blocks.items(), strict=True):
        for ax, method in zip(of_block, methods, strict=True):
            of_two = block == BLOCKS["agreement"]
            if of_two and ax is not of_block[0]:
                ax.remove()
                continue
            own = kept[(kept.block == block) & kept.column.isin(["", method["method"]])]
            draw_answers(ax, own, rows)
            ax.set_xlabel(block)
            ax.tick_params(axis="y", labelleft=ax is of_block[0])
    for ax, method in zip(axes[0], methods, strict=True):
        ax.set_title(method["label"])
    left = f", {len(kept)} of {len(shown)} answers" * (len(kept) < len(shown))
    figure.suptitle(f"{facts['title']}: questions about networks, means over areas{left}")
    return figure


def row_name(row: dict) -> str:
    """Return what an answer is about, in few words on one or two lines."""
    if not row["first"]:
        return row["contrast"].replace("_", " ")
    if row["kind"] == "covariates":
        others = ", the other numbers being equal" if row["contrast"] == "covariates" else ""
        return in_lines(COVARIATES.get(row["first"], row["first"]) + others, LETTERS)
    if row["kind"] == "agreement":
        methods = f" ({row['method']})" if row["method"] else ""
        return in_lines(f"{row['first']} and {row['second']}{methods}", LETTERS)
    asked = f"{row['contrast'].replace('_', ' ')}: " if row["kind"] == "groups" else ""
    return in_lines(f"{asked}{row['first']}, less {row['second']}", LETTERS)


def draw_answers(ax: plt.Axes, answers: pd.DataFrame, rows: list[str]) -> None:
    """Draw estimates with their intervals, black where they are decided, and q and numbers beside; or why there is none."""
    place = {row: k for k, row in enumerate(reversed(rows))}
    for row in answers.itertuples():
        if np.isnan(row.estimate):
            words = {"x": 0.02, "y": place[row.row], "transform": ax.get_yaxis_transform(), "color": UNANSWERED}
            words |= {"bbox": {"facecolor": "white", "linewidth": 0, "pad": 0.5}}
            ax.text(s=why(row), va="center", size=SMALL_PT, **words)
            continue
        colour = DECIDED if row.verdict in (POSITIVE, NEGATIVE) else OPEN
        draw_interval(ax, pd.DataFrame([row]), [place[row.row]], colour)
        words = f"{counted(row.n_units, UNITS[row.unit])}, q = {row.q:.2g}"
        ax.text(1.01, place[row.row], words, va="center", size=SMALL_PT, color=colour, transform=ax.get_yaxis_transform())
    name_rows(ax, rows)
    if answers.estimate.isna().all():
        ax.set_xticks([])
    else:
        ax.axvline(0, color="0.5", linewidth=0.8, zorder=0)


def why(row) -> str:
    """Return in few words why a question has no answer."""
    if row.verdict == TOO_FEW:
        return f"too few: {row.n_units:.0f} of {FEWEST} {UNITS[row.unit]}"
    return "its methods are not run" if row.verdict == NOT_RUN else row.verdict
