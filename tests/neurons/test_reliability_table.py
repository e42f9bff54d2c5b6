"""The table `reliability` describes each neuron, measured on the requested trials and stimuli."""

import numpy as np
import pandas as pd
import pytest
from reliability_by_loops import make_response, oracle_by_loop, r_by_loop, reliability_by_loop

from dormouse import tables
from dormouse.errors import InputError
from dormouse.neurons.reliability_table import measure_reliability
from dormouse.neurons.selection import of_trials
from dormouse.recordings.trials import Recording


def make_recording(response: np.ndarray) -> Recording:
    n_trials, n_stimuli, n_neurons = response.shape
    return Recording(
        response=response,
        running_speed=np.arange(n_trials * n_stimuli, dtype=np.float32).reshape(n_trials, n_stimuli),
        stimulus=np.array([f"image_{i}" for i in range(n_stimuli)]),
        image_sha256=np.full(n_stimuli, ""),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),
        animal=np.full(n_neurons, "m1"),
        area=np.full(n_neurons, "VISp"),
        cortical_layer=np.array(["2/3", "4", ""] * n_neurons)[:n_neurons],
        depth_um=np.where(np.arange(n_neurons) == 0, np.nan, 175.0),
        cre_line=np.resize(["", "Cux2-CreERT2", "Vip-IRES-Cre", "Sim1-Cre"], n_neurons),
        unit="dF/F",
    )


def measure(recording: Recording, n_splits=10, seed=0, select_on="all", score_on="all", stimuli=None) -> pd.DataFrame:
    stimuli = recording.stimulus if stimuli is None else stimuli
    return measure_reliability("session_1", recording, stimuli, n_splits, seed, [(select_on, score_on)])


def test_parts_are_every_other_trial():
    recording = make_recording(make_response(7, 4, 3, signal_sd=1.0, seed=24))
    for name, kept in {"all": [0, 1, 2, 3, 4, 5, 6], "odd": [0, 2, 4, 6], "even": [1, 3, 5]}.items():
        part = recording.part(name)
        np.testing.assert_array_equal(part.response, recording.response[kept])
        np.testing.assert_array_equal(part.running_speed, recording.running_speed[kept])
        assert part.stimulus is recording.stimulus and part.neuron is recording.neuron


def test_measured_table_survives_writing_and_reading(tmp_path):
    response = make_response(6, 10, 4, signal_sd=1.0, seed=12)
    response[:2, 4, 1] = np.nan
    response[1:, 3, 2] = np.nan
    table = measure(make_recording(response))
    tables.write_table("reliability", table, tmp_path / "reliability.parquet")
    read = tables.read_table("reliability", tmp_path / "reliability.parquet")
    columns = [column for column in tables.TABLES["reliability"] if column != "excitatory"]
    pd.testing.assert_frame_equal(read[columns], table[columns], check_dtype=False)
    assert list(read.excitatory) == [None, True, False, None]
    assert list(read.n_trials) == [6, 4, 1, 6]
    assert list(read.recording) == ["session_1"] * 4
    assert list(read.metrics) == ["computed"] * 4
    expected = reliability_by_loop(response[:, :, [0, 1, 3]], 10, seed=0)
    np.testing.assert_allclose(read.reliability[[0, 1, 3]], expected, rtol=0, atol=1e-12)
    undefined = ["reliability", "split_half_r", "oracle_r", "scored_reliability", "scored_r", "scored_r_sem"]
    assert read.loc[2, undefined].isna().all() and not read.loc[[0, 1, 3], undefined].isna().any().any()


def test_the_table_describes_each_neuron_as_the_recording_does():
    recording = make_recording(make_response(6, 10, 5, signal_sd=1.0, seed=25))
    table = measure(recording)
    for key in ("neuron", "animal", "area", "cortical_layer", "cre_line"):
        assert list(table[key]) == list(getattr(recording, key))
    np.testing.assert_array_equal(table.depth_um, recording.depth_um)


