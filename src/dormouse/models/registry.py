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
from dormouse.stimuli import check_recipe

# Without weights to learn, baselines have an input of their own: grey, so that equal colour channels count once.
GREY = {"size": 64, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey"}
BASELINE_INPUT = {"pixels": GREY, "gabor": GREY | {"size": 128}}
RANDOM, NONE = "random", "none"  # words in the place of a file of weights
LABELS = ("group", "display_name")  # of a model; the rest of its specification changes its numbers

# how a library registers a network
REGISTERED = re.compile(r"^@register_model.*\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)


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

    Raises InputError for an unknown group or name, a name that is given twice, weights that are not there or that a source
    cannot have, or a preprocessing that does not fit together.
    """
    double = table.model[table.model.duplicated()]
    if len(double):
        raise InputError(f"resources/models.tsv: {double.iloc[0]} stands in two rows; every model must have one.")
    rows = table.set_index("model")
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
        check_line(line, f"{place}.add.{model}")
        chosen[model] = {"group": "added", "display_name": model, **line}
    if not chosen:
        raise InputError(f"{place}: no model left; name a group or add a model.")
    specified = {model: _specify(line, config["input"]) for model, line in chosen.items()}
    for model, spec in specified.items():
        check_recipe(spec["input"], f"config: input of {model}")
    return specified


def _specify(line: Mapping, default_input: Mapping) -> dict:
    seed = str(line.get("seed", 0 if line["weights"] == RANDOM else ""))
    fixed = BASELINE_INPUT.get(line["name"]) if line["source"] == "baseline" else None
    return {
        **{key: line[key] for key in (*LABELS, "source", "name", "weights")},
        "seed": int(seed) if seed else None,
        "input": dict(fixed or default_input) | dict(line.get("input", {})),
    }


def check_line(line: Mapping, place: str) -> None:
    """Raise InputError where a source has no network of the name, with the nearest ones, or not such weights."""
    source, name, weights = line["source"], line["name"], line["weights"]
    known = set(BASELINE_INPUT) if source == "baseline" else registered(source)
    # what follows the point in a name of timm tells its weights
    if (name.partition(".")[0] if source == "timm" else name) not in known:
        raise InputError(f"{place}: {source} has no network {name!r}. {suggest(name, known)}")
    if (source == "baseline") != (weights == NONE):
        raise InputError(
            f"{place}.weights: {weights!r} does not go with {source}; {NONE!r} is for baselines, and for them alone."
        )
    if weights not in (RANDOM, NONE) and not Path(weights).is_file():
        raise InputError(f"{place}.weights: no file {weights!r} in {Path.cwd()}; expected {RANDOM!r} or a file.")


@functools.cache
def registered(library: str) -> set[str]:
    """Return the names of a library's networks, read from its source, because importing it takes seconds."""
    folder = Path(importlib.util.find_spec(library).origin).parent / "models"
    return {name for file in folder.glob("*.py") for name in REGISTERED.findall(file.read_text(encoding="utf-8"))}


def weights_files(spec: Mapping) -> list[str]:
    """Return the file of weights that a specification names, if it names one."""
    return [] if spec["weights"] in (RANDOM, NONE) else [spec["weights"]]
