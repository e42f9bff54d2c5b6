"""Tables of scores from kernels and targets, by rows of each family and by a user's functions, against naive loops."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from dormouse.errors import InputError
from dormouse.methods import user
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.neurons.populations import site_rdms
from dormouse.stimuli.images import BLANK

N, LAYERS, FEATURES = 9, 3, (30, 7, 100)
STIMULI = [*(f"scene_{k}" for k in range(N - 1)), BLANK]
ROW = {"selection": "paper", "images": "all", "settings": {}}
OWN = ROW | {"source": "python", "name": "mine:score", "kernels": ["gram"], "files": []}


@pytest.fixture(scope="module")
def features() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((N, p)) + rng.standard_normal() for p in FEATURES]


@pytest.fixture(scope="module")
def layers() -> pd.DataFrame:
    return pd.DataFrame({"layer": [f"Conv2d-{k}" for k in range(LAYERS)], "layer_index": range(1, LAYERS + 1)})


@pytest.fixture(scope="module")
def kernels(features) -> dict[str, np.ndarray]:
    centred = [X - X.mean(axis=1, keepdims=True) for X in features]
    return {
        "centred": np.stack([C @ C.T for C in centred]),
        "srp": np.stack([X @ X.T for X in features]),
        "row_sum": np.stack([X.sum(axis=1) for X in features]),
        "n_features": np.array(FEATURES),
    }


@pytest.fixture(scope="module")
def population() -> dict[str, np.ndarray]:
    rng, layer = np.random.default_rng(1), np.array(["2/3"] * 4 + ["4"] * 4 + [""] * 2)
    return {
        "mean": rng.gamma(2.0, size=(N, 10)) * rng.gamma(1.0, size=10),
        "recording": np.full(10, "one"),
        "neuron": np.arange(10).astype(str),
        "animal": np.full(10, "m1"),
        "area": np.full(10, "VISp"),
        "cortical_layer": layer,
    }


def of_layer(table: pd.DataFrame, method: str, site: str) -> np.ndarray:
    rows = table[(table.method == method) & (table.cortical_layer == site)]
    return rows.sort_values("layer_index").score.to_numpy()


def rdm(X: np.ndarray) -> np.ndarray:
    return (1 - np.corrcoef(X))[np.triu_indices(len(X), k=1)]


@pytest.mark.parametrize("images", ["all", "scenes"])
@pytest.mark.parametrize("target", ["rdm", "rdm_zscored"])
@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_rsa_of_every_row_equals_that_of_a_loop(layers, kernels, features, population, images, target, correlation):
    settings = {"correlation": correlation}
    rows = {"rsa": ROW | {"family": "rsa", "kernels": ["centred"], "target": target, "images": images, "settings": settings}}
    table = score_rdms(layers, kernels, {"paper": site_rdms(population, 3)}, rows, STIMULI)
    n = N if images == "all" else N - 1
    Y = population["mean"]
    Y = (Y - Y.mean(axis=0)) / Y.std(axis=0) if target == "rdm_zscored" else Y
    for site in ("all", "2/3", "4"):
        inside = (population["cortical_layer"] == site) | (site == "all")
        r = {"pearson": lambda a, b: np.corrcoef(a, b)[0, 1], "spearman": lambda a, b: spearmanr(a, b).statistic}[correlation]
        expected = [r(rdm(X[:n]), rdm(Y[:n, inside])) for X in features]
        np.testing.assert_allclose(of_layer(table, "rsa", site), expected, atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(np.cov(Y))  # of the whole area, over images
    found = table.site_dimension[table.cortical_layer == "all"].to_numpy()
    covariance = np.linalg.eigvalsh(np.cov(Y.T))
    np.testing.assert_allclose(found, covariance.sum() ** 2 / np.square(covariance).sum(), rtol=1e-9)
    assert len(eigenvalues) == N


def test_zscored_neurons_have_equal_weight(population):
    loud = population | {"mean": population["mean"] * np.r_[1000.0, np.ones(9)]}
    before, after = site_rdms(population, 3), site_rdms(loud, 3)
    np.testing.assert_allclose(after["rdm_zscored"], before["rdm_zscored"], atol=1e-12)
    assert np.abs(after["rdm"] - before["rdm"]).max() > 0.1


def ridge_loop(X: np.ndarray, y: np.ndarray, penalty: float) -> float:
    predicted = np.empty(len(y))
    for k in range(len(y)):
        rest = np.delete(np.arange(len(y)), k)
        mean = X[rest].mean(axis=0)
        A = (X[rest] - mean) @ (X[rest] - mean).T + penalty * np.eye(len(rest))
        predicted[k] = y[rest].mean() + (X[k] - mean) @ (X[rest] - mean).T @ np.linalg.solve(A, y[rest] - y[rest].mean())
    return np.corrcoef(predicted, y)[0, 1]


@pytest.mark.parametrize("kernel", ["gram", "srp"])
def test_ridge_of_neurons_and_sites_equals_that_of_a_loop(layers, kernels, features, population, kernel):
    row = ROW | {"family": "ridge", "kernels": [kernel], "target": "responses", "settings": {"penalty": 2.0}}
    neurons, sites = score_responses(layers, kernels, {"paper": population}, {"ridge": row}, STIMULI, 3)
    Y = population["mean"]
    expected = np.array([[ridge_loop(X, y, 2.0) for y in Y.T] for X in features])
    found = neurons.pivot(index="layer_index", columns="neuron", values="score")[population["neuron"]].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)
    for site in ("all", "2/3", "4"):
        inside = (population["cortical_layer"] == site) | (site == "all")
        np.testing.assert_allclose(of_layer(sites, "ridge", site), expected[:, inside].mean(axis=1), atol=1e-9)
    assert set(sites.n_neurons) == {10, 4}


def use(monkeypatch, function):
    monkeypatch.setattr(user, "import_function", lambda name: function)
    monkeypatch.setattr(user, "user_code", lambda name: {})


def cosine(kernels, target, settings):
    """Return the cosine of K with a site's RDM, or with Y Y'."""
    other = target if target.shape == (N, N) else target @ target.T
    return [np.vdot(K, other) / np.linalg.norm(K) / np.linalg.norm(other) * settings.get("sign", 1) for K in kernels["gram"]]


def test_a_users_function_receives_kernels_and_a_site(monkeypatch, layers, kernels, features, population):
    use(monkeypatch, cosine)
    row = OWN | {"target": "responses", "settings": {"sign": -1}}
    neurons, sites = score_responses(layers, kernels, {"paper": population}, {"mine": row}, STIMULI, 3)
    assert len(neurons) == 0 and {"layer", "neuron", "score", "method"} <= set(neurons.columns)
    for site in ("all", "2/3", "4"):
        Y = population["mean"][:, (population["cortical_layer"] == site) | (site == "all")]
        expected = [-np.vdot(X @ X.T, Y @ Y.T) / np.linalg.norm(X @ X.T) / np.linalg.norm(Y @ Y.T) for X in features]
        np.testing.assert_allclose(of_layer(sites, "mine", site), expected, atol=1e-9)
    rdms = site_rdms(population, 3)
    table = score_rdms(layers, kernels, {"paper": rdms}, {"mine": OWN | {"target": "rdm"}}, STIMULI)
    expected = [np.vdot(X @ X.T, rdms["rdm"][0]) / np.linalg.norm(X @ X.T) / np.linalg.norm(rdms["rdm"][0]) for X in features]
    np.testing.assert_allclose(of_layer(table, "mine", "all"), expected, atol=1e-9)


def test_scores_of_neurons_are_averaged_over_those_that_have_one(monkeypatch, layers, kernels, population):
    use(monkeypatch, lambda kernels, Y, settings: np.tile(np.where(np.arange(Y.shape[1]) == 0, np.nan, 2.0), (LAYERS, 1)))
    _, sites = score_responses(layers, kernels, {"paper": population}, {"mine": OWN | {"target": "responses"}}, STIMULI, 3)
    assert (sites.score == 2.0).all() and set(sites.n_neurons) == {9, 3}


def write(kernels, target, settings):
    kernels["gram"][:] = 0


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (
            lambda kernels, target, settings: np.ones(LAYERS + 1),
            InputError,
            r"mine:score: gave scores of shape \(4,\)",
        ),
        (lambda kernels, target, settings: np.full(LAYERS, np.inf), InputError, "mine:score: gave infinite scores"),
        (lambda kernels, target, settings: "high", InputError, "mine:score: gave str, expected an array of scores"),
        (lambda kernels, target, settings: None, InputError, "mine:score"),
        (lambda kernels, target, settings: 1 + 2j, InputError, "mine:score"),
        (write, InputError, r"mine:score: ValueError: .*read-only \(.*test_scores\.py, line \d+\)\."),
    ],
)
def test_what_a_users_function_returns_is_checked(monkeypatch, layers, kernels, population, function, error, message):
    use(monkeypatch, function)
    with pytest.raises(error, match=message):
        score_responses(layers, kernels, {"paper": population}, {"mine": OWN | {"target": "responses"}}, STIMULI, 3)
