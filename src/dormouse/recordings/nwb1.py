"""Allen Brain Observatory recordings in NWB 1.0: files of session type three_session_B, on disk or read over HTTP.

Layout after AllenSDK's BrainObservatoryNwbDataSet. Natural scenes carry the numbers 0-117, the blank sweep (grey screen)
-1; here the blank is the last stimulus, index 118, as in the similarity matrices of Conwell et al. 2021.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import h5py
import numpy as np

from dormouse.errors import InputError
from dormouse.given import read_given
from dormouse.recordings.cre_lines import cortical_layer
from dormouse.recordings.remote import RemoteFile
from dormouse.recordings.session import Session, scene_names
from dormouse.stimuli.images import Stimuli, image_hash, with_blank

PIPELINE = "processing/brain_observatory_pipeline"
SCENES = "stimulus/presentation/natural_scenes_stimulus"
TEMPLATE = "stimulus/templates/natural_scenes_image_stack/data"
PLANE = "general/optophysiology/imaging_plane_1"
SESSION_TYPE = "three_session_B"
Whole = Callable[[h5py.Dataset], np.ndarray]
NEEDED = (
    f"{PIPELINE}/DfOverF/imaging_plane_1/data",
    f"{PIPELINE}/DfOverF/imaging_plane_1/timestamps",
    f"{PIPELINE}/ImageSegmentation/cell_specimen_ids",
    f"{SCENES}/data",
    f"{SCENES}/frame_duration",
    TEMPLATE,
    f"{PLANE}/imaging depth",
    f"{PLANE}/location",
    "general/specimen_name",
    "general/session_id",
    "general/subject/genotype",
)


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
        shown, order = file[f"{SCENES}/frame_duration"][()], file[f"{SCENES}/data"][()]
        by_time = np.lexsort((shown[:, 1], shown[:, 0]))
        shown, order = shown[by_time], order[by_time]
        if len(shown) < 2:
            raise InputError(f"{source}: {len(shown)} presentations of natural scenes; expected thousands.")
        return Session(
            place=str(source),
            trace=read_events(events) if trace == "events" else TRACES[trace](file, whole, source),
            times=times,
            running_speed=running_speed(file, times),
            image=order,
            start=shown[:, 0],
            sweep_frames=int(shown[1, 1] - shown[1, 0]),  # as in AllenSDK
            scene_sha256=scene_hashes(file, all_of_them=not is_address(source)),
            neuron=file[f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"][()].astype(str),
            **description(file),
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
    missing = [part for part in parts if part not in file]
    if missing:
        raise InputError(
            f"{source}: lacks {', '.join(missing)}, which the measure `sweep` needs. Leave the recording out "
            "(allen.exclude), or choose another response.measure."
        )
    corrected = whole(file[parts[0]])
    corrected -= whole(file[parts[1]]) * file[parts[2]][()][:, None].astype(np.float32)
    return corrected


TRACES = {"dff": read_dff, "fluorescence": read_fluorescence}


def read_events(path: str | Path | None) -> np.ndarray:
    """Return the magnitude of L0 events, (n_neurons, n_frames), from the file that is published beside a recording."""
    if path is None:
        raise InputError("response.measure: events are published with `dataset: allen` alone; choose dff or sweep.")
    return read_given(path, "ev")["ev"]


def description(file: h5py.File) -> dict[str, str | float]:
    """Return what holds for all neurons of a file: animal, area, cortical layer, depth (micrometres) and Cre line."""
    plane, subject = file[PLANE], file["general/subject"]
    depth_um = float(_text(plane["imaging depth"]).split()[0])
    cre_line = _text(subject["genotype"]).split(";")[0].split("/")[0]
    return {
        "animal": _text(subject["subject_id"] if "subject_id" in subject else file["general/specimen_name"]),
        "area": _text(plane["location"]),
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


def scene_hashes(file: h5py.File, all_of_them: bool) -> np.ndarray:
    """Return the SHA-256 of each scene, (n_scenes,) str; or only of one, chosen by session, the others empty."""
    template = file[TEMPLATE]
    hashes = np.full(len(template), "", "U64")
    one = int(_text(file["general/session_id"])) % len(template)
    for k in range(len(template)) if all_of_them else [one]:
        hashes[k] = image_hash(whole_numbers(template[k : k + 1], file.filename)[0])
    return hashes


def session_area(source: str | Path) -> tuple[str, int]:
    """Return the cortical area of a session, and its number of neurons."""
    with open_nwb(source) as (file, _):
        return _text(file[f"{PLANE}/location"]), len(file[f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"])


@contextmanager
def open_nwb(source: str | Path) -> Iterator[tuple[h5py.File, Whole]]:
    """Open a three_session_B file; give it, and a function that reads a whole array of it.

    Raises InputError for any other file, and for one that cannot be read to its end.
    """
    try:
        with RemoteFile(source) if is_address(source) else nullcontext(source) as place, h5py.File(place, "r") as file:
            check_nwb(file, source)
            yield file, place.whole if is_address(source) else lambda dataset: dataset[()]
    except (OSError, KeyError) as error:  # damaged data, and damaged metadata
        advice = (
            "Run again; if it stays, leave it out (allen.exclude)" if is_address(source) else "Remove it and fetch it again"
        )
        raise InputError(f"{source}: not a whole HDF5 file ({error}). {advice}.") from error


def is_address(source: str | Path) -> bool:
    """Return whether a source is an address and not a path."""
    return str(source).startswith(("http://", "https://"))


def check_nwb(file: h5py.File, path: str | Path) -> None:
    """Raise InputError where a file has another session type, or lacks a part that is needed."""
    if "general/session_type" not in file:
        raise InputError(f"{path}: no general/session_type; expected an NWB 1.0 file of the Allen Brain Observatory.")
    kind = _text(file["general/session_type"])
    if kind != SESSION_TYPE:
        raise InputError(f"{path}: session type {kind}; natural scenes were shown in {SESSION_TYPE} only.")
    missing = [part for part in NEEDED if part not in file]
    if missing:
        raise InputError(f"{path}: lacks {', '.join(missing)}. Remove the file and fetch it again.")


def running_speed(file: h5py.File, times: np.ndarray) -> np.ndarray:
    """Return the running speed at each two-photon frame, (n_frames,), cm/s; NaN where it was not measured.

    Some files hold (n,) and some (n, 1), and in some the speed begins late or ends early.
    """
    speed = np.full(len(times), np.nan)
    stored = file.get(f"{PIPELINE}/BehavioralTimeSeries/running_speed")
    if stored is not None:
        values = stored["data"][()].ravel()
        first = int(np.abs(times - stored["timestamps"][0]).argmin()) if "timestamps" in stored else 0
        values = values[: len(times) - first]
        speed[first : first + len(values)] = values
    return speed


def _version(file: h5py.File) -> tuple[int, ...]:
    """Return the version of the pipeline that wrote the file; 0.9 if the file does not say."""
    text = _decode(file["general/generated_by"][-1]) if "general/generated_by" in file else "0.9"
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _text(dataset: h5py.Dataset) -> str:
    return _decode(dataset[()])


def _decode(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
