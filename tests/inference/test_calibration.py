"""95 % intervals hold the expected score about as often as they say, in simulated experiments."""

import numpy as np
import pandas as pd
import pytest
from experiments import LEFT_OUT, RSA, coverage, experiment

N = 200
ERROR = 3 * np.sqrt(0.95 * 0.05 / N)  # of the share of N experiments


def covered(n_animals: int, n: int, **given) -> pd.DataFrame:
    methods = {"rsa": RSA, "ridge": LEFT_OUT}
    tables = [experiment(n_animals, 5000 + seed, methods, n_images=40, n_boot=200, **given) for seed in range(n)]
    return coverage(pd.concat(tables, ignore_index=True)).set_index(["statistic", "method", "of"])


@pytest.mark.slow
@pytest.mark.parametrize("n_animals", [4, 7, 14])
def test_intervals_of_means_over_animals_cover_the_expected_score(n_animals):
    table = covered(n_animals, N, animals="alike").loc["mean_over_animals"]
    assert len(table) == 6
    low, high = 0.93 - ERROR, 0.97 + ERROR
    single = table[table.index.get_level_values("of") != "difference"]
    assert single.covered.between(low, high).all(), table
    assert (single["sem"] / single.sd).between(0.8, 1.25).all(), table
    # resamples of RDMs are too wide where the images decide, and so for differences; t has few degrees of freedom
    assert table.covered.between(low, 1).all() and (table["sem"] / table.sd).between(0.8, 1.5).all(), table


@pytest.mark.slow
def test_intervals_of_pooled_scores_cover_the_expected_score_of_the_same_animals():
    table = covered(7, N, animals_seed=1).loc["pooled"]
    assert table.loc["rsa"].covered.between(0.93 - ERROR, 1).all(), table  # too wide
    assert table.loc["ridge"].covered.between(0.75, 0.97).all(), table  # too narrow: predictions are held fixed


@pytest.mark.slow
def test_two_networks_are_told_apart_and_a_wrong_variance_would_show():
    """The same in few experiments: the network that shares more scores higher, and sem is about the spread."""
    table = covered(7, 30).loc["mean_over_animals"]
    assert (table.xs("first", level="of").score - table.xs("second", level="of").score).loc["rsa"] > 0.03
    assert (table["sem"] / table.sd).between(0.6, 1.7).all()
    assert (table.covered > 0.75).all()
