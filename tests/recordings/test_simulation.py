"""Simulated recordings: what is known of their neurons is found again after reading them."""

from collections import Counter
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import yaml

from dormouse.neurons.reliability import split_half_reliability
from dormouse.recordings import readers
from dormouse.recordings.simulation import (
    LEAD_FRAMES,
    SWEEP_FRAMES,
    gabor_energy,
    presentation_order,
    simulate_scenes,
    simulate_traces,
    simulated_sites,
    tuning,
    write_nwb,
    write_recordings,
)

SMALL = {"n_scenes": 5, "n_trials": 2, "n_neurons": 3, "height": 32}
RESPONSE = {"measure": "dff", "window_s": (0.0, 0.5), "baseline_s": None}
# AllenSDK cuts a stimulus of a three_session_B file into epochs where a gap is longer
EPOCH_GAP_FRAMES = 15


def write_all(folder, seed):
    """Write small recordings of all sites, and return their files."""
    paths = [folder / f"{site.recording}.nwb" for site in simulated_sites()]
    write_recordings(list(map(str, paths)), **SMALL, seed=seed)
    return paths


def arrays(path):
    """Return every array of a file as (type, bytes), by name."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = (item.dtype, item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """One larger recording, with the truth that it was made from and the trials that are read from it."""
    path = tmp_path_factory.mktemp("simulated") / "900000000.nwb"
    scenes = simulate_scenes(n_scenes=40, height=64, seed=0)
    mean, noise = tuning(gabor_energy(scenes), pooling=0.05, n_neurons=100, seed=[0, 0])
    order, start = presentation_order(n_scenes=40, n_trials=20, seed=[0, 1])
    dff = simulate_traces(mean, order, start, int(start[-1]) + LEAD_FRAMES, seed=[0, 2])
    write_nwb(path, simulated_sites()[0], scenes, dff, order, start, seed=[0, 3])
    return SimpleNamespace(scenes=scenes, mean=mean, noise=noise, recording=readers.read_nwb(path, RESPONSE))


def test_the_same_seed_gives_the_same_arrays(tmp_path):
    for first, second in zip(write_all(tmp_path / "first", 0), write_all(tmp_path / "second", 0), strict=True):
        assert arrays(first) == arrays(second)


def test_another_seed_gives_other_scenes_orders_and_traces(tmp_path):
    first, second = arrays(write_all(tmp_path / "first", 0)[0]), arrays(write_all(tmp_path / "second", 1)[0])
    differing = {name for name in first if first[name] != second[name]}
    assert {
        "stimulus/templates/natural_scenes_image_stack/data",
        "stimulus/presentation/natural_scenes_stimulus/data",
        "processing/brain_observatory_pipeline/DfOverF/imaging_plane_1/data",
        "processing/brain_observatory_pipeline/Fluorescence/imaging_plane_1_demixed_signal/data",
        "processing/brain_observatory_pipeline/BehavioralTimeSeries/running_speed/data",
    } == differing


def test_recordings_cover_six_areas_in_two_animals_each(tmp_path):
    recordings = [readers.read_nwb(path, RESPONSE) for path in write_all(tmp_path, 0)]
    areas = Counter(recording.area[0] for recording in recordings)
    assert areas == dict.fromkeys(("VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"), 2)
    assert len({recording.animal[0] for recording in recordings}) == 12
    assert len({neuron for recording in recordings for neuron in recording.neuron}) == 12 * SMALL["n_neurons"]


def test_recordings_of_one_session_share_scenes_but_not_orders(tmp_path):
    first, second = (arrays(path) for path in write_all(tmp_path, 0)[:2])
    scenes, order = "stimulus/templates/natural_scenes_image_stack/data", "stimulus/presentation/natural_scenes_stimulus/data"
    assert first[scenes] == second[scenes]
    assert first[order] != second[order]


def test_noise_neurons_are_unreliable_and_all_others_reliable(simulated):
    reliability = split_half_reliability(simulated.recording.response, n_splits=20, seed=0)
    noise, signal = reliability[simulated.noise], reliability[~simulated.noise]
    assert 10 < len(noise) < 35
    assert abs(noise.mean()) < 0.15
    assert noise.max() < 0.6 < signal.min()


def test_measured_mean_responses_follow_the_true_tuning(simulated):
    measured = simulated.recording.response.mean(axis=0)
    r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(measured.T, simulated.mean.T, strict=True)])[~simulated.noise]
    assert r.min() > 0.75
    assert np.median(r) > 0.9


def test_noise_neurons_have_no_tuning_and_others_differ_from_each_other(simulated):
    assert np.ptp(simulated.mean[:, simulated.noise]) == 0
    r = np.corrcoef(simulated.mean[:, ~simulated.noise].T)
    assert np.median(r[np.triu_indices_from(r, k=1)]) < 0.5


def test_uniform_grey_has_no_energy_and_drives_no_neuron(simulated):
    assert gabor_energy(np.full((1, 64, 82), 127, np.uint8)).max() < np.finfo(np.float32).eps
    np.testing.assert_array_equal(simulated.mean[-1, ~simulated.noise], 0)


def test_the_blank_drives_tuned_neurons_least(simulated):
    measured = simulated.recording.response.mean(axis=0)[:, ~simulated.noise].mean(axis=1)
    assert simulated.recording.stimulus[-1] == "blank"
    assert measured.argmin() == len(measured) - 1


def test_a_neuron_answers_to_what_is_at_its_place():
    energy = np.zeros((3, 6, 2, 64, 64), np.float32)
    energy[:, :, 0, :, :32] = energy[:, :, 1, :, 32:] = 1  # the left half of one scene, the right half of the other
    mean, noise = tuning(energy, pooling=0.02, n_neurons=50, seed=[0])
    left, right = mean[:2, ~noise]
    assert (np.maximum(left, right) > 10 * np.minimum(left, right)).mean() > 0.8
    assert 0.2 < (left > right).mean() < 0.8


def test_responses_vary_over_trials_by_a_gain_of_coefficient_of_variation_one_half():
    start = LEAD_FRAMES + 60 * np.arange(1000)  # calcium has decayed before the next presentation
    trace = simulate_traces(np.ones((1, 1)), np.zeros(1000, int), start, int(start[-1]) + LEAD_FRAMES, seed=[0])[0]
    response = trace[start[:, None] + np.arange(30)].sum(axis=1)
    assert response.std() / response.mean() == pytest.approx(0.5, abs=0.05)
    assert response.mean() == pytest.approx(SWEEP_FRAMES, rel=0.05)


def test_a_file_of_the_demo_is_small(root, tmp_path):
    demo = yaml.safe_load((root / "config.yaml").read_text())["demo"]
    rng = np.random.default_rng(0)
    order, start = presentation_order(demo["n_scenes"], demo["n_trials"], seed=[0])
    mean = rng.gamma(1, 0.3, (demo["n_scenes"] + 1, demo["n_neurons"]))
    dff = simulate_traces(mean, order, start, int(start[-1]) + LEAD_FRAMES, seed=[1])
    scenes = simulate_scenes(demo["n_scenes"], demo["height"], seed=0)
    write_nwb(tmp_path / "demo.nwb", simulated_sites()[0], scenes, dff, order, start, seed=[2])
    assert (tmp_path / "demo.nwb").stat().st_size < 5e6


def test_every_image_is_presented_as_often_as_there_are_trials():
    order, start = presentation_order(n_scenes=7, n_trials=5, seed=[0])
    assert Counter(order.tolist()) == dict.fromkeys(range(-1, 7), 5)
    assert len(start) == len(order)


def test_presentations_come_in_three_blocks_and_never_overlap():
    order, start = presentation_order(n_scenes=7, n_trials=6, seed=[0])
    gap = np.diff(start) - SWEEP_FRAMES
    assert gap.min() >= 0
    assert (gap > EPOCH_GAP_FRAMES).sum() == 2
    assert np.bincount(np.append(0, np.cumsum(gap > EPOCH_GAP_FRAMES))).tolist() == [16, 16, 16]
    assert np.diff(start)[gap <= EPOCH_GAP_FRAMES].mean() == pytest.approx(7.5, abs=0.05)
    assert len(order) == 48


def test_each_trial_has_an_order_of_its_own():
    order, _ = presentation_order(n_scenes=20, n_trials=4, seed=[0])
    assert len({tuple(trial) for trial in order.reshape(4, 21)}) == 4
    assert not np.array_equal(order, presentation_order(n_scenes=20, n_trials=4, seed=[1])[0])


@pytest.mark.parametrize("height", [32, 128])
def test_scenes_have_the_proportions_of_the_real_ones_and_many_greys(height):
    scenes = simulate_scenes(n_scenes=3, height=height, seed=0)
    assert scenes.dtype == np.uint8
    assert scenes.shape == (3, height, round(height * 1174 / 918))
    assert (scenes.reshape(3, -1).std(axis=1) > 10).all()
    assert all(len(np.unique(scene)) > 50 for scene in scenes)
