"""Inference on little data gives what it can, without infinite numbers and without warnings, and leaves out the rest."""

import warnings

import numpy as np
import pandas as pd
import pytest
import yaml
from neuron_groups import make_population
from scoring import layers_of

from dormouse import tables
from dormouse.inference import comparison
from dormouse.inference.assessment import assess
from dormouse.inference.null_check import check_nulls, confirm
from dormouse.inference.power import power
from dormouse.inference.scorers import scorers
from dormouse.methods.scores import score_responses
from dormouse.paper.evidence import own_check

RSA, STRICT, RIDGE, RIDGE_STRICT = "rsa_pearson", "rsa_pearson_strict", "ridge_srp", "ridge_strict"
N_LAYERS = 3


@pytest.fixture(scope="module")
def rows(root):
    return yaml.safe_load((root / "resources/methods.yaml").read_text())["rows"]


@pytest.fixture
def little(rows, tmp_path):
    """Return a function that gives all tables of made-up models by some methods, as they are read from their files."""

    def infer(target, methods, n_images, n_models=2):
        given = {"paper": target, "strict": target}, {name: rows[name] for name in methods}, images(n_images), 3
        resampling = {"n_boot": 40, "n_halves": 20, "n_neurons": 5, "seed": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = [
                assess(LAYERS, scorers(kernels(n_images, k), *given), HALVES, resampling, {"rdm": 9, "responses": 9})
                for k in range(n_models)
            ]
            arrays, models = [arrays for *_, arrays in found], [f"m{k}" for k in range(n_models)]
            check = check_nulls({"noise": list(scorers(kernels(n_images, 9), *given))}, n=30, n_neurons=5, seed=0)
            made = {
                "intervals": comparison.intervals(arrays, models).assign(layer="", choice=""),
                "differences": comparison.differences(arrays, models),
                "permutation_tests": comparison.permutation_tests(arrays, models),
                "null_check": check,
                "power": power(arrays, animals=[3, 10], images=[n_images, 50]),
            }
            made["seed_spread"] = comparison.seed_spread(made["intervals"], dict.fromkeys(models, "net"))
            for place, name in enumerate(("layer_choices", "animal_scores")):
                own = [part[place].assign(model=model) for part, model in zip(found, models, strict=True)]
                parts = [reread(name, part, tmp_path) for part in own]
                made[name] = pd.concat(parts, ignore_index=True)
            return {name: reread(name, table, tmp_path) for name, table in made.items()}

    return infer


LAYERS = pd.DataFrame({"layer": ["a", "b", "c"], "path": "", "layer_index": [1, 2, 3], "layer_depth": [0.3, 0.6, 1.0]})
HALVES = {"n_halves": 4, "seed": 0}


def reread(name, table, folder):
    """Return a table as it is read from its file; no number in it is infinite."""
    if "differs" in tables.TABLES[name]:
        table = table.assign(differs="")
    tables.write_table(name, table, folder / f"{name}.parquet")
    read = tables.read_table(name, folder / f"{name}.parquet")
    assert not np.isinf(read.select_dtypes("number").astype(float)).any(axis=None)
    return read


def images(n):
    return [f"image_{k}" for k in range(n)]


def kernels(n_images, seed):
    X = np.random.default_rng([1, seed]).standard_normal((N_LAYERS, n_images, 25))
    centred = X - X.mean(axis=-1, keepdims=True)
    K = centred @ centred.swapaxes(-1, -2)
    return {"centred": K, "srp": K, "row_sum": X.sum(axis=-1), "n_features": np.full(N_LAYERS, 25)}


def population(n_images, animals, responses=None):
    """Give neurons of layer 4, one for each letter of `animals`, which names its animal."""
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((n_images, len(animals))) if responses is None else responses
    halves = {half: Y + 0.1 * rng.standard_normal(Y.shape) * (np.ptp(Y, axis=0) > 0) for half in ("odd", "even")}
    return make_population(Y, list(animals), ["4"] * len(animals)) | halves | {"reliability": np.full(len(animals), 0.9)}


def similarities(n_images):
    rdm = 1 - np.corrcoef(np.random.default_rng(0).standard_normal((n_images, 9)))
    sites = {"area": np.array(["VISp"]), "cortical_layer": np.array(["all"]), "n_neurons": np.array([-1])}
    return sites | {"rdm": rdm[None], "rdm_dimension": np.array([np.nan])}


@pytest.mark.parametrize("family", [[RSA, STRICT], [RIDGE, RIDGE_STRICT]])
def test_one_model_of_one_animal_has_intervals_over_images_and_no_differences(little, family):
    found = little(population(16, "aaaaa"), family, 16, n_models=1)
    assert set(found["intervals"].statistic) == {"pooled"} and set(found["intervals"].over) == {"images"}
    assert found["intervals"][["low", "high"]].notna().all(axis=None)
    assert set(found["intervals"]["rank"]) == set(found["intervals"].rank_high) == {1}
    assert found["differences"].empty and found["seed_spread"].empty
    assert "other_animals" not in set(found["layer_choices"].choice)


def test_two_animals_have_no_interval_over_animals_and_three_do(little):
    two, three = (little(population(16, animals), [RSA], 16)["intervals"] for animals in ("aaabbbcc", "aaabbbccc"))
    assert set(two.statistic) == {"pooled"} and set(two.n_animals) == {2}  # the third has fewer than three neurons
    assert set(three.statistic) == {"pooled", "mean_over_animals"} and set(three.n_animals) == {3}


@pytest.mark.parametrize("n_images", [3, 4, 7])
def test_too_few_images_to_choose_layers_on_others_leave_out_these_choices_alone(little, n_images):
    found = little(population(n_images, "aaabbbccc"), [RSA], n_images)
    assert "other_images" not in set(found["layer_choices"].choice) and len(found["intervals"])
    strict = little(population(n_images, "aaabbbccc"), [STRICT], n_images)
    assert strict["intervals"].empty and strict["differences"].empty and strict["animal_scores"].empty
    assert len(strict["permutation_tests"])


def test_similarities_have_intervals_over_images_and_no_scores_of_animals(little):
    found = little(similarities(12), [RSA, STRICT], 12)
    assert found["animal_scores"].empty
    assert set(found["intervals"].statistic) == {"pooled"} and found["intervals"].n_animals.isna().all()
    assert set(found["layer_choices"].choice) == {"other_images"}


@pytest.mark.parametrize("family", [[RSA, STRICT], [RIDGE, RIDGE_STRICT]])
def test_neurons_that_do_not_vary_give_no_score_and_no_check(little, family):
    found = little(population(16, "aaabbbccc", np.ones((16, 9))), family, 16)
    assert found["intervals"].empty and found["differences"].empty and found["layer_choices"].empty
    assert found["permutation_tests"][["score", "p", "q"]].isna().all(axis=None)
    assert found["null_check"].p.isna().all() and not found["null_check"].passed.any()
    assert own_check(found["null_check"]) is None
    assert confirm(found["null_check"]).startswith("Nothing could be checked")


def test_neurons_that_respond_to_one_image_alone_have_no_score_in_folds_and_leave_others_theirs(little):
    responses = np.zeros((16, 9))
    responses[2] = 1
    found = little(population(16, "aaabbbccc", responses), [RIDGE, RIDGE_STRICT], 16)
    assert set(found["intervals"].method) == set(found["differences"].method) == {RIDGE}
    assert found["differences"][["p", "q"]].notna().all(axis=None)


def test_a_model_without_a_score_takes_no_interval_from_the_others(little, monkeypatch):
    target = population(16, "aaabbbccc")
    whole = little(target, [RSA], 16, n_models=3)["intervals"]
    of_models = kernels

    def one_is_constant(n_images, seed):
        found = of_models(n_images, seed)
        return found | {"centred": np.zeros_like(found["centred"])} if seed == 2 else found

    monkeypatch.setitem(globals(), "kernels", one_is_constant)
    found = little(target, [RSA], 16, n_models=3)["intervals"]
    assert set(found.model) == {"m0", "m1"} and set(found.statistic) == {"pooled", "mean_over_animals"}
    same = ["method", "model", "area", "cortical_layer", "statistic", "estimate", "sem", "low", "high"]
    pd.testing.assert_frame_equal(found[same], whole[whole.model != "m2"][same].reset_index(drop=True))


def test_a_half_of_the_trials_without_an_image_chooses_no_layer(little):
    target = population(16, "aaabbbccc")
    target["even"][0] = np.nan
    assert "other_trials" not in set(little(target, [RSA], 16)["layer_choices"].choice)


def test_scores_whose_null_does_not_vary_have_no_z(little):
    check = little(population(2, "aaabbbccc"), [RSA, RIDGE], 2)["null_check"]
    assert check.z.isna().all() and check.p.isna().all()


def test_a_site_with_too_few_scored_neurons_has_no_score_as_in_the_table_of_scores(little, rows):
    """One of three neurons responds to one image alone, which has no correlation within the other folds."""
    target = population(16, "aaabbb")
    target["mean"][:, 0] = 0
    target["mean"][2, 0] = 1
    target |= {"cortical_layer": np.array(["4"] * 3 + ["5"] * 3)}
    given = layers_of(kernels(16, 0)), kernels(16, 0), {"strict": target}, {RIDGE_STRICT: rows[RIDGE_STRICT]}, images(16), 3
    scored = score_responses(*given)[1]
    found = little(target, [RIDGE_STRICT], 16)
    assert set(scored.cortical_layer) == set(found["intervals"].cortical_layer) == {"all", "5"}
    assert set(found["animal_scores"].animal) == {"b"}
