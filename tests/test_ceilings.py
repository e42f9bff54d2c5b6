from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from dormouse import ceilings, populations, reliability, tables
from dormouse.recordings.trials import Recording, write_recording

N_SPLITS, SEED = 6, 3
N_STIMULI = 14
LAYERS = ["2/3", "4", "", "4", "2/3", "5", "4", "2/3"]


def make_recording(response: np.ndarray, area: str = "VISp", layers: list[str] | None = None) -> Recording:
    n_trials, n_stimuli, n_neurons = response.shape
    return Recording(
        response=response.astype(np.float32),
        running_speed=np.zeros((n_trials, n_stimuli), np.float32),
        stimulus=np.array([f"image_{i:03d}" for i in range(n_stimuli)]),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),  # ids repeat between recordings
        animal=np.full(n_neurons, "m1"),
        area=np.full(n_neurons, area),
        cortical_layer=np.resize(LAYERS, n_neurons) if layers is None else np.array(layers),
        depth_um=np.full(n_neurons, 175.0),
        cre_line=np.full(n_neurons, ""),
        unit="dF/F",
    )


def make_response(n_trials: int, n_neurons: int, noise_sd: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tuning = rng.standard_normal((N_STIMULI, n_neurons))
    return tuning + noise_sd * rng.standard_normal((n_trials, N_STIMULI, n_neurons)) + rng.uniform(0, 5, n_neurons)


def keep(recordings: dict[str, Recording], left_out: dict[str, list[str]]) -> pd.DataFrame:
    """Rows of the table `neurons` that are kept: all but those left out."""
    rows = pd.concat([reliability.measure(name, recording, N_SPLITS, SEED) for name, recording in recordings.items()])
    out = [neuron in left_out.get(name, []) for name, neuron in zip(rows.recording, rows.neuron, strict=True)]
    return rows[~np.array(out)].reset_index(drop=True)


def split_halves(response: np.ndarray) -> np.ndarray:
    """Means of the halves of every split, (2, N_SPLITS, n_stimuli, n_neurons), one cell at a time by the definition."""
    order = np.argsort(np.random.default_rng(SEED).random((N_SPLITS, len(response))), axis=1)
    halves = np.empty((2, N_SPLITS, *response.shape[1:]))
    for split, stimulus, neuron in np.ndindex(halves.shape[1:]):
        trials = response[:, stimulus, neuron].astype(np.float64)
        present = trials[~np.isnan(trials)]
        dealt = order[split][order[split] < len(present)]
        middle = len(dealt) // 2
        halves[:, split, stimulus, neuron] = present[dealt[:middle]].mean(), present[dealt[middle:]].mean()
    return halves


def ceiling_of_pooled(halves: np.ndarray) -> float:
    pairs = np.triu_indices(halves.shape[2], k=1)
    r = np.mean([np.corrcoef(*(1 - np.corrcoef(half[split])[pairs] for half in halves))[0, 1] for split in range(N_SPLITS)])
    return np.sqrt(2 * r / (1 + r))


def correlate(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(A.T, B.T, strict=True)])


@pytest.fixture
def recordings() -> dict[str, Recording]:
    """Three recordings, of 8, 7 and 10 trials; the second lacks trials here and there."""
    responses = [make_response(n_trials, 8, 1.0, seed=i) for i, n_trials in enumerate((8, 7, 10))]
    responses[1][np.random.default_rng(4).random(responses[1].shape) < 0.2] = np.nan
    assert (~np.isnan(responses[1])).sum(axis=0).min() >= 2
    return {name: make_recording(response) for name, response in zip(("one", "two", "three"), responses, strict=True)}


def test_ceiling_is_the_root_of_the_reliability_and_0_for_a_negative_one():
    np.testing.assert_allclose(ceilings.ceiling(np.array([0.0, 0.25, 1.0, -0.3])), [0.0, 0.5, 1.0, 0.0])


def test_rdm_ceilings_are_those_of_all_neurons_pooled_first(recordings):
    left_out = {"one": ["n1", "n5"], "three": ["n0"]}
    kept, layers = keep(recordings, left_out), ["all", "2/3", "4"]
    result = ceilings.rdm_ceilings(iter(recordings.items()), kept, layers, N_SPLITS, SEED)
    inside = {name: ~np.isin(recording.neuron, left_out.get(name, [])) for name, recording in recordings.items()}
    parts = [split_halves(recording.response[:, :, inside[name]]) for name, recording in recordings.items()]
    halves = np.concatenate(parts, axis=-1)
    cortical_layer = np.concatenate([recording.cortical_layer[inside[name]] for name, recording in recordings.items()])
    assert len(cortical_layer) == 21
    masks = [np.full(21, True), cortical_layer == "2/3", cortical_layer == "4"]
    expected = [ceiling_of_pooled(halves[..., mask]) for mask in masks]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-10)
    assert len({round(value, 3) for value in expected}) == 3 and min(expected) > 0.3


def test_a_site_of_noise_has_a_ceiling_near_0():
    response = np.random.default_rng(5).standard_normal((10, 60, 40))
    recording = make_recording(response)
    result = ceilings.rdm_ceilings([("one", recording)], keep({"one": recording}, {}), ["all"], N_SPLITS, SEED)
    assert 0 <= result[0] < 0.3


@pytest.mark.parametrize(("n_dimensions", "noise_sd"), [(None, 1.0), (None, 2.0), (5, 2.0), (5, 3.0)])
def test_the_noise_free_rdm_correlates_with_the_measured_one_as_high_as_the_ceiling(n_dimensions, noise_sd):
    """The extrapolation is exact for noise added to distances; noise added to responses is close to that."""
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
        estimated += ceilings.rdm_ceilings([("one", recording)], kept, ["all"], N_SPLITS, SEED)
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


