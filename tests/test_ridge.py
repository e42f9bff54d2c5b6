import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from dormouse import gram, ridge
from dormouse.errors import InputError


def make_data(n_features: int, seed: int, n_stimuli: int = 40, n_neurons: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_stimuli, n_features)) + rng.standard_normal(n_features)
    return X, rng.standard_normal((n_stimuli, n_neurons)) + rng.standard_normal(n_neurons)


def predict_by_refits(X: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    predicted = np.empty_like(Y)
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        predicted[i] = Ridge(penalty, solver="svd").fit(X[others], Y[others]).predict(X[i : i + 1])[0]
    return predicted


def predict_by_sklearn_gcv(X: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    # with a scoring, cv_results_ holds predictions; without, squared errors
    model = RidgeCV(alphas=[penalty], scoring="neg_mean_squared_error", store_cv_results=True)
    return model.fit(X, Y).cv_results_[:, :, 0]


def make_kernels(kernels: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels of layers: `srp` as given; `zscore` backwards, so that the two differ in every layer."""
    return {
        "layer": np.array([f"Layer-{i}" for i in range(1, len(kernels) + 1)]),
        "block": np.array([f"block-{(i + 1) // 2}" for i in range(1, len(kernels) + 1)]),
        "blocks": np.array([f"block-{k}" for k in range(1, (len(kernels) + 1) // 2 + 1)]),
        "n_features": np.arange(10, 10 + len(kernels)),
        "srp": np.stack(kernels),
        "zscore": np.stack(kernels)[::-1],
    }


def make_population(mean: np.ndarray, cortical_layer: list[str]) -> dict[str, np.ndarray]:
    n_neurons = mean.shape[1]
    return {
        "mean": mean,
        "recording": np.full(n_neurons, "one"),
        "neuron": np.array([f"n{i}" for i in range(n_neurons)]),
        "animal": np.full(n_neurons, "m1"),
        "area": np.full(n_neurons, "VISp"),
        "cortical_layer": np.array(cortical_layer),
    }


@pytest.mark.parametrize("n_features", [10, 200])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
def test_left_out_stimuli_are_predicted_as_by_refits_to_all_others(n_features, penalty):
    X, Y = make_data(n_features, seed=0)
    expected = predict_by_refits(X, Y, penalty)
    predicted = ridge.leave_one_out(X @ X.T, Y, penalty)
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    by_gcv = predict_by_sklearn_gcv(X, Y, penalty)
    np.testing.assert_allclose(predicted, by_gcv, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("size", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_predictions_stay_exact_where_the_kernel_is_large_beside_the_penalty(size, seed):
    """The kernel of a million z-scored features has a million on its diagonal, and the penalty is 1."""
    X, Y = make_data(60, seed, n_stimuli=30)
    X = StandardScaler().fit_transform(X) * np.sqrt(size / 60)
    expected = predict_by_refits(X, Y, 1.0)
    np.testing.assert_allclose(ridge.leave_one_out(X @ X.T, Y, 1.0), expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_an_offset_of_features_or_responses_is_no_part_of_what_is_learnt():
    X, Y = make_data(10, seed=4)
    predicted = ridge.leave_one_out(X @ X.T, Y, 1.0)
    shifted = ridge.leave_one_out((X + 5) @ (X + 5).T, Y + 7, 1.0)
    np.testing.assert_allclose(shifted, predicted + 7, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")  # fewer features than columns, on purpose
@pytest.mark.parametrize("n_features", [300, 5000, 60000])
def test_scores_are_those_of_the_papers_path_in_scikit_learn(n_features):
    n_stimuli, seed = 119, 3
    n_columns = gram.n_projections(n_stimuli, eps=0.1)
    rng = np.random.default_rng(5)
    mixture = rng.standard_normal((n_stimuli, 5)) @ rng.standard_normal((5, n_features))
    X = np.maximum(mixture + rng.standard_normal((n_stimuli, n_features)), 0).astype(np.float32)
    Y = mixture[:, :20] + rng.standard_normal((n_stimuli, 20))
    Z = StandardScaler().fit_transform(SparseRandomProjection(n_columns, random_state=seed).fit_transform(X))
    predicted = predict_by_sklearn_gcv(Z.astype(np.float64), Y, 1.0)
    expected = [pearsonr(predicted[:, i], Y[:, i]).statistic for i in range(20)]
    K = gram.projected(torch.from_numpy(X), n_columns, seed).numpy()
    # both project in float32, whose sums differ in the last bits: a few 1e-7 on r
    np.testing.assert_allclose(ridge.score_layers(K[None], Y, 1.0)[0], expected, rtol=0, atol=2e-6)
    assert np.ptp(expected) > 0.1


def test_correlation_is_that_of_scipy_neuron_by_neuron():
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


@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan")])
def test_a_penalty_that_is_not_positive_is_refused(penalty):
    X, Y = make_data(10, seed=12)
    with pytest.raises(ValueError, match="penalty must be positive"):
        ridge.leave_one_out(X @ X.T, Y, penalty)


def test_responses_in_float32_are_scored_in_float64():
    X, Y = make_data(10, seed=13)
    Y = Y.astype(np.float32)
    scores = ridge.score_layers((X @ X.T)[None], Y, 1.0)
    np.testing.assert_array_equal(scores, ridge.score_layers((X @ X.T)[None], Y.astype(np.float64), 1.0))


def test_scores_lie_in_the_row_of_their_layer_neuron_and_kernel():
    features = [make_data(n_features, seed=14)[0] for n_features in (5, 20, 60)]
    _, Y = make_data(1, seed=15, n_neurons=4)
    kernels = make_kernels([X @ X.T for X in features])
    table = ridge.score(kernels, make_population(Y, ["2/3", "4", "", "4"]), penalty=2.0)
    assert len(table) == 3 * 4 * 2 and set(table.metric) == {"ridge"}
    for (i, j), variant in ((place, variant) for place in np.ndindex(3, 4) for variant in ("srp", "zscore")):
        row = table[(table.layer == f"Layer-{i + 1}") & (table.neuron == f"n{j}") & (table.variant == variant)].iloc[0]
        X = features[i if variant == "srp" else 2 - i]
        expected = pearsonr(predict_by_refits(X, Y[:, [j]], 2.0)[:, 0], Y[:, j]).statistic
        assert row.score == pytest.approx(expected, abs=1e-9)
        assert (row.layer_index, row.layer_depth, row.n_features) == (i + 1, (i + 1) / 3, 10 + i)
        assert (row.block, row.block_depth) == (f"block-{i // 2 + 1}", (i // 2 + 1) / 2)
        assert (row.recording, row.animal, row.area) == ("one", "m1", "VISp")
        assert row.cortical_layer == ["2/3", "4", "", "4"][j]


def test_mean_over_neurons_takes_the_whole_area_and_layers_with_enough_neurons():
    X, _ = make_data(30, seed=16)
    _, Y = make_data(1, seed=17, n_neurons=8)
    cortical_layer = ["4", "2/3", "", "4", "5", "4", "", ""]
    table = ridge.score(make_kernels([X @ X.T, np.eye(40)]), make_population(Y, cortical_layer), penalty=1.0)
    means = ridge.mean_over_neurons(table, min_neurons=3)
    assert len(means) == 2 * 2 * 2 and set(means.cortical_layer) == {"all", "4"}
    for row in means.itertuples():
        cell = table[(table.layer == row.layer) & (table.variant == row.variant)].sort_values("neuron")
        inside = np.isin(cell.cortical_layer, ["4"] if row.cortical_layer == "4" else ["4", "2/3", "5", ""])
        assert row.n_neurons == inside.sum() == (3 if row.cortical_layer == "4" else 8)
        assert row.score == pytest.approx(cell.score[inside].mean(), abs=1e-12)
        assert (row.area, row.metric, row.n_features) == ("VISp", "ridge", cell.n_features.iloc[0])


def test_mean_over_neurons_keeps_areas_apart():
    rows = [("VISp", "4", 0.2), ("VISp", "4", 0.4), ("VISl", "4", 0.6), ("VISl", "2/3", 0.0)]
    scores = pd.DataFrame(rows, columns=["area", "cortical_layer", "score"]).assign(
        layer="Layer-1",
        layer_index=1,
        layer_depth=1.0,
        block="stem",
        block_depth=1.0,
        n_features=9,
        metric="ridge",
        variant="srp",
    )
    means = ridge.mean_over_neurons(scores, min_neurons=2).set_index(["area", "cortical_layer"]).score
    assert means.to_dict() == pytest.approx({("VISp", "all"): 0.3, ("VISp", "4"): 0.3, ("VISl", "all"): 0.3})


def test_a_model_that_saw_another_number_of_images_is_refused():
    _, Y = make_data(1, seed=18, n_stimuli=9, n_neurons=1)
    with pytest.raises(InputError, match=r"^VISp: the model saw 10 images, the neurons 9\."):
        ridge.score(make_kernels([np.eye(10)]), make_population(Y, ["4"]), penalty=1.0)
