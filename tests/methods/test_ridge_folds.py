"""Scores of many layers and penalties, by leaving one out, in folds and in nested folds, equal those of refits."""

import tracemalloc

import numpy as np
import pytest
from folds import fold_r, nested_r
from himalaya.kernel_ridge import KernelRidgeCV
from himalaya.ridge import RidgeCV as PrimalRidgeCV
from himalaya.scoring import correlation_score
from ridge_data import correlate, fold_r_by_refits, make_data, predict_by_refits, predict_fold
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import PredefinedSplit

from dormouse.methods import ridge, ridge_updates

PENALTIES = [0.1, 3.0, 1000.0]


def nested_r_by_refits(X: np.ndarray, y: np.ndarray, penalties: list[float], folds: np.ndarray) -> tuple[float, list[float]]:
    """Nested cross-validation of one neuron, (n_stimuli, 1), written out in loops."""
    r, chosen = [], []
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        errors = [((predict_by_refits(X[train], y[train], penalty) - y[train]) ** 2).sum() for penalty in penalties]
        chosen.append(penalties[np.argmin(errors)])
        r.append(correlate(predict_fold(X, y, chosen[-1], test), y[test])[0])
    return np.mean(r), chosen


SCORES = {  # every function that scores several layers for several penalties, as one array
    "leave_one_out_r": lambda kernels, Y, penalties, folds: ridge.leave_one_out_r(kernels, Y, penalties),
    "fold_r": fold_r,
    "nested_r": lambda kernels, Y, penalties, folds: nested_r(kernels, Y, penalties, folds)[0],
}
every_score = pytest.mark.parametrize("scored", SCORES.values(), ids=SCORES)


@pytest.fixture(autouse=True, params=[ridge.MANY, 0], ids=["few", "many"])
def n_many(request, monkeypatch):
    """Few stimuli are fitted anew in each fold, and many from one decomposition of all; these tests hold for both."""
    monkeypatch.setattr(ridge, "MANY", request.param)
    monkeypatch.setattr(ridge_updates, "BLOCK_BYTES", ridge.BLOCK_BYTES)


@every_score
@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan")])
def test_a_penalty_that_is_not_positive_is_refused(penalty, scored):
    X, Y = make_data(10, seed=12)
    with pytest.raises(ValueError, match="penalty must be positive"):
        ridge.leave_one_out(X @ X.T, Y, penalty)
    with pytest.raises(ValueError, match=rf"penalty must be positive, got \[{penalty}\]"):
        scored([X @ X.T], Y, [1.0, penalty], ridge.make_folds(40, 4, seed=0))


def test_left_out_scores_equal_refits_for_every_layer_penalty_and_neuron():
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


def test_fold_scores_equal_refits_for_every_layer_penalty_and_neuron():
    features = [make_data(n_features, seed=22)[0] for n_features in (5, 60)]
    _, Y = make_data(1, seed=23)
    folds = np.random.default_rng(24).choice([7, 2, 4], size=40)  # sizes differ, numbers have gaps
    r = fold_r([X @ X.T for X in features], Y, PENALTIES, folds)
    expected = [[fold_r_by_refits(X, Y, penalty, folds) for penalty in PENALTIES] for X in features]
    np.testing.assert_allclose(r, expected, rtol=0, atol=1e-12)


def test_nested_scores_and_penalties_equal_nested_refits():
    features = [make_data(n_features, seed=25, n_stimuli=18)[0] for n_features in (4, 30)]
    signal, Y = make_data(4, seed=25, n_stimuli=18, n_neurons=3)[0], make_data(1, seed=26, n_stimuli=18, n_neurons=3)[1]
    Y[:, 0] += 3 * signal[:, 0]
    folds = ridge.make_folds(18, 3, seed=27)
    r, chosen = nested_r([X @ X.T for X in features], Y, PENALTIES, folds)
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
def test_the_best_penalty_of_each_neuron_and_its_score_equal_those_of_himalaya(n_features):
    X, Y, penalties = make_many_neurons(n_features)
    folds = ridge.make_folds(119, 5, seed=29)
    r = fold_r([X @ X.T], Y, penalties, folds)[0]
    options = {"cv": PredefinedSplit(folds), "fit_intercept": True}
    options["solver_params"] = {"score_func": correlation_score, "n_targets_batch": 50}
    models = [KernelRidgeCV(penalties, kernel="precomputed", **options).fit(X @ X.T, Y)]
    if n_features < 119:  # it is slow for many
        models.append(PrimalRidgeCV(penalties, **options).fit(X, Y))
    for model in models:
        np.testing.assert_allclose(penalties[r.argmax(axis=0)], model.best_alphas_, rtol=1e-12)
        # in a tie himalaya takes the larger penalty, by a small slope that stays in the score
        np.testing.assert_allclose(r.max(axis=0), model.cv_scores_ - 1e-10 * np.log(model.best_alphas_), rtol=0, atol=1e-11)
    assert len(np.unique(r.argmax(axis=0))) >= 4


