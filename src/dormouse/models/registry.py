"""Which networks are run: rows of resources/models.tsv by group, and lines added in the configuration.

Nothing here imports a deep-learning library, so that a misspelt name is found when the workflow starts.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dormouse.contents import file_hash, folder_hash
from dormouse.errors import InputError, suggest
from dormouse.models.libraries import registered
from dormouse.models.user import user_code
from dormouse.mousenet.anatomy import FOLDER
from dormouse.stimuli.preprocessing import RECIPE, check_recipe

RANDOM, NONE = "random", "none"  # words in the place of weights
WEIGHTS = "resources/weights"  # where downloads go
TRAINED = "results/trained"  # where weights go that are trained here, named after the run
OF_RUN = "trained:"  # in the place of weights, before the name of a run, which @ and an epoch may follow
BASELINES = {"pixels", "gabor", "noise"}
OWN_INPUT = {"taskonomy", "baseline", "mousenet"}  # sources that the transform of the paper leaves to themselves
# mean and sd of a channel, of an image from 0 to 1
NORMALISATIONS = {
    "imagenet": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "channels": "rgb"},
    "cifar10": {"mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.2010], "channels": "rgb"},
    "half": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "channels": "rgb"},  # to [-1, 1]
    "none": {"mean": [0.0], "std": [1.0], "channels": "grey"},
}
SEEN_AS = {"digits": "imagenet", "folder": "imagenet", "cifar10": "cifar10"}  # normalisation of images to train on, by kind
# What tells a reader about a model; the rest of its specification changes its numbers.
LABELS = (
    *("group", "display_name", "family", "architecture", "task", "task_cluster", "training_data", "imagenet_top1"),
    *("weights", "address", "sha256"),
)
# what a network is made from that lies in files of its own
CODE = {
    "python": user_code,
    "mousenet": lambda name: folder_hash(FOLDER, FOLDER.glob("*.tsv")),
}
ENDING = re.compile(r"\.(?:safetensors|pth\.tar|pth|pt|torch|bin)$")  # of files of weights


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
    name -> {group and the other LABELS, source, name, seed, file, key, code, files, options, input}

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
        chosen[model] = _complete(model, line, f"{place}.add.{model}")
    if not chosen:
        raise InputError(f"{place}: no model left; name a group or add a model.")
    shown = {}
    for model, line in chosen.items():
        other = shown.setdefault(line["display_name"], model)
        if other != model:
            raise InputError(f"{place}.add: {model} and {other} would both be shown as {line['display_name']!r}.")
    return {model: _specify(model, line, config) for model, line in chosen.items()}


def _rows(table: pd.DataFrame, seeds: list[int]) -> dict[str, dict]:
    """Return the rows of the table by the names of their models, those of random weights once for each seed."""
    double = table.model[table.model.duplicated()]
    if len(double):
        raise InputError(f"resources/models.tsv: {double.iloc[0]} stands in two rows; every model must have one.")
    rows = {}
    for row in table.to_dict("records"):
        if row["weights"] == RANDOM:
            for seed in seeds:  # the first twin goes without number in figures
                shown = f"{row['display_name']} {seed}" if seed else row["display_name"]
                rows[f"{row['model']}{seed}"] = row | {"seed": seed, "display_name": shown}
        else:
            rows[row["model"]] = row | {"seed": None}
    return rows


def _complete(model: str, line: Mapping, place: str) -> dict:
    """Return a line of the configuration with all that a row of the table has."""
    source, name = line["source"], line["name"]
    weights = line.get("weights", NONE if source == "python" else None)
    address = ""
    if weights is None and source == "timm" and "." in name:
        weights, address = name.partition(".")[2], f"timm:{name}"
    elif weights is None:
        what = "add the tag of published weights to the name, or" if source == "timm" else "give"
        raise InputError(f"{place}: no weights; {what} weights: random, a file, or an address and its sha256.")
    elif re.match(r"https?://|hf-hub:", weights):
        address = weights
        if address.startswith("http") and not line.get("sha256"):
            raise InputError(f"{place}: an address needs the sha256 of its file beside it; `sha256sum FILE` tells it.")
    elif source == "torchvision" and re.fullmatch(r"[A-Z][A-Z0-9_]+", weights):
        address = f"torchvision:{name}.{weights}"
    for file in line.get("files", []):
        if not Path(file).is_file():
            raise InputError(f"{place}.files: no file {file!r} in {Path.cwd()}.")
    complete = dict.fromkeys(LABELS, "") | {"group": "added", "display_name": model} | dict(line)
    if source == "taskonomy":
        complete |= {"native_px": "256", "native_normalisation": "half", "native_interpolation": "bilinear"}
    complete |= {"weights": weights, "address": address, "seed": line.get("seed", 0) if weights == RANDOM else None}
    check_line(complete, place)
    if "key" in line and (weights in (RANDOM, NONE) or weights.startswith(OF_RUN)):
        raise InputError(f"{place}.key: {line['key']!r} names a place in a file of weights, but weights: {weights} has none.")
    return complete


def check_line(line: Mapping, place: str) -> None:
    """Raise InputError where a source has no network of the name, with the nearest ones, or not such weights."""
    source, name, weights = line["source"], line["name"], line["weights"]
    if source == "python":
        if not re.fullmatch(r"[\w.]+:\w+", name):
            raise InputError(f"{place}.name: {name!r}; expected module:function.")
    elif source != "mousenet":  # whose names are variants of the configuration
        known = known_names(source)
        # what follows the point in a name of timm tells its weights
        if (name.partition(".")[0] if source == "timm" else name) not in known:
            raise InputError(f"{place}: {source} has no network {name!r}. {suggest(name, known)}")
    if weights == NONE and source not in ("baseline", "python"):
        raise InputError(f"{place}.weights: {NONE!r} does not go with {source}; it is for baselines and for python.")
    if weights.startswith(OF_RUN):
        return
    if weights not in (RANDOM, NONE) and not line["address"] and not Path(weights).is_file():
        raise InputError(f"{place}.weights: no file {weights!r} in {Path.cwd()}; expected {RANDOM!r}, a file or an address.")


def known_names(source: str) -> set[str]:
    """Return the networks of a source."""
    if source in ("baseline", "taskonomy"):
        return BASELINES if source == "baseline" else {"encoder"}
    resnets = {name for name in registered("torchvision") if re.match(r"(wide_)?res(net|next)\d", name)}
    if source == "dino":
        return resnets | {name for name in registered("timm") if re.search(r"vit_|xcit_", name)}
    return resnets if source == "vissl" else registered(source)


def _specify(model: str, line: Mapping, config: Mapping) -> dict:
    """Return the specification of one model."""
    file, options, line = None, _options(model, line, config), dict(line)
    if line["source"] == "mousenet":
        line |= {"native_px": options["input_px"], "native_normalisation": "imagenet", "native_interpolation": "bilinear"}
    if line["address"]:
        ending = ENDING.search(line["address"])
        published = ".safetensors" if line["address"].startswith(("hf-hub:", "timm:")) else ".pth"
        file = f"{WEIGHTS}/{model}{ending[0] if ending else published}"
    elif line["weights"].startswith(OF_RUN):
        file = f"{TRAINED}/{line['weights'].removeprefix(OF_RUN)}.safetensors"
    elif line["weights"] not in (RANDOM, NONE):
        file = line["weights"]
    return {
        **{key: line[key] for key in (*LABELS, "source", "name", "seed")},
        "file": file,
        "key": line.get("key"),
        "code": _code(line),
        "files": {name: file_hash(name) for name in line.get("files", [])},
        "options": options,
        "input": _input(model, line, config),
    }


def _code(line: Mapping) -> dict[str, str] | str | None:
    """Return hashes of the files that a network is made from, besides its library; None where there are none."""
    return CODE[line["source"]](line["name"]) if line["source"] in CODE else None


def _options(model: str, line: Mapping, config: Mapping) -> dict:
    """Return what a loader needs beside a name: of a MouseNet its variant, of a network that is trained here its classes."""
    place, options = f"config: model {model}", {}
    if line["source"] == "mousenet":
        variants = config["mousenet"]["variants"]
        if line["name"] not in variants:
            raise InputError(f"{place}: mousenet.variants has no {line['name']!r}. {suggest(line['name'], variants)}")
        options = dict(variants[line["name"]])
    if line["weights"].startswith(OF_RUN):
        run, (_, at, epoch) = run_of(line["weights"]), line["weights"].partition("@")
        if run not in config["training"]:
            raise InputError(f"{place}.weights: training has no {run!r}. {suggest(run, config['training'])}")
        trained = config["training"][run]
        if at and epoch not in map(str, range(trained["epochs"] + 1)):
            raise InputError(f"{place}.weights: {run} has epochs 0 to {trained['epochs']}, not {epoch!r}.")
        if trained["network"] != {key: line[key] for key in ("source", "name")}:
            raise InputError(f"{place}.weights: {run} trains {trained['network']}, not {line['source']} {line['name']}.")
        options["num_classes"] = trained["classes"]
    return options


def run_of(weights: str) -> str:
    """Return the name of the run that weights are of, without epoch."""
    return weights.removeprefix(OF_RUN).partition("@")[0]


def training_spec(run: str, config: Mapping) -> dict:
    """Return the specification of the network of a training run, before training.

    Raises InputError where its size of images is not that of its MouseNet.
    """
    recipe, place = config["training"][run], f"config: training.{run}"
    line = {**recipe["network"], "weights": RANDOM, "address": ""}
    check_line(line, f"{place}.network")
    options = _options(run, line, config) | {"num_classes": recipe["classes"]}
    if options.get("input_px", recipe["input_px"]) != recipe["input_px"]:
        raise InputError(f"{place}.input_px: {recipe['input_px']}, but its network is for {options['input_px']} pixels.")
    return {**recipe["network"], "file": None, "seed": recipe["seed"], "code": _code(line), "options": options}


def _input(model: str, line: Mapping, config: Mapping) -> dict:
    """Return the preprocessing of a model; under `native`, keys that only its library knows are left to the job.

    What is trained here sees images as in its training, whatever the transform.
    """
    given = dict(line.get("input", {}))
    if line["weights"].startswith(OF_RUN):
        run = config["training"][run_of(line["weights"])]
        own = {"size": run["input_px"], "range": 1, "interpolation": "bilinear"}
        recipe = own | NORMALISATIONS[SEEN_AS[run["images"]]] | given
        check_recipe(recipe, f"config: input of {model}")
        return recipe
    if line["source"] in OWN_INPUT or (config["transform"] == "native" and "native_px" in line):
        own = {"size": int(line["native_px"]), "range": 1, "interpolation": line["native_interpolation"]}
        return own | NORMALISATIONS[line["native_normalisation"]] | given
    recipe = dict(config["input"]) | given
    if config["transform"] == "native":
        if line["source"] in ("timm", "torchvision"):
            return given
        missing = [key for key in RECIPE if key not in given]
        if missing:
            raise InputError(f"config: models.add.{model}.input: transform: native needs {', '.join(missing)} of its own.")
    check_recipe(recipe, f"config: input of {model}")
    return recipe
