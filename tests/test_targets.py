"""The table of targets: what each row becomes, and what the schema refuses."""

from copy import deepcopy

import pytest
import yaml

from dormouse.errors import InputError
from dormouse.schemas import check
from dormouse.targets import list_targets
from dormouse.written import read_yaml

GROUP = {
    "target": "H6",
    "kind": "hard",
    "what": "Reliability of {area} layer {cortical_layer}.",
    "data": "allen",
    "measure": "reliability_of_rdm",
    "of": {"area": "VISp", "cortical_layer": "4"},
    "tolerance": 0.02,
    "source": "their code",
    "rows": [{"expected": 0.9}],
}


@pytest.fixture(scope="module")
def schema(root):
    return yaml.safe_load((root / "workflow/schemas/targets.schema.yaml").read_text())


@pytest.fixture(scope="module")
def table(root, schema):
    table = read_yaml(root / "resources/targets.yaml")
    check(table, schema, "resources/targets.yaml")
    return table


@pytest.mark.parametrize(
    ("row", "expected", "low", "high"),
    [
        ({"expected": 0.9}, "0.9 ± 0.02", 0.88, 0.92),
        ({"expected": 0.9, "tolerance": 0.5}, "0.9 ± 0.5", 0.4, 1.4),
        ({"expected": 4096, "tolerance": 0}, "4,096", 4096, 4096),
        ({"at_least": 0.95}, "at least 0.95", 0.95, None),
        ({"at_most": 10}, "at most 10", None, 10),
        ({"at_least": 0.25, "at_most": 0.45}, "0.25 to 0.45", 0.25, 0.45),
        ({"expected": 2.36, "at_least": 1.8, "at_most": 3.0}, "2.36 (1.8 to 3.0)", 1.8, 3.0),
        ({"expected": 0.09, "at_most": 0.11}, "0.09 (at most 0.11)", None, 0.11),
    ],
)
def test_a_row_says_in_words_and_numbers_what_agrees(row, expected, low, high):
    (target,) = list_targets([GROUP | {"rows": [row]}])
    assert target["expected"] == expected
    assert target["low"] == pytest.approx(low) and target["high"] == pytest.approx(high)
    assert target["number"] == row.get("expected")


def test_a_row_adds_to_what_its_group_says():
    (target,) = list_targets([GROUP | {"rows": [{"of": {"cortical_layer": "5"}, "expected": 0.8}]}])
    assert target["of"] == {"area": "VISp", "cortical_layer": "5"}
    assert target["statement"] == "Reliability of VISp layer 5."


def test_without_a_tolerance_a_number_is_exact():
    group = {key: value for key, value in GROUP.items() if key != "tolerance"}
    (target,) = list_targets([group])
    assert (target["expected"], target["low"], target["high"]) == ("0.9", 0.9, 0.9)


def test_the_table_holds_every_target_and_no_row_twice(table):
    targets = list_targets(table)
    assert {row["target"] for row in targets} == {f"H{k}" for k in range(1, 10)} | {f"S{k}" for k in range(1, 10)}
    assert all(row["kind"] == ("hard" if row["target"][0] == "H" else "soft") for row in targets)
    statements = [row["statement"] for row in targets]
    assert len(set(statements)) == len(statements)
    assert all(row["low"] is not None or row["high"] is not None for row in targets)
    assert not any("{" in statement for statement in statements)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("kind", "maybe", "0.kind"),
        ("target", "H", "0.target"),
        ("measure", "Size of it", "0.measure"),
        ("tolerance", "0.02", "0.tolerance"),
        ("rows", [], "0.rows"),
        ("rows", [{"expect": 1}], "expect"),
        ("of", {"aera": "VISp"}, "aera"),
        ("of", {"networks": {"label": "networks"}}, "where"),
    ],
)
def test_a_broken_table_is_refused_and_the_message_names_the_key(schema, key, value, told):
    groups = [deepcopy(GROUP)]
    check(groups, schema, "targets.yaml")
    groups[0][key] = value
    with pytest.raises(InputError, match=told):
        check(groups, schema, "targets.yaml")
