"""Layers chosen on other images than they are scored on, against plain loops, noise and a planted layer."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from score_tables import make_scores
from scoring import layers_of

from dormouse.inference.layer_choice import OTHER_IMAGES, SAME_DATA, choose_layers, other_images
from dormouse.methods import ridge
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.methods.splits import Splits, draw_halves, rdm_splits, response_splits
from dormouse.neurons.populations import site_rdms

STIMULI = [f"scene_{k}" for k in range(24)]
ROW = {"selection": "strict", "images": "all"}
RSA = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
LEFT_OUT = ROW | {"family": "ridge", "kernels": ["gram"], "target": "responses", "settings": {"penalty": 1.0}}
FOLDS = LEFT_OUT | {"settings": {"folds": 4, "seed": 1, "penalties": [0.1, 10.0]}}


def kernels_of(features: list[np.ndarray]) -> dict[str, np.ndarray]:
    centred = [X - X.mean(axis=1, keepdims=True) for X in features]
    return {
        "centred": np.stack([C @ C.T for C in centred]),
        "row_sum": np.stack([X.sum(axis=1) for X in features]),
        "n_features": np.array([X.shape[1] for X in features]),
    }


def noise(n_layers: int, seed: int, n_neurons: int = 12) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Return features of layers that know nothing of the images, and a population of one area."""
    rng = np.random.default_rng(seed)
    named = {"recording": "one", "animal": "m1", "area": "VISp", "cortical_layer": "4"}
    population = {key: np.full(n_neurons, value) for key, value in named.items()}
    population |= {"mean": rng.standard_normal((len(STIMULI), n_neurons)), "neuron": np.arange(n_neurons).astype(str)}
    return [rng.standard_normal((len(STIMULI), 40)) for _ in range(n_layers)], population


def choices_by_rsa(features, population, n_halves: int = 20) -> tuple[pd.DataFrame, pd.DataFrame]:
    kernels = kernels_of(features)
    targets = {"strict": site_rdms(population, 3)}
    scores = score_rdms(layers_of(kernels), kernels, targets, {"rsa": RSA}, STIMULI).assign(model="net")
    return scores, other_images(scores, rdm_splits(kernels, targets, {"rsa": RSA}, STIMULI, n_halves, seed=0))


def choices_by_ridge(features, population, row) -> tuple[pd.DataFrame, pd.DataFrame]:
    kernels = kernels_of(features)
    given = kernels, {"strict": population}, {"ridge": row}, STIMULI, 3
    scores = score_responses(layers_of(kernels), *given)[1].assign(model="net")
    return scores, other_images(scores, response_splits(*given, n_halves=10, seed=0))


def test_halves_are_random_and_even():
    halves = draw_halves(25, 40, seed=3)
    assert (halves.sum(axis=1) == 12).all() and len(np.unique(halves, axis=0)) == 40
    assert np.array_equal(draw_halves(25, 40, seed=3), halves)
    assert halves.sum(axis=0).min() > 10 and halves.sum(axis=0).max() < 30


def test_choices_by_rsa_equal_those_of_a_plain_loop():
    features, population = noise(5, seed=0)
    _, choices = choices_by_rsa(features, population)
    chosen, nested, fixed = [], [], []

    def r(layer, part):
        upper = np.triu_indices(len(part), k=1)
        rdms = (1 - np.corrcoef(X[part]) for X in (features[layer], population["mean"]))
        return pearsonr(*(rdm[upper] for rdm in rdms)).statistic

    everything = np.arange(len(STIMULI))
    best = int(np.argmax([r(layer, everything) for layer in range(5)]))
    for half in draw_halves(len(STIMULI), 20, seed=0):
        one, other = np.flatnonzero(half), np.flatnonzero(~half)
        chosen.append(int(np.argmax([r(layer, one) for layer in range(5)])))
        nested.append(r(chosen[-1], other))
        fixed.append(r(best, other))
    of_area = choices[choices.cortical_layer == "all"]
    assert dict(zip(of_area.layer_index - 1, of_area.frequency, strict=True)) == {
        layer: chosen.count(layer) / 20 for layer in sorted(set(chosen))
    }
    for column, expected in {
        "score": np.mean(nested),
        "same_data": r(best, everything),
        "optimism": r(best, everything) - np.mean(nested),
        "selection_loss": np.mean(nested) - np.mean(fixed),
        "n_splits": 20,
    }.items():
        np.testing.assert_allclose(of_area[column], expected, rtol=0, atol=1e-9, err_msg=column)
    assert set(choices.choice) == {OTHER_IMAGES} and set(choices.cortical_layer) == {"all", "4"}


