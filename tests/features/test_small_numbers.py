"""Layers of few features, and of many that span few dimensions: from extraction over the files of kernels to scores.

The other road is scikit-learn's, in float64: projection, standardisation, and a ridge regression for every stimulus left out.
"""

import numpy as np
import pytest
import torch
from kernel_files import read_kernel
from networks import Aside
from scipy.stats import pearsonr, spearmanr
from scoring import score_rsa
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from dormouse.features import extraction
from dormouse.features.kernels import KERNELS, read_layers, writing_kernels
from dormouse.features.plan import Plan, designs
from dormouse.features.projection import n_projections
from dormouse.features.standardisation import FEW
from dormouse.methods import ridge
from dormouse.methods.rdms import rdm_from_centred, rdm_from_patterns

N_IMAGES, EPS, SEED = 60, 0.3, 0
PENALTIES = (1e-4, 1e-2, 1.0, 1e4)
PREDICTORS = ("srp", "zscore")
SAME = 1e-6  # of scores
rng = np.random.default_rng(0)


def random_features(n_features: int, rank: int | None = None) -> np.ndarray:
    if rank is not None:
        return (random_features(rank) @ rng.standard_normal((rank, n_features))).astype(np.float32)
    return (rng.standard_normal((N_IMAGES, n_features)) + rng.standard_normal(n_features)).astype(np.float32)


