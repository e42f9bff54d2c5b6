"""The pages of networks: for each what it is, how it scores by depth and by area, and which networks are like it."""

import json

import pandas as pd

from dormouse.inference.relatives import relatives
from dormouse.paper.depths import best_layers_at, chosen_range, depth_curves
from dormouse.paper.evidence import WORDS, is_main
from dormouse.paper.facts import Tables, areas_of, run_facts, shown_methods
from dormouse.paper.figures.areas import sites_in_order
from dormouse.paper.figures.page_parts import (
    LINE_IN,
    MARGIN_IN,
    axes_at,
    draw_intervals,
    new_page,
    no_ticks,
    site_names,
    span,
    write,
    write_columns,
    write_facts,
)
from dormouse.paper.figures.scores import site_ceilings
from dormouse.paper.figures.style import DOUBLE_IN, NotDrawn, area_colours, plt
from dormouse.tables import WHOLE, whole_areas

N_BINS = 50  # of depth
N_RELATIVES = 8
CURVE, SCORE, RELATIVE, BEST = "mean score in a bin of depth", "score", "relative", "best layer"  # marks
CURVE_IN = 1.7  # height of a panel
COLUMNS = {
    "score [95 % interval]": 1.05,
    "rank [95 % interval]": 1.71,
    "best layer: depth [range of choices]": 2.24,
}  # and places
AT = ["method", "area", "cortical_layer"]


def data(tables: Tables, model: str) -> pd.DataFrame:
    """Return by the methods shown side by side: scores over depth, and of each site score, interval, rank, and best layer.

    And the networks that are most alike in their profile of scores; see `relatives`.
    """
    methods = [row["method"] for row in shown_methods(tables)]
    best = tables["best_layers"]
    best = whole_areas(best[best.method.isin(methods)])
    own = best[best.model == model].dropna(subset="score")
    if not len(own):
        raise NotDrawn("the network has no score.")
    scores, choices = (_of_model(tables[name], model, methods) for name in ("scores", "layer_choices"))
    rows = own[[*AT, "score", "layer", "layer_depth"]].merge(_intervals(tables, model, methods), on=AT, how="left")
    limits = [site_ceilings(tables["ceilings"], row).assign(method=row["method"]) for row in shown_methods(tables)]
    rows = rows.merge(pd.concat(limits)[[*AT, "ceiling"]], on=AT, how="left")
    rows = rows.merge(best.groupby(AT, as_index=False).agg(n_networks=("score", "count")), on=AT)
    rows = rows.merge(chosen_range(choices).drop(columns="model"), on=["method", "area"], how="left")
    names = tables["models"].set_index("model").display_name
    near = relatives(best, model, N_RELATIVES)
    parts = {
        CURVE: depth_curves(scores, N_BINS).drop(columns="model"),
        BEST: best_layers_at(own, scores)[[*AT, "layer", "layer_depth", "score"]],
        SCORE: rows,
        RELATIVE: pd.DataFrame({"relative": names[near.index].to_numpy(), "distance": near.to_numpy()}),
    }
    return pd.concat([part.assign(mark=mark) for mark, part in parts.items() if len(part)], ignore_index=True)


def plot(tables: Tables, model: str) -> plt.Figure:
    """Draw a page: facts and relatives, then scores over depth, and the score of every site, by each method."""
    marks, areas, facts = data(tables, model), areas_of(tables), run_facts(tables["run"])
    row = tables["models"].set_index("model", drop=False).loc[model]
    methods = [method for method in shown_methods(tables) if method["method"] in set(marks.method)]
    n_rows = max(marks[marks.mark == SCORE].groupby("method").size())
    height = 2.75 + CURVE_IN + (0.9 + LINE_IN * n_rows) * len(methods)
    figure = new_page(height, row.display_name, f"{facts['title']}; {model}")
    top = max(write_facts(figure, MARGIN_IN, 0.72, _facts(row), 62), _write_relatives(figure, marks)) + 0.15
    colours, width = area_colours(areas), (DOUBLE_IN - 2 * MARGIN_IN) / len(methods)
    for k, method in enumerate(methods):
        own, left = marks[marks.method == method["method"]], MARGIN_IN + 0.2 + k * width
        _draw_curves(axes_at(figure, left, top + 0.1, width - 0.4, CURVE_IN), own, method, colours)
    top += CURVE_IN + 0.6
    for method in methods:
        own = marks[(marks.method == method["method"]) & (marks.mark == SCORE)]
        write(figure, MARGIN_IN, top, f"{method['label']}: {method['axis']}", weight="bold")
        write(figure, MARGIN_IN, top + LINE_IN, _explained(own), color="0.4")
        height = LINE_IN * len(own)
        _draw_sites(axes_at(figure, MARGIN_IN + 0.6, top + 0.42, 2, height), own, areas, colours, row)
        top += 0.9 + height
    return figure


def _of_model(table: pd.DataFrame, model: str, methods: list[str]) -> pd.DataFrame:
    own = table[table.model == model]
    return own[own.method.isin(methods)]


def _intervals(tables: Tables, model: str, methods: list[str]) -> pd.DataFrame:
    """Return the main statistic of each site."""
    own = _of_model(tables["intervals"], model, methods)
    return own[is_main(own)][[*AT, "statistic", "over", "estimate", "low", "high", "rank", "rank_low", "rank_high"]].rename(
        columns={"low": "interval_low", "high": "interval_high"}
    )


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
        ax.plot(line.layer_depth, line.score, color=colours[area], label=area)
    for area, dots in marks[(marks.mark == BEST) & (marks.cortical_layer == WHOLE)].groupby("area"):
        ax.plot(dots.layer_depth, dots.score, "o", color=colours[area], markersize=3)
    if method["null_score"] is not None:
        ax.axhline(method["null_score"], color="black", linewidth=0.5, zorder=0)
    ax.set(title=method["label"], xlabel="depth of the layer", ylabel="score", xlim=(0, 1.02))


def _draw_sites(ax: plt.Axes, rows: pd.DataFrame, areas: list[str], colours: dict, network: pd.Series) -> None:
    """Draw the score of every site with its interval and ceiling, and write beside it what is known."""
    rows = sites_in_order(rows.assign(n_neurons=1), areas)[["area", "cortical_layer"]].merge(
        rows, on=["area", "cortical_layer"]
    )
    rows = rows.assign(place=range(len(rows)), colour=rows.area.map(colours), open=network.weights == "random")
    shown = rows.assign(estimate=rows.estimate.fillna(rows.score)).rename(columns={"low": "from", "high": "to"})
    shown = shown.rename(columns={"interval_low": "low", "interval_high": "high"})
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="score")
    ax.set_yticks(rows.place, site_names(rows))
    for label, colour in zip(ax.get_yticklabels(), rows.colour, strict=True):
        label.set_color(colour)
    draw_intervals(ax, shown)
    no_ticks(ax)
    texts = [
        (
            f"{row['estimate']:.3f} {span(row['low'], row['high'], 3)}",
            ""
            if pd.isna(row["rank"])
            else f"{row['rank']:.0f} {span(row['rank_low'], row['rank_high'], 0)} of {row['n_networks']:.0f}",
            f"{row['layer']}: {row['layer_depth']:.2f} {_chosen(row)}",
        )
        for row in shown.to_dict("records")
    ]
    write_columns(ax, pd.DataFrame(texts, columns=list(COLUMNS)).assign(place=rows.place), COLUMNS)


def _chosen(row: dict) -> str:
    """Return the range of depths that were chosen for a whole area."""
    return span(row["from"], row["to"], 2) if row["cortical_layer"] == WHOLE else ""


def _explained(rows: pd.DataFrame) -> str:
    """Return what scores and intervals are of, in words."""
    kinds = rows[["statistic", "over"]].dropna().drop_duplicates()
    words = [f"{WORDS[statistic]} (intervals over {over})" for statistic, over in kinds.itertuples(index=False)]
    limits = ["red: noise ceiling of all neurons"] if rows.ceiling.notna().any() else []
    return "; ".join([" or ".join(words), *limits]) if words else "; ".join(["without intervals", *limits])
