"""A part of the report for each network: score by depth, scores and ranks, nearest relatives, what attests to it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dormouse.paper.depth_curves import depth_curves
from dormouse.paper.evidence import ALPHA, WORDS, is_main, span
from dormouse.paper.facts import Tables
from dormouse.paper.markup import html_table, network_id, network_links
from dormouse.paper.rankings import mean_scores
from dormouse.tables import WHOLE, whole_areas

SITE = ["area", "cortical_layer"]
N_RELATIVES = 5
FACTS = {  # columns of the table `models`: what a network is
    "family": "Family",
    "architecture": "Architecture",
    "task": "Task",
    "task_cluster": "Cluster of tasks",
    "training_data": "Trained on",
    "imagenet_top1": "Published ImageNet top-1, %",
    "n_parameters": "Parameters",
    "n_layers": "Layers",
    "n_features": "Features of all layers",
    "group": "Group",
}
ATTESTED = {  # and what attests to it
    "model": "Model",
    "source": "Source",
    "name": "Name in the source",
    "weights": "Weights",
    "weights_key": "Place of the weights in their file",
    "address": "Fetched from",
    "sha256": "SHA-256 of the file, published",
    "weights_sha256": "SHA-256 of the weights, as loaded",
    "seed": "Seed",
    "trained_share": "Share of tensors not distributed as random ones",
    "stimulus_set": "Images",
    "input": "Input",
    "transform_sha256": "SHA-256 of three fixed images, as it sees them",
    "fingerprint": "First outputs for these",
    "stimuli_sha256": "SHA-256 of all images, as it sees them",
    "precision": "Precision",
    "versions": "Versions",
}


def network_pages(tables: Tables, methods: Sequence[Mapping], areas: Sequence[str]) -> list[dict]:
    """Return what the report says of each network, in the order of the table `models`.

    Parameters
    ----------
    methods : rows of the methods that are set side by side
    areas : in the order of colours

    Returns
    -------
    id, name : of its part of the page
    standing : its mean score and rank by each method, in words
    facts, attested : names and values
    plots : score by depth, by each method
    scores, relatives : tables
    """
    models = tables["models"]
    standing, rows = _standings(tables, methods), _score_rows(tables, methods, areas)
    near, curves, links = _relatives(tables, methods), depth_curves(tables, methods, areas), network_links(models)
    pages = []
    for model in models.to_dict("records"):
        name, key = model["display_name"], model["model"]
        pages.append(
            {
                "id": network_id(key),
                "name": name,
                "standing": standing.get(key, "no scores"),
                "facts": _told(model, FACTS),
                "attested": _told(model, ATTESTED),
                "plots": curves.get(key, []),
                "scores": html_table(rows[key], f"Scores of {name}") if key in rows else "",
                "relatives": html_table(near[key], f"Networks with scores like {name}", links=links) if key in near else "",
            }
        )
    return pages


def _told(model: Mapping, names: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of a network by columns, as text."""
    known = {name: model[column] for column, name in names.items() if not pd.isna(model[column]) and model[column] != ""}
    return {name: f"{value:,.10g}" if isinstance(value, int | float) else value for name, value in known.items()}


def _standings(tables: Tables, methods: Sequence[Mapping]) -> dict[str, str]:
    """Return for each model its mean score and its rank by each method, in words."""
    means = mean_scores(tables["best_layers"])
    ranks = means.rank(ascending=False, method="min")
    said: dict[str, list[str]] = {model: [] for model in means.index}
    for method in methods:
        for model, score in means.get(method["method"], pd.Series(dtype=float)).dropna().items():
            rank, n = ranks.loc[model, method["method"]], means[method["method"]].count()
            said[model].append(f"{method['label']} {score:.3f}, rank {rank:.0f} of {n}")
    return {model: "; ".join(parts) for model, parts in said.items() if parts}


