"""How scores grow with images, neurons and trials: the layers that were chosen on all data, scored on parts of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from dormouse.inference.parts import of_area, side_by_side
from dormouse.inference.scorer import Scorer
from dormouse.inference.scorers import scorers
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.table import FEWEST_IMAGES, FEWEST_IN_FOLD, USER
from dormouse.neurons.populations import FIRST_TRIALS
from dormouse.tables import whole_areas

IMAGES, NEURONS, TRIALS = "images", "neurons", "trials"
OF_SITE = ["method", "selection", "area", "cortical_layer", "model", "layer", "path", "layer_index", "layer_depth"]
CURVE = [*OF_SITE, "axis", "n", "equal", "mean", "sd", "n_draws"]


def best_models(best: pd.DataFrame, method: str, n: int) -> list[str]:
    """Return the n models that score highest by a method, mean over whole areas, best first."""
    own = whole_areas(best[best.method == method])
    return list(own.groupby("model", sort=False).score.mean().dropna().sort_values(ascending=False, kind="stable").index[:n])


def draws(population: Mapping[str, np.ndarray], least: int, settings: Mapping, min_neurons: int, seed: int) -> Iterator[tuple]:
    """Yield axis, size and responses of each part of the neurons or of the trials of an area, and of all of them.

    Parameters
    ----------
    population : from `populations.pool`, of one area, with `first`
    least : number of neurons of the area with the fewest
    settings : `neurons`, numbers to draw, and `n_draws` of each
    """
    n, rng = population["mean"].shape[1], np.random.default_rng(seed)
    halves = {trials: population[trials] for trials in ("mean", "odd", "even")}
    for size in sorted({*(k for k in settings[NEURONS] if min_neurons <= k < n), min(least, n)} - {n}):
        for _ in range(settings["n_draws"]):
            drawn = rng.permutation(n)[:size]
            yield NEURONS, size, {trials: values[:, drawn] for trials, values in halves.items()}
    yield NEURONS, n, halves
    n_trials = int(population["n_trials"].min())
    for size, mean in zip(FIRST_TRIALS, population["first"], strict=True):
        if size < n_trials:
            yield TRIALS, size, {"mean": mean, "odd": mean, "even": mean}
    yield TRIALS, n_trials, halves


def over_images(scorer: Scorer, settings: Mapping, seed: int) -> Iterator[tuple[str, int, float]]:
    """Yield axis, size and score of each part of the images, and of all of them, for the first layer and site.

    Parameters
    ----------
    settings : `images`, numbers to draw, and `n_draws` of each; numbers that are too few for the method are left out, and all
        of them where the method names the fold of each image
    """
    folds = 0 if scorer.row.get("source") == USER else scorer.row["settings"].get("folds", 0)
    fewest = np.inf if isinstance(folds, list) else max(FEWEST_IMAGES, folds * FEWEST_IN_FOLD)
    rng = np.random.default_rng(seed)
    for size in sorted(k for k in settings[IMAGES] if fewest <= k < scorer.n_images):
        for _ in range(settings["n_draws"]):
            yield IMAGES, size, scorer.scores(np.sort(rng.permutation(scorer.n_images)[:size]), first=1)[0, 0]
    yield IMAGES, scorer.n_images, scorer.scores(first=1)[0, 0]


def over_parts(scorer_of: Callable[[Mapping], Scorer], parts: Sequence[tuple]) -> list[tuple[str, int, float]]:
    """Return axis, size and score of each of the parts from `draws`."""
    scorer = scorer_of(side_by_side([responses for *_, responses in parts]))
    scores = scorer.scores(first=scorer.n_pooled)[0]
    return [(axis, size, score) for (axis, size, _), score in zip(parts, scores, strict=True)]


def learning_curves(
    models: Iterable[tuple[str, ModelKernels]],
    best: pd.DataFrame,
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
    settings: Mapping,
    seed: int,
) -> pd.DataFrame:
    """Return the table `learning_curves`, without `differs`.

    Parameters
    ----------
    models : name and kernels of each model, from `scores.read_model`, visited once
    best : rows of `best_layers`, of these models by some methods, whose layers are held fixed
    targets, methods, stimuli, min_neurons : as in `scorer.scorers`; targets of neurons with `first`
    settings : `images` and `neurons`, numbers to draw, and `n_draws` of each
    seed : of the draws, which are the same for all models

    Similarities have curves over images alone.
    """
    parts = []
    for model, kernels in models:
        for row in whole_areas(best[best.model == model]).to_dict("records"):
            one = kernels.of_layers([row["layer_index"] - 1]).held()
            target = targets[row["selection"]]
            site, least = part_at(target, row["area"], row["cortical_layer"]), least_neurons(target)
            scorer_of = partial(_scorer, one, row, methods[row["method"]], stimuli, min_neurons)
            found = list(over_images(scorer_of(side_by_side([site]) if least else site), settings, seed))
            if least:
                found += over_parts(scorer_of, list(draws(site, least, settings, min_neurons, seed)))
            table = pd.DataFrame(found, columns=["axis", "n", "score"]).groupby(["axis", "n"], sort=False).score
            table = table.agg(mean="mean", sd="std", n_draws="size").reset_index()
            table["equal"] = (table.axis == NEURONS) & (table.n == least)
            parts.append(table.assign(**{key: row[key] for key in OF_SITE}))
    return pd.concat(parts, ignore_index=True)[CURVE] if parts else pd.DataFrame(columns=CURVE)


def _scorer(
    kernels: ModelKernels, place: Mapping, method: Mapping, stimuli: Sequence[str], min_neurons: int, target: Mapping
) -> Scorer:
    (scorer,) = scorers(kernels, {place["selection"]: target}, {place["method"]: method}, stimuli, min_neurons)
    return scorer


def part_at(target: Mapping[str, np.ndarray], area: str, cortical_layer: str) -> dict[str, np.ndarray]:
    """Return the neurons of an area, or the similarities of one site."""
    if "mean" in target:
        return of_area(target, area)
    (place,) = np.flatnonzero((target["area"] == area) & (target["cortical_layer"] == cortical_layer))
    return {name: values[[place]] for name, values in target.items()}


def least_neurons(target: Mapping[str, np.ndarray]) -> int:
    """Return the number of neurons of the area with the fewest; 0 where there are similarities."""
    return int(np.unique(target["area"], return_counts=True)[1].min()) if "mean" in target else 0
