"""The file of the fixture `tiny_nwb`, NWB 1.0: where its parts are, how to change one, and what a loop over it gives."""

import h5py
import numpy as np

from dormouse.recordings import readers

PIPELINE = "processing/brain_observatory_pipeline"
DFF = f"{PIPELINE}/DfOverF/imaging_plane_1/data"
TIMES = f"{PIPELINE}/DfOverF/imaging_plane_1/timestamps"
RUNNING = f"{PIPELINE}/BehavioralTimeSeries/running_speed/data"
SHOWN = "stimulus/presentation/natural_scenes_stimulus/data"
FRAMES = "stimulus/presentation/natural_scenes_stimulus/frame_duration"
TEMPLATE = "stimulus/templates/natural_scenes_image_stack/data"
DEMIXED, NEUROPIL = (f"{PIPELINE}/Fluorescence/imaging_plane_1_{name}" for name in ("demixed_signal", "neuropil_response"))
DEPTH = "general/optophysiology/imaging_plane_1/imaging depth"
N_SCENES, N_TRIALS, N_NEURONS = 6, 4, 5  # of tiny_nwb
WINDOW_S, WINDOW_FRAMES = (0.0, 0.5), 15  # at 30 frames a second
FLOAT32_ROUNDING = 1.2e-7


def read_nwb(path, window_s, measure="dff", baseline_s=None, events=()):
    return readers.read_nwb(path, {"measure": measure, "window_s": window_s, "baseline_s": baseline_s}, events)


def put(path, name, value, **options):
    """Replace one dataset of a file."""
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_dataset(name, data=value, **options)


def get(path, name):
    with h5py.File(path) as file:
        return file[name][()]


def by_presentation(trace, shown, starts, first, last):
    """Mean of a trace (..., n_frames) over frames `first` to `last` (excluded) of each presentation, one by one."""
    means = np.full((N_TRIALS, N_SCENES + 1, *trace.shape[:-1]), np.nan)
    n_seen = [0] * (N_SCENES + 1)
    for start, image in sorted(zip(starts, shown, strict=True)):
        stimulus = N_SCENES if image == -1 else image
        frames = trace[..., start + first : start + last]
        if frames.shape[-1] == last - first:
            means[n_seen[stimulus], stimulus] = np.mean(frames, axis=-1, dtype=np.float64)
        n_seen[stimulus] += 1
    return means
