"""Limits of what people write: nothing is without an end, and names and paths stay where they belong."""

from pathlib import Path

import pytest
import yaml

from dormouse.errors import InputError
from dormouse.schemas import check_layers

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def check_setting(path, value):
    for key in reversed(path):
        value = {key: value}
    check_layers([("mine.yaml", value)], SCHEMA)


def refused(path, value):
    with pytest.raises(InputError, match=rf"^mine\.yaml: {path[0]}") as caught:
        check_setting(path, value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["config", "methods", "models"])
def test_nothing_that_people_write_is_without_an_end(name):
    """Lists, mappings of names that a user chooses, and text have a maximum; other text is one of a few words."""

    def visit(part, path):
        if isinstance(part, list):
            for number, inner in enumerate(part):
                visit(inner, f"{path}.{number}")
        if not isinstance(part, dict):
            return
        kinds = part.get("type", ())
        if "array" in kinds and part.get("items"):
            assert {"maxItems"} & part.keys() or "interval" in part.get("$ref", ""), path
        if isinstance(part.get("additionalProperties"), dict) and name == "config":
            assert {"maxProperties"} <= part.keys(), path
            # names of columns, unlike others, need be no names of files
            assert "maxLength" in part["propertyNames"] or part["propertyNames"]["format"] == "name", path
        if kinds in ("string", ["string", "null"]) and name == "config" and not path.endswith("else.properties.folder"):
            assert {"maxLength", "format", "pattern"} & part.keys(), path
        for key, inner in part.items():
            visit(inner, f"{path}.{key}")

    visit(yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text()), name)


@pytest.mark.parametrize(
    "name", ["x\n", "../x", "/x", "..", "-x", ".x", "a b", "a/b", "", "x" * 101, "\u6f22" * 34, "x\0", "{x}", "a*"]
)
def test_a_name_that_becomes_a_path_stays_in_its_folder(name):
    model, line = {"source": "timm", "name": "resnet18"}, {"target": "rdm"}
    for path, value in (
        (("run",), name),
        (("areas",), [name]),
        (("models", "add"), {name: model}),
        (("mousenet", "variants"), {name: {}}),
        (("training",), {name: {}}),
        (("selection", "named"), {name: {}}),
        (("methods", "selection"), name),
        (("methods", "add"), {name: line}),
    ):
        assert "cannot be a file name; use letters, digits and '_.-'" in refused(path, value)


@pytest.mark.parametrize("name", ["x", "x-1.b_C", "_x", "\u6f22" * 33, "x" * 100, "2021"])
def test_other_names_are_names(name):
    for path, value in ((("run",), name), (("models", "add"), {name: {}}), (("training",), {name: {}})):
        check_setting(path, value)


@pytest.mark.parametrize("path", ["a\nb", "a\0", "a\u2028b", "{x}", "a/{b}/c", "", "x" * 256, "a/" * 2001])
def test_a_path_is_one_line_without_braces(path):
    for keys in (("dataset",), ("allen", "python"), ("mousenet", "variants", "paper", "tables"), ("training", "x", "folder")):
        assert "cannot be a path; use one line without braces" in refused(keys, path)


def test_an_address_is_one_line_without_braces():
    for address in ("https://x.org/{y}", "https://x.org/y\n", "https://x.org/" + "y" * 4000):
        assert "cannot be a path; use one line without braces" in refused(("allen", "bucket"), address)
    check_setting(("allen", "bucket"), "https://x.org/" + "y" * 1000)


def test_an_end_of_a_pattern_is_the_end_of_the_text():
    for path, value in ((("allen", "recordings"), ["5\n"]), (("models", "add", "x", "sha256"), "a" * 64 + "\n")):
        assert "does not match" in refused(path, value)
