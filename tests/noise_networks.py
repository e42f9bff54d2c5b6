"""Networks and neurons that know nothing of the images, and the layers that are chosen among them."""

import numpy as np
import pandas as pd
from scoring import layers_of

from dormouse.inference.layer_choice import other_images
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.methods.splits import rdm_splits, response_splits
from dormouse.neurons.populations import site_rdms

ROW = {"selection": "strict", "images": "all"}
RSA = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
LEFT_OUT = ROW | {"family": "ridge", "kernels": ["gram"], "target": "responses", "settings": {"penalty": 1.0}}
FOLDS = LEFT_OUT | {"settings": {"folds": 4, "seed": 1, "penalties": [0.1, 10.0]}}
N_IMAGES = 24


def names(n_images: int) -> list[str]:
    return [f"scene_{k}" for k in range(n_images)]


def kernels_of(features: list[np.ndarray]) -> dict[str, np.ndarray]:
    centred = [X - X.mean(axis=1, keepdims=True) for X in features]
    return {
        "centred": np.stack([C @ C.T for C in centred]),
        "row_sum": np.stack([X.sum(axis=1) for X in features]),
        "n_features": np.array([X.shape[1] for X in features]),
    }


def noise(
    n_layers: int, seed: int, n_neurons: int = 12, n_images: int = N_IMAGES
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Return the features of every layer, (n_images, 40), and a population of one area."""
    rng = np.random.default_rng(seed)
    named = {"recording": "one", "animal": "m1", "area": "VISp", "cortical_layer": "4"}
    population = {key: np.full(n_neurons, value) for key, value in named.items()}
    population |= {"mean": rng.standard_normal((n_images, n_neurons)), "neuron": np.arange(n_neurons).astype(str)}
    return [rng.standard_normal((n_images, 40)) for _ in range(n_layers)], population


def choices_by_rsa(features: list[np.ndarray], population: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the table of layers that RSA chooses on other images, in 20 halves."""
    kernels, targets, stimuli = kernels_of(features), {"strict": site_rdms(population, 3)}, names(len(features[0]))
    scores = score_rdms(layers_of(kernels), kernels, targets, {"rsa": RSA}, stimuli).assign(model="net")
    return other_images(scores, rdm_splits(kernels, targets, {"rsa": RSA}, stimuli, n_halves=20, seed=0))


def choices_by_ridge(features: list[np.ndarray], population: dict[str, np.ndarray], row: dict) -> pd.DataFrame:
    """Return the table of layers that a row of ridge regression chooses on other images."""
    kernels = kernels_of(features)
    given = kernels, {"strict": population}, {"ridge": row}, names(len(features[0])), 3
    scores = score_responses(layers_of(kernels), *given)[1].assign(model="net")
    return other_images(scores, response_splits(*given, n_halves=10, seed=0))


def of_area(choices: pd.DataFrame) -> pd.DataFrame:
    """Return one row of the whole area."""
    return choices[choices.cortical_layer == "all"].drop_duplicates("cortical_layer")
