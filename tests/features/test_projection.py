"""Sparse random projections: scikit-learn's matrix in every entry, in blocks, and drawn no more often than need be."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection, johnson_lindenstrauss_min_dim

from dormouse.features import gram, projection
from dormouse.features.projection import Projections, draw, in_blocks, n_projections
from dormouse.features.standardisation import FEW

CPU = torch.device("cpu")
N_COLUMNS = 300

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")


def matrix_of_sklearn(n_features: int, n_columns: int, seed: int) -> csr_array:
    fitted = SparseRandomProjection(n_columns, random_state=seed).fit(np.zeros((1, n_features), np.float32))
    matrix = csr_array(fitted.components_)
    matrix.sort_indices()
    return matrix


def put_together(blocks: list[torch.Tensor], n_features: int) -> np.ndarray:
    whole = np.concatenate([block.to_dense().numpy() for block in blocks], axis=1)
    assert not whole[:, n_features:].any()
    return whole[:, :n_features]


# --- the matrix


@pytest.mark.parametrize(
    ("n_features", "n_columns", "seed"),
    [(p, N_COLUMNS, 0) for p in (*range(1, 13), 64, 101, 1000, 9999, 10000, 10001, 50000)]
    + [(1000, N_COLUMNS, 7), (10001, N_COLUMNS, 7), (20000, 4096, 0)],
)
def test_the_matrix_is_that_of_scikit_learn_in_every_entry(n_features, n_columns, seed):
    expected = matrix_of_sklearn(n_features, n_columns, seed)
    offsets, features, signs = draw(n_features, n_columns, seed)
    assert (offsets.dtype, features.dtype, signs.dtype) == (np.int64, np.int32, np.int8)
    matrix = csr_array((signs, features, offsets), shape=(n_columns, n_features))
    matrix.sort_indices()
    np.testing.assert_array_equal(matrix.indptr, expected.indptr)
    np.testing.assert_array_equal(matrix.indices, expected.indices)
    np.testing.assert_array_equal(matrix.data, np.sign(expected.data))


@pytest.mark.parametrize("width", [64, 999, 1000, 1001, 4096])
@pytest.mark.parametrize("n_features", [1, 7, 1000, 2000])
def test_blocks_of_any_width_are_the_matrix_in_pieces(n_features, width):
    blocks = in_blocks(n_features, N_COLUMNS, 3, width, CPU)
    assert len(blocks) == -(-n_features // width)
    assert all(block.shape == (N_COLUMNS, width) and block.dtype == torch.float32 for block in blocks)
    expected = matrix_of_sklearn(n_features, N_COLUMNS, 3)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(put_together(blocks, n_features), expected.toarray())


@pytest.mark.parametrize("n_features", [10001, 50000])
def test_blocks_of_a_large_layer_are_the_matrix_in_pieces(n_features):
    blocks = in_blocks(n_features, N_COLUMNS, 0, gram.BLOCK, CPU)
    np.testing.assert_array_equal(put_together(blocks, n_features), matrix_of_sklearn(n_features, N_COLUMNS, 0).toarray())


@pytest.mark.parametrize("eps", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("n_images", [2, 118, 119, 5000])
def test_number_of_projections_is_that_of_scikit_learn(n_images, eps):
    assert n_projections(n_images, eps) == johnson_lindenstrauss_min_dim(n_images, eps=eps)


def test_number_of_projections_is_that_of_the_paper():
    assert n_projections(119, 0.1) == 4096
    assert n_projections(118, 0.1) == 4089


# --- projected features


@pytest.mark.parametrize("n_features", [1, 60, 4096, 20000])
def test_projected_features_and_their_kernel_are_those_of_scikit_learn(n_features):
    X = np.random.default_rng(5).standard_normal((30, n_features)).astype(np.float32)
    expected = SparseRandomProjection(500, random_state=2).fit_transform(X.astype(np.float64))
    parts = torch.from_numpy(X).split(8)
    found = gram.reduce(parts, ["srp"], Projections(500, 2, gram.BLOCK, CPU))["projected"]
    assert (found.dtype, found.shape) == (np.float64 if n_features <= FEW else np.float32, (30, 500))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())

    finished = []
    gram.Kernels(30, ["srp"], 0.9, 2, finished.append).add("Linear-1", parts)
    Z = StandardScaler().fit_transform(
        SparseRandomProjection(n_projections(30, 0.9), random_state=2).fit_transform(X.astype(np.float64))
    )
    # projections are rounded to float32 before their mean over the images is taken off: up to 2e-6 with one feature
    np.testing.assert_allclose(finished[0]["srp"], Z @ Z.T, rtol=0, atol=1e-5 * np.square(Z).sum(axis=1).max())


# --- how often


@pytest.fixture
def drawn(monkeypatch) -> list[int]:
    """Give the list of sizes that are drawn."""
    sizes = []

    def counted(n_features: int, *rest) -> tuple:
        sizes.append(n_features)
        return draw(n_features, *rest)

    monkeypatch.setattr(projection, "draw", counted)
    return sizes


def test_a_size_is_drawn_once(drawn):
    projections = Projections(N_COLUMNS, 0, 64, CPU)
    first = projections(100)
    projections(200)
    assert projections(100) is first
    assert drawn == [100, 200]


def test_the_matrices_used_last_are_kept_up_to_a_number_of_bytes(monkeypatch, drawn):
    projections = Projections(N_COLUMNS, 0, 64, CPU)
    room = 2 * projection.matrix_bytes(400, N_COLUMNS)  # for those of 100, 100 and 400
    monkeypatch.setattr(projection, "KEPT_BYTES", room)
    for n_features in (100, 400, 100, 399, 100, 400, 400):
        projections(n_features)
    assert drawn == [100, 400, 399, 400]


def test_a_matrix_that_is_larger_than_what_is_kept_is_used_all_the_same(monkeypatch, drawn):
    monkeypatch.setattr(projection, "KEPT_BYTES", 1)
    projections = Projections(N_COLUMNS, 0, 64, CPU)
    for n_features in (100, 100, 50, 50, 100):
        assert put_together(projections(n_features), n_features).shape == (N_COLUMNS, n_features)
    assert drawn == [100, 50, 100]


@pytest.mark.parametrize("n_features", [100, 40_000])
def test_the_bytes_of_a_matrix_are_about_those_that_are_counted(n_features):
    blocks = in_blocks(n_features, 1000, 0, gram.BLOCK, CPU)
    entries = sum(block.values().nbytes + block.col_indices().nbytes for block in blocks)
    assert projection.matrix_bytes(n_features, 1000) == pytest.approx(entries, rel=0.02)
