"""What people write is held against a schema: nonsense in every key, files laid over each other, YAML that says two things."""

import json
import math
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from dormouse.errors import InputError
from dormouse.schemas import check, check_layers
from dormouse.written import read_layers, read_yaml

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
CONFIG["models"]["add"] = {"mine": {"source": "timm", "name": "resnet18"}}
IMAGES = {"kind": "plant"}
CONFIG["methods"]["add"] = {"mine": {"source": "python", "name": "my_methods:score", "target": "rdm", "images": IMAGES}}
CONFIG["stimuli"]["sets"] = {"mouse": {"acuity_cpd": 0.5, "degrees": 120, "models": []}}


# --- nonsense in every key of the configuration

SINGLE = {
    **{".nan": math.nan, ".inf": math.inf, "-.inf": -math.inf, "1e300": 1e300, "10^30": 10**30, "10^400": 10**400},
    **{
        "{}": {},
        "{key: 1}": {"key": 1},
        "null": None,
        "5e-324": 5e-324,
        "[]": [],
        "text": "text",
        "''": "",
        "-1": -1,
        "true": True,
    },
}
NONSENSE = SINGLE | {f"[{name}]": [value] for name, value in SINGLE.items()}
NONSENSE |= {f"[{name}, {name}]": [value, value] for name, value in SINGLE.items()}

# What is no nonsense after all; a key that is new is refused all of NONSENSE, or stands here.
DESCRIBED = {f"models.add.mine.{key}" for key in ("family", "architecture", "task", "task_cluster", "training_data")}
MEANS = {"input.mean", "models.add.mine.input.mean"}  # of values that may be negative
WINDOWS = {"response.window_s", "response.baseline_s"}  # whose order is checked where frames are known
VARIANT, RUN = "mousenet.variants.paper", "training.mousenet_digits"
NAMES = {"allen.cre_lines", "contrasts.exclude", "models.groups", "models.include", "models.exclude", "methods.run"}
NAMES |= {"stimuli.sets.mouse.models", "figures.methods"}
METHOD = "methods.add.mine"
ON_PURPOSE = {
    "null": {"replication.matrices", "extraction.scratch"}
    | {"allen.python", "response.baseline_s", f"{RUN}.folder", "run", "methods.selection", f"{METHOD}.null_score"}
    | {f"{VARIANT}.{k}" for k in ("mask_seed", "readout", "tables")},
    "[]": NAMES
    | {
        "models.add.mine.files",
        f"{METHOD}.files",
        "allen.recordings",
        "exclude",
        "selection.named.paper_2020.filters",
        f"{RUN}.drops",
    },
    "text": {"replication.matrices", "extraction.scratch"}
    | {"dataset", "allen.python", "run", "methods.selection", f"{VARIANT}.tables", f"{RUN}.network.name"}
    | {f"{RUN}.folder"}
    | {f"models.add.mine.{key}" for key in ("name", "weights", "key", "display_name")}
    | {
        f"{METHOD}.{key}" for key in ("name", "family", "selection", "label", "axis", "description", "images.kind")
    }  # a name: see models.user.check_name
    | DESCRIBED,
    "''": DESCRIBED | {f"{METHOD}.description"},
    "-1": {"selection.min_reliability", f"{METHOD}.null_score"},
    "5e-324": {
        f"{METHOD}.null_score",
        "selection.min_reliability",
        "selection.max_p",
        "inference.judge.recovery.share",
        f"{RUN}.momentum",
        f"{RUN}.weight_decay",
    },
    "[5e-324]": MEANS | {"thresholds.values"},
    "[5e-324, 5e-324]": MEANS | WINDOWS | {"allen.depths_um"},
    "true": {"allen.keep", "allen.include_failed", "stimuli.blank", f"{VARIANT}.clip"},
    "[text]": NAMES
    | {"areas", "exclude", f"{METHOD}.images.kind", "models.add.mine.files", f"{METHOD}.files", f"{VARIANT}.readout"},
    "[-1]": MEANS | {"thresholds.values"},
    "[-1, -1]": MEANS | WINDOWS,
}


