"""The table of methods: which rows a configuration runs, what an added row needs, and what is refused."""

from copy import deepcopy

import pytest
import yaml

from dormouse.errors import InputError
from dormouse.methods.table import (
    GIVEN,
    RDMS,
    by_family,
    computed,
    family_code,
    left_out,
    list_methods,
    reads_rdms,
    stored_kernels,
    told,
)


def stimuli(n_scenes):
    return [*map(str, range(n_scenes)), "blank"]


@pytest.fixture
def table(root):
    return yaml.safe_load((root / "resources/methods.yaml").read_text())


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def with_methods(config: dict, **methods) -> dict:
    config = deepcopy(config)
    config["methods"] |= methods
    return config


def test_by_default_the_methods_of_both_papers_run_and_strict_ones_and_rsa_of_zscored_neurons(table, config):
    methods = list_methods(table, config, "responses")
    strict, zscored = ["rsa_pearson_strict", "ridge_strict"], ["rsa_pearson_zscored", "rsa_spearman_zscored"]
    assert list(methods) == ["rsa_pearson", "ridge_srp", *strict, "rsa_spearman", *zscored]
    assert {name: row["selection"] for name, row in methods.items()} == {
        name: "strict" if name in strict else "paper" for name in methods
    }
    assert {family: list(rows) for family, rows in by_family(methods).items()} == {
        "rsa": ["rsa_pearson", "rsa_pearson_strict", "rsa_spearman", *zscored],
        "ridge": ["ridge_srp", "ridge_strict"],
    }
    assert stored_kernels(methods) == ["centred", "srp"]
    assert [reads_rdms(rows) for rows in by_family(methods).values()] == [True, False]


def test_labels_of_rows_are_unique_and_presets_name_rows(table):
    rows = table["rows"]
    for key in ("label", "axis"):
        assert len({row[key] for row in rows.values()}) == len(rows)
    for names in table["presets"].values():
        assert set(names) <= set(rows)
    assert set(table["presets"]["paper"]) >= {"rsa_pearson", "ridge_srp"}  # Conwell et al. 2021


def lacking(table, config, kind="responses", images=118, trials=None):
    methods, trials = list_methods(table, config, kind), trials or {"VISp": 50}
    return left_out(methods, config["selection"]["named"], kind, stimuli(images), trials)


def test_similarity_data_leave_out_methods_that_need_neurons_and_say_so(table, config):
    found = lacking(table, config, "similarity")
    assert told(found) == (
        "ridge_srp, ridge_strict, rsa_pearson_zscored, rsa_spearman_zscored (the data set gives similarity)"
    )
    assert {row["selection"] for row in list_methods(table, config, "similarity").values()} == {GIVEN}
    with pytest.raises(InputError, match=r"no method that this data set allows: ridge_srp \(the data set gives similarity\)"):
        lacking(table, with_methods(config, run=["ridge_srp"]), "similarity")


def test_nothing_is_left_out_where_there_is_enough(table, config):
    assert lacking(table, config) == lacking(table, config, images=15, trials={"VISp": 4}) == {}


@pytest.mark.parametrize(
    ("images", "trials", "expected"),
    [
        (118, 3, {"3 trials of each image in VISl, and the selection strict needs 4": ["rsa_pearson_strict", "ridge_strict"]}),
        (14, 50, {"14 images, and 5 folds need 15": ["ridge_strict"]}),
        (
            7,
            50,
            {
                "7 images, and layers chosen on other images need 8": ["rsa_pearson_strict"],
                "7 images, and 5 folds need 15": ["ridge_strict"],
            },
        ),
    ],
)
def test_methods_that_the_data_are_too_few_for_are_left_out_with_the_reason(table, config, images, trials, expected):
    found = lacking(table, config, images=images, trials={"VISp": 50, "VISl": trials})
    assert found == expected


def test_two_trials_are_enough_for_the_methods_of_the_paper_alone(table, config):
    assert lacking(table, with_methods(config, run=["paper"]), trials={"VISp": 2}) == {}
    with pytest.raises(InputError, match="2 trials of each image in VISp, and the selection strict needs 4"):
        lacking(table, with_methods(config, run=["strict"]), trials={"VISp": 2})


