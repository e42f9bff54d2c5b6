"""The specification of a model: made from a row of models.tsv or a line of the configuration, and what it tells.

A specification is a mapping:

- the `LABELS`, which tell a reader about the model and change none of its numbers
- source, name: where the network comes from (`sources.SOURCES`) and what it is called there
- seed: of random weights; None where there are none
- file: of weights, as its name; None without one. key: place of the weights in the file; None where the usual ones are tried
- code: hash of what the network is made from besides its library; None where that is nothing
- files: hashes of data files that the user's code opens, by name
- options: what the loader needs besides the name: the preset of a MouseNet, the number of classes of a network trained here
  (num_classes) or of a line of the configuration (classes)
- input: the preprocessing of images; empty or in part where the network's library knows the rest. `blur` in it, where the
  images are those of another set (`with_sets`)
"""

import re
from collections.abc import Mapping
from pathlib import Path

from dormouse.content_hash import file_hash, is_made
from dormouse.errors import InputError, suggest
from dormouse.models.sources import SOURCES
from dormouse.mousenet.anatomy import FOLDER, MEASURED
from dormouse.stimuli.images import ORIGINAL
from dormouse.stimuli.preprocessing import RECIPE, check_recipe

RANDOM, NONE = "random", "none"  # words in the place of weights
WEIGHTS = "resources/weights"  # folder of downloaded weights
TRAINED = "results/trained"  # folder of weights that are trained here, each file named after its run
OF_RUN = "trained:"  # in the place of weights, before the name of a run, which @ and an epoch may follow
# mean and sd of a channel, of an image from 0 to 1
NORMALISATIONS = {
    "imagenet": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "channels": "rgb"},
    "cifar10": {"mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.2010], "channels": "rgb"},
    "half": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "channels": "rgb"},  # to [-1, 1]
    "none": {"mean": [0.0], "std": [1.0], "channels": "grey"},
}
SEEN_AS = {"digits": "imagenet", "folder": "imagenet", "cifar10": "cifar10"}  # normalisation of images to train on, by kind
LABELS = (
    *("group", "display_name", "family", "architecture", "task", "task_cluster", "training_data", "imagenet_top1"),
    *("weights", "address", "sha256", "stimulus_set"),
)
ENDING = re.compile(r"\.(?:safetensors|pth\.tar|pth|pt|torch|bin)$")  # of files of weights


# --- from a line to a specification


def specify(model: str, line: Mapping, config: Mapping) -> dict:
    """Return the specification of a model.

    Parameters
    ----------
    line : a row of models.tsv with its seed, or a line of the configuration that was completed and checked (`registry`)
    config : see `registry.list_models`

    Raises InputError for a preset or a training run that is not there or does not fit, and for a preprocessing that does not
    fit together.
    """
    options = network_options(model, line, config)
    line = {**SOURCES[line["source"]].native, **line, "stimulus_set": ORIGINAL}
    if "input_px" in options:  # a preset tells the size of its images
        line["native_px"] = options["input_px"]
    return {
        **{key: line[key] for key in (*LABELS, "source", "name", "seed")},
        "file": _weights_file(model, line),
        "key": line.get("key"),
        "code": network_code(line),
        "files": {name: file_hash(name) for name in line.get("files", [])},
        "options": options,
        "input": _input(model, line, config),
    }


def _weights_file(model: str, line: Mapping) -> str | None:
    """Return the file of a model's weights: a download, of a training run here, or the user's; None without one."""
    address, weights = line["address"], line["weights"]
    if address:
        library, ending = address.partition(":")[0], ENDING.search(address)
        published = ".safetensors" if library == "hf-hub" else SOURCES[library].ending if library in SOURCES else ".pth"
        return f"{WEIGHTS}/{model}{ending[0] if ending else published}"
    if weights.startswith(OF_RUN):
        return f"{TRAINED}/{weights.removeprefix(OF_RUN)}.safetensors"
    return None if weights in (RANDOM, NONE) else weights


def network_code(line: Mapping) -> dict[str, str] | str | None:
    """Return hashes of the files that a network is made from besides its library; None where there are none."""
    return SOURCES[line["source"]].code(line["name"])


def network_options(model: str, line: Mapping, config: Mapping) -> dict:
    """Return what a loader needs besides a name: the preset of a MouseNet, the number of classes."""
    place, options = f"config: model {model}", {"classes": line["classes"]} if "classes" in line else {}
    source, name, weights = (line[key] for key in ("source", "name", "weights"))
    if SOURCES[source].variants:
        variants = config[source]["variants"]
        if name not in variants:
            raise InputError(f"{place}: {source}.variants has no {name!r}. {suggest(name, variants)}")
        options |= variants[name]
        for file in table_files(options):
            if not is_made(file) and not Path(file).is_file():
                raise InputError(f"config: {source}.variants.{name}.tables: no file {file!r} in {Path.cwd()}.")
    if weights.startswith(OF_RUN):
        run, (_, at, epoch) = run_of(weights), weights.partition("@")
        if run not in config["training"]:
            raise InputError(f"{place}.weights: training has no {run!r}. {suggest(run, config['training'])}")
        trained = config["training"][run]
        if at and epoch not in map(str, range(trained["epochs"] + 1)):
            raise InputError(f"{place}.weights: {run} has epochs 0 to {trained['epochs']}, not {epoch!r}.")
        if trained["network"] != {"source": source, "name": name}:
            raise InputError(f"{place}.weights: {run} trains {trained['network']}, not {source} {name}.")
        options["num_classes"] = trained["classes"]
    return options


