"""The effective dimension of features over images, from their kernel alone."""

import numpy as np
import pytest

from dormouse.features.spectrum import participation_ratio


def by_eigenvalues(X: np.ndarray) -> float:
    """Return the ratio from the covariance of the features themselves."""
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(X, rowvar=False)))
    return values.sum() ** 2 / np.square(values).sum()


@pytest.mark.parametrize(("n_images", "n_features"), [(30, 5), (12, 40), (119, 200), (3, 1)])
@pytest.mark.parametrize("offset", [0, 100])
def test_it_is_that_of_the_eigenvalues_of_the_covariance_of_features(n_images, n_features, offset):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_images, n_features)) * rng.exponential(size=n_features) + offset * rng.random(n_features)
    # K holds the offset, too: what is left of its digits
    lost = np.finfo(float).eps * np.square(X).sum() / np.square(X - X.mean(axis=0)).sum()
    assert participation_ratio(X @ X.T) == pytest.approx(by_eigenvalues(X), rel=1e-12 + 10 * lost)


@pytest.mark.parametrize("k", [1, 2, 7, 19])
def test_of_k_dimensions_that_share_the_variance_it_is_k(k):
    rng = np.random.default_rng(1)
    images = np.linalg.qr(np.column_stack([np.ones(20), rng.standard_normal((20, k))]))[0][:, 1:]  # orthogonal, of mean 0
    features = np.linalg.qr(rng.standard_normal((50, k)))[0].T
    assert participation_ratio((images @ features) @ (images @ features).T) == pytest.approx(k, rel=1e-12)


def test_neither_scale_nor_offset_nor_rotation_of_features_changes_it():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((15, 6)) * np.arange(1, 7)
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    expected = participation_ratio(X @ X.T)
    for other in (1e-6 * X, X + 3, X @ rotation, np.tile(X, 3)):
        assert participation_ratio(other @ other.T) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("X", [np.zeros((5, 3)), np.full((5, 3), 0.1), np.tile(np.random.default_rng(3).random(900), (5, 1))])
def test_of_features_that_do_not_vary_over_images_there_is_none(X):
    assert np.isnan(participation_ratio(X @ X.T))
