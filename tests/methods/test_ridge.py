"""Predicted responses to left-out stimuli equal those of refits to all others."""

import numpy as np
import pytest
import torch
from folds import fold_r
from ridge_data import correlate, fold_r_by_refits, make_data, predict_by_refits
from scipy.stats import pearsonr
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from dormouse.features import gram, projection
from dormouse.methods import ridge


def predict_by_sklearn_gcv(X: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    # with a scoring, cv_results_ holds predictions; without, squared errors
    model = RidgeCV(alphas=[penalty], scoring="neg_mean_squared_error", store_cv_results=True)
    return model.fit(X, Y).cv_results_[:, :, 0]


@pytest.mark.parametrize("n_features", [10, 200])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
def test_left_out_predictions_equal_those_of_refits_to_all_others(n_features, penalty):
    X, Y = make_data(n_features, seed=0)
    expected = predict_by_refits(X, Y, penalty)
    predicted = ridge.leave_one_out(X @ X.T, Y, penalty)
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    by_gcv = predict_by_sklearn_gcv(X, Y, penalty)
    np.testing.assert_allclose(predicted, by_gcv, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("size", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("n_features", [60, 10])  # with 10 most eigenvalues are rounding errors
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_predictions_stay_exact_where_the_kernel_is_large_beside_the_penalty(size, n_features, seed):
    """The kernel of a million z-scored features has a million on its diagonal, and the penalty is 1."""
    X, Y = make_data(n_features, seed, n_stimuli=30)
    X = StandardScaler().fit_transform(X) * np.sqrt(size / n_features)
    expected = predict_by_refits(X, Y, 1.0)
    np.testing.assert_allclose(ridge.leave_one_out(X @ X.T, Y, 1.0), expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    scores = ridge.score_layers([X @ X.T], Y, 1.0)[0]
    np.testing.assert_allclose(scores, correlate(expected, Y), rtol=0, atol=1e-9)
    folds = ridge.make_folds(30, 3, seed)
    expected = fold_r_by_refits(X, Y, 1.0, folds)
    np.testing.assert_allclose(fold_r([X @ X.T], Y, [1.0], folds)[0, 0], expected, rtol=0, atol=1e-9)


def test_features_with_little_variance_count_where_the_penalty_is_small():
    X, Y = make_data(10, seed=19, n_stimuli=30)
    X *= np.logspace(0, -4, 10)
    expected = predict_by_refits(X, Y, 1e-9)
    folds = ridge.make_folds(30, 3, seed=19)
    np.testing.assert_allclose(ridge.leave_one_out(X @ X.T, Y, 1e-9), expected, rtol=0, atol=1e-5)
    expected = fold_r_by_refits(X, Y, 1e-9, folds)
    np.testing.assert_allclose(fold_r([X @ X.T], Y, [1e-9], folds)[0, 0], expected, rtol=0, atol=1e-5)


def test_an_offset_of_features_or_responses_is_not_learnt():
    X, Y = make_data(10, seed=4)
    predicted = ridge.leave_one_out(X @ X.T, Y, 1.0)
    shifted = ridge.leave_one_out((X + 5) @ (X + 5).T, Y + 7, 1.0)
    np.testing.assert_allclose(shifted, predicted + 7, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")  # fewer features than columns, on purpose
@pytest.mark.parametrize("n_features", [300, 5000, 60000])
def test_scores_equal_those_of_the_papers_pipeline_in_scikit_learn(n_features):
    n_stimuli, seed = 119, 3
    n_columns = projection.n_projections(n_stimuli, eps=0.1)
    rng = np.random.default_rng(5)
    mixture = rng.standard_normal((n_stimuli, 5)) @ rng.standard_normal((5, n_features))
    X = np.maximum(mixture + rng.standard_normal((n_stimuli, n_features)), 0).astype(np.float32)
    Y = mixture[:, :20] + rng.standard_normal((n_stimuli, 20))
    Z = StandardScaler().fit_transform(SparseRandomProjection(n_columns, random_state=seed).fit_transform(X))
    predicted = predict_by_sklearn_gcv(Z.astype(np.float64), Y, 1.0)
    expected = [pearsonr(predicted[:, i], Y[:, i]).statistic for i in range(20)]
    finished = []
    gram.Kernels(n_stimuli, ["srp"], 0.1, seed, finished.append).add("Layer-1", [torch.from_numpy(X)])
    # both project in float32, whose sums differ in the last bits: a few 1e-7 on r
    np.testing.assert_allclose(ridge.score_layers([finished[0]["srp"]], Y, 1.0)[0], expected, rtol=0, atol=2e-6)
    assert np.ptp(expected) > 0.1


def test_correlation_equals_that_of_scipy_for_each_neuron():
    predicted, Y = np.random.default_rng(6).standard_normal((2, 30, 5)) + 4
    expected = [pearsonr(predicted[:, i], Y[:, i]).statistic for i in range(5)]
    np.testing.assert_allclose(ridge.correlation(predicted, Y), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("value", [1.0, 0.1])  # the mean of many 0.1 is not 0.1
def test_a_column_that_does_not_vary_has_no_correlation(value):
    predicted, Y = np.random.default_rng(7).standard_normal((2, 30, 3))
    predicted[:, 0] = value
    Y[:, 1] = value
    np.testing.assert_array_equal(np.isnan(ridge.correlation(predicted, Y)), [True, True, False])


def test_noise_features_score_slightly_below_0():
    """Each prediction holds -1/n of the response itself, and noise of variance n/p from the kernel: r = -sqrt(p) / n^1.5."""
    n_stimuli, n_features = 119, 4096
    X, Y = np.random.default_rng(8).standard_normal((2, n_stimuli, n_features))
    X = StandardScaler().fit_transform(X)
    r = ridge.score_layers((X @ X.T)[None], Y[:, :200], 1.0)[0]
    assert r.mean() == pytest.approx(-np.sqrt(n_features) / n_stimuli**1.5, abs=0.02)
    assert r.mean() < 0


@pytest.mark.parametrize("K", [np.zeros((40, 40)), np.ones((40, 40))])
def test_features_without_information_score_minus_1(K):
    _, Y = make_data(1, seed=9)
    np.testing.assert_allclose(ridge.score_layers(K[None], Y, 1.0)[0], -1.0, rtol=0, atol=1e-9)


def test_a_huge_penalty_leaves_the_mean_of_the_others_and_scores_minus_1():
    X, Y = make_data(10, seed=10)
    predicted = ridge.leave_one_out(X @ X.T, Y, 1e12)
    np.testing.assert_allclose(predicted, (Y.sum(axis=0) - Y) / 39, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ridge.correlation(predicted, Y), -1.0, rtol=0, atol=1e-9)


def test_linear_neurons_are_recovered():
    rng = np.random.default_rng(11)
    X = rng.standard_normal((119, 8))
    Y = X @ rng.standard_normal((8, 30)) + 0.2 * rng.standard_normal((119, 30))
    kernels = np.stack([X @ X.T, (other := rng.standard_normal((119, 8))) @ other.T])
    planted, unrelated = ridge.score_layers(kernels, Y, 1.0)
    assert planted.min() > 0.95
    assert unrelated.max() < 0.5


def test_responses_in_float32_are_scored_in_float64():
    X, Y = make_data(10, seed=13)
    Y = Y.astype(np.float32)
    scores = ridge.score_layers((X @ X.T)[None], Y, 1.0)
    np.testing.assert_array_equal(scores, ridge.score_layers((X @ X.T)[None], Y.astype(np.float64), 1.0))
