"""Layers chosen on other trials, and on other animals, than they are scored on, against plain loops."""

import numpy as np
import pytest
from experiments import LEFT_OUT, RSA, kernels_of, population_of
from scipy.stats import pearsonr
from scoring import layers_of

from dormouse.inference.assessment import assess
from dormouse.inference.layer_choice import OTHER_ANIMALS, OTHER_TRIALS, Splits, splits_of
from dormouse.inference.scorers import scorers
from dormouse.methods.ridge import leave_one_out_r

N, LAYERS = 16, 7
ROWS = {"rsa": RSA, "ridge": LEFT_OUT}
ANIMALS = np.repeat(["m1", "m2", "m3"], [9, 5, 7])
STIMULI = [f"scene_{k}" for k in range(N)]


def data(animals=ANIMALS, seed: int = 0) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Layers and neurons that have nothing in common, so that choices differ; odd and even trials differ, too."""
    rng = np.random.default_rng(seed)
    odd, even = rng.standard_normal((2, N, len(animals)))
    population = population_of((odd + even) / 2, animals) | {"odd": odd, "even": even}
    return [rng.standard_normal((N, 25)) for _ in range(LAYERS)], population


def score(name: str, X: np.ndarray, Y: np.ndarray) -> float:
    if name == "ridge":
        return leave_one_out_r([X @ X.T], Y, [10.0])[0, 0].mean()
    upper = np.triu_indices(N, k=1)
    return pearsonr(*((1 - np.corrcoef(values))[upper] for values in (X, Y))).statistic


def chosen(name: str, features, population, choice: str):
    found = scorers(kernels_of(features), {"strict": population}, {name: ROWS[name]}, STIMULI, 3)
    resampling = {"n_boot": 2, "n_halves": 2, "n_neurons": 4, "seed": 0}
    given = {"n_halves": 3, "seed": 0}, resampling, {"rdm": 1, "responses": 1}
    table, animals, _ = assess(layers_of(kernels_of(features)), found, *given)
    return table[table.choice == choice], animals


def check(rows, layers: list[int], nested: list[float], fixed: list[float], same: float):
    assert dict(zip(rows.layer_index - 1, rows.frequency, strict=True)) == {
        layer: layers.count(layer) / len(layers) for layer in sorted(set(layers))
    }
    expected = {"score": np.mean(nested), "same_data": same, "optimism": same - np.mean(nested)}
    expected |= {"selection_loss": np.mean(nested) - np.mean(fixed), "n_splits": len(layers)}
    for column, value in expected.items():
        np.testing.assert_allclose(rows[column], value, rtol=0, atol=1e-9, err_msg=column)


@pytest.mark.parametrize("name", ROWS)
def test_layers_are_chosen_on_odd_and_scored_on_even_trials_and_the_reverse(name):
    features, population = data(seed=4)
    rows, _ = chosen(name, features, population, OTHER_TRIALS)
    r = {trials: [score(name, X, population[trials]) for X in features] for trials in ("odd", "even", "mean")}
    best = {trials: int(np.argmax(values)) for trials, values in r.items()}
    assert best["odd"] != best["even"]
    layers, scored = [best["odd"], best["even"]], ["even", "odd"]
    nested = [r[trials][layer] for trials, layer in zip(scored, layers, strict=True)]
    check(rows, layers, nested, [r[trials][best["mean"]] for trials in scored], np.mean([max(r["odd"]), max(r["even"])]))


@pytest.mark.parametrize("name", ROWS)
def test_layers_are_chosen_in_other_animals_and_scored_in_the_one_left_out(name):
    features, population = data(seed=1)
    rows, animals = chosen(name, features, population, OTHER_ANIMALS)
    names = ["m1", "m2", "m3"]
    r = np.array([[score(name, X, population["mean"][:, animal == ANIMALS]) for X in features] for animal in names])
    layers = [int(np.argmax(np.mean([r[k] for k in range(3) if k != left], axis=0))) for left in range(3)]
    together = r.mean(axis=0)
    assert len(set(layers)) > 1
    nested = [r[left, layer] for left, layer in enumerate(layers)]
    check(rows, layers, nested, [r[left, together.argmax()] for left in range(3)], together.max())
    pooled = [score(name, X, population["mean"]) for X in features]
    assert list(animals.animal) == names and list(animals.n_neurons) == [9, 5, 7]
    assert set(animals.layer_index) == {np.argmax(pooled) + 1}
    np.testing.assert_allclose(animals.score, r[:, np.argmax(pooled)], rtol=0, atol=1e-9)


def test_one_animal_has_no_others_and_missing_trials_no_others():
    features, population = data(np.repeat("m1", 6))
    assert chosen("rsa", features, population, OTHER_ANIMALS)[0].empty
    population |= {"even": np.full((N, 6), np.nan)}
    for name in ROWS:
        assert chosen(name, features, population, OTHER_TRIALS)[0].empty


def test_an_animal_with_too_few_neurons_counts_only_in_the_pooled_site():
    features, population = data(np.repeat(["m1", "m2", "m3"], [9, 2, 7]))
    (scorer,) = scorers(kernels_of(features), {"strict": population}, {"rsa": RSA}, STIMULI, 3)
    assert list(scorer.sites.animal) == ["", "m1", "m3"] and list(scorer.sites.n_neurons) == [18, 9, 7]
    whole = scorer.scores()
    found: dict[str, Splits] = {part.choice: part for _, part in splits_of(scorer, whole, None)}
    assert set(found) == {OTHER_TRIALS, OTHER_ANIMALS}
    np.testing.assert_array_equal(found[OTHER_ANIMALS].choose, found[OTHER_ANIMALS].score[::-1])
