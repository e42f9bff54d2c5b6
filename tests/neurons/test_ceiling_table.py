"""The table of ceilings holds every neuron and every site of an area for every target."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from neuron_groups import (
    N_SPLITS,
    N_STIMULI,
    PENALTY,
    SEED,
    ceiling_of_pooled,
    correlate,
    keep,
    make_population,
    make_recording,
    make_response,
    rdm_by_scipy,
    split_halves,
)

from dormouse import tables
from dormouse.neurons import ceilings, populations
from dormouse.recordings.trials import Recordings, write_recording


@pytest.fixture
def written(tmp_path, recordings) -> tuple[list[Path], pd.DataFrame]:
    """Recordings of two areas as files, and their kept neurons; one more file holds no kept neuron."""
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
    population = populations.pool(Recordings(paths, kept.recording, stimuli, part), kept)
    recordings = Recordings(paths, kept.recording, stimuli, part)
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
    # VISl has one animal, and neither of the two animals of VISp has five neurons in a layer
    missing = (table.area == "VISl") | ((table.target != "responses") & (table.cortical_layer != "all"))
    assert list(table.inter_animal.isna()) == list(missing)


def test_ceilings_of_sites_use_their_own_neurons_and_the_chosen_stimuli(written):
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
    expected = np.corrcoef(*map(rdm_by_scipy, means))[0, 1]  # there are two animals, each against the other
    assert rsa.inter_animal.item() == pytest.approx(expected, abs=1e-12)
    population = make_population(np.concatenate(means, axis=1), ["m_one"] * 7 + ["m_two"] * 7)
    neurons = table[table.neuron.notna()]
    expected = ceilings.inter_animal_ridge(population, PENALTY, min_neurons=3)
    np.testing.assert_allclose(neurons.inter_animal, expected, rtol=0, atol=1e-12)


def test_ceilings_use_the_trials_that_are_scored(tmp_path):
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