def keys(schema: dict, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every key that holds a value; of names that a user chooses, the first in CONFIG."""
    parts = [schema, *schema.get("allOf", [])]
    parts += [SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] for part in parts if "$ref" in part]
    merged = {key: value for part in parts for key, value in part.items()}
    if merged.get("type") != "object":
        yield path
    for key, inner in merged.get("properties", {}).items():
        yield from keys(inner, (*path, key))
    if isinstance(merged.get("additionalProperties"), dict):
        chosen = CONFIG
        for key in path:
            chosen = chosen[key]
        yield from keys(merged["additionalProperties"], (*path, next(iter(chosen))))


def setting(path: tuple, value) -> dict:
    """Return the part of a configuration that sets one key."""
    for key in reversed(path):
        value = {key: value}
    return value


def passes(path: tuple, value) -> bool:
    part, whole = setting(path, value), deepcopy(CONFIG)
    try:
        check_layers([("mine.yaml", part)], SCHEMA)
    except InputError as error:
        assert str(error).startswith(f"mine.yaml: {'.'.join(path)}"), error
        return False
    update_config(whole, part)  # as Snakemake does
    check(whole, SCHEMA, "config")
    return True


@pytest.mark.parametrize("name", NONSENSE)
def test_every_key_refuses_nonsense(name):
    found = {".".join(path) for path in keys(SCHEMA) if passes(path, NONSENSE[name])}
    assert found == ON_PURPOSE.get(name, set())


def test_the_sweep_reaches_keys_at_all_depths():
    reached = {".".join(path) for path in keys(SCHEMA)}
    assert len(reached) > 100
    assert {
        "dataset",
        "ceilings.penalty",
        "input.size",
        "models.add.mine.input.std",
        f"{VARIANT}.reach",
        f"{RUN}.seed",
    } <= reached


def test_a_whole_number_is_no_decimal():
    assert not passes(("reliability", "n_splits"), 100.0)
    assert passes(("reliability", "n_splits"), 100)


@pytest.mark.parametrize(("key", "shown"), [(1, "1"), (None, "null"), (True, "True"), (0.5, "0.5"), (math.nan, "nan")])
def test_a_key_that_is_no_text_is_refused(key, shown):
    for part in ({key: 1}, {"training": {key: {}}}, {"models": {"add": {"mine": {"input": {key: 1}}}}}):
        with pytest.raises(InputError, match=rf"mine\.yaml: .*expected text as a key, got {shown}\. Put the key in quotes"):
            check_layers([("mine.yaml", part)], SCHEMA)


# --- parts of a configuration, laid over each other


def refused(*layers, schema=SCHEMA):
    """Return the message with which parts are refused."""
    with pytest.raises(InputError) as caught:
        check_layers([(f"{number}.yaml", layer) for number, layer in enumerate(layers)], schema)
    return str(caught.value)


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml", "mousenet.yaml"])
def test_the_configurations_of_the_repository_pass(name):
    check_layers(read_layers([ROOT / "config.yaml", ROOT / name], [], SCHEMA), SCHEMA)


def test_a_part_needs_no_other_keys_and_is_named():
    part = {"training": {"mine": {"epochs": 3}}, "models": {"add": {"mine": {"weights": "random"}}}}
    check_layers([("0.yaml", CONFIG), ("1.yaml", part)], SCHEMA)
    assert refused(CONFIG, part, {"input": {"size": "224"}}) == (
        "2.yaml: input.size: expected a whole number, got the text '224'. "
        "A number stands without quotes, and in YAML with a point before an exponent: 1.0e-4."
    )
    assert refused(CONFIG, {"training": None}) == "1.yaml: training: expected a mapping, got null."


def test_an_empty_mapping_that_would_take_something_away_is_refused():
    for part in ({"training": {}}, {"models": {"add": {}}}, {"mousenet": {"variants": {"paper": {}}}}):
        assert "1.yaml: " in (message := refused(CONFIG, part))
        assert "an empty mapping takes nothing away" in message
    check_layers(
        [("0.yaml", CONFIG | {"models": CONFIG["models"] | {"add": {}}}), ("1.yaml", {"models": {"add": {}}})], SCHEMA
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "ceilings={penalty: 1, penalty: 2}",
            "--config: line 1: key 'penalty' stands in line 1 already. Keep one of the two.",
        ),
        ("ceilings={penalty: .nan}", "--config: ceilings.penalty: expected a finite number, got nan."),
        ("ceilings={penalty: 1e-1}", "--config: ceilings.penalty: expected a number, got the text '1e-1'. A number stands "),
        ("input={size: {}}", "--config: input.size: expected a whole number, got {}."),
        ("input={size: 3", "--config: input: expected a mapping, got the text '{size: 3'."),
        ("transform=papr", "--config: transform: 'papr' is not one of ['paper', 'native']."),
        ("areas=", "--config: areas: expected a list, got null."),
        ("dataset=", "--config: dataset: '' cannot be a path; use "),
        ("run=../x", "--config: run: '../x' cannot be a file name; use letters, digits and '_.-', "),
        ("nonsense=1", "--config: unknown key 'nonsense'. "),
    ],
)
def test_the_command_line_is_a_part(entry, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        check_layers(read_layers([], [entry], SCHEMA), SCHEMA)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("selection={min_reliability: 0.3}", {"min_reliability": 0.3}),
        ("allen={keep: true, recordings: [501559087]}", {"keep": True, "recordings": [501559087]}),
        ("areas=[VISp]", ["VISp"]),
        ("dataset=2021", "2021"),
        ("dataset=[mice", "[mice"),
        ("dataset=a=b", "a=b"),
        ("run=2021", "2021"),
        ("run=null", None),
        ("run=", None),
        ("layers=all", "all"),
    ],
)
def test_values_of_the_command_line_are_what_they_look_like_and_text_where_text_is_wanted(entry, value):
    ((_, layer),) = layers = read_layers([], [entry], SCHEMA)
    check_layers(layers, SCHEMA)
    assert layer == {entry.partition("=")[0]: value}


# --- YAML


@pytest.fixture
def written(tmp_path):
    def written(text):
        (tmp_path / "mine.yaml").write_text(text)
        return tmp_path / "mine.yaml"

    return written


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1)),
        ("x:\n  - {a: 1}\n  - a: 1\n    'a': 1\n", (4, 3)),
        ("{a: 1, b: 2, a: 1}", (1, 1)),
        ("x: &x {b: 1,\n  a: 2,\n  a: 3}\ny: *x\n", (3, 2)),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  a: 2\n  a: 3\n", (5, 4)),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(written, text, lines):
    with pytest.raises(InputError, match=r"mine\.yaml: line {}: key 'a' stands in line {} already".format(*lines)):
        read_yaml(written(text))


def test_a_merged_key_may_be_overruled(written):
    assert read_yaml(written("x: &x {a: 1, b: 1}\ny: {<<: *x, a: 2}\n"))["y"] == {"a": 2, "b": 1}


def test_json_is_read_as_snakemake_reads_it(written):
    assert read_yaml(written('{\n\t"a": 1e-4}')) == {"a": 1e-4}
    assert read_yaml(written("{a: 1e-4}")) == {"a": "1e-4"}
    with pytest.raises(InputError, match=r"mine\.yaml: key 'a' stands twice"):
        read_yaml(written('{"x": [{"a": 1, "a": 2}]}'))
    with pytest.raises(InputError, match=r"mine\.yaml: ceilings\.penalty: expected a finite number, got inf"):
        check_layers(read_layers([written(json.dumps({"ceilings": {"penalty": math.inf}}))], [], SCHEMA), SCHEMA)


@pytest.mark.parametrize("text", ["a: [", "a: 2020-13-45", "a: !!python/tuple [1]", "a: 1\n--- \nb: 2\n", "a: \0", "a: b: c"])
def test_what_is_not_readable_is_refused_in_one_line(written, text):
    with pytest.raises(InputError, match=r"^[^\n]*mine\.yaml: not readable as YAML \([^\n]+\)\.$"):
        read_yaml(written(text))
