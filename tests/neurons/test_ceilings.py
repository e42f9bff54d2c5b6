import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.linear_model import Ridge

from dormouse import tables
from dormouse.neurons import ceilings, populations, reliability
from dormouse.neurons.reliability import measure_reliability
from dormouse.recordings.trials import Recording, read_recordings, write_recording

N_SPLITS, SEED = 6, 3
PENALTY = 1.0
N_STIMULI = 14
LAYERS = ["2/3", "4", "", "4", "2/3", "5", "4", "2/3"]


def make_recording(
    response: np.ndarray, area: str = "VISp", layers: list[str] | None = None, animal: str | list[str] = "m1"
) -> Recording:
    n_trials, n_stimuli, n_neurons = response.shape
    return Recording(
        response=response.astype(np.float32),
        running_speed=np.zeros((n_trials, n_stimuli), np.float32),
        stimulus=np.array([f"image_{i:03d}" for i in range(n_stimuli)]),
        image_sha256=np.full(n_stimuli, ""),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),  # ids repeat between recordings
        animal=np.full(n_neurons, animal),
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


def keep(
    recordings: dict[str, Recording], left_out: dict[str, list[str]], select_on: str = "all", score_on: str = "all"
) -> pd.DataFrame:
    """Rows of the table `neurons` that are kept: all but those left out."""
    rows = pd.concat(
        [
            measure_reliability(name, recording, recording.stimulus, N_SPLITS, SEED, select_on, score_on)
            for name, recording in recordings.items()
        ]
    )
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


def rdm_r_of_pooled(halves: np.ndarray) -> np.ndarray:
    """Correlation of the RDMs of both halves of all neurons at once, split by split."""
    pairs = np.triu_indices(halves.shape[2], k=1)
    return np.array([np.corrcoef(*(1 - np.corrcoef(half[k])[pairs] for half in halves))[0, 1] for k in range(N_SPLITS)])


def ceiling_of_pooled(halves: np.ndarray) -> float:
    r = rdm_r_of_pooled(halves).mean()
    return np.sqrt(2 * r / (1 + r))


def of_rdms(recordings, kept: pd.DataFrame, layers: list[str], n_splits: int = N_SPLITS) -> pd.DataFrame:
    return ceilings.rdm_reliability(recordings, kept, layers, ["rdm"], n_splits, SEED)["rdm"]


def one_at_a_time(recordings: dict[str, Recording]) -> Iterator[tuple[str, Recording]]:
    """Give each recording once, and refuse to give one while another than the last is still held."""
    given = []
    for name, recording in recordings.items():
        copy = replace(recording, response=recording.response.copy())
        given.append(weakref.ref(copy.response))
        assert sum(reference() is not None for reference in given) <= 2
        yield name, copy


def make_population(mean: np.ndarray, animal: list[str], layers: list[str] | None = None) -> dict[str, np.ndarray]:
    n_neurons = mean.shape[1]
    return {
        "mean": mean,
        "recording": np.array([f"of_{name}" for name in animal]),
        "neuron": np.array([f"n{i}" for i in range(n_neurons)]),
        "animal": np.array(animal),
        "area": np.full(n_neurons, "VISp"),
        "cortical_layer": np.resize(LAYERS, n_neurons) if layers is None else np.array(layers),
    }


def correlate(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(A.T, B.T, strict=True)])


@pytest.fixture
def recordings() -> dict[str, Recording]:
    """Three recordings of three animals, of 8, 7 and 10 trials; the second lacks trials here and there."""
    responses = [make_response(n_trials, 8, 1.0, seed=i) for i, n_trials in enumerate((8, 7, 10))]
    responses[1][np.random.default_rng(4).random(responses[1].shape) < 0.2] = np.nan
    assert (~np.isnan(responses[1])).sum(axis=0).min() >= 2
    names = ("one", "two", "three")
    return {name: make_recording(x, animal=f"m_{name}") for name, x in zip(names, responses, strict=True)}


def test_ceiling_is_the_root_of_the_reliability_and_0_for_a_negative_one():
    np.testing.assert_allclose(ceilings.ceiling(np.array([0.0, 0.25, 1.0, -0.3])), [0.0, 0.5, 1.0, 0.0])


