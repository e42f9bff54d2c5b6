"""Doors of what others made: arrays, images, recordings, answers of the Allen service, connectomes, weights and code."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import nrrd
import numpy as np
import pandas as pd
import torch
from array_mutators import in_hdf5, in_image, in_npz
from doors_written import ROOT, TEXT, in_alike, in_mice, read_alike, read_mice
from examples import write_recording
from mutators import Door, any_of, in_json, in_table, raw
from observatory import experiment
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from weight_mutators import in_checkpoint, in_safetensors

from dormouse.models.checkpoints import fit, read_state
from dormouse.models.user import user_code
from dormouse.mousenet.anatomy import MEASURED, Anatomy, Options, read_anatomy
from dormouse.mousenet.connectome import Connectome
from dormouse.mousenet.connectome_files import read_connectome
from dormouse.recordings.allen import list_recordings, read_cell_metrics, read_event_files
from dormouse.recordings.readers import read_nwb, read_scenes, session_area
from dormouse.stimuli.images import read_images
from dormouse.training.images import read_colours

RESPONSE = {"measure": "dff", "window_s": [0.0, 0.5], "baseline_s": None}
FILTERS = {"include_failed": False, "cre_lines": [], "depths_um": [0, 1000], "recordings": [], "exclude": []}
NODES = pd.DataFrame([("LGNd", "", 0), ("VISp", "4", 1)], columns=["area", "layer", "level"])


def write_image(ending: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pixels = np.random.default_rng(0).integers(0, 256, (24, 32), np.uint8)
        Image.fromarray(pixels).save(folder / f"image.{ending}")
        return folder / f"image.{ending}"

    return write


def read_image(file: Path) -> None:
    """Read an image as a stimulus, and as one to train on if it is none."""
    read_images([file], background=None if len(file.read_bytes()) % 2 else 127)
    read_colours(file)


def read_nwb_1_or_2(file: Path) -> list:
    session_area(file)
    read_scenes(file, blank=True)
    return [read_nwb(file, RESPONSE | {"measure": measure}) for measure in ("dff", "sweep")]


def write_nwb2(folder: Path) -> Path:
    from nwb2_file import numbers, write

    session = numbers()
    return write(folder / "session.nwb", session, stored=np.where(session["image"] < 0, 2**32 - 1, session["image"]))


def write_events(folder: Path) -> Path:
    recording = write_recording(folder / "900000000.nwb")
    n_frames = read_nwb(recording, RESPONSE).response.size and 0
    import h5py

    with h5py.File(recording) as file:
        shape = file["processing/brain_observatory_pipeline/DfOverF/imaging_plane_1/data"].shape
    np.savez(folder / "events.npz", ev=np.zeros(shape) + n_frames)
    return folder / "events.npz"


def write_answer(name: str, answer: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(json.dumps(answer))
        return folder / name

    return write


def write_connectome(name: str) -> Callable[[Path], Path]:
    """Write a brain of a few voxels, all of layer 4 of VISp, in the published formats."""

    def write(folder: Path) -> Path:
        annotation = np.zeros((3, 3, 4), np.uint32)
        annotation[1] = 7
        nrrd.write(str(folder / "annotation_100.nrrd"), annotation)
        paths = {"root": "/997/", "VIS": "/997/669/", "VISp": "/997/669/385/", "VISp4": "/997/669/385/7/"}
        rows = [{"acronym": acronym, "structure_id_path": path} for acronym, path in paths.items()]
        (folder / "structures.json").write_text(json.dumps({"msg": rows}))
        for part, hemisphere in (("source", 2), ("target", 3)):
            mask = {"structure_ids": [669], "hemisphere_id": hemisphere}
            (folder / f"{part}_mask_params.json").write_text(json.dumps(mask))
        for table, shape in (("weights", (6, 2)), ("nodes", (2, 12))):
            text = pd.DataFrame(np.arange(np.prod(shape)).reshape(shape) / 7).to_csv(header=False, index=False)
            (folder / f"{table}.csv.gz").write_bytes(gzip.compress(text.encode()))
        return folder / name

    return write


def read_brain(file: Path) -> Connectome:
    return read_connectome(file.parent, NODES)


def read_tables(file: Path) -> Anatomy:
    return read_anatomy(Options(tables="."))


def in_gzip(mutate):
    return lambda content, rng: gzip.compress(mutate(gzip.decompress(content), rng))


def write_anatomy(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for table in MEASURED:
            (folder / f"{table}.tsv").write_bytes((ROOT / f"resources/mousenet/{table}.tsv").read_bytes())
        return folder / f"{name}.tsv"

    return write


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(8, 2))


def write_checkpoint(folder: Path) -> Path:
    torch.save(network().state_dict(), folder / "weights.pt")
    return folder / "weights.pt"


def write_safetensors(folder: Path) -> Path:
    save_file(network().state_dict(), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def read_weights(file: Path) -> None:
    """Read a file of weights and load it, as `build` does, which adds the name of the file to the error."""
    from dormouse.models import build, loaders

    loaders.LOADERS["small"] = lambda name, state, **options: network() if state is None else fit(network(), state)
    build.build_with_key({"file": file.name, "source": "small", "name": "small", "seed": None})
    read_state(file)


def write_code(folder: Path) -> Path:
    (folder / "helper.py").write_text("SIZE = 3\n")
    file = folder / "mine.py"
    file.write_text(
        '"""A network."""\n\nimport os\n\nfrom helper import SIZE\n\n\ndef build():\n    return os.name, f"{SIZE}"\n'
    )
    return file


# what names the file, or one that does not fit to it
OF_BRAIN = r"structures\.json|_mask_params|annotation_100\.nrrd|weights\.csv\.gz|nodes\.csv\.gz"
OF_MOUSENET = r"nodes\.tsv|connections\.tsv|^MouseNet: "
GIVEN = {
    "responses.npz": Door(in_mice("responses/one.npz"), any_of(in_npz, in_npz, raw), read_mice),
    "similarity.npz": Door(in_alike("similarity.npz"), any_of(in_npz, in_npz, raw), read_alike),
    "image.png": Door(write_image("png"), any_of(in_image("PNG"), raw), read_image),
    "image.jpg": Door(write_image("jpg"), any_of(in_image("JPEG"), raw), read_image),
    "image.tif": Door(write_image("tif"), any_of(in_image("TIFF"), raw), read_image),
    "recording of NWB 1": Door(
        lambda folder: write_recording(folder / "900000000.nwb"), any_of(in_hdf5, in_hdf5, raw), read_nwb_1_or_2
    ),
    "recording of NWB 2": Door(write_nwb2, any_of(in_hdf5, in_hdf5, raw), read_nwb_1_or_2),
    "events.npz": Door(
        write_events,
        any_of(in_npz, in_npz, raw),
        lambda file: read_nwb(file.parent / "900000000.nwb", RESPONSE | {"measure": "events"}, [file]),
    ),
    "ophys_experiments.json": Door(
        write_answer("ophys_experiments.json", [experiment(900000000), experiment(900000001, failed=True)]),
        any_of(in_json, in_json, *TEXT),
        lambda file: list_recordings(file, ["VISp"], FILTERS),
    ),
    "event_files.json": Door(
        write_answer("event_files.json", {"msg": [{"attachable_id": 900000000, "download_link": "/api/v2/x"}]}),
        any_of(in_json, in_json, *TEXT),
        read_event_files,
    ),
    "cell_specimens.json": Door(
        write_answer("cell_specimens.json", [{"cell_specimen_id": k, "p_ns": 0.1, "p_run_mod_ns": None} for k in (1, 2)]),
        any_of(in_json, in_json, *TEXT),
        read_cell_metrics,
    ),
    **{
        name: Door(write_connectome(name), mutate, read_brain, named=OF_BRAIN)
        for name, mutate in {
            "structures.json": any_of(in_json, in_json, *TEXT),
            "target_mask_params.json": any_of(in_json, in_json, *TEXT),
            "annotation_100.nrrd": raw,
            "weights.csv.gz": any_of(in_gzip(any_of(in_table(","), *TEXT)), raw),
            "nodes.csv.gz": any_of(in_gzip(any_of(in_table(","), *TEXT)), raw),
        }.items()
    },
    **{
        f"{table}.tsv": Door(
            write_anatomy(table), any_of(in_table("\t"), in_table("\t"), *TEXT), read_tables, named=OF_MOUSENET
        )
        for table in MEASURED
    },
    "weights.pt": Door(write_checkpoint, any_of(in_checkpoint, in_checkpoint, raw), read_weights),
    "weights.safetensors": Door(write_safetensors, any_of(in_safetensors, in_safetensors, raw), read_weights),
    "code": Door(write_code, any_of(*TEXT), lambda file: user_code("mine:build")),
}
