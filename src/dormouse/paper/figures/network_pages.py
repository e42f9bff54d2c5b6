"""The pages of networks: for each what it is, how it scores by depth and by area, and which networks are like it."""

import json

import pandas as pd

from dormouse.inference.contrasts import RANDOM
from dormouse.inference.relatives import relatives
from dormouse.paper.depths import best_layers_at, chosen_range, depth_curves
from dormouse.paper.evidence import WORDS
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.areas import sites_in_order
from dormouse.paper.figures.marks import draw_null
from dormouse.paper.figures.page_parts import (
    LINE_IN,
    MARGIN_IN,
    axes_at,
    draw_intervals,
    new_page,
    no_ticks,
    rank_words,
    score_words,
    site_names,
    site_scores,
    span,
    write,
    write_columns,
    write_facts,
)
from dormouse.paper.figures.style import DOUBLE_IN, area_colours, plt
from dormouse.tables import WHOLE, whole_areas

N_BINS = 50  # of depth
N_RELATIVES = 8
CURVE, SCORE, RELATIVE, BEST = "mean score in a bin of depth", "score", "relative", "best layer"  # marks
FACTS_IN, CURVE_IN, SITES_IN = 2.1, 1.7, 0.9  # heights of facts, of a panel, and of what is around a panel of sites
COLUMNS = {
    "score [95 % interval]": 1.05,
    "rank [95 % interval]": 1.71,
    "best layer: depth [range of choices]": 2.24,
}  # and places
AT = ["method", "area", "cortical_layer"]


def data(tables: Tables, model: str) -> pd.DataFrame:
    """Return by the methods shown side by side: scores over depth, and of each site score, interval, rank, and best layer.

    And the networks that are most alike in their profile of scores; see `relatives`. No row where the network has no score.
    """
    shown = shown_methods(tables)
    methods, best = [row["method"] for row in shown], tables["best_layers"]
    best = whole_areas(best[best.method.isin(methods)]).dropna(subset="score")
    own = best[best.model == model]
    scores, choices, known = (_of_model(tables[name], model, methods) for name in ("scores", "layer_choices", "intervals"))
    rows = site_scores(tables | {"intervals": known}, shown, own)
    rows = rows.merge(best.groupby(AT, as_index=False).agg(n_networks=("score", "size")), on=AT)
    chosen = chosen_range(choices).rename(columns={"low": "chosen_from", "high": "chosen_to"})
    near, names = relatives(best, model, N_RELATIVES), tables["models"].set_index("model").display_name
    parts = {
        CURVE: depth_curves(scores, N_BINS),
        BEST: best_layers_at(own, scores),
        SCORE: rows.merge(chosen, on=["method", "model", "area"], how="left"),
        RELATIVE: pd.DataFrame({"relative": names[near.index].to_numpy(), "distance": near.to_numpy()}),
    }
    marks = [part.assign(mark=mark) for mark, part in parts.items() if len(part)]
    return pd.concat(marks or [parts[CURVE].assign(mark="")], ignore_index=True).drop(columns="model")


def plot(tables: Tables, model: str) -> plt.Figure:
    """Draw a page: facts and relatives, then scores over depth, and the score of every site, by each method."""
    marks, areas, title = data(tables, model), areas_of(tables), run_facts(tables["run"])["title"]
    row = tables["models"].set_index("model", drop=False).loc[model]
    methods = [method for method in shown_methods(tables) if method["method"] in set(marks.get("method", []))]
    sites = {method["method"]: marks[(marks.method == method["method"]) & (marks.mark == SCORE)] for method in methods}
    height = FACTS_IN + (CURVE_IN + 0.7) * bool(methods) + sum(SITES_IN + LINE_IN * len(own) for own in sites.values())
    figure = new_page(height, row.display_name, f"{title}; {model}" + ("" if methods else "; no score"))
    top = max(write_facts(figure, MARGIN_IN, 0.72, _facts(row), 62), _write_relatives(figure, marks)) + 0.15
    colours = area_colours(areas)
    for k, method in enumerate(methods):
        width = (DOUBLE_IN - 2 * MARGIN_IN) / len(methods)
        ax = axes_at(figure, MARGIN_IN + 0.2 + k * width, top + 0.1, width - 0.4, CURVE_IN)
        _draw_curves(ax, marks[marks.method == method["method"]], method, colours)
    top += CURVE_IN + 0.6
    for method in methods:
        own = sites[method["method"]]
        write(figure, MARGIN_IN, top, f"{method['label']}: {method['axis']}", weight="bold")
        write(figure, MARGIN_IN, top + LINE_IN, _explained(own), color="0.4")
        ax = axes_at(figure, MARGIN_IN + 0.6, top + 0.42, 2, LINE_IN * len(own))
        _draw_sites(ax, own, areas, colours, row)
        top += SITES_IN + LINE_IN * len(own)
    return figure


