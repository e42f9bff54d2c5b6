"""The columns, types and units of every table, and their reading and writing as parquet.

A table's schema travels inside its file: each parquet column carries its description as metadata.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

from dormouse.errors import InputError
from dormouse.files import atomic

WHOLE = "all"  # the cortical layer of a site that is a whole area

STRING, FLOAT, INT, BOOL = pa.string(), pa.float64(), pa.int64(), pa.bool_()

NEURON = {
    "recording": (STRING, "recording (session) that the neuron was seen in"),
    "neuron": (STRING, "id of the neuron, unique within its recording"),
    "animal": (STRING, "id of the animal"),
    "area": (STRING, "cortical area, Allen acronym"),
    "cortical_layer": (STRING, "cortical layer: 2/3, 4, 5, 6, or empty where unknown"),
}
SITE = {
    "area": (STRING, "cortical area, Allen acronym"),
    "cortical_layer": (STRING, "cortical layer of the site, or 'all' for the whole area"),
}
LAYER = {
    "preset": (STRING, "method of scoring: paper"),
    "model": (STRING, "network with one set of weights"),
    "layer": (STRING, "layer of the network, class name and running number"),
    "layer_index": (INT, "place of the layer in the order of computation, from 1"),
    "layer_depth": (FLOAT, "layer_index / number of layers, 0 to 1"),
    "block": (STRING, "outermost module of the network, containers apart, that the layer lies in"),
    "block_depth": (FLOAT, "place of the block / number of blocks, 0 to 1; comparable between versions of a library"),
    "n_features": (INT, "features of the layer for one image"),
}
LAYER_ARRAYS = ("layer", "block", "n_features", "blocks")  # what it takes, of a model's file of kernels
MEASURE = {
    "metric": (STRING, "rsa or ridge"),
    "variant": (STRING, "rsa: correlation between RDMs, pearson or spearman; ridge: kernel of the predictors, srp or zscore"),
}
N_NEURONS = {"n_neurons": (INT, "neurons behind the score; missing where the data set gives similarities only")}
SCORE = {
    "score": (
        FLOAT,
        "rsa: correlation between RDMs; ridge: Pearson r of left-out prediction and response; missing where one does not vary",
    )
}

RELIABILITY = NEURON | {
    "depth_um": (FLOAT, "depth of the imaging plane below the pia, micrometres; missing where unknown"),
    "cre_line": (STRING, "transgenic driver line, or empty where unknown"),
    "excitatory": (BOOL, "whether the driver line labels excitatory cells; missing where unknown"),
    "n_trials": (INT, "trials of the stimulus that has fewest"),
    "reliability": (FLOAT, "split-half reliability over stimuli, Spearman-Brown corrected; missing where undefined"),
    "split_half_r": (FLOAT, "the same without the correction: mean r of two halves; missing where undefined"),
    "oracle_r": (FLOAT, "r of a trial with the mean of the others, mean over trials; missing where undefined"),
    "scored_reliability": (FLOAT, "reliability of the trials that are scored; missing where undefined"),
    "scored_r": (FLOAT, "split_half_r of the trials that are scored; missing where undefined"),
    "scored_r_sem": (FLOAT, "standard error of scored_r over splits; missing where undefined or of one split"),
    "p_ns": (FLOAT, "p of an ANOVA over all that was shown; missing where undefined"),
    "p_run_mod_ns": (FLOAT, "p that running changes the response to the preferred scene; missing where it cannot be tested"),
    "metrics": (STRING, "where p_ns and p_run_mod_ns come from: computed, from the trials, or service, as published"),
}
FILTER = {
    "excitatory": (BOOL, "whether cells of inhibitory lines are left out"),
    "running": (BOOL, "whether cells that running modulates are left out"),
    "responsive": (BOOL, "whether cells that do not respond to the scenes are left out"),
    "reliable": (STRING, "of which reliability the limit is: spearman-brown or plain; empty for no limit"),
}
SPLIT_HALF = {
    "split_half_r": (FLOAT, "correlation of two halves of the trials, mean over splits; missing where undefined"),
    "split_half_sem": (FLOAT, "its standard error over splits; missing where undefined, of one split, or a mean over neurons"),
}

TABLES = {
    "recordings": {
        "recording": (STRING, "id of the session, as published"),
        "container": (STRING, "id of the container: the sessions of one imaging plane, whose cells were matched"),
        "animal": (STRING, "id of the animal"),
        "area": (STRING, "cortical area, Allen acronym"),
        "depth_um": (FLOAT, "depth of the imaging plane below the pia, micrometres"),
        "cre_line": (STRING, "transgenic driver line, or empty"),
        "failed": (BOOL, "whether the container failed quality control"),
        "used": (BOOL, "whether the recording is read"),
        "reason": (STRING, "why it is left out, or empty"),
    },
    "cell_metrics": {
        "neuron": (STRING, "id of the cell, the same in all recordings of its container"),
        "p_ns": (FLOAT, "published p of an ANOVA over all that was shown; missing where there is none"),
        "p_run_mod_ns": (FLOAT, "published p that running changes the preferred response; missing where there is none"),
    },
    "reliability": RELIABILITY,
    "neurons": RELIABILITY
    | {
        "kept": (BOOL, "whether the neuron enters the populations"),
        "reason": (STRING, "why it was left out, or empty"),
    },
    "selection_counts": FILTER
    | {
        "area": (STRING, "cortical area, or 'all'"),
        "cortical_layer": (STRING, "cortical layer of the site, or 'all' for the whole area"),
        "n_neurons": (INT, "neurons that pass this combination of filters; a cell of several recordings counts once"),
        "at_least": (INT, "lowest number that agrees with what is published; missing where nothing is known"),
        "at_most": (INT, "highest number that agrees with what is published; missing where nothing is known"),
        "agrees": (BOOL, "whether the number lies between these; missing where nothing is known"),
    },
    "thresholds": SITE
    | {
        "threshold": (FLOAT, "lowest reliability of the neurons"),
        "n_neurons": (INT, "neurons that reach it"),
        "instance": (
            STRING,
            "what is correlated: matrix, the RDMs; image, the population's responses to one image, mean over images",
        ),
    }
    | SPLIT_HALF,
    "ceilings": SITE
    | {
        "recording": (STRING, "recording of the neuron; missing where the row is of a site"),
        "neuron": (STRING, "the neuron; missing where the row is of a site"),
        "metric": (STRING, "the score that the ceiling belongs to: rsa or ridge"),
        "estimator": (STRING, "how the ceiling was estimated"),
        "n_neurons": (INT, "neurons behind the row"),
    }
    | SPLIT_HALF
    | {
        "inter_animal": (
            FLOAT,
            "rsa: r of the RDM of one animal with that of the others; ridge: r of prediction from the neurons of the others, "
            "left-out; missing where there are no others",
        ),
        "ceiling": (FLOAT, "highest expected correlation of a noise-free prediction with the data"),
    },
    "neuron_scores": LAYER | NEURON | MEASURE | SCORE,
    "scores": LAYER | SITE | MEASURE | N_NEURONS | SCORE,
    "best_layers": LAYER
    | SITE
    | MEASURE
    | N_NEURONS
    | SCORE
    | {"choice": (STRING, "how the layer was chosen: same_data, the highest score on the data that is reported")},
    "models": {
        "model": (STRING, "network with one set of weights"),
        "display_name": (STRING, "name in figures"),
        "group": (STRING, "group in the configuration"),
        "family": (STRING, "family of architectures, or empty"),
        "architecture": (STRING, "Convolutional, Transformer, MLP-Mixer or None, or empty where not told"),
        "task": (STRING, "what the network was trained to do, or empty"),
        "task_cluster": (STRING, "cluster of tasks (Taskonomy), or empty"),
        "training_data": (STRING, "images that it was trained on, or empty"),
        "imagenet_top1": (FLOAT, "accuracy on ImageNet, percent, as published; missing where none is"),
        "source": (STRING, "library or origin of the network"),
        "name": (STRING, "name within the source"),
        "weights": (STRING, "random, none, the published name of the weights, or their file or address"),
        "address": (STRING, "where the weights were fetched, or empty"),
        "sha256": (STRING, "published SHA-256 of the file of weights or its first digits, checked when fetched; or empty"),
        "weights_sha256": (STRING, "SHA-256 of all parameters and buffers as loaded"),
        "transform_sha256": (STRING, "SHA-256 of three fixed images as the network sees them"),
        "fingerprint": (STRING, "first five outputs for each of three fixed images, JSON"),
        "trained_share": (
            FLOAT,
            "share of tensors that differ in distribution from a random twin; missing where not called trained",
        ),
        "seed": (INT, "seed of random weights; missing where there are none"),
        "input": (STRING, "preprocessing of the images, JSON"),
        "precision": (STRING, "type of the numbers that the network was run in: float32, float16 or bfloat16"),
        "n_layers": (INT, "layers with distinct output"),
        "n_features": (INT, "features of all layers for one image"),
        "n_parameters": (INT, "trainable parameters"),
        "stimuli_sha256": (STRING, "SHA-256 of the images as shown to the network"),
        "versions": (STRING, "versions of the libraries at extraction, JSON"),
    },
    "zoo": {
        "model": (STRING, "network with one set of weights"),
        "checked": (STRING, "model that was built and run in its place: the same network, with random weights"),
        "n_layers": (INT, "layers with distinct output; missing where it failed"),
        "n_features": (INT, "features of all layers for one image; missing where it failed"),
        "n_parameters": (INT, "parameters of the network as built; missing where it failed"),
        "n_fixed": (INT, "tensors of parameters that the library sets without chance; missing where it failed"),
        "forecast_mib": (INT, "forecast of the memory that extraction from 119 images takes, MiB; missing where it failed"),
        "runs": (FLOAT, "runs of each image that this takes, 1 where one pass fits; missing where it failed"),
        "seconds": (FLOAT, "time of the check"),
        "ok": (BOOL, "whether it was built, ran, and is the same again from the same seed"),
        "error": (STRING, "what is wrong, or empty"),
    },
}


def optional(name: str) -> set[str]:
    """Return the columns of a table in which a missing value has a meaning: those whose description says which."""
    return {column for column, (_, text) in TABLES[name].items() if "missing" in text}


def schema(name: str) -> pa.Schema:
    """Return the arrow schema of the table `name`, with descriptions as field metadata."""
    return pa.schema(
        [
            pa.field(column, kind, nullable=column in optional(name), metadata={"description": text})
            for column, (kind, text) in TABLES[name].items()
        ],
        metadata={"table": name},
    )


def write_table(name: str, table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` as the parquet table `name`, columns in the order of its schema.

    Raises ValueError where columns, types or missing values do not fit the schema.
    """
    expected = list(TABLES[name])
    if set(table.columns) != set(expected):
        raise ValueError(
            f"table {name}: missing columns {sorted(set(expected) - set(table.columns))}, "
            f"unknown columns {sorted(set(table.columns) - set(expected))}"
        )
    empty = [column for column in expected if column not in optional(name) and table[column].isna().any()]
    if empty:
        raise ValueError(f"table {name}: missing values in {', '.join(empty)}")
    text = [column for column in expected if TABLES[name][column][0] in (FLOAT, INT) and not is_numeric_dtype(table[column])]
    if text:
        raise ValueError(f"table {name}: no numbers in {', '.join(text)}")
    try:
        arrow = pa.Table.from_pandas(table[expected], schema=schema(name), preserve_index=False)
    except pa.ArrowException as error:
        raise ValueError(f"table {name}: {error}") from error
    with atomic(path) as temporary:
        pq.write_table(arrow.replace_schema_metadata({"table": name}), temporary)


