"""What the table of comparisons says, and the sentences that are made from it."""

import numpy as np
import pandas as pd
import pytest
from zoos import TRAINING, resamples, zoo

from dormouse.columns import TABLES
from dormouse.inference.agreement import measure_agreement
from dormouse.inference.estimates import agreement, rank_correlation
from dormouse.inference.questions import Scored, answer
from dormouse.inference.resampled import Resamples, mean_of
from dormouse.inference.wording import sentence, sentences
from dormouse.tables import write_table

AGREEMENT = {"kind": "agreement", "among": {"state": ["trained", "random"]}, "unit": "family"}
AGREEMENT |= {"first": {"label": "RSA", "method": "rsa"}, "second": {"label": "regression", "method": "ridge"}}
ROWS = {"training": TRAINING | {"question": "Trained?", "among": {}}, "methods": AGREEMENT | {"question": "Alike?"}}


def given(
    models: pd.DataFrame, effect: float, methods=("rsa", "ridge"), animals: bool = True
) -> tuple[list[Scored], pd.DataFrame]:
    """Return scores of trained networks that are higher by an effect, in two areas and by two methods; and the best layers."""
    trained, scored, best = (models.state == "trained").to_numpy(), [], []
    for k, method in enumerate(methods):
        for area in ("VISp", "VISl"):
            found = resamples(len(models), seed=k)
            found.estimate = found.estimate / 10 + effect * trained
            pooled = Resamples(
                "pooled", found.estimate, found.values, (), found.n_animals * animals, found.n_images, found.halved
            )
            place = {"method": method, "selection": "paper", "area": area, "cortical_layer": "all"}
            scored.append(Scored(place, list(models.model), [found, pooled] if animals else [pooled]))
            best += [place | {"model": model, "effective_dimension": 3.0} for model in models.model]
    return scored, pd.DataFrame(best)


def answers(effect: float, models: pd.DataFrame | None = None, methods=("rsa", "ridge"), rows=ROWS, **other) -> pd.DataFrame:
    models = zoo() if models is None else models
    return answer(rows, *given(models, effect, methods, **other)[:1], models, given(models, effect, methods)[1], methods)


def test_an_effect_is_said_to_be_there_with_its_size_and_for_what_it_holds(tmp_path):
    table = answers(0.3)
    row = table[(table.contrast == "training") & (table.area == "VISp") & (table.method == "rsa")].iloc[0]
    said = sentence(row, {"rsa": "RSA, Pearson"})
    assert row.verdict == "positive" and row.n_pairs == 15 and row.n_units == 8 and row.n_animals == 6 and row.n_images == 118
    assert said.startswith(f"By RSA, Pearson, in VISp, trained score {row.estimate:.3f} higher than random (95 % interval ")
    assert "15 pairs of 8 families of architectures, 6 animals, 118 images" in said
    assert said.endswith("This is to hold for other networks, animals and images.")
    table = table.assign(differs="", sentence=sentences(table, {}))
    write_table("comparisons", table, tmp_path / "comparisons.parquet")
    assert list(table[list(TABLES["comparisons"])].columns) == list(TABLES["comparisons"])


def test_a_changed_number_changes_the_sentence():
    row = answers(0.3).iloc[0].to_dict()
    before = sentence(row, {})
    assert sentence(row | {"estimate": 0.123}, {}) != before and "0.123" in sentence(row | {"estimate": 0.123}, {})
    assert " score 0.200 lower than " in sentence(row | {"verdict": "negative", "estimate": -0.2}, {})
    assert "it is open whether" in sentence(row | {"verdict": "undecided"}, {})
    assert "would be found in four of five" in sentence(row | {"verdict": "undecided"}, {})
    assert "q = 0.04" in sentence(row | {"q": 0.04}, {})


def test_no_effect_is_open_and_few_networks_give_no_number():
    table = answers(0.0)
    assert set(table[table.contrast == "training"].verdict) == {"undecided"}
    few = answers(0.3, zoo(4))
    assert set(few.verdict) == {"too few networks"} and len(few) == 2, (
        "one row for each question, whatever the method and area"
    )
    numbers = [
        name for name in ("estimate", "low", "high", "p", "q", "effect_size", "sem_networks") if few[name].notna().any()
    ]
    assert not numbers
    assert sentence(few.iloc[0], {}).startswith(
        "Not with these networks: it takes pairs of trained and random from 5 families"
    )
    assert not any(character.isdigit() for character in sentence(few.iloc[0], {}).replace("5", "").replace("4", ""))