@pytest.mark.parametrize(("select_on", "score_on"), [("all", "all"), ("odd", "even"), ("even", "odd"), ("all", "odd")])
def test_neurons_are_selected_and_scored_on_the_requested_trials(select_on, score_on):
    response = make_response(9, 12, 4, signal_sd=1.0, seed=26)
    table = measure(make_recording(response), n_splits=8, seed=2, select_on=select_on, score_on=score_on)
    part = {"all": response, "odd": response[[0, 2, 4, 6, 8]], "even": response[[1, 3, 5, 7]]}
    selected, scored = r_by_loop(part[select_on], 8, seed=2), r_by_loop(part[score_on], 8, seed=2)
    expected = {
        "split_half_r": selected.mean(axis=0),
        "reliability": (2 * selected / (1 + selected)).mean(axis=0),
        "oracle_r": oracle_by_loop(part[select_on]),
        "scored_r": scored.mean(axis=0),
        "scored_reliability": (2 * scored / (1 + scored)).mean(axis=0),
        "scored_r_sem": np.array([np.std(column, ddof=1) / np.sqrt(8) for column in scored.T]),
    }
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, rtol=0, atol=1e-12, err_msg=column)
    assert list(table.n_trials) == [9] * 4


def test_all_pairs_of_trials_are_measured_as_each_alone(tmp_path):
    recording = make_recording(make_response(9, 12, 4, signal_sd=1.0, seed=31))
    pairs = [("all", "all"), ("odd", "even"), ("all", "odd")]
    table = measure_reliability("session_1", recording, recording.stimulus, 6, 1, pairs)
    assert len(table) == len(pairs) * 4
    tables.write_table("reliability", table, tmp_path / "reliability.parquet")
    for select_on, score_on in pairs:
        alone = measure(recording, n_splits=6, seed=1, select_on=select_on, score_on=score_on)
        assert set(alone.select_on) == {select_on} and set(alone.score_on) == {score_on}
        pd.testing.assert_frame_equal(of_trials(table, select_on, score_on), alone)


def test_trials_that_were_not_measured_are_one_clear_error():
    table = measure(make_recording(make_response(6, 10, 4, signal_sd=1.0, seed=32)))
    with pytest.raises(InputError, match="No method of this run selects neurons on odd trials and scores them on even trials"):
        of_trials(table, "odd", "even")
    assert of_trials(table[:0], "odd", "even").empty


def test_standard_error_over_splits_is_missing_for_one_split():
    table = measure(make_recording(make_response(6, 10, 4, signal_sd=1.0, seed=27)), n_splits=1)
    assert table.scored_r_sem.isna().all() and table.scored_r.notna().all()


def test_reliability_uses_the_requested_stimuli_and_p_values_use_all():
    recording = make_recording(make_response(6, 10, 4, signal_sd=1.0, seed=28))
    recording.response[1:, 7] = np.nan  # a stimulus that is not asked for
    chosen = [8, 0, 3, 9, 5, 1]
    table = measure(recording, stimuli=recording.stimulus[chosen])
    expected = reliability_by_loop(recording.response[:, chosen], 10, seed=0)
    np.testing.assert_allclose(table.reliability, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table.oracle_r, oracle_by_loop(recording.response[:, chosen]), rtol=0, atol=1e-12)
    assert list(table.n_trials) == [6] * 4
    whole = measure(recording)
    pd.testing.assert_series_equal(table.p_ns, whole.p_ns)
    pd.testing.assert_series_equal(table.p_run_mod_ns, whole.p_run_mod_ns)
    fewer = measure(recording.select(recording.stimulus[chosen]))
    assert (table.p_ns != fewer.p_ns).all()


@pytest.mark.parametrize("select_on", ["odd", "even"])
def test_p_values_use_the_trials_that_select_neurons(select_on):
    recording = make_recording(make_response(24, 10, 4, signal_sd=1.0, seed=29))
    recording.running_speed[:] = np.where(np.arange(24) % 4 < 2, 0.0, 5.0)[:, None]
    table = measure(recording, select_on=select_on, score_on="all")
    alone, whole = measure(recording.part(select_on)), measure(recording)
    assert alone.p_run_mod_ns.notna().all()
    for column in ("p_ns", "p_run_mod_ns"):
        pd.testing.assert_series_equal(table[column], alone[column])
        assert (table[column] != whole[column]).all()
