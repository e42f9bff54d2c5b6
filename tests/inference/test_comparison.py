"""From resamples that a test made up to intervals, ranks, differences and tests, against loops, SciPy and statsmodels."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from resample_arrays import MODELS, N_BOOT, SITES, made, row_of
from scipy.stats import t
from statsmodels.stats.multitest import multipletests

from dormouse.files import write_arrays
from dormouse.inference.comparison import compare, differences, intervals, permutation_tests, seed_spread
from dormouse.inference.resampling import two_factor_variance


def without(arrays: dict[str, np.ndarray], site: int) -> dict[str, np.ndarray]:
    """The same with no layer chosen at a site."""
    names = ("pooled", "mean", "of_animals", "of_images", "of_both", "of_pooled")
    gone = {name: np.where(np.arange(4) == site, np.nan, arrays[name]) for name in names}
    return (
        arrays
        | gone
        | {"layer_index": np.where(np.arange(4) == site, 0, 2), "n_animals": np.where(np.arange(4) == site, 0, 6)}
    )


def variance_of(values: list[np.ndarray], n_animals: int, n_images: int, halved: bool) -> tuple[float, float]:
    """Return the variance and its degrees of freedom."""
    given = (np.array([value]) for value in (n_animals, n_images, halved))
    return tuple(found[0] for found in two_factor_variance(*(column[:, None] for column in values), *given))


@pytest.mark.parametrize("halved", [False, True])
def test_intervals_are_those_of_each_model_by_itself(halved):
    arrays = [made(seed, halved=halved) for seed in range(1, 5)]
    table = intervals(arrays, MODELS)
    assert len(table) == 4 * 4 * 2
    for (k, site), (model, part) in ((a, b) for a in enumerate(SITES) for b in zip(MODELS, arrays, strict=True)):
        mean = row_of(table, site, model=model, statistic="mean_over_animals")
        of_mean = variance_of([part[name][:, k] for name in ("of_both", "of_animals", "of_images")], 6, 30, halved)
        pooled = row_of(table, site, model=model, statistic="pooled")
        factor = 1 if halved else 30 / 29
        of_pooled = part["of_pooled"][:, k].var(ddof=1) * factor, 29
        for row, key, (expected, df) in ((mean, "mean", of_mean), (pooled, "pooled", of_pooled)):
            low, high = t.interval(0.95, df, loc=part[key][k], scale=np.sqrt(expected))
            found = row[["estimate", "sem", "low", "high", "df", "n_animals", "n_images"]].to_numpy(float)
            np.testing.assert_allclose(found, [part[key][k], np.sqrt(expected), low, high, df, 6, 30], rtol=1e-9)
        assert (mean.over, pooled.over) == ("animals and images", "images")


def test_ranks_are_those_of_sorted_scores():
    arrays = [made(seed) for seed in range(1, 5)]
    arrays[3] |= {"mean": arrays[1]["mean"].copy()}  # as good: both have the better rank
    table = intervals(arrays, MODELS)
    for k, site in enumerate(SITES):
        for statistic, key, values in (("mean_over_animals", "mean", "of_both"), ("pooled", "pooled", "of_pooled")):
            scores = [part[key][k] for part in arrays]
            of_boots = [[part[values][boot, k] for part in arrays] for boot in range(N_BOOT)]
            for m, model in enumerate(MODELS):
                row = row_of(table, site, model=model, statistic=statistic)
                assert row["rank"] == 1 + sum(score > scores[m] for score in scores)
                drawn = sorted(1 + sum(score > of_boot[m] for score in of_boot) for of_boot in of_boots)
                assert row.rank_low == np.floor(np.quantile(drawn, 0.025))
                assert row.rank_high == np.ceil(np.quantile(drawn, 0.975))
    assert (table.rank_low < table.rank_high).any() and (table.rank_low > 1).any() and (table.rank_high < 4).any()
    same = [row_of(table, SITES[0], model=model, statistic="mean_over_animals")["rank"] for model in "bd"]
    assert same[0] == same[1]


@pytest.mark.parametrize("n_animals", [2, 6])
def test_differences_are_those_of_resampled_differences(n_animals):
    """With fewer than three animals, those of pooled scores over images."""
    arrays = [made(seed, n_animals) for seed in range(1, 5)]
    table, single = differences(arrays, MODELS), intervals(arrays, MODELS)
    statistic = "pooled" if n_animals == 2 else "mean_over_animals"
    assert set(table.statistic) == {statistic} and set(single.statistic) == {statistic, "pooled"}
    assert set(table.cortical_layer) == {"all"} and len(table) == 3 * 6
    for k, site in ((0, SITES[0]), (2, SITES[2]), (3, SITES[3])):
        p = []
        for a, b in combinations(range(4), 2):
            row = row_of(table, site, model=MODELS[a], other=MODELS[b])
            scores = [row_of(single, site, model=MODELS[m], statistic=statistic).estimate for m in (a, b)]
            names = ["of_pooled"] if n_animals == 2 else ["of_both", "of_animals", "of_images"]
            values = [arrays[a][name][:, k] - arrays[b][name][:, k] for name in names]
            of_images = values[0].var(ddof=1) * 30 / 29, 29
            variance, df = of_images if n_animals == 2 else variance_of(values, 6, 30, False)
            difference = scores[0] - scores[1]
            low, high = t.interval(0.95, df, loc=difference, scale=np.sqrt(variance))
            p.append(2 * t.cdf(-abs(difference) / np.sqrt(variance), df))
            found = row[["difference", "sem", "low", "high", "df", "p"]].to_numpy(float)
            np.testing.assert_allclose(found, [difference, np.sqrt(variance), low, high, df, p[-1]], rtol=1e-9)
        q = [row_of(table, site, model=a, other=b).q for a, b in combinations(MODELS, 2)]
        np.testing.assert_allclose(q, multipletests(p, method="fdr_bh")[1], rtol=1e-9)


def test_an_area_that_is_there_only_in_parts_is_compared_at_these():
    parts = {"cortical_layer": np.array(["all", "4", "2/3", "all"])}  # VISl has no whole area
    table = differences([made(seed) | parts for seed in (1, 2)], ["a", "b"])
    assert list(zip(table.area, table.cortical_layer, strict=True)) == [("VISp", "all"), ("VISl", "2/3"), ("VISp", "all")]


def test_two_models_alike_do_not_differ():
    table = differences([made(1), made(1), made(2)], ["a", "twin", "b"])
    row = row_of(table, SITES[0], model="a", other="twin")
    assert (row["difference"], row["sem"], row.low, row.high, row.p, row.q) == (0, 0, 0, 0, 1, 1)
    assert (table[table.other == "b"].p < 1).all() and (table[table.other == "b"]["sem"] > 0).all()


def test_of_two_models_with_scores_in_different_numbers_of_animals_the_fewer_count():
    few, many = made(1, n_animals=4), made(2, n_animals=9)
    rows = [row_of(differences(pair, ["a", "b"]), SITES[0]) for pair in ((few, many), (many, few))]
    values = [few[name][:, 0] - many[name][:, 0] for name in ("of_both", "of_animals", "of_images")]
    variance, df = variance_of(values, 4, 30, False)
    for row in rows:
        assert row["sem"] ** 2 == pytest.approx(variance, rel=1e-9) and row.df == pytest.approx(df, rel=1e-9)


def test_a_model_without_a_score_at_a_site_does_not_spoil_others():
    arrays = [made(seed) for seed in range(1, 5)]
    full, table = intervals(arrays, MODELS), intervals([*arrays[:3], without(arrays[3], 0)], MODELS)
    at_site = (table[["method", "area", "cortical_layer"]] == list(SITES[0])).all(axis=1)
    assert set(table[at_site].model) == {"a", "b", "c"} and set(table[~at_site].model) == set(MODELS)
    three = intervals(arrays[:3], MODELS[:3])
    expected = pd.concat([three[(three[["method", "area", "cortical_layer"]] == list(SITES[0])).all(axis=1)], full])
    keys = ["method", "area", "cortical_layer", "statistic", "model"]
    expected = expected.drop_duplicates(keys)
    pd.testing.assert_frame_equal(
        table.sort_values(keys, ignore_index=True),
        expected.merge(table[keys], on=keys).sort_values(keys, ignore_index=True)[table.columns],
    )
    pairs = differences([*arrays[:3], without(arrays[3], 0)], MODELS)
    assert [tuple(row) for row in pairs[(pairs.method == "rsa") & (pairs.area == "VISp")][["model", "other"]].to_numpy()] == [
        ("a", "b"), ("a", "c"), ("b", "c"),
    ]  # fmt: skip
    assert not pairs.isna().any(axis=None) and not table.isna().any(axis=None)
    alone = differences([without(arrays[0], 0), without(arrays[1], 0)], ["a", "b"])
    assert len(alone) == 2 and differences(arrays[:1], ["a"]).empty


def test_permutation_tests_adjust_for_models_and_sites_of_each_method():
    rng, arrays = np.random.default_rng(0), []
    for _ in MODELS:
        labels = {"method": ["rsa", "rsa", "ridge"], "selection": ["strict"] * 3, "area": ["VISp", "VISl", "VISp"]}
        labels |= {"cortical_layer": ["all"] * 3, "n_neurons": [-1, -1, 20]}
        part = {f"tested_{key}": np.array(values) for key, values in labels.items()}
        arrays.append(part | {"best": rng.standard_normal((100, 3))})
    table = permutation_tests(arrays, MODELS)
    assert len(table) == 12 and list(table.n_neurons.isna()) == [True, True, False] * 4
    for method, columns in (("rsa", [0, 1]), ("ridge", [2])):
        p = [np.mean(part["best"][:, k] >= part["best"][0, k]) for part in arrays for k in columns]
        rows = table[table.method == method]
        np.testing.assert_allclose(rows.p, p)
        np.testing.assert_allclose(rows.q, multipletests(p, method="fdr_bh")[1])


def test_the_spread_of_seeds_is_over_networks_of_one_name():
    models, networks = ["x-0", "x-1", "x-2", "y-0", "z"], {"x-0": "x", "x-1": "x", "x-2": "x", "y-0": "y"}
    arrays = [made(seed) for seed in range(5)]
    table = seed_spread(intervals(arrays, models), networks)
    assert len(table) == 4 and set(table.network) == {"x"} and set(table.n_seeds) == {3}
    for k, site in enumerate(SITES):
        row, scores = row_of(table, site), pd.Series([arrays[m]["pooled"][k] for m in range(3)])
        expected = [scores.mean(), scores.std(), scores.min(), scores.max()]
        np.testing.assert_allclose(row[["mean", "sd", "lowest", "highest"]].to_numpy(float), expected, rtol=1e-12)


def test_the_tables_name_the_layer_that_was_held_fixed_and_what_differs(tmp_path):
    tested = {"method": ["rsa"], "selection": ["strict"], "area": ["VISp"], "cortical_layer": ["all"], "n_neurons": [-1]}
    arrays, paths = [made(1), made(2)], [tmp_path / f"{model}.npz" for model in "ab"]
    for part, path in zip(arrays, paths, strict=True):
        part |= {f"tested_{key}": np.array(values) for key, values in tested.items()}
        write_arrays(path, part | {"best": np.random.default_rng(0).standard_normal((20, 1))})
    best = pd.DataFrame(SITES * 2, columns=["method", "area", "cortical_layer"]).assign(selection="strict", choice="same_data")
    best = best.assign(model=np.repeat(["a", "b"], 4), layer=[f"Layer-{k}" for k in range(8)])
    tables = compare(paths, ["a", "b"], best, {}, {"rsa": "", "other": "penalty 3"})
    row = row_of(tables["intervals"], SITES[2], model="b", statistic="pooled")
    assert (row.layer, row.choice, row.differs) == ("Layer-6", "same_data", "")
    assert set(tables["differences"].query("method == 'other'").differs) == {"penalty 3"}
    assert len(tables["permutation_tests"]) == 2 and tables["seed_spread"].empty
