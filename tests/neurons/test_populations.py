"""Pooled means are over the trials that are present; sites are the area and its layers with enough neurons."""

import numpy as np
import pytest
from neuron_groups import N_STIMULI, keep
from scipy.spatial.distance import pdist, squareform

from dormouse.neurons import populations


def test_pooled_means_are_over_the_trials_that_are_present(recordings):
    kept = keep(recordings, {"one": ["n1"], "two": ["n0", "n7"]})
    population = populations.pool(recordings.items(), kept)
    assert population["mean"].shape == (N_STIMULI, 21) and population["mean"].dtype == np.float64
    for column, (name, neuron) in enumerate(zip(kept.recording, kept.neuron, strict=True)):
        recording = recordings[name]
        for stimulus in range(N_STIMULI):
            trials = recording.response[:, stimulus, int(neuron[1:])].astype(np.float64)
            expected = np.mean([x for x in trials if not np.isnan(x)])
            assert population["mean"][stimulus, column] == pytest.approx(expected, abs=1e-12)
    for key in ("recording", "neuron", "animal", "area", "cortical_layer"):
        assert list(population[key]) == list(kept[key])


def test_halves_are_means_of_every_other_trial_that_is_present(recordings):
    recordings["one"].response[1:, 3, 2] = np.nan  # a single trial is left
    kept = keep(recordings, {"one": ["n1"], "two": ["n0", "n7"]})
    population = populations.pool(recordings.items(), kept)
    for column, (name, neuron) in enumerate(zip(kept.recording, kept.neuron, strict=True)):
        for stimulus in range(N_STIMULI):
            halves = {"odd": [], "even": []}
            for x in recordings[name].response[:, stimulus, int(neuron[1:])]:
                if not np.isnan(x):
                    halves["odd" if len(halves["odd"]) == len(halves["even"]) else "even"].append(float(x))
            for half, trials in halves.items():
                expected = sum(trials) / len(trials) if trials else np.nan
                assert population[half][stimulus, column] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    for half in ("odd", "even"):
        assert population[half].shape == population["mean"].shape and population[half].dtype == np.float64
    assert np.isnan(population["even"]).sum() == 1 and not np.isnan(population["odd"]).any()


def test_sites_are_the_whole_area_and_known_layers_with_enough_neurons():
    cortical_layer = np.array(["4", "2/3", "", "4", "5", "2/3", "2/3", ""])
    masks = populations.sites(cortical_layer, min_neurons=2)
    assert set(masks) == {"all", "2/3", "4"} and next(iter(masks)) == "all"
    assert masks["all"].all() and masks["all"].dtype == bool
    np.testing.assert_array_equal(np.flatnonzero(masks["4"]), [0, 3])
    np.testing.assert_array_equal(np.flatnonzero(masks["2/3"]), [1, 5, 6])
    assert set(populations.sites(cortical_layer, min_neurons=3)) == {"all", "2/3"}
    assert set(populations.sites(cortical_layer, min_neurons=9)) == set()


def test_rdms_of_sites_use_only_their_own_neurons(recordings):
    population = populations.pool(recordings.items(), keep(recordings, {}))
    result = populations.site_rdms(population, min_neurons=9)
    assert set(result["cortical_layer"]) == {"all", "2/3", "4"}
    for rdm, layer, n_neurons in zip(result["rdm"], result["cortical_layer"], result["n_neurons"], strict=True):
        inside = population["mean"][:, np.isin(population["cortical_layer"], [layer]) | (layer == "all")]
        assert inside.shape[1] == n_neurons == {"all": 24, "2/3": 9, "4": 9}[layer]
        np.testing.assert_allclose(rdm, squareform(pdist(inside, metric="correlation")), rtol=0, atol=1e-12)
    assert list(result["area"]) == ["VISp"] * 3


def test_means_of_the_first_trials_are_over_those_that_are_present(recordings):
    kept = keep(recordings, {"one": ["n1"], "two": ["n0", "n7"]})
    population = populations.pool(recordings.items(), kept)
    assert population["first"].shape == (len(populations.FIRST_TRIALS), N_STIMULI, 21)
    for column, (name, neuron) in enumerate(zip(kept.recording, kept.neuron, strict=True)):
        trials = recordings[name].response[:, :, int(neuron[1:])].astype(np.float64)
        present = [of_stimulus[~np.isnan(of_stimulus)] for of_stimulus in trials.T]
        assert population["n_trials"][column] == min(map(len, present))
        for size, means in zip(populations.FIRST_TRIALS, population["first"], strict=True):
            np.testing.assert_allclose(means[:, column], [values[:size].mean() for values in present], atol=1e-12)
    assert len(set(population["n_trials"])) > 2
