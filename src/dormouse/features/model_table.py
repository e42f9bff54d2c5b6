"""The table of models: what each network and its results rest on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from dormouse.files import read_arrays
from dormouse.provenance import IN_TABLE


def model_table(paths: Sequence[str | Path], labels: Mapping[str, Mapping]) -> pd.DataFrame:
    """Return the table `models` from files of kernels; `labels` holds `specification.LABELS` by model, the file's stem."""
    rows = []
    for path in map(Path, paths):
        stored = read_arrays(path, "provenance", "n_features")
        record = json.loads(str(stored["provenance"]))
        rows.append(
            {key: record[key] for key in IN_TABLE}
            | labels[path.stem]
            | {
                "model": path.stem,
                "input": json.dumps(record["input"]),
                "versions": json.dumps(record["versions"]),
                "n_layers": len(stored["n_features"]),
                "n_features": int(stored["n_features"].sum()),
            }
        )
    table = pd.DataFrame(rows).astype({"seed": "Int64", "trained_share": float})
    return table.assign(imagenet_top1=pd.to_numeric(table.imagenet_top1))