def write_by_area(name: str, table: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Write the rows of each area as a table `name` of its own; the folder of a path says which area."""
    for path in paths:
        write_table(name, table[table.area == Path(path).parent.name], path)


def read_table(name: str, path: str | Path) -> pd.DataFrame:
    """Read the parquet table `name`; raises InputError where `path` holds another table."""
    try:
        arrow = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}).") from error
    if not arrow.schema.equals(schema(name)):
        raise InputError(f"{path}: not a table '{name}' of this version; remove the file and run again.")
    return arrow.to_pandas()


def read_tables(name: str, paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read and stack parquet files of the table `name`, in the order of `paths`; without any, return an empty table."""
    if not paths:
        return schema(name).empty_table().to_pandas()
    return pd.concat([read_table(name, path) for path in paths], ignore_index=True)


def layer_table(layer: np.ndarray, block: np.ndarray, n_features: np.ndarray, blocks: np.ndarray) -> pd.DataFrame:
    """Return name, place, depth, block and size of a network's layers in order of computation, a row a layer.

    Parameters
    ----------
    layer, block, n_features : (n_layers,)
    blocks : (n_blocks,), all that ran, in order; some may have no layer
    """
    index = np.arange(1, len(layer) + 1)
    place = {name: k for k, name in enumerate(blocks, start=1)}
    return pd.DataFrame(
        {
            "layer": layer,
            "layer_index": index,
            "layer_depth": index / len(layer),
            "block": block,
            "block_depth": np.array([place[name] for name in block]) / len(blocks),
            "n_features": n_features,
        }
    )


def cross(rows: pd.DataFrame, columns: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Return a matrix of scores (n_rows, n_columns) as a long table: each row of `rows` with each row of `columns`.

    Text becomes categorical, so that a table of millions of rows is made in no time.
    """
    places = np.indices(scores.shape).reshape(2, -1)
    parts = zip((rows, columns), places, strict=True)
    values = {name: _taken(table[name], place) for table, place in parts for name in table.columns}
    return pd.DataFrame(values | {"score": scores.ravel()})


def _taken(values: pd.Series, places: np.ndarray):
    if is_numeric_dtype(values):
        return values.array.take(places)
    codes, categories = pd.factorize(values)
    return pd.Categorical.from_codes(codes[places], categories)
