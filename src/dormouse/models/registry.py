"""Which networks are run: rows of resources/models.tsv by group, and lines added in the configuration.

Nothing here imports a deep-learning library, so that a misspelt name is found when the workflow starts.
"""

import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dormouse.errors import InputError, suggest

# Without weights to learn, baselines have an input of their own: grey, so that equal colour channels count once.
GREY = {"size": 64, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey"}
BASELINE_INPUT = {"pixels": GREY, "gabor": GREY | {"size": 128}}
RANDOM, NONE = "random", "none"  # words in the place of a file of weights
LABELS = ("group", "display_name")  # of a model; the rest of its specification changes its numbers

# where a library registers its networks: one decorated function each
REGISTERED = re.compile(r"^@register_model.*\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
WHERE = {"torchvision": "models", "timm": "models"}


def list_models(table: pd.DataFrame, config: Mapping) -> dict[str, dict]:
    """Return the specification of every model that the configuration asks for, by name.

    Parameters
    ----------
    table : resources/models.tsv, a row a model, all columns as text
    config : `groups` of the table, names to `exclude`, models to `add`; and `input`, the preprocessing of models that do
        not state their own

    Returns
    -------
    name -> {group, display_name, source, name, weights, seed, input}

    Raises InputError for an unknown group or name, or a name that is given twice.
    """
    rows = table.set_index("model", verify_integrity=True)
    models, place = config["models"], "config: models"
    for group in models["groups"]:
        if group not in set(rows.group):
            raise InputError(f"{place}.groups: unknown group {group!r}. {suggest(group, set(rows.group))}")
    chosen = {model: dict(row) for model, row in rows.iterrows() if row.group in models["groups"]}
    for name in models["exclude"]:
        if name not in rows.index:
            raise InputError(f"{place}.exclude: unknown model {name!r}. {suggest(name, rows.index)}")
        chosen.pop(name, None)
    for model, line in models["add"].items():
        if model in rows.index:
            raise InputError(f"{place}.add: {model} is already a row of resources/models.tsv; choose another name.")
        check_name(line["source"], line["name"], f"{place}.add.{model}")
        chosen[model] = {"group": "added", "display_name": model, **line}
    if not chosen:
        raise InputError(f"{place}: no model left; name a group or add a model.")
    return {model: _specify(line, config["input"]) for model, line in chosen.items()}


def _specify(line: Mapping, default_input: Mapping) -> dict:
    seed = str(line.get("seed", 0 if line["weights"] == RANDOM else ""))
    fixed = BASELINE_INPUT.get(line["name"]) if line["source"] == "baseline" else None
    return {
        **{key: line[key] for key in (*LABELS, "source", "name", "weights")},
        "seed": int(seed) if seed else None,
        "input": dict(fixed or default_input) | dict(line.get("input", {})),
    }


def check_name(source: str, name: str, place: str) -> None:
    """Raise InputError, with the nearest names, where a source has no network of that name."""
    known = set(BASELINE_INPUT) if source == "baseline" else registered(source)
    if name.partition(".")[0] not in known:  # what follows the point names weights
        raise InputError(f"{place}: {source} has no network {name!r}. {suggest(name, known)}")


@functools.cache
def registered(library: str) -> set[str]:
    """Return the names of a library's networks, read from its source, because importing it takes seconds."""
    folder = Path(importlib.util.find_spec(library).origin).parent / WHERE[library]
    return {name for file in folder.rglob("*.py") for name in REGISTERED.findall(file.read_text(encoding="utf-8"))}


def weights_files(spec: Mapping) -> list[str]:
    """Return the file of weights that a specification names, if it names one."""
    return [] if spec["weights"] in (RANDOM, NONE) else [spec["weights"]]
