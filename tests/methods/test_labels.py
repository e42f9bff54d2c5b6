"""The names that scores carry: plain where a run does what the name stands for, and else with what differs."""

from copy import deepcopy

import pytest
import yaml

from dormouse.methods.labels import SELECTIONS, method_label, selection_label


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def changed(config: dict, place: str, value) -> dict:
    """Return a configuration with one value replaced, at keys joined by points."""
    config = deepcopy(config)
    *parents, last = place.split(".")
    inner = config
    for key in parents:
        inner = inner[key]
    assert inner[last] != value
    inner[last] = value
    return config


def test_the_configuration_is_what_the_names_stand_for(config):
    assert method_label(config, "rsa") == method_label(config, "ridge", "srp") == "paper"
    assert set(config["selection"]["presets"]) == set(SELECTIONS)
    for name in SELECTIONS:
        other = config["selection"]["preset"] != name
        assert selection_label(changed(config, "selection.preset", name) if other else config) == name


@pytest.mark.parametrize(
    ("place", "value", "rsa", "ridge"),
    [
        ("method.penalty", 2.0, "paper", "paper (penalty 2.0)"),
        ("projection.eps", 0.2, "paper", "paper (projection.eps 0.2)"),
        ("layers", "blocks", *["paper (layers blocks)"] * 2),
        ("transform", "native", *["paper (transform native)"] * 2),
        ("stimuli.blank", False, *["paper (stimuli.blank False)"] * 2),
        ("extraction.precision", "float16", *["paper (extraction.precision float16)"] * 2),
        ("input.size", 112, *["paper (input.size 112)"] * 2),
        ("input.mean", [0, 0.5, 1], *["paper (input.mean 0+0.5+1)"] * 2),
        ("method.preset", "mine", "mine", "mine"),
        ("projection.seed", 3, "paper", "paper"),
        ("selection.min_reliability", 0.1, "paper", "paper"),
    ],
)
def test_a_method_says_what_differs_from_its_name_where_it_counts(config, place, value, rsa, ridge):
    new = changed(config, place, value)
    assert (method_label(new, "rsa"), method_label(new, "ridge", "srp")) == (rsa, ridge)


def test_other_predictors_than_those_of_the_paper_are_said(config):
    assert method_label(config, "ridge", "zscore") == "paper (predictor zscore)"
    assert method_label(changed(config, "method.preset", "mine"), "ridge", "zscore") == "mine"


@pytest.mark.parametrize(
    ("place", "value", "label"),
    [
        ("selection.min_reliability", 0.5, "paper (min_reliability 0.5)"),
        ("selection.correction", "plain", "paper (correction plain)"),
        ("selection.max_p", 0.01, "paper (max_p 0.01)"),
        ("reliability.n_splits", 10, "paper (n_splits 10)"),
        ("selection.presets.paper.filters", ["reliable"], "paper (filters reliable)"),
        ("selection.presets.paper.select_on", "odd", "paper (select_on odd)"),
        ("selection.presets.strict.filters", ["reliable"], "paper"),
        ("method.penalty", 2.0, "paper"),
    ],
)
def test_a_selection_says_what_differs_from_its_name(config, place, value, label):
    assert selection_label(changed(config, place, value)) == label


def test_differences_are_listed_together_and_those_without_effect_are_not(config):
    config["selection"] |= {"preset": "strict", "max_p": 0.2, "min_reliability": 0.6, "correction": "plain"}
    assert selection_label(config) == "strict (min_reliability 0.6, correction plain)"  # which has no filter of p
    config["selection"]["presets"]["mine"] = {"filters": [], "select_on": "all", "score_on": "all"}
    config["selection"]["preset"] = "mine"
    assert selection_label(config) == "mine"
