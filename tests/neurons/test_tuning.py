"""The metrics of tuning, against SciPy for each neuron, on simulated neurons of known tuning, and against AllenSDK."""

import os
import subprocess
import warnings

import numpy as np
import pytest
from scipy import stats

from dormouse.neurons import tuning
from dormouse.recordings.nwb1 import read_session
from dormouse.recordings.session import trials
from dormouse.recordings.simulation import (
    LEAD_FRAMES,
    presentation_order,
    simulate_scenes,
    simulate_traces,
    simulated_sites,
    write_nwb,
)
from dormouse.recordings.trials import Recording
from dormouse.stimuli.images import BLANK

N_TRIALS, N_SCENES, N_NEURONS = 14, 6, 9
FLOAT32_ROUNDING = 1.2e-7


def make_recording(response: np.ndarray, running_speed: np.ndarray | None = None, blank: bool = True) -> Recording:
    """Give a recording whose last stimulus is the blank, if `blank` is true."""
    n_trials, n_stimuli, n_neurons = response.shape
    speed = np.full((n_trials, n_stimuli), np.nan) if running_speed is None else running_speed
    return Recording(
        response=response.astype(np.float32),
        running_speed=np.broadcast_to(speed, (n_trials, n_stimuli)).astype(np.float32),
        stimulus=np.array([f"scene_{i:03d}" for i in range(n_stimuli - blank)] + [BLANK] * blank),
        image_sha256=np.full(n_stimuli, ""),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),
        animal=np.full(n_neurons, "m1"),
        area=np.full(n_neurons, "VISp"),
        cortical_layer=np.full(n_neurons, "4"),
        depth_um=np.full(n_neurons, 275.0),
        cre_line=np.full(n_neurons, ""),
        unit="dF/F",
    )


