"""Made-up recordings of session B as NWB 1.0 files that AllenSDK reads in full."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from sessions import (
    FIRST_S,
    FRAME_S,
    GRATINGS,
    MOVIE,
    PIPELINE,
    SCENES,
    SHOWN_FRAMES,
    SMALL,
    STORAGE,
    Options,
    Published,
    cell_ids,
    presentations,
    responses,
    scene_images,
)

RUNNING_FRAMES = 300  # the animal rests so long, and then runs so long


def write_session(
    path: Path, recording: Published, options: Options = SMALL, seed: int = 0, events: Path | None = None
) -> None:
    """Write a recording as an NWB 1.0 file that AllenSDK reads in full, and its L0 events where a path for them is given."""
    rng = np.random.default_rng([seed, recording.id])
    shown, n_frames = presentations(options, rng)
    cells = recording.first_cell + np.arange(options.n_cells)
    cells = cells if options.sorted_ids else rng.permutation(cells)
    dff, onsets = responses(shown.get(SCENES), cells, n_frames, options, rng)
    with h5py.File(path, "w") as file:
        _write_texts(file, recording, options)
        times = FIRST_S + FRAME_S * np.arange(n_frames)
        _write_masks(file.create_group(f"{PIPELINE}/ImageSegmentation"), recording, cells, options, rng)
        _write_traces(file[PIPELINE], dff, times, options, rng)
        _write_behaviour(file[PIPELINE], times, options, rng)
        _write_stimuli(file.create_group("stimulus"), shown, times, options)
        file["acquisition/timeseries/2p_image_series/timestamps"] = times
        for name in ("analysis", "epochs"):
            file.create_group(name)
    if events:
        np.savez(events, ev=onsets)


def _write_texts(file: h5py.File, recording: Published, options: Options) -> None:
    texts = {
        "nwb_version": "NWB-1.0.5",
        "identifier": f"made up {recording.id}",
        "session_description": "made up: no animal was recorded",
        "file_create_date": "2016-07-01T00:00:00",
        "session_start_time": "Wed Mar  2 15:33:18 2016",
        "general/session_id": recording.id,
        "general/ophys_experiment_id": recording.id,
        "general/ophys_experiment_name": "made up",
        "general/institution": "nowhere",
        "general/experiment_container_id": recording.container,
        "general/session_type": recording.session_type,
        "general/specimen_name": f"{recording.cre_line};Camk2a-tTA;Ai93-{recording.animal}",
        "general/fov": "400x400 microns (512 x 512 pixels)",
        "general/targeted_structure": recording.area,
        "general/devices/2-photon microscope": "Nikon A1R-MP multiphoton microscope. CAM2P.1 Please see the white paper.",
        "general/optophysiology/imaging_plane_1/imaging depth": f"{recording.depth_um} microns",
        "general/optophysiology/imaging_plane_1/location": recording.area,
        "general/optophysiology/imaging_plane_1/excitation_lambda": "910 nanometers",
        "general/optophysiology/imaging_plane_1/indicator": "GCaMP6f",
        "general/subject/age": "104 days",
        "general/subject/sex": "male",
        "general/subject/genotype": f"{recording.cre_line}/wt;Camk2a-tTA/wt;Ai93(TITL-GCaMP6f)/Ai93(TITL-GCaMP6f)",
        "general/subject/subject_id": recording.animal,
        "general/subject/species": "Mus musculus",
    }
    for name, text in texts.items():
        file[name] = np.bytes_(str(text))
    if options.pipeline:
        file["general/generated_by"] = np.array(["brain_observatory_pipeline", "version", options.pipeline], "S")


def _names(n_cells: int) -> np.ndarray:
    return np.array([f"roi_{i:03d}" for i in range(n_cells)], "S")


def _write_masks(
    group: h5py.Group, recording: Published, cells: np.ndarray, options: Options, rng: np.random.Generator
) -> None:
    group["cell_specimen_ids"] = cell_ids(recording, cells)
    group["roi_ids"] = np.array([str(recording.id + 300_000_000 + i) for i in range(len(cells))], "S")
    plane = group.create_group("imaging_plane_1")
    plane["roi_list"], plane["imaging_plane_name"] = _names(len(cells)), np.bytes_("imaging_plane_1")
    shape = (options.roi_px, options.roi_px)
    plane["reference_images/maximum_intensity_projection_image/data"] = rng.integers(0, 256, shape, np.uint8)
    corners = rng.integers(0, options.roi_px - 8, (len(cells), 2))
    for name, (top, left) in zip(_names(len(cells)), corners, strict=True):
        mask = np.zeros(shape, np.uint8)
        mask[top : top + 8, left : left + 8] = 1
        roi = plane.create_group(name)
        roi.create_dataset("img_mask", data=mask, compression="gzip")
        roi["pix_mask"] = np.argwhere(mask)[:, ::-1].astype(np.int16)  # x, y
        roi["pix_mask_weight"] = np.ones(64, np.float32)


def _write_traces(group: h5py.Group, dff: np.ndarray, times: np.ndarray, options: Options, rng: np.random.Generator) -> None:
    n_cells = len(dff)
    r = rng.random(n_cells)
    series = {"DfOverF/imaging_plane_1": {"data": dff}}
    plain = series["Fluorescence/imaging_plane_1"] = {"r": r, "rmse": r / 10}
    recent = options.pipeline is not None and float(options.pipeline) >= 2
    if recent:
        series["Fluorescence/imaging_plane_1_neuropil_response"] = {"r": r, "rmse": r / 10}
    if recent and options.demixed:
        series["Fluorescence/imaging_plane_1_demixed_signal"] = {}
    if options.sparse:
        hole = h5py.Empty(np.float32)
        neuropil = plain["data"] = demixed = hole
    else:
        neuropil = 50 + 5 * rng.standard_normal(dff.shape, dtype=np.float32)
        demixed = 100 * (1 + dff) + (r[:, None] * neuropil).astype(np.float32)  # less the neuropil it gives dF/F again
        plain["data"] = 1.1 * demixed if recent else demixed  # the one that must not be used is another
    if recent:
        series["Fluorescence/imaging_plane_1_neuropil_response"]["data"] = neuropil
    else:
        plain["neuropil_traces"] = neuropil
    if recent and options.demixed:
        series["Fluorescence/imaging_plane_1_demixed_signal"]["data"] = demixed
    for name, arrays in series.items():
        plane = group.create_group(name)
        for key, array in arrays.items():
            traces = key in ("data", "neuropil_traces")
            _put(plane, key, array, dff.shape, STORAGE[options.storage] if traces else {})
        plane["timestamps"], plane["num_samples"], plane["roi_names"] = times, len(times), _names(n_cells)


def _put(group: h5py.Group, name: str, data, shape: tuple[int, ...], storage: dict) -> None:
    """Write an array, or a hole of that shape where it is h5py.Empty: bytes that take no room on the disk."""
    if "chunks" in storage:
        storage = storage | {"chunks": tuple(map(min, storage["chunks"], shape))}
    if isinstance(data, h5py.Empty):
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        group.create_dataset(name, shape, data.dtype, dcpl=create, **storage)
    else:
        group.create_dataset(name, data=data, **storage)


def _write_behaviour(group: h5py.Group, times: np.ndarray, options: Options, rng: np.random.Generator) -> None:
    n_frames = len(times)
    runs = np.arange(n_frames) // RUNNING_FRAMES % 2 == 1
    speed = np.where(runs, 15 + 3 * rng.standard_normal(n_frames), np.clip(0.2 * rng.standard_normal(n_frames), -0.9, 0.9))
    speed = speed[options.running_from :].astype(np.float32)
    speed[: options.running_missing] = np.nan
    running = group.create_group("BehavioralTimeSeries/running_speed")
    running["data"] = speed[:, None] if options.running_column else speed
    running["timestamps"] = times[options.running_from :]  # equal to two-photon times to the last bit, as AllenSDK needs them
    moved = group.create_group("MotionCorrection/2p_image_series/xy_translation")
    moved["data"], moved["timestamps"] = rng.integers(-3, 4, (n_frames, 2)).astype(np.float32), times
    moved["feature_description"] = np.array(["x", "y"], "S")
    if options.pupil:
        for name, shape in {
            "PupilTracking/pupil_size": (n_frames,),
            "EyeTracking/pupil_location": (n_frames, 2),
            "EyeTracking/pupil_location_spherical": (n_frames, 2),
        }.items():
            pupil = group.create_group(name)
            pupil["data"], pupil["timestamps"] = rng.random(shape), times


def _write_stimuli(group: h5py.Group, shown, times: np.ndarray, options: Options) -> None:
    for name, (data, start) in shown.items():
        stimulus = group.create_group(f"presentation/{name}_stimulus")
        stimulus["data"], stimulus["num_samples"] = data, len(data)
        stimulus["frame_duration"] = np.stack([start, start + SHOWN_FRAMES.get(name, 0)], axis=1)
        stimulus["timestamps"] = FIRST_S + FRAME_S * start
        if name == GRATINGS:
            stimulus["features"] = np.array(["orientation", "spatial_frequency", "phase"], "S")
    stacks = {f"{MOVIE}_image_stack": (options.movie, np.uint8)}
    if options.scenes:
        stacks[f"{SCENES}_image_stack"] = ((options.n_scenes, *options.scene_shape), options.template_dtype)
    for name, (shape, dtype) in stacks.items():
        storage = {"chunks": (1, *shape[1:])} | ({"compression": "gzip"} if options.storage == "gzip" else {})
        stack = group.create_group(f"templates/{name}")
        if options.sparse:
            _put(stack, "data", h5py.Empty(dtype), shape, storage)
            stack["data"][0] = scene_images(replace(options, n_scenes=1))[0] if name.startswith(SCENES) else 0
        else:
            scenes = name.startswith(SCENES)
            _put(stack, "data", scene_images(options).astype(dtype) if scenes else np.zeros(shape, dtype), shape, storage)
