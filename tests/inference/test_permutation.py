"""Scores with images in permuted orders against scoring each order by itself; their p values, and the check of a run."""

import numpy as np
import pandas as pd
import pytest
from experiments import FOLDS, LEFT_OUT, RSA, kernels_of, population_of
from scipy.stats import kstest
from statsmodels.stats.multitest import multipletests

from dormouse.errors import InputError
from dormouse.inference import permutation
from dormouse.inference.comparison import with_q
from dormouse.inference.null_check import FALSE_ALARMS, check_nulls, confirm, shuffled
from dormouse.inference.permutation import best_scores, draw_orders, largest_z, p_values
from dormouse.inference.scorers import scorers
from dormouse.methods import rsa
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.rdms import rdm_from_patterns
from dormouse.stimuli.images import BLANK

N, LAYERS = 12, 3
STIMULI = [*(f"scene_{k}" for k in range(5)), BLANK, *(f"scene_{k}" for k in range(5, N - 1))]
NESTED = FOLDS | {"settings": {"folds": 3, "seed": 3, "penalties": [0.1, 10.0]}}
SPEARMAN = RSA | {"settings": {"correlation": "spearman"}}
ROWS = {"pearson": RSA, "spearman": SPEARMAN, "left out": LEFT_OUT, "folds": NESTED}


def data(seed: int, n_layers: int = LAYERS, n_images: int = N, n_neurons: int = 9):
    rng = np.random.default_rng(seed)
    features = [rng.standard_normal((n_images, 15)) for _ in range(n_layers)]
    return features, population_of(rng.standard_normal((n_images, n_neurons)), ["m1"] * n_neurons)


def scorer_of(features, population, row, stimuli=STIMULI):
    (scorer,) = scorers(kernels_of(features), {"strict": population}, {"row": row}, stimuli, 3)
    return scorer


def test_the_blank_keeps_its_place_and_all_scenes_change_theirs():
    scenes = np.flatnonzero(np.array(STIMULI) != BLANK)
    orders = draw_orders(scenes, N, 200, seed=0)
    assert (orders[0] == np.arange(N)).all() and (orders[:, 5] == 5).all()
    assert (np.sort(orders, axis=1) == np.arange(N)).all() and len(np.unique(orders, axis=0)) == 201
    moved = (orders[1:] != np.arange(N)).mean(axis=0)[scenes]  # one in 11 stays by chance
    assert (moved > 0.8).all() and (moved < 1).all()


@pytest.mark.parametrize("name", ROWS)
def test_the_score_of_every_order_is_that_of_permuted_neurons(name):
    """Areas, cortical layers and animals: a method that reads responses scores whole areas, in 6 of their neurons."""
    features, population = data(0)
    population |= {"cortical_layer": np.repeat(["2/3", "4"], [5, 4]), "area": np.array(["VISp"] * 9)}
    scorer = scorer_of(features, population, ROWS[name])
    orders = draw_orders(scorer.scenes, N, 6, seed=1)
    assert (orders[:, 5] == 5).all()
    found, tested = list(scorer.permuted(orders, 6, seed=2)), scorer.tested(6)
    best = best_scores(scorer, 6, 6, seed=1)
    reads_rdms = ROWS[name]["target"] == "rdm"
    assert len(found) == 7 and list(tested.cortical_layer) == (["all", "2/3", "4"] if reads_rdms else ["all"])
    drawn = np.arange(9) if reads_rdms else scorer._drawn(6, 2)[0]
    for order, scores in zip(orders, found, strict=True):
        moved = {key: population[key][order][:, drawn] for key in ("mean", "odd", "even")}
        rest = {key: values[drawn] for key, values in population.items() if values.ndim == 1}
        alone = scorer_of(features, moved | rest, ROWS[name])
        np.testing.assert_allclose(scores, alone.scores()[:, : len(tested)], rtol=0, atol=1e-9)
    if reads_rdms:
        np.testing.assert_allclose(best, np.max(found, axis=1), rtol=0, atol=1e-12)
    else:
        assert list(tested.n_neurons) == [6] == [len(set(drawn))] and list(scorer.tested(20).n_neurons) == [9]


