"""What a network's results rest on: its specification, weights and input, and the versions of the libraries."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.files import read_arrays

LIBRARIES = ("dormouse", "torch", "torchvision", "timm", "numpy", "scikit-learn")


def provenance(spec: Mapping, network, inputs: np.ndarray) -> np.ndarray:
    """Return the record of a run as JSON in a 0-d array, to be stored beside its numbers.

    Parameters
    ----------
    spec : specification of the model, of `registry.list_models`
    network : torch module, its weights loaded
    inputs : (n_images, n_channels, height, width) float32, preprocessed images
    """
    weights = hashlib.sha256()
    for name, value in network.state_dict().items():
        weights.update(name.encode())
        weights.update(value.cpu().contiguous().numpy().tobytes())
    record = dict(spec) | {
        "weights_sha256": weights.hexdigest(),
        "stimuli_sha256": hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).hexdigest(),
        "n_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "versions": {library: _version(library) for library in LIBRARIES},
    }
    return np.array(json.dumps(record, sort_keys=True))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # the workflow runs from its folder without being installed
        return "not installed"


def model_table(paths: Sequence[str | Path], labels: Mapping[str, Mapping]) -> pd.DataFrame:
    """Return the table `models` from files of kernels; `labels` holds group and display name by model, the file's stem."""
    rows = []
    for path in map(Path, paths):
        stored = read_arrays(path, "provenance", "n_features")
        record = json.loads(str(stored["provenance"]))
        rows.append(
            record
            | labels[path.stem]
            | {
                "model": path.stem,
                "input": json.dumps(record["input"]),
                "versions": json.dumps(record["versions"]),
                "n_layers": len(stored["n_features"]),
                "n_features": int(stored["n_features"].sum()),
            }
        )
    return pd.DataFrame(rows).astype({"seed": "Int64"})