def test_rdm_reliabilities_are_those_of_all_neurons_pooled_first(recordings):
    left_out = {"one": ["n1", "n5"], "three": ["n0"]}
    kept, layers = keep(recordings, left_out), ["all", "2/3", "4"]
    result = of_rdms(one_at_a_time(recordings), kept, layers)
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


def test_rdm_reliabilities_of_z_scored_neurons_are_those_of_halves_that_were_z_scored_first(recordings):
    kept, targets = keep(recordings, {}), ["rdm", "rdm_zscored"]
    result = ceilings.rdm_reliability(one_at_a_time(recordings), kept, ["all", "4"], targets, N_SPLITS, SEED)["rdm_zscored"]
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
    result = ceilings.rdm_reliability([("one", recording)], keep({"one": recording}, {}), ["all"], ["rdm"], N_SPLITS, SEED)[
        "rdm"
    ]
    assert 0 <= result.ceiling[0] < 0.3 and abs(result.split_half_r[0]) < 0.05


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


def rdm_by_scipy(patterns: np.ndarray) -> np.ndarray:
    return pdist(patterns, metric="correlation")


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


def test_neurons_are_predicted_from_those_of_other_animals_by_refits_without_the_stimulus():
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


def test_nothing_lies_between_animals_where_there_is_one():
    mean = np.random.default_rng(9).standard_normal((N_STIMULI, 8))
    population = make_population(mean, ["m1"] * 8)
    assert np.isnan(ceilings.inter_animal_rdms(population, ["all", "4"], "rdm", min_neurons=2)).all()
    assert np.isnan(ceilings.inter_animal_ridge(population, PENALTY, min_neurons=2)).all()


def test_an_animal_whose_others_are_too_few_is_left_out_too():
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


ALL_STIMULI = np.array([f"image_{i:03d}" for i in range(N_STIMULI)])


def estimate(written, area: str, stimuli: np.ndarray = ALL_STIMULI, part: str = "all", min_neurons: int = 5) -> pd.DataFrame:
    paths, kept = written
    kept = kept[kept.area == area]
    population = populations.pool(read_recordings(paths, kept.recording, stimuli, part), kept)
    recordings = read_recordings(paths, kept.recording, stimuli, part)
    return ceilings.estimate(area, recordings, population, kept, min_neurons, PENALTY, N_SPLITS, SEED)


