import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from dormouse import gram
from dormouse.errors import InputError

few_features = pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")


def make_features(n_images: int, n_features: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.maximum(rng.standard_normal((n_images, n_features)) + rng.standard_normal(n_features), -0.5).astype(np.float32)


def assert_equal_up_to_float32(K: torch.Tensor, expected: np.ndarray, relative: float = 1e-6) -> None:
    assert K.dtype == torch.float64
    np.testing.assert_allclose(K.numpy(), expected, rtol=0, atol=relative * np.abs(expected).max())


def small_kernels() -> gram.Kernels:
    return gram.Kernels(eps=0.9, seed=0)


def to_scipy(matrix: torch.Tensor) -> csr_array:
    parts = (part.numpy() for part in (matrix.values(), matrix.col_indices(), matrix.crow_indices()))
    sparse = csr_array(tuple(parts), shape=tuple(matrix.shape))
    sparse.sort_indices()
    return sparse


@pytest.mark.parametrize("block", [gram.BLOCK, 1000, 1])
def test_kernels_in_blocks_are_those_of_the_whole_matrix(monkeypatch, block):
    X = make_features(12, 2 * block + 345 if block > 1 else 7, seed=0)
    X[:, 5] = 0.0
    whole = X.astype(np.float64)
    Z = StandardScaler().fit_transform(whole)
    monkeypatch.setattr(gram, "BLOCK", block)
    X = torch.from_numpy(X)
    C, row_sum = gram.centred(X)
    assert_equal_up_to_float32(C + torch.outer(row_sum, row_sum) / X.shape[1], whole @ whole.T)
    assert_equal_up_to_float32(C, len(whole.T) * np.cov(whole, bias=True))
    assert_equal_up_to_float32(row_sum, whole.sum(axis=1))
    assert_equal_up_to_float32(gram.zscored(X), Z @ Z.T)


def test_the_size_of_blocks_does_not_change_the_kernels(monkeypatch):
    X = torch.from_numpy(make_features(12, 3001, seed=1))
    kernels = (lambda X: gram.centred(X)[0], lambda X: gram.centred(X)[1], gram.zscored)
    at_once = [kernel(X).numpy() for kernel in kernels]
    monkeypatch.setattr(gram, "BLOCK", 64)
    for kernel, expected in zip(kernels, at_once, strict=True):
        assert_equal_up_to_float32(kernel(X), expected)


def test_kernels_leave_the_features_as_they_are():
    X = torch.from_numpy(make_features(10, 500, seed=2))
    before = X.clone()
    small_kernels().add("Conv2d-1", "conv1", X)
    assert torch.equal(X, before)


def test_constant_columns_are_no_part_of_the_zscored_kernel():
    X, constants = make_features(119, 400, seed=3), [0.0, 1.0, 0.1, -7.3, 1e4 + 0.1, 1 / 3]
    X[:, ::50] = np.resize(constants, 8)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    Z[:, ::50] = 0.0
    assert_equal_up_to_float32(gram.zscored(torch.from_numpy(X)), Z @ Z.T)
    only_constant = torch.from_numpy(X[:, ::50].copy())
    np.testing.assert_array_equal(gram.zscored(only_constant).numpy(), 0.0)


def test_columns_that_vary_little_beside_their_mean_are_zscored():
    X = make_features(40, 300, seed=4) + np.float32(1e3)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    assert_equal_up_to_float32(gram.zscored(torch.from_numpy(X)), Z @ Z.T)


@few_features
@pytest.mark.parametrize(
    ("n_features", "n_columns", "seed"),
    [(p, 300, 0) for p in (1, 2, 3, 64, 1000, 9999, 10001, 50000)] + [(1000, 300, 7), (10001, 300, 7), (20000, 4096, 0)],
)
def test_projection_matrix_is_that_of_scikit_learn_in_every_entry(n_features, n_columns, seed):
    fitted = SparseRandomProjection(n_columns, random_state=seed).fit(np.zeros((1, n_features), np.float32))
    expected = csr_array(fitted.components_)
    expected.sort_indices()
    matrix = to_scipy(gram.projection(n_features, n_columns, seed))
    assert matrix.shape == expected.shape and matrix.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(matrix.indptr, expected.indptr)
    np.testing.assert_array_equal(matrix.indices, expected.indices)
    np.testing.assert_array_equal(matrix.data, expected.data)


def test_number_of_projections_is_that_of_the_paper():
    assert gram.n_projections(119, 0.1) == 4096
    assert gram.n_projections(118, 0.1) == 4089


@few_features
@pytest.mark.parametrize("n_features", [1, 60, 20000])
def test_projected_kernel_is_that_of_scikit_learn(n_features):
    X = make_features(30, n_features, seed=5)
    S = SparseRandomProjection(500, random_state=2).fit_transform(X.astype(np.float64))
    Z = StandardScaler().fit_transform(S)
    # projections are rounded to float32 before their mean over the images is taken off: up to 2e-6 with one feature
    assert_equal_up_to_float32(gram.projected(torch.from_numpy(X), 500, seed=2), Z @ Z.T, relative=1e-5)


def test_a_layer_equal_to_an_earlier_one_is_dropped():
    X = torch.from_numpy(make_features(5, 50, seed=6))
    kernels = small_kernels()
    for name, features in (("Conv2d-1", X), ("ReLU-1", X.relu()), ("Dropout-1", X.clone()), ("ReLU-2", X.relu())):
        kernels.add(name, "conv1", features)
    assert [layer["layer"] for layer in kernels.layers] == ["Conv2d-1", "ReLU-1"]


def test_a_layer_that_differs_in_the_last_bit_of_one_value_has_another_fingerprint():
    X = make_features(3, 40, seed=7)
    seen = {gram.fingerprint(torch.from_numpy(X))}
    for place in np.ndindex(X.shape):
        other = X.copy()
        other[place] = np.nextafter(other[place], np.float32(np.inf))
        seen.add(gram.fingerprint(torch.from_numpy(other)))
    assert len(seen) == X.size + 1


@pytest.mark.parametrize("column", [0, 1, 4099, 19998, 19999])
def test_a_layer_of_many_features_that_differs_in_one_value_is_kept(column):
    X = make_features(4, 20000, seed=8)
    other = X.copy()
    other[2, column] = np.nextafter(other[2, column], np.float32(np.inf))
    kernels = small_kernels()
    for name, features in (("Conv2d-1", X), ("Conv2d-2", other), ("Conv2d-3", X)):
        kernels.add(name, "conv1", torch.from_numpy(features))
    assert [layer["layer"] for layer in kernels.layers] == ["Conv2d-1", "Conv2d-2"]


def test_a_layer_has_a_fingerprint_however_many_its_features():
    """Above 2^24 float32 numbers skip places, the last among them."""
    assert gram.fingerprint(torch.zeros(1, 2**24 + 4)) != gram.fingerprint(torch.zeros(1, 2**24 + 8))


def test_a_layer_of_the_same_features_in_another_order_is_kept():
    X = torch.from_numpy(make_features(4, 20000, seed=9)).reshape(4, 80, 250)
    kernels = small_kernels()
    kernels.add("Conv2d-1", "conv1", X.reshape(4, -1))
    kernels.add("Permute-1", "permute", X.transpose(1, 2).reshape(4, -1))
    assert [layer["layer"] for layer in kernels.layers] == ["Conv2d-1", "Permute-1"]


def test_a_layer_of_zeros_is_not_taken_for_one_of_another_size():
    kernels = small_kernels()
    for n_features in (5000, 6000):
        kernels.add(f"ReLU-{n_features}", "relu", torch.zeros(5, n_features))
    assert len(kernels.layers) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_by_layer(value):
    X = make_features(5, 50, seed=10)
    X[3, 49] = value
    with pytest.raises(InputError, match=r"^layer Conv2d-7: features are not finite"):
        small_kernels().add("Conv2d-7", "conv7", torch.from_numpy(X))


def test_arrays_hold_every_kernel_of_every_layer_in_order_of_computation():
    features = [make_features(6, n_features, seed=11) for n_features in (30, 10, 20)]
    kernels = gram.Kernels(eps=0.5, seed=3)
    places = [("Conv2d-1", "stem.0"), ("ReLU-1", "stem.1"), ("Linear-1", "head")]
    for place, X in zip(places, features, strict=True):
        kernels.add(*place, torch.from_numpy(X))
    arrays = kernels.arrays()
    assert set(arrays) == {"layer", "block", "n_features", "row_sum", "centred", "zscore", "srp"}
    assert list(zip(arrays["layer"], arrays["block"], strict=True)) == places
    assert list(arrays["n_features"]) == [30, 10, 20]
    assert arrays["row_sum"].shape == (3, 6)
    for i, X in enumerate(map(torch.from_numpy, features)):
        np.testing.assert_array_equal(arrays["zscore"][i], gram.zscored(X))
        np.testing.assert_array_equal(arrays["srp"][i], gram.projected(X, gram.n_projections(6, 0.5), seed=3))
    assert all(arrays[name].shape == (3, 6, 6) for name in ("centred", "zscore", "srp"))


def test_kernels_hold_no_memory_of_the_features():
    """What a layer put out is often overwritten by the next."""
    X = torch.from_numpy(make_features(6, 500, seed=13))
    kernels, untouched = small_kernels(), small_kernels()
    kernels.add("Conv2d-1", "conv1", X)
    untouched.add("Conv2d-1", "conv1", X.clone())
    X.zero_()
    for name, matrix in kernels.arrays().items():
        np.testing.assert_array_equal(matrix, untouched.arrays()[name])


@pytest.mark.parametrize("offset", [0, 3, 30, 1000])
def test_centred_gram_is_the_covariance_of_images_however_large_their_mean(offset):
    X = (make_features(6, 500, seed=12) + offset).astype(np.float32)
    kernels = small_kernels()
    kernels.add("Sigmoid-1", "gate", torch.from_numpy(X))
    expected = 500 * np.cov(X.astype(np.float64), bias=True)
    np.testing.assert_allclose(kernels.arrays()["centred"][0], expected, rtol=0, atol=1e-6 * np.abs(expected).max())
