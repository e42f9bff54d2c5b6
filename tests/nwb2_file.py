"""A small session B in NWB 2, written by pynwb in the layout of catalystneuro/visual-coding-to-nwb-v2."""

import hashlib
from dataclasses import fields
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest

from dormouse.recordings.session import Session

pynwb = pytest.importorskip("pynwb")
FRAME_S, N_FRAMES, N_SCENES, N_TRIALS, N_NEURONS = 1 / 30, 700, 4, 5, 3
SWEEP_FRAMES, LEAD_FRAMES, DEPTH_UM = 7, 100, 175.0
NEURONS = np.array([517397340, 517397347, 517397399])
RATIOS = np.array([0.2, 0.5, 0.9])
OPHYS = "processing/ophys"
DFF, EVENTS = f"{OPHYS}/DfOverF/DfOverF", f"{OPHYS}/DfOverF/DfOverFEvents"
SCENES = "stimulus/presentation/natural_scenes_stimulus"
TEMPLATE, RATIOS_AT = "stimulus/templates/natural_scenes_template", f"{OPHYS}/ContaminationRatios/ratios"
RUNNING = "processing/behavior/BehavioralTimeSeries/running_speed"
WINDOW_S, BASELINE_S = (0.0, 0.5), (-0.5, 0.0)


def numbers(seed: int = 0) -> dict:
    """Give what a session holds, as NWB 1.0 has it: traces (n_neurons, n_frames), presentations in order of time."""
    rng = np.random.default_rng(seed)
    image = np.concatenate([rng.permutation(np.arange(-1, N_SCENES)) for _ in range(N_TRIALS)])
    return {
        "times": 8.7 + FRAME_S * np.arange(N_FRAMES) + rng.uniform(0, 0.001, N_FRAMES),
        **{
            name: rng.standard_normal((N_NEURONS, N_FRAMES)).astype(np.float32)
            for name in ("dff", "demixed", "neuropil", "corrected")
        },
        "events": rng.exponential(size=(N_NEURONS, N_FRAMES)),  # NWB 2 has them as they were published
        "speed": rng.random(N_FRAMES).astype(np.float32),
        "image": image,
        "start": (LEAD_FRAMES + 7.5 * np.arange(len(image))).astype(int),
        "scenes": rng.integers(0, 256, (N_SCENES, 6, 8), dtype=np.uint8),
    }


def write(path, session, stored=None, kind="StimB", without=()):
    """Write a session with pynwb, in the converter's layout; `stored` are the numbers of the scenes as the file holds them."""
    from pynwb.behavior import BehavioralTimeSeries

    nwb = pynwb.NWBFile(
        session_description="made up",
        identifier="made up",
        session_start_time=datetime(2016, 3, 2, tzinfo=UTC),
        session_id=f"501559087-{kind}",
        notes="Container ID: 511510779",
        subject=pynwb.file.Subject(
            subject_id="502270545", genotype="Cux2-CreERT2/wt;Camk2a-tTA/wt", species="Mus musculus", age="P104D", sex="M"
        ),
    )
    if "traces" not in without:
        add_traces(nwb, session, without)
    if "running" not in without:
        speed = pynwb.TimeSeries(name="running_speed", data=session["speed"], timestamps=session["times"], unit="cm/s")
        nwb.create_processing_module("behavior", "Processed behavioral data.").add(BehavioralTimeSeries(time_series=speed))
    if "scenes" not in without:
        add_scenes(nwb, session, session["image"] if stored is None else stored)
    with pynwb.NWBHDF5IO(path, "w") as out:
        out.write(nwb)
    return path


