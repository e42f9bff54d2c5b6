"""RDMs hold the correlation distances of patterns, also when computed from kernels."""

import numpy as np
import pytest
import rsatoolbox
import torch
from rsa_data import make_kernels, make_patterns
from scipy.spatial.distance import pdist, squareform

from dormouse.features import gram
from dormouse.methods import rdms


def rdm_of_features(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = gram.reduce([torch.from_numpy(X)])
    return rdms.rdm_from_centred(found["centred"], found["row_sum"], X.shape[1])


@pytest.mark.parametrize("n_features", [5, 300])
def test_rdm_equals_the_correlation_distance_of_scipy(n_features):
    X = make_patterns(20, n_features, seed=0) + 3.0
    expected = squareform(pdist(X, metric="correlation"))
    np.testing.assert_allclose(rdms.rdm_from_patterns(X), expected, rtol=0, atol=1e-12)
    rdm, constant = rdms.rdm_from_gram(X @ X.T, X.sum(axis=1), n_features)
    np.testing.assert_allclose(rdm, expected, rtol=0, atol=1e-12)
    assert not constant.any()


def test_rdm_equals_that_of_rsatoolbox():
    X = make_patterns(20, 50, seed=1)
    dataset = rsatoolbox.data.Dataset(X, obs_descriptors={"stimulus": np.arange(20)})
    expected = rsatoolbox.rdm.calc_rdm(dataset, method="correlation", descriptor="stimulus").get_matrices()[0]
    np.testing.assert_allclose(rdms.rdm_from_patterns(X), expected, rtol=0, atol=1e-12)


def test_rdms_of_many_layers_at_once_equal_those_of_each_alone():
    patterns = [make_patterns(15, n_features, seed=2) for n_features in (10, 40, 90)]
    kernels = make_kernels(patterns)
    found, _ = rdms.rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    for rdm, X in zip(found, patterns, strict=True):
        np.testing.assert_allclose(rdm, squareform(pdist(X, metric="correlation")), rtol=0, atol=1e-12)


def test_patterns_are_not_changed():
    X = make_patterns(10, 30, seed=3) + 5.0
    before = X.copy()
    rdms.rdm_from_patterns(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("offset", [10, 200, 30000])
def test_rdm_of_float32_features_survives_an_offset_large_beside_their_sd(offset):
    """Such layers exist: in an untrained efficientnet_b0, Sigmoid-1 has a mean of 240 sd, and Sigmoid-2 of 35000 sd."""
    X = make_patterns(119, 5000, seed=4)
    X = (X / X.std() + offset).astype(np.float32)
    rdm, constant = rdm_of_features(X)
    np.testing.assert_allclose(rdm, 1 - np.corrcoef(X.astype(np.float64)), rtol=0, atol=1e-4)
    assert not constant.any()


@pytest.mark.parametrize("value", [0.0, 127 / 255, 0.3, -1e3])
def test_a_constant_pattern_is_flagged_and_has_distance_1_to_all_others(value):
    X = make_patterns(8, 3000, seed=5).astype(np.float32)
    X[3], X[6] = value, value / 2
    rdm, constant = rdms.rdm_from_gram(X.astype(np.float64) @ X.T, X.sum(axis=1, dtype=np.float64), X.shape[1])
    np.testing.assert_array_equal(np.flatnonzero(constant), [3, 6])
    for i in (3, 6):
        np.testing.assert_array_equal(rdm[i], np.arange(8) != i)
        np.testing.assert_array_equal(rdm[:, i], np.arange(8) != i)
    others = [0, 1, 2, 4, 5, 7]
    expected = 1 - np.corrcoef(X[others].astype(np.float64))
    np.testing.assert_allclose(rdm[np.ix_(others, others)], expected, rtol=0, atol=1e-9)


def test_a_pattern_that_varies_by_rounding_alone_counts_as_constant():
    X = make_patterns(8, 3000, seed=5).astype(np.float32)
    X[3] = 0.3 * (1 + 2 * np.finfo(np.float32).eps * np.random.default_rng(0).standard_normal(3000))
    assert len(np.unique(X[3])) > 5
    _, constant = rdms.rdm_from_gram(X.astype(np.float64) @ X.T, X.sum(axis=1, dtype=np.float64), X.shape[1])
    np.testing.assert_array_equal(np.flatnonzero(constant), [3])


@pytest.mark.parametrize("value", [0.0, 127 / 255, 0.3, -1e3])
def test_a_constant_image_is_flagged_in_the_kernels_of_a_layer(value):
    """The blank is such an image, in the pixels and wherever the network keeps it uniform."""
    X = make_patterns(8, 50000, seed=5).astype(np.float32)
    X[3] = value
    rdm, constant = rdm_of_features(X)
    np.testing.assert_array_equal(np.flatnonzero(constant), [3])
    np.testing.assert_array_equal(rdm[3], np.arange(8) != 3)


def test_diagonal_is_exactly_0_and_distances_stay_between_0_and_2():
    X = make_patterns(1, 40, seed=6) * np.linspace(-3, 3, 50)[:, None]  # all the same pattern, or its opposite
    rdm = rdms.rdm_from_patterns(X)
    np.testing.assert_array_equal(np.diag(rdm), 0.0)
    assert rdm.min() >= 0.0 and rdm.max() <= 2.0
    np.testing.assert_allclose(rdm[0], np.repeat([0.0, 2.0], 25), rtol=0, atol=1e-12)


def test_upper_triangle_lists_every_pair_of_stimuli_once():
    rdm = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(rdms.upper_triangles(rdm), [1, 2, 3, 6, 7, 11])
    np.testing.assert_array_equal(rdms.upper_triangles(np.stack([rdm, -rdm]))[1], [-1, -2, -3, -6, -7, -11])
