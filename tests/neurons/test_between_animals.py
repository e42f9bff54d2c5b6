"""RDMs and responses of an animal are compared with those of all other animals."""

import numpy as np
import pytest
from neuron_groups import N_STIMULI, PENALTY, make_population, rdm_by_scipy
from sklearn.linear_model import Ridge

from dormouse.neurons import ceilings


def test_the_rdm_of_each_animal_is_correlated_with_that_of_all_others():
    rng = np.random.default_rng(7)
    animal = ["m1"] * 9 + ["m2"] * 4 + ["m3"] * 12 + ["m4"]  # too few neurons of m4, and of layer 4 in m2
    mixed = rng.permutation(26)
    mean = rng.standard_normal((N_STIMULI, 3)) @ rng.standard_normal((3, 26)) + rng.standard_normal((N_STIMULI, 26))
    population = make_population(mean[:, mixed], list(np.array(animal)[mixed]), ["4" if i % 2 else "5" for i in mixed])
    found = ceilings.inter_animal_rdms(population, ["all", "4"], "rdm", min_neurons=3)
    animal = np.array(animal)
    for layer, value, names in (("all", found[0], ["m1", "m2", "m3"]), ("4", found[1], ["m1", "m3"])):
        inside = np.array([layer == "all" or i % 2 == 1 for i in range(26)])
        r = []
        for name in names:
            own, others = mean[:, inside & (animal == name)], mean[:, inside & (animal != name)]
            r.append(np.corrcoef(rdm_by_scipy(own), rdm_by_scipy(others))[0, 1])
        assert value == pytest.approx(np.mean(r), abs=1e-12)
        assert abs(value) > 0.05


def test_predictions_from_other_animals_equal_refits_without_the_stimulus():
    rng = np.random.default_rng(8)
    animal = np.array(["m1", "m2", "m1", "m3", "m2", "m1", "m3", "m3", "m1", "m2"])
    mean = rng.standard_normal((N_STIMULI, 2)) @ rng.standard_normal((2, 10)) + 0.3 * rng.standard_normal((N_STIMULI, 10))
    mean = 20 * mean + rng.uniform(0, 90, 10)
    for penalty in (0.1, 10.0):
        expected = np.empty(10)
        for neuron in range(10):
            X = mean[:, animal != animal[neuron]]
            X = (X - X.mean(axis=0)) / X.std(axis=0)
            predicted = np.empty(N_STIMULI)
            for left_out in range(N_STIMULI):
                fitted = np.arange(N_STIMULI) != left_out
                ridge = Ridge(alpha=penalty, solver="svd").fit(X[fitted], mean[fitted, neuron])
                predicted[left_out] = ridge.predict(X[[left_out]])[0]
            expected[neuron] = np.corrcoef(predicted, mean[:, neuron])[0, 1]
        found = ceilings.inter_animal_ridge(make_population(mean, list(animal)), penalty, min_neurons=3)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
        assert expected.max() > 0.5


def test_a_single_animal_has_no_values_between_animals():
    mean = np.random.default_rng(9).standard_normal((N_STIMULI, 8))
    population = make_population(mean, ["m1"] * 8)
    assert np.isnan(ceilings.inter_animal_rdms(population, ["all", "4"], "rdm", min_neurons=2)).all()
    assert np.isnan(ceilings.inter_animal_ridge(population, PENALTY, min_neurons=2)).all()


def test_an_animal_is_left_out_if_the_others_have_too_few_neurons():
    mean = np.random.default_rng(10).standard_normal((N_STIMULI, 10))
    population = make_population(mean, ["m1"] * 8 + ["m2"] * 2)
    assert np.isnan(ceilings.inter_animal_rdms(population, ["all"], "rdm", min_neurons=3)).all()
    r = np.corrcoef(rdm_by_scipy(mean[:, :8]), rdm_by_scipy(mean[:, 8:]))[0, 1]
    assert ceilings.inter_animal_rdms(population, ["all"], "rdm", min_neurons=2)[0] == pytest.approx(r, abs=1e-12)


def test_too_few_neurons_of_other_animals_predict_none():
    mean = np.random.default_rng(10).standard_normal((N_STIMULI, 10))
    population = make_population(mean, ["m1"] * 8 + ["m2"] * 2)
    found = ceilings.inter_animal_ridge(population, PENALTY, min_neurons=3)
    assert list(np.isnan(found)) == [True] * 8 + [False] * 2
    assert not np.isnan(ceilings.inter_animal_ridge(population, PENALTY, min_neurons=2)).any()
    mean[:, 9] = 0.3  # a neuron that does not vary predicts nothing
    assert np.isnan(ceilings.inter_animal_ridge(population, PENALTY, min_neurons=2)[:8]).all()


def test_animals_that_are_alike_predict_each_other_and_strangers_do_not():
    rng = np.random.default_rng(11)
    one, other = rng.standard_normal((2, 60, 12))
    twins = make_population(np.concatenate([one, one], axis=1), ["m1"] * 12 + ["m2"] * 12)
    assert ceilings.inter_animal_rdms(twins, ["all"], "rdm", min_neurons=3) == pytest.approx([1.0], abs=1e-12)
    assert ceilings.inter_animal_ridge(twins, PENALTY, min_neurons=3).min() > 0.98
    strangers = make_population(np.concatenate([one, other], axis=1), ["m1"] * 12 + ["m2"] * 12)
    assert abs(ceilings.inter_animal_rdms(strangers, ["all"], "rdm", min_neurons=3)[0]) < 0.1
    assert ceilings.inter_animal_ridge(strangers, PENALTY, min_neurons=3).mean() < 0.1


def test_a_neuron_that_never_varies_neither_predicts_nor_is_predicted():
    mean = np.random.default_rng(12).standard_normal((N_STIMULI, 8))
    animal = ["m1"] * 4 + ["m2"] * 4
    without = ceilings.inter_animal_ridge(make_population(np.delete(mean, 5, axis=1), animal[:-1]), PENALTY, min_neurons=3)
    mean[:, 5] = 0.7
    found = ceilings.inter_animal_ridge(make_population(mean, animal), PENALTY, min_neurons=3)
    assert np.isnan(found[5])
    np.testing.assert_allclose(np.delete(found, 5), without, rtol=0, atol=1e-10)
