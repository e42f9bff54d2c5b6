"""Shared by all rules: the checked configuration, the data set, the models, and the code that a script rests on."""

import ast
import os
import re
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import pandas as pd
import yaml

# a job runs on the cores that it declares; without this numpy would take all of them
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(workflow.basedir)
# one line that reaches every job, so that the package need not be installed
sys.path.insert(0, str(ROOT / "src"))

from dormouse.models.registry import (
    LABELS,
    OF_RUN,
    TRAINED,
    WEIGHTS,
    architecture,
    downloads,
    list_models,
    network_files,
    run_of,
    same_network,
    table_files,
    training_spec,
)
from dormouse.mousenet.anatomy import FOLDER
from dormouse.recordings.datasets import open_dataset
from dormouse.recordings.nwb import is_address
from dormouse.schemas import check
from dormouse.selection import preset
from dormouse.tables import read_table

CONFIG_SCHEMA, MODEL_SCHEMA = (
    yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text()) for name in ("config", "models")
)
check(config, CONFIG_SCHEMA, "config")
model_rows = pd.read_csv(ROOT / "resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
check(model_rows.to_dict("records"), {"items": MODEL_SCHEMA}, "resources/models.tsv")

DATASET = open_dataset(config)
SELECTION = config["selection"]
PRESET = preset(SELECTION)
MODELS = list_models(model_rows, config)
DOWNLOADS, SAME_NETWORK = downloads(MODELS), same_network(MODELS)
METRICS = {"responses": ["rsa", "ridge"], "similarity": ["rsa"]}[DATASET.kind]

RESULTS = f"results/{DATASET.name}"
TITLE = f"{DATASET.name} (simulated neurons)" if DATASET.name == "demo" else DATASET.name
# a data set of similarities has no neurons to list, and no trials to estimate a ceiling from
NEURONS, CEILINGS, COUNTS, THRESHOLDS = (
    [f"{RESULTS}/tables/{table}.parquet"] if DATASET.kind == "responses" else []
    for table in ("neurons", "ceilings", "selection_counts", "thresholds")
)
SERVICE_METRICS = (
    [f"{RESULTS}/tables/cell_metrics.parquet"] if DATASET.name == "allen" and SELECTION["metrics"] == "service" else []
)
FIGURES = expand(f"{RESULTS}/figures/scores_{{metric}}.{{ending}}", metric=METRICS, ending=["pdf", "png"])
FIGURES += expand(f"{RESULTS}/figures/thresholds.{{ending}}", ending=["pdf", "png"]) if THRESHOLDS else []


wildcard_constraints:
    recording=r"[\w.-]+",
    area="|".join(DATASET.areas),
    model="|".join(map(re.escape, MODELS)),
    metric="|".join(METRICS),
    preset="|".join(map(re.escape, config["mousenet"]["presets"])),
    run="|".join(map(re.escape, config["training"])) or "none",


def recordings():
    """Return the names of all recordings; the Allen service is asked for its own."""
    if DATASET.recordings is None:
        listed = read_table("recordings", checkpoints.list_recordings.get().output[0])
        return list(listed.recording[listed.used])
    return DATASET.recordings


def stimulus_sources():
    """Return the files of the images, or the path or address of the first recording, which holds them."""
    return DATASET.images or expand(DATASET.source, recording=recordings()[:1])


@cache
def code(script):
    """Return the hash of a script and of every file of the package that it reaches by import.

    As a parameter it makes a job run again when its code changed, and for no other change of code.
    """
    found, todo = {}, [f"workflow/scripts/{script}.py"]
    while todo:
        name = todo.pop()
        if name not in found:
            text = (ROOT / name).read_bytes()
            found[name] = sha256(text).hexdigest()[:16]
            todo += imported(text)
    return dict(sorted(found.items()))


def imported(text):
    """Return the files of the package that a module imports, each by `from dormouse.x import y`."""
    modules = [
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "dormouse"
        for name in [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    ]
    files = [f"src/{name.replace('.', '/')}.py" for name in modules]
    return [file for file in files if (ROOT / file).is_file()]
