"""Simulated experiments: images, animals, neurons and trials are drawn anew, two networks stay as they are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dormouse.inference.comparison import differences, intervals
from dormouse.inference.resampling import resample
from dormouse.inference.scorers import scorers

N_SHARED, N_OWN, N_FEATURES = 12, 8, 150
SPECTRUM = 1 / np.sqrt(np.arange(1, N_SHARED + 1))  # of the latents that animals and networks share
TRIAL_NOISE, N_TRIALS = 3.0, 25  # sd of single trials; a neuron's signal has 1
ROW = {"selection": "strict", "images": "all", "choice": "same_data"}
RSA = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
LEFT_OUT = ROW | {"family": "ridge", "kernels": ["gram"], "target": "responses", "settings": {"penalty": 10.0}}
FOLDS = LEFT_OUT | {"settings": {"folds": 5, "seed": 0, "penalties": [0.01, 0.1, 1.0, 10.0]}}


def images_and_networks(rng: np.random.Generator, n_images: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return new images, as latents (n_images, N_SHARED), and the features of two networks, one layer each.

    Both networks share latents with the animals, the second one less. They have others of their own, of which both have half.
    The weights of the networks are always the same.
    """
    weights, shared = np.random.default_rng(0), rng.standard_normal((n_images, N_SHARED)) * SPECTRUM
    own = rng.standard_normal((3, n_images, N_OWN // 2)) / 2
    latents = [np.hstack([share * shared, own[0], own[k]]) for k, share in ((1, 0.8), (2, 0.6))]
    return shared, [np.maximum(L @ weights.standard_normal((N_SHARED + N_OWN, N_FEATURES)) + 0.5, 0) for L in latents]


# how much the latents of an animal's own count: some animals share nearly all with the networks, and some nothing; or most
# are alike
SHARES = {"uneven": lambda rng: rng.uniform(0.2, 1.0), "alike": lambda rng: rng.normal(0.5, 0.07)}


def animal(rng: np.random.Generator, animals: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return loadings of 30 to 80 neurons on shared latents and on those of the animal, and how much these count."""
    n = rng.integers(30, 81)
    return rng.standard_normal((N_SHARED, n)), rng.standard_normal((N_OWN, n)), SHARES[animals](rng)


def responses(rng: np.random.Generator, shared: np.ndarray, drawn: Sequence[tuple]) -> dict[str, np.ndarray]:
    """Return the population of some animals, from `animal`, means over trials."""
    parts, names = [], []
    for k, (loadings, of_animal, share) in enumerate(drawn):
        own = rng.standard_normal((len(shared), N_OWN)) / np.sqrt(N_OWN)
        signal = (1 - share) * shared @ loadings + share * own @ of_animal + 0.3 * rng.standard_normal(loadings.shape[1])
        noise = TRIAL_NOISE / np.sqrt(N_TRIALS) * rng.standard_normal(signal.shape)
        parts.append(signal / signal.std(axis=0) + noise)
        names += [f"m{k}"] * signal.shape[1]
    return population_of(np.hstack(parts), names)


def population_of(Y: np.ndarray, animals: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of `populations.pool` for one area of which the cortical layers are unknown."""
    named = {"recording": "one", "area": "VISp", "cortical_layer": ""}
    arrays = {key: np.full(Y.shape[1], value) for key, value in named.items()}
    neurons = {"animal": np.array(animals), "neuron": np.arange(Y.shape[1]).astype(str)}
    return arrays | neurons | {"mean": Y, "odd": Y, "even": Y}


def kernels_of(features: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a method can read of layers, (n_images, n_features) each."""
    centred = [X - X.mean(axis=1, keepdims=True) for X in features]
    return {
        "centred": np.stack([C @ C.T for C in centred]),
        "row_sum": np.stack([X.sum(axis=1) for X in features]),
        "n_features": np.array([X.shape[1] for X in features]),
    }


def resamples(
    features: Sequence[np.ndarray],
    population: Mapping[str, np.ndarray],
    methods: Mapping[str, Mapping],
    n_boot: int,
    seed: int,
) -> list[dict[str, dict[str, np.ndarray]]]:
    """Return for each network, of one layer, the arrays that `comparison` reads, by method."""
    of_networks = []
    for X in features:
        given = kernels_of([X]), {"strict": population}, methods, [f"scene_{k}" for k in range(len(X))], 3
        arrays = {}
        for scorer in scorers(*given):
            whole, layer = scorer.scores(), np.zeros(scorer.n_pooled, int)
            found = resample(scorer, layer, whole[0], whole, n_boot=n_boot, n_halves=n_boot, seed=seed)
            labels = {"method": scorer.name, "selection": "strict", "area": "VISp", "cortical_layer": "all"}
            arrays[scorer.name] = (
                found | {key: np.array([value]) for key, value in labels.items()} | {"layer_index": layer + 1}
            )
        of_networks.append(arrays)
    return of_networks


def experiment(
    n_animals: int,
    seed: int,
    methods: Mapping[str, Mapping],
    n_images: int = 80,
    n_boot: int = 200,
    animals: str = "uneven",
    animals_seed: int | None = None,
) -> pd.DataFrame:
    """Return the intervals of both networks and of their difference in one experiment.

    Parameters
    ----------
    animals : a key of `SHARES`
    animals_seed : draws the same animals whatever the experiment; None for other animals in each
    """
    rng = np.random.default_rng([seed, n_animals])
    of_animals = rng if animals_seed is None else np.random.default_rng(animals_seed)
    shared, features = images_and_networks(rng, n_images)
    population = responses(rng, shared, [animal(of_animals, animals) for _ in range(n_animals)])
    arrays, parts = resamples(features, population, methods, n_boot, seed), []
    for method in methods:
        of_method = [of_network[method] for of_network in arrays]
        parts.append(intervals(of_method, ["first", "second"]).rename(columns={"model": "of"}))
        parts.append(
            differences(of_method, ["first", "second"]).rename(columns={"difference": "estimate"}).assign(of="difference")
        )
    return pd.concat(parts, ignore_index=True)[["method", "statistic", "of", "estimate", "sem", "low", "high"]]


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Return how often intervals hold the truth, which is the mean of all estimates, of many `experiment`s."""
    groups = table.groupby(["method", "statistic", "of"], sort=False)
    truth = groups.estimate.transform("mean")
    held = table.assign(covered=(table.low <= truth) & (truth <= table.high), variance=table["sem"] ** 2)
    held = held.groupby(["method", "statistic", "of"], sort=False)
    found = held.agg(n=("estimate", "count"), score=("estimate", "mean"), sd=("estimate", "std"), covered=("covered", "mean"))
    return found.assign(sem=np.sqrt(held.variance.mean())).reset_index()
