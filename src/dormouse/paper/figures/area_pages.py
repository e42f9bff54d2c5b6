"""The pages of areas: for each its neurons, the best networks, their scores over depth, and what its data can decide."""

import pandas as pd

from dormouse.paper.depths import best_layers_at, depth_curves
from dormouse.paper.evidence import ALPHA, is_main, numbers
from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.figures.page_parts import (
    LINE_IN,
    MARGIN_IN,
    axes_at,
    draw_intervals,
    new_page,
    no_ticks,
    span,
    write,
    write_columns,
    write_facts,
)
from dormouse.paper.figures.scores import LAYERS, site_ceilings
from dormouse.paper.figures.style import DOUBLE_IN, NotDrawn, plt, sns
from dormouse.tables import WHOLE, whole_areas

N_BINS = 50  # of depth
N_BEST, N_CURVES = 12, 5  # networks that have a row, and a curve
SCORE, CURVE, BEST, PARTS, FACT = "score", "mean score in a bin of depth", "best layer", "score on parts", "fact"  # marks
CURVE_IN, PARTS_IN = 1.6, 0.9  # heights of panels
PARTS_LEFT_IN = DOUBLE_IN - MARGIN_IN - 3  # place of the scores on parts of the data
COLOURS = sns.color_palette("colorblind", N_CURVES)
SHADES = ("black", "0.55", *["0.75"] * 9)  # of methods
COLUMNS = {"score [95 % interval]": 1.03, "rank [95 % interval]": 1.6, "best layer: depth": 2.18}  # and places
OF_PARTS = {"mean over layers": 1.03}
AT = ["method", "model", "cortical_layer"]


def data(tables: Tables, area: str) -> pd.DataFrame:
    """Return by the methods shown side by side the scores of the best networks, their curves, and facts of the area."""
    methods = [row["method"] for row in shown_methods(tables)]
    names = tables["models"].set_index("model").display_name
    best, scores, intervals, curves = (
        _at(tables[name], area, methods) for name in ("best_layers", "scores", "intervals", "learning_curves")
    )
    best = whole_areas(best).dropna(subset="score")
    if not len(best):
        raise NotDrawn("no network has a score in the area.")
    main = intervals[is_main(intervals)]
    main = main[[*AT, "statistic", "over", "estimate", "low", "high", "rank", "rank_low", "rank_high"]]
    rows = best[[*AT, "score", "layer", "layer_depth"]].merge(main, on=AT, how="left")
    rows = rows.assign(estimate=rows.estimate.fillna(rows.score))
    limits = [site_ceilings(tables["ceilings"], row).assign(method=row["method"]) for row in shown_methods(tables)]
    limits = pd.concat(limits)
    limits = limits[limits.area == area]
    rows = rows.merge(limits[["method", "cortical_layer", "ceiling"]], on=["method", "cortical_layer"], how="left")
    means = rows.groupby(["method", "model"]).estimate.mean()
    place = means.groupby("method").rank(ascending=False, method="first").rename("place").astype(int).reset_index()
    shown, five = place[place.place <= N_BEST], place[place.place <= N_CURVES]
    of_five = depth_curves(scores, N_BINS).drop(columns="area").merge(five, on=["method", "model"])
    dots = best_layers_at(best, scores).drop(columns="area").merge(five, on=["method", "model"])
    parts = {
        SCORE: rows.merge(shown, on=["method", "model"]),
        CURVE: of_five,
        BEST: dots[dots.cortical_layer == WHOLE],
        PARTS: curves[[*AT, "axis", "n", "mean", "sd"]].dropna(subset="mean"),
        FACT: pd.DataFrame(_facts(tables, area, limits).items(), columns=["fact", "value"]),
    }
    found = pd.concat([part.assign(mark=mark) for mark, part in parts.items() if len(part)], ignore_index=True)
    return found.assign(display_name=found.model.map(names)).sort_values(["mark", "method", "place"], kind="stable")


def plot(tables: Tables, area: str) -> plt.Figure:
    """Draw a page: facts and curves over parts of the data, curves over depth, and the scores of the best networks."""
    marks, methods = data(tables, area), [row for row in shown_methods(tables)]
    methods = [row for row in methods if row["method"] in set(marks.method)]
    n_rows = int(marks.place.max())
    height = 3 + CURVE_IN + (0.75 + LINE_IN * n_rows) * len(methods)
    figure = new_page(height, area, run_facts(tables["run"])["title"])
    facts = marks[marks.mark == FACT].set_index("fact").value
    end = write_facts(figure, MARGIN_IN, 0.72, facts.to_dict(), 38)
    parts = marks[marks.mark == PARTS]
    kinds = [kind for kind in ("images", "neurons") if kind in set(parts.axis)]
    for k, kind in enumerate(kinds):
        ax = axes_at(figure, PARTS_LEFT_IN + 1.7 * k, 0.95, 1.25, PARTS_IN)
        _draw_parts(ax, parts[parts.axis == kind], kind, methods)
    for k, row in enumerate(methods if kinds else []):
        write(figure, PARTS_LEFT_IN, 0.72 + LINE_IN * k, f"{row['label']}, on parts of the data", color=SHADES[k])
    top = max(end, 0.95 + PARTS_IN + 0.45) + 0.15
    width = (DOUBLE_IN - 2 * MARGIN_IN) / len(methods)
    for k, row in enumerate(methods):
        ax = axes_at(figure, MARGIN_IN + 0.2 + k * width, top + 0.1, width - 0.4, CURVE_IN)
        _draw_curves(ax, marks[marks.method == row["method"]], row)
    top += CURVE_IN + 0.6
    for row in methods:
        own = marks[(marks.method == row["method"]) & (marks.mark == SCORE)]
        write(figure, MARGIN_IN, top, f"{row['label']}: the best networks", weight="bold")
        for k, layer in enumerate(layer for layer in LAYERS if layer in set(own.cortical_layer)):
            write(figure, MARGIN_IN + 3.5 + 0.5 * k, top, f"layer {layer}", color=LAYERS[layer][0])
        n = own.place.max()
        _draw_scores(axes_at(figure, MARGIN_IN + 1.5, top + 0.25, 1.7, LINE_IN * n), own)
        top += 0.75 + LINE_IN * n
    return figure


def _at(table: pd.DataFrame, area: str, methods: list[str]) -> pd.DataFrame:
    own = table[table.area == area]
    return own[own.method.isin(methods)]


def _facts(tables: Tables, area: str, limits: pd.DataFrame) -> dict[str, str]:
    """Return what is known of an area in words, by name; nothing of what is not known."""
    facts, neurons, tests = {}, tables["neurons"], tables["permutation_tests"]
    for selection, own in neurons[neurons.area == area].groupby("selection"):
        kept = own[own.kept]
        told = f"{len(kept)} of {len(own)} kept, of {kept.animal.nunique()} animals"
        facts[f"neurons ({selection})"] = f"{told}; median reliability of these {kept.reliability.median():.2f}"
    for row in shown_methods(tables):
        own, tested = whole_areas(limits[limits.method == row["method"]]), whole_areas(_at(tests, area, [row["method"]]))
        words = [f"noise ceiling {_ends(own.ceiling)}"] if own.ceiling.notna().any() else []
        words += [f"other animals {_ends(own.inter_animal)}"] if own.inter_animal.notna().any() else []
        power = whole_areas(_at(tables["power"], area, [row["method"]]))
        power = power[power.own].dropna(subset="smallest")
        words += [f"finds a difference of {_ends(power.smallest)} in 4 of 5 studies" for _ in power[:1].index]
        q, n = tested.dropna(subset="q").groupby("model").q.min(), numbers(tested.n_permutations)
        enough = 1 / (tested.n_permutations.max() + 1) < ALPHA if len(tested) else False
        above = f"{(q < ALPHA).sum()} of {len(q)} networks above chance (q < {ALPHA}, {n} permutations)"
        words += [above if enough else f"{n} permutations are too few to tell networks from chance"] if len(q) else []
        facts[row["label"]] = "; ".join(words)
    return facts


