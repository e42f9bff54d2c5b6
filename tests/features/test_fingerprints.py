"""Layers that differ in one number have fingerprints that differ."""

import numpy as np
import pytest
import torch
from feature_matrices import make_features

from dormouse.features import gram


def identity(X: np.ndarray | torch.Tensor) -> bytes:
    return gram.reduce([torch.as_tensor(X)])["identity"].tobytes()


def test_layers_that_differ_in_the_last_bit_of_one_number_are_told_apart():
    X = make_features(3, 40, seed=7)
    seen = {identity(X)}
    for place in np.ndindex(X.shape):
        other = X.copy()
        other[place] = np.nextafter(other[place], np.float32(np.inf))
        seen.add(identity(other))
    assert len(seen) == X.size + 1


@pytest.mark.parametrize("column", [0, 1, 4099, 19998, 19999])
def test_layers_of_many_features_that_differ_in_the_last_bit_of_one_are_told_apart(column):
    X = make_features(4, 20000, seed=8)
    other = X.copy()
    other[2, column] = np.nextafter(other[2, column], np.float32(np.inf))
    assert identity(X) == identity(X.copy()) != identity(other)


def test_layers_of_the_same_features_in_another_order_are_told_apart():
    X = torch.from_numpy(make_features(4, 20000, seed=9)).reshape(4, 80, 250)
    assert identity(X) != identity(X.mT)


def test_the_order_of_images_is_part_of_a_fingerprint():
    X = make_features(4, 50, seed=9)
    assert identity(X) != identity(X[::-1].copy())


def test_zeros_of_either_sign_are_told_apart():
    assert identity(np.zeros((3, 2000), np.float32)) != identity(-np.zeros((3, 2000), np.float32))


def test_a_layer_has_a_fingerprint_however_many_its_features():
    """Above 2^24 float32 numbers skip places, the last among them."""
    for n in (2**24 + 4, 2**31 + 7):
        places = gram.spread(n, gram.N_PROBES)
        assert len(places) == gram.N_PROBES and (places[0], places[-1]) == (0, n - 1)
        steps = places.diff()
        assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize("n", [1, 2, 511, 512])
def test_every_feature_of_a_small_layer_is_probed(n):
    assert gram.spread(n, gram.N_PROBES).tolist() == list(range(n))
