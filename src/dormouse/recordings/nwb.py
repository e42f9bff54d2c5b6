"""Allen Brain Observatory recordings: NWB 1.0 files of session type three_session_B, read with h5py.

Layout after AllenSDK's BrainObservatoryNwbDataSet. Natural scenes carry the numbers 0-117, the blank sweep (grey screen)
-1; here the blank is the last stimulus, index 118, as in the similarity matrices of Conwell et al. 2021.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.recordings.trials import Recording, check_recording
from dormouse.stimuli import BLANK, Stimuli, with_blank

PIPELINE = "processing/brain_observatory_pipeline"
SCENES = "stimulus/presentation/natural_scenes_stimulus"
TEMPLATE = "stimulus/templates/natural_scenes_image_stack/data"
SESSION_TYPE = "three_session_B"
NEEDED = (
    f"{PIPELINE}/DfOverF/imaging_plane_1/data",
    f"{PIPELINE}/DfOverF/imaging_plane_1/timestamps",
    f"{PIPELINE}/ImageSegmentation/cell_specimen_ids",
    f"{SCENES}/data",
    f"{SCENES}/frame_duration",
    TEMPLATE,
    "general/optophysiology/imaging_plane_1/imaging depth",
    "general/optophysiology/imaging_plane_1/location",
    "general/specimen_name",
    "general/subject/genotype",
)
# ASSUME the borders of cortical layers by depth of the imaging plane, micrometres (de Vries et al. 2020, figure 1)
LAYER_BORDERS_UM, CORTICAL_LAYERS = (250, 350, 500), np.array(["2/3", "4", "5", "6"])


def read_nwb(path: str | Path, window_s: tuple[float, float]) -> Recording:
    """Read the trials of all natural scenes and the blank.

    The response is the mean dF/F (a fraction) in `window_s`, seconds from stimulus onset, its edges rounded to whole frames.
    A presentation whose window runs past the end of the recording, or holds a NaN, is a missing trial.

    Raises InputError where the file is truncated, lacks a part, or is of another session type.
    """
    with open_nwb(path) as file:
        dff = file[f"{PIPELINE}/DfOverF/imaging_plane_1/data"][()]
        times = file[f"{PIPELINE}/DfOverF/imaging_plane_1/timestamps"][()]
        neuron = file[f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"][()].astype(str)
        running = running_speed(file, len(times))
        shown = presentations(file)
        n_scenes = file[TEMPLATE].shape[0]
        described = description(file)
    if dff.shape != (len(neuron), len(times)):
        raise InputError(f"{path}: dF/F has shape {dff.shape}, expected {len(neuron)} cells x {len(times)} frames.")
    if not shown.image.between(-1, n_scenes - 1).all():
        raise InputError(f"{path}: {SCENES}/data names images outside -1 to {n_scenes - 1}.")
    first, last = window_frames(window_s, times, path)
    late = shown.start + last > len(times)
    if late.any():
        print(f"{path}: {late.sum()} presentations run past the last frame and count as missing.", file=sys.stderr)
    shape = int(shown.trial.max()) + 1, n_scenes + 1
    shown = shown[~late]
    frames = shown.start.to_numpy()[:, None] + np.arange(first, last)  # (n_presentations, n_frames)
    at = shown.trial.to_numpy(), shown.image.to_numpy() % (n_scenes + 1)  # -1 becomes the last index
    response = np.full((*shape, len(neuron)), np.nan, np.float32)
    response[at] = dff[:, frames].mean(axis=2, dtype=np.float64).T
    speed = np.full(shape, np.nan, np.float32)
    speed[at] = running[frames].mean(axis=1)
    recording = Recording(
        response=response,
        running_speed=speed,
        stimulus=scene_names(n_scenes, blank=True),
        neuron=neuron,
        **{key: np.full(len(neuron), value) for key, value in described.items()},
        unit="dF/F",
    )
    return check_recording(recording, path)


def description(file: h5py.File) -> dict[str, str | float]:
    """Return what a file says of all its neurons: animal, area, cortical layer, depth (micrometres) and Cre line."""
    plane, subject = file["general/optophysiology/imaging_plane_1"], file["general/subject"]
    depth_um = float(_text(plane["imaging depth"]).split()[0])
    return {
        "animal": _text(subject["subject_id"] if "subject_id" in subject else file["general/specimen_name"]),
        "area": _text(plane["location"]),
        "cortical_layer": CORTICAL_LAYERS[np.searchsorted(LAYER_BORDERS_UM, depth_um, side="right")],
        "depth_um": depth_um,
        "cre_line": _text(subject["genotype"]).split(";")[0].split("/")[0],
    }


def read_scenes(path: str | Path, blank: bool) -> Stimuli:
    """Read the natural scenes that were shown, with the blank (uniform grey) behind them where `blank` is true."""
    with open_nwb(path) as file:
        images = file[TEMPLATE][()]
    # some files hold the 8-bit images as floating point
    if images.ndim != 3 or images.min() < 0 or images.max() > 255 or not np.array_equal(images, np.round(images)):
        raise InputError(f"{path}: {TEMPLATE} must hold whole numbers 0 to 255 of shape (n_images, height, width).")
    stimuli = Stimuli(images.astype(np.uint8), scene_names(len(images), blank=False))
    return with_blank(stimuli) if blank else stimuli


def scene_names(n_scenes: int, blank: bool) -> np.ndarray:
    """Return the names of the scenes in Allen order, and of the blank behind them where `blank` is true."""
    return np.array([f"scene_{i:03d}" for i in range(n_scenes)] + [BLANK] * blank)


@contextmanager
def open_nwb(path: str | Path) -> Iterator[h5py.File]:
    """Open a three_session_B file; raises InputError for any other file, and for one that cannot be read to its end."""
    try:
        with h5py.File(path, "r") as file:
            check_nwb(file, path)
            yield file
    except OSError as error:
        raise InputError(f"{path}: not a whole HDF5 file ({error}). Remove it and fetch it again.") from error


def check_nwb(file: h5py.File, path: str | Path) -> None:
    """Raise InputError where a file is of another session type, or lacks a part that is needed."""
    if "general/session_type" not in file:
        raise InputError(f"{path}: no general/session_type; expected an NWB 1.0 file of the Allen Brain Observatory.")
    kind = _text(file["general/session_type"])
    if kind != SESSION_TYPE:
        raise InputError(f"{path}: session type {kind}; natural scenes were shown in {SESSION_TYPE} only.")
    missing = [part for part in NEEDED if part not in file]
    if missing:
        raise InputError(f"{path}: lacks {', '.join(missing)}. Remove the file and fetch it again.")


def presentations(file: h5py.File) -> pd.DataFrame:
    """Return image (-1 is the blank), start (two-photon frame) and trial (0, 1, ... by image) of each presentation."""
    table = pd.DataFrame({"image": file[f"{SCENES}/data"][()], "start": file[f"{SCENES}/frame_duration"][:, 0]})
    table = table.sort_values("start", kind="stable", ignore_index=True)
    return table.assign(trial=table.groupby("image").cumcount())


def window_frames(window_s: tuple[float, float], times: np.ndarray, path: str | Path) -> tuple[int, int]:
    """Return the first frame of the window and the one behind its last, counted from onset."""
    frame_s = float(np.median(np.diff(times)))
    first, last = (round(edge / frame_s) for edge in window_s)
    if not 0 <= first < last:
        raise InputError(
            f"{path}: the response window {list(window_s)} s holds no frame of {frame_s:.4f} s; widen response.window_s."
        )
    return first, last


def running_speed(file: h5py.File, n_frames: int) -> np.ndarray:
    """Return the running speed at each two-photon frame, (n_frames,), cm/s; NaN where it was not measured."""
    speed = np.full(n_frames, np.nan)
    stored = file.get(f"{PIPELINE}/BehavioralTimeSeries/running_speed/data")
    if stored is not None:
        # ASSUME running speed starts with the first frame; some files hold (n,) and some (n, 1), some end early
        values = stored[()].ravel()[:n_frames]
        speed[: len(values)] = values
    return speed


def _text(dataset: h5py.Dataset) -> str:
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else str(value)