def spread_over(X: np.ndarray, n_features: int, value: float = 0.0) -> np.ndarray:
    """Put features among others that are the same for all images."""
    spread = np.full((N_IMAGES, n_features), value, np.float32)
    spread[:, np.arange(X.shape[1]) * (n_features // X.shape[1])] = X
    return spread


FEATURES = {
    **{f"{n}": random_features(n) for n in (1, 2, 3, 10, N_IMAGES - 1)},
    "500 of rank 5": random_features(500, rank=5),
    "500, 5 alive": spread_over(random_features(5).clip(min=0), 500),
    "10 and constants": np.hstack([random_features(10), np.full((N_IMAGES, 3), (0.1, 1 / 3, -7.3), np.float32)]),
    "10 thrice": np.tile(random_features(10), 3),
    "10 of all sizes": random_features(10) * np.logspace(0, -4, 10, dtype=np.float32),
    "6000 of rank 5": random_features(6000, rank=5),
    "6000, 5 alive": spread_over(random_features(5).clip(min=0), 6000),
    "1, 6000 times": np.tile(random_features(1), 6000),
}


def images_of(X: np.ndarray) -> np.ndarray:
    """Return images whose first numbers are the features."""
    size = int(np.ceil(np.sqrt(X.shape[1] / 3)))
    images = np.zeros((N_IMAGES, 3 * size**2), np.float32)
    images[:, : X.shape[1]] = X
    return images.reshape(N_IMAGES, 3, size, size)


def extracted(X: np.ndarray, **options) -> dict[str, np.ndarray]:
    network = torch.nn.Sequential(Aside(lambda images: images.flatten(1)[:, : X.shape[1]].clone()))
    return extraction.extract(network, images_of(X), "all", PREDICTORS, EPS, SEED, threads=1, **options)


def through_the_files(X: np.ndarray, folder) -> dict[str, np.ndarray]:
    paths = {name: folder / f"{name}.npz" for name in KERNELS}
    with writing_kernels(list(paths.values()), np.array(["image"] * N_IMAGES), np.array("{}")) as keep:
        extracted(X, keep=keep)
    kernels = {name: read_kernel(path) for name, path in paths.items()}
    of_images = {"row_sum": kernels["centred"]["row_sum"]}
    return {**read_layers(paths["srp"]), **of_images, **{name: stored["kernel"] for name, stored in kernels.items()}}


def predictors_by_sklearn(X: np.ndarray, name: str) -> np.ndarray:
    if name == "srp":
        X = SparseRandomProjection(n_projections(N_IMAGES, EPS), random_state=SEED).fit_transform(X)
        # where features cancel each other scikit-learn goes on with what rounding left
        X = X * (X.std(axis=0) > 1e-12 * np.sqrt(np.square(X).mean()))
    return StandardScaler().fit_transform(X)


def scores_by_refits(Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return the left-out Pearson r for every penalty and neuron."""
    U, sizes, _ = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
    Z = (U * sizes)[:, sizes > 1e-12 * sizes[0]]  # the same distances in fewer columns
    penalty, targets = np.repeat(PENALTIES, Y.shape[1]), np.tile(Y, len(PENALTIES))
    predicted = np.empty_like(targets)
    for i in range(len(Z)):
        others = np.arange(len(Z)) != i
        predicted[i] = Ridge(penalty, solver="svd").fit(Z[others], targets[others]).predict(Z[[i]])[0]
    return pearsonr(predicted, targets, axis=0).statistic.reshape(len(PENALTIES), -1)


def make_responses(X: np.ndarray) -> np.ndarray:
    signal = X[:, np.ptp(X, axis=0) > 0][:, :1]
    return np.random.default_rng(1).standard_normal((N_IMAGES, 3)) + signal / signal.std() * [0.0, 1.0, 3.0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")  # fewer features than columns, on purpose
@pytest.mark.parametrize("name", FEATURES)
def test_scores_are_those_of_refits_in_scikit_learn_whatever_the_penalty(tmp_path, name):
    X = FEATURES[name]
    kernels, Y = through_the_files(X, tmp_path), make_responses(X)
    for predictors in PREDICTORS:
        expected = scores_by_refits(predictors_by_sklearn(X.astype(np.float64), predictors), Y)
        found = [ridge.score_layers(kernels[predictors], Y, penalty)[0] for penalty in PENALTIES]
        np.testing.assert_allclose(found, expected, rtol=0, atol=SAME, err_msg=predictors)
        assert np.ptp(expected) > 0.3


@pytest.mark.parametrize("name", ["1", "2", "10 thrice", "500 of rank 5"])
def test_several_passes_give_the_scores_of_one(monkeypatch, tmp_path, name):
    X = FEATURES[name]
    in_one, Y = through_the_files(X, tmp_path / "one"), make_responses(X)
    passes = list(designs(N_IMAGES))[1]
    plan = lambda known, *_, **_named: Plan(passes, [frozenset(layer.name for layer in known.layers)], 7, 0, 3)  # noqa: E731
    monkeypatch.setattr(extraction, "choose_plan", plan)
    in_several = through_the_files(X, tmp_path / "several")
    for predictors in PREDICTORS:
        scores = [ridge.leave_one_out_r(kernels[predictors], Y, PENALTIES) for kernels in (in_one, in_several)]
        np.testing.assert_allclose(scores[1], scores[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(in_several["centred"], in_one["centred"], rtol=0, atol=1e-13 * in_one["centred"].max())


@pytest.mark.parametrize("n_features", [10, FEW + 1])
def test_features_that_vary_by_rounding_alone_count_for_nothing(n_features):
    X = random_features(n_features)
    last_digits = rng.integers(-1, 2, X.shape).astype(np.float32) * np.finfo(np.float32).eps
    rounded, constant = np.hstack([X, 1 + last_digits]), np.hstack([X, np.ones_like(X)])
    kernels = [extracted(features)["zscore"][0] for features in (rounded, constant, X)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    np.testing.assert_allclose(kernels[0], kernels[2], rtol=0, atol=1e-7 * kernels[2].max())


def rsa_scores(kernels: dict[str, np.ndarray], site: np.ndarray) -> dict[str, float]:
    targets = {"rdm": site[None], "area": ["VISp"], "cortical_layer": ["all"], "n_neurons": np.array([30])}
    table = score_rsa(kernels, targets)
    return dict(zip(table.method, table.score, strict=True))


def test_of_one_feature_there_is_no_similarity(tmp_path):
    """A pattern of one number does not vary; its correlation is not defined, and neither is the score."""
    kernels = through_the_files(FEATURES["1"], tmp_path)
    rdms, constant = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    np.testing.assert_array_equal(rdms[0], 1 - np.eye(N_IMAGES))
    assert constant.all()
    assert all(np.isnan(list(rsa_scores(kernels, rdm_from_patterns(random_features(30))).values())))


def test_of_two_features_images_are_alike_or_opposite_and_their_ties_are_ties(tmp_path):
    X, site = FEATURES["2"].astype(np.float64), rdm_from_patterns(random_features(30))
    kernels = through_the_files(FEATURES["2"], tmp_path)
    rdms, _ = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    side = np.sign(X[:, 0] - X[:, 1])
    expected = 1 - np.outer(side, side)
    np.testing.assert_array_equal(rdms[0], expected)
    above = np.triu_indices(N_IMAGES, k=1)
    for variant, measure in (("pearson", pearsonr), ("spearman", spearmanr)):
        assert rsa_scores(kernels, site)[variant] == pytest.approx(measure(expected[above], site[above]).statistic, abs=1e-12)


@pytest.mark.parametrize("n_features", [FEW, 6000])
@pytest.mark.parametrize("difference", [1e-4, 1e-2, 1.0])
def test_images_of_nearly_the_same_pattern_are_told_apart(tmp_path, n_features, difference):
    """As deep in a network before training: r of all images is near 1, and float32 products would leave rounding alone."""
    common = np.random.default_rng(2).standard_normal(n_features).clip(min=0)
    X = (common + difference * random_features(n_features)).astype(np.float32)
    kernels, site = through_the_files(X, tmp_path), rdm_from_patterns(random_features(30))
    above = np.triu_indices(N_IMAGES, k=1)
    distances = 1 - np.corrcoef(X.astype(np.float64))[above]
    rdms, _ = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    np.testing.assert_allclose(rdms[0][above], distances, rtol=1e-4)
    expected = pearsonr(distances, site[above]).statistic
    assert rsa_scores(kernels, site)["pearson"] == pytest.approx(expected, abs=1e-5)
