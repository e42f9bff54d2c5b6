"""A simulated population reads out one layer of a network; all methods must find that layer among all others."""

import numpy as np
import pandas as pd
import pytest
import torch
from networks import streamed
from scoring import score_ridge, score_rsa

from dormouse.features.extraction import extract
from dormouse.features.gram import PREDICTORS
from dormouse.inference.layer_choice import same_data
from dormouse.models.build import build
from dormouse.neurons import populations
from dormouse.recordings.simulation import simulate_scenes
from dormouse.stimuli.preprocessing import preprocess

N_IMAGES, N_NEURONS = 50, 400
INPUT = {
    "size": 64,
    "range": 1,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "channels": "rgb",
    "interpolation": "bilinear",
}
NOISE_SD = 0.2  # relative to the responses' standard deviation over stimuli
PLANTED = ["MaxPool2d-2", "MaxPool2d-3"]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return preprocess(simulate_scenes(N_IMAGES, height=64, seed=0), INPUT)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return build({"source": "torchvision", "name": "squeezenet1_1", "file": None, "seed": 0})


@pytest.fixture(scope="module")
def kernels(network, images) -> dict[str, np.ndarray]:
    return extract(network, images, "all", PREDICTORS, eps=0.2, seed=0, threads=2)


@pytest.fixture(scope="module")
def outputs(network, images) -> dict[str, np.ndarray]:
    return {name: X.numpy() for name, _, X in streamed(network, images) if name in PLANTED}


def read_out(X: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Give neurons that are random weighted sums of the features X (n_images, n_features), plus noise.

    The mean over the features of each image is subtracted: then many neurons with random weights have the RDM of the layer
    itself, which is what RSA looks for.
    """
    rng = np.random.default_rng(seed)
    X = X.astype(np.float64) - X.mean(axis=1, keepdims=True, dtype=np.float64)
    response = X @ rng.standard_normal((X.shape[1], N_NEURONS))
    response += NOISE_SD * response.std() * rng.standard_normal(response.shape)
    return {
        "mean": response,
        "recording": np.full(N_NEURONS, "one"),
        "neuron": np.arange(N_NEURONS).astype(str),
        "animal": np.full(N_NEURONS, "m1"),
        "area": np.full(N_NEURONS, "VISp"),
        "cortical_layer": np.full(N_NEURONS, ""),
    }


def score_all(kernels: dict[str, np.ndarray], population: dict[str, np.ndarray]) -> pd.DataFrame:
    by_rsa = score_rsa(kernels, populations.site_rdms(population, min_neurons=10)).assign(family="rsa")
    _, by_ridge = score_ridge(kernels, population, PREDICTORS, penalty=1.0, min_neurons=10)
    return pd.concat([by_rsa, by_ridge.assign(family="ridge")], ignore_index=True).assign(model="squeezenet1_1")


@pytest.mark.parametrize("layer", PLANTED)
def test_all_methods_find_the_layer_that_the_neurons_read_out(kernels, outputs, layer):
    """No other layer has the same kernel, so only the planted one may win, by each correlation and from each kernel."""
    scores = score_all(kernels, read_out(outputs[layer], seed=1))
    best = same_data(scores).set_index(["family", "method"])
    assert set(best.index) == {("rsa", "pearson"), ("rsa", "spearman"), ("ridge", "srp"), ("ridge", "zscore")}
    assert set(best.layer) == {layer}
    assert (best.loc["rsa"].score > 0.85).all() and (best.loc["ridge"].score > 0.3).all()
    others = scores[scores.layer != layer]
    runner_up = others.groupby(["family", "method"]).score.max()
    assert (best.score.sort_index() > runner_up.sort_index()).all()


@pytest.mark.parametrize("layer", PLANTED)
def test_shuffled_stimuli_leave_nothing_to_find(kernels, outputs, layer):
    n_shuffles = 40
    population, rng = read_out(outputs[layer], seed=1), np.random.default_rng(2)
    planted = {name: values[kernels["layer"] == layer] for name, values in kernels.items()}
    shuffled = pd.concat(
        score_all(planted, population | {"mean": population["mean"][rng.permutation(N_IMAGES)]}) for _ in range(n_shuffles)
    )
    by_method = shuffled.groupby(["family", "method"]).score
    mean, error = by_method.mean(), by_method.std() / np.sqrt(n_shuffles)
    assert (mean["rsa"].abs() < 4 * error["rsa"]).all()
    # the null value of leaving one out lies slightly below 0
    assert (mean["ridge"] < 4 * error["ridge"]).all() and (mean["ridge"] > -0.1).all()
