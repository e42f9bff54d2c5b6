"""Scores on parts of the images, neurons and trials, against plain loops over the same draws."""

import numpy as np
import pandas as pd
import pytest
from experiments import FOLDS, LEFT_OUT, RSA, kernels_of, population_of
from scipy.stats import pearsonr
from scoring import layers_of

from dormouse.inference.learning_curves import best_models, learning_curves
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.ridge import leave_one_out_r
from dormouse.neurons.populations import FIRST_TRIALS
from dormouse.tables import read_table, write_table

N = 24
STIMULI = [f"scene_{k}" for k in range(N)]
SETTINGS = {"images": [9, 16, 24, 99], "neurons": [1, 5, 12, 400], "n_draws": 3}
METHODS = {"rsa": RSA, "left": LEFT_OUT}
LATENTS = np.random.default_rng(0).standard_normal((N, 6))


def features(model: int) -> list[np.ndarray]:
    rng = np.random.default_rng([3, model])
    return [LATENTS @ rng.standard_normal((6, 40)) + (2 + model) * rng.standard_normal((N, 40)) for _ in range(3)]


def population(numbers=(14, 9), n_trials: int = 12) -> dict[str, np.ndarray]:
    """Neurons of two areas of unlike size, from single trials."""
    rng, n = np.random.default_rng(1), sum(numbers)
    trials = LATENTS @ rng.standard_normal((6, n)) + 6 * rng.standard_normal((n_trials, N, n))
    first = np.stack([trials[: min(k, n_trials)].mean(axis=0) for k in FIRST_TRIALS])
    found = population_of(trials.mean(axis=0), np.resize(["a", "b"], n))
    halves = {"odd": trials[::2].mean(axis=0), "even": trials[1::2].mean(axis=0)}
    area = np.repeat(["VISp", "VISl"], numbers)
    return found | halves | {"first": first, "n_trials": np.full(n, n_trials), "area": area}


def best(target, methods=METHODS, models=("m0", "m1")) -> pd.DataFrame:
    """Rows of the table of best layers: the second layer in VISp, the third elsewhere; and one of a cortical layer."""
    rows = []
    for method in methods:
        for model in models:
            for area in dict.fromkeys(target["area"]):
                place = {"method": method, "selection": "strict", "model": model, "area": str(area), "cortical_layer": "all"}
                index = 2 if area == "VISp" else 3
                rows.append(place | layers_of({"n_features": np.ones(3)}).iloc[index - 1].to_dict() | {"score": 0.1})
    return pd.DataFrame([*rows, rows[0] | {"cortical_layer": "4"}])


def curves(target, methods=METHODS, models=("m0", "m1"), settings=SETTINGS, table=None):
    given = ((model, ModelKernels.of(kernels_of(features(int(model[1:]))))) for model in models)
    table = best(target, methods, models) if table is None else table
    return learning_curves(given, table, {"strict": target}, methods, STIMULI, 3, settings, 0)


def score(name: str, X: np.ndarray, Y: np.ndarray) -> float:
    if name == "left":
        return leave_one_out_r([X @ X.T], Y, [10.0])[0, 0].mean()
    upper = np.triu_indices(len(X), k=1)
    return pearsonr(*((1 - np.corrcoef(values))[upper] for values in (X, Y))).statistic


