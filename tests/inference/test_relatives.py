"""Relatives of a network by its profile of scores, against distances of SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from dormouse.inference.relatives import relatives


def table(values):
    """Scores (n_models, n_sites) as rows; the sites are of two methods."""
    rows = [
        {"method": "ab"[site % 2], "area": f"A{site // 2}", "cortical_layer": "all", "model": f"m{model}", "score": score}
        for model, line in enumerate(values)
        for site, score in enumerate(line)
    ]
    return pd.DataFrame(rows)


def test_distances_are_those_of_standardised_scores():
    values = np.random.default_rng(0).normal(size=(9, 6)) * [1, 10, 0.1, 5, 2, 1]
    expected = cdist(values, values, "seuclidean", V=values.var(axis=0, ddof=1)) / np.sqrt(6)  # mean of squares, not their sum
    found = relatives(table(values).sample(frac=1, random_state=1), "m3", 4)
    order = np.argsort(expected[3])[1:5]
    assert list(found.index) == [f"m{k}" for k in order]
    np.testing.assert_allclose(found, expected[3, order])


def test_sites_that_one_of_both_lacks_and_sites_without_spread_have_no_part():
    values = np.array([[0.0, 1, 5], [0, 2, 5], [np.nan, 1, 5], [3, 9, 5]])
    found = relatives(table(values), "m0", 3)
    assert found["m2"] == 0 and list(found.index) == ["m2", "m1", "m3"]
    spread = np.std(values[[0, 1, 3], 0], ddof=1), np.std(values[:, 1], ddof=1)
    assert found["m1"] == pytest.approx(np.sqrt(((0 / spread[0]) ** 2 + (1 / spread[1]) ** 2) / 2))
    assert not len(relatives(table(values), "unknown", 3))
    assert not len(relatives(table(values[:1]), "m0", 3))  # alone
