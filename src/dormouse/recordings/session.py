"""A session (traces and presentations) in the form that the NWB readers return, and how trials are measured from it.

The measures of response are
    dff       mean dF/F in a window after onset, less its mean in a baseline window if one is given;
    events    the same for the magnitude of L0 events (Jewell & Witten 2018; de Vries et al. 2020);
    sweep     AllenSDK's mean sweep response (StimulusAnalysis): percent change of the corrected fluorescence from its mean
              in the 28 frames before onset, mean over the presentation and as many frames after it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.recordings.trials import MIN_TRIALS, Recording, check_recording
from dormouse.stimuli.images import BLANK

UNITS = {"dff": "dF/F", "events": "event magnitude", "sweep": "% of baseline"}
TRACES = {"dff": "dff", "events": "events", "sweep": "fluorescence"}  # trace that a measure reads
SWEEPS_BEFORE, SWEEPS_AFTER = 4, 1  # of the measure `sweep`, in lengths of a presentation


@dataclass(frozen=True)
class Session:
    """One session: a trace of every neuron, running speed, and which image was shown when."""

    place: str  # of its file, for errors
    trace: np.ndarray  # (n_neurons, n_frames) float32; dF/F, magnitude of events, or corrected fluorescence
    times: np.ndarray  # (n_frames,) float64, s
    running_speed: np.ndarray  # (n_frames,) float64, cm/s; NaN where unknown
    image: np.ndarray  # (n_presentations,) int, number of the scene; -1: the blank
    start: np.ndarray  # (n_presentations,) int, first frame
    sweep_frames: int  # of one presentation
    scene_sha256: np.ndarray  # (n_scenes,) str; empty for scenes that were not read
    neuron: np.ndarray  # (n_neurons,) str
    animal: str
    area: str
    cortical_layer: str
    depth_um: float
    cre_line: str


def trials(session: Session, measure: str, window_s: Sequence[float], baseline_s: Sequence[float] | None) -> Recording:
    """Return the responses to all natural scenes and the blank.

    Parameters
    ----------
    measure : dff, events or sweep
    window_s, baseline_s : first and last second from onset, rounded to whole frames; baseline_s may be None. `sweep` has
        windows of its own.

    A presentation whose windows reach beyond the recording, or contain NaN, is a missing trial. Running speed is the mean over
    the window of the response.
    """
    check_session(session)
    window, baseline = windows(session, measure, window_s, baseline_s)
    n_frames, n_scenes = session.trace.shape[1], len(session.scene_sha256)
    shown = presentations(session.image, session.start)
    shape = int(shown.trial.max()) + 1, n_scenes + 1
    if shape[0] < MIN_TRIALS:
        raise InputError(
            f"{session.place}: {shape[0]} trial of each stimulus; reliability needs at least {MIN_TRIALS}. "
            "Add trials or leave the recording out."
        )
    edges = [*window, *(baseline or window)]
    outside = (shown.start + min(edges) < 0) | (shown.start + max(edges) > n_frames)
    if outside.any():
        print(f"{session.place}: {outside.sum()} presentations leave the recording and count as missing.", file=sys.stderr)
    shown = shown[~outside]
    start, at = shown.start.to_numpy(), (shown.trial.to_numpy(), shown.image.to_numpy() % (n_scenes + 1))  # -1: the last
    value = mean_in(session.trace, start, window)
    if measure == "sweep":
        value = 100 * (value / mean_in(session.trace, start, baseline) - 1)
    elif baseline:
        value = value - mean_in(session.trace, start, baseline)
    response = np.full((*shape, len(session.neuron)), np.nan, np.float32)
    response[at] = value.T
    speed = np.full(shape, np.nan, np.float32)
    speed[at] = mean_in(session.running_speed[None], start, window)[0]
    described = {key: getattr(session, key) for key in ("animal", "area", "cortical_layer", "depth_um", "cre_line")}
    recording = Recording(
        response=response,
        running_speed=speed,
        stimulus=scene_names(n_scenes, blank=True),
        image_sha256=np.append(session.scene_sha256, ""),
        neuron=session.neuron,
        **{key: np.full(len(session.neuron), value) for key, value in described.items()},
        unit=UNITS[measure],
    )
    return check_recording(recording, session.place)


def windows(
    session: Session, measure: str, window_s: Sequence[float], baseline_s: Sequence[float] | None
) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Return window and baseline, each as its first frame and the one after its last, counted from onset."""
    n_frames = len(session.times)
    if measure == "sweep":
        n = session.sweep_frames
        if not 0 < n < n_frames:
            raise InputError(f"{session.place}: a presentation of {n} frames, in a recording of {n_frames}.")
        return (0, n + SWEEPS_AFTER * n), (-SWEEPS_BEFORE * n, 0)
    frame_s = float(np.median(np.diff(session.times)))
    found = []
    for name, edges in (("window_s", window_s), ("baseline_s", baseline_s)):
        frames = tuple(round(edge / frame_s) for edge in edges) if edges is not None else None
        if frames and max(map(abs, frames)) > n_frames:
            raise InputError(
                f"{session.place}: response.{name} {list(edges)} s is longer than the recording, {n_frames} frames."
            )
        if frames and frames[0] >= frames[1]:
            raise InputError(f"{session.place}: response.{name} {list(edges)} s holds no frame of {frame_s:.4f} s; widen it.")
        found.append(frames)
    return found[0], found[1]


def mean_in(trace: np.ndarray, start: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Return the mean of traces (n, n_frames) in a window of frames after each start, (n, n_presentations) float64."""
    frames = start[:, None] + np.arange(*window)
    return np.stack([row[frames].mean(axis=1, dtype=np.float64) for row in trace])  # row by row: less memory


def presentations(image: np.ndarray, start: np.ndarray) -> pd.DataFrame:
    """Return image, start and trial (0, 1, ... for each image) of each presentation, in order of time."""
    table = pd.DataFrame({"image": image, "start": start}).sort_values("start", kind="stable", ignore_index=True)
    return table.assign(trial=table.groupby("image").cumcount())


def scene_names(n_scenes: int, blank: bool) -> np.ndarray:
    """Return the names of the scenes in the order of the Allen Institute, followed by the blank if `blank` is true."""
    return np.array([f"scene_{i:03d}" for i in range(n_scenes)] + [BLANK] * blank)


def check_session(session: Session) -> None:
    """Raise InputError where the parts of a session do not fit each other."""
    if session.trace.shape != (len(session.neuron), len(session.times)):
        raise InputError(
            f"{session.place}: traces have shape {session.trace.shape}, expected {len(session.neuron)} cells x "
            f"{len(session.times)} frames. Remove the file and fetch it again."
        )
    if not np.isfinite(session.times).all() or np.median(np.diff(session.times)) <= 0:
        raise InputError(f"{session.place}: times of frames must be finite and increase. Remove the file and fetch it again.")
    n_scenes = len(session.scene_sha256)
    if not len(session.image) or session.image.min() < -1 or session.image.max() >= n_scenes:
        raise InputError(f"{session.place}: presentations must name images from -1, the blank, to {n_scenes - 1}.")