@pytest.fixture
def written(tmp_path, recordings) -> tuple[list[Path], pd.DataFrame]:
    """Recordings of two areas as files, and their kept neurons; a further file holds nothing that is kept."""
    of_two = {name: recordings[name] for name in ("one", "two")}
    of_two["three"] = make_recording(recordings["three"].response, "VISl", ["4"] * 6 + ["5", ""])
    paths = []
    for name, recording in (of_two | {"unused": recordings["one"]}).items():
        paths.append(tmp_path / f"{name}.npz")
        write_recording(paths[-1], recording)
    return paths, keep(of_two, {"one": ["n1"], "two": ["n0"]})


def test_table_of_ceilings_holds_every_neuron_and_every_site_for_both_metrics(tmp_path, written):
    paths, kept = written
    stimuli = np.array([f"image_{i:03d}" for i in range(N_STIMULI)])
    table = ceilings.estimate(paths, stimuli, kept, min_neurons=5, n_splits=N_SPLITS, seed=SEED)
    tables.write_table("ceilings", table, tmp_path / "ceilings.parquet")
    table = tables.read_table("ceilings", tmp_path / "ceilings.parquet")
    assert set(table.estimator) == {ceilings.ESTIMATOR}
    neurons, sites = table[table.neuron.notna()], table[table.neuron.isna()]
    assert list(zip(neurons.recording, neurons.neuron, strict=True)) == list(zip(kept.recording, kept.neuron, strict=True))
    assert list(neurons.area) == list(kept.area) and list(neurons.cortical_layer) == list(kept.cortical_layer)
    assert set(neurons.metric) == {"ridge"} and set(neurons.n_neurons) == {1}
    np.testing.assert_allclose(neurons.ceiling, np.sqrt(np.maximum(kept.reliability, 0)), rtol=0, atol=1e-12)
    sizes = sites.set_index(["area", "cortical_layer", "metric"]).n_neurons.to_dict()
    expected = {("VISp", "all"): 14, ("VISp", "4"): 5, ("VISl", "all"): 8, ("VISl", "4"): 6, ("VISp", "2/3"): 5}
    assert sizes == {(*site, metric): size for site, size in expected.items() for metric in ("ridge", "rsa")}


def test_ceilings_of_sites_are_those_of_their_neurons_and_chosen_stimuli(written):
    paths, kept = written
    chosen = [11, 3, 4, 0, 9, 7, 1, 2, 13, 5]
    stimuli = np.array([f"image_{i:03d}" for i in chosen])
    table = ceilings.estimate(paths, stimuli, kept, min_neurons=5, n_splits=N_SPLITS, seed=SEED)
    ceiling = table[table.neuron.isna()].set_index(["area", "cortical_layer", "metric"]).ceiling
    root = np.sqrt(np.maximum(kept.reliability, 0))
    in_visp = kept.area == "VISp"
    assert ceiling["VISp", "all", "ridge"] == pytest.approx(root[in_visp].mean(), abs=1e-12)
    assert ceiling["VISp", "4", "ridge"] == pytest.approx(root[in_visp & (kept.cortical_layer == "4")].mean(), abs=1e-12)
    assert ceiling["VISl", "4", "ridge"] == pytest.approx(root[~in_visp & (kept.cortical_layer == "4")].mean(), abs=1e-12)
    halves = split_halves(np.load(paths[2])["response"][:, chosen])
    assert ceiling["VISl", "all", "rsa"] == pytest.approx(ceiling_of_pooled(halves), abs=1e-10)
    assert ceiling["VISl", "4", "rsa"] == pytest.approx(ceiling_of_pooled(halves[..., :6]), abs=1e-10)


def test_pooled_means_are_over_the_trials_that_are_there(recordings):
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


def test_sites_are_the_whole_area_and_known_layers_with_enough_neurons():
    cortical_layer = np.array(["4", "2/3", "", "4", "5", "2/3", "2/3", ""])
    masks = populations.sites(cortical_layer, min_neurons=2)
    assert set(masks) == {"all", "2/3", "4"} and next(iter(masks)) == "all"
    assert masks["all"].all() and masks["all"].dtype == bool
    np.testing.assert_array_equal(np.flatnonzero(masks["4"]), [0, 3])
    np.testing.assert_array_equal(np.flatnonzero(masks["2/3"]), [1, 5, 6])
    assert set(populations.sites(cortical_layer, min_neurons=3)) == {"all", "2/3"}
    assert set(populations.sites(cortical_layer, min_neurons=9)) == set()


def test_rdms_of_sites_are_those_of_their_neurons_alone(recordings):
    population = populations.pool(recordings.items(), keep(recordings, {}))
    result = populations.site_rdms(population, min_neurons=9)
    assert set(result["cortical_layer"]) == {"all", "2/3", "4"}
    for rdm, layer, n_neurons in zip(result["rdm"], result["cortical_layer"], result["n_neurons"], strict=True):
        inside = population["mean"][:, np.isin(population["cortical_layer"], [layer]) | (layer == "all")]
        assert inside.shape[1] == n_neurons == {"all": 24, "2/3": 9, "4": 9}[layer]
        np.testing.assert_allclose(rdm, squareform(pdist(inside, metric="correlation")), rtol=0, atol=1e-12)
    assert list(result["area"]) == ["VISp"] * 3