def test_choices_by_ridge_in_folds_use_the_errors_that_choose_penalties():
    features, population = noise(4, seed=1)
    _, choices = choices_by_ridge(features, population, FOLDS)
    folds = ridge.make_folds(len(STIMULI), 4, seed=1)
    kernels = [ridge.relative(X @ X.T) for X in features]
    r, error, _ = ridge.nested(kernels, population["mean"], [0.1, 10.0], folds)
    chosen = error.mean(axis=2).argmin(axis=1)
    of_area = choices[choices.cortical_layer == "all"]
    assert sorted(of_area.layer_index - 1) == sorted(set(chosen))
    np.testing.assert_allclose(of_area.score, r.mean(axis=2)[np.arange(4), chosen].mean(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("row", [LEFT_OUT, FOLDS], ids=["left out", "folds"])
def test_a_planted_layer_is_chosen_in_every_split(row):
    features, population = noise(6, seed=2, n_neurons=30)
    population["mean"] = features[3] @ np.random.default_rng(3).standard_normal((40, 30))
    by_ridge, by_rsa = choices_by_ridge(features, population, row)[1], choices_by_rsa(features, population)[1]
    for choices in (by_ridge, by_rsa):
        assert choices.layer_index.tolist() == [4, 4] and choices.frequency.tolist() == [1, 1]
        assert (choices.selection_loss == 0).all() and (choices.score > 0.2).all()


def test_noise_scores_0_with_layers_chosen_elsewhere_and_more_on_the_same_data():
    found = [choices_by_rsa(*noise(30, seed=seed))[1].drop_duplicates("cortical_layer") for seed in range(40)]
    table = pd.concat([part[part.cortical_layer == "all"] for part in found])
    sem = table.score.sem()
    assert abs(table.score.mean()) < 2.5 * sem and sem < 0.02
    assert table.same_data.mean() > 0.1 and table.optimism.mean() > 0.1


def test_ridge_in_folds_scores_noise_0():
    rows = [choices_by_ridge(*noise(8, seed=seed), FOLDS)[1] for seed in range(40)]
    table = pd.concat([part[part.cortical_layer == "all"].drop_duplicates("cortical_layer") for part in rows])
    assert abs(table.score.mean()) < 2.5 * table.score.sem() and table.score.sem() < 0.03


def test_too_few_images_give_no_choice():
    features, population = noise(3, seed=4)
    few = population | {"mean": population["mean"][:7]}
    kernels = kernels_of([X[:7] for X in features])
    given = kernels, {"strict": few}, {"ridge": LEFT_OUT}, STIMULI[:7], 3
    scores = score_responses(layers_of(kernels), *given)[1].assign(model="net")
    choices = other_images(scores, response_splits(*given, n_halves=10, seed=0))
    assert choices.empty and {"frequency", "score", "optimism", "choice"} <= set(choices.columns)


def test_splits_without_any_score_are_left_out():
    scores = make_scores([0.5, 0.4])
    choose = np.array([[[0.1], [0.3]], [[np.nan], [np.nan]], [[np.nan], [0.2]]])
    sites = pd.DataFrame({"area": ["VISp"], "cortical_layer": ["all"]})
    part = Splits("rsa_pearson", "strict", sites, choose, *2 * [np.array([[[0.7], [0.2]], [[0.9], [0.9]], [[0.5], [0.4]]])])
    (row,) = other_images(scores, [part]).itertuples()
    assert (row.layer_index, row.frequency, row.score, row.same_data) == (2, 1.0, pytest.approx(0.3), 0.5)
    assert row.selection_loss == pytest.approx(0.3 - 0.6)


def test_the_row_of_a_method_says_which_choice_its_best_layers_show():
    scores = pd.concat([make_scores([0.5, 0.4, 0.3], method=method) for method in ("paper", "strict")])
    sites = pd.DataFrame({"area": ["VISp"], "cortical_layer": ["all"]})
    choose = np.array([[[0.1], [0.2], [0.3]], [[0.1], [0.3], [0.2]], [[0.1], [0.2], [0.3]]])
    parts = [Splits(method, "strict", sites, choose, choose / 2, choose) for method in ("paper", "strict")]
    choices = pd.concat([other_images(scores[scores.method == part.method], [part]) for part in parts])
    methods = {"paper": {"choice": SAME_DATA}, "strict": {"choice": OTHER_IMAGES}}
    best = choose_layers(scores, choices, methods).set_index("method")
    assert best.layer_index.to_dict() == {"paper": 1, "strict": 3}
    assert best.score.to_dict() == {"paper": 0.5, "strict": pytest.approx(0.15)}
    assert best.choice.to_dict() == {"paper": SAME_DATA, "strict": OTHER_IMAGES}
    assert best.corrected.to_dict() == {"paper": 0.625, "strict": pytest.approx(0.3)}
    assert best.n_features["strict"] == 300
