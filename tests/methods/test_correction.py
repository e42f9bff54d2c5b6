"""Scores corrected for noise: against a plain loop, and against the truth of simulated neurons."""

import numpy as np
import pandas as pd
import pytest
from scoring import layers_of

from dormouse.inference.scorers import scorers
from dormouse.methods.correction import CORRECTION, LEAST_RELIABILITY, correct_rdms
from dormouse.methods.ridge import leave_one_out_r
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.neurons.ceilings import ceiling
from dormouse.neurons.populations import site_rdms
from dormouse.neurons.reliability import spearman_brown

N, M = 30, 6
STIMULI = [f"scene_{k}" for k in range(N)]
ROW = {"selection": "paper", "images": "all", "settings": {}}
RIDGE = ROW | {"family": "ridge", "kernels": ["gram"], "target": "responses", "settings": {"penalty": 1.0}}
RSA = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
RELIABILITY = np.array([0.9, 0.5, 0.2, LEAST_RELIABILITY - 0.001, -0.2, np.nan])


@pytest.fixture
def kernels():
    X = np.random.default_rng(0).standard_normal((2, N, 50))
    C = X - X.mean(axis=2, keepdims=True)
    return {"centred": C @ C.swapaxes(1, 2), "row_sum": X.sum(axis=2), "n_features": np.array([50, 50])}


@pytest.fixture
def population():
    named = {"recording": "one", "animal": "m1", "area": "VISp", "cortical_layer": "4"}
    arrays = {key: np.full(M, value) for key, value in named.items()}
    return arrays | {"mean": np.random.default_rng(1).standard_normal((N, M)), "neuron": np.arange(M).astype(str)}


@pytest.fixture
def ceilings():
    """The table of ceilings of sites, of another selection, too, and with rows of neurons."""
    sites = pd.DataFrame({"area": "VISp", "cortical_layer": ["4", "all", "2/3"], "target": "rdm", "ceiling": [0.5, 0.8, 0.3]})
    neurons = sites.assign(neuron="1", target="responses", ceiling=0.9)
    table = pd.concat([neurons, sites.assign(neuron=None)]).assign(selection="paper")
    return pd.concat([table.assign(selection="strict", ceiling=1.0), table], ignore_index=True)


def test_a_site_is_the_mean_of_its_neurons_whose_reliability_is_high_enough(kernels, population):
    targets = {"paper": population | {"reliability": RELIABILITY}}
    _, sites = score_responses(layers_of(kernels), kernels, targets, {"ridge": RIDGE}, STIMULI, 3)
    s = kernels["row_sum"]
    gram = kernels["centred"] + s[:, :, None] * s[:, None] / 50
    r = leave_one_out_r(gram, population["mean"], [1.0])[:, 0]
    expected = [np.mean([r[layer, k] / np.sqrt(RELIABILITY[k]) for k in range(3)]) for layer in range(2)]
    of_area = sites[sites.cortical_layer == "all"]
    np.testing.assert_allclose(of_area.corrected, expected, rtol=0, atol=1e-12)
    assert list(of_area.n_uncorrected) == [3, 3] and set(of_area.corrected_by) == {CORRECTION}


def test_an_rdm_is_divided_by_the_ceiling_of_its_site(kernels, population, ceilings):
    targets = {"paper": site_rdms(population, 3)}
    table = score_rdms(layers_of(kernels), kernels, targets, {"rsa": RSA}, STIMULI)
    corrected = correct_rdms(table, ceilings, {"rsa": RSA})
    expected = table.score / table.cortical_layer.astype(str).map({"all": 0.8, "4": 0.5})
    np.testing.assert_allclose(corrected.corrected, expected, rtol=0, atol=1e-12)
    assert table.n_uncorrected.isna().all() and set(corrected.corrected_by) == {CORRECTION}


@pytest.mark.parametrize(
    "change", [{"cortical_layer": "2/3"}, {"area": "VISl"}, {"selection": "other"}, {"method": "mine"}, {"method": "part"}]
)
def test_an_rdm_without_a_ceiling_or_with_a_low_one_is_not_corrected(kernels, population, ceilings, change):
    """Nor is the score of a user's method, which need be no correlation."""
    table = score_rdms(layers_of(kernels), kernels, {"paper": site_rdms(population, 3)}, {"rsa": RSA}, STIMULI).assign(
        **change
    )
    mine = {"mine": RSA | {"source": "python"}, "part": RSA | {"images": STIMULI[:9]}}
    corrected = correct_rdms(table, ceilings, {"rsa": RSA} | mine)
    assert corrected.corrected.isna().all() and set(corrected.corrected_by) == {""}


def test_scores_on_parts_of_the_images_are_corrected_alike(kernels, population):
    """A neuron whose reliability is too low has a score there, but no corrected one."""
    population |= {"reliability": RELIABILITY, "odd": population["mean"], "even": population["mean"]}
    half = np.random.default_rng(2).random((1, N)) < 0.5
    (scorer,) = scorers(kernels, {"paper": population}, {"ridge": RIDGE}, STIMULI, 3)
    _, score, corrected = scorer.splits(half, 1)
    single = []
    for k in range(M):
        one = {key: values[..., [k]] for key, values in population.items()}
        (of_neuron,) = scorers(kernels, {"paper": one}, {"ridge": RIDGE}, STIMULI, 1)
        single.append(of_neuron.splits(half, 1)[1])
    np.testing.assert_allclose(score, np.mean(single, axis=0), rtol=0, atol=1e-12)
    expected = np.mean([single[k] / np.sqrt(RELIABILITY[k]) for k in range(3)], axis=0)
    np.testing.assert_allclose(corrected, expected, rtol=0, atol=1e-12)


def test_without_reliabilities_nothing_is_corrected(kernels, population):
    _, sites = score_responses(layers_of(kernels), kernels, {"paper": population}, {"ridge": RIDGE}, STIMULI, 3)
    assert sites.corrected.isna().all() and set(sites.corrected_by) == {""} and (sites.n_uncorrected == M).all()


@pytest.mark.parametrize("reliability", [0.3, 0.5, 0.7, 0.95])
def test_the_corrected_r_of_simulated_neurons_is_the_true_one(reliability):
    """A prediction that is right but for noise of its own has r = .8 with the signal; trials add noise to the responses."""
    rng = np.random.default_rng(int(100 * reliability))
    n, m = 100, 2000
    signal = rng.standard_normal((n, m))
    prediction = 0.8 * signal + 0.6 * rng.standard_normal((n, m))
    # so that the mean of both halves has this reliability
    halves = signal + rng.standard_normal((2, n, m)) * np.sqrt(2 * (1 / reliability - 1))

    def r(a, b):
        a, b = ((x - x.mean(axis=0)) / x.std(axis=0) for x in (a, b))
        return (a * b).mean(axis=0)

    limit = ceiling(spearman_brown(r(*halves)))
    kept = limit**2 >= LEAST_RELIABILITY
    corrected = (r(prediction, halves.mean(axis=0))[kept] / limit[kept]).mean()
    assert corrected == pytest.approx(0.8, abs=0.02)
