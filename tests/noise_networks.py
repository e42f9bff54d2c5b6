"""Networks and neurons that know nothing of the images, and the layers that are chosen among them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from experiments import kernels_of
from scoring import layers_of

from dormouse.inference.assessment import OF_SITE, assess
from dormouse.inference.layer_choice import OTHER_IMAGES
from dormouse.inference.scorers import scorers

ROW = {"selection": "strict", "images": "all", "choice": OTHER_IMAGES}
RSA = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
LEFT_OUT = ROW | {"family": "ridge", "kernels": ["gram"], "target": "responses", "settings": {"penalty": 1.0}}
FOLDS = LEFT_OUT | {"settings": {"folds": 4, "seed": 1, "penalties": [0.1, 10.0]}}
N_IMAGES = 24


def names(n_images: int) -> list[str]:
    return [f"scene_{k}" for k in range(n_images)]


def noise(
    n_layers: int, seed: int, n_neurons: int = 12, n_images: int = N_IMAGES
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Return the features of every layer, (n_images, 40), and a population of one area."""
    rng = np.random.default_rng(seed)
    named = {"recording": "one", "animal": "m1", "area": "VISp", "cortical_layer": "4"}
    population = {key: np.full(n_neurons, value) for key, value in named.items()}
    population |= {"mean": rng.standard_normal((n_images, n_neurons)), "neuron": np.arange(n_neurons).astype(str)}
    population |= {"odd": population["mean"], "even": population["mean"]}
    return [rng.standard_normal((n_images, 40)) for _ in range(n_layers)], population


def choices(features: list[np.ndarray], population: Mapping[str, np.ndarray], row: Mapping, n_halves: int) -> pd.DataFrame:
    """Return the table of layers that a row of methods chooses on other images."""
    kernels, stimuli = kernels_of(features), names(len(features[0]))
    found = scorers(kernels, {"strict": population}, {"row": row}, stimuli, 3)
    resampling = {"n_boot": 2, "n_halves": 2, "n_neurons": 1, "seed": 0}
    given = {"n_halves": n_halves, "seed": 0}, resampling, {"rdm": 0, "responses": 0}
    table, _, _ = assess(layers_of(kernels), found, *given)
    return table[table.choice == OTHER_IMAGES].reset_index(drop=True)


def choices_by_rsa(features: list[np.ndarray], population: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the table of layers that RSA chooses on other images, in 20 halves."""
    return choices(features, population, RSA, 20)


def choices_by_ridge(features: list[np.ndarray], population: Mapping[str, np.ndarray], row: Mapping) -> pd.DataFrame:
    """Return the table of layers that a row of ridge regression chooses on other images."""
    return choices(features, population, row, 10)


def of_area(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row of the whole area."""
    return table[table.cortical_layer == "all"].drop_duplicates(OF_SITE)
