"""What a run is, as tables: its facts, and its methods. With them, figures and report need no configuration and no data."""

import json
from collections.abc import Mapping, Sequence

import pandas as pd
import yaml


def run_table(dataset: Mapping[str, str | Sequence[str]], config: Mapping) -> pd.DataFrame:
    """Return the facts of a run as the table `run`.

    Parameters
    ----------
    dataset : what is said of the data set; lists of names are joined by commas
    config : the configuration of the run, which the table holds as YAML
    """
    facts = {key: value if isinstance(value, str) else ", ".join(value) for key, value in dataset.items()}
    facts["config"] = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    return pd.DataFrame(facts.items(), columns=["key", "value"])


def method_table(methods: Mapping[str, Mapping], presets: Mapping[str, Sequence[str]], shown: Sequence[str]) -> pd.DataFrame:
    """Return the methods of a run as the table `methods`, in their order.

    Parameters
    ----------
    methods : rows of the table of methods, by name
    presets : names of rows, by preset
    shown : methods that figures set side by side
    """
    rows = [
        {
            "method": name,
            **{key: row[key] for key in ("family", "label", "axis", "description", "target", "selection", "choice")},
            "presets": ", ".join(preset for preset, rows in presets.items() if name in rows),
            "kernels": ", ".join(row["kernels"]),
            "images": row["images"] if isinstance(row["images"], str) else "some",
            "settings": json.dumps(row["settings"]),
            "null_score": row["null_score"],
            "shown": name in shown,
        }
        for name, row in methods.items()
    ]
    return pd.DataFrame(rows).astype({"null_score": float})
