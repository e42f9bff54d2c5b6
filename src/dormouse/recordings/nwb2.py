"""Allen Brain Observatory recordings in NWB 2: files of session type B of dandiset 000728, on disk or read over HTTP.

Layout after catalystneuro/visual-coding-to-nwb-v2, which converted the NWB 1.0 files. The conversion lost three things:
    the blank      -1 was stored as an unsigned integer, which HDF5 clips to 0, so the blank became scene 0;
    the depth      the description of the imaging plane holds the name of a variable instead;
    the frames     a presentation has the time of its start, but neither its first frame nor its last.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from dormouse.errors import InputError
from dormouse.recordings.cre_lines import cortical_layer
from dormouse.recordings.hdf5 import NUMBERS, TEXT, WHOLE_NUMBERS, check_parts, decoded, open_hdf5, text
from dormouse.recordings.remote import is_address
from dormouse.recordings.session import Session, scene_names
from dormouse.stimuli.images import Stimuli, image_hash, with_blank

OPHYS = "processing/ophys"
NEURONS = f"{OPHYS}/ImageSegmentation/PlaneSegmentation/global_roi_id"
RATIOS = f"{OPHYS}/ContaminationRatios/ratios"
RUNNING = "processing/behavior/BehavioralTimeSeries/running_speed"
SCENES = "stimulus/presentation/natural_scenes_stimulus"
PLANE = "general/optophysiology/ImagingPlane"
SESSION_TYPE = "StimB"
NEEDED = {  # see `hdf5.check_parts`
    NEURONS: (WHOLE_NUMBERS, 1),
    f"{SCENES}/data": (WHOLE_NUMBERS, 1),
    f"{SCENES}/timestamps": (NUMBERS, 1),
    f"{PLANE}/location": (TEXT, 0),
    "general/subject/genotype": (TEXT, 0),
    "general/subject/subject_id": (TEXT, 0),
}
OF_SERIES = {"data": (NUMBERS, 2), "timestamps": (NUMBERS, 1), "rois": (WHOLE_NUMBERS, 1)}
# not Fluorescence/Corrected: it holds imaging_plane_1/data of NWB 1.0, from which AllenSDK has yet to subtract the neuropil
SERIES = {
    "dff": (f"{OPHYS}/DfOverF/DfOverF",),
    "events": (f"{OPHYS}/DfOverF/DfOverFEvents",),
    "fluorescence": (f"{OPHYS}/Fluorescence/Demixed", f"{OPHYS}/Fluorescence/Neuropil"),
}
# ASSUME a scene is shown for 0.25 s (de Vries et al. 2020); this agrees with the 7 frames that descriptions of images name
SCENE_S = 0.25
WRAPPED = np.iinfo(np.uint32).max  # -1 as an unsigned integer, where it was not clipped to 0


def read_session(source: str | Path, trace: str, *, order: np.ndarray | None = None, depth_um: float | None = None) -> Session:
    """Read one session.

    Parameters
    ----------
    source : path of the file, or its address; from an address only the parts that are needed are fetched, and only one of
        the scenes
    trace : dff, events, or fluorescence (demixed, less r times that of the neuropil)
    order : (n_presentations,) int, the scene of each presentation in order of time, -1 the blank: the field `image` of the
        same session in NWB 1.0; needed where the file does not tell the blank from scene 0
    depth_um : depth of the imaging plane, micrometres, if known from elsewhere; without it depth and layer are unknown (NaN
        and empty) where the file lacks them

    Raises InputError where the file is truncated, lacks a part, has another session type, or merges the blank with scene 0
    and no `order` is given.
    """
    with open_nwb2(source) as file:
        check_needed(file, trace, source)
        times = frame_times(file[SERIES[trace][0]], source)
        neuron = neurons(file, file[SERIES[trace][0]], source)
        hashes = scene_hashes(file, source)
        start_s, stored = presentations(file, source)
        if start_s[0] < times[0] - half_frame(times):
            raise InputError(f"{source}: presentations start at {start_s[0]:.2f} s, before the first frame, {times[0]:.2f} s.")
        return Session(
            place=str(source),
            trace=read_trace(file, trace, (len(times), len(neuron)), source),
            times=times,
            running_speed=running_speed(file, times, source),
            image=scene_order(stored, order, source),
            start=first_frames(start_s, times),
            sweep_frames=int(SCENE_S / (2 * half_frame(times))),
            scene_sha256=hashes,
            neuron=neuron,
            **description(file, depth_um),
        )


def read_trace(file: h5py.File, trace: str, shape: tuple[int, int], source: str | Path) -> np.ndarray:
    """Return a trace, (n_neurons, n_frames) float32; the file holds it in `shape`, (n_frames, n_neurons)."""
    matrices = []
    for series in SERIES[trace]:
        found = file[f"{series}/data"]
        if found.shape != shape:
            raise InputError(
                f"{source}: {series}/data has shape {found.shape}, expected {shape[0]} frames x {shape[1]} cells. "
                "Remove the file and fetch it again."
            )
        matrices.append(found[()])
    if trace == "fluorescence":
        ratios = file[RATIOS][()]
        if ratios.shape != shape[1:]:
            raise InputError(f"{source}: {RATIOS} has shape {ratios.shape}, expected one number for {shape[1]} cells.")
        # ASSUME these ratios, from imaging_plane_1/r, equal the neuropil's r, which AllenSDK uses from pipeline 2.0 on
        matrices[0] -= matrices[1] * ratios.astype(np.float32)
    return np.ascontiguousarray(matrices[0].T, dtype=np.float32)


def frame_times(series: h5py.Group, source: str | Path) -> np.ndarray:
    """Return the times of the two-photon frames of a series, (n_frames,) float64, s."""
    times = series["timestamps"][()]
    if len(times) < 2 or not (np.diff(times) > 0).all():
        raise InputError(f"{source}: {series.name}/timestamps must increase from frame to frame, one number each.")
    return times


def half_frame(times: np.ndarray) -> float:
    """Return half the time from one frame to the next, s."""
    return float(np.median(np.diff(times))) / 2


def neurons(file: h5py.File, series: h5py.Group, source: str | Path) -> np.ndarray:
    """Return the ids of the neurons of a series, (n_neurons,) str, those of NWB 1.0 (cell_specimen_ids)."""
    ids, rows = file[NEURONS][()], series["rois"][()]
    if rows.min() < 0 or rows.max() >= len(ids):
        raise InputError(f"{source}: {series.name}/rois names row {rows.max()} of a table of {len(ids)} cells.")
    return ids[rows].astype(str)


def presentations(file: h5py.File, source: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the start (s) and the stored number of the scene of each presentation, both (n_presentations,), by time."""
    start_s, stored = file[f"{SCENES}/timestamps"][()], file[f"{SCENES}/data"][()]
    if start_s.shape != stored.shape or not np.isfinite(start_s).all():
        raise InputError(
            f"{source}: {SCENES} has {stored.shape} scenes at {start_s.shape} times; expected one time for each, and at "
            "least one. Remove the file and fetch it again."
        )
    by_time = np.argsort(start_s, kind="stable")
    return start_s[by_time], stored[by_time].astype(np.int64)