def test_networks_of_one_kind_are_compared_with_none():
    row = {"kind": "groups", "compare": "architecture", "among": {"architecture": "A"}, "unit": "family", "question": "Which?"}
    for models in (zoo(), zoo().assign(architecture="")):
        (found,) = answers(0.3, models, rows={"one": row}).to_dict("records")
        assert found["verdict"] == "too few networks" and "two kinds of networks" in sentence(found, {})


SAME = {"kind": "pairs", "first": {"label": "a"}, "second": {"label": "b"}}


@pytest.mark.parametrize(
    "row, said",
    [
        (SAME | {"pair_by": ["source"], "unit": "model"}, "a and b are the same ones"),
        (SAME | {"pair_by": ["model"]}, "this run has them from 0"),
        ({"kind": "covariates", "covariates": {"n_features": "linear"}}, "cannot be told apart from the rest with 8 families"),
        ({"kind": "covariates", "covariates": dict.fromkeys(("n_parameters", "n_layers"), "linear")}, "cannot be told apart"),
        ({"kind": "groups", "compare": "model"}, "two kinds of networks"),
    ],
)
def test_questions_that_no_networks_answer(row, said):
    models = zoo().assign(n_layers=lambda table: 2 * table.n_parameters)
    table = answers(0.3, models, rows={"one": {"question": "Which?", "among": {}, "unit": "family"} | row})
    assert set(table.verdict) == {"too few networks"}
    assert all(said in sentence(found, {}) for found in table.to_dict("records"))


def test_a_method_that_is_not_run_is_named():
    table = answers(0.3, methods=("rsa",))
    row = table[table.contrast == "methods"].iloc[0]
    assert row.verdict == "not run" and "ridge" in sentence(row, {})


def test_without_animals_answers_are_for_these_animals():
    row = answers(0.3, animals=False).iloc[0]
    assert row.over == "networks and images" and pd.isna(row.n_animals)
    assert sentence(row, {}).endswith("This is to hold for other networks and images, with these animals.")


def test_q_adjusts_for_all_methods_and_areas_of_a_question():
    from statsmodels.stats.multitest import multipletests

    table = answers(0.1)
    for _, rows in table.groupby("contrast"):
        np.testing.assert_allclose(rows.q, multipletests(rows.p, method="fdr_bh")[1])


def test_two_methods_can_be_the_sides_of_a_question():
    """Each network by one method against the same by the other, at every site."""
    row = {"kind": "pairs", "question": "Higher?", "among": {}, "unit": "family", "pair_by": ["model"]}
    row |= {"first": {"label": "a", "where": {"method": "rsa"}}, "second": {"label": "b", "where": {"method": ["ridge"]}}}
    models = zoo()
    scored, best = given(models, 0.0)
    table = answer({"sides": row}, scored, models, best, ["rsa", "ridge"])
    assert list(table.area) == ["VISp", "VISl"] and set(table.method) == {"rsa, ridge"}
    difference = pd.Series(scored[0].statistics[0].estimate - scored[2].statistics[0].estimate, models.family)
    networks = difference.groupby([models.family.to_numpy(), models.model.to_numpy()]).mean()
    assert table.estimate[0] == pytest.approx(networks.groupby(level=0).mean().mean())


def test_other_stimuli_count_only_where_a_question_names_them():
    twins = zoo().assign(stimulus_set="mouse", model=lambda table: table.model + "_mouse")
    models = pd.concat([zoo(), twins], ignore_index=True)
    mouse = (models.stimulus_set == "mouse").to_numpy()
    row = {"kind": "pairs", "question": "Blurred?", "among": {}, "unit": "family", "pair_by": ["source", "name", "weights"]}
    row |= {"first": {"label": "blurred", "where": {"stimulus_set": "mouse"}}}
    row |= {"second": {"label": "sharp", "where": {"stimulus_set": "original"}}}
    scored, best = given(models, 0.3)
    for part in scored:
        part.statistics[0].estimate = part.statistics[0].estimate + 0.5 * mouse
    asked, own = {"acuity": row, "training": ROWS["training"]}, np.flatnonzero(~mouse)
    sharp = [Scored(part.place, list(models.model[own]), [part.statistics[0].of(own)]) for part in scored]
    both = answer(asked, scored, models, best, ["rsa", "ridge"]).drop_duplicates("contrast").set_index("contrast")
    alone = answer(asked, sharp, models[~mouse], best, ["rsa", "ridge"]).drop_duplicates("contrast").set_index("contrast")
    assert both.estimate["acuity"] == pytest.approx(0.5, abs=0.2) and both.verdict["acuity"] == "positive"
    assert both.estimate["training"] == pytest.approx(alone.estimate["training"])
    assert both.n_models["training"] == alone.n_models["training"] and alone.verdict["acuity"] == "too few networks"


