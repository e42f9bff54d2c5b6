"""Halves of trials in blocks: splits that are alike are made once, and memory holds few of them."""

import numpy as np
import pytest
from neuron_groups import N_STIMULI, SEED, keep, make_recording

from dormouse.neurons import halves
from dormouse.neurons.ceilings import rdm_reliability

N_SPLITS = 12


def recording_of(n_trials: int, seed: int = 2):
    return make_recording(np.random.default_rng(seed).standard_normal((n_trials, N_STIMULI, 9)))


@pytest.mark.parametrize(("n_trials", "n_distinct"), [((2,), 1), ((2, 2), 1), ((3,), 3), ((4,), 3)])
def test_splits_that_deal_alike_are_made_once(monkeypatch, n_trials, n_distinct):
    monkeypatch.setattr(halves, "SUMS_BYTES", 1)
    recordings = [(f"r{k}", recording_of(n, k)) for k, n in enumerate(n_trials)]
    blocks, place = halves.split_blocks(recordings, 100, SEED, 1)
    assert len(blocks) == n_distinct == len(set(place)) and len(place) == 100
    kept = keep(dict(recordings), {})
    given = recordings, kept, ["all"], ["rdm"], N_STIMULI, N_SPLITS, SEED
    by_blocks = rdm_reliability(*given)["rdm"]
    monkeypatch.setattr(halves, "SUMS_BYTES", 2**30)
    assert len(halves.split_blocks(recordings, 100, SEED, 1)[0]) == 1
    np.testing.assert_allclose(by_blocks, rdm_reliability(*given)["rdm"], rtol=1e-12, atol=1e-12)


def test_halves_that_change_places_in_one_recording_alone_are_other_halves(monkeypatch):
    """Of two and of four trials: what is in the same half as what, in both recordings."""
    monkeypatch.setattr(halves, "SUMS_BYTES", 1)
    recordings = [("a", recording_of(2)), ("b", recording_of(4))]
    blocks, _ = halves.split_blocks(recordings, 1000, SEED, 1)
    assert len(blocks) == 2 * 3


def test_missing_trials_are_dealt_anew_in_every_split(monkeypatch):
    monkeypatch.setattr(halves, "SUMS_BYTES", 1)
    recording = recording_of(3)
    recording.response[1, 2, 3] = np.nan
    blocks, place = halves.split_blocks([("one", recording)], 20, SEED, 1)
    assert len(blocks) == 20 and (place == np.arange(20)).all()


def test_neurons_come_in_blocks(monkeypatch):
    recording = recording_of(4)
    inside = np.arange(9) % 3 > 0
    ((neurons, whole),) = halves.halves_of(recording, inside, N_SPLITS, SEED, np.arange(3))
    monkeypatch.setattr(halves, "HALVES_BYTES", 2 * 2 * 8 * 3 * N_STIMULI)
    parts = list(halves.halves_of(recording, inside, N_SPLITS, SEED, np.arange(3)))
    assert [len(some) for some, _ in parts] == [2, 2, 2] and list(neurons) == [1, 2, 4, 5, 7, 8]
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts], axis=-1), whole)
