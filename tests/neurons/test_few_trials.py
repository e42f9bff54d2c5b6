"""Images that were shown once are scored; reliability, ceilings and selection rest on the others, or are not given."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from neuron_groups import make_recording

from dormouse.neurons.ceilings import rdm_reliability
from dormouse.neurons.populations import pool
from dormouse.neurons.reliability_table import measure_reliability
from dormouse.neurons.selection import select
from dormouse.neurons.thresholds import sweep

N_ONCE, N_REPEATED, N_TRIALS, N_NEURONS = 30, 12, 10, 9
ONCE = np.random.default_rng(1).permutation(N_ONCE + N_REPEATED) < N_ONCE  # which images were shown once
PAIRS = [("all", "all"), ("odd", "even")]
OF_SCORES = ["scored_reliability"]
CALCULATED = ["reliability", "split_half_r", "oracle_r", "scored_r", "scored_r_sem", "p_ns", "n_trials"]


def shown(n_neurons=N_NEURONS, noise_sd=1.0, once=ONCE, seed=0):
    """Return a recording in which some images were shown once, at any place of the trials, and the tuning behind it."""
    rng = np.random.default_rng(seed)
    tuning = rng.standard_normal((len(once), n_neurons))
    response = tuning + noise_sd * rng.standard_normal((N_TRIALS, len(once), n_neurons))
    there = rng.integers(0, N_TRIALS, len(once)) == np.arange(N_TRIALS)[:, None]
    response[~(there | ~once)] = np.nan
    return make_recording(response), tuning


def measured(recording, pairs=PAIRS):
    return measure_reliability("one", recording, recording.stimulus, 20, 0, pairs)


def selected(table, filters, min_neurons=3):
    return select(table, ["VISp"], filters, "spearman-brown", -1.0, 0.05, min_neurons)


def test_the_only_trial_of_an_image_is_in_the_half_that_is_scored():
    recording, _ = shown()
    only = np.nansum(recording.response[:, ONCE], axis=0)
    odd, even = (recording.part(name).response for name in ("odd", "even"))
    assert np.isnan(odd[:, ONCE]).all()
    assert ((~np.isnan(even[:, ONCE])).sum(axis=0) == 1).all()
    np.testing.assert_array_equal(np.nansum(even[:, ONCE], axis=0), only)
    np.testing.assert_array_equal(odd[:, ~ONCE], recording.response[0::2, ~ONCE])
    np.testing.assert_array_equal(even[:, ~ONCE], recording.response[1::2, ~ONCE])
    assert not np.isnan(recording.response[:, ~ONCE]).any()  # and the recording itself is as it was


def test_measures_are_those_of_the_images_shown_more_than_once():
    recording, _ = shown()
    alone = measured(recording.select(recording.stimulus[~ONCE]))
    pd.testing.assert_frame_equal(measured(recording)[CALCULATED], alone[CALCULATED])
    assert recording.select(recording.stimulus[~ONCE]).repeated().n_trials().min() == N_TRIALS


@pytest.mark.parametrize(("select_on", "score_on"), PAIRS)
def test_reliability_of_what_is_scored_is_that_of_the_mean_over_all_images(select_on, score_on):
    """Truth: r^2 of the mean over trials with noise-free tuning, less what it is for noise; mean over many neurons."""
    recording, tuning = shown(n_neurons=3000, noise_sd=1.5, once=np.arange(150) < 100)
    table = measured(recording, [(select_on, score_on)])
    mean = pool([("one", recording.part(score_on))], table.assign(recording="one"))["mean"]
    centred = [X - X.mean(axis=0) for X in (tuning, mean)]
    square = (centred[0] * centred[1]).sum(axis=0) ** 2 / np.prod([(X**2).sum(axis=0) for X in centred], axis=0)
    truth = (square.mean() - 1 / 149) / (1 - 1 / 149)
    assert table.scored_reliability.mean() == pytest.approx(truth, abs=0.01)
    r = table.scored_r.mean()
    assert 2 * r / (1 + r) > truth + 0.1  # if images that were shown once were forgotten


def test_a_neuron_without_the_only_trial_of_an_image_is_left_out():
    recording, _ = shown()
    recording.response[:, np.flatnonzero(ONCE)[3], 4] = np.nan
    kept = selected(measured(recording, PAIRS[:1]), ["reliable"])
    assert list(np.flatnonzero(~kept.kept)) == [4] and kept.n_trials[4] == 0
    assert not np.isnan(pool([("one", recording)], kept[kept.kept])["mean"]).any()


@pytest.mark.parametrize(("repeated", "n_trials"), [(0, 1), (0, N_TRIALS), (2, N_TRIALS)])
def test_of_images_shown_once_nothing_is_known_and_neurons_are_kept_without_the_filter(repeated, n_trials, capsys):
    recording, _ = shown(once=np.arange(20) >= repeated)
    if n_trials == 1:
        response = np.nanmax(recording.response, axis=0, keepdims=True)
        recording = replace(recording, response=response, running_speed=recording.running_speed[:1])
    table = measured(recording)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"one: {20 - repeated} of 20 images were shown once; no neuron has a reliability or a noise ceiling."
    assert table[CALCULATED[:-1] + OF_SCORES].isna().all(axis=None) and set(table.n_trials) == {1}
    table = table[table.select_on == "all"].reset_index(drop=True)
    assert selected(table, []).kept.all() and selected(table, ["excitatory"]).kept.all()
    refused = selected(table, ["reliable"], min_neurons=0)
    assert not refused.kept.any() and set(refused.reason) == {"fewer than 2 trials of a stimulus"}
    assert "one: left out, because its neurons" in capsys.readouterr().err


def test_rdms_of_images_shown_once_have_no_ceiling_and_populations_no_reliability(capsys):
    recording, _ = shown()
    kept = selected(measured(recording, PAIRS[:1]), ["reliable"])
    capsys.readouterr()
    n = len(recording.stimulus)
    found = rdm_reliability([("one", recording)], kept, ["all", "4"], ["rdm", "rdm_zscored"], n, 5, 0)
    assert all(table.isna().all(axis=None) and len(table) == 2 for table in found.values())
    assert sweep(
        "VISp", [("one", recording)], kept.assign(value=kept.reliability), [0.0], 3, len(recording.stimulus), 5, 0
    ).empty
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"one: no noise ceiling of RDMs, because {N_ONCE} images have a single trial."
    assert second == f"one: no reliability of populations, because {N_ONCE} images have a single trial."
