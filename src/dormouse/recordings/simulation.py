"""Simulated recordings for the demo and the tests: scenes, neurons whose true tuning is known, and NWB files of both.

Scenes are dead leaves: ellipses of random size, place and grey that occlude each other, with 1/f texture inside and behind.

Neurons are of three kinds. Most are complex cells: each prefers one orientation and spatial frequency at one place, where it
pools Gabor energy by a Gaussian whose width depends on the area. Its response to a scene is a power of this drive, divided by
that of all orientations together (divisive normalisation, Heeger 1992, Vis. Neurosci. 9:181). Some are luminance cells: they
respond by the same power to light (ON) or to its absence (OFF). Some respond to nothing. The mean responses of neurons are
spread log-normally, as firing rates are (Buzsaki & Mizuseki 2014, Nat. Rev. Neurosci. 15:264).

Trials vary by a gamma-distributed gain and by noise in every frame; calcium decays exponentially. The files have the layout of
the Allen Brain Observatory, so the same reader reads them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from scipy import fft, signal

from dormouse.files import atomic
from dormouse.recordings.nwb1 import PIPELINE, SESSION_TYPE
from dormouse.recordings.simulated_sites import POOLING, Site, simulated_sites
from dormouse.stimuli.gabor import log_gabor_bank

FREQUENCIES = np.array([3.0, 6.0, 12.0])  # cycles per image height
N_ORIENTATIONS = 6
ORIENTATION_CONCENTRATION = 2.0  # of the von Mises function by which a complex cell weighs orientations
KINDS = {"complex": 0.7, "luminance": 0.1, "noise": 0.2}  # and the share of neurons that are of it
MEDIAN_RESPONSE, LOG_RESPONSE_SD = 0.3, 0.35  # dF/F, mean over scenes: median and log-normal spread over neurons
SEMISATURATION = 5.0  # in units of the mean energy
EXPONENT = 3.5  # so that responses are as sparse as recorded ones, with the next presentation in the window of each
GAIN_SHAPE = 4.0  # of the gamma distribution of gains: coefficient of variation 0.5
FRAME_NOISE_SD = (0.1, 1.5)  # dF/F, the range over neurons
CALCIUM_DECAY_S = 0.15
FRAME_S, SWEEP_FRAMES, FRAMES_PER_IMAGE, LEAD_FRAMES, BLOCK_GAP_FRAMES = 1 / 30, 7, 7.5, 300, 900
N_BLOCKS = 3  # of natural scenes in a session


def simulate_scenes(n_scenes: int, height: int, seed: int) -> np.ndarray:
    """Return scenes (n_scenes, height, width) uint8, with the aspect ratio of the Allen scenes (918 x 1174)."""
    rng = np.random.default_rng(seed)
    width = round(height * 1174 / 918)
    y, x = np.mgrid[:height, :width] / height
    scenes = np.empty((n_scenes, height, width), np.uint8)
    for scene in scenes:
        image = 0.5 + 0.12 * _texture(rng, (height, width))
        for _ in range(rng.integers(15, 60)):
            radius = 0.04 * rng.uniform(0.02, 1) ** -0.6  # many small leaves, few large ones
            along, across = radius * rng.uniform(0.4, 1.6, 2)
            angle, cy, cx = rng.uniform(0, np.pi), rng.uniform(0, 1), rng.uniform(0, width / height)
            u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
            v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
            leaf = (u / along) ** 2 + (v / across) ** 2 < 1
            texture = np.roll(image, rng.integers(0, height, 2), axis=(0, 1))[leaf] - 0.5
            image[leaf] = rng.uniform(0.1, 0.9) + rng.uniform(0, 0.5) * texture
        scene[:] = np.clip(255 * image, 0, 255)
    return scenes


def _texture(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return noise with amplitude spectrum 1/f, mean 0, sd 1."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    radius = np.hypot(fy, fx)
    radius[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) / radius, shape)
    return (noise - noise.mean()) / noise.std()


def gabor_energy(scenes: np.ndarray) -> np.ndarray:
    """Return the local energy of scenes (n_scenes, height, width) uint8 in every channel at every pixel.

    Shape (n_frequencies, n_orientations, n_scenes, height, width), float32.
    """
    bank = log_gabor_bank(scenes.shape[1:], FREQUENCIES, N_ORIENTATIONS).astype(np.float32)
    spectrum = fft.fft2(scenes.astype(np.float32) / 255)
    energy = np.empty((*bank.shape[:2], *scenes.shape), np.float32)
    for channel in np.ndindex(bank.shape[:2]):
        energy[channel] = np.abs(fft.ifft2(spectrum * bank[channel]))
    return energy


def tuning(
    scenes: np.ndarray, energy: np.ndarray, pooling: float, n_neurons: int, seed: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the true mean responses of the neurons of one recording to all scenes and the blank.

    Parameters
    ----------
    scenes : (n_scenes, height, width) uint8
    energy : (n_frequencies, n_orientations, n_scenes, height, width), their `gabor_energy`
    pooling : width (sd) of the Gaussian of the area, image heights

    Returns
    -------
    mean : (n_scenes + 1, n_neurons) float64, dF/F; the blank last
    kind : (n_neurons,) str, of `KINDS`
    """
    rng = np.random.default_rng(seed)
    height, width = scenes.shape[1:]
    kind = rng.choice(list(KINDS), n_neurons, p=list(KINDS.values()))
    level = MEDIAN_RESPONSE * rng.lognormal(0, LOG_RESPONSE_SD, n_neurons)
    y, x = np.arange(height) / height, np.arange(width) / height
    mean = np.empty((len(scenes) + 1, n_neurons))
    for i in range(n_neurons):
        cy, cx = rng.uniform(0.2, 0.8, 2) * (1, width / height)
        rows, columns = (np.exp(-((axis - centre) ** 2) / (2 * pooling**2)) for axis, centre in ((y, cy), (x, cx)))
        if kind[i] == "complex":
            response = _complex_cell(energy[rng.integers(len(energy))] @ columns @ rows, rng.integers(N_ORIENTATIONS))
        elif kind[i] == "luminance":
            response = _luminance_cell(scenes @ (columns / columns.sum()) @ (rows / rows.sum()) / 255, on=rng.random() < 0.5)
        else:
            response = np.ones(len(mean))
        mean[:, i] = level[i] * response / response[:-1].mean()
    return mean, kind


