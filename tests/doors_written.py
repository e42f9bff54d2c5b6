"""Doors of what people write: the configuration, tables of models and methods, and dataset folders."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import torch
import yaml
from examples import write_dataset, write_similarity
from mutators import Door, any_of, in_json, in_table, in_yaml, raw, whole
from project import merged
from torch import nn

from dormouse.features.keys import kernels_key
from dormouse.inference.contrasts import list_contrasts
from dormouse.methods.images import with_images
from dormouse.methods.table import by_family, left_out, list_methods, stored_kernels
from dormouse.models.registry import list_models, training_spec
from dormouse.models.specification import OF_RUN, run_of, with_sets
from dormouse.recordings.dataset_folder import read_session, read_similarity
from dormouse.recordings.datasets import images_key, open_dataset
from dormouse.run.folder import run_folder
from dormouse.schemas import check, check_layers
from dormouse.stimuli.images import read_images
from dormouse.training.training_key import training_key
from dormouse.written import given_table, read_layers, read_yaml

ROOT = Path(__file__).resolve().parents[1]
BASE = read_yaml(ROOT / "config.yaml")
CONFIG, MODEL, METHOD, CONTRAST = (
    yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text())
    for name in ("config", "models", "methods", "contrasts")
)
CONTRASTS = yaml.safe_load((ROOT / "resources/contrasts.yaml").read_text())
METHODS = yaml.safe_load((ROOT / "resources/methods.yaml").read_text())
ROWS = ("pixels", "gabor", "mousenet-random", "squeezenet1_1-imagenet", "squeezenet1_1-random", "taskonomy-denoising")
OVERLAY = {
    "dataset": "mice",
    "run": "first",
    "areas": ["VISp", "VISl"],
    "response": {"window_s": [0.0, 0.5], "baseline_s": [-0.5, 0.0]},
    "selection": {
        "min_reliability": 0.3,
        "named": {"mine": {"filters": ["reliable"], "select_on": "odd", "score_on": "even"}},
    },
    "thresholds": {"values": [0.1, 0.5]},
    "models": {
        "groups": ["baselines"],
        "include": ["mousenet-random0"],
        "exclude": ["gabor"],
        "seeds": [0, 1],
        "add": {
            "of_file": {"source": "torchvision", "name": "squeezenet1_1", "weights": "mine.pt", "key": "model"},
            "tagged": {
                "source": "timm",
                "name": "resnet18.a1_in1k",
                "input": {"size": 64, "mean": [0, 0, 0], "std": [1, 1, 1]},
            },
            "function": {"source": "python", "name": "mine:build", "files": ["mine.pt"], "input": {"channels": "bgr"}},
            "variant": {"source": "mousenet", "name": "mine", "weights": "trained:run@1"},
            "address": {"source": "dino", "name": "resnet50", "weights": "https://x.org/w.pth", "sha256": "a" * 64},
        },
    },
    "mousenet": {"variants": {"mine": BASE["mousenet"]["variants"]["small"]}, "units": {"n_units": 10}},
    "training": {"run": BASE["training"]["mousenet_digits"] | {"network": {"source": "mousenet", "name": "mine"}}},
    "input": {"size": 64},
    "methods": {
        "run": ["paper", "rsa_spearman"],
        "add": {
            "ours": {"family": "ridge", "kernels": ["srp"], "target": "responses", "settings": {"penalty": 10}},
            "theirs": {"source": "python", "name": "mine:build", "target": "rdm", "files": ["mine.pt"]},
        },
    },
    "contrasts": {
        "exclude": ["taskonomy"],
        "add": {"mine": {"question": "Which?", "kind": "groups", "compare": "family", "among": {"family": ["VGG", "ResNet"]}}},
    },
}


def start(config: Mapping, models: pd.DataFrame, methods: Mapping, contrasts: Mapping = CONTRASTS) -> None:
    """Do what the workflow does when it starts, with what was read."""
    check(config, CONFIG, "config")
    for line, row in zip(models.index, models.to_dict("records"), strict=True):
        check(row, MODEL, f"resources/models.tsv: line {line}")
    check(methods, METHOD, "resources/methods.yaml")
    check(contrasts, CONTRAST, "resources/contrasts.yaml")
    check(config["contrasts"]["add"], CONTRAST, "config: contrasts.add")
    list_contrasts(contrasts, config)
    dataset = open_dataset(config)
    specs = with_sets(list_models(models, config), config["stimuli"]["sets"])
    rows = with_images(list_methods(methods, config, dataset.kind), dataset.stimuli)
    left_out(rows, config["selection"]["named"], dataset.kind, list(dataset.stimuli), dataset.trials)
    stored_kernels(rows)
    by_family(rows)
    run_folder(config, {"name": dataset.name, "title": dataset.title, "kind": dataset.kind})
    images = images_key(dataset, config["stimuli"]["blank"])
    for spec in specs.values():
        kernels_key(spec, images, config)
        if spec["weights"].startswith(OF_RUN):
            run = run_of(spec["weights"])
            training_key(training_spec(run, config), config["training"][run])


def read_models(path: Path) -> pd.DataFrame:
    return given_table(path, separator="\t")


def model_rows() -> pd.DataFrame:
    table = read_models(ROOT / "resources/models.tsv")
    return table[table.model.isin(ROWS)]


def write_configuration(ending: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_dataset(folder / "mice")
        torch.save({"model": nn.Linear(2, 2).state_dict()}, folder / "mine.pt")
        (folder / "mine.py").write_text("def build():\n    return None\n")
        file = folder / f"mine.{ending}"
        file.write_text(json.dumps(OVERLAY) if ending == "json" else yaml.safe_dump(OVERLAY))
        return file

    return write


def read_configuration(file: Path) -> None:
    layers = read_layers([ROOT / "config.yaml", file.name], (), CONFIG)
    check_layers(layers, CONFIG)
    start(merged(layers[0][1], layers[1][1] or {}), model_rows(), METHODS)


def write_entry(folder: Path) -> Path:
    write_dataset(folder / "mice")
    (folder / "entry").write_text(json.dumps(OVERLAY["selection"]))
    return folder / "entry"


def read_entry(file: Path) -> None:
    """Read a text as one that stands behind `--config selection=`; a shell gives no zeros."""
    text = file.read_bytes().replace(b"\0", b"").decode("utf-8", "surrogateescape")
    layers = read_layers([], [f"selection={text}"], CONFIG)
    check_layers(layers, CONFIG)
    start(merged(of_mice(), layers[0][1]), model_rows(), METHODS)


def write_models(folder: Path) -> Path:
    write_dataset(folder / "mice")
    model_rows().to_csv(folder / "models.tsv", sep="\t", index=False)
    return folder / "models.tsv"


def of_mice(**sections: object) -> dict:
    """Return the configuration of a run of the data set `mice` and the pixels."""
    return merged(BASE, {"dataset": "mice", "models": {"groups": [], "include": ["pixels"]}, **sections})


def write_methods(folder: Path) -> Path:
    write_dataset(folder / "mice")
    (folder / "methods.yaml").write_text(yaml.safe_dump(METHODS))
    return folder / "methods.yaml"


def write_contrasts(folder: Path) -> Path:
    write_dataset(folder / "mice")
    (folder / "contrasts.yaml").write_text(yaml.safe_dump(CONTRASTS))
    return folder / "contrasts.yaml"


def in_mice(name: str) -> Callable[[Path], Path]:
    return lambda folder: write_dataset(folder / "mice") / name


def in_alike(name: str) -> Callable[[Path], Path]:
    return lambda folder: write_similarity(folder / "alike", f"../{write_dataset(folder / 'mice').name}/stimuli") / name


def read_mice(file: Path) -> list:
    """Open the data set, and read its images and sessions."""
    dataset = open_dataset(of_mice())
    images_key(dataset, True)
    read_images(dataset.images, dataset.background)
    return [read_session(dataset.source.format(recording=name)) for name in dataset.recordings]


def write_described(folder: Path) -> Path:
    lines = [
        "stimulus,kind,source",
        *(f"image_{k}.png,{'plant' if k % 2 else 'animal'},{'' if k > 5 else 'x'}" for k in range(8)),
    ]
    file = write_dataset(folder / "mice") / "stimuli.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def read_alike(file: Path) -> list:
    dataset = open_dataset(of_mice(dataset="alike"))
    return [read_similarity(file.parent / "similarity.npz", area) for area in dataset.areas]


TEXT = (raw, whole)
WRITTEN = {
    "configuration.yaml": Door(
        write_configuration("yaml"),
        any_of(in_yaml, in_yaml, in_yaml, *TEXT),
        read_configuration,
        named=r"^(mine\.yaml|config|mice)",
    ),
    "configuration.json": Door(
        write_configuration("json"),
        any_of(in_json, in_json, in_json, *TEXT),
        read_configuration,
        named=r"^(mine\.json|config|mice)",
    ),
    "entry of --config": Door(write_entry, any_of(in_json, in_json, *TEXT), read_entry, named="--config|config"),
    "models.tsv": Door(
        write_models,
        any_of(in_table("\t"), in_table("\t"), *TEXT),
        lambda file: start(of_mice(), read_models(file), METHODS),
        named=r"models\.tsv|^config: models",
    ),
    "methods.yaml": Door(
        write_methods,
        any_of(in_yaml, in_yaml, *TEXT),
        lambda file: start(of_mice(), model_rows(), read_yaml(file)),
        named=r"methods\.yaml|method",
    ),
    "contrasts.yaml": Door(
        write_contrasts,
        any_of(in_yaml, in_yaml, *TEXT),
        lambda file: start(of_mice(), model_rows(), METHODS, read_yaml(file)),
        named=r"contrasts\.yaml|contrasts",
    ),
    "dataset.yaml": Door(
        in_mice("dataset.yaml"), any_of(in_yaml, in_yaml, *TEXT), read_mice, named=r"dataset\.yaml|^mice.*: no images"
    ),
    "neurons.csv": Door(in_mice("neurons.csv"), any_of(in_table(","), in_table(","), *TEXT), read_mice),
    "stimuli.csv": Door(
        write_described,
        any_of(in_table(","), in_table(","), *TEXT),
        lambda file: open_dataset(of_mice()).stimuli,
    ),
}
