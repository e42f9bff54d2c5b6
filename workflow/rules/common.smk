"""Shared by all rules: the checked configuration, the data set, the models, and the code that a script rests on."""

import os
import re
import sys
from pathlib import Path

import pandas as pd
import yaml

# a job runs on the cores that it declares; without this numpy would take all of them
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(workflow.basedir)
# the package beside this workflow, here and in every job, whichever is installed
sys.path.insert(0, str(ROOT / "src"))
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT / "src"), os.getenv("PYTHONPATH")])))

from dormouse.code import script_code
from dormouse.contents import file_hash, is_made
from dormouse.lock import lock_results
from dormouse.methods.labels import method_label, selection_label
from dormouse.models.registry import LABELS, OF_RUN, TRAINED, WEIGHTS, list_models, run_of, training_spec
from dormouse.models.specification import (
    anatomy_files,
    architecture,
    content_key,
    downloads,
    network_files,
    same_network,
    table_files,
    weight_files,
)
from dormouse.mousenet.anatomy import FOLDER
from dormouse.recordings.datasets import open_dataset
from dormouse.recordings.nwb import is_address
from dormouse.schemas import check, check_layers, read_layers
from dormouse.neurons.selection import preset
from dormouse.tables import read_table
from dormouse.training.epoch_files import epoch_file
from dormouse.training.run_key import training_key

CONFIG_SCHEMA, MODEL_SCHEMA = (
    yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text()) for name in ("config", "models")
)
# the files of the command line, which Snakemake lists before config.yaml, are laid over it
given, entries = workflow.config_settings.configfiles, workflow.config_settings.config_args
check_layers(read_layers([*workflow.configfiles[len(given) :], *given], entries or ()), CONFIG_SCHEMA)
check(config, CONFIG_SCHEMA, "config")
model_rows = pd.read_csv(ROOT / "resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
for line, row in enumerate(model_rows.to_dict("records"), start=2):
    check(row, MODEL_SCHEMA, f"resources/models.tsv: line {line}")

DATASET = open_dataset(config)
SELECTION = config["selection"]
PRESET = preset(SELECTION)
MODELS = list_models(model_rows, config)
DOWNLOADS, SAME_NETWORK = downloads(MODELS), same_network(MODELS)
METRICS = {"responses": ["rsa", "ridge"], "similarity": ["rsa"]}[DATASET.kind]
# of each metric, the variant that figures of all models and the report show
SHOWN = {metric: {"rsa": "pearson", "ridge": config["method"]["predictors"][0]}[metric] for metric in METRICS}
SELECTED = selection_label(config) if DATASET.kind == "responses" else ""  # where there are neurons to select

RESULTS = f"results/{DATASET.name}"
TITLE = f"{DATASET.name} (simulated neurons)" if DATASET.name == "demo" else DATASET.name
TITLE += f", selection {SELECTED}" if SELECTED not in ("", "paper") else ""
# a data set of similarities has no neurons to list, and no trials to estimate a ceiling from
NEURONS, CEILINGS, COUNTS, THRESHOLDS = (
    [f"{RESULTS}/tables/{table}.parquet"] if DATASET.kind == "responses" else []
    for table in ("neurons", "ceilings", "selection_counts", "thresholds")
)
# what the service publishes rests on all trials, also on those that a selection by a part of them leaves for scoring
PUBLISHED = DATASET.name == "allen" and SELECTION["metrics"] == "service" and PRESET["select_on"] == "all"
SERVICE_METRICS = [f"{RESULTS}/tables/cell_metrics.parquet"] if PUBLISHED else []
PUBLISHED_COUNTS = [str(ROOT / "resources/published_counts.tsv")] if DATASET.name == "allen" else []
OF_MOUSENET = [model for model, spec in MODELS.items() if spec["source"] == "mousenet"]
RUNS = sorted({run_of(spec["weights"]) for spec in MODELS.values() if spec["weights"].startswith(OF_RUN)})
DISTANCES = [f"{RESULTS}/tables/unit_distances.parquet"] if OF_MOUSENET and DATASET.kind == "responses" else []


wildcard_constraints:
    recording=r"[\w.-]+",
    area="|".join(DATASET.areas),
    model="|".join(map(re.escape, MODELS)),
    metric="|".join(METRICS),
    variant="|".join(map(re.escape, config["mousenet"]["variants"])),
    run="|".join(map(re.escape, config["training"])) or "none",


# from here on no other run may work in this folder
onstart:
    lock_results("results")


def recordings():
    """Return the names of all recordings; the Allen service is asked for its own."""
    if DATASET.recordings is None:
        listed = read_table("recordings", checkpoints.list_recordings.get().output[0])
        return list(listed.recording[listed.used])
    return DATASET.recordings


def stimulus_sources():
    """Return the files of the images, or the path or address of the first recording, which holds them."""
    return DATASET.images or expand(DATASET.source, recording=recordings()[:1])


# A job runs again when its parameters changed: settings, the code of its script, and the contents of files that a user gives.
# Their times and places say nothing, so these files are `ancient`; between results it is contents that count, too (profiles).
# Snakemake does not compare a parameter that is a function of `input`, so none here is.
def code(script):
    """Return what gives, as a parameter, a hash of the code that a script rests on."""
    return lambda wildcards: script_code(ROOT / f"workflow/scripts/{script}.py")


def contents(files):
    """Return name and hash of each file that a user gives; addresses, and files that the workflow makes, are left out."""
    return [(Path(file).name, file_hash(file)) for file in files if not is_address(file) and not is_made(file)]


def timeless(files):
    """Return files as inputs, those that a user gives without their times; addresses are no files."""
    return [file if is_made(file) else ancient(file) for file in files if not is_address(file)]


def epochs_of(run):
    """Return the folder of a run's epochs. What changes its weights changes the folder, so that no epoch is thrown away.

    The folder tells the contents of images and tables, too, so that as a parameter it makes a job run again if they changed.
    It is found when the run is wanted, because images may be many.
    """
    return f"{TRAINED}/{run}/{training_key(training_spec(run, config), config['training'][run])}"


def epoch_or_run(wildcards):
    """Return the file of an epoch where it is there, so that more epochs of its run do not touch it; else its run's history."""
    file = epoch_file(epochs_of(wildcards.run), int(wildcards.epoch))
    return str(file) if file.is_file() else f"{TRAINED}/{wildcards.run}.parquet"
