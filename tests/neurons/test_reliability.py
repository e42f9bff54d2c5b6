import numpy as np
import pandas as pd
import pytest

from dormouse import tables
from dormouse.neurons import reliability
from dormouse.recordings.trials import Recording


def dealt_halves(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Follow the definition, one neuron, split and stimulus at a time: (2, n_splits, n_stimuli, n_neurons)."""
    n_trials, *shape = response.shape
    order = np.argsort(np.random.default_rng(seed).random((n_splits, n_trials)), axis=1)
    halves = np.full((2, n_splits, *shape), np.nan)
    for split, stimulus, neuron in np.ndindex(n_splits, *shape):
        present = [float(x) for x in response[:, stimulus, neuron] if not np.isnan(x)]
        dealt = [present[k] for k in order[split] if k < len(present)]
        middle = len(dealt) // 2
        if middle:
            halves[:, split, stimulus, neuron] = np.mean(dealt[:middle]), np.mean(dealt[middle:])
    return halves


def r_by_loop(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Correlation of the halves, one neuron and split at a time, (n_splits, n_neurons); nothing is shared with the package."""
    first, second = dealt_halves(response, n_splits, seed)
    r = np.empty((n_splits, response.shape[-1]))
    for split, neuron in np.ndindex(r.shape):
        r[split, neuron] = np.corrcoef(first[split, :, neuron], second[split, :, neuron])[0, 1]
    return r


def reliability_by_loop(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    r = r_by_loop(response, n_splits, seed)
    return (2 * r / (1 + r)).mean(axis=0)


def oracle_by_loop(response: np.ndarray) -> np.ndarray:
    """Correlate each trial with the mean of the others, over the stimuli of which it is there, if these are three."""
    n_trials, n_stimuli, n_neurons = response.shape
    result = np.empty(n_neurons)
    for neuron in range(n_neurons):
        r = []
        for trial in range(n_trials):
            own, others = [], []
            for stimulus in range(n_stimuli):
                came = float(response[trial, stimulus, neuron])
                left = np.delete(response[:, stimulus, neuron].astype(np.float64), trial)
                if not np.isnan(came):
                    own.append(came)
                    others.append(np.mean(left[~np.isnan(left)]))
            if len(own) > 2:
                r.append(np.corrcoef(own, others)[0, 1])
        result[neuron] = np.mean(r)
    return result


def make_response(n_trials: int, n_stimuli: int, n_neurons: int, signal_sd: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = signal_sd * rng.standard_normal((n_stimuli, n_neurons))
    return (signal + rng.standard_normal((n_trials, n_stimuli, n_neurons))).astype(np.float32)


def drop_trials(response: np.ndarray, whole: list[int], seed: int) -> np.ndarray:
    """Leave two trials or more of every stimulus to each neuron, all to the neurons `whole`."""
    n_trials, n_stimuli, n_neurons = response.shape
    rng, response = np.random.default_rng(seed), response.copy()
    for stimulus in range(n_stimuli):
        for neuron in set(range(n_neurons)) - set(whole):
            response[rng.permutation(n_trials)[: rng.integers(0, n_trials - 1)], stimulus, neuron] = np.nan
    n_present = (~np.isnan(response)).sum(axis=0)
    assert n_present.min() == 2 and len(np.unique(n_present)) > 4
    return response


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
    return reliability.measure_reliability("session_1", recording, stimuli, n_splits, seed, select_on, score_on)


@pytest.mark.parametrize("n_trials", [2, 7, 10])
def test_reliability_is_that_of_the_definition(n_trials):
    response = make_response(n_trials, 12, 5, signal_sd=1.0, seed=1)
    expected = reliability_by_loop(response, 8, seed=3)
    np.testing.assert_allclose(reliability.split_half_reliability(response, 8, seed=3), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_trials", [8, 9])
def test_missing_trials_are_left_out_by_stimulus_and_neuron(n_trials):
    response = drop_trials(make_response(n_trials, 12, 6, signal_sd=1.0, seed=2), whole=[0], seed=4)
    expected = reliability_by_loop(response, 8, seed=5)
    np.testing.assert_allclose(reliability.split_half_reliability(response, 8, seed=5), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing trials"])
def test_correlation_of_the_halves_is_that_of_each_split_without_correction(missing):
    response = make_response(7, 12, 5, signal_sd=1.0, seed=13)
    response = drop_trials(response, whole=[2], seed=14) if missing else response
    r = reliability.split_half_r(response, 8, seed=3)
    assert r.shape == (8, 5) and r.dtype == np.float64
    np.testing.assert_allclose(r, r_by_loop(response, 8, seed=3), rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing trials"])
@pytest.mark.parametrize("n_trials", [2, 9])
def test_halves_are_the_means_of_the_trials_dealt_to_them(n_trials, missing):
    response = make_response(n_trials, 6, 4, signal_sd=1.0, seed=15)
    if missing:
        response = drop_trials(response, whole=[1], seed=16) if n_trials > 2 else np.insert(response, 1, np.nan, axis=0)
    for half, expected in zip(reliability.split_half_means(response, 5, seed=2), dealt_halves(response, 5, 2), strict=True):
        assert half.dtype == np.float64
        np.testing.assert_allclose(half, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_trials", [2, 7, 10])
def test_missing_trials_of_one_neuron_do_not_change_how_those_of_others_are_dealt(n_trials):
    """With them, all neurons take the way of recordings with missing trials, and must come to the same halves."""
    whole = make_response(n_trials, 8, 5, signal_sd=1.0, seed=17)
    response = whole.copy()
    response[0, 3, 2] = np.nan
    others = [0, 1, 3, 4]
    expected = reliability.split_half_means(whole, 6, seed=1)
    for half, of_whole in zip(reliability.split_half_means(response, 6, seed=1), expected, strict=True):
        np.testing.assert_allclose(half[..., others], of_whole[..., others], rtol=0, atol=1e-12)
        np.testing.assert_allclose(np.delete(half, 3, axis=1), np.delete(of_whole, 3, axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing trials"])
def test_neurons_are_measured_alike_however_many_there_are(missing):
    n_neurons = 2 * reliability.NEURONS_AT_ONCE + 3
    response = make_response(6, 9, n_neurons, signal_sd=1.0, seed=18)
    response = drop_trials(response, whole=[0, n_neurons - 1], seed=19) if missing else response
    r = reliability.split_half_r(response, 4, seed=0)
    assert r.shape == (4, n_neurons)
    np.testing.assert_allclose(r, r_by_loop(response, 4, seed=0), rtol=0, atol=1e-12)


def test_a_recording_without_neurons_has_no_reliabilities():
    assert reliability.split_half_r(np.empty((6, 9, 0), np.float32), 4, seed=0).shape == (4, 0)


def test_halves_of_an_odd_number_of_trials_hold_all_of_them_once():
    response = make_response(7, 5, 3, signal_sd=1.0, seed=6).astype(np.float64)
    first, second = reliability.split_half_means(response, 4, seed=0)
    np.testing.assert_allclose(3 * first + 4 * second, np.broadcast_to(response.sum(axis=0), first.shape), atol=1e-12)


def test_a_split_deals_the_trials_of_all_stimuli_and_neurons_alike():
    response = np.broadcast_to(np.arange(8.0)[:, None, None], (8, 5, 3))
    first, _ = reliability.split_half_means(response, 20, seed=0)
    assert (np.ptp(first, axis=(1, 2)) == 0).all()


def test_splits_differ_from_each_other_and_follow_the_seed():
    response = make_response(10, 5, 3, signal_sd=1.0, seed=7)
    first, _ = reliability.split_half_means(response, 6, seed=0)
    assert len(np.unique(first[:, 0, 0])) > 1
    np.testing.assert_array_equal(first, reliability.split_half_means(response, 6, seed=0)[0])
    assert not np.array_equal(first, reliability.split_half_means(response, 6, seed=1)[0])


def test_noise_neurons_have_reliability_near_zero():
    n_stimuli = 100
    response = make_response(10, n_stimuli, 1000, signal_sd=0.0, seed=8)
    result = reliability.split_half_reliability(response, 20, seed=0)
    # r of two noise halves has mean 0 and variance 1 / (n - 1); to second order 2r / (1 + r) = 2r - 2r^2
    expected = -2 / (n_stimuli - 1)
    assert abs(result.mean() - expected) < 4 * result.std() / np.sqrt(len(result))
    assert abs(result.mean()) < 0.04


@pytest.mark.parametrize("measure", ["split_half_r", "oracle"])
def test_noise_neurons_correlate_with_nothing_without_correction(measure):
    response = make_response(10, 100, 600, signal_sd=0.0, seed=20)
    found = reliability.oracle(response) if measure == "oracle" else reliability.split_half_r(response, 20, 0).mean(axis=0)
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))
    assert found.std() < 0.1


@pytest.mark.parametrize("n_trials", [10, 9])
@pytest.mark.parametrize("signal_sd", [0.3, 1.0])
def test_known_signal_and_noise_give_the_analytic_reliability(signal_sd, n_trials):
    response = make_response(n_trials, 600, 150, signal_sd, seed=9)
    ratio = 1 / signal_sd**2  # of the variances of noise and signal
    r = reliability.split_half_r(response, 20, seed=0)
    small, large = n_trials // 2, n_trials - n_trials // 2
    other_trials = n_trials - 1
    for found, expected in (
        (r.mean(axis=0), 1 / np.sqrt((1 + ratio / small) * (1 + ratio / large))),
        (reliability.oracle(response), 1 / np.sqrt((1 + ratio) * (1 + ratio / other_trials))),
    ):
        assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(len(found))
    if n_trials % 2 == 0:  # Spearman and Brown's formula is of equal halves
        corrected = reliability.split_half_reliability(response, 20, seed=0)
        assert abs(corrected.mean() - n_trials / (n_trials + ratio)) < 4 * corrected.std() / np.sqrt(len(corrected))


def test_a_stimulus_with_one_trial_makes_the_reliability_of_that_neuron_alone_undefined():
    response = make_response(6, 10, 4, signal_sd=1.0, seed=10)
    whole = reliability.split_half_reliability(response, 10, seed=0)
    response[1:, 3, 2] = np.nan
    result = reliability.split_half_reliability(response, 10, seed=0)
    np.testing.assert_array_equal(np.isnan(result), [False, False, True, False])
    np.testing.assert_allclose(result[[0, 1, 3]], whole[[0, 1, 3]], rtol=0, atol=1e-12)
    for half in reliability.split_half_means(response, 10, seed=0):
        np.testing.assert_array_equal(np.argwhere(np.isnan(half[0])), [[3, 2]])
    np.testing.assert_array_equal(np.isnan(reliability.oracle(response)), [False, False, True, False])


def test_one_trial_of_everything_has_no_reliability_at_all():
    response = make_response(1, 10, 3, signal_sd=1.0, seed=10)
    assert np.isnan(reliability.split_half_r(response, 10, seed=0)).all()
    assert np.isnan(reliability.oracle(response)).all()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_a_neuron_that_never_varies_has_no_reliability(value):
    response = make_response(6, 7, 2, signal_sd=1.0, seed=11)
    response[:, :, 0] = value
    np.testing.assert_array_equal(np.isnan(reliability.split_half_reliability(response, 10, seed=0)), [True, False])


def test_spearman_brown_extrapolates_halves_to_the_whole():
    np.testing.assert_allclose(reliability.spearman_brown(np.array([0.0, 0.5, 1.0, -0.2])), [0.0, 2 / 3, 1.0, -0.5])


def test_oracle_is_the_correlation_of_each_trial_with_the_mean_of_the_others():
    response = make_response(7, 12, 5, signal_sd=1.0, seed=21)
    expected = oracle_by_loop(response)
    np.testing.assert_allclose(reliability.oracle(response), expected, rtol=0, atol=1e-12)
    assert expected.min() > 0.2 and expected.max() < 0.95


def test_oracle_of_a_trial_is_over_the_stimuli_of_which_it_is_there():
    response = drop_trials(make_response(8, 12, 6, signal_sd=1.0, seed=22), whole=[3], seed=23)
    response[5, 2:] = np.nan  # of which two are there: too few
    np.testing.assert_allclose(reliability.oracle(response), oracle_by_loop(response), rtol=0, atol=1e-12)


def test_missing_trials_do_not_raise_the_oracle_of_noise():
    rng = np.random.default_rng(24)
    response = rng.standard_normal((10, 100, 400)).astype(np.float32)
    whole, some = response.copy(), response.copy()
    whole[[1, 4, 7]] = np.nan
    some[rng.random(some.shape) < 0.2] = np.nan
    for r in map(reliability.oracle, (whole, some)):
        assert abs(r.mean()) < 4 * r.std() / np.sqrt(len(r))


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
def test_neurons_are_selected_and_scored_on_the_trials_asked_for(select_on, score_on):
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


def test_standard_error_over_splits_is_missing_for_one_split():
    table = measure(make_recording(make_response(6, 10, 4, signal_sd=1.0, seed=27)), n_splits=1)
    assert table.scored_r_sem.isna().all() and table.scored_r.notna().all()


def test_reliability_rests_on_the_stimuli_asked_for_and_the_tests_on_all_that_were_shown():
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
def test_the_tests_of_tuning_rest_on_the_trials_that_select(select_on):
    recording = make_recording(make_response(24, 10, 4, signal_sd=1.0, seed=29))
    recording.running_speed[:] = np.where(np.arange(24) % 4 < 2, 0.0, 5.0)[:, None]
    table = measure(recording, select_on=select_on, score_on="all")
    alone, whole = measure(recording.part(select_on)), measure(recording)
    assert alone.p_run_mod_ns.notna().all()
    for column in ("p_ns", "p_run_mod_ns"):
        pd.testing.assert_series_equal(table[column], alone[column])
        assert (table[column] != whole[column]).all()
