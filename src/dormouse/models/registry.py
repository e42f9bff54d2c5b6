"""Which models are run: rows of resources/models.tsv by group, and lines added in the configuration, each checked.

Nothing here imports a deep-learning library, so that a misspelt name is found when the workflow starts.
"""

import os
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import pandas as pd

from dormouse.errors import InputError, suggest
from dormouse.models.sources import SOURCES
from dormouse.models.specification import LABELS, NONE, OF_RUN, RANDOM, network_code, network_options, specify
from dormouse.models.user import check_name


def list_models(table: pd.DataFrame, config: Mapping) -> dict[str, dict]:
    """Return the specification of every model that the configuration asks for, by name.

    Parameters
    ----------
    table : resources/models.tsv, all columns as text. A row with random weights stands for one model per seed, named with the
        seed behind: resnet18-random is resnet18-random0.
    config : models (`groups` of the table, names to `include` besides and to `exclude`, `seeds`, models to `add`), `mousenet`
        (its variants), `training` (its runs), `transform` and `input`, the preprocessing

    Returns
    -------
    name -> specification, see `dormouse.models.specification`

    Raises InputError for an unknown group or name, a name that is given twice, weights that are not there or that a source
    cannot have, or a preprocessing that does not fit together.
    """
    models, place = config["models"], "config: models"
    rows = _rows(table, models["seeds"])
    groups = {row["group"] for row in rows.values()}
    for group in models["groups"]:
        if group not in groups:
            raise InputError(f"{place}.groups: unknown group {group!r}. {suggest(group, groups)}")
    for key in ("include", "exclude"):
        for name in models[key]:
            if name not in rows:
                raise InputError(f"{place}.{key}: unknown model {name!r}. {suggest(name, rows)}")
    chosen = {
        model: row
        for model, row in rows.items()
        if (row["group"] in models["groups"] or model in models["include"]) and model not in models["exclude"]
    }
    for model, line in models["add"].items():
        if model in rows:
            raise InputError(f"{place}.add: {model} is already a row of resources/models.tsv; choose another name.")
        chosen[model] = _complete(model, line, _same_network(rows, line), f"{place}.add.{model}")
    if not chosen:
        raise InputError(f"{place}: no model left; name a group or add a model.")
    shown = {}
    for model, line in chosen.items():
        other = shown.setdefault(line["display_name"], model)
        if other != model:
            raise InputError(f"{place}.add: {model} and {other} would both be shown as {line['display_name']!r}.")
    return {model: specify(model, line, config) for model, line in chosen.items()}


def _rows(table: pd.DataFrame, seeds: list[int]) -> dict[str, dict]:
    """Return the rows of the table by the names of their models, those of random weights once for each seed."""
    if "model" not in table:
        raise InputError("resources/models.tsv: no models; expected a row for each.")
    double = table.model[table.model.duplicated()]
    if len(double):
        raise InputError(f"resources/models.tsv: {double.iloc[0]} stands in two rows; every model must have one.")
    rows = {}
    for row in table.to_dict("records"):
        if row["weights"] == RANDOM:
            for seed in seeds:  # figures show the seed 0 without a number
                shown = f"{row['display_name']} {seed}" if seed else row["display_name"]
                rows[f"{row['model']}{seed}"] = row | {"seed": seed, "display_name": shown}
        else:
            rows[row["model"]] = row | {"seed": None}
    return rows


def _same_network(rows: Mapping[str, Mapping], line: Mapping) -> dict[str, str]:
    """Return family and architecture of the network that a line names, if the table has it with whatever weights."""
    named = line["source"], line["name"].partition(".")[0]
    same = (row for row in rows.values() if (row["source"], row["name"].partition(".")[0]) == named)
    return {key: row[key] for row in islice(same, 1) for key in ("family", "architecture")}


def _complete(model: str, line: Mapping, known: Mapping[str, str], place: str) -> dict:
    """Return a line of the configuration with what a row of the table has besides; see `check_line` for what is raised.

    Parameters
    ----------
    known : labels that the line has unless it says otherwise
    """
    source, name = SOURCES[line["source"]], line["name"]
    weights, address = line.get("weights", NONE if source.weightless else None), ""
    if weights is None and source.published == "tag" and "." in name:
        weights, address = name.partition(".")[2], f"{line['source']}:{name}"
    elif weights is None:
        what = "add the tag of published weights to the name, or" if source.published == "tag" else "give"
        raise InputError(f"{place}: no weights; {what} weights: random, a file, or an address and its sha256.")
    elif re.match(r"https?://|hf-hub:", weights):
        address = weights
        if address.startswith("http") and not line.get("sha256"):
            raise InputError(f"{place}: an address needs the sha256 of its file beside it; `sha256sum FILE` tells it.")
    elif source.published == "name" and re.fullmatch(r"[A-Z][A-Z0-9_]+", weights):
        address = f"{line['source']}:{name}.{weights}"
    for file in line.get("files", []):
        if not os.path.isfile(file):
            raise InputError(f"{place}.files: no file {file!r} in {Path.cwd()}.")
    complete = dict.fromkeys(LABELS, "") | {"group": "added", "display_name": model, **known} | dict(line)
    complete |= {"weights": weights, "address": address, "seed": line.get("seed", 0) if weights == RANDOM else None}
    check_line(complete, place)
    if "classes" in line and (not source.classes or weights.startswith(OF_RUN)):
        raise InputError(f"{place}.classes: for networks of torchvision and timm that are not trained here; leave it out.")
    if "key" in line and (weights in (RANDOM, NONE) or weights.startswith(OF_RUN)):
        raise InputError(f"{place}.key: {line['key']!r} names a place in a file of weights, but weights: {weights} has none.")
    return complete


def check_line(line: Mapping, place: str) -> None:
    """Check that a source has the network and can have the weights that a row or line names.

    Raises InputError where it has not, with the nearest names there are, or where a file of weights is not there.
    """
    source, name, weights = SOURCES[line["source"]], line["name"], line["weights"]
    if source.names:
        known = source.names()
        if (name.partition(".")[0] if source.published == "tag" else name) not in known:
            raise InputError(f"{place}: {line['source']} has no network {name!r}. {suggest(name, known)}")
    elif source.functions:
        check_name(name, f"{place}.name")
    if weights == NONE and not source.weightless:
        raise InputError(f"{place}.weights: {NONE!r} does not go with {line['source']}; it is for baselines and for python.")
    if weights.startswith(OF_RUN):
        return
    if weights not in (RANDOM, NONE) and not line["address"] and not os.path.isfile(weights):
        raise InputError(f"{place}.weights: no file {weights!r} in {Path.cwd()}; expected {RANDOM!r}, a file or an address.")


def training_spec(run: str, config: Mapping) -> dict:
    """Return the specification of the network of a training run, before training.

    Raises InputError where its size of images is not that of its MouseNet.
    """
    recipe, place = config["training"][run], f"config: training.{run}"
    line = {**recipe["network"], "weights": RANDOM, "address": ""}
    check_line(line, f"{place}.network")
    options = network_options(run, line, config) | {"num_classes": recipe["classes"]}
    if options.get("input_px", recipe["input_px"]) != recipe["input_px"]:
        raise InputError(f"{place}.input_px: {recipe['input_px']}, but its network is for {options['input_px']} pixels.")
    return {**recipe["network"], "file": None, "seed": recipe["seed"], "code": network_code(line), "options": options}
