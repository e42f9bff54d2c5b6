"""Layers chosen on other images than they are scored on, against plain loops, noise and a planted layer."""

import numpy as np
import pandas as pd
import pytest
from noise_networks import FOLDS, LEFT_OUT, N_IMAGES, choices_by_ridge, choices_by_rsa, noise, of_area
from scipy.stats import pearsonr
from score_tables import make_scores

from dormouse.inference.layer_choice import (
    OF_LAYER,
    OTHER_IMAGES,
    SAME_DATA,
    Splits,
    choice_rows,
    choose_layers,
    draw_halves,
    most_often,
)
from dormouse.methods import ridge


def test_halves_are_random_and_even():
    halves = draw_halves(25, 40, seed=3)
    assert (halves.sum(axis=1) == 12).all() and len(np.unique(halves, axis=0)) == 40
    assert np.array_equal(draw_halves(25, 40, seed=3), halves)
    assert halves.sum(axis=0).min() > 10 and halves.sum(axis=0).max() < 30


def test_choices_by_rsa_equal_those_of_a_plain_loop():
    features, population = noise(5, seed=0)
    choices = choices_by_rsa(features, population)
    chosen, nested, fixed = [], [], []

    def r(layer, part):
        upper = np.triu_indices(len(part), k=1)
        rdms = (1 - np.corrcoef(X[part]) for X in (features[layer], population["mean"]))
        return pearsonr(*(rdm[upper] for rdm in rdms)).statistic

    everything = np.arange(N_IMAGES)
    best = int(np.argmax([r(layer, everything) for layer in range(5)]))
    for half in draw_halves(N_IMAGES, 20, seed=0):
        one, other = np.flatnonzero(half), np.flatnonzero(~half)
        chosen.append(int(np.argmax([r(layer, one) for layer in range(5)])))
        nested.append(r(chosen[-1], other))
        fixed.append(r(best, other))
    rows = choices[choices.cortical_layer == "all"]
    assert dict(zip(rows.layer_index - 1, rows.frequency, strict=True)) == {
        layer: chosen.count(layer) / 20 for layer in sorted(set(chosen))
    }
    for column, expected in {
        "score": np.mean(nested),
        "same_data": r(best, everything),
        "optimism": r(best, everything) - np.mean(nested),
        "selection_loss": np.mean(nested) - np.mean(fixed),
        "n_splits": 20,
    }.items():
        np.testing.assert_allclose(rows[column], expected, rtol=0, atol=1e-9, err_msg=column)
    assert set(choices.choice) == {OTHER_IMAGES} and set(choices.cortical_layer) == {"all", "4"}