def add_scenes(nwb, session, stored):
    pictures = [
        pynwb.image.Image(name=f"NaturalScene{k}", data=scene, description="Lasted for exactly 7 frames.")
        for k, scene in enumerate(session["scenes"])
    ]
    template = pynwb.image.Images(name="natural_scenes_template", description="Natural scenes.", images=pictures)
    nwb.add_stimulus_template(template)
    nwb.add_stimulus(
        pynwb.image.IndexSeries(
            name="natural_scenes_stimulus",
            data=np.asarray(stored).astype(np.uint32),
            timestamps=session["times"][session["start"]],
            indexed_images=template,
            unit="N/A",
        )
    )


def add_traces(nwb, session, without):
    from pynwb import ophys

    device = nwb.create_device(name="Microscope")
    plane = nwb.create_imaging_plane(
        name="ImagingPlane",
        description="The imaging plane sampled by the two-photon calcium imaging at a depth of {depth} µm.",
        optical_channel=ophys.OpticalChannel(name="OpticalChannel", description="one", emission_lambda=np.nan),
        excitation_lambda=910.0,
        indicator="GCaMP6f",
        location="VISp",
        device=device,
    )
    cells = ophys.PlaneSegmentation(name="PlaneSegmentation", description="ROIs", imaging_plane=plane)
    cells.add_column(name="global_roi_id", description="The ID of each ROI across sessions.")
    for neuron in NEURONS:
        cells.add_roi(id=int(neuron), pixel_mask=[(1, 2, 1.0)], global_roi_id=int(neuron))
    module = nwb.create_processing_module("ophys", "Processed optical physiology data.")
    module.add(ophys.ImageSegmentation(name="ImageSegmentation", plane_segmentations=cells))
    region = cells.create_roi_table_region(region=list(range(N_NEURONS)), description="all")

    def series(name, trace, times):
        return ophys.RoiResponseSeries(name=name, data=session[trace].T, timestamps=times, unit="n.a.", rois=region)

    corrected = series("Corrected", "corrected", session["times"])
    others = [series(name, name.lower(), corrected) for name in ("Neuropil", "Demixed") if name not in without]
    module.add(ophys.Fluorescence(name="Fluorescence", roi_response_series=[*others, corrected]))
    traces = [("DfOverF", "dff"), ("DfOverFEvents", "events")]
    traces = [series(name, trace, corrected) for name, trace in traces if name not in without]
    module.add(ophys.DfOverF(name="DfOverF", roi_response_series=traces))
    ratios = pynwb.core.VectorData(name="ratios", description="contamination", data=RATIOS)
    module.add(pynwb.core.DynamicTable(name="ContaminationRatios", description="neuropil", columns=[ratios]))


def of_nwb1(session, trace) -> Session:
    """Give the session as a reader of NWB 1.0 does, with no way through a file."""
    return Session(
        place="NWB 1.0",
        trace=(corrected(session) if trace == "fluorescence" else session[trace]).astype(np.float32),
        times=session["times"],
        running_speed=session["speed"].astype(float),
        image=session["image"],
        start=session["start"],
        sweep_frames=SWEEP_FRAMES,
        scene_sha256=np.array([hashlib.sha256(scene.tobytes()).hexdigest() for scene in session["scenes"]]),
        neuron=np.array(["517397340", "517397347", "517397399"]),
        animal="502270545",
        area="VISp",
        cortical_layer="2/3",
        depth_um=DEPTH_UM,
        cre_line="Cux2-CreERT2",
    )


def corrected(session):
    rows = zip(session["demixed"], session["neuropil"], RATIOS.astype(np.float32), strict=True)
    return np.stack([demixed - ratio * neuropil for demixed, neuropil, ratio in rows])


def put(path, name, value):
    """Replace one dataset of a file, or what stands in its place in a series linked to another."""
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = value


def get(path, name):
    with h5py.File(path) as file:
        return file[name][()]


def assert_same(found, expected):
    for field in fields(expected):
        values = [np.asarray(getattr(of, field.name)) for of in (found, expected)]
        assert values[0].dtype.kind == values[1].dtype.kind, field.name
        if field.name != "place":
            np.testing.assert_array_equal(*values, err_msg=field.name)
