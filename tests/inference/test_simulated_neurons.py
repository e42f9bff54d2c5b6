"""Simulated neurons have the covariance of the layer, and the mean, sd, reliability and spectrum of the data."""

import numpy as np
import pytest
from experiments import kernels_of, population_of

from dormouse.inference.parts import of_area, side_by_side
from dormouse.inference.scorer import entries
from dormouse.inference.simulated_neurons import mixed, readouts, recorded, unexplained
from dormouse.neurons.populations import zscored

N = 12


def layer(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    X = np.random.default_rng(seed).standard_normal((N, 5)) * [3, 2, 1, 1, 1] + 7
    return X, {name: values[0] for name, values in kernels_of([X]).items()}


def data(n: int, animals: str = "ab", reliability: float = 0.6) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    Y = rng.standard_normal((N, 4)) @ rng.standard_normal((4, n)) * rng.uniform(1, 5, n) + rng.uniform(0, 9, n)
    return population_of(Y, np.resize(list(animals), n)) | {"reliability": np.full(n, reliability)}


def correlations(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(A.T, B.T, strict=True)])


def test_readouts_are_distributed_as_those_of_explicit_features_with_random_weights():
    X, kernels = layer(0)
    n, rng = 40_000, np.random.default_rng(1)
    drawn = readouts(**kernels, n=n, rng=rng)
    explicit = (X - X.mean(axis=0)) @ rng.standard_normal((5, n))
    explicit = (explicit - explicit.mean(axis=0)) / explicit.std(axis=0)
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(drawn.std(axis=0), 1, atol=1e-12)
    np.testing.assert_allclose(drawn @ drawn.T / n, explicit @ explicit.T / n, atol=0.03)
    assert np.linalg.matrix_rank(drawn, tol=1e-3) == 5  # of the features alone, without their means


def test_the_unexplained_part_has_the_spectrum_of_the_data_in_directions_of_each_animal():
    n, k, rng = 60, 20, np.random.default_rng(0)
    latents = rng.standard_normal((n, k)) / np.sqrt(np.arange(1, k + 1))
    animal = np.repeat(["a", "b"], 3000)
    population = {"mean": latents @ rng.standard_normal((k, 6000)) * rng.uniform(1, 5, 6000) + 3, "animal": animal}
    own = unexplained(population, rng)
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(own.std(axis=0), 1, atol=1e-12)
    Z = zscored(population["mean"])
    spectrum = np.linalg.eigvalsh(Z @ Z.T)[::-1] / 6000
    Ks = [own[:, animal == name] @ own[:, animal == name].T / 3000 for name in "ab"]
    for K in Ks:  # each neuron is standardised, which flattens a spectrum a little
        np.testing.assert_allclose(np.linalg.eigvalsh(K)[::-1][:k], spectrum[:k], rtol=0.3)
        np.testing.assert_allclose(np.linalg.eigvalsh(K)[::-1][k:], 0, atol=1e-9)
    L = Z @ Z.T
    alike = [np.vdot(A, B) / np.linalg.norm(A) / np.linalg.norm(B) for A, B in (Ks, (Ks[0], L), (Ks[1], L))]
    assert max(alike) < 0.6  # as 20 random directions among 59 overlap


@pytest.mark.parametrize("reliability", [0.0, 0.3, 0.9, 1.0])
def test_responses_have_mean_sd_and_reliability_of_the_data(reliability):
    population, rng = data(4000, reliability=reliability), np.random.default_rng(2)
    signal = zscored(rng.standard_normal((N, 4000)))
    odd, even = recorded(population, signal, rng)
    mean = (odd + even) / 2
    Z = (mean - population["mean"].mean(axis=0)) / population["mean"].std(axis=0)
    assert Z.mean() == pytest.approx(0, abs=0.01) and (Z**2).mean() == pytest.approx(1, abs=0.02)
    # over images and neurons: r of the halves, and of the mean with the signal, whose square is the reliability
    halves = [(part - population["mean"].mean(axis=0)) / population["mean"].std(axis=0) for part in (odd, even)]
    r = np.corrcoef(halves[0].ravel(), halves[1].ravel())[0, 1]
    assert 2 * r / (1 + r) == pytest.approx(reliability, abs=0.02)
    assert np.corrcoef(Z.ravel(), signal.ravel())[0, 1] ** 2 == pytest.approx(reliability, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_is_that_of_the_variance(share):
    rng = np.random.default_rng(4)
    explained, own = (zscored(rng.standard_normal((200, 500))) for _ in range(2))
    signal = mixed(share, explained, own)
    np.testing.assert_allclose(signal.std(axis=0), 1, atol=1e-12)
    assert np.mean(correlations(signal, explained)) ** 2 == pytest.approx(share, abs=0.02)


def test_populations_side_by_side_are_areas_without_animals():
    parts = [
        {trials: np.full((N, n), value) for trials in ("mean", "odd", "even")} for n, value in ((4, 1.0), (2, 2.0), (3, 3.0))
    ]
    together = side_by_side(parts)
    sites, inside = entries(together, 3)
    assert list(sites.area) == ["0", "2"] and list(sites.n_neurons) == [4, 3] and set(sites.cortical_layer) == {"all"}
    assert set(sites.animal) == {""}  # pooled sites alone
    np.testing.assert_array_equal(together["mean"][:, inside[1]], parts[2]["mean"])
    np.testing.assert_array_equal(of_area(together, "1")["mean"], parts[1]["mean"])
