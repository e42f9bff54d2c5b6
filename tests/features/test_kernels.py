"""The file of a network's kernels: as small as it is said to be, and no score the worse for it."""

import re

import numpy as np
import pandas as pd
import pytest
from scoring import score_rsa

from dormouse.errors import InputError
from dormouse.features import kernels
from dormouse.features.kernels import STEPS, pack, read_kernels, unpack, write_kernels
from dormouse.files import read_arrays, write_arrays
from dormouse.methods import ridge, rsa

SCORES = 1e-9  # what storing may change of a score


def mixtures(n_layers: int, n_images: int, seed: int, n_features: int = 400) -> np.ndarray:
    """Grams of features that images share in parts, more from layer to layer, as those of networks."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((30, n_features)).astype(np.float32)
    common = np.linspace(0, 2, n_layers)
    K = np.empty((n_layers, n_images, n_images))
    for layer, strength in enumerate(common):
        X = rng.exponential(size=(n_images, 30)).astype(np.float32) @ sources * np.float32(0.2 * strength)
        X += rng.standard_normal((n_images, n_features), dtype=np.float32) * rng.uniform(0.5, 2, (n_images, 1))
        X -= X.mean(axis=1, keepdims=True)
        K[layer] = X.astype(np.float64) @ X.T.astype(np.float64)
    return K


def correlations(K: np.ndarray) -> np.ndarray:
    norm = np.sqrt(np.einsum("lii->li", K))
    rows, columns = np.tril_indices(K.shape[1], k=-1)
    scale = norm[:, rows] * norm[:, columns]
    return np.divide(K[:, rows, columns], scale, out=np.zeros_like(scale), where=scale > 0)


def unpacked(K: np.ndarray) -> np.ndarray:
    stored = pack(K)
    return unpack(stored["norm"], stored["range"], stored["code"])


# --- accuracy


@pytest.mark.parametrize(("n_layers", "n_images"), [(5, 40), (1, 3), (3, 2), (1, 119)])
def test_kernels_come_back_within_half_a_step_of_each_correlation(n_layers, n_images):
    K = mixtures(n_layers, n_images, seed=0)
    found = unpacked(K)
    assert found.shape == K.shape and found.dtype == np.float64
    r = correlations(K)
    half = np.ptp(r, axis=1, keepdims=True) / STEPS / 2
    assert (np.abs(correlations(found) - r) <= half * 1.001 + 4e-16).all()
    np.testing.assert_array_equal(found, found.mT)
    np.testing.assert_allclose(np.einsum("lii->li", found), np.einsum("lii->li", K), rtol=1e-15)


def test_a_step_is_finer_where_correlations_are_alike():
    K = np.ones((1, 5, 5)) + 1e-6 * mixtures(1, 5, seed=1) / 400
    assert np.abs(correlations(unpacked(K)) - correlations(K)).max() < 1e-15


def test_layers_are_stored_each_in_its_own_range_and_size():
    K = mixtures(3, 20, seed=2)
    scaled = K * np.array([1e-12, 1.0, 1e12])[:, None, None]
    scaled[0] = np.einsum("ij,i,j->ij", scaled[0], *[np.logspace(-3, 3, 20)] * 2)
    for alone, together in zip(scaled, unpacked(scaled), strict=True):
        np.testing.assert_array_equal(unpacked(alone[None])[0], together)


def test_images_without_variance_stay_so():
    K = mixtures(2, 10, seed=3)
    K[1, 4], K[1, :, 4] = 0.0, 0.0
    found = unpacked(K)
    np.testing.assert_array_equal(found[1, 4], 0.0)
    np.testing.assert_array_equal(found[1, :, 4], 0.0)
    others = np.delete(np.arange(10), 4)
    np.testing.assert_allclose(found[1][np.ix_(others, others)], K[1][np.ix_(others, others)], rtol=1e-5)
    np.testing.assert_array_equal(unpacked(np.zeros((2, 4, 4))), 0.0)


def test_a_variance_that_rounding_left_below_zero_is_none():
    K = mixtures(1, 4, seed=4)
    K[0, 1, 1] = -1e-9
    np.testing.assert_array_equal(unpacked(K)[0, 1], 0.0)


@pytest.mark.filterwarnings("error")
def test_correlations_that_are_all_the_same_come_back():
    K = np.full((1, 4, 4), 0.25) + 0.75 * np.eye(4)
    np.testing.assert_array_equal(unpacked(K), K)


@pytest.mark.parametrize("shape", [(0, 5, 5), (2, 1, 1)])
def test_no_layers_and_no_pairs_are_stored_too(shape):
    K = np.full(shape, 3.0)
    np.testing.assert_allclose(unpacked(K), K, rtol=1e-15)


# --- scores


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> tuple[dict, dict]:
    """Give arrays of a network and what a file gives of them."""
    rng, path = np.random.default_rng(5), tmp_path_factory.mktemp("kernels") / "network.npz"
    n_layers, n_images = 6, 119
    arrays = {
        "layer": np.array([f"Conv2d-{k}" for k in range(n_layers)]),
        "block": np.array(["stem", "a", "a", "b", "b", "head"]),
        "blocks": np.array(["stem", "a", "b", "head"]),
        "n_features": np.full(n_layers, 400),
        "row_sum": rng.standard_normal((n_layers, n_images)),
        "centred": mixtures(n_layers, n_images, seed=6),
        "srp": mixtures(n_layers, n_images, seed=7, n_features=4096),
        "zscore": mixtures(n_layers, n_images, seed=8),
    }
    write_kernels(path, arrays)
    return arrays, read_kernels(path, *arrays)


def test_what_is_no_kernel_is_stored_as_it_is(stored):
    arrays, found = stored
    assert found.keys() == arrays.keys()
    for name in arrays.keys() - set(kernels.KERNELS):
        assert found[name].dtype == arrays[name].dtype
        np.testing.assert_array_equal(found[name], arrays[name])


@pytest.mark.parametrize("name", ["srp", "zscore"])
@pytest.mark.parametrize("penalty", [1.0, 1e5])
def test_scores_of_ridge_are_those_of_the_kernels_before_they_were_stored(stored, name, penalty):
    arrays, found = stored
    Y = np.random.default_rng(9).standard_normal((119, 50))
    Y[:, :25] += 0.05 * arrays[name][2] @ Y[:, :25] / 400
    expected = ridge.score_layers(arrays[name], Y, penalty)
    assert np.ptp(expected) > 0.3
    np.testing.assert_allclose(ridge.score_layers(found[name], Y, penalty), expected, rtol=0, atol=SCORES)


def test_scores_of_rsa_are_those_of_the_kernels_before_they_were_stored(stored):
    arrays, found = stored
    rng = np.random.default_rng(10)
    sites = [rsa.rdm_from_patterns(rng.standard_normal((119, 60)) @ np.diag(np.logspace(0, 2, 60))) for _ in range(3)]
    targets = {
        "rdm": np.stack([*sites, rsa.rdm_from_centred(arrays["centred"], arrays["row_sum"], 400)[0][3]]),
        "area": np.array(["VISp", "VISl", "VISal", "VISam"]),
        "cortical_layer": np.array(["all"] * 4),
        "n_neurons": np.full(4, 60),
    }
    tables = [score_rsa(each, targets) for each in (arrays, found)]
    assert np.ptp(tables[0].score) > 0.5
    pd.testing.assert_frame_equal(*(table.drop(columns="score") for table in tables))
    np.testing.assert_allclose(tables[1].score, tables[0].score, rtol=0, atol=SCORES)


# --- the file


def test_a_file_of_hundreds_of_layers_is_below_50_mib(tmp_path):
    """A sixth of the 600 layers of the largest networks, of the images of the paper, with two kernels."""
    n_layers = 100
    write_kernels(tmp_path / "a.npz", {name: mixtures(n_layers, 119, seed) for seed, name in enumerate(("centred", "srp"))})
    assert (tmp_path / "a.npz").stat().st_size < 50 * 2**20 * n_layers / 600


def test_kernels_that_are_not_asked_for_are_not_read(tmp_path, stored):
    write_kernels(tmp_path / "a.npz", stored[0])
    found = read_kernels(tmp_path / "a.npz", "layer", "srp")
    assert found.keys() == {"layer", "srp"}
    np.testing.assert_array_equal(found["srp"], stored[1]["srp"])


@pytest.mark.parametrize("name", ["srp", "zscore", "row_sum"])
def test_a_file_without_an_array_that_is_needed_is_refused_by_its_name_and_that_of_the_array(tmp_path, name):
    path = tmp_path / "a.npz"
    write_kernels(path, {"layer": np.array(["Conv2d-1"]), "centred": mixtures(1, 4, seed=11)})
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: no array named .*{name}"):
        read_kernels(path, "layer", "centred", name)


@pytest.mark.parametrize("part", ["norm", "range", "code"])
def test_a_file_without_a_part_of_a_kernel_is_refused_by_its_name(tmp_path, part):
    path = tmp_path / "a.npz"
    write_kernels(path, {"centred": mixtures(1, 4, seed=12)})
    whole = read_arrays(path)
    write_arrays(path, {name: values for name, values in whole.items() if name != f"centred_{part}"})
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: no array named centred_{part}"):
        read_kernels(path, "centred")


def test_a_file_that_is_no_file_of_arrays_is_refused_by_its_name(tmp_path):
    (tmp_path / "a.npz").write_text("nothing")
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file"):
        read_kernels(tmp_path / "a.npz", "centred")
