"""The pages of areas: for each its neurons, the best networks, their scores over depth, and what its data can decide."""

import pandas as pd

from dormouse.paper.depths import best_layers_at, depth_curves
from dormouse.paper.evidence import ALPHA, numbers
from dormouse.paper.facts import Tables, run_facts, shown_methods
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
    site_scores,
    write,
    write_columns,
    write_facts,
)
from dormouse.paper.figures.scores import LAYERS, site_ceilings
from dormouse.paper.figures.style import DOUBLE_IN, plt, sns
from dormouse.tables import WHOLE, whole_areas

N_BINS = 50  # of depth
N_BEST, N_CURVES = 12, 5  # networks that have a row, and a curve
SCORE, CURVE, BEST, PARTS, FACT = "score", "mean score in a bin of depth", "best layer", "score on parts", "fact"  # marks
FACTS_IN, CURVE_IN, PARTS_IN, SITES_IN = 2.3, 1.6, 0.9, 0.75  # heights of facts, of panels, and of what is around sites
PARTS_LEFT_IN = DOUBLE_IN - MARGIN_IN - 3  # place of the scores on parts of the data
COLOURS = sns.color_palette("colorblind", N_CURVES)
SHADES = ("black", "0.55", *["0.75"] * 9)  # of methods
COLUMNS = {"score [95 % interval]": 1.03, "rank [95 % interval]": 1.6, "best layer: depth": 2.18}  # and places
OF_PARTS = {"mean over layers": 1.03}


def data(tables: Tables, area: str) -> pd.DataFrame:
    """Return by the methods shown side by side the scores of the best networks, their curves, and facts of the area.

    `place` is that of a network by its mean over the sites of the area, 1 is best.
    """
    shown = shown_methods(tables)
    best, scores, known, curves = (
        _at(tables[name], area, [row["method"] for row in shown])
        for name in ("best_layers", "scores", "intervals", "learning_curves")
    )
    best = whole_areas(best).dropna(subset="score")
    rows = site_scores(tables | {"intervals": known}, shown, best)
    means = rows.groupby(["method", "model"]).estimate.mean()
    place = means.groupby("method").rank(ascending=False, method="first").rename("place").astype(int).reset_index()
    few, five = place[place.place <= N_BEST], place[place.place <= N_CURVES]
    layers = best_layers_at(best, scores)
    parts = {
        SCORE: rows.merge(few, on=["method", "model"]),
        CURVE: depth_curves(scores, N_BINS).merge(five, on=["method", "model"]),
        BEST: layers[layers.cortical_layer == WHOLE].merge(five, on=["method", "model"]),
        PARTS: curves[["method", "model", "cortical_layer", "axis", "n", "mean", "sd"]].dropna(subset="mean"),
        FACT: pd.DataFrame(_facts(tables, area).items(), columns=["fact", "value"]),
    }
    marks = pd.concat([part.assign(mark=mark) for mark, part in parts.items() if len(part)], ignore_index=True)
    names = tables["models"].set_index("model").display_name
    marks = marks.reindex(columns=list(dict.fromkeys(["method", "model", "place", *marks])))  # also where there is no score
    marks = marks.assign(network=marks.model.map(names)).drop(columns=["area", "model"], errors="ignore")
    return marks.sort_values(["mark", "method", "place"], kind="stable")


def plot(tables: Tables, area: str) -> plt.Figure:
    """Draw a page: facts and curves over parts of the data, curves over depth, and the scores of the best networks."""
    marks = data(tables, area)
    methods = [row for row in shown_methods(tables) if row["method"] in set(marks.method)]
    scores, title = marks[marks.mark == SCORE], run_facts(tables["run"])["title"]
    sites = {row["method"]: scores[scores.method == row["method"]] for row in methods}
    height = FACTS_IN + (CURVE_IN + 0.7) * bool(methods) + sum(SITES_IN + LINE_IN * own.place.max() for own in sites.values())
    figure = new_page(height, area, title + ("" if methods else "; no network has a score"))
    facts = marks[marks.mark == FACT].set_index("fact").value if (marks.mark == FACT).any() else {}
    end = write_facts(figure, MARGIN_IN, 0.72, dict(facts), 38)
    parts = marks[marks.mark == PARTS]
    kinds = [kind for kind in ("images", "neurons") if len(parts) and kind in set(parts.axis)]
    for k, kind in enumerate(kinds):
        ax = axes_at(figure, PARTS_LEFT_IN + 1.7 * k, 0.95, 1.25, PARTS_IN)
        _draw_parts(ax, parts[parts.axis == kind], kind, methods)
    for k, row in enumerate(methods if kinds else []):
        write(figure, PARTS_LEFT_IN, 0.72 + LINE_IN * k, f"{row['label']}, on parts of the data", color=SHADES[k])
    top = max(end, 0.95 + PARTS_IN + 0.45) + 0.15
    for k, row in enumerate(methods):
        width = (DOUBLE_IN - 2 * MARGIN_IN) / len(methods)
        ax = axes_at(figure, MARGIN_IN + 0.2 + k * width, top + 0.1, width - 0.4, CURVE_IN)
        _draw_curves(ax, marks[marks.method == row["method"]], row)
    top += CURVE_IN + 0.6
    for row in methods:
        _draw_best(figure, top, row, sites[row["method"]])
        top += SITES_IN + LINE_IN * sites[row["method"]].place.max()
    return figure


