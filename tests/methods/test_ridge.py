import tracemalloc

import numpy as np
import pytest
import torch
from himalaya.kernel_ridge import KernelRidgeCV
from himalaya.ridge import RidgeCV as PrimalRidgeCV
from himalaya.scoring import correlation_score
from scipy.stats import pearsonr
from scoring import score_ridge
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import PredefinedSplit
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from dormouse.features import gram, projection
from dormouse.methods import ridge

PENALTIES = [0.1, 3.0, 1000.0]


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


def correlate(predicted: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.array([pearsonr(predicted[:, i], Y[:, i]).statistic for i in range(Y.shape[1])])


def predict_fold(X: np.ndarray, Y: np.ndarray, penalty: float, test: np.ndarray) -> np.ndarray:
    return Ridge(penalty, solver="svd").fit(X[~test], Y[~test]).predict(X[test]).reshape(-1, Y.shape[1])


def fold_r_by_refits(X: np.ndarray, Y: np.ndarray, penalty: float, folds: np.ndarray) -> np.ndarray:
    parts = [correlate(predict_fold(X, Y, penalty, folds == fold), Y[folds == fold]) for fold in np.unique(folds)]
    return np.mean(parts, axis=0)


def nested_r_by_refits(X: np.ndarray, y: np.ndarray, penalties: list[float], folds: np.ndarray) -> tuple[float, list[float]]:
    """Nested cross-validation of one neuron, (n_stimuli, 1), as one would say it."""
    r, chosen = [], []
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        errors = [((predict_by_refits(X[train], y[train], penalty) - y[train]) ** 2).sum() for penalty in penalties]
        chosen.append(penalties[np.argmin(errors)])
        r.append(correlate(predict_fold(X, y, chosen[-1], test), y[test])[0])
    return np.mean(r), chosen


def make_kernels(kernels: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels of layers: `srp` as given; `zscore` backwards, so that the two differ in every layer."""
    return {
        "layer": np.array([f"Layer-{i}" for i in range(1, len(kernels) + 1)]),
        "block": np.array([f"block-{(i + 1) // 2}" for i in range(1, len(kernels) + 1)]),
        "block_depth": np.array([(i + 1) // 2 for i in range(1, len(kernels) + 1)]) / ((len(kernels) + 1) // 2),
        "path": np.array([f"features.{i}" for i in range(len(kernels))]),
        "effective_dimension": np.ones(len(kernels)),
        "n_features": np.arange(10, 10 + len(kernels)),
        "srp": np.stack(kernels),
        "zscore": np.stack(kernels)[::-1],
    }


def make_population(mean: np.ndarray, cortical_layer: list[str], area: list[str] | str = "VISp") -> dict[str, np.ndarray]:
    n_neurons = mean.shape[1]
    return {
        "mean": mean,
        "recording": np.full(n_neurons, "one"),
        "neuron": np.array([f"n{i}" for i in range(n_neurons)]),
        "animal": np.full(n_neurons, "m1"),
        "area": np.broadcast_to(area, n_neurons),
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
    np.testing.assert_allclose(ridge.fold_r([X @ X.T], Y, [1.0], folds)[0, 0], expected, rtol=0, atol=1e-9)


def test_features_with_little_variance_count_where_the_penalty_is_small():
    X, Y = make_data(10, seed=19, n_stimuli=30)
    X *= np.logspace(0, -4, 10)
    expected = predict_by_refits(X, Y, 1e-9)
    folds = ridge.make_folds(30, 3, seed=19)
    np.testing.assert_allclose(ridge.leave_one_out(X @ X.T, Y, 1e-9), expected, rtol=0, atol=1e-5)
    expected = fold_r_by_refits(X, Y, 1e-9, folds)
    np.testing.assert_allclose(ridge.fold_r([X @ X.T], Y, [1e-9], folds)[0, 0], expected, rtol=0, atol=1e-5)


def test_an_offset_of_features_or_responses_is_no_part_of_what_is_learnt():
    X, Y = make_data(10, seed=4)
    predicted = ridge.leave_one_out(X @ X.T, Y, 1.0)
    shifted = ridge.leave_one_out((X + 5) @ (X + 5).T, Y + 7, 1.0)
    np.testing.assert_allclose(shifted, predicted + 7, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")  # fewer features than columns, on purpose
@pytest.mark.parametrize("n_features", [300, 5000, 60000])
def test_scores_are_those_of_the_papers_path_in_scikit_learn(n_features):
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


SCORES = {  # every function that scores several layers for several penalties, as one array
    "leave_one_out_r": lambda kernels, Y, penalties, folds: ridge.leave_one_out_r(kernels, Y, penalties),
    "fold_r": ridge.fold_r,
    "nested_r": lambda kernels, Y, penalties, folds: ridge.nested_r(kernels, Y, penalties, folds)[0],
}
every_score = pytest.mark.parametrize("scored", SCORES.values(), ids=SCORES)


@every_score
@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan")])
def test_a_penalty_that_is_not_positive_is_refused(penalty, scored):
    X, Y = make_data(10, seed=12)
    with pytest.raises(ValueError, match="penalty must be positive"):
        ridge.leave_one_out(X @ X.T, Y, penalty)
    with pytest.raises(ValueError, match=rf"penalty must be positive, got \[{penalty}\]"):
        scored([X @ X.T], Y, [1.0, penalty], ridge.make_folds(40, 4, seed=0))


def test_left_out_scores_are_those_of_refits_for_every_layer_penalty_and_neuron():
    features = [make_data(n_features, seed=20)[0] for n_features in (5, 60)]
    _, Y = make_data(1, seed=21)
    r = ridge.leave_one_out_r([X @ X.T for X in features], Y, PENALTIES)
    expected = [[correlate(predict_by_refits(X, Y, penalty), Y) for penalty in PENALTIES] for X in features]
    np.testing.assert_allclose(r, expected, rtol=0, atol=1e-12)
    for layer, X in enumerate(features):
        for i, penalty in enumerate(PENALTIES):
            direct = ridge.correlation(ridge.leave_one_out(X @ X.T, Y, penalty), Y)
            np.testing.assert_allclose(r[layer, i], direct, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(ridge.score_layers([X @ X.T], Y, penalty)[0], r[layer, i])


def test_fold_scores_are_those_of_refits_for_every_layer_penalty_and_neuron():
    features = [make_data(n_features, seed=22)[0] for n_features in (5, 60)]
    _, Y = make_data(1, seed=23)
    folds = np.random.default_rng(24).choice([7, 2, 4], size=40)  # sizes differ, numbers have gaps
    r = ridge.fold_r([X @ X.T for X in features], Y, PENALTIES, folds)
    expected = [[fold_r_by_refits(X, Y, penalty, folds) for penalty in PENALTIES] for X in features]
    np.testing.assert_allclose(r, expected, rtol=0, atol=1e-12)


def test_nested_scores_and_penalties_are_those_of_refits_in_refits():
    features = [make_data(n_features, seed=25, n_stimuli=18)[0] for n_features in (4, 30)]
    signal, Y = make_data(4, seed=25, n_stimuli=18, n_neurons=3)[0], make_data(1, seed=26, n_stimuli=18, n_neurons=3)[1]
    Y[:, 0] += 3 * signal[:, 0]
    folds = ridge.make_folds(18, 3, seed=27)
    r, chosen = ridge.nested_r([X @ X.T for X in features], Y, PENALTIES, folds)
    for layer, neuron in np.ndindex(2, 3):
        expected, penalties = nested_r_by_refits(features[layer], Y[:, [neuron]], PENALTIES, folds)
        assert r[layer, neuron] == pytest.approx(expected, abs=1e-12)
        assert chosen[layer, :, neuron].tolist() == penalties
    assert len(np.unique(chosen)) == 3


def make_many_neurons(n_features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, 200 neurons that range from noise to signal, and penalties that suit one or the other."""
    rng = np.random.default_rng(28)
    X = rng.standard_normal((119, n_features)) + rng.standard_normal(n_features)
    signal = X[:, :20] @ rng.standard_normal((20, 200))
    return X, signal + np.geomspace(0.1, 100, 200) * rng.standard_normal((119, 200)) + 5, np.logspace(-1, 5, 7)


@pytest.mark.parametrize("n_features", [40, 400])
def test_the_best_penalty_of_each_neuron_and_its_score_are_those_of_himalaya(n_features):
    X, Y, penalties = make_many_neurons(n_features)
    folds = ridge.make_folds(119, 5, seed=29)
    r = ridge.fold_r([X @ X.T], Y, penalties, folds)[0]
    options = {"cv": PredefinedSplit(folds), "fit_intercept": True}
    options["solver_params"] = {"score_func": correlation_score, "n_targets_batch": 50}
    models = [KernelRidgeCV(penalties, kernel="precomputed", **options).fit(X @ X.T, Y)]
    if n_features < 119:  # it is slow for many
        models.append(PrimalRidgeCV(penalties, **options).fit(X, Y))
    for model in models:
        np.testing.assert_allclose(penalties[r.argmax(axis=0)], model.best_alphas_, rtol=1e-12)
        # of equals himalaya takes the larger penalty, by a slope that stays in the score
        np.testing.assert_allclose(r.max(axis=0), model.cv_scores_ - 1e-10 * np.log(model.best_alphas_), rtol=0, atol=1e-11)
    assert len(np.unique(r.argmax(axis=0))) >= 4


@pytest.mark.parametrize("n_features", [40, 400])
def test_nested_scores_and_penalties_are_those_of_scikit_learn_in_each_fold(n_features):
    X, Y, penalties = make_many_neurons(n_features)
    folds = ridge.make_folds(119, 5, seed=30)
    r, chosen = ridge.nested_r([X @ X.T], Y, penalties, folds)
    expected = []
    for fold in range(5):
        train, test = folds != fold, folds == fold
        model = RidgeCV(penalties, alpha_per_target=True).fit(X[train], Y[train])
        np.testing.assert_array_equal(chosen[0, fold], model.alpha_)
        expected.append(correlate(model.predict(X[test]), Y[test]))
    np.testing.assert_allclose(r[0], np.mean(expected, axis=0), rtol=0, atol=1e-9)
    assert len(np.unique(chosen)) >= 4


def test_noise_scores_0_in_folds_but_less_than_0_when_left_out_one_by_one():
    """A weak predictor is little more than the mean of the others: within a fold one value, but another for each left out."""
    X, Y = np.random.default_rng(31).standard_normal((2, 119, 1000))
    penalties, folds = [1.0, 1e3, 1e6], ridge.make_folds(119, 5, seed=32)
    in_folds = ridge.fold_r([X @ X.T], Y, penalties, folds)[0].mean(axis=1)
    one_by_one = ridge.leave_one_out_r([X @ X.T], Y, penalties)[0].mean(axis=1)
    nested = ridge.nested_r([X @ X.T], Y, penalties, folds)[0].mean()
    # the standard error of a mean over 1000 neurons is 0.003
    assert np.abs([*in_folds, nested]).max() < 0.012
    assert one_by_one[0] < -0.01 and one_by_one[2] < -0.9


def test_neurons_with_much_noise_get_a_large_penalty_and_those_with_little_a_small_one():
    rng = np.random.default_rng(33)
    X = rng.standard_normal((119, 60))
    signal = X @ rng.standard_normal((60, 40)) / np.sqrt(60)
    Y = signal + np.repeat([0.02, 5.0], 20) * rng.standard_normal((119, 40))
    penalties, folds = [1e-2, 1e3], ridge.make_folds(119, 5, seed=34)
    r, chosen = ridge.nested_r([X @ X.T], Y, penalties, folds)
    assert (chosen[0, :, :20] == 1e-2).all() and (chosen[0, :, 20:] == 1e3).mean() > 0.95
    assert r[0, :20].min() > 0.99 > ridge.fold_r([X @ X.T], Y, [1e3], folds)[0, 0, :20].max()


def test_penalties_are_chosen_without_the_stimuli_that_are_then_predicted():
    X, Y, penalties = make_many_neurons(60)
    folds = ridge.make_folds(119, 5, seed=35)
    other = Y.copy()
    other[folds == 3] = np.random.default_rng(36).permutation(Y[folds == 3])
    chosen, chosen_of_other = (ridge.nested_r([X @ X.T], responses, penalties, folds)[1][0] for responses in (Y, other))
    np.testing.assert_array_equal(chosen[3], chosen_of_other[3])
    assert all((chosen[fold] != chosen_of_other[fold]).any() for fold in (0, 1, 2, 4))


@every_score
def test_an_offset_or_unit_of_features_or_responses_changes_no_score(scored):
    X, Y = make_data(30, seed=37)
    folds = ridge.make_folds(40, 4, seed=38)
    r = scored([X @ X.T], Y, PENALTIES, folds)
    np.testing.assert_allclose(scored([(X + 5) @ (X + 5).T], 3e-6 * Y + 7, PENALTIES, folds), r, rtol=0, atol=1e-8)


@every_score
def test_blocks_of_neurons_change_no_score(scored, monkeypatch):
    X, Y = make_data(30, seed=39, n_neurons=23)
    folds = ridge.make_folds(40, 4, seed=40)
    whole = scored([X @ X.T], Y, PENALTIES, folds)
    for n_bytes in (1, 5 * 8 * 40 * len(PENALTIES)):  # single neurons, and blocks that do not divide 23
        monkeypatch.setattr(ridge, "BLOCK_BYTES", n_bytes)
        np.testing.assert_allclose(scored([X @ X.T], Y, PENALTIES, folds), whole, rtol=0, atol=1e-13)


@every_score
def test_predictions_of_all_neurons_are_never_held_at_once(scored):
    X, Y = make_data(30, seed=41, n_neurons=20_000)
    penalties, folds = np.logspace(-1, 5, 14), ridge.make_folds(40, 4, seed=42)
    predictions = 14 * Y.nbytes
    tracemalloc.start()
    scored([X @ X.T], Y, penalties, folds)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * Y.nbytes + 2 * ridge.BLOCK_BYTES < 0.5 * predictions


@every_score
def test_neurons_that_do_not_vary_have_no_score_and_leave_others_alone(scored):
    X, Y = make_data(30, seed=43)
    folds = ridge.make_folds(40, 4, seed=44)
    expected = scored([X @ X.T], Y, PENALTIES, folds)
    Y[:, 1] = 0.1  # the mean of many 0.1 is not 0.1
    r = scored([X @ X.T], Y, PENALTIES, folds)
    assert np.isnan(r[..., 1]).all()
    np.testing.assert_allclose(np.delete(r, 1, axis=-1), np.delete(expected, 1, axis=-1), rtol=0, atol=1e-13)


def test_neurons_that_do_not_vary_within_a_fold_or_within_the_others_have_no_score_in_folds():
    X, Y = make_data(30, seed=45)
    folds = ridge.make_folds(40, 4, seed=46)
    Y[folds == 2, 1] = 0.1
    Y[folds != 2, 3] = 0.1
    r, chosen = ridge.nested_r([X @ X.T], Y, PENALTIES, folds)
    for scores in (r, *ridge.fold_r([X @ X.T], Y, PENALTIES, folds)):
        np.testing.assert_array_equal(np.isnan(scores).all(axis=0), [False, True, False, True, False, False])
    lacking = np.zeros((4, 6), dtype=bool)
    lacking[2, 3] = True  # the one fold for which there is nothing to choose by
    np.testing.assert_array_equal(np.isnan(chosen[0]), lacking)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scored", [SCORES["fold_r"], SCORES["nested_r"]])
def test_layers_that_do_not_vary_have_no_score_in_folds_and_leave_others_alone(scored):
    X, Y = make_data(30, seed=47)
    folds = ridge.make_folds(40, 4, seed=48)
    one, other = np.random.default_rng(49).standard_normal((2, 30))
    constant = np.tile(one, (40, 1))
    but_for_one = np.where(np.arange(40)[:, None] == 7, other, one)
    but_for_a_fold = np.where(folds[:, None] == 2, one, X)
    kernels = [features @ features.T for features in (np.zeros((40, 3)), constant, but_for_one, but_for_a_fold, X)]
    r = scored(kernels, Y, PENALTIES, folds)
    assert np.isnan(r[:4]).all()
    np.testing.assert_array_equal(r[4:], scored(kernels[4:], Y, PENALTIES, folds))
    assert not np.isnan(r[4]).any()


def test_folds_are_dealt_evenly_at_random_and_by_their_seed_alone():
    folds = ridge.make_folds(119, 5, seed=50)
    assert sorted(np.bincount(folds)) == [23, 24, 24, 24, 24]
    np.testing.assert_array_equal(folds, ridge.make_folds(119, 5, seed=50))
    assert (folds != ridge.make_folds(119, 5, seed=51)).mean() > 0.5
    assert (folds != np.arange(119) % 5).mean() > 0.5 and (folds != np.sort(folds)).mean() > 0.5


@pytest.mark.parametrize("scored", [SCORES["fold_r"], SCORES["nested_r"]])
@pytest.mark.parametrize(
    ("folds", "sizes"), [([0] * 39 + [1], "39, 1"), ([0] * 40, "40"), ([0] * 20 + [1] * 19, "20, 19")], ids=str
)
def test_folds_in_which_there_is_no_correlation_or_that_miss_stimuli_are_refused(folds, sizes, scored):
    X, Y = make_data(10, seed=52)
    with pytest.raises(ValueError, match=rf"^40 stimuli must lie in two folds or more, .*; got folds of {sizes}$"):
        scored([X @ X.T], Y, PENALTIES, np.array(folds))


def test_responses_in_float32_are_scored_in_float64():
    X, Y = make_data(10, seed=13)
    Y = Y.astype(np.float32)
    scores = ridge.score_layers((X @ X.T)[None], Y, 1.0)
    np.testing.assert_array_equal(scores, ridge.score_layers((X @ X.T)[None], Y.astype(np.float64), 1.0))


def test_scores_lie_in_the_row_of_their_layer_neuron_and_kernel():
    features = [make_data(n_features, seed=14)[0] for n_features in (5, 20, 60)]
    _, Y = make_data(1, seed=15, n_neurons=4)
    kernels = make_kernels([X @ X.T for X in features])
    population = make_population(Y, ["2/3", "4", "", "4"])
    table, _ = score_ridge(kernels, population, ["srp", "zscore"], penalty=2.0, min_neurons=1)
    assert len(table) == 3 * 4 * 2
    for (i, j), variant in ((place, variant) for place in np.ndindex(3, 4) for variant in ("srp", "zscore")):
        row = table[(table.layer == f"Layer-{i + 1}") & (table.neuron == f"n{j}") & (table.method == variant)].iloc[0]
        X = features[i if variant == "srp" else 2 - i]
        expected = pearsonr(predict_by_refits(X, Y[:, [j]], 2.0)[:, 0], Y[:, j]).statistic
        assert row.score == pytest.approx(expected, abs=1e-9)
        assert (row.layer_index, row.layer_depth, row.n_features) == (i + 1, (i + 1) / 3, 10 + i)
        assert (row.block, row.block_depth) == (f"block-{i // 2 + 1}", (i // 2 + 1) / 2)
        assert (row.recording, row.animal, row.area) == ("one", "m1", "VISp")
        assert row.cortical_layer == ["2/3", "4", "", "4"][j]


def test_sites_are_the_whole_area_and_layers_with_enough_neurons():
    X, _ = make_data(30, seed=16)
    _, Y = make_data(1, seed=17, n_neurons=9)
    Y[:, 8] = 0.1  # a neuron without a score counts nowhere
    population = make_population(Y, ["4", "2/3", "", "4", "5", "4", "", "", "5"])
    kernels = make_kernels([X @ X.T, np.eye(40)])
    table, means = score_ridge(kernels, population, ["srp", "zscore"], penalty=1.0, min_neurons=3)
    assert len(means) == 2 * 2 * 2 and set(means.cortical_layer) == {"all", "4"}
    for row in means.itertuples():
        cell = table[(table.layer == row.layer) & (table.method == row.method)].sort_values("neuron")
        inside = np.isin(cell.cortical_layer, ["4"] if row.cortical_layer == "4" else ["4", "2/3", "5", ""])
        assert row.n_neurons == (3 if row.cortical_layer == "4" else 8)
        assert row.score == pytest.approx(cell.score[inside].mean(), abs=1e-12)
        assert (row.area, row.n_features) == ("VISp", cell.n_features.iloc[0])


def test_sites_keep_areas_apart():
    X, Y = make_data(30, seed=19, n_neurons=5)
    population = make_population(Y, ["4", "4", "4", "2/3", "4"], area=["VISp", "VISp", "VISl", "VISl", "VISl"])
    table, means = score_ridge(make_kernels([X @ X.T]), population, ["srp"], penalty=1.0, min_neurons=2)
    r = table.score.to_numpy()
    expected = {("VISp", "all"): r[:2], ("VISp", "4"): r[:2], ("VISl", "all"): r[2:], ("VISl", "4"): r[[2, 4]]}
    found = {(row.area, row.cortical_layer): row.score for row in means.itertuples()}
    assert found == pytest.approx({site: scores.mean() for site, scores in expected.items()}, abs=1e-12)
