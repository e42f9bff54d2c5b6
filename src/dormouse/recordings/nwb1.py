"""Allen Brain Observatory recordings in NWB 1.0: files of session type three_session_B, on disk or read over HTTP.

Layout after AllenSDK's BrainObservatoryNwbDataSet. Natural scenes carry the numbers 0-117, the blank sweep (grey screen)
-1; here the blank is the last stimulus, index 118, as in the similarity matrices of Conwell et al. 2021.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from dormouse.errors import InputError
from dormouse.given import read_given
from dormouse.recordings.cre_lines import cortical_layer
from dormouse.recordings.hdf5 import NUMBERS, TEXT, WHOLE_NUMBERS, Whole, check_parts, decoded, open_hdf5, text
from dormouse.recordings.remote import is_address
from dormouse.recordings.session import Session, scene_names
from dormouse.stimuli.images import Stimuli, image_hash, with_blank

PIPELINE = "processing/brain_observatory_pipeline"
SCENES = "stimulus/presentation/natural_scenes_stimulus"
TEMPLATE = "stimulus/templates/natural_scenes_image_stack/data"
PLANE = "general/optophysiology/imaging_plane_1"
SESSION_TYPE = "three_session_B"
RUNNING = f"{PIPELINE}/BehavioralTimeSeries/running_speed"
NEEDED = {  # see `hdf5.check_parts`
    f"{PIPELINE}/DfOverF/imaging_plane_1/data": (NUMBERS, 2),
    f"{PIPELINE}/DfOverF/imaging_plane_1/timestamps": (NUMBERS, 1),
    f"{PIPELINE}/ImageSegmentation/cell_specimen_ids": (WHOLE_NUMBERS, 1),
    f"{SCENES}/data": (WHOLE_NUMBERS, 1),
    f"{SCENES}/frame_duration": (WHOLE_NUMBERS, 2),
    TEMPLATE: (NUMBERS, 3),
    f"{PLANE}/imaging depth": (TEXT, 0),
    f"{PLANE}/location": (TEXT, 0),
    "general/specimen_name": (TEXT, 0),
    "general/session_id": (TEXT, 0),
    "general/subject/genotype": (TEXT, 0),
}
AGAIN = "Remove the file and fetch it again."
OTHER_MEASURE = "The measure `sweep` needs it. Leave the recording out (config: exclude), or choose another response.measure."


def read_session(source: str | Path, trace: str, events: str | Path | None = None) -> Session:
    """Read one session.

    Parameters
    ----------
    source : path of the file, or its address; from an address only the parts that are needed are fetched, and only one of
        the scenes
    trace : dff, fluorescence (corrected), or events
    events : path of the .npz file that holds the events, if these are the trace

    Raises InputError where the file is truncated, lacks a part, or has another session type.
    """
    with open_nwb(source) as (file, whole):
        times = file[f"{PIPELINE}/DfOverF/imaging_plane_1/timestamps"][()]
        neuron = file[f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"][()].astype(str)
        shown, order = (file[f"{SCENES}/{part}"][()].astype(np.int64) for part in ("frame_duration", "data"))
        if shown.shape != (len(order), 2):
            raise InputError(
                f"{source}: frames of presentations have shape {shown.shape}; expected ({len(order)}, 2). {AGAIN}"
            )
        by_time = np.lexsort((shown[:, 1], shown[:, 0]))
        shown, order = shown[by_time], order[by_time]
        if len(shown) < 2:
            raise InputError(f"{source}: {len(shown)} presentations of natural scenes; expected thousands.")
        return Session(
            place=str(source) if events is None else f"{source} with {events}",
            trace=TRACES[trace](file, whole, source) if trace != "events" else read_events(events, (len(neuron), len(times))),
            times=times,
            running_speed=running_speed(file, times, source),
            image=order,
            start=shown[:, 0],
            sweep_frames=int(shown[1, 1] - shown[1, 0]),  # as in AllenSDK
            scene_sha256=scene_hashes(file, not is_address(source), source),
            neuron=neuron,
            **description(file, source),
        )


def read_dff(file: h5py.File, whole: Whole, _source: str | Path) -> np.ndarray:
    """Return dF/F as a fraction, (n_neurons, n_frames) float32."""
    return whole(file[f"{PIPELINE}/DfOverF/imaging_plane_1/data"])


def read_fluorescence(file: h5py.File, whole: Whole, source: str | Path) -> np.ndarray:
    """Return the fluorescence less r times that of the neuropil, as in AllenSDK, (n_neurons, n_frames) float32."""
    plane, around = (f"{PIPELINE}/Fluorescence/imaging_plane_1{end}" for end in ("", "_neuropil_response"))
    if _version(file) >= (2,):
        parts = f"{PIPELINE}/Fluorescence/imaging_plane_1_demixed_signal/data", f"{around}/data", f"{around}/r"
    else:
        parts = f"{plane}/data", f"{plane}/neuropil_traces", f"{plane}/r"
    check_parts(file, dict(zip(parts, ((NUMBERS, 2), (NUMBERS, 2), (NUMBERS, 1)), strict=True)), source, OTHER_MEASURE)
    corrected, neuropil, ratios = (file[part] for part in parts)
    if corrected.shape != neuropil.shape or ratios.shape != corrected.shape[:1]:
        shapes = ", ".join(f"{part} {file[part].shape}" for part in parts)
        raise InputError(f"{source}: expected the same cells and frames in {shapes}. {OTHER_MEASURE}")
    corrected = whole(corrected)
    corrected -= whole(neuropil) * ratios[()][:, None].astype(np.float32)
    return corrected


TRACES = {"dff": read_dff, "fluorescence": read_fluorescence}


def read_events(path: str | Path | None, shape: tuple[int, int]) -> np.ndarray:
    """Return the magnitude of L0 events, (n_neurons, n_frames) = shape, from the file that is published beside a recording."""
    if path is None:
        raise InputError("response.measure: events are published with `dataset: allen` alone; choose dff or sweep.")
    events = read_given(path, "ev")["ev"]
    if events.dtype.kind not in NUMBERS or events.shape != shape or np.isinf(events).any():
        what = f"{events.dtype} of shape {events.shape}"
        raise InputError(f"{path}: ev is {what}; expected finite numbers, {shape[0]} cells x {shape[1]} frames. {AGAIN}")
    return events


def description(file: h5py.File, source: str | Path) -> dict[str, str | float]:
    """Return what holds for all neurons of a file: animal, area, cortical layer, depth (micrometres) and Cre line."""
    plane, subject = file[PLANE], file["general/subject"]
    depth = text(plane["imaging depth"])
    if not re.match(r"[0-9.]+\b", depth):
        raise InputError(f"{source}: imaging depth is {depth[:50]!r}; expected micrometres. {AGAIN}")
    depth_um = float(depth.split()[0])
    cre_line = text(subject["genotype"]).split(";")[0].split("/")[0]
    return {
        "animal": text(subject["subject_id"] if "subject_id" in subject else file["general/specimen_name"]),
        "area": text(plane["location"]),
        "cortical_layer": cortical_layer(depth_um, cre_line),
        "depth_um": depth_um,
        "cre_line": cre_line,
    }


def read_scenes(source: str | Path, blank: bool) -> Stimuli:
    """Read the natural scenes that were shown, followed by the blank (uniform grey) if `blank` is true."""
    with open_nwb(source) as (file, whole):
        images = whole_numbers(whole(file[TEMPLATE]), source)
    stimuli = Stimuli(images, scene_names(len(images), blank=False))
    return with_blank(stimuli) if blank else stimuli


def whole_numbers(images: np.ndarray, source: str | Path) -> np.ndarray:
    """Return scenes as uint8; some files hold the 8-bit images as floating point."""
    if images.ndim != 3 or images.min() < 0 or images.max() > 255 or not np.array_equal(images, np.round(images)):
        raise InputError(f"{source}: {TEMPLATE} must hold whole numbers 0 to 255 of shape (n_images, height, width).")
    return images.astype(np.uint8)


def scene_hashes(file: h5py.File, all_of_them: bool, source: str | Path) -> np.ndarray:
    """Return the SHA-256 of each scene, (n_scenes,) str; or only of one, chosen by session, the others empty."""
    template = file[TEMPLATE]
    hashes = np.full(len(template), "", "U64")
    one = int(text(file["general/session_id"])) % len(template)
    for k in range(len(template)) if all_of_them else [one]:
        hashes[k] = image_hash(whole_numbers(template[k : k + 1], source)[0])
    return hashes


def session_area(source: str | Path) -> tuple[str, int]:
    """Return the cortical area of a session, and its number of neurons."""
    with open_nwb(source) as (file, _):
        return text(file[f"{PLANE}/location"]), len(file[f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"])


@contextmanager
def open_nwb(source: str | Path) -> Iterator[tuple[h5py.File, Whole]]:
    """Open a three_session_B file as `open_hdf5` does; raises InputError for any other file."""
    with open_hdf5(source) as (file, whole):
        check_nwb(file, source)
        yield file, whole


def check_nwb(file: h5py.File, path: str | Path) -> None:
    """Raise InputError where a file has another session type, or lacks a part that is needed."""
    if "general/session_type" not in file:
        raise InputError(f"{path}: no general/session_type; expected an NWB 1.0 file of the Allen Brain Observatory.")
    kind = text(file["general/session_type"])
    if kind != SESSION_TYPE:
        raise InputError(f"{path}: session type {kind}; natural scenes were shown in {SESSION_TYPE} only.")
    check_parts(file, NEEDED, path, AGAIN)


def running_speed(file: h5py.File, times: np.ndarray, source: str | Path) -> np.ndarray:
    """Return the running speed at each two-photon frame, (n_frames,), cm/s; NaN where it was not measured.

    Some files hold (n,) and some (n, 1), and in some the speed begins late or ends early.
    """
    speed = np.full(len(times), np.nan)
    if RUNNING in file:
        check_parts(file, {f"{RUNNING}/data": (NUMBERS, 1, 2)}, source, AGAIN)
        stored = file[RUNNING]
        values = stored["data"][()].ravel()
        first = int(np.abs(times - stored["timestamps"][0]).argmin()) if "timestamps" in stored else 0
        values = values[: len(times) - first]
        speed[first : first + len(values)] = values
    return speed


def _version(file: h5py.File) -> tuple[int, ...]:
    """Return the version of the pipeline that wrote the file; 0.9 if the file does not say."""
    told = decoded(file["general/generated_by"][-1]) if "general/generated_by" in file else "0.9"
    return tuple(int(part) for part in told.split(".") if part.isdecimal())