def test_pooled_scores_are_compared_where_one_side_has_no_mean_over_animals():
    row = {"kind": "pairs", "question": "Higher?", "among": {}, "unit": "model", "pair_by": ["model"]}
    row |= {"first": {"label": "a", "where": {"method": "rsa"}}, "second": {"label": "b", "where": {"method": "ridge"}}}
    models = zoo()
    scored, best = given(models, 0.0)
    for part in scored:
        mean, pooled = part.statistics
        pooled.estimate = mean.estimate + 1.0
        part.statistics = [mean, pooled] if part.place["method"] == "rsa" else [pooled]
    table = answer({"sides": row}, scored, models, best, ["rsa", "ridge"])
    assert set(table.statistic) == {"pooled"}
    expected = (scored[0].statistics[1].estimate - scored[2].statistics[0].estimate).mean()
    assert table.estimate[0] == pytest.approx(expected)


def test_means_over_areas_are_those_of_scores_and_resamples_with_the_fewest_animals():
    first, second = (resamples(4, seed=seed) for seed in (0, 1))
    second.n_animals = second.n_animals - 2
    mean = mean_of([first, second])
    for name in ("estimate", "values"):
        np.testing.assert_allclose(getattr(mean, name), (getattr(first, name) + getattr(second, name)) / 2)
    np.testing.assert_allclose(mean.factors[1], (first.factors[1] + second.factors[1]) / 2)
    assert list(mean.n_animals) == [4] * 4


@pytest.mark.parametrize("n", [6, 30])
def test_agreement_is_the_rank_correlation_of_scipy(n):
    from itertools import permutations

    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    first = rng.standard_normal(n)
    second = first + rng.standard_normal(n)
    found, expected = agreement(first, second), spearmanr(first, second)
    assert found["estimate"] == pytest.approx(expected.statistic)
    if n == 6:
        rho = [abs(spearmanr(first, second[list(order)]).statistic) for order in permutations(range(n))]
        assert found["p"] == pytest.approx(np.mean(np.array(rho) >= abs(expected.statistic) - 1e-12))
    else:
        assert found["p"] == pytest.approx(expected.pvalue, abs=0.005)
    assert found["low"] < found["estimate"] < found["high"]


def test_intervals_of_rank_correlations_hold_the_true_one():
    """Spearman's rho of a bivariate normal distribution is known: 6 / pi asin(r / 2)."""
    rng, r = np.random.default_rng(0), 0.6
    truth, held = 6 / np.pi * np.arcsin(r / 2), []
    for _ in range(500):
        x = rng.standard_normal(25)
        found = rank_correlation(x, r * x + np.sqrt(1 - r**2) * rng.standard_normal(25))
        held.append(found["low"] <= truth <= found["high"])
    assert 0.92 <= np.mean(held) <= 0.98


def test_orders_are_compared_over_methods_areas_and_halves_of_the_animals():
    models = zoo()
    models.loc[0, "state"] = "none"  # a baseline does not count
    scored, _ = given(models, 0.0)
    rng, network = np.random.default_rng(0), (models.name + models.weights).to_numpy()
    truth = dict(zip(np.unique(network), rng.standard_normal(len(np.unique(network))), strict=True))
    rows = [
        {"method": "rsa", "area": "VISp", "cortical_layer": "all", "model": model, "animal": f"m{k}", "score": truth[own]}
        for model, own in zip(models.model, network, strict=True)
        for k in range(4)
    ]
    mean = Scored(scored[0].place | {"area": "all"}, scored[0].models, scored[0].statistics)  # is not compared with its areas
    table = measure_agreement([*scored, mean], pd.DataFrame(rows), models, n_halves=5, seed=0)
    assert table.varies.value_counts().to_dict() == {"methods": 2, "areas": 2, "animals": 1}
    assert table[table.varies == "animals"].rho.item() == pytest.approx(1), "animals that are the same order networks alike"
    values = [
        pd.Series(part.statistics[0].estimate, network)[(models.state != "none").to_numpy()].groupby(level=0).mean()
        for part in (scored[0], scored[2])
    ]
    of_methods = table[(table.varies == "methods") & (table.area == "VISp")].iloc[0]
    assert of_methods.rho == pytest.approx(values[0].corr(values[1], method="spearman"))
    assert of_methods.n_networks == len(values[0])
    assert (table[table.varies == "areas"].rho.round(9) == 1).all(), "both areas have the same scores here"