@pytest.mark.parametrize("n_features", [40, 400])
def test_nested_scores_and_penalties_equal_those_of_scikit_learn_in_each_fold(n_features):
    X, Y, penalties = make_many_neurons(n_features)
    folds = ridge.make_folds(119, 5, seed=30)
    r, chosen = nested_r([X @ X.T], Y, penalties, folds)
    expected = []
    for fold in range(5):
        train, test = folds != fold, folds == fold
        model = RidgeCV(penalties, alpha_per_target=True).fit(X[train], Y[train])
        np.testing.assert_array_equal(chosen[0, fold], model.alpha_)
        expected.append(correlate(model.predict(X[test]), Y[test]))
    np.testing.assert_allclose(r[0], np.mean(expected, axis=0), rtol=0, atol=1e-9)
    assert len(np.unique(chosen)) >= 4


def test_noise_scores_0_in_folds_but_below_0_when_one_is_left_out():
    """A weak predictor is little more than the mean of the others: one value in a fold, but another for each left out."""
    X, Y = np.random.default_rng(31).standard_normal((2, 119, 1000))
    penalties, folds = [1.0, 1e3, 1e6], ridge.make_folds(119, 5, seed=32)
    in_folds = fold_r([X @ X.T], Y, penalties, folds)[0].mean(axis=1)
    one_by_one = ridge.leave_one_out_r([X @ X.T], Y, penalties)[0].mean(axis=1)
    nested = nested_r([X @ X.T], Y, penalties, folds)[0].mean()
    # the standard error of a mean over 1000 neurons is 0.003
    assert np.abs([*in_folds, nested]).max() < 0.012
    assert one_by_one[0] < -0.01 and one_by_one[2] < -0.9


def test_neurons_with_much_noise_get_a_large_penalty_and_those_with_little_a_small_one():
    rng = np.random.default_rng(33)
    X = rng.standard_normal((119, 60))
    signal = X @ rng.standard_normal((60, 40)) / np.sqrt(60)
    Y = signal + np.repeat([0.02, 5.0], 20) * rng.standard_normal((119, 40))
    penalties, folds = [1e-2, 1e3], ridge.make_folds(119, 5, seed=34)
    r, chosen = nested_r([X @ X.T], Y, penalties, folds)
    assert (chosen[0, :, :20] == 1e-2).all() and (chosen[0, :, 20:] == 1e3).mean() > 0.95
    assert r[0, :20].min() > 0.99 > fold_r([X @ X.T], Y, [1e3], folds)[0, 0, :20].max()


def test_penalties_are_chosen_without_the_stimuli_that_are_then_predicted():
    X, Y, penalties = make_many_neurons(60)
    folds = ridge.make_folds(119, 5, seed=35)
    other = Y.copy()
    other[folds == 3] = np.random.default_rng(36).permutation(Y[folds == 3])
    chosen, chosen_of_other = (nested_r([X @ X.T], responses, penalties, folds)[1][0] for responses in (Y, other))
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
        monkeypatch.setattr(ridge_updates, "BLOCK_BYTES", n_bytes)
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
    r, chosen = nested_r([X @ X.T], Y, PENALTIES, folds)
    for scores in (r, *fold_r([X @ X.T], Y, PENALTIES, folds)):
        np.testing.assert_array_equal(np.isnan(scores).all(axis=0), [False, True, False, True, False, False])
    lacking = np.zeros((4, 6), dtype=bool)
    lacking[2, 3] = True  # the one fold whose penalty nothing can choose
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
def test_folds_that_are_too_small_or_miss_stimuli_are_refused(folds, sizes, scored):
    X, Y = make_data(10, seed=52)
    with pytest.raises(ValueError, match=rf"^40 stimuli must lie in two folds or more, .*; got folds of {sizes}$"):
        scored([X @ X.T], Y, PENALTIES, np.array(folds))


def test_the_row_of_folds_scores_in_units_of_the_mean_eigenvalue_of_each_layer():
    settings = {"folds": 4, "seed": 3, "penalties": [0.01, 1.0, 100.0]}
    features = [make_data(n_features, seed=70)[0] for n_features in (5, 60)]
    _, Y = make_data(1, seed=71)
    found = ridge.score({"gram": np.stack([X @ X.T for X in features])}, Y, settings)
    folds = ridge.make_folds(len(Y), 4, seed=3)
    for layer, X in enumerate(features):
        unit = np.trace(np.atleast_2d(np.cov(X.T)))  # the sum of variances: that of the eigenvalues over n - 1
        expected = [
            nested_r_by_refits(X, Y[:, [k]], [unit * penalty for penalty in settings["penalties"]], folds)[0]
            for k in range(Y.shape[1])
        ]
        np.testing.assert_allclose(found[layer], expected, rtol=0, atol=1e-9)
        other_unit = ridge.score({"gram": 1e6 * (X @ X.T)[None]}, Y, settings)
        np.testing.assert_allclose(other_unit[0], found[layer], rtol=0, atol=1e-9)


def test_a_layer_that_does_not_vary_has_no_unit():
    assert np.array_equal(ridge.relative(np.ones((5, 5))), np.ones((5, 5)))
