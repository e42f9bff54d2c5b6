"""Simulated recordings: what is known of their neurons is found again after reading them."""

from collections import Counter
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import yaml
from scipy import stats

from dormouse.neurons.reliability import split_half_reliability
from dormouse.recordings import readers
from dormouse.recordings.simulation import (
    KINDS,
    LEAD_FRAMES,
    LOG_RESPONSE_SD,
    MEDIAN_RESPONSE,
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
from dormouse.unit_statistics import lifetime_sparseness

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
    mean, kind = tuning(scenes, gabor_energy(scenes), pooling=0.05, n_neurons=200, seed=[0, 0])
    order, start = presentation_order(n_scenes=40, n_trials=20, seed=[0, 1])
    dff = simulate_traces(mean, order, start, int(start[-1]) + LEAD_FRAMES, seed=[0, 2])
    write_nwb(path, simulated_sites()[0], scenes, dff, order, start, seed=[0, 3])
    return SimpleNamespace(scenes=scenes, mean=mean, kind=kind, recording=readers.read_nwb(path, RESPONSE))


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


def test_neurons_are_of_three_kinds_with_the_stated_shares(simulated):
    share = {kind: (simulated.kind == kind).mean() for kind in KINDS}
    assert share == pytest.approx(KINDS, abs=0.08)


def test_reliabilities_are_spread_as_recorded_ones_and_noise_has_none(simulated):
    reliability = split_half_reliability(simulated.recording.response, n_splits=20, seed=0)
    noise = simulated.kind == "noise"
    assert abs(reliability[noise].mean()) < 0.15
    # of 2,539 neurons recorded by Neuropixels, a quarter lies below .74, a quarter above .95
    assert np.quantile(reliability, 0.25) < 0.75 < np.median(reliability[~noise])
    assert reliability.max() > 0.9


def test_measured_mean_responses_follow_the_true_tuning(simulated):
    measured = simulated.recording.response.mean(axis=0)
    tuned = simulated.kind != "noise"
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(measured.T[tuned], simulated.mean.T[tuned], strict=True)]
    assert np.median(r) > 0.9


def test_responses_are_skewed_and_as_sparse_as_recorded_ones(simulated):
    measured = simulated.recording.response.mean(axis=0)[:-1, simulated.kind == "complex"]
    assert 0.3 < np.median(lifetime_sparseness(measured)) < 0.4
    assert np.median(stats.skew(measured)) > 0.5


def test_mean_responses_are_spread_log_normally_over_neurons(simulated):
    level = np.log(simulated.mean[:-1].mean(axis=0) / MEDIAN_RESPONSE)
    assert stats.kstest(level, stats.norm(0, LOG_RESPONSE_SD).cdf).pvalue > 0.01


def test_noise_neurons_have_no_tuning_and_others_differ_from_each_other(simulated):
    np.testing.assert_allclose(np.ptp(simulated.mean[:, simulated.kind == "noise"], axis=0), 0, atol=1e-12)
    r = np.corrcoef(simulated.mean[:, simulated.kind != "noise"].T)
    assert np.median(r[np.triu_indices_from(r, k=1)]) < 0.5


def test_uniform_grey_has_no_energy_and_drives_no_complex_cell(simulated):
    assert gabor_energy(np.full((1, 64, 82), 127, np.uint8)).max() < np.finfo(np.float32).eps
    np.testing.assert_array_equal(simulated.mean[-1, simulated.kind == "complex"], 0)


def test_the_blank_drives_tuned_neurons_least(simulated):
    measured = simulated.recording.response.mean(axis=0)[:, simulated.kind != "noise"].mean(axis=1)
    assert simulated.recording.stimulus[-1] == "blank"
    assert measured.argmin() == len(measured) - 1


def test_a_neuron_answers_to_what_is_at_its_place():
    scenes, energy = np.zeros((2, 64, 64), np.uint8), np.zeros((3, 6, 2, 64, 64), np.float32)
    # the left half of one scene, the right half of the other
    energy[:, :, 0, :, :32] = energy[:, :, 1, :, 32:] = 1
    scenes[0, :, :32] = scenes[1, :, 32:] = 255
    mean, kind = tuning(scenes, energy, pooling=0.02, n_neurons=300, seed=[0])
    left, right = mean[:2]
    for own in (kind == "complex", kind == "luminance"):
        assert (np.maximum(left, right) > 10 * np.minimum(left, right))[own].mean() > 0.8
        assert 0.2 < (left > right)[own].mean() < 0.8


def test_luminance_cells_are_on_or_off():
    scenes = np.stack([np.full((32, 41), grey, np.uint8) for grey in (0, 128, 255)])
    mean, kind = tuning(scenes, np.ones((3, 6, 3, 32, 41), np.float32), pooling=0.05, n_neurons=200, seed=[0])
    dark, _, light, blank = mean[:, kind == "luminance"]
    assert set(np.sign(light - dark)) == {-1, 1}
    assert (blank > np.minimum(dark, light)).all() and (blank < np.maximum(dark, light)).all()


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
