"""The table of models takes from the record of provenance what it has a column for."""

import json

import numpy as np
import pandas as pd
import pytest

from dormouse.columns import FLOAT, STRING, TABLES
from dormouse.features.kernels import writing_kernels
from dormouse.features.model_table import look_random, model_table
from dormouse.models.specification import LABELS
from dormouse.run.provenance import network_record
from dormouse.tables import read_table, write_table

INPUT = {"size": 224, "channels": "rgb"}
SPEC = {"source": "timm", "name": "resnet18", "seed": 3, "file": None, "options": {}, "input": INPUT, "precision": "float32"}
SHA256 = {"weights_sha256": "ab", "transform_sha256": "cd"}
ATTESTED = SHA256 | {"fingerprint": "[[1.0]]", "n_parameters": 7, "trained_share": None}
GIVEN = dict.fromkeys(LABELS, "text") | {"imagenet_top1": "71.5"}


def write(path, **recorded):
    layer = {"path": "", "block": "", "block_depth": 1.0, "effective_dimension": 2.0, "row_sum": np.ones(4)}
    record = network_record(SPEC | {"weights_key": ""} | recorded, ATTESTED, np.zeros((4, 3, 2, 2), np.float32))
    with writing_kernels([path], np.array(["x"] * 4), record) as keep:
        for k, n_features in enumerate((5, 10)):
            keep(layer | {"layer": f"ReLU-{k}", "n_features": n_features, path.stem: np.eye(4)})
    return path


def test_a_row_holds_what_is_recorded_the_labels_and_the_size_of_the_network(tmp_path):
    paths = {"one": write(tmp_path / "one/srp.npz"), "two": write(tmp_path / "two/centred.npz", seed=None, name="vgg16")}
    table = model_table(paths, {model: GIVEN | {"group": model} for model in paths})
    write_table("models", table, tmp_path / "models.parquet")
    one, two = read_table("models", tmp_path / "models.parquet").to_dict("records")
    assert (one["model"], one["group"], one["name"], one["seed"], two["name"]) == ("one", "one", "resnet18", 3, "vgg16")
    assert np.isnan(two["seed"]) and np.isnan(one["trained_share"])
    assert (one["n_layers"], one["n_features"], one["n_parameters"], one["imagenet_top1"]) == (2, 15, 7, 71.5)
    assert json.loads(one["input"]) == INPUT and "torch" in json.loads(one["versions"])
    assert one["fingerprint"] == "[[1.0]]"


@pytest.mark.parametrize(("kind", "value"), [(STRING, "a"), (FLOAT, 0.5)])
def test_a_new_column_is_taken_from_the_record_without_another_line(monkeypatch, tmp_path, kind, value):
    monkeypatch.setitem(TABLES, "models", TABLES["models"] | {"measured": (kind, "as it was measured")})
    table = model_table({"one": write(tmp_path / "srp.npz", measured=value)}, {"one": GIVEN})
    write_table("models", table, tmp_path / "models.parquet")
    assert read_table("models", tmp_path / "models.parquet").measured.tolist() == [value]


def test_networks_that_are_called_trained_and_look_random_are_those_of_a_low_share():
    shares = pd.DataFrame({"display_name": list("abcd"), "trained_share": [0.9, 0.3, np.nan, 0.0]})
    assert look_random(shares) == ["b", "d"]