def first_frames(start_s: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the first frame of each presentation, (n_presentations,), from the times of starts and frames.

    It is the first frame at or after the start less half a frame, which is the frame nearest to the start.
    """
    # ASSUME the start is the time of the frame that NWB 1.0 names. Half a frame then absorbs any rounding without reaching
    # another frame; without it, a time rounded up would give the next one. If the start is the time of the monitor instead,
    # the converter says that NWB 1.0 names the frame nearest to it, which is the same frame.
    return np.searchsorted(times, start_s - half_frame(times))


def scene_order(stored: np.ndarray, order: np.ndarray | None, source: str | Path) -> np.ndarray:
    """Return the scene of each presentation, -1 the blank, (n_presentations,), from the stored numbers or from `order`."""
    if order is not None:
        order = np.asarray(order)
        if order.shape != stored.shape or not ((order == stored) | (order == -1) & np.isin(stored, [0, WRAPPED])).all():
            raise InputError(f"{source}: the order of images that was given for it is that of another session.")
        return order
    image = np.where(stored == WRAPPED, -1, stored)
    # ASSUME every session showed the blank; if none is marked, it was merged with scene 0
    if not (image == -1).any():
        _, counts = np.unique(image, return_counts=True)
        raise InputError(
            f"{source}: no presentation is marked as the blank, and scene 0 was shown {(image == 0).sum()} times (median "
            f"of all: {np.median(counts):g}). The conversion to NWB 2 stored the blank as scene 0, and the file cannot tell "
            "them apart. Take the order of images from the NWB 1.0 file of the same experiment, or read that file."
        )
    return image


def scene_hashes(file: h5py.File, source: str | Path) -> np.ndarray:
    """Return the SHA-256 of each scene, (n_scenes,) str; from an address only of one, chosen by session, the others empty."""
    names = scene_places(file, source)
    hashes = np.full(len(names), "", "U64")
    experiment = int(re.sub(r"\D.*", "", text(file["general/session_id"])) or 0)
    for k in [experiment % len(names)] if is_address(source) else range(len(names)):
        hashes[k] = image_hash(scene(file, names[k], source))
    return hashes


def read_scenes(source: str | Path, blank: bool) -> Stimuli:
    """Read the natural scenes that were shown, followed by the blank (uniform grey) if `blank` is true."""
    with open_nwb2(source) as file:
        images = np.stack([scene(file, name, source) for name in scene_places(file, source)])
    stimuli = Stimuli(images, scene_names(len(images), blank=False))
    return with_blank(stimuli) if blank else stimuli


def scene_places(file: h5py.File, source: str | Path) -> list[str]:
    """Return the path of each scene within the file, in the order of their numbers."""
    if f"{SCENES}/indexed_images" not in file:
        raise InputError(f"{source}: lacks {SCENES}/indexed_images, the natural scenes. Fetch the file again.")
    template = file[f"{SCENES}/indexed_images"]
    names = [f"NaturalScene{k}" for k in range(sum(name.startswith("NaturalScene") for name in template))]
    if not names or any(name not in template for name in names):
        raise InputError(f"{source}: {template.name} must hold NaturalScene0, NaturalScene1 and so on without a gap.")
    return [f"{template.name}/{name}" for name in names]


def scene(file: h5py.File, place: str, source: str | Path) -> np.ndarray:
    """Return one scene, (height, width) uint8."""
    found = file[place]
    if found.dtype != np.uint8 or found.ndim != 2:
        raise InputError(f"{source}: {place} is {found.dtype} of shape {found.shape}; expected 8 bits, two axes.")
    return found[()]


def running_speed(file: h5py.File, times: np.ndarray, source: str | Path) -> np.ndarray:
    """Return the running speed at each two-photon frame, (n_frames,), cm/s; NaN where no sample is within half a frame."""
    if RUNNING not in file:
        return np.full(len(times), np.nan)
    values, at_s = file[f"{RUNNING}/data"][()].ravel(), file[f"{RUNNING}/timestamps"][()]  # NWB 1.0 has (n,) and (n, 1)
    if values.shape != at_s.shape or not len(at_s):
        raise InputError(f"{source}: {RUNNING} has {len(values)} speeds at {len(at_s)} times. Fetch the file again.")
    half_s = half_frame(times)
    sample = np.minimum(np.searchsorted(at_s, times - half_s), len(at_s) - 1)
    return np.where(np.abs(at_s[sample] - times) <= half_s, values[sample], np.nan).astype(np.float64)


def description(file: h5py.File, depth_um: float | None) -> dict[str, str | float]:
    """Return what holds for all neurons of a file: animal, area, cortical layer, depth (micrometres) and Cre line."""
    plane, subject = file[PLANE], file["general/subject"]
    if depth_um is None:
        # a later version of the dandiset may have the depth
        told = re.search(r"depth of (\d+)", text(plane["description"])) if "description" in plane else None
        depth_um = float(told[1]) if told else np.nan
    cre_line = text(subject["genotype"]).split(";")[0].split("/")[0]
    return {
        "animal": text(subject["subject_id"]),
        "area": text(plane["location"]),
        "cortical_layer": "" if np.isnan(depth_um) else cortical_layer(depth_um, cre_line),
        "depth_um": depth_um,
        "cre_line": cre_line,
    }


def session_area(source: str | Path) -> tuple[str, int]:
    """Return the cortical area of a session, and its number of neurons."""
    with open_nwb2(source) as file:
        check_needed(file, "dff", source)
        return text(file[f"{PLANE}/location"]), len(file[NEURONS])


@contextmanager
def open_nwb2(source: str | Path) -> Iterator[h5py.File]:
    """Open an NWB 2 file of session type B; raises InputError for any other, and for one that cannot be read to its end."""
    with open_hdf5(source) as (file, _):
        version = decoded(file.attrs.get("nwb_version", "none"))
        if not version.startswith("2."):
            raise InputError(f"{source}: NWB version {version}; expected an NWB 2 file of dandiset 000728.")
        kind = text(file["general/session_id"]) if "general/session_id" in file else "none"
        if kind.rpartition("-")[2] != SESSION_TYPE:
            raise InputError(f"{source}: session {kind}; natural scenes were shown in those that end in -{SESSION_TYPE}.")
        yield file


def check_needed(file: h5py.File, trace: str, source: str | Path) -> None:
    """Raise InputError where a file lacks a part that every session needs, or that the trace needs."""
    other_file = "Files that end in _ophys.nwb hold the movie alone; take the one that ends in _behavior+image+ophys.nwb."
    check_parts(file, NEEDED, source, other_file)
    parts = {f"{series}/{part}": form for series in SERIES[trace] for part, form in OF_SERIES.items()}
    ratios = {RATIOS: (NUMBERS, 1)} if trace == "fluorescence" else {}
    other_measure = (
        f"`{trace}` needs it; not every recording has it. Leave the recording out, or choose another response.measure."
    )
    check_parts(file, parts | ratios, source, other_measure)


def is_nwb2(path: str | Path) -> bool:
    """Return whether a file is NWB 2, by an attribute that NWB 1.0 lacks; False for a file that is not HDF5."""
    try:
        with h5py.File(path, "r") as file:
            return "nwb_version" in file.attrs
    except Exception:  # damaged, which its reader tells
        return False