def _of_model(table: pd.DataFrame, model: str, methods: list[str]) -> pd.DataFrame:
    own = table[table.model == model]
    return own[own.method.isin(methods)]


def _facts(row: pd.Series) -> dict[str, str]:
    """Return what is known of a network in words, by name."""
    task = row.task + (f" ({row.task_cluster})" if row.task_cluster else "")
    seed = "" if pd.isna(row.seed) else f", seed {row.seed:.0f}"
    top1 = "" if pd.isna(row.imagenet_top1) else f"{row.imagenet_top1:.1f} % of ImageNet"
    sees = json.loads(row.input) if row.input else {}
    size = f"{sees['size']} px, {sees['channels']}" if {"size", "channels"} <= set(sees) else ""
    return {
        "network": f"{row.source}: {row['name']}",
        "family": ", ".join(text for text in (row.family, row.architecture) if text not in ("", "None")),
        "weights": row.weights + seed,
        "task": ", ".join(text for text in (task, row.training_data) if text),
        "accuracy": top1,
        "parameters": f"{row.n_parameters:,}",
        "layers": f"{row.n_layers:,}, with {row.n_features:,} features of an image",
        "images": ", ".join(text for text in (row.stimulus_set, size, row.precision) if text),
    }


def _write_relatives(figure: plt.Figure, marks: pd.DataFrame) -> float:
    """Write the most similar networks, and return where they end."""
    near = marks[marks.mark == RELATIVE]
    left, top = DOUBLE_IN - 2.4, 0.72
    if len(near):
        write(figure, left, top, "nearest by profile of scores (distance)", color="0.4")
    for name, distance in zip(near.get("relative", []), near.get("distance", []), strict=True):
        top += LINE_IN
        write(figure, left, top, f"{name} ({distance:.2f})")
    return top + LINE_IN


def _draw_curves(ax: plt.Axes, marks: pd.DataFrame, method: dict, colours: dict) -> None:
    """Draw a line for each area, and the best layers of its sites."""
    for area, line in marks[marks.mark == CURVE].groupby("area"):
        ax.plot(line.layer_depth, line.score, "o-" if len(line) == 1 else "-", color=colours[area])
    for area, dots in marks[(marks.mark == BEST) & (marks.cortical_layer == WHOLE)].groupby("area"):
        ax.plot(dots.layer_depth, dots.score, "o", color=colours[area], markersize=3)
    draw_null(ax, method, across=False)
    ax.set(title=method["label"], xlabel="depth of the layer", ylabel="score", xlim=(0, 1.02))


def _draw_sites(ax: plt.Axes, rows: pd.DataFrame, areas: list[str], colours: dict, network: pd.Series) -> None:
    """Draw the score of every site with its interval and ceiling, and write beside it what is known."""
    order = sites_in_order(rows.assign(n_neurons=1), areas)[["area", "cortical_layer"]]
    rows = order.merge(rows, on=["area", "cortical_layer"])
    rows = rows.assign(place=range(len(rows)), colour=rows.area.map(colours), open=network.weights == RANDOM)
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="score")
    ax.set_yticks(rows.place, site_names(rows))
    for label, colour in zip(ax.get_yticklabels(), rows.colour, strict=True):
        label.set_color(colour)
    draw_intervals(ax, rows)
    no_ticks(ax)
    texts = [
        (
            score_words(row),
            rank_words(row) + f" of {row['n_networks']:.0f}",
            f"{row['layer']}: {row['layer_depth']:.2f} {_chosen(row)}",
        )
        for row in rows.to_dict("records")
    ]
    write_columns(ax, pd.DataFrame(texts, columns=list(COLUMNS)).assign(place=rows.place), COLUMNS)


def _chosen(row: dict) -> str:
    """Return the range of depths that were chosen for a whole area."""
    return span(row["chosen_from"], row["chosen_to"], 2) if row["cortical_layer"] == WHOLE else ""


def _explained(rows: pd.DataFrame) -> str:
    """Return what scores and intervals are of, in words."""
    kinds = rows[["statistic", "over"]].dropna().drop_duplicates()
    words = [f"{WORDS[statistic]} (intervals over {over})" for statistic, over in kinds.itertuples(index=False)]
    limits = ["red: noise ceiling of all neurons"] if rows.ceiling.notna().any() else []
    return "; ".join([" or ".join(words), *limits]) if words else "; ".join(["without intervals", *limits])
