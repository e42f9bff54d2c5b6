"""Doors of what a run wrote itself: read as it was written, or not at all."""

import contextlib
import io
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from random import Random

import kernel_files
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from array_mutators import in_npz
from doors_given import network
from examples import write_dataset
from kernel_files import read_kernel
from mutators import NAMES, Door, any_of, in_json, raw, whole
from weight_mutators import in_checkpoint, in_safetensors

from dormouse.content_hash import CACHE, UNSETTLED_NS, file_hash
from dormouse.features.kernels import read_layers, read_provenance
from dormouse.models.checkpoints import read_state
from dormouse.recordings.dataset_folder import read_session
from dormouse.recordings.trials import read_recording, write_recording
from dormouse.run.folder import RECORD, record_run, run_folder
from dormouse.stimuli.images import read_hashes, read_images, read_stimuli, write_stimuli
from dormouse.tables import read_table, table_name, write_table
from dormouse.training.epoch_files import epoch_file, hand_out
from dormouse.training.resume import LAST, last_whole, resume, write_epoch

DATASET = {"name": "mice", "title": "Mice", "kind": "responses"}
RECORDINGS = {"recording": ["1", "2"], "container": ["3", "3"], "animal": ["m1", "m2"], "area": ["VISp", "VISl"]}
RECORDINGS |= {
    "depth_um": [175.0, 275.0],
    "cre_line": ["Cux2", ""],
    "failed": [False] * 2,
    "used": [True] * 2,
    "reason": [""] * 2,
}


def write_parquet(folder: Path) -> Path:
    write_table("recordings", pd.DataFrame(RECORDINGS), folder / "table.parquet")
    return folder / "table.parquet"


def read_parquet(file: Path) -> str:
    return table_name(file) + read_table("recordings", file).to_csv()


def in_parquet(content: bytes, rng: Random) -> bytes:
    """Change a column of a table, its type or its name, or what stands beside the table, and write it anew."""
    table = pq.read_table(io.BytesIO(content))
    k, told = rng.randrange(table.num_columns), dict(table.schema.metadata)
    match rng.choice(["values", "type", "name", "remove", "again", "told", "rows"]):
        case "values":
            table = table.set_column(k, table.schema.field(k), pa.array([None] * len(table), table.schema.field(k).type))
        case "type":
            other = rng.choice([pa.array([1, 2]), pa.array([[1], []]), pa.array([b"x", b""]), pa.array(["a", None])])
            table = table.set_column(k, table.column_names[k], other)
        case "name":
            table = table.rename_columns([*table.column_names[:k], rng.choice(NAMES), *table.column_names[k + 1 :]])
        case "remove":
            table = table.remove_column(k)
        case "again":
            table = table.append_column(table.column_names[k], table.column(k))
        case "told":
            told[rng.choice([b"table", b"digest"])] = rng.choice([b"", b"x", b"scores", b"\xff"])
        case "rows":
            table = table.slice(0, rng.choice([0, 1]))
    held = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(told), held)
    return held.getvalue()


def write_kernels(folder: Path) -> Path:
    return kernel_files.write(folder, kernel_files.make_arrays(2, 5), ["centred"])["centred"]


def read_kernels(file: Path) -> str:
    arrays = {"provenance": np.array(str(read_provenance(file)))} | read_kernel(file)
    return read_layers(file).to_csv() + printed(arrays)


def printed(arrays: Mapping) -> str:
    """Return arrays or tensors as text, with all their bits."""
    values = {name: np.asarray(value) for name, value in arrays.items()}
    return str({name: (value.dtype.str, value.shape, value.tobytes()) for name, value in sorted(values.items())})


def write_trials(folder: Path) -> Path:
    write_recording(folder / "recording.npz", read_session(write_dataset(folder / "mice") / "responses" / "one.npz"))
    return folder / "recording.npz"


def write_images(folder: Path) -> Path:
    write_stimuli(folder / "stimuli.npz", read_images(sorted((write_dataset(folder / "mice") / "stimuli").iterdir())))
    return folder / "stimuli.npz"


def read_record(file: Path) -> str:
    return run_folder({"run": "first"}, DATASET)


def write_record(folder: Path) -> Path:
    record_run(folder / "results" / "first", DATASET)
    return folder / "results" / "first" / RECORD


def write_training(folder: Path) -> Path:
    """Write the state after two epochs."""
    trained = network()
    optimizer, history = torch.optim.SGD(trained.parameters(), lr=0.1, momentum=0.9), []
    for epoch in range(2):
        trained[0](torch.ones(1, 3, 4, 4)).sum().backward()
        optimizer.step()
        history.append({"epoch": epoch, "code": "abc", "loss": 0.5})
        write_epoch(trained, optimizer, history, {"abc": {"loop.py": "0"}}, folder)
    return folder / LAST


def read_training(file: Path) -> None:
    """A damaged state is not used: training resumes before it."""
    stored = last_whole(file.parent)
    assert [row["epoch"] for row in stored["history"]] in ([0, 1], [0])
    resume(network(), torch.optim.SGD(network().parameters(), lr=0.1, momentum=0.9), stored, file.parent)


def write_weights(folder: Path) -> Path:
    write_training(folder)
    return epoch_file(folder, 1)


def read_epoch(file: Path) -> str:
    hand_out(file, "weights.safetensors")
    return printed(read_state("weights.safetensors")[0])


def write_hashes(folder: Path) -> Path:
    """Write the cache of the hashes of contents, with one file in it."""
    (folder / "some.txt").write_text("some")
    os.utime(folder / "some.txt", (1, 1))
    time.sleep(UNSETTLED_NS / 1e9 + 0.1)
    with contextlib.chdir(folder):
        file_hash("some.txt")
    return folder / CACHE


MADE = {
    "table.parquet": Door(write_parquet, any_of(in_parquet, raw, raw), read_parquet, made=True),
    "kernels.npz": Door(write_kernels, any_of(in_npz, raw, raw), read_kernels, made=True),
    "recording.npz": Door(
        write_trials, any_of(in_npz, raw, raw), lambda file: printed(asdict(read_recording(file))), made=True
    ),
    "stimuli.npz": Door(
        write_images, any_of(in_npz, raw, raw), lambda file: printed(asdict(read_stimuli(file)) | read_hashes(file)), made=True
    ),
    "run.json": Door(write_record, any_of(in_json, raw, raw, whole), read_record, made=True),
    "resume.pt": Door(write_training, any_of(in_checkpoint, raw, raw), read_training),
    "epoch.safetensors": Door(write_weights, any_of(in_safetensors, raw, raw), read_epoch, made=True),
    "contents.sqlite": Door(write_hashes, raw, lambda file: file_hash("some.txt"), made=True),
}