def make_response(seed: int, signal_sd: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = signal_sd * rng.standard_normal((N_SCENES + 1, N_NEURONS))
    return signal + rng.standard_normal((N_TRIALS, N_SCENES + 1, N_NEURONS))


def make_speed(seed: int, shape: tuple[int, int] = (N_TRIALS, N_SCENES + 1)) -> np.ndarray:
    return np.random.default_rng(seed).exponential(1.2, shape)


def anova_by_loop(recording: Recording) -> np.ndarray:
    p = []
    for neuron in range(recording.response.shape[2]):
        of_stimulus = recording.response[:, :, neuron].T.astype(np.float64)
        p.append(stats.f_oneway(*[values[~np.isnan(values)] for values in of_stimulus]).pvalue)
    return np.array(p)


def running_by_loop(recording: Recording) -> np.ndarray:
    p = []
    scenes = [i for i, name in enumerate(recording.stimulus) if name != "blank"]
    for neuron in range(recording.response.shape[2]):
        response = recording.response[:, :, neuron].astype(np.float64)
        preferred = max(scenes, key=lambda i: np.mean([x for x in response[:, i] if not np.isnan(x)] or [-np.inf]))
        kinds = [], []
        for value, speed in zip(response[:, preferred], recording.running_speed[:, preferred], strict=True):
            if not np.isnan(value) and not np.isnan(speed):
                kinds[int(speed >= 1)].append(value)
        enough = min(map(len, kinds)) > 4
        p.append(stats.ttest_ind(kinds[1], kinds[0], equal_var=False).pvalue if enough else np.nan)
    return np.array(p)


def test_p_ns_equals_a_one_way_analysis_of_variance_of_each_neuron():
    recording = make_recording(make_response(seed=0))
    expected = anova_by_loop(recording)
    np.testing.assert_allclose(tuning.anova(recording), expected, rtol=1e-9)
    assert expected.min() < 0.05 < expected.max()


def test_p_ns_leaves_missing_trials_out_by_stimulus_and_neuron():
    response = make_response(seed=1)
    response[np.random.default_rng(2).random(response.shape) < 0.3] = np.nan
    response[:, :, 0] = make_response(seed=3)[:, :, 0]  # this neuron has all of them
    recording = make_recording(response)
    assert recording.n_trials().min() >= 2 and len(np.unique(recording.n_trials())) > 4
    np.testing.assert_allclose(tuning.anova(recording), anova_by_loop(recording), rtol=1e-9)


def test_p_ns_of_neurons_that_respond_to_nothing_is_uniform():
    recording = make_recording(np.random.default_rng(4).standard_normal((8, 20, 600)))
    assert stats.kstest(tuning.anova(recording), "uniform").pvalue > 0.01


def test_p_ns_of_a_neuron_that_responds_to_one_scene_is_small():
    response = np.random.default_rng(5).standard_normal((10, 20, 3))
    response[:, 13, 1] += 4
    p = tuning.anova(make_recording(response))
    assert p[1] < 1e-6 and (p[[0, 2]] > 1e-3).all()


def test_a_response_to_the_blank_alone_counts_in_p_ns():
    response = np.random.default_rng(6).standard_normal((10, 20, 50))
    response[:, -1] += 4
    assert (tuning.anova(make_recording(response)) < 1e-6).all()
    assert np.median(tuning.anova(make_recording(response[:, :-1], blank=False))) > 0.2


def test_p_ns_of_a_neuron_that_never_varies_is_missing():
    response = make_response(seed=7)
    response[:, :, 2] = 0.3
    assert np.isnan(tuning.anova(make_recording(response))).tolist() == [i == 2 for i in range(N_NEURONS)]


def test_running_modulation_equals_welchs_test_of_each_neurons_preferred_scene():
    recording = make_recording(make_response(seed=8), make_speed(seed=9))
    expected = running_by_loop(recording)
    assert 0 < np.isnan(expected).sum() < N_NEURONS
    np.testing.assert_allclose(tuning.running_modulation(recording), expected, rtol=1e-9)


def test_running_modulation_leaves_missing_trials_and_unknown_speeds_out():
    response, speed = make_response(seed=10), make_speed(seed=11)
    rng = np.random.default_rng(12)
    response[rng.random(response.shape) < 0.1] = np.nan
    speed[rng.random(speed.shape) < 0.1] = np.nan
    recording = make_recording(response, speed)
    expected = running_by_loop(recording)
    assert 0 < np.isnan(expected).sum() < N_NEURONS
    np.testing.assert_allclose(tuning.running_modulation(recording), expected, rtol=1e-9)


def test_a_scene_without_any_trial_is_not_preferred():
    response, speed = make_response(seed=13), make_speed(seed=14)
    response[:, 2, :5] = np.nan
    recording = make_recording(response, speed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tuning.running_modulation(recording)
    np.testing.assert_allclose(found, running_by_loop(recording), rtol=1e-9)


def test_the_blank_is_never_the_preferred_scene():
    response, speed = make_response(seed=15), np.where(np.arange(N_TRIALS) < 7, 0.0, 9.0)[:, None]
    response[:, -1] += 100
    response[7:, -1] += 100  # running doubles the response to the blank
    recording = make_recording(response, speed)
    expected = running_by_loop(recording)
    assert expected.min() > 1e-4
    np.testing.assert_allclose(tuning.running_modulation(recording), expected, rtol=1e-9)
    without = make_recording(response[:, :-1], speed, blank=False)
    np.testing.assert_allclose(tuning.running_modulation(without), expected, rtol=1e-9)


@pytest.mark.parametrize(("n_running", "n_still", "tested"), [(5, 5, True), (5, 4, False), (4, 5, False), (9, 0, False)])
def test_running_modulation_needs_five_trials_of_either_kind(n_running, n_still, tested):
    speed = np.repeat([1.0, 0.999, np.nan], [n_running, n_still, 20 - n_running - n_still])[:, None]
    response = np.random.default_rng(16).standard_normal((20, 4, 3))
    assert np.isnan(tuning.running_modulation(make_recording(response, speed))).tolist() == [not tested] * 3


def test_trials_that_are_missing_do_not_count_among_the_five():
    speed = np.repeat([3.0, 0.0], 5)[:, None]
    response = np.random.default_rng(17).standard_normal((10, 4, 2))
    response[:, 1] += 10
    response[2, 1, 0] = np.nan
    assert np.isnan(tuning.running_modulation(make_recording(response, speed))).tolist() == [True, False]


def test_running_is_a_speed_of_one_centimetre_a_second_or_more():
    response = np.random.default_rng(18).standard_normal((12, 4, 3))
    found = tuning.running_modulation(make_recording(response, np.repeat([1.0, 0.99], 6)[:, None]))
    expected = running_by_loop(make_recording(response, np.repeat([50.0, -50.0], 6)[:, None]))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_unknown_speeds_give_missing_values_without_warnings():
    recording = make_recording(make_response(seed=19))
    assert np.isnan(recording.running_speed).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tuning.running_modulation(recording)
    assert found.shape == (N_NEURONS,) and np.isnan(found).all()


def test_running_modulation_of_unmodulated_neurons_is_uniform():
    rng = np.random.default_rng(20)
    response = rng.standard_normal((40, 4, 600))
    response[:, 0] += 5
    p = tuning.running_modulation(make_recording(response, np.where(rng.random((40, 1)) < 0.5, 0.0, 9.0)))
    assert stats.kstest(p, "uniform").pvalue > 0.01


@pytest.mark.parametrize("change", [3.0, -3.0])
def test_a_response_that_running_changes_is_found(change):
    rng = np.random.default_rng(21)
    response, speed = rng.standard_normal((40, 4, 20)), np.where(np.arange(40) % 2, 0.0, 9.0)
    response[:, 1] += 6
    response[speed > 0, 1, :10] += change
    p = tuning.running_modulation(make_recording(response, speed[:, None]))
    assert (p[:10] < 1e-4).all() and (p[10:] > 1e-3).all()


BY_ALLENSDK = """
import sys

import numpy as np
from allensdk.brain_observatory.natural_scenes import NaturalScenes
from allensdk.core.brain_observatory_nwb_data_set import BrainObservatoryNwbDataSet

analysis = NaturalScenes(BrainObservatoryNwbDataSet(sys.argv[1]))
sweeps, peak = analysis.mean_sweep_response, analysis.peak
np.savez(
    sys.argv[2],
    frame=analysis.stim_table["frame"].to_numpy(int),
    response=sweeps[[str(i) for i in range(analysis.numbercells)]].to_numpy(float),
    speed=sweeps["dx"].to_numpy(float),
    scene=peak["scene_ns"].to_numpy(int),
    p_ns=peak["ptest_ns"].to_numpy(float),
    p_run_mod_ns=peak["p_run_ns"].to_numpy(float),
)
"""
SDK_TRIALS, SDK_SCENES, SDK_CELLS = 12, 118, 6


@pytest.fixture(scope="module")
def by_allensdk(tmp_path_factory) -> tuple[Recording, dict[str, np.ndarray]]:
    """Give the trials of a simulated session by the measure `sweep`, and what AllenSDK makes of the same file."""
    if "DORMOUSE_ALLENSDK" not in os.environ:
        pytest.skip("needs AllenSDK: set DORMOUSE_ALLENSDK to a Python that has it")
    folder, rng = tmp_path_factory.mktemp("session"), np.random.default_rng(22)
    order, start = presentation_order(SDK_SCENES, SDK_TRIALS, seed=[22, 1])
    mean = np.append(rng.gamma(0.5, 0.3, (SDK_SCENES, SDK_CELLS)), np.zeros((1, SDK_CELLS)), axis=0)
    mean[:, 0] = 0.1  # this cell responds to all scenes alike
    mean[-1, :2] = 0.1, 9.0  # and this one most to the blank
    dff = simulate_traces(mean, order, start, int(start[-1]) + LEAD_FRAMES, seed=[22, 2])
    path = folder / "900000000.nwb"
    write_nwb(path, simulated_sites()[0], simulate_scenes(SDK_SCENES, 16, seed=22), dff, order, start, seed=[22, 3])
    command = [os.environ["DORMOUSE_ALLENSDK"], "-W", "ignore", "-c", BY_ALLENSDK, path, folder / "sdk.npz"]
    subprocess.run(command, check=True, cwd=folder)
    with np.load(folder / "sdk.npz") as stored:
        return trials(read_session(path, "fluorescence"), "sweep", (0, 0.5), None), dict(stored)


def by_trial(values: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Sort values of presentations (n, ...) by trial and stimulus, the blank last."""
    return np.stack([values[frame == image] for image in [*range(SDK_SCENES), -1]], axis=1)


@pytest.mark.allen
@pytest.mark.allensdk
def test_mean_sweep_responses_equal_those_of_allensdk(by_allensdk):
    recording, sdk = by_allensdk
    assert recording.response.shape == (SDK_TRIALS, SDK_SCENES + 1, SDK_CELLS)
    np.testing.assert_allclose(recording.response, by_trial(sdk["response"], sdk["frame"]), rtol=FLOAT32_ROUNDING, atol=1e-12)
    np.testing.assert_allclose(recording.running_speed, by_trial(sdk["speed"], sdk["frame"]), rtol=1e-6)


@pytest.mark.allen
@pytest.mark.allensdk
def test_p_values_equal_those_of_allensdk(by_allensdk):
    recording, sdk = by_allensdk
    assert sdk["p_ns"].min() < 1e-6 and sdk["p_ns"].max() > 0.01
    np.testing.assert_allclose(tuning.anova(recording), sdk["p_ns"], rtol=1e-6, atol=1e-15)
    assert 0 < np.isnan(sdk["p_run_mod_ns"]).sum() < SDK_CELLS
    np.testing.assert_allclose(tuning.running_modulation(recording), sdk["p_run_mod_ns"], rtol=1e-6)
