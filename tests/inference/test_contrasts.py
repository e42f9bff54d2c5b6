"""Questions about networks as contrasts, against SciPy, statsmodels and plain loops."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import t, ttest_1samp, ttest_ind
from zoos import TRAINING, resamples, zoo

from dormouse.errors import InputError
from dormouse.inference.contrasts import contrasts_of, list_contrasts, with_attributes
from dormouse.inference.estimates import estimate, hedges_of_groups, hedges_of_pairs, over_units
from dormouse.inference.resampled import Resamples

GROUPS = {"kind": "groups", "compare": "architecture", "among": {"state": "trained"}, "unit": "family"}
SLOPE = {"kind": "covariates", "covariates": {"n_parameters": "log10"}, "among": {"state": "trained"}, "unit": "family"}


def test_paired_networks_are_averaged_over_seeds_pairs_and_families_as_a_loop_does():
    entries = zoo()
    scores = resamples(len(entries)).estimate
    (found,) = contrasts_of(TRAINING, entries)
    table, pairs = entries.assign(score=scores), {}
    for row in table[table.state == "trained"].to_dict("records"):
        twins = [r["score"] for r in table.to_dict("records") if r["state"] == "random" and r["network"] == row["network"]]
        assert len(twins) == 2
        pairs.setdefault(row["family"], []).append(row["score"] - sum(twins) / 2)
    families = [sum(values) / len(values) for values in pairs.values()]
    np.testing.assert_allclose(found.units[0] @ scores, families)
    np.testing.assert_allclose(sorted(found.pairs @ scores), sorted(value for values in pairs.values() for value in values))
    expected, given = ttest_1samp(families, 0), over_units(found, scores)
    assert given["p_networks"] == pytest.approx(expected.pvalue)
    assert given["estimate"] == pytest.approx(np.mean(families)) == pytest.approx(found.weights @ scores)
    assert given["sem_networks"] * expected.statistic == pytest.approx(given["estimate"])


def test_groups_are_compared_by_the_t_of_welch_over_families():
    entries = zoo(11)
    scores = resamples(len(entries)).estimate
    (found,) = contrasts_of(GROUPS, entries)
    trained = entries.assign(score=scores)[entries.state == "trained"]
    means = trained.groupby(["architecture", "family"]).score.mean()
    expected, given = ttest_ind(means["A"], means["B"], equal_var=False), over_units(found, scores)
    assert (found.first, found.second) == ("A", "B")
    assert (given["p_networks"], given["df_networks"]) == pytest.approx((expected.pvalue, expected.df))
    assert given["estimate"] == pytest.approx(expected.statistic * given["sem_networks"])
    assert given["estimate"] == pytest.approx(found.weights @ scores)


def test_seeds_count_once_and_networks_of_a_family_alike():
    entries = zoo(11).drop(index=4).reset_index(drop=True)  # a network with one seed, beside one of its family with two
    scores = resamples(len(entries)).estimate
    (found,) = contrasts_of(GROUPS | {"among": {"state": "random"}}, entries)
    random = entries.assign(score=scores)[entries.state == "random"]
    means = random.groupby(["architecture", "family", "network"]).score.mean().groupby(["architecture", "family"]).mean()
    np.testing.assert_allclose(sorted(found.units[0] @ scores), sorted(means["A"]))
    np.testing.assert_allclose(sorted(found.units[1] @ scores), sorted(means["B"]))


def test_both_samples_are_in_the_interval_and_in_p():
    entries = zoo(10)
    given = resamples(len(entries))
    (contrast,) = contrasts_of(TRAINING, entries)
    found, weights = estimate(contrast, given), contrast.weights
    alone = over_units(contrast, given.estimate)
    v_data, df_data = given.variance_of_contrast(weights)
    assert found["sem"] ** 2 == pytest.approx(alone["sem_networks"] ** 2 + v_data)
    assert min(alone["df_networks"], df_data) <= found["df"] <= max(alone["df_networks"], df_data)
    assert found["p"] == pytest.approx(2 * t.sf(abs(found["estimate"]) / found["sem"], found["df"]))
    assert (found["low"] + found["high"]) / 2 == pytest.approx(found["estimate"])
    assert (found["p"] < 0.05) == (found["low"] > 0 or found["high"] < 0)


@pytest.mark.parametrize("covariates", [{"n_parameters": "log10"}, {"n_parameters": "log10", "imagenet_top1": "linear"}])
def test_slopes_over_families_are_those_of_statsmodels(covariates):
    entries = zoo(12)
    entries["imagenet_top1"] = np.random.default_rng(1).uniform(50, 80, len(entries))
    scores = resamples(len(entries)).estimate
    found = contrasts_of(SLOPE | {"covariates": covariates}, entries)
    table = entries.assign(score=scores, log_n=np.log10(entries.n_parameters))
    means = table[table.state == "trained"].groupby("family")[["score", "log_n", "imagenet_top1"]].mean()
    scaled = means.assign(**{key: (means[key] - means[key].mean()) / means[key].std() for key in ("log_n", "imagenet_top1")})
    fit = smf.ols("score ~ " + " + ".join({"n_parameters": "log_n"}.get(key, key) for key in covariates), scaled).fit()
    for place, contrast in enumerate(found, start=1):
        given = over_units(contrast, scores)
        assert given["estimate"] == pytest.approx(fit.params.iloc[place]) == pytest.approx(contrast.weights @ scores)
        assert (given["sem_networks"], given["p_networks"]) == pytest.approx((fit.bse.iloc[place], fit.pvalues.iloc[place]))


def test_the_variance_over_animals_and_images_is_that_of_the_difference_of_two_models():
    of_models, weights = resamples(5), np.array([0, 1.0, 0, -1.0, 0])
    variance, df = of_models.variance(np.array([[1, 3]]))
    assert of_models.variance_of_contrast(weights) == pytest.approx((variance[0], df[0]))


def test_effects_are_those_of_published_tests():
    """t = 7.74 and 22.66 over 92 pairs; the published g, .81 and 2.36, lack the correction for small samples."""
    rng = np.random.default_rng(0)
    for t_value, published in ((7.74, 0.81), (22.66, 2.36)):
        differences = rng.standard_normal(92)
        differences = (differences - differences.mean()) / differences.std(ddof=1) + t_value / np.sqrt(92)
        assert hedges_of_pairs(differences) / (1 - 3 / (4 * 91 - 1)) == pytest.approx(published, abs=0.005)
    first, second = rng.normal(1, 2, 9), rng.normal(0, 1, 7)
    pooled = np.sqrt((8 * first.var(ddof=1) + 6 * second.var(ddof=1)) / 14)
    assert hedges_of_groups(first, second) == pytest.approx((first.mean() - second.mean()) / pooled * (1 - 3 / 55))


def test_intervals_hold_the_truth_when_families_animals_and_images_are_drawn_anew():
    """The sum of variances is conservative: 95 % intervals hold the truth in 95 % of experiments or a little more."""
    entries = zoo(10)
    (contrast,) = contrasts_of(TRAINING, entries)
    family, trained = pd.factorize(entries.family)[0], (entries.state == "trained").to_numpy()
    rng, held, n_animals, n_images = np.random.default_rng(0), [], 6, 40
    for _ in range(400):
        effect = 0.05 + rng.normal(0, 0.03, 10)[family] + rng.normal(0, 0.02, len(entries))
        of_animals = 0.1 * rng.standard_normal((n_animals, 1)) + 0.02 * rng.standard_normal((n_animals, len(entries)))
        of_images = 0.2 * rng.standard_normal((n_images, 1)) + 0.05 * rng.standard_normal((n_images, len(entries)))
        scores = trained * (effect + of_animals.mean(axis=0) + of_images.mean(axis=0))
        drawn_animals = rng.exponential(size=(100, n_animals))
        a = (drawn_animals / drawn_animals.sum(axis=1, keepdims=True)) @ of_animals - of_animals.mean(axis=0)
        i = rng.multinomial(n_images, np.full(n_images, 1 / n_images), 100) / n_images @ of_images - of_images.mean(axis=0)
        counts = np.full(len(scores), n_animals), np.full(len(scores), n_images), np.zeros(len(scores), bool)
        given = Resamples("mean_over_animals", scores, (a + i) * trained, (a * trained, i * trained), *counts)
        found = estimate(contrast, given)
        held.append(found["low"] <= 0.05 <= found["high"])
    assert 0.93 <= np.mean(held) <= 0.99, np.mean(held)


def test_too_few_units_are_counted_and_names_without_labels_are_their_own_family():
    few, enough = (contrasts_of(TRAINING, zoo(n))[0] for n in (4, 5))
    assert few.few and not enough.few
    unlabelled = with_attributes(zoo().drop(columns=["state", "network"]).assign(family=""))
    assert list(unlabelled.family) == list(unlabelled.network)
    assert contrasts_of(TRAINING, zoo().assign(state="none"))[0].few
    for n, few in ((5, True), (6, False)):
        models = zoo(n).assign(imagenet_top1=lambda table: 50.0 + np.arange(len(table)) % 7)
        two = contrasts_of(SLOPE | {"covariates": {"n_parameters": "log10", "imagenet_top1": "linear"}}, models)
        assert [contrast.few for contrast in two] == [few, few], "two slopes take six families"


def test_a_network_trained_here_is_random_before_its_first_epoch():
    weights = ["trained:run@0", "trained:run@1", "trained:run", "random", "none", "random"]
    models = zoo().iloc[:6].assign(weights=weights, source=["mousenet"] * 5 + ["baseline"])
    assert list(with_attributes(models).state) == ["random", "trained", "trained", "random", "none", "none"]


@pytest.mark.parametrize(
    "add, exclude, message",
    [
        ({"training": {"question": "?", "kind": "groups", "compare": "family"}}, [], "training is already in"),
        ({}, ["trainig"], "unknown contrast 'trainig'. Did you mean training?"),
        (
            {"mine": {"question": "?", "kind": "pairs", "first": {"label": "a"}, "second": {"label": "b"}}},
            [],
            "no key pair_by",
        ),
        (
            {"mine": {"question": "?", "kind": "agreement", "first": {"label": "a"}, "second": {"label": "b"}}},
            [],
            "first.method",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused(add, exclude, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        list_contrasts({"training": TRAINING}, {"contrasts": {"add": add, "exclude": exclude}})