@pytest.mark.parametrize("n_bytes", [1, 3 * 2 * 8 * N * (N - 1) // 2, 2**28])  # one order at once, three, all
@pytest.mark.parametrize("correlation", rsa.CORRELATIONS)
def test_rsa_of_permuted_rdms_equals_score(correlation, n_bytes, monkeypatch):
    monkeypatch.setattr(rsa, "BLOCK_BYTES", n_bytes)
    features, population = data(3)
    kernels, rdms = kernels_of(features), np.stack([rdm_from_patterns(population["mean"][:, :k]) for k in (5, 9)])
    settings, orders = {"correlation": correlation}, draw_orders(np.arange(N), N, 5, seed=0)
    for order, found in zip(orders, rsa.permuted(kernels, rdms, settings, orders), strict=True):
        expected = rsa.score(kernels, rdms[:, order][:, :, order], settings)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_p_is_the_share_of_orders_that_score_as_high():
    best = np.random.default_rng(0).integers(0, 6, (20, 4)) / 3
    best[3, 3] = np.nan
    best[7, 0] = best[0, 0] - 1e-15  # equal up to rounding
    table = permutation.tests(best)
    for site, column in enumerate(best.T[:3]):
        higher = sum(value >= column[0] - 1e-14 for value in column[1:])
        assert table.p[site] == pytest.approx((1 + higher) / (1 + 19))
        assert (table.score[site], table.null_mean[site]) == (column[0], pytest.approx(np.mean(column[1:])))
        assert table.null_sd[site] == pytest.approx(np.std(column[1:], ddof=1))
    assert np.isnan(table.p[3]) and (table.n_permutations == 19).all()


def test_q_is_that_of_statsmodels_within_each_method():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"method": list("aabbabbbaa"), "p": rng.random(10) ** 2}, index=rng.permutation(10))
    table.loc[table.index[3], "p"] = np.nan
    q = with_q(table).q
    for _, rows in table[table.p.notna()].groupby("method"):
        np.testing.assert_allclose(q[rows.index], multipletests(rows.p, method="fdr_bh")[1], rtol=1e-12)
    assert np.isnan(q.iloc[3]) and q.notna().sum() == 9


@pytest.mark.parametrize("row", [RSA, LEFT_OUT], ids=["rsa", "ridge"])
def test_p_values_of_noise_are_uniform(row):
    """Of the best of three layers; with 99 orders p has a hundred values, each as likely."""
    p = []
    for seed in range(150):
        features, population = data(1000 + seed, n_neurons=4)
        p.append(p_values(best_scores(scorer_of(features, population, row), 99, 4, seed))[0])
    jitter = np.random.default_rng(0).random(150) / 100  # which makes a uniform p continuous
    assert kstest(np.array(p) - jitter, "uniform").pvalue > 0.01
    assert min(p) < 0.05


def test_the_largest_z_counts_every_score_and_leaves_out_those_without_a_null():
    best = np.random.default_rng(1).standard_normal((50, 5))
    best[:, 2], best[4, 3] = 0.5, np.nan  # one without any spread, one that misses a score
    best[0, 4] = -9.0
    z, largest, p = largest_z(best)
    kept = (0, 1, 4)
    of_orders = [max(abs((row[k] - best[:, k].mean()) / best[:, k].std()) for k in kept) for row in best]
    alone = best[:, kept]
    np.testing.assert_allclose(z[[0, 1, 4]], (alone[0] - alone.mean(axis=0)) / alone.std(axis=0))
    assert largest == pytest.approx(of_orders[0]) and p == 1 / 50 == np.mean(np.array(of_orders) >= of_orders[0])


def test_the_check_of_a_run_gives_false_alarms_as_often_as_it_says():
    """p of many correlated scores, by orders that they share: below .1 in a tenth of runs, within 3 binomial errors."""
    rng, p = np.random.default_rng(2), []
    for _ in range(600):
        common = rng.standard_normal((200, 1))
        p.append(largest_z(common + rng.standard_normal((200, 8)) * [1, 1, 1, 1, 0.1, 0.1, 3, 3])[2])
    share = np.mean(np.array(p) <= 0.1)
    assert abs(share - 0.1) < 3 * np.sqrt(0.1 * 0.9 / 600)
    assert kstest(np.array(p) - rng.random(600) / 200, "uniform").pvalue > 0.01


def test_features_that_know_nothing_pass_and_a_leak_is_found():
    features, population = data(5, n_images=N, n_neurons=9)
    of_noise = [scorer_of(features, population, row) for row in (RSA, LEFT_OUT)]
    table = check_nulls({"noise": of_noise}, 1000, 5, seed=0)
    assert list(table.columns[:4]) == ["model", "method", "area", "cortical_layer"] and len(table) == 2
    assert table.passed.all() and "score as they should" in confirm(table)
    leak = [*features[:-1], population["mean"] @ np.random.default_rng(0).standard_normal((9, 15))]
    table = check_nulls({"noise": of_noise, "leaky": [scorer_of(leak, population, RSA)]}, 1000, 5, seed=0)
    assert not table.passed.any() and (table.p <= FALSE_ALARMS).all()
    with pytest.raises(InputError, match=r"leaky scores .* in VISp \(all\) by row, where features without information"):
        confirm(table)


def test_shuffled_images_are_in_an_order_of_their_own_with_the_blank_in_its_place():
    features, _ = data(6)
    kernels = kernels_of(features)
    (found,) = shuffled(ModelKernels.of(kernels), STIMULI, seed=0).blocks()
    order = [int(np.flatnonzero(kernels["row_sum"][0] == value)[0]) for value in found["row_sum"][0]]
    assert order[5] == 5 and sorted(order) == list(range(N)) and order != list(range(N))
    np.testing.assert_array_equal(found["centred"], kernels["centred"][:, order][:, :, order])
    np.testing.assert_array_equal(found["n_features"], kernels["n_features"])
    assert not (draw_orders(np.flatnonzero(np.array(STIMULI) != BLANK), N, 1000, seed=0) == order).all(axis=1).any()