def check(rows: pd.DataFrame, axis: str, expected: dict[int, list[float]]):
    rows = rows[rows.axis == axis].set_index("n")
    assert list(rows.index) == list(expected)
    for n, scores in expected.items():
        assert rows.n_draws[n] == len(scores) and rows["mean"][n] == pytest.approx(np.mean(scores), abs=1e-9)
        assert rows.sd[n] == pytest.approx(np.std(scores, ddof=1) if len(scores) > 1 else np.nan, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", METHODS)
def test_curves_are_scores_of_the_fixed_layer_on_the_same_draws(name):
    target = population()
    table = curves(target, {name: METHODS[name]})
    assert len(table) == 2 * (3 + 4 + 5 + 3 + 2 + 5) and set(table.cortical_layer) == {"all"}
    for (model, area), rows in table.groupby(["model", "area"]):
        layer, inside = (2 if area == "VISp" else 3), target["area"] == area
        assert set(rows.layer_index) == {layer}
        X, Y, n = features(int(model[1:]))[layer - 1], target["mean"][:, inside], inside.sum()
        rng, expected = np.random.default_rng(0), {}
        for size in (9, 16):
            drawn = [np.sort(rng.permutation(N)[:size]) for _ in range(3)]
            expected[size] = [score(name, X[images], Y[images]) for images in drawn]
        check(rows, "images", expected | {N: [score(name, X, Y)]})
        rng, expected = np.random.default_rng(0), {}
        for size in sorted({5, 9, 12}):
            if size < n:
                expected[size] = [score(name, X, Y[:, rng.permutation(n)[:size]]) for _ in range(3)]
        check(rows, "neurons", expected | {n: [score(name, X, Y)]})
        of_trials = {k: [score(name, X, target["first"][i][:, inside])] for i, k in enumerate((1, 2, 5, 10))}
        check(rows, "trials", of_trials | {12: [score(name, X, Y)]})
        assert list(rows.n[rows.equal]) == [9] and set(rows.axis[rows.equal]) == {"neurons"}


def test_more_trials_and_images_raise_a_score_in_folds_and_few_images_are_left_out():
    target = population((30, 30), n_trials=40)
    table = curves(target, {"folds": FOLDS}, ["m0"], SETTINGS | {"images": [9, 15, 20]})
    for _, rows in table.groupby("area"):
        assert list(rows.n[rows.axis == "images"]) == [15, 20, 24]  # three in each of five folds
        trials = rows[rows.axis == "trials"]
        assert list(trials.n) == [1, 2, 5, 10, 20, 40] and trials["mean"].iloc[-1] > trials["mean"].iloc[0] + 0.05
        assert (rows.sd[rows.axis == "neurons"].dropna() > 0).any()


def test_a_method_that_names_the_fold_of_each_image_has_no_parts_of_these():
    named = FOLDS | {"settings": FOLDS["settings"] | {"folds": list(np.arange(N) % 4)}}
    table = curves(population(), {"folds": named}, ["m0"])
    assert set(table.n[table.axis == "images"]) == {N} and set(table.axis) == {"images", "neurons", "trials"}
    assert table["mean"].notna().all()


def test_similarities_have_curves_over_images_alone(tmp_path):
    """Where an area is there only in parts, these have the curves."""
    rng = np.random.default_rng(2)
    rdm = np.stack([1 - np.corrcoef(rng.standard_normal((N, 20))) for _ in range(2)])
    target = {"rdm": rdm, "area": np.array(["VISp", "VISp"]), "cortical_layer": np.array(["4", "5"])}
    rows = best({"area": ["VISp"]}, {"rsa": RSA}, ["m0"])[:1]
    rows = pd.concat([rows.assign(cortical_layer=layer) for layer in "45"])
    table = curves(target, {"rsa": RSA}, ["m0"], table=rows)
    assert set(table.axis) == {"images"} and list(table.n) == [9, 16, 24] * 2 and not table.equal.any()
    upper = np.triu_indices(N, k=1)
    X = (1 - np.corrcoef(features(0)[1]))[upper]
    expected = [pearsonr(X, one[upper]).statistic for one in rdm]
    np.testing.assert_allclose(table[table.n == N]["mean"], expected, atol=1e-9)
    write_table("learning_curves", table.assign(differs=""), tmp_path / "table.parquet")
    assert len(read_table("learning_curves", tmp_path / "table.parquet")) == 6


def test_two_trials_one_animal_and_one_area_have_what_there_is():
    target = population((14,), n_trials=2) | {"animal": np.full(14, "a")}
    table = curves(target | {"area": np.full(14, "VISp")}, {"rsa": RSA}, ["m0"])
    assert list(table.n[table.axis == "trials"]) == [1, 2] and list(table.n[table.equal]) == [14]
    assert curves(target, {"rsa": RSA}, [], table=best(target)[:0]).empty


def test_the_best_models_are_those_of_the_highest_mean_over_whole_areas():
    place = {"method": "rsa", "cortical_layer": "all"}
    rows = [place | {"model": model, "area": area, "score": value} for model, area, value in (
        ("a", "VISp", 0.1), ("a", "VISl", 0.5), ("b", "VISp", 0.4), ("b", "VISl", 0.4), ("c", "VISp", np.nan),
    )]  # fmt: skip
    rows += [rows[0] | {"cortical_layer": "4", "score": 9.0}, rows[0] | {"method": "other", "score": 9.0}]
    assert best_models(pd.DataFrame(rows), "rsa", 5) == ["b", "a"] and best_models(pd.DataFrame(rows), "rsa", 1) == ["b"]
    assert best_models(pd.DataFrame(rows), "none", 2) == []