def test_three_lines_add_a_method(table, config):
    line = {"source": "python", "name": "my_methods:score", "target": "responses"}
    methods = list_methods(table, with_methods(config, run=["rsa_pearson"], add={"mine": line}), "responses")
    assert list(methods) == ["rsa_pearson", "mine"]
    row = methods["mine"]
    assert (row["family"], row["kernels"], row["selection"], row["label"]) == ("mine", ["gram"], "paper", "mine")
    assert stored_kernels({"mine": row}) == ["centred"]  # from which the Gram matrix is computed
    assert set(table["rows"]["rsa_pearson"]) <= set(row)


def test_an_added_row_of_a_known_family_has_its_own_settings(table, config):
    line = {"family": "ridge", "kernels": ["zscore"], "target": "responses", "settings": {"penalty": 100.0}}
    methods = list_methods(table, with_methods(config, add={"ridge_strong": line}), "responses")
    assert list(by_family(methods)["ridge"]) == ["ridge_srp", "ridge_strict", "ridge_strong"]
    assert methods["ridge_strong"]["settings"] == {"penalty": 100.0}


def test_one_selection_can_be_named_for_all_rows(table, config):
    methods = list_methods(table, with_methods(config, selection="strict"), "responses")
    assert {row["selection"] for row in methods.values()} == {"strict"}


def test_how_a_row_is_shown_does_not_change_what_it_computes(table, config):
    methods = list_methods(table, config, "responses")
    other = {name: row | {"label": "x", "axis": "y", "description": "z", "null_score": 1} for name, row in methods.items()}
    assert computed(other) == computed(methods)
    other["ridge_srp"] |= {"settings": {"penalty": 2.0}}
    assert computed(other) != computed(methods)


OWN = {"source": "python", "name": "my_methods:score", "target": "responses"}


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"run": ["rsa_pearso"]}, r"methods\.run: unknown method 'rsa_pearso'\. Did you mean rsa_pearson"),
        ({"selection": "papr"}, r"methods\.selection: 'papr' is none of selection\.named\. Did you mean paper"),
        ({"add": {"rsa_pearson": OWN}}, r"methods\.add: rsa_pearson is already in resources/methods\.yaml"),
        ({"add": {"paper": OWN}}, r"methods\.add: paper is already in"),
        ({"add": {"rsa": OWN}}, r"methods\.add\.rsa: 'rsa' is the name of a family"),
        ({"add": {"mine": OWN | {"selection": "none"}}}, r"method mine: selection: 'none' is none of selection\.named"),
        (
            {"add": {"mine": {"family": "rigde", "target": "rdm"}}},
            r"mine\.family: unknown family 'rigde'\. Did you mean ridge",
        ),
        ({"add": {"mine": {"family": "ridge", "target": "rdm"}}}, r"add\.mine\.target: 'rdm', but ridge reads responses"),
        ({"add": {"mine": {"family": "rsa", "target": "responses"}}}, rf"but rsa reads {' or '.join(RDMS)}"),
        (
            {"add": {"mine": OWN | {"kernels": ["gram", "srp"], "images": "scenes"}}},
            r"method mine: images: scenes, but the kernel srp is of features that were standardised over all images",
        ),
    ],
)
def test_names_and_rows_that_do_not_fit_are_refused(table, config, methods, message):
    with pytest.raises(InputError, match=message):
        list_methods(table, with_methods(config, **methods), "responses")


def test_a_preset_that_names_no_row_is_refused(table, config):
    table["presets"]["mousenet"].append("rsa_spearmann")
    with pytest.raises(
        InputError, match=r"methods\.yaml: presets\.mousenet: no row 'rsa_spearmann'\. Did you mean rsa_spearman"
    ):
        list_methods(table, config, "responses")


def test_the_code_of_inference_holds_all_functions_of_a_family_and_that_of_scores_only_what_scores_need():
    methods = {"rsa": {"family": "rsa"}}
    scores, inference = family_code(methods), family_code(methods, whole=True)
    assert scores.keys() <= inference.keys()
    assert scores["dormouse/methods/rsa.py"] != inference["dormouse/methods/rsa.py"]


def test_images_shown_once_leave_methods_that_ask_for_no_reliability(table, config):
    with pytest.raises(
        InputError, match=r"1 trial of each image in VISp, .* paper needs 2\).* set methods\.selection to every"
    ):
        lacking(table, with_methods(config, run=["paper"]), trials={"VISp": 1})
    every = with_methods(config, run=["paper", "strict"], selection="every")
    assert lacking(table, every, trials={"VISp": 1}) == {}
