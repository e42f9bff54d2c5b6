"""The sweep of the reliability threshold, against a computation from all neurons at once at each threshold."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from neuron_groups import OneAtATime, little_memory
from run_facts import tables_of

from dormouse import tables
from dormouse.neurons import ceilings, thresholds
from dormouse.paper.figures.style import NotDrawn
from dormouse.paper.figures.thresholds import plot
from dormouse.recordings.trials import Recording

N_SPLITS, SEED = 5, 4
N_STIMULI = 12
VALUES = [0.0, 0.2, 0.5, 0.8]
LAYERS = ["4", "5", "4", "", "2/3", "4", "5", "4", "4"]


@pytest.fixture(autouse=True, params=[nullcontext, little_memory], ids=["one visit", "many visits"])
def memory(request):
    """Everything here holds whether recordings are visited once or many times."""
    with request.param():
        yield


def make_recording(name: str, n_trials: int, n_neurons: int, seed: int) -> Recording:
    rng = np.random.default_rng(seed)
    response = rng.standard_normal((N_STIMULI, n_neurons)) + rng.uniform(0, 5, n_neurons)
    response = response + rng.standard_normal((n_trials, N_STIMULI, n_neurons))
    return Recording(
        response=response.astype(np.float32),
        running_speed=np.zeros((n_trials, N_STIMULI), np.float32),
        stimulus=np.array([f"image_{i:03d}" for i in range(N_STIMULI)]),
        image_sha256=np.full(N_STIMULI, ""),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),  # ids repeat between recordings
        animal=np.full(n_neurons, f"m_{name}"),
        area=np.full(n_neurons, "VISp"),
        cortical_layer=np.resize(LAYERS, n_neurons),
        depth_um=np.full(n_neurons, 175.0),
        cre_line=np.full(n_neurons, ""),
        unit="dF/F",
    )


@pytest.fixture
def recordings() -> dict[str, Recording]:
    """Three recordings of 9, 14 and 18 neurons; the second lacks trials here and there."""
    made = {name: make_recording(name, 6 + i, 9 + 5 * i - i // 2, seed=i) for i, name in enumerate(("one", "two", "three"))}
    response = made["two"].response
    response[np.random.default_rng(4).random(response.shape) < 0.2] = np.nan
    assert (~np.isnan(response)).sum(axis=0).min() >= 2
    return made


def make_candidates(recordings: dict[str, Recording], seed: int) -> pd.DataFrame:
    """Most of the neurons, shuffled; many of their values lie at a threshold, and some below all thresholds."""
    parts = [
        pd.DataFrame({"recording": name, "neuron": of.neuron, "cortical_layer": of.cortical_layer})
        for name, of in recordings.items()
    ]
    table = pd.concat(parts, ignore_index=True).sample(frac=0.9, random_state=seed)
    return table.assign(value=np.random.default_rng(seed).choice([-0.1, 0.0, 0.1, 0.2, 0.4, 0.5, 0.7, 0.8, 0.95], len(table)))


def split_halves(response: np.ndarray) -> np.ndarray:
    """Means of the halves of every split, (2, N_SPLITS, n_stimuli, n_neurons), one cell at a time by the definition."""
    order = np.argsort(np.random.default_rng(SEED).random((N_SPLITS, len(response))), axis=1)
    halves = np.empty((2, N_SPLITS, *response.shape[1:]))
    for split, stimulus, neuron in np.ndindex(halves.shape[1:]):
        trials = response[:, stimulus, neuron].astype(np.float64)
        present = trials[~np.isnan(trials)]
        dealt = present[order[split][order[split] < len(present)]]
        middle = len(dealt) // 2
        halves[:, split, stimulus, neuron] = dealt[:middle].mean(), dealt[middle:].mean()
    return halves


def sweep_by_hand(recordings, candidates, values, min_neurons) -> dict[tuple, tuple]:
    """Number of neurons, r and its standard error by cortical layer, threshold and instance, from all neurons at once."""
    value = {(row.recording, row.neuron): row.value for row in candidates.itertuples()}
    halves = {name: split_halves(recording.response) for name, recording in recordings.items()}
    pairs = np.triu_indices(N_STIMULI, k=1)
    found = {}
    for layer in ("all", "2/3", "4", "5"):
        for limit in values:
            chosen = [
                halves[name][..., i]
                for name, recording in recordings.items()
                for i, neuron in enumerate(recording.neuron)
                if value.get((name, neuron), -np.inf) >= limit and layer in ("all", recording.cortical_layer[i])
            ]
            if len(chosen) < min_neurons:
                continue
            X = np.stack(chosen, axis=-1)
            r = {"matrix": [], "image": []}
            for split in range(N_SPLITS):
                first, second = X[:, split]
                r["matrix"].append(np.corrcoef(np.corrcoef(first)[pairs], np.corrcoef(second)[pairs])[0, 1])
                r["image"].append(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]))
            for name, of in r.items():
                found[layer, limit, name] = len(chosen), np.mean(of), np.std(of, ddof=1) / np.sqrt(N_SPLITS)
    return found


def sweep(recordings, candidates, values=VALUES, min_neurons=3) -> pd.DataFrame:
    return thresholds.sweep("VISp", OneAtATime(recordings), candidates, values, min_neurons, N_STIMULI, N_SPLITS, SEED)


@pytest.mark.parametrize("min_neurons", [3, 8])
def test_each_row_equals_that_of_all_neurons_above_its_threshold_at_once(recordings, min_neurons):
    candidates = make_candidates(recordings, seed=0)
    table = sweep(recordings, candidates, min_neurons=min_neurons)
    expected = sweep_by_hand(recordings, candidates, VALUES, min_neurons)
    rows = table.set_index(["cortical_layer", "threshold", "instance"])
    assert set(rows.index) == set(expected) and not rows.index.duplicated().any()
    for key, (n_neurons, r, sem) in expected.items():
        assert rows.n_neurons[key] == n_neurons
        assert rows.split_half_r[key] == pytest.approx(r, abs=1e-10)
        assert rows.split_half_sem[key] == pytest.approx(sem, abs=1e-10)
    assert set(table.area) == {"VISp"}


def test_a_site_has_rows_as_long_as_it_has_neurons(recordings):
    candidates = make_candidates(recordings, seed=1)
    table = sweep(recordings, candidates, min_neurons=5)
    ends = {}
    for layer, rows in table.groupby("cortical_layer"):
        inside = candidates[(candidates.cortical_layer == layer) | (layer == "all")]
        n_neurons = {limit: (inside.value >= limit).sum() for limit in VALUES}
        assert list(rows.threshold) == [limit for limit in VALUES if n_neurons[limit] >= 5 for _ in range(2)]
        assert list(rows.n_neurons) == [n for n in n_neurons.values() if n >= 5 for _ in range(2)]
        ends[layer] = rows.threshold.max()
    assert ends["all"] == 0.8 > min(ends.values()) and "" not in ends


def test_a_layer_with_too_few_neurons_at_the_lowest_threshold_has_no_rows(recordings):
    candidates = make_candidates(recordings, seed=1)
    n_neurons = candidates[candidates.value >= 0].cortical_layer.value_counts()
    table = sweep(recordings, candidates, min_neurons=n_neurons["2/3"] + 1)
    assert set(table.cortical_layer) == {"all", "4", "5"}
    assert set(sweep(recordings, candidates, min_neurons=n_neurons["2/3"]).cortical_layer) == {"all", "2/3", "4", "5"}


def test_fewer_neurons_reach_a_higher_threshold(recordings):
    table = sweep(recordings, make_candidates(recordings, seed=2))
    for _, rows in table.groupby(["cortical_layer", "instance"]):
        assert rows.threshold.is_monotonic_increasing and rows.threshold.is_unique
        assert rows.n_neurons.is_monotonic_decreasing
    assert table.n_neurons[table.cortical_layer == "all"].nunique() == len(VALUES)


def test_the_order_of_the_thresholds_does_not_matter(recordings):
    candidates = make_candidates(recordings, seed=3)
    mixed = sweep(recordings, candidates, values=[0.5, 0.0, 0.8, 0.2])
    pd.testing.assert_frame_equal(mixed, sweep(recordings, candidates))


def test_neurons_below_all_thresholds_or_of_unknown_reliability_count_nowhere(recordings):
    candidates = make_candidates(recordings, seed=4)
    spoilt = candidates.assign(value=candidates.value.mask(candidates.value < 0.2))
    pd.testing.assert_frame_equal(sweep(recordings, spoilt, [0.2, 0.5]), sweep(recordings, candidates, [0.2, 0.5]))


def test_neurons_of_recordings_that_are_not_candidates_count_nowhere(recordings):
    candidates = make_candidates(recordings, seed=5)
    candidates = candidates[candidates.recording != "two"]
    fewer = {name: recording for name, recording in recordings.items() if name != "two"}
    pd.testing.assert_frame_equal(sweep(recordings, candidates), sweep(fewer, candidates))


def test_one_split_has_no_standard_error(recordings):
    table = thresholds.sweep("VISp", recordings.items(), make_candidates(recordings, seed=6), VALUES, 3, N_STIMULI, 1, SEED)
    assert table.split_half_sem.isna().all() and table.split_half_r.notna().all()


def test_the_matrix_at_the_threshold_of_the_selection_equals_that_of_the_ceilings(recordings):
    candidates = make_candidates(recordings, seed=7)
    table = sweep(recordings, candidates)
    rows = table[(table.threshold == 0.5) & (table.instance == "matrix")]
    kept = candidates[candidates.value >= 0.5]
    ceiling = ceilings.rdm_reliability(
        recordings.items(), kept, list(rows.cortical_layer), ["rdm"], N_STIMULI, N_SPLITS, SEED
    )["rdm"]
    assert len(rows) > 1
    for column in ("split_half_r", "split_half_sem"):
        np.testing.assert_allclose(rows[column], ceiling[column], rtol=0, atol=1e-10)


def test_better_neurons_make_better_populations():
    """Half of the neurons respond, half are noise: without the noise, RDM and images are more reliable."""
    rng = np.random.default_rng(8)
    recording = make_recording("one", 10, 80, seed=8)
    recording.response[:, :, 40:] = rng.standard_normal((10, N_STIMULI, 40))
    recording.response[:] -= recording.response.mean(axis=(0, 1))
    value = np.repeat([0.9, 0.1], 40)
    candidates = pd.DataFrame({"recording": "one", "neuron": recording.neuron, "cortical_layer": "", "value": value})
    table = sweep({"one": recording}, candidates, [0.0, 0.5]).set_index(["instance", "threshold"])
    assert list(table.n_neurons[:, 0.0]) == [80, 80] and list(table.n_neurons[:, 0.5]) == [40, 40]
    for instance in ("matrix", "image"):
        assert table.split_half_r[instance, 0.5] > table.split_half_r[instance, 0.0] + 0.03


@pytest.mark.parametrize("answer", [0.0, 0.1])  # the sums of the second leave a remainder
def test_r_of_images_is_missing_and_reported_if_three_neurons_answer_alike(recordings, capsys, answer):
    candidates = make_candidates(recordings, seed=4)
    candidates = candidates.assign(cortical_layer=np.where(candidates.cortical_layer == "", "6", candidates.cortical_layer))
    for recording in recordings.values():
        recording.cortical_layer[recording.cortical_layer == ""] = "6"
        recording.response[:, 3, recording.cortical_layer == "6"] = answer
    values = candidates.value[candidates.cortical_layer == "6"].sort_values()
    assert len(values) > 3
    highest = values.iloc[-3]
    table = sweep(recordings, candidates, [0.0, highest])
    expected = sweep_by_hand(recordings, candidates, [0.0, highest], 3)
    rows = table.set_index(["cortical_layer", "threshold", "instance"])
    for key, (n_neurons, r, _) in expected.items():
        if key[0] != "6":
            assert (rows.n_neurons[key], rows.split_half_r[key]) == (n_neurons, pytest.approx(r, abs=1e-10))
    alone = rows.loc["6"]
    assert alone.split_half_r[:, "image"].isna().all() and alone.split_half_sem[:, "image"].isna().all()
    assert alone.split_half_r[:, "matrix"].notna().all()
    assert set(alone.n_neurons) == {len(values), 3}
    assert (
        f"VISp, cortical layer 6, limit {highest:g}: r of image is missing for 3 neurons, because in 5 of 5 splits all "
        in (capsys.readouterr().err)
    )
    assert "no image is left out" in tables.TABLES["thresholds"]["split_half_r"][1]


def test_the_figure_has_a_gap_where_r_is_missing():
    rows = [
        ["VISp", "all", limit, 9 - k, instance, r if instance == "image" else 0.7, 0.02]
        for k, (limit, r) in enumerate(zip(VALUES, [0.5, np.nan, 0.3, 0.2], strict=True))
        for instance in ("image", "matrix")
    ]
    columns = ["area", "cortical_layer", "threshold", "n_neurons", "instance", "split_half_r", "split_half_sem"]
    table = pd.DataFrame(rows, columns=columns).assign(selection="paper")
    (_, ax) = sorted(plot(tables_of(["VISp"], {"mine": {}}, thresholds=table)).axes, key=lambda ax: len(ax.lines))
    matrix, image = (next(c for c in ax.containers if c.get_label() == label) for label in ("matrix", "image"))
    np.testing.assert_array_equal(matrix.lines[0].get_xydata(), np.transpose([VALUES, [0.7] * 4]))
    np.testing.assert_array_equal(image.lines[0].get_xydata(), np.transpose([VALUES, [0.5, np.nan, 0.3, 0.2]]))
    (bars,) = image.lines[2]
    assert [bar[0][0] for bar in bars.get_segments() if len(bar)] == [0.0, 0.5, 0.8]


def test_the_sweep_survives_writing_and_reading(tmp_path, recordings):
    table = sweep(recordings, make_candidates(recordings, seed=9)).assign(selection="paper")
    tables.write_table("thresholds", table, tmp_path / "thresholds.parquet")
    read = tables.read_table("thresholds", tmp_path / "thresholds.parquet")
    pd.testing.assert_frame_equal(read, table[list(tables.TABLES["thresholds"])], check_dtype=False)


def test_thresholds_that_no_neuron_reaches_give_an_empty_table_and_no_figure(recordings, tmp_path):
    candidates = make_candidates(recordings, seed=3)
    found = thresholds.sweep("VISp", recordings.items(), candidates, [0.99], 3, N_STIMULI, N_SPLITS, SEED)
    tables.write_table("thresholds", found.assign(selection="paper"), tmp_path / "thresholds.parquet")
    assert len(tables.read_table("thresholds", tmp_path / "thresholds.parquet")) == 0
    with pytest.raises(NotDrawn, match="no neurons to leave out"):
        plot(tables_of(["VISp"], {"mine": {}}, thresholds=found))