def test_choices_by_ridge_in_folds_use_the_errors_that_choose_penalties():
    features, population = noise(4, seed=1)
    choices = choices_by_ridge(features, population, FOLDS)
    folds = ridge.make_folds(N_IMAGES, 4, seed=1)
    kernels = [ridge.relative(X @ X.T) for X in features]
    r, error, _ = ridge.nested(kernels, population["mean"], [0.1, 10.0], folds)
    chosen = error.mean(axis=2).argmin(axis=1)
    rows = choices[choices.cortical_layer == "all"]
    assert sorted(rows.layer_index - 1) == sorted(set(chosen))
    np.testing.assert_allclose(rows.score, r.mean(axis=2)[np.arange(4), chosen].mean(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("row", [LEFT_OUT, FOLDS], ids=["left out", "folds"])
def test_a_planted_layer_is_chosen_in_every_split(row):
    features, population = noise(6, seed=2, n_neurons=30)
    population["mean"] = features[3] @ np.random.default_rng(3).standard_normal((40, 30))
    by_ridge, by_rsa = choices_by_ridge(features, population, row), choices_by_rsa(features, population)
    for choices in (by_ridge, by_rsa):
        assert choices.layer_index.tolist() == [4, 4] and choices.frequency.tolist() == [1, 1]
        assert (choices.selection_loss == 0).all() and (choices.score > 0.2).all()


def test_noise_scores_0_with_layers_chosen_elsewhere_and_more_on_the_same_data():
    table = pd.concat([of_area(choices_by_rsa(*noise(30, seed=seed))) for seed in range(40)])
    sem = table.score.sem()
    assert abs(table.score.mean()) < 2.5 * sem and sem < 0.02
    assert table.same_data.mean() > 0.1 and table.optimism.mean() > 0.1


def test_ridge_in_folds_scores_noise_0():
    table = pd.concat([of_area(choices_by_ridge(*noise(8, seed=seed), FOLDS)) for seed in range(40)])
    assert abs(table.score.mean()) < 2.5 * table.score.sem() and table.score.sem() < 0.03


def test_too_few_images_give_no_choice():
    features, population = noise(3, seed=4)
    few = [population | {key: population[key][:n] for key in ("mean", "odd", "even")} for n in (7, 8)]
    assert choices_by_ridge([X[:7] for X in features], few[0], LEFT_OUT).empty
    choices = choices_by_ridge([X[:8] for X in features], few[1], LEFT_OUT)
    assert len(choices) and {"frequency", "score", "optimism", "choice"} <= set(choices.columns)


def splits(choose, score, fixed) -> Splits:
    choose, score, fixed = map(np.array, (choose, score, fixed))
    return Splits(OTHER_IMAGES, choose, score, score * 1.25, fixed, float(np.nanmax(fixed)))


def rows_of(scores: pd.DataFrame, found: Splits) -> pd.DataFrame:
    layers = scores[OF_LAYER].to_dict("records")
    return pd.DataFrame(choice_rows(found, layers)).assign(**scores.iloc[0][["method", "selection", "model", "area"]])


def test_splits_without_any_score_are_left_out():
    found = splits([[0.1, 0.3], [np.nan, np.nan], [np.nan, 0.2]], [[0.7, 0.2], [0.9, 0.9], [0.5, 0.4]], [0.5, 0.4])
    (row,) = rows_of(make_scores([0.5, 0.4]), found).itertuples()
    assert (row.layer_index, row.frequency, row.score, row.same_data) == (2, 1.0, pytest.approx(0.3), 0.5)
    assert row.corrected == pytest.approx(0.375) and row.selection_loss == pytest.approx(0.3 - 0.6)
    nothing = splits([[np.nan, np.nan]], [[0.1, 0.2]], [0.5, 0.4])
    assert choice_rows(nothing, []) == [] and most_often(nothing) is None


def test_of_two_layers_that_are_chosen_as_often_the_earlier_one_stands_for_the_model():
    assert most_often(splits([[0.1, 0.3], [0.4, 0.2]], [[0.0, 0.0]] * 2, [0.1, 0.2])) == 0
    assert most_often(splits([[0.1, 0.3], [0.4, 0.2], [0.1, 0.2]], [[0.0, 0.0]] * 3, [0.1, 0.2])) == 1


def test_the_row_of_a_method_says_which_choice_its_best_layers_show():
    of_layers = [0.5, 0.4, 0.3]
    scores = pd.concat([make_scores(of_layers, method=method) for method in ("paper", "strict")])
    choose = np.array([[0.1, 0.2, 0.3], [0.1, 0.3, 0.2], [0.1, 0.2, 0.3]])
    found = Splits(OTHER_IMAGES, choose, choose / 2, choose, np.array(of_layers), 0.5)
    choices = pd.concat([rows_of(rows, found) for _, rows in scores.groupby("method")]).assign(cortical_layer="all")
    methods = {"paper": {"choice": SAME_DATA}, "strict": {"choice": OTHER_IMAGES}}
    best = choose_layers(scores, choices, methods).set_index("method")
    assert best.layer_index.to_dict() == {"paper": 1, "strict": 3}
    assert best.score.to_dict() == {"paper": 0.5, "strict": pytest.approx(0.15)}
    assert best.choice.to_dict() == {"paper": SAME_DATA, "strict": OTHER_IMAGES}
    assert best.corrected.to_dict() == {"paper": 0.625, "strict": pytest.approx(0.3)}
    assert best.n_features["strict"] == 300