def _ends(values: pd.Series) -> str:
    """Return one number, or the ends of some, as text."""
    return " to ".join(dict.fromkeys(f"{end:.2f}" for end in (values.min(), values.max())))


def _draw_parts(ax: plt.Axes, parts: pd.DataFrame, kind: str, methods: list[dict]) -> None:
    """Draw the scores of networks on parts of the data: a line per method and network, mean over sites."""
    look = {"elinewidth": 0.5, "marker": "o", "markersize": 2}
    for row, colour in zip(methods, SHADES, strict=False):
        own = parts[parts.method == row["method"]].groupby(["model", "n"], as_index=False)[["mean", "sd"]].mean()
        for _, line in own.groupby("model"):
            ax.errorbar(line.n, line["mean"], line.sd.fillna(0), color=colour, **look)
    ax.set(xlabel=kind, ylabel="score" if kind == "images" else "", xscale="log")
    ticks = sorted(parts.n.unique())
    ticks = ticks[:: -(-len(ticks) // 3)]
    ax.set_xticks(ticks, [f"{n:.0f}" for n in ticks])
    ax.minorticks_off()


def _draw_curves(ax: plt.Axes, marks: pd.DataFrame, method: dict) -> None:
    """Draw scores over depth of the best networks, and their best layers, in the colours of their names below."""
    for place, line in marks[marks.mark == CURVE].groupby("place"):
        ax.plot(line.layer_depth, line.score, color=COLOURS[int(place) - 1])
    for place, dots in marks[marks.mark == BEST].groupby("place"):
        ax.plot(dots.layer_depth, dots.score, "o", color=COLOURS[int(place) - 1])
    if method["null_score"] is not None:
        ax.axhline(method["null_score"], color="black", linewidth=0.5, zorder=0)
    ax.set(title=method["label"], xlabel="depth of the layer", ylabel="score", xlim=(0, 1.02))


def _draw_scores(ax: plt.Axes, rows: pd.DataFrame) -> None:
    """Draw a row for each network: the score of the whole area, or those of its layers."""
    whole = (rows.cortical_layer == WHOLE).all()
    shifts = rows.cortical_layer.map({layer: (k - 1.5) / 5 for k, layer in enumerate(LAYERS)}).fillna(0)
    colours = rows.cortical_layer.map({layer: colour for layer, (colour, _) in LAYERS.items()})
    shown = rows.assign(place=rows.place - 1 + shifts, open=False, colour=["black"] * len(rows) if whole else colours)
    names = rows.drop_duplicates("place").sort_values("place")
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="score")
    ax.set_yticks(range(len(names)), names.display_name)
    for label, colour in zip(ax.get_yticklabels(), COLOURS, strict=False):
        label.set(color=colour, weight="bold")
    draw_intervals(ax, shown)
    no_ticks(ax)
    if whole:
        texts = [
            (
                f"{row['estimate']:.3f} {span(row['low'], row['high'], 3)}",
                "" if pd.isna(row["rank"]) else f"{row['rank']:.0f} {span(row['rank_low'], row['rank_high'], 0)}",
                f"{row['layer']}: {row['layer_depth']:.2f}",
            )
            for row in names.to_dict("records")
        ]
        columns = COLUMNS
    else:
        texts, columns = [(f"{mean:.3f}",) for mean in rows.groupby("place").estimate.mean()], OF_PARTS
    write_columns(ax, pd.DataFrame(texts, columns=list(columns)).assign(place=range(len(names))), columns)
