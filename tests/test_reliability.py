import numpy as np
import pandas as pd
import pytest

from dormouse import reliability, tables
from dormouse.errors import InputError
from dormouse.recordings.trials import Recording


def reliability_by_loop(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Follow the definition, one neuron, split and stimulus at a time; nothing is shared with the package."""
    n_trials, n_stimuli, n_neurons = response.shape
    order = np.argsort(np.random.default_rng(seed).random((n_splits, n_trials)), axis=1)
    result = np.empty(n_neurons)
    for neuron in range(n_neurons):
        corrected = []
        for split in range(n_splits):
            halves = np.empty((2, n_stimuli))
            for stimulus in range(n_stimuli):
                present = [float(x) for x in response[:, stimulus, neuron] if not np.isnan(x)]
                dealt = [present[k] for k in order[split] if k < len(present)]
                middle = len(dealt) // 2
                halves[:, stimulus] = np.mean(dealt[:middle]), np.mean(dealt[middle:])
            r = np.corrcoef(halves)[0, 1]
            corrected.append(2 * r / (1 + r))
        result[neuron] = np.mean(corrected)
    return result


def make_response(n_trials: int, n_stimuli: int, n_neurons: int, signal_sd: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = signal_sd * rng.standard_normal((n_stimuli, n_neurons))
    return (signal + rng.standard_normal((n_trials, n_stimuli, n_neurons))).astype(np.float32)


def make_recording(response: np.ndarray) -> Recording:
    n_trials, n_stimuli, n_neurons = response.shape
    return Recording(
        response=response,
        running_speed=np.zeros((n_trials, n_stimuli), np.float32),
        stimulus=np.array([f"image_{i}" for i in range(n_stimuli)]),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),
        animal=np.full(n_neurons, "m1"),
        area=np.full(n_neurons, "VISp"),
        cortical_layer=np.array(["2/3", "4", ""] * n_neurons)[:n_neurons],
        depth_um=np.where(np.arange(n_neurons) == 0, np.nan, 175.0),
        cre_line=np.full(n_neurons, ""),
        unit="dF/F",
    )


def make_table(rows: list[tuple[str, int, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["area", "n_trials", "reliability"])


@pytest.mark.parametrize("n_trials", [2, 7, 10])
def test_reliability_is_that_of_the_definition(n_trials):
    response = make_response(n_trials, 12, 5, signal_sd=1.0, seed=1)
    expected = reliability_by_loop(response, 8, seed=3)
    np.testing.assert_allclose(reliability.split_half_reliability(response, 8, seed=3), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_trials", [8, 9])
def test_missing_trials_are_left_out_by_stimulus_and_neuron(n_trials):
    response = make_response(n_trials, 12, 6, signal_sd=1.0, seed=2)
    rng = np.random.default_rng(4)
    for stimulus in range(12):
        for neuron in range(1, 6):  # neuron 0 keeps all trials
            response[rng.permutation(n_trials)[: rng.integers(0, n_trials - 1)], stimulus, neuron] = np.nan
    n_present = (~np.isnan(response)).sum(axis=0)
    assert n_present.min() == 2 and len(np.unique(n_present)) > 4
    expected = reliability_by_loop(response, 8, seed=5)
    np.testing.assert_allclose(reliability.split_half_reliability(response, 8, seed=5), expected, rtol=0, atol=1e-12)


def test_halves_of_an_odd_number_of_trials_hold_all_of_them_once():
    response = make_response(7, 5, 3, signal_sd=1.0, seed=6).astype(np.float64)
    first, second = reliability.split_half_means(response, 4, seed=0)
    np.testing.assert_allclose(3 * first + 4 * second, np.broadcast_to(response.sum(axis=0), first.shape), atol=1e-12)


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


@pytest.mark.parametrize("signal_sd", [0.3, 1.0])
def test_known_signal_and_noise_give_the_analytic_reliability(signal_sd):
    n_trials = 10
    response = make_response(n_trials, 600, 150, signal_sd, seed=9)
    result = reliability.split_half_reliability(response, 20, seed=0)
    expected = signal_sd**2 / (signal_sd**2 + 1 / n_trials)
    assert abs(result.mean() - expected) < 4 * result.std() / np.sqrt(len(result))


def test_a_stimulus_with_one_trial_makes_the_reliability_of_that_neuron_alone_undefined():
    response = make_response(6, 10, 4, signal_sd=1.0, seed=10)
    whole = reliability.split_half_reliability(response, 10, seed=0)
    response[1:, 3, 2] = np.nan
    result = reliability.split_half_reliability(response, 10, seed=0)
    np.testing.assert_array_equal(np.isnan(result), [False, False, True, False])
    np.testing.assert_allclose(result[[0, 1, 3]], whole[[0, 1, 3]], rtol=0, atol=1e-12)
    for half in reliability.split_half_means(response, 10, seed=0):
        np.testing.assert_array_equal(np.argwhere(np.isnan(half[0])), [[3, 2]])


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_a_neuron_that_never_varies_has_no_reliability(value):
    response = make_response(6, 7, 2, signal_sd=1.0, seed=11)
    response[:, :, 0] = value
    np.testing.assert_array_equal(np.isnan(reliability.split_half_reliability(response, 10, seed=0)), [True, False])


def test_spearman_brown_extrapolates_halves_to_the_whole():
    np.testing.assert_allclose(reliability.spearman_brown(np.array([0.0, 0.5, 1.0, -0.2])), [0.0, 2 / 3, 1.0, -0.5])


def test_select_keeps_reliable_neurons_and_states_the_reason_for_every_other():
    table = make_table(
        [
            ("VISp", 50, 0.9),
            ("VISp", 2, 0.75),  # on both limits
            ("VISp", 50, 0.7499),
            ("VISp", 50, np.nan),
            ("VISp", 1, np.nan),
            ("VISl", 50, 0.9),
            ("VISl", 1, np.nan),
        ]
    )
    selected = reliability.select(table, ["VISp"], min_reliability=0.75, min_neurons=2)
    assert list(selected.kept) == [True, True, False, False, False, False, False]
    assert list(selected.reason) == [
        "",
        "",
        "reliability below 0.75",
        "reliability undefined",
        "fewer than 2 trials of a stimulus",
        "area not studied",
        "area not studied",
    ]


def test_select_names_the_area_that_is_left_with_too_few_neurons():
    table = make_table([("VISp", 50, 0.9), ("VISp", 50, 0.9), ("VISl", 50, 0.9), ("VISl", 50, 0.612)])
    with pytest.raises(InputError, match=r"^VISl: 1 of 2 neurons reach .* = 0\.75; .* asks for 2\. .* is 0\.900\."):
        reliability.select(table, ["VISp", "VISl"], min_reliability=0.75, min_neurons=2)


def test_select_names_an_area_without_any_neuron():
    with pytest.raises(InputError, match=r"^VISam: 0 of 0 neurons"):
        reliability.select(make_table([("VISp", 50, 0.9)]), ["VISp", "VISam"], min_reliability=0.75, min_neurons=1)


def test_measured_table_survives_writing_and_reading(tmp_path):
    response = make_response(6, 10, 4, signal_sd=1.0, seed=12)
    response[:2, 4, 1] = np.nan
    response[1:, 3, 2] = np.nan
    table = reliability.measure("session_1", make_recording(response), n_splits=10, seed=0)
    tables.write_table("reliability", table, tmp_path / "reliability.parquet")
    read = tables.read_table("reliability", tmp_path / "reliability.parquet")
    pd.testing.assert_frame_equal(read, table[list(tables.TABLES["reliability"])], check_dtype=False)
    assert list(read.n_trials) == [6, 4, 1, 6]
    assert list(read.recording) == ["session_1"] * 4
    expected = reliability_by_loop(response[:, :, [0, 1, 3]], 10, seed=0)
    np.testing.assert_allclose(read.reliability[[0, 1, 3]], expected, rtol=0, atol=1e-12)
    assert np.isnan(read.reliability[2])
