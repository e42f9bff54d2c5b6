"""Means, standard deviations and z-scores from parts of the images are those of all images."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from feature_matrices import IN_PARTS, assert_close, make_features, moments_of, reduced, zscored

from dormouse.features.standardisation import Moments


@pytest.mark.parametrize("offset", [0, 1000])
def test_mean_and_sd_of_parts_are_those_of_all_images(offset):
    X = make_features(40, 300, seed=27, offset=offset)
    X[1:, 1] = X[0, 1] - 50  # the first image far from all others
    X[:, ::50] = np.resize([0.0, 1.0, 0.1, -7.3, 1e4 + 0.1, 1 / 3], 6)
    moments = Moments()
    for start, end in pairwise((0, 1, 17, 39, 40)):
        moments.add(torch.from_numpy(X[start:end]).unflatten(1, (30, 10)))
    first, mean, sd = (values.numpy() for values in moments.result())
    whole = X.astype(np.float64)
    np.testing.assert_array_equal(first, X[0])
    np.testing.assert_allclose(mean, (whole - whole[0]).mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(sd[::50], 0.0)
    varied = np.delete(np.arange(300), np.s_[::50])
    np.testing.assert_allclose(sd[varied], whole[:, varied].std(axis=0), rtol=IN_PARTS)


def test_sd_of_a_thousand_images_is_exact_where_the_first_is_far_from_all_others():
    X = make_features(1000, 5000, seed=30)
    X[0] = 50
    moments = Moments()
    for part in torch.from_numpy(X).split(8):
        moments.add(part)
    np.testing.assert_allclose(moments.result()[2], X.astype(np.float64).std(axis=0), rtol=5e-6)


def test_zscores_by_given_moments_are_those_of_all_images():
    X = torch.from_numpy(make_features(12, 5000, seed=28))
    X[:, 7] = 0.1
    found = reduced(X[:5], kernels=("zscore",), moments=moments_of(X))["zscore"]
    assert_close(found, zscored(X.numpy())[:5, :5], IN_PARTS)


def test_columns_that_vary_little_beside_their_mean_are_zscored_by_given_moments():
    """A mean in float32 would be off by a two-thousandth of their sd."""
    X = torch.from_numpy(make_features(12, 60, seed=28, offset=1e4))
    assert_close(reduced(X, kernels=("zscore",), moments=moments_of(X))["zscore"], zscored(X.numpy()), IN_PARTS)


def test_mean_and_sd_of_features_in_half_precision_are_in_float32():
    X = torch.from_numpy(make_features(40, 300, seed=29)).to(torch.bfloat16)
    assert all(map(torch.equal, moments_of(X), moments_of(X.float())))