def _complex_cell(energy: np.ndarray, preferred: int) -> np.ndarray:
    """Return the response to scenes of energy (n_orientations, n_scenes) at one place, and to the blank, which has none."""
    angle = 2 * np.pi * (np.arange(len(energy)) - preferred) / len(energy)  # orientations repeat after half a turn
    weight = np.exp(ORIENTATION_CONCENTRATION * np.cos(angle))
    drive, pool = weight @ energy / weight.sum(), energy.mean(axis=0)
    return np.append(drive**EXPONENT / ((SEMISATURATION * energy.mean()) ** EXPONENT + pool**EXPONENT), 0.0)


def _luminance_cell(grey: np.ndarray, on: bool) -> np.ndarray:
    """Return the response to scenes of grey level (n_scenes,) at one place, 0 black and 1 white, and to the blank."""
    light = np.append(grey, 0.5)
    return (light if on else 1 - light) ** EXPONENT


def simulate_traces(mean: np.ndarray, order: np.ndarray, start: np.ndarray, n_frames: int, seed: list[int]) -> np.ndarray:
    """Return dF/F traces (n_neurons, n_frames) float32 of neurons with mean responses `mean` (n_stimuli, n_neurons).

    Presentation k shows stimulus order[k] (-1: the blank) from frame start[k] on.
    """
    rng = np.random.default_rng(seed)
    n_neurons = mean.shape[1]
    amplitude = mean[order] * rng.gamma(GAIN_SHAPE, 1 / GAIN_SHAPE, (len(order), n_neurons))
    drive = np.zeros((n_frames, n_neurons))
    for frame in range(SWEEP_FRAMES):
        drive[start + frame] = amplitude
    decay = np.exp(-FRAME_S / CALCIUM_DECAY_S)
    calcium = signal.lfilter([1 - decay], [1, -decay], drive, axis=0)
    sd = np.geomspace(*FRAME_NOISE_SD, n_neurons)[rng.permutation(n_neurons)]
    trace = calcium + sd * rng.standard_normal(calcium.shape)
    return (np.round(trace * 128) / 128).T.astype(np.float32)  # few bits, so files compress to less than half


