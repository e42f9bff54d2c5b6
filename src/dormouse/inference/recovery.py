"""Which network did neurons come from? Neurons are simulated from layers of networks, and scored against all of them.

How often a method names the right network and the right layer is what the data can decide by it, at best: real neurons are no
random readout of a layer. How far it tells the true network's own family of architectures from others is its discriminability
(d' and the area under the ROC curve, as in arXiv 2509.04622).
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from dormouse.inference.layer_choice import draw_halves, split_by_images
from dormouse.inference.parts import of_area, side_by_side
from dormouse.inference.resampling import chosen_layers, entry_scores
from dormouse.inference.scorer import Scorer
from dormouse.inference.scorers import scorers
from dormouse.inference.simulated_neurons import mixed, readouts, recorded, unexplained
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.table import OTHER_IMAGES
from dormouse.tables import WHOLE

OF_TRIAL = ["method", "selection", "area", "cortical_layer", "simulation", "share"]
TRUE = ["model", "layer", "path", "layer_index", "layer_depth"]
NAMED = ["recovered", "recovered_layer", "recovered_index", "recovered_depth", "score", "best_score", "n_models"]
OF_METHOD = ["method", "selection", "area", "cortical_layer", "share"]
TOLD_APART = ["d_prime", "auc", "within", "between", "n_within", "n_between", "n_families"]
BLOCK_BYTES = 2**26  # size of the populations that are simulated at once


@dataclass(frozen=True)
class Candidate:
    """A network that neurons may come from, with some of its layers."""

    model: str
    family: str
    layers: pd.DataFrame  # from `scores.read_model`, of these layers
    kernels: ModelKernels  # of the same


def choose_networks(families: Mapping[str, str], n: int) -> list[str]:
    """Return at most n models: two of each of n // 2 families, then first ones of other families, in the order given.

    Families with two models or more come first, since only these show whether a method tells members of a family apart.

    Parameters
    ----------
    families : family of each model
    """
    members: dict[str, list[str]] = {}
    for model, family in families.items():
        members.setdefault(family, []).append(model)
    paired = [family for family, models in members.items() if len(models) > 1][: n // 2]
    chosen = [model for family in paired for model in members[family][:2]]
    others = [models[0] for family, models in members.items() if family not in paired]
    return [model for model in families if model in (chosen + others)[:n]]


def spread(n: int, k: int) -> np.ndarray:
    """Return the middles of k equal parts of n things in order, as indices; all where there are fewer than k."""
    return np.unique(((np.arange(k) + 0.5) * n / k).astype(int))[:n]


def candidate(model: str, family: str, layers: pd.DataFrame, kernels: ModelKernels, n_layers: int) -> Candidate:
    """Return a network with at most n_layers of its layers, evenly spaced among those that vary over the images."""
    varied = np.flatnonzero(layers.effective_dimension.notna())
    kept = varied[spread(len(varied), n_layers)]
    return Candidate(model, family, layers.iloc[kept], kernels.of_layers(kept).held())


def simulate(
    candidates: Sequence[Candidate], population: Mapping[str, np.ndarray], share: float, n_depths: int, seed: Sequence[int]
) -> Iterator[tuple[tuple[int, int], dict[str, np.ndarray]]]:
    """Yield candidate and layer that neurons come from, and these neurons, for some layers of each candidate.

    Parameters
    ----------
    population : from `populations.pool`, of one area
    share : share of the variance of a neuron's signal that the layer explains
    n_depths : number of layers of each candidate
    """
    rng = np.random.default_rng(seed)
    own = unexplained(population, rng)
    for k, found in enumerate(candidates):
        for layer in spread(len(found.layers), n_depths):
            (of_layer,) = found.kernels.reading(["centred"]).of_layers([layer]).blocks()
            given = (of_layer[name][0] for name in ("centred", "row_sum", "n_features"))
            odd, even = recorded(population, mixed(share, readouts(*given, own.shape[1], rng), own), rng)
            yield (k, int(layer)), {"mean": (odd + even) / 2, "odd": odd, "even": even}


def best_of(scorer: Scorer, n_halves: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the layer that represents the model at each pooled site, and its score, each (n_pooled,); see `assess`."""
    n, parts, splits = scorer.n_pooled, None, {}
    whole = scorer.scores(first=n)
    if scorer.row["choice"] == OTHER_IMAGES:
        parts = scorer.splits(draw_halves(scorer.n_images, n_halves, seed), n)
        splits = {(site, OTHER_IMAGES): split_by_images(whole, parts, site) for site in range(n)}
    layers = chosen_layers(scorer, whole, splits)
    return layers, entry_scores(scorer, layers, whole, parts)