def _at(table: pd.DataFrame, area: str, methods: list[str]) -> pd.DataFrame:
    own = table[table.area == area]
    return own[own.method.isin(methods)]


def _facts(tables: Tables, area: str) -> dict[str, str]:
    """Return what is known of an area in words, by name; nothing of what is not known."""
    facts, neurons = {}, tables["neurons"]
    for selection, own in neurons[neurons.area == area].groupby("selection"):
        kept = own[own.kept]
        told = f"{len(kept)} of {len(own)} kept, of {kept.animal.nunique()} animals"
        if kept.reliability.notna().any():
            told += f"; median reliability of these {kept.reliability.median():.2f}"
        facts[f"neurons ({selection})"] = told
    for row in shown_methods(tables):
        limits = whole_areas(site_ceilings(tables["ceilings"], row))
        limits = limits[limits.area == area]
        power, tested = (whole_areas(_at(tables[name], area, [row["method"]])) for name in ("power", "permutation_tests"))
        told = {
            "noise ceiling": limits.ceiling,
            "other animals": limits.inter_animal,
            "four of five studies find a difference of": power.smallest[power.own],
        }
        words = [f"{what} {_ends(values)}" for what, values in told.items() if values.notna().any()]
        facts[row["label"]] = "; ".join(words + _above_chance(tested.dropna(subset="q")))
    return facts


def _above_chance(tested: pd.DataFrame) -> list[str]:
    """Return how many networks are above chance, as text; none where nothing was tested."""
    if not len(tested):
        return []
    n = numbers(tested.n_permutations)
    if 1 / (tested.n_permutations.max() + 1) >= ALPHA:
        return [f"{n} permutations are too few to tell networks from chance"]
    q = tested.groupby("model").q.min()
    return [f"{(q < ALPHA).sum()} of {len(q)} networks above chance (q < {ALPHA}, {n} permutations)"]


def _ends(values: pd.Series) -> str:
    """Return one number, or the ends of some, as text."""
    return " to ".join(dict.fromkeys(f"{end:.2f}" for end in (values.min(), values.max())))


def _draw_parts(ax: plt.Axes, parts: pd.DataFrame, kind: str, methods: list[dict]) -> None:
    """Draw the scores of networks on parts of the data: a line per method and network, mean over sites."""
    look = {"elinewidth": 0.5, "marker": "o", "markersize": 2}
    for row, colour in zip(methods, SHADES, strict=False):
        own = parts[parts.method == row["method"]].groupby(["network", "n"], as_index=False)[["mean", "sd"]].mean()
        for _, line in own.groupby("network"):
            ax.errorbar(line.n, line["mean"], line.sd.fillna(0), color=colour, **look)
    ax.set(xlabel=kind, ylabel="score" if kind == "images" else "", xscale="log")
    ticks = sorted(parts.n.unique())
    ticks = ticks[:: -(-len(ticks) // 3)]
    ax.set_xticks(ticks, [f"{n:.0f}" for n in ticks])
    ax.minorticks_off()


def _draw_curves(ax: plt.Axes, marks: pd.DataFrame, method: dict) -> None:
    """Draw scores over depth of the best networks, and their best layers, in the colours of their names below."""
    for place, line in marks[marks.mark == CURVE].groupby("place"):
        ax.plot(line.layer_depth, line.score, "o-" if len(line) == 1 else "-", color=COLOURS[int(place) - 1])
    for place, dots in marks[marks.mark == BEST].groupby("place"):
        ax.plot(dots.layer_depth, dots.score, "o", color=COLOURS[int(place) - 1])
    draw_null(ax, method, across=False)
    ax.set(title=method["label"], xlabel="depth of the layer", ylabel="score", xlim=(0, 1.02))


def _draw_best(figure: plt.Figure, top: float, method: dict, rows: pd.DataFrame) -> None:
    """Draw a row for each of the best networks: the score of the whole area, or those of its layers."""
    write(figure, MARGIN_IN, top, f"{method['label']}: the best networks", weight="bold")
    for k, layer in enumerate(layer for layer in LAYERS if layer in set(rows.cortical_layer)):
        write(figure, MARGIN_IN + 3.5 + 0.5 * k, top, f"layer {layer}", color=LAYERS[layer][0])
    names = rows.drop_duplicates("place")
    ax = axes_at(figure, MARGIN_IN + 1.5, top + 0.25, 1.7, LINE_IN * len(names))
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="score")
    ax.set_yticks(range(len(names)), names.network)
    for label, colour in zip(ax.get_yticklabels(), COLOURS, strict=False):
        label.set(color=colour, weight="bold")
    whole = (rows.cortical_layer == WHOLE).all()
    shifts = rows.cortical_layer.map({layer: (k - 1.5) / 5 for k, layer in enumerate(LAYERS)}).fillna(0)
    colours = rows.cortical_layer.map({layer: colour for layer, (colour, _) in LAYERS.items()} | {WHOLE: "black"})
    draw_intervals(ax, rows.assign(place=rows.place - 1 + shifts, colour=colours.fillna("0.6"), open=False))
    no_ticks(ax)
    if whole:
        texts = [
            (score_words(row), rank_words(row), f"{row['layer']}: {row['layer_depth']:.2f}")
            for row in names.to_dict("records")
        ]
    else:
        texts = [(f"{mean:.3f}",) for mean in rows.groupby("place").estimate.mean()]
    columns = COLUMNS if whole else OF_PARTS
    write_columns(ax, pd.DataFrame(texts, columns=list(columns)).assign(place=range(len(names))), columns)