def _score_rows(tables: Tables, methods: Sequence[Mapping], areas: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return for each model the table of its scores, one row for each method and site."""
    best, intervals, tests = (whole_areas(tables[name]) for name in ("best_layers", "intervals", "permutation_tests"))
    at = ["method", "model", *SITE]
    main = intervals[is_main(intervals)][[*at, "statistic", "estimate", "low", "high", "rank", "rank_low", "rank_high"]]
    rows = best[[*at, "layer", "layer_depth", "score"]].merge(main, on=at, how="left")
    rows = rows.merge(tests[[*at, "q"]], on=at, how="left")
    order = {method["method"]: place for place, method in enumerate(methods)}
    rows = rows[rows.method.isin(order)]
    rows = rows.assign(m=rows.method.map(order), a=rows.area.map({area: place for place, area in enumerate(areas)}))
    rows = rows.sort_values(["m", "a", "cortical_layer"], kind="stable")
    labels = {method["method"]: method["label"] for method in methods}
    shown = pd.DataFrame(
        {
            "area": _sites(rows),
            "method": rows.method.map(labels),
            "score": rows.score,
            "best layer": rows.layer,
            "its depth": rows.layer_depth.map("{:.2f}".format),
            "estimate and 95 % interval": [
                "" if pd.isna(e) else f"{e:.3f} {span(low, high, 3)}"
                for e, low, high in zip(rows.estimate, rows.low, rows.high, strict=True)
            ],
            "of": rows.statistic.map(WORDS),
            "rank and 95 % interval": [
                "" if pd.isna(r) else f"{r:.0f} {span(low, high, 0)}"
                for r, low, high in zip(rows["rank"], rows.rank_low, rows.rank_high, strict=True)
            ],
            "above chance": ["" if pd.isna(q) else f"{'yes' if q < ALPHA else 'no'}, q = {q:.2g}" for q in rows.q],
        }
    )
    if len(set(shown["of"])) == 1:  # what all estimates are of stands once, at their head
        shown = shown.rename(columns={"estimate and 95 % interval": f"{shown['of'].iloc[0]}, 95 % interval"}).drop(
            columns="of"
        )
    told = shown.loc[:, (shown.notna() & (shown != "")).any()]
    return {str(model): told.loc[own.index] for model, own in rows.groupby("model", sort=False)}


def _sites(rows: pd.DataFrame) -> pd.Series:
    return (rows.area + " " + rows.cortical_layer).str.removesuffix(f" {WHOLE}")


def _relatives(tables: Tables, methods: Sequence[Mapping]) -> dict[str, pd.DataFrame]:
    """Return for each model the models whose scores are nearest: by the mean absolute difference over methods and sites."""
    best = whole_areas(tables["best_layers"])
    best = best[best.method.isin([method["method"] for method in methods])]
    scores = best.pivot(index="model", columns=["method", *SITE], values="score").dropna(axis="columns", how="all")
    models = tables["models"].set_index("model")
    apart = _told_apart(tables["differences"], methods)
    values, names = scores.to_numpy(), scores.index
    found = {}
    for place, model in enumerate(names):
        far = _mean_of_known(np.abs(values - values[place]))
        order = [other for other in np.argsort(far, kind="stable") if other != place and not np.isnan(far[other])]
        near = order[:N_RELATIVES]
        if near:
            found[str(model)] = pd.DataFrame(
                {
                    "network": [models.display_name[names[other]] for other in near],
                    "family": [models.family[names[other]] for other in near],
                    "weights": [models.weights[names[other]] for other in near],
                    "mean difference": far[near],
                    f"told apart (q < {ALPHA})": [apart.get(frozenset((model, names[other])), "not tested") for other in near],
                }
            )
    return found


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row over values that are known; NaN where none is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)


def _told_apart(differences: pd.DataFrame, methods: Sequence[Mapping]) -> dict[frozenset, str]:
    """Return for each two models at how many sites, by all methods together, they are told apart."""
    rows = whole_areas(differences[differences.method.isin([method["method"] for method in methods])])
    rows = rows[is_main(rows) & rows.q.notna()]
    counts = rows.assign(apart=rows.q < ALPHA).groupby(["model", "other"]).apart.agg(["sum", "count"])
    return {frozenset(pair): f"{apart} of {n}" for pair, apart, n in counts.itertuples(name=None)}
