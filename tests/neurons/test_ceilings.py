"""Noise ceilings of neurons and RDMs follow their definition, and noise-free data reach them."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from neuron_groups import (
    N_SPLITS,
    N_STIMULI,
    SEED,
    OneAtATime,
    ceiling_of_pooled,
    correlate,
    keep,
    little_memory,
    make_recording,
    rdm_r_of_pooled,
    split_halves,
)
from scipy.spatial.distance import pdist

from dormouse.neurons import ceilings, reliability


@pytest.fixture(autouse=True, params=[nullcontext, little_memory], ids=["one visit", "many visits"])
def memory(request):
    """Everything here holds whether recordings are visited once or many times."""
    with request.param():
        yield


def of_rdms(recordings, kept: pd.DataFrame, layers: list[str], n_splits: int = N_SPLITS) -> pd.DataFrame:
    return ceilings.rdm_reliability(recordings, kept, layers, ["rdm"], N_STIMULI, n_splits, SEED)["rdm"]


def test_ceiling_is_the_root_of_the_reliability_and_0_for_a_negative_one():
    np.testing.assert_allclose(ceilings.ceiling(np.array([0.0, 0.25, 1.0, -0.3])), [0.0, 0.5, 1.0, 0.0])


def test_rdm_reliabilities_equal_those_of_all_neurons_pooled_first(recordings):
    left_out = {"one": ["n1", "n5"], "three": ["n0"]}
    kept, layers = keep(recordings, left_out), ["all", "2/3", "4"]
    result = of_rdms(OneAtATime(recordings), kept, layers)
    inside = {name: ~np.isin(recording.neuron, left_out.get(name, [])) for name, recording in recordings.items()}
    parts = [split_halves(recording.response[:, :, inside[name]]) for name, recording in recordings.items()]
    halves = np.concatenate(parts, axis=-1)
    cortical_layer = np.concatenate([recording.cortical_layer[inside[name]] for name, recording in recordings.items()])
    assert len(cortical_layer) == 21
    masks = [np.full(21, True), cortical_layer == "2/3", cortical_layer == "4"]
    expected = [ceiling_of_pooled(halves[..., mask]) for mask in masks]
    np.testing.assert_allclose(result.ceiling, expected, rtol=0, atol=1e-10)
    assert len({round(value, 3) for value in expected}) == 3 and min(expected) > 0.3
    r = np.array([rdm_r_of_pooled(halves[..., mask]) for mask in masks])
    np.testing.assert_allclose(result.split_half_r, r.mean(axis=1), rtol=0, atol=1e-10)
    sem = [np.sqrt(np.sum((of - of.mean()) ** 2) / (N_SPLITS - 1) / N_SPLITS) for of in r]
    np.testing.assert_allclose(result.split_half_sem, sem, rtol=0, atol=1e-10)


def test_rdm_reliabilities_of_zscored_neurons_equal_those_of_halves_zscored_first(recordings):
    kept, targets = keep(recordings, {}), ["rdm", "rdm_zscored"]
    result = ceilings.rdm_reliability(OneAtATime(recordings), kept, ["all", "4"], targets, N_STIMULI, N_SPLITS, SEED)[
        "rdm_zscored"
    ]
    halves = np.concatenate([split_halves(recording.response) for recording in recordings.values()], axis=-1)
    halves = (halves - halves.mean(axis=2, keepdims=True)) / halves.std(axis=2, keepdims=True)
    layer = np.concatenate([recording.cortical_layer for recording in recordings.values()])
    expected = [ceiling_of_pooled(halves), ceiling_of_pooled(halves[..., layer == "4"])]
    np.testing.assert_allclose(result.ceiling, expected, rtol=0, atol=1e-10)


def test_standard_error_is_missing_for_one_split_and_falls_with_their_number(recordings):
    kept = keep(recordings, {})
    few, many, one = (of_rdms(recordings.items(), kept, ["all"], n) for n in (20, 500, 1))
    assert np.isnan(one.split_half_sem[0]) and one.split_half_r[0] > 0
    assert few.split_half_sem[0] / many.split_half_sem[0] == pytest.approx(5, rel=0.5)


def test_a_site_of_noise_has_a_ceiling_near_0():
    response = np.random.default_rng(5).standard_normal((10, 60, 40))
    recording = make_recording(response)
    result = ceilings.rdm_reliability(
        [("one", recording)], keep({"one": recording}, {}), ["all"], ["rdm"], N_STIMULI, N_SPLITS, SEED
    )["rdm"]
    assert 0 <= result.ceiling[0] < 0.3 and abs(result.split_half_r[0]) < 0.05


@pytest.mark.parametrize(("n_dimensions", "noise_sd"), [(None, 1.0), (None, 2.0), (5, 2.0), (5, 3.0)])
def test_the_noise_free_rdm_correlates_with_the_measured_one_as_high_as_the_ceiling(n_dimensions, noise_sd):
    """The extrapolation is exact for noise added to distances, and nearly so for noise added to responses."""
    n_simulations, n_neurons, n_trials = 12, 60, 10
    reached, estimated = [], []
    for seed in range(n_simulations):
        rng = np.random.default_rng(seed)
        if n_dimensions is None:
            tuning = rng.standard_normal((40, n_neurons))
        else:
            mixture = rng.standard_normal((40, n_dimensions)) @ rng.standard_normal((n_dimensions, n_neurons))
            tuning = mixture / np.sqrt(n_dimensions)
        recording = make_recording(tuning + noise_sd * rng.standard_normal((n_trials, 40, n_neurons)))
        measured = pdist(recording.response.mean(axis=0), metric="correlation")
        reached.append(np.corrcoef(pdist(tuning, metric="correlation"), measured)[0, 1])
        kept = pd.DataFrame({"recording": "one", "neuron": recording.neuron})
        estimated += list(of_rdms([("one", recording)], kept, ["all"]).ceiling)
    assert np.mean(estimated) == pytest.approx(np.mean(reached), abs=0.05)


@pytest.mark.parametrize("noise_sd", [1.0, 3.0])
def test_true_tuning_correlates_with_the_measured_mean_as_high_as_the_neurons_ceiling(noise_sd):
    rng = np.random.default_rng(6)
    tuning = rng.standard_normal((300, 150))
    response = (tuning + noise_sd * rng.standard_normal((10, 300, 150))).astype(np.float32)
    estimated = ceilings.ceiling(reliability.split_half_reliability(response, 20, SEED))
    difference = correlate(tuning, response.mean(axis=0)) - estimated
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))
    assert estimated.mean() == pytest.approx(1 / np.sqrt(1 + noise_sd**2 / 10), abs=0.02)
