"""The table of models: what each network and its results rest on."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dormouse.columns import TABLES
from dormouse.features.kernels import read_layers, read_provenance

# ASSUME training moves the distribution of a third of a network's tensors or more; between random draws, one in 1000 differs
TRAINED = 1 / 3  # of `trained_share`


def model_table(paths: Mapping[str, str | Path], labels: Mapping[str, Mapping]) -> pd.DataFrame:
    """Return the table `models`: of each, the columns that its record of provenance holds, its labels and its size.

    Parameters
    ----------
    paths : a file of a kernel, any of them, by model
    labels : `specification.LABELS` by model
    """
    rows = [_recorded(path) | labels[model] | {"model": model} for model, path in paths.items()]
    table = pd.DataFrame(rows).astype({"seed": "Int64", "trained_share": float})
    return table.assign(imagenet_top1=pd.to_numeric(table.imagenet_top1))


def _recorded(path: str | Path) -> dict:
    record, layers = read_provenance(path), read_layers(path)
    found = {name: _value(record[name]) for name in TABLES["models"] if name in record}
    return found | {"n_layers": len(layers), "n_features": int(layers.n_features.sum())}


def _value(recorded):
    """Return what stands in the table: text and numbers as they are, all else as JSON."""
    return json.dumps(recorded) if isinstance(recorded, Mapping | list) else recorded


def look_random(models: pd.DataFrame) -> list[str]:
    """Return the shown names of the models that are called trained, and most of whose tensors look random."""
    return list(models.display_name[models.trained_share < TRAINED])