def run_of(weights: str) -> str:
    """Return the name of the training run that weights come from, without its epoch."""
    return weights.removeprefix(OF_RUN).partition("@")[0]


def _input(model: str, line: Mapping, config: Mapping) -> dict:
    """Return the preprocessing of a model. Under `native`, keys that only its library knows are left out.

    A network that is trained here sees images as it did in training, whatever the transform.
    """
    source, given = SOURCES[line["source"]], dict(line.get("input", {}))
    if line["weights"].startswith(OF_RUN):
        run = config["training"][run_of(line["weights"])]
        own = {"size": run["input_px"], "range": 1, "interpolation": "bilinear"}
        recipe = own | NORMALISATIONS[SEEN_AS[run["images"]]] | given
        check_recipe(recipe, f"config: input of {model}")
        return recipe
    if source.own_input or (config["transform"] == "native" and "native_px" in line):
        own = {"size": int(line["native_px"]), "range": 1, "interpolation": line["native_interpolation"]}
        return own | NORMALISATIONS[line["native_normalisation"]] | given
    recipe = dict(config["input"]) | given
    if config["transform"] == "native":
        if source.published:
            return given
        missing = [key for key in RECIPE if key not in given]
        if missing:
            raise InputError(f"config: models.add.{model}.input: transform: native needs {', '.join(missing)} of its own.")
    check_recipe(recipe, f"config: input of {model}")
    return recipe


def with_sets(models: Mapping[str, Mapping], sets: Mapping[str, Mapping]) -> dict[str, dict]:
    """Return the models and, behind them, those that see another set of the images: MODEL_SET for each set and model.

    Parameters
    ----------
    models : specifications by name
    sets : config: stimuli.sets, `blur` of the images and names of `models`; an empty list means all

    Raises InputError for an unknown model, or a name that is given twice.
    """
    found = dict(models)
    for name, given in sets.items():
        place = f"config: stimuli.sets.{name}"
        for model in given["models"] or models:
            if model not in models:
                raise InputError(f"{place}.models: no model {model!r} is run. {suggest(model, models)}")
            if f"{model}_{name}" in found:
                raise InputError(f"{place}: there is a model {model}_{name} already; choose another name.")
            spec = models[model]
            blur = {key: given[key] for key in ("acuity_cpd", "degrees")}
            own = {"stimulus_set": name, "display_name": f"{spec['display_name']} ({name})"}
            found[f"{model}_{name}"] = {**spec, **own, "input": spec["input"] | {"blur": blur}}
    return found


# --- what a specification tells


def content_key(spec: Mapping) -> dict:
    """Return what of a specification changes a model's numbers: no labels, and contents of files instead of their names."""
    told = {name: value for name, value in spec.items() if name not in (*LABELS, "file")}
    published = spec["weights"] if spec["address"] or spec["file"] is None else None
    return told | {"weights": published, "contents": [_content(file) for file in network_files(spec)]}


def _content(file: str) -> str:
    """Return the hash of a file, or its name as long as the workflow has yet to fetch or make it."""
    return file_hash(file) if Path(file).is_file() else file


def network_files(spec: Mapping) -> list[str]:
    """Return the files that a specification names: of its weights, and of the tables of its MouseNet."""
    return weight_files(spec) + table_files(spec["options"])


def weight_files(spec: Mapping) -> list[str]:
    """Return the file of a network's weights, if it has one."""
    return [spec["file"]] if spec["file"] else []


def table_files(options: Mapping) -> list[str]:
    """Return the files of the tables that a variant of MouseNet names, if it names any."""
    folder = options.get("tables")
    return [f"{folder}/{table}.tsv" for table in MEASURED] if folder else []


def anatomy_files(options: Mapping) -> list[str]:
    """Return the files that a MouseNet is made from: the tables of the paper, and those that its variant names."""
    return sorted(map(str, FOLDER.glob("*.tsv"))) + table_files(options)


def downloads(models: Mapping[str, Mapping]) -> dict[str, dict]:
    """Return address and sha256 of every file of weights that is fetched, by its name in the folder of weights."""
    return {
        Path(spec["file"]).name: {key: spec[key] for key in ("address", "sha256")}
        for spec in models.values()
        if spec["address"]
    }


def architecture(spec: Mapping) -> dict:
    """Return what of a specification makes the network, apart from its weights."""
    own = {key: value for key, value in spec["input"].items() if key in RECIPE}
    return {key: spec[key] for key in ("source", "name", "code", "options")} | {"input": own}


def network_of(spec: Mapping) -> str:
    """Return what the seeds of a random network share: its source, its name, and the set of images if not the original."""
    seen = "" if spec["stimulus_set"] == ORIGINAL else f" ({spec['stimulus_set']})"
    return f"{spec['source']}:{spec['name']}{seen}"


def same_network(models: Mapping[str, Mapping]) -> dict[str, str]:
    """Return for each model the first that has the same network, whatever its weights."""
    first: dict[str, str] = {}
    return {model: first.setdefault(repr(architecture(spec)), model) for model, spec in models.items()}