def presentation_order(n_scenes: int, n_trials: int, seed: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return image (-1: the blank) and first frame of every presentation: all images, shuffled per trial, in three blocks."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.arange(-1, n_scenes)) for _ in range(n_trials)])
    k = np.arange(len(order))
    block = k * N_BLOCKS // len(order)
    return order, (LEAD_FRAMES + k * FRAMES_PER_IMAGE + block * BLOCK_GAP_FRAMES).astype(int)


def write_recordings(paths: list[str], n_scenes: int, n_trials: int, n_neurons: int, height: int, seed: int) -> None:
    """Simulate the recordings of `simulated_sites`, in this order, and write them as NWB files to `paths`."""
    scenes = simulate_scenes(n_scenes, height, seed)
    energy = gabor_energy(scenes)
    for k, (site, path) in enumerate(zip(simulated_sites(), paths, strict=True)):
        mean, _ = tuning(scenes, energy, POOLING[site.area], n_neurons, [seed, k, 0])
        order, start = presentation_order(n_scenes, n_trials, [seed, k, 1])
        dff = simulate_traces(mean, order, start, int(start[-1]) + LEAD_FRAMES, [seed, k, 2])
        write_nwb(path, site, scenes, dff, order, start, [seed, k, 3])


def write_nwb(
    path: str | Path, site: Site, scenes: np.ndarray, dff: np.ndarray, order: np.ndarray, start: np.ndarray, seed: list[int]
) -> None:
    """Write one three_session_B file: scenes (n, h, w), dF/F (n_neurons, n_frames), presentations as images and frames."""
    rng = np.random.default_rng(seed)
    n_neurons, n_frames = dff.shape
    times = 8.7 + FRAME_S * np.arange(n_frames)
    rois = np.array([f"roi_{i:03d}" for i in range(n_neurons)], "S")
    compressed = {"compression": "gzip"}
    with _writing_hdf5(path) as file:
        for name, text in _general(site).items():
            file[name] = np.bytes_(text)
        file["general/generated_by"] = np.array(["brain_observatory_pipeline", "version", "3.0"], "S")
        pipeline = file.create_group(PIPELINE)
        pipeline["ImageSegmentation/cell_specimen_ids"] = int(site.recording) * 1000 + np.arange(n_neurons)
        pipeline["ImageSegmentation/roi_ids"] = np.array([f"{site.recording}{i:03d}" for i in range(n_neurons)], "S")
        pipeline["ImageSegmentation/imaging_plane_1/roi_list"] = rois
        # AllenSDK reads times from Fluorescence/imaging_plane_1; the corrected fluorescence has a baseline of 100
        traces = {"DfOverF/imaging_plane_1": dff, "Fluorescence/imaging_plane_1": None}
        traces["Fluorescence/imaging_plane_1_demixed_signal"] = 100 * (1 + dff)
        traces["Fluorescence/imaging_plane_1_neuropil_response"] = np.zeros_like(dff)
        for name, data in traces.items():
            plane = pipeline.create_group(name)
            plane["timestamps"], plane["num_samples"], plane["roi_names"] = times, n_frames, rois
            if data is not None:
                plane.create_dataset("data", data=data, chunks=(1, n_frames), **compressed)
        pipeline["Fluorescence/imaging_plane_1_neuropil_response/r"] = np.zeros(n_neurons)
        running = pipeline.create_group("BehavioralTimeSeries/running_speed")
        speed = np.abs(signal.lfilter([0.01], [1, -0.99], 20 * rng.standard_normal(n_frames)))
        running["data"], running["timestamps"] = speed.astype(np.float32), times
        shown = file.create_group("stimulus/presentation/natural_scenes_stimulus")
        shown["data"], shown["num_samples"] = order, len(order)
        shown["frame_duration"] = np.stack([start, start + SWEEP_FRAMES], axis=1)
        shown["timestamps"] = times[start]
        grey = file.create_group("stimulus/presentation/spontaneous_stimulus")
        grey["data"], grey["num_samples"] = np.array([1, -1], np.int8), 2
        grey["frame_duration"] = np.array([[0, 0], [LEAD_FRAMES - 1, LEAD_FRAMES - 1]])
        grey["timestamps"] = times[[0, LEAD_FRAMES - 1]]
        stack = file.create_group("stimulus/templates/natural_scenes_image_stack")
        stack.create_dataset("data", data=scenes, chunks=(1, *scenes.shape[1:]), **compressed)
        for name in ("analysis", "epochs"):
            file.create_group(name)


@contextmanager
def _writing_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Give an HDF5 file to write to. It is made in memory, because the library crashes where a disk is full."""
    content = BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    with atomic(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def _general(site: Site) -> dict[str, str]:
    """Return the text fields of a file: those that AllenSDK reads, and those that say that the data are simulated."""
    return {
        "nwb_version": "NWB-1.0.5",
        "identifier": f"simulated {site.recording}",
        "session_description": "SIMULATED by dormouse: no animal was recorded",
        "file_create_date": "2026-01-01T00:00:00",
        "session_start_time": "Thu Jan  1 00:00:00 2026",
        "general/session_id": site.recording,
        "general/ophys_experiment_id": site.recording,
        "general/experiment_container_id": site.recording,
        "general/session_type": SESSION_TYPE,
        "general/specimen_name": f"Simulated;{site.animal}",
        "general/fov": "400x400 microns (512 x 512 pixels)",
        "general/devices/2-photon microscope": "Simulated microscope. CAM2P.0 Please see the docstring.",
        "general/optophysiology/imaging_plane_1/imaging depth": f"{site.depth_um} microns",
        "general/optophysiology/imaging_plane_1/location": site.area,
        "general/optophysiology/imaging_plane_1/excitation_lambda": "910 nanometers",
        "general/optophysiology/imaging_plane_1/indicator": "GCaMP6f",
        "general/subject/age": "104 days",
        "general/subject/sex": "unknown",
        "general/subject/genotype": "Simulated/wt;none",
        "general/subject/subject_id": site.animal,
        "general/subject/species": "simulated",
    }
