"""Scores list the settings that differ from what the names of their method and their selection stand for."""

from copy import deepcopy

import pytest
import yaml

from dormouse.methods.labels import SELECTIONS, method_differs, selection_differs


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def changed(config: dict, place: str, value) -> dict:
    """Return a configuration with one value replaced, at keys joined by dots."""
    config = deepcopy(config)
    *parents, last = place.split(".")
    inner = config
    for key in parents:
        inner = inner[key]
    assert inner[last] != value
    inner[last] = value
    return config


@pytest.fixture
def rows(root):
    return yaml.safe_load((root / "resources/methods.yaml").read_text())["rows"]


def test_nothing_differs_in_the_default_configuration(config, rows):
    assert {method_differs(config, name, row) for name, row in rows.items()} == {""}
    assert set(config["selection"]["named"]) == set(SELECTIONS)
    assert {selection_differs(config, name) for name in SELECTIONS} == {""}
    assert rows["ridge_srp"]["settings"] == {"penalty": 1.0}  # as in Conwell et al.


@pytest.mark.parametrize(
    ("place", "value", "rsa", "ridge"),
    [
        ("projection.eps", 0.2, "", "projection.eps 0.2"),
        ("layers", "blocks", *["layers blocks"] * 2),
        ("transform", "native", *["transform native"] * 2),
        ("stimuli.blank", False, *["stimuli.blank False"] * 2),
        ("extraction.precision", "float16", *["extraction.precision float16"] * 2),
        ("input.size", 112, *["input.size 112"] * 2),
        ("input.mean", [0, 0.5, 1], *["input.mean 0+0.5+1"] * 2),
        ("projection.seed", 3, "", ""),
        ("selection.min_reliability", 0.1, "", ""),
        ("ceilings.penalty", 2.0, "", ""),
    ],
)
def test_a_method_lists_the_differing_settings_that_affect_it(config, rows, place, value, rsa, ridge):
    new = changed(config, place, value)
    assert [method_differs(new, name, rows[name]) for name in ("rsa_pearson", "ridge_srp")] == [rsa, ridge]


def test_nothing_differs_for_a_method_that_a_user_adds(config, rows):
    config["methods"]["add"] = {"mine": rows["ridge_srp"]}
    assert method_differs(changed(config, "layers", "blocks"), "mine", rows["ridge_srp"]) == ""


@pytest.mark.parametrize(
    ("place", "value", "differs"),
    [
        ("selection.min_reliability", 0.5, "min_reliability 0.5"),
        ("selection.correction", "plain", "correction plain"),
        ("selection.max_p", 0.01, "max_p 0.01"),
        ("reliability.n_splits", 10, "n_splits 10"),
        ("selection.named.paper.filters", ["reliable"], "filters reliable"),
        ("selection.named.paper.select_on", "odd", "select_on odd"),
        ("selection.named.strict.filters", ["reliable"], ""),
        ("layers", "blocks", ""),
    ],
)
def test_a_selection_lists_the_differing_settings(config, place, value, differs):
    assert selection_differs(changed(config, place, value), "paper") == differs


def test_only_differences_with_an_effect_are_listed(config):
    config["selection"] |= {"max_p": 0.2, "min_reliability": 0.6, "correction": "plain"}
    assert selection_differs(config, "strict") == "min_reliability 0.6, correction plain"  # its filters do not use max_p
    config["selection"]["named"]["mine"] = {"filters": [], "select_on": "all", "score_on": "all"}
    assert selection_differs(config, "mine") == ""
