"""Split-half reliability and oracle correlation follow their definitions, and fit simulated signal and noise."""

import numpy as np
import pytest
from reliability_by_loops import dealt_halves, make_response, oracle_by_loop, r_by_loop, reliability_by_loop

from dormouse.neurons import reliability


def drop_trials(response: np.ndarray, whole: list[int], seed: int) -> np.ndarray:
    """Remove trials at random, leaving each neuron two or more of every stimulus, and the neurons `whole` all of them."""
    n_trials, n_stimuli, n_neurons = response.shape
    rng, response = np.random.default_rng(seed), response.copy()
    for stimulus in range(n_stimuli):
        for neuron in set(range(n_neurons)) - set(whole):
            response[rng.permutation(n_trials)[: rng.integers(0, n_trials - 1)], stimulus, neuron] = np.nan
    n_present = (~np.isnan(response)).sum(axis=0)
    assert n_present.min() == 2 and len(np.unique(n_present)) > 4
    return response


@pytest.mark.parametrize("n_trials", [2, 7, 10])
def test_reliability_follows_its_definition(n_trials):
    response = make_response(n_trials, 12, 5, signal_sd=1.0, seed=1)
    expected = reliability_by_loop(response, 8, seed=3)
    np.testing.assert_allclose(reliability.split_half_reliability(response, 8, seed=3), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_trials", [8, 9])
def test_missing_trials_are_left_out_by_stimulus_and_neuron(n_trials):
    response = drop_trials(make_response(n_trials, 12, 6, signal_sd=1.0, seed=2), whole=[0], seed=4)
    expected = reliability_by_loop(response, 8, seed=5)
    np.testing.assert_allclose(reliability.split_half_reliability(response, 8, seed=5), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing trials"])
def test_split_half_r_equals_a_loop_over_splits_without_correction(missing):
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
    """They make all neurons use the code for missing trials, which must give the others the same halves."""
    whole = make_response(n_trials, 8, 5, signal_sd=1.0, seed=17)
    response = whole.copy()
    response[0, 3, 2] = np.nan
    others = [0, 1, 3, 4]
    expected = reliability.split_half_means(whole, 6, seed=1)
    for half, of_whole in zip(reliability.split_half_means(response, 6, seed=1), expected, strict=True):
        np.testing.assert_allclose(half[..., others], of_whole[..., others], rtol=0, atol=1e-12)
        np.testing.assert_allclose(np.delete(half, 3, axis=1), np.delete(of_whole, 3, axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing trials"])
def test_results_do_not_depend_on_the_number_of_neurons(missing):
    n_neurons = 2 * reliability.NEURONS_AT_ONCE + 3
    response = make_response(6, 9, n_neurons, signal_sd=1.0, seed=18)
    response = drop_trials(response, whole=[0, n_neurons - 1], seed=19) if missing else response
    r = reliability.split_half_r(response, 4, seed=0)
    assert r.shape == (4, n_neurons)
    np.testing.assert_allclose(r, r_by_loop(response, 4, seed=0), rtol=0, atol=1e-12)


def test_a_recording_without_neurons_has_no_reliabilities():
    assert reliability.split_half_r(np.empty((6, 9, 0), np.float32), 4, seed=0).shape == (4, 0)


def test_halves_of_an_odd_number_of_trials_hold_each_trial_once():
    response = make_response(7, 5, 3, signal_sd=1.0, seed=6).astype(np.float64)
    first, second = reliability.split_half_means(response, 4, seed=0)
    np.testing.assert_allclose(3 * first + 4 * second, np.broadcast_to(response.sum(axis=0), first.shape), atol=1e-12)


def test_a_split_deals_the_trials_of_all_stimuli_and_neurons_in_one_way():
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
def test_uncorrected_measures_of_noise_neurons_are_near_zero(measure):
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


def test_single_trials_have_no_reliability():
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


def test_oracle_of_a_trial_uses_the_stimuli_for_which_it_is_present():
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