def test_table_of_ceilings_holds_every_neuron_and_every_site_for_every_target(tmp_path, written):
    parts = []
    for area in ("VISp", "VISl"):
        tables.write_table(
            "ceilings", estimate(written, area).assign(selection="mine", differs=""), tmp_path / f"{area}.parquet"
        )
        parts.append(tmp_path / f"{area}.parquet")
    table, kept = tables.read_tables("ceilings", parts), written[1]
    assert set(table.estimator) == {ceilings.ESTIMATOR}
    neurons, sites = table[table.neuron.notna()], table[table.neuron.isna()]
    assert list(zip(neurons.recording, neurons.neuron, strict=True)) == list(zip(kept.recording, kept.neuron, strict=True))
    assert list(neurons.area) == list(kept.area) and list(neurons.cortical_layer) == list(kept.cortical_layer)
    assert set(neurons.target) == {"responses"} and set(neurons.n_neurons) == {1}
    np.testing.assert_allclose(neurons.ceiling, np.sqrt(np.maximum(kept.reliability, 0)), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(neurons.split_half_r, kept.split_half_r)
    np.testing.assert_array_equal(neurons.split_half_sem, kept.scored_r_sem)
    sizes = sites.set_index(["area", "cortical_layer", "target"]).n_neurons.to_dict()
    expected = {("VISp", "all"): 14, ("VISp", "4"): 5, ("VISl", "all"): 8, ("VISl", "4"): 6, ("VISp", "2/3"): 5}
    assert sizes == {
        (*site, target): size for site, size in expected.items() for target in ("responses", "rdm", "rdm_zscored")
    }
    assert sites.recording.isna().all()
    assert sites.split_half_sem[sites.target == "responses"].isna().all()
    assert sites.split_half_sem[sites.target != "responses"].notna().all()
    # VISl is of one animal, and neither of the two of VISp has five neurons in a layer
    missing = (table.area == "VISl") | ((table.target != "responses") & (table.cortical_layer != "all"))
    assert list(table.inter_animal.isna()) == list(missing)


def test_ceilings_of_sites_are_those_of_their_neurons_and_chosen_stimuli(written):
    paths, kept = written
    chosen = [11, 3, 4, 0, 9, 7, 1, 2, 13, 5]
    stimuli = ALL_STIMULI[chosen]
    table = pd.concat([estimate(written, area, stimuli) for area in ("VISp", "VISl")])
    ceiling = table[table.neuron.isna()].set_index(["area", "cortical_layer", "target"]).ceiling
    root = np.sqrt(np.maximum(kept.reliability, 0))
    in_visp = kept.area == "VISp"
    assert ceiling["VISp", "all", "responses"] == pytest.approx(root[in_visp].mean(), abs=1e-12)
    assert ceiling["VISp", "4", "responses"] == pytest.approx(root[in_visp & (kept.cortical_layer == "4")].mean(), abs=1e-12)
    assert ceiling["VISl", "4", "responses"] == pytest.approx(root[~in_visp & (kept.cortical_layer == "4")].mean(), abs=1e-12)
    halves = split_halves(np.load(paths[2])["response"][:, chosen])
    assert ceiling["VISl", "all", "rdm"] == pytest.approx(ceiling_of_pooled(halves), abs=1e-10)
    assert ceiling["VISl", "4", "rdm"] == pytest.approx(ceiling_of_pooled(halves[..., :6]), abs=1e-10)


def test_values_of_a_site_for_responses_are_means_over_its_neurons(written):
    table = estimate(written, "VISp")
    neurons, sites = table[table.neuron.notna()], table[table.neuron.isna() & (table.target == "responses")]
    for row in sites.itertuples():
        own = neurons[(neurons.cortical_layer == row.cortical_layer) | (row.cortical_layer == "all")]
        assert len(own) == row.n_neurons
        for column in ("split_half_r", "inter_animal", "ceiling"):
            assert getattr(row, column) == pytest.approx(own[column].mean(), abs=1e-12)


def test_values_between_animals_are_those_of_the_pooled_neurons(written):
    paths, kept = written
    table, kept = estimate(written, "VISp"), kept[kept.area == "VISp"]
    responses = [np.load(path)["response"][:, :, np.arange(8) != out] for path, out in zip(paths[:2], (1, 0), strict=True)]
    means = [np.nanmean(response.astype(np.float64), axis=0) for response in responses]
    rsa = table[(table.target == "rdm") & (table.cortical_layer == "all")]
    expected = np.corrcoef(*map(rdm_by_scipy, means))[0, 1]  # of two animals, either against the other
    assert rsa.inter_animal.item() == pytest.approx(expected, abs=1e-12)
    population = make_population(np.concatenate(means, axis=1), ["m_one"] * 7 + ["m_two"] * 7)
    neurons = table[table.neuron.notna()]
    expected = ceilings.inter_animal_ridge(population, PENALTY, min_neurons=3)
    np.testing.assert_allclose(neurons.inter_animal, expected, rtol=0, atol=1e-12)


def test_ceilings_are_those_of_the_trials_that_are_scored(tmp_path):
    recording = make_recording(make_response(11, 8, 1.0, seed=13))
    write_recording(tmp_path / "one.npz", recording)
    kept = keep({"one": recording}, {}, select_on="odd", score_on="even")
    table = estimate(([tmp_path / "one.npz"], kept), "VISp", part="even")
    even = split_halves(recording.response[1::2])
    rsa = table[(table.target == "rdm") & (table.cortical_layer == "all")]
    assert rsa.ceiling.item() == pytest.approx(ceiling_of_pooled(even), abs=1e-10)
    r = np.array([correlate(first, second) for first, second in zip(*even, strict=True)])
    neurons = table[table.neuron.notna()]
    np.testing.assert_allclose(neurons.split_half_r, r.mean(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(neurons.ceiling, np.sqrt(np.maximum((2 * r / (1 + r)).mean(axis=0), 0)), rtol=0, atol=1e-12)
    assert not np.allclose(neurons.split_half_r, kept.split_half_r, atol=0.01)


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