def recover(
    candidates: Sequence[Candidate],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
    choice: Mapping,
    settings: Mapping,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables `recovery` and `discriminability`, without `differs`.

    Parameters
    ----------
    candidates : from `candidate`, each with a layer at least
    targets, methods, stimuli, min_neurons : as in `scorer.scorers`
    choice : `n_halves` of the images and `seed`, for the choice of layers
    settings : `share`, `n_depths` and `n_simulations`
    seed : of the simulations

    They are of whole areas, with the neurons of all animals together. Both are empty where the data set gives similarities:
    these have neither numbers of neurons nor noise to simulate.
    """
    rows, apart = [], []
    if candidates and len({one.family for one in candidates}) == len(candidates):
        print("No family has two networks, so none is told from others (table discriminability).", file=sys.stderr)
    for selection, target in targets.items():
        own = {name: row for name, row in methods.items() if row["selection"] == selection}
        if why := _why_not(candidates, target):
            print(f"{', '.join(own)}: no neurons are simulated, because {why}.", file=sys.stderr)
            continue
        for area in dict.fromkeys(target["area"]):
            place = {"selection": selection, "area": str(area), "cortical_layer": WHOLE, "share": settings["share"]}
            truths: list[tuple[int, int]] = []
            scores: dict[str, list[np.ndarray]] = {name: [] for name in own}
            for simulation, batch in _simulations(candidates, of_area(target, area), settings, seed):
                of_batch, parts = zip(*batch, strict=True)
                truths += of_batch
                data = {selection: side_by_side(parts)}, own, stimuli, min_neurons
                for name, (layers, found) in score_all(candidates, *data, choice).items():
                    named = place | {"method": name, "simulation": simulation}
                    rows += [named | row for row in recovered(candidates, of_batch, layers, found)]
                    scores[name].append(found)
            told = {name: told_apart(candidates, truths, np.concatenate(of, axis=1)) for name, of in scores.items()}
            apart += [place | {"method": name} | row for name, row in told.items()]
    return pd.DataFrame(rows, columns=[*OF_TRIAL, *TRUE, *NAMED]), pd.DataFrame(apart, columns=[*OF_METHOD, *TOLD_APART])


def _simulations(
    candidates: Sequence[Candidate], population: Mapping[str, np.ndarray], settings: Mapping, seed: int
) -> Iterator[tuple[int, list[tuple]]]:
    """Yield the number of each simulation, and what it draws, as many populations at once as memory is meant for."""
    at_once = max(1, BLOCK_BYTES // population["mean"].nbytes)
    for simulation in range(settings["n_simulations"]):
        drawn = simulate(candidates, population, settings["share"], settings["n_depths"], [seed, simulation])
        while batch := list(islice(drawn, at_once)):
            yield simulation, batch


def _why_not(candidates: Sequence[Candidate], target: Mapping[str, np.ndarray]) -> str:
    """Return in words why no neurons can be simulated, or nothing."""
    if "mean" not in target:
        return "the data set gives similarities"
    return "" if candidates else "the run has no network but noise, or features of none vary over the images"


def score_all(
    candidates: Sequence[Candidate],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
    choice: Mapping,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return layer and score of each candidate at each pooled site, each (n_candidates, n_sites), by method."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in methods}
    for one in candidates:
        for scorer in scorers(one.kernels, targets, methods, stimuli, min_neurons):
            found[scorer.name].append(best_of(scorer, **choice))
    return {name: tuple(map(np.stack, zip(*pairs, strict=True))) for name, pairs in found.items()}


def recovered(
    candidates: Sequence[Candidate], truths: Sequence[tuple[int, int]], layers: np.ndarray, scores: np.ndarray
) -> Iterator[dict]:
    """Yield a row of the table `recovery`, without its place, for each population that was simulated.

    Parameters
    ----------
    truths : candidate and layer that each population is from
    layers, scores : (n_candidates, n_populations), from `score_all`
    """
    for k, (true, layer) in enumerate(truths):
        row = {"model": candidates[true].model} | candidates[true].layers.iloc[layer][TRUE[1:]].to_dict()
        row |= {"score": scores[true, k], "best_score": np.fmax.reduce(scores[:, k]), "n_models": len(candidates)}
        if not np.isnan(row["best_score"]):
            best = int(np.nanargmax(scores[:, k]))
            named = candidates[best].layers.iloc[layers[best, k]]
            row |= {"recovered": candidates[best].model, "recovered_layer": named.layer}
            row |= {"recovered_index": named.layer_index, "recovered_depth": named.layer_depth}
        yield row


def told_apart(candidates: Sequence[Candidate], truths: Sequence[tuple[int, int]], scores: np.ndarray) -> dict:
    """Return a row of the table `discriminability`, without its place.

    Parameters
    ----------
    truths, scores : of all simulations, as in `recovered`
    """
    family, model = np.array([one.family for one in candidates]), np.arange(len(candidates))
    true = np.array([k for k, _ in truths])
    same = family[:, None] == family[true]
    others = same & (model[:, None] != true)
    within, between = (part[~np.isnan(part)] for part in (scores[others], scores[~same]))
    d_prime, auc = separation(within, between)
    means = {"within": _mean(within), "between": _mean(between), "n_within": len(within), "n_between": len(between)}
    return {"d_prime": d_prime, "auc": auc} | means | {"n_families": len(set(family))}


def separation(within: np.ndarray, between: np.ndarray) -> tuple[float, float]:
    """Return d' and the area under the ROC curve of two samples of scores; NaN where one has fewer than two.

    d' is the difference of their means over the root of their mean variance; the area is how often a score of the first is
    above one of the second, a tie counting half (Mann & Whitney).
    """
    if min(len(within), len(between)) < 2:
        return np.nan, np.nan
    spread_of = np.sqrt((within.var(ddof=1) + between.var(ddof=1)) / 2)
    n, ranks = len(within), rankdata(np.concatenate([within, between]))
    auc = (ranks[:n].sum() - n * (n + 1) / 2) / (n * len(between))
    return float((within.mean() - between.mean()) / spread_of) if spread_of > 0 else np.nan, float(auc)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan
