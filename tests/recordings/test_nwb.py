"""The reader of Allen Brain Observatory files, against loops over the file and against AllenSDK."""

import hashlib
import os
import subprocess

import h5py
import numpy as np
import pytest

from dormouse.errors import InputError
from dormouse.recordings import readers
from dormouse.recordings.nwb import read_scenes
from dormouse.recordings.trials import check_images
from dormouse.stimuli.images import image_hashes

pytestmark = pytest.mark.allen

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


@pytest.mark.parametrize(("window_s", "first", "last"), [((0.0, 0.5), 0, 15), ((0.1, 0.3), 3, 9), ((0.0, 0.25), 0, 8)])
def test_responses_equal_those_of_a_loop_over_presentations(tiny_nwb, window_s, first, last):
    expected = by_presentation(get(tiny_nwb, DFF), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0], first, last)
    response = read_nwb(tiny_nwb, window_s).response
    assert response.dtype == np.float32
    np.testing.assert_allclose(response, expected, rtol=FLOAT32_ROUNDING)


def test_running_speed_equals_that_of_a_loop_over_presentations(tiny_nwb):
    expected = by_presentation(get(tiny_nwb, RUNNING), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0], 0, WINDOW_FRAMES)
    np.testing.assert_allclose(read_nwb(tiny_nwb, WINDOW_S).running_speed, expected, rtol=FLOAT32_ROUNDING)


def test_scenes_come_in_frame_order_and_the_blank_last(tiny_nwb):
    shown, dff = get(tiny_nwb, SHOWN), get(tiny_nwb, DFF)
    for image, start in zip(shown, get(tiny_nwb, FRAMES)[:, 0], strict=True):
        dff[:, start : start + 7] = image
    put(tiny_nwb, DFF, dff)
    recording = read_nwb(tiny_nwb, (0.0, 7 / 30))
    expected = np.array([0, 1, 2, 3, 4, 5, -1], np.float32)
    np.testing.assert_array_equal(recording.response, np.broadcast_to(expected[:, None], (N_TRIALS, 7, N_NEURONS)))
    assert recording.stimulus.tolist() == [f"scene_00{i}" for i in range(N_SCENES)] + ["blank"]


def test_neurons_carry_what_the_file_says_of_them(tiny_nwb):
    recording = read_nwb(tiny_nwb, WINDOW_S)
    assert recording.neuron.tolist() == [f"90000000000{i}" for i in range(N_NEURONS)]
    for field, value in {"area": "VISp", "animal": "sim00", "cre_line": "Simulated", "depth_um": 175}.items():
        assert getattr(recording, field).tolist() == [value] * N_NEURONS
    assert recording.unit == "dF/F"


def test_the_specimen_stands_for_an_animal_that_has_no_id(tiny_nwb):
    with h5py.File(tiny_nwb, "r+") as file:
        del file["general/subject/subject_id"]
    assert read_nwb(tiny_nwb, WINDOW_S).animal.tolist() == ["Simulated;sim00"] * N_NEURONS


@pytest.mark.parametrize(("depth_um", "layer"), [(175, "2/3"), (275, "4"), (375, "5"), (550, "6")])
def test_depth_of_the_imaging_plane_gives_the_cortical_layer(tiny_nwb, depth_um, layer):
    put(tiny_nwb, DEPTH, np.bytes_(f"{depth_um} microns"))
    recording = read_nwb(tiny_nwb, WINDOW_S)
    assert recording.cortical_layer.tolist() == [layer] * N_NEURONS
    assert recording.depth_um.tolist() == [depth_um] * N_NEURONS


def test_order_of_the_presentation_table_does_not_matter(tiny_nwb):
    expected = read_nwb(tiny_nwb, WINDOW_S).response
    mixed = np.random.default_rng(0).permutation(N_TRIALS * (N_SCENES + 1))
    for name in (SHOWN, FRAMES):
        put(tiny_nwb, name, get(tiny_nwb, name)[mixed])
    np.testing.assert_array_equal(read_nwb(tiny_nwb, WINDOW_S).response, expected)


@pytest.mark.parametrize("storage", [{}, {"chunks": (2, 100), "compression": "gzip"}], ids=["contiguous", "chunked"])
def test_storage_of_the_traces_does_not_matter(tiny_nwb, storage):
    expected = read_nwb(tiny_nwb, WINDOW_S).response
    put(tiny_nwb, DFF, get(tiny_nwb, DFF), **storage)
    with h5py.File(tiny_nwb) as file:
        assert file[DFF].chunks == storage.get("chunks")
    np.testing.assert_array_equal(read_nwb(tiny_nwb, WINDOW_S).response, expected)


def test_templates_stored_as_floating_point_are_read_as_8_bit(tiny_nwb):
    scenes = get(tiny_nwb, TEMPLATE)
    put(tiny_nwb, TEMPLATE, scenes.astype(np.float32))
    stimuli = read_scenes(tiny_nwb, blank=False)
    assert stimuli.images.dtype == np.uint8
    np.testing.assert_array_equal(stimuli.images, scenes)


@pytest.mark.parametrize("wrong", [0.5, -1.0, 256.0, np.nan])
def test_templates_that_are_not_8_bit_are_refused(tiny_nwb, wrong):
    scenes = get(tiny_nwb, TEMPLATE).astype(np.float32)
    scenes[0, 0, 0] = wrong
    put(tiny_nwb, TEMPLATE, scenes)
    with pytest.raises(InputError, match=r"900000000\.nwb.*natural_scenes_image_stack.*0 to 255"):
        read_scenes(tiny_nwb, blank=False)


def test_stimuli_and_responses_share_their_names_with_and_without_the_blank(tiny_nwb):
    names = read_nwb(tiny_nwb, WINDOW_S).stimulus
    with_blank, scenes = read_scenes(tiny_nwb, blank=True), read_scenes(tiny_nwb, blank=False)
    assert with_blank.names.tolist() == names.tolist()
    assert scenes.names.tolist() == names[:-1].tolist()
    np.testing.assert_array_equal(with_blank.images[:-1], scenes.images)
    assert len(np.unique(with_blank.images[-1])) == 1


def test_running_speed_may_be_a_column(tiny_nwb):
    expected = read_nwb(tiny_nwb, WINDOW_S).running_speed
    put(tiny_nwb, RUNNING, get(tiny_nwb, RUNNING)[:, None])
    np.testing.assert_array_equal(read_nwb(tiny_nwb, WINDOW_S).running_speed, expected)


def test_running_speed_that_ends_early_is_missing_in_the_trials_behind_its_end(tiny_nwb):
    speed, shown, starts = get(tiny_nwb, RUNNING), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0]
    end = starts[len(starts) // 2] + 3
    expected = by_presentation(speed[:end], shown, starts, 0, WINDOW_FRAMES)
    put(tiny_nwb, RUNNING, speed[:end])
    recording = read_nwb(tiny_nwb, WINDOW_S)
    assert 0 < np.isnan(expected).sum() < expected.size
    np.testing.assert_allclose(recording.running_speed, expected, rtol=FLOAT32_ROUNDING)
    assert not np.isnan(recording.response).any()


def test_running_speed_that_was_not_recorded_is_missing(tiny_nwb):
    with h5py.File(tiny_nwb, "r+") as file:
        del file[f"{PIPELINE}/BehavioralTimeSeries"]
    assert np.isnan(read_nwb(tiny_nwb, WINDOW_S).running_speed).all()


def test_presentations_that_run_past_the_last_frame_are_missing_and_reported(tiny_nwb, capsys):
    dff, shown, starts = get(tiny_nwb, DFF), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0]
    n_frames = starts[-1] + 10
    put(tiny_nwb, DFF, dff[:, :n_frames])
    put(tiny_nwb, TIMES, get(tiny_nwb, TIMES)[:n_frames])
    response = read_nwb(tiny_nwb, WINDOW_S).response
    np.testing.assert_allclose(
        response, by_presentation(dff[:, :n_frames], shown, starts, 0, WINDOW_FRAMES), rtol=FLOAT32_ROUNDING
    )
    assert np.argwhere(np.isnan(response).any(axis=2)).tolist() == [[N_TRIALS - 1, shown[-1] % (N_SCENES + 1)]]
    message = capsys.readouterr().err
    assert "900000000.nwb: 1 presentation" in message
    assert "leave the recording" in message


def test_nothing_is_reported_of_a_recording_that_is_whole(tiny_nwb, capsys):
    read_nwb(tiny_nwb, WINDOW_S)
    assert capsys.readouterr().err == ""


def test_a_nan_in_a_trace_makes_missing_the_trials_of_that_neuron_whose_window_holds_it(tiny_nwb):
    dff, shown, starts = get(tiny_nwb, DFF), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0]
    frame = starts[9] + 2
    dff[3, frame] = np.nan
    put(tiny_nwb, DFF, dff)
    missing = np.isnan(read_nwb(tiny_nwb, WINDOW_S).response)
    np.testing.assert_array_equal(missing, np.isnan(by_presentation(dff, shown, starts, 0, WINDOW_FRAMES)))
    # the window of the presentation before reaches into this one
    assert missing[:, :, 3].sum() == ((starts <= frame) & (frame < starts + WINDOW_FRAMES)).sum() == 2
    assert not missing[:, :, [0, 1, 2, 4]].any()


def test_a_truncated_file_is_refused(tiny_nwb):
    tiny_nwb.write_bytes(tiny_nwb.read_bytes()[: tiny_nwb.stat().st_size // 2])
    with pytest.raises(InputError, match=r"900000000\.nwb: not a whole HDF5 file.*fetch it again"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_a_file_that_is_not_hdf5_is_refused(tiny_nwb):
    tiny_nwb.write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"900000000\.nwb: not a whole HDF5 file.*fetch it again"):
        read_scenes(tiny_nwb, blank=True)


def test_a_file_whose_compressed_traces_are_damaged_is_refused(tiny_nwb):
    with h5py.File(tiny_nwb) as file:
        place = file[DFF].id.get_chunk_info(0)
    damaged = bytearray(tiny_nwb.read_bytes())
    damaged[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    tiny_nwb.write_bytes(damaged)
    with pytest.raises(InputError, match=r"900000000\.nwb"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_another_session_type_is_refused(tiny_nwb):
    put(tiny_nwb, "general/session_type", np.bytes_("three_session_A"))
    with pytest.raises(InputError, match=r"900000000\.nwb: session type three_session_A; .* three_session_B"):
        read_nwb(tiny_nwb, WINDOW_S)


@pytest.mark.parametrize(
    "part",
    [
        "general/session_type",
        "stimulus/presentation/natural_scenes_stimulus",
        TEMPLATE,
        f"{PIPELINE}/DfOverF",
        f"{PIPELINE}/ImageSegmentation/cell_specimen_ids",
        DEPTH,
    ],
)
def test_a_file_that_lacks_a_part_is_refused_by_the_name_of_the_part(tiny_nwb, part):
    with h5py.File(tiny_nwb, "r+") as file:
        del file[part]
    with pytest.raises(InputError, match=rf"900000000\.nwb: .*{part}"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_images_that_have_no_template_are_refused(tiny_nwb):
    put(tiny_nwb, TEMPLATE, get(tiny_nwb, TEMPLATE)[:-1])
    with pytest.raises(InputError, match=r"900000000\.nwb: presentations must name images from -1, .* to 4"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_traces_of_another_number_of_neurons_are_refused(tiny_nwb):
    put(tiny_nwb, DFF, get(tiny_nwb, DFF)[:-1])
    with pytest.raises(InputError, match=r"900000000\.nwb: traces have shape \(4, .*expected 5 cells"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_a_recording_of_one_trial_a_stimulus_is_refused(tiny_nwb):
    for name in (SHOWN, FRAMES):
        put(tiny_nwb, name, get(tiny_nwb, name)[: N_SCENES + 1])
    with pytest.raises(InputError, match=r"900000000\.nwb: 1 trial.*at least 2.*leave the recording out"):
        read_nwb(tiny_nwb, WINDOW_S)


@pytest.mark.parametrize("window_s", [(0.3, 0.3), (0.5, 0.0)])
def test_a_window_without_frames_is_refused(tiny_nwb, window_s):
    with pytest.raises(InputError, match=r"900000000\.nwb: response\.window_s .*holds no frame"):
        read_nwb(tiny_nwb, window_s)


def test_a_baseline_is_subtracted(tiny_nwb):
    dff, shown, starts = get(tiny_nwb, DFF), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0]
    before, after = (by_presentation(dff, shown, starts, *window) for window in ((-15, 0), (0, WINDOW_FRAMES)))
    response = read_nwb(tiny_nwb, WINDOW_S, baseline_s=(-0.5, 0.0)).response
    np.testing.assert_allclose(response, after - before, rtol=FLOAT32_ROUNDING, atol=1e-7)


def test_a_presentation_whose_baseline_begins_before_the_recording_is_missing(tiny_nwb, capsys):
    starts = get(tiny_nwb, FRAMES)[:, 0]
    seconds = -(starts[1] + 0.0) / 30  # leaves room before the second, and not before the first
    response = read_nwb(tiny_nwb, WINDOW_S, baseline_s=(seconds, 0.0)).response
    assert np.isnan(response).any(axis=2).sum() == 1
    assert "1 presentations leave the recording" in capsys.readouterr().err


def test_the_measure_sweep_is_the_change_from_28_frames_before_onset_over_14_after_it(tiny_nwb):
    shown, starts, rng = get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0], np.random.default_rng(0)
    shape = get(tiny_nwb, DFF).shape
    demixed, neuropil, r = rng.uniform(50, 150, shape), rng.uniform(10, 20, shape), rng.random(shape[0])
    put(tiny_nwb, f"{DEMIXED}/data", demixed.astype(np.float32))
    put(tiny_nwb, f"{NEUROPIL}/data", neuropil.astype(np.float32))
    put(tiny_nwb, f"{NEUROPIL}/r", r)
    corrected = demixed - r[:, None] * neuropil
    expected = 100 * (by_presentation(corrected, shown, starts, 0, 14) / by_presentation(corrected, shown, starts, -28, 0) - 1)
    recording = read_nwb(tiny_nwb, WINDOW_S, "sweep")
    np.testing.assert_allclose(recording.response, expected, atol=1e-4)
    speed = by_presentation(get(tiny_nwb, RUNNING), shown, starts, 0, 14)
    np.testing.assert_allclose(recording.running_speed, speed, rtol=FLOAT32_ROUNDING)
    assert recording.unit == "% of baseline"


def test_files_of_the_first_pipeline_hold_the_neuropil_elsewhere(tiny_nwb):
    expected = read_nwb(tiny_nwb, WINDOW_S, "sweep").response
    with h5py.File(tiny_nwb, "r+") as file:
        del file["general/generated_by"]
        plane = file[f"{PIPELINE}/Fluorescence/imaging_plane_1"]
        for name, place in (("data", f"{DEMIXED}/data"), ("neuropil_traces", f"{NEUROPIL}/data"), ("r", f"{NEUROPIL}/r")):
            file.move(place, f"{plane.name}/{name}")
    np.testing.assert_array_equal(read_nwb(tiny_nwb, WINDOW_S, "sweep").response, expected)


def test_a_recording_without_demixed_traces_has_no_sweep_response(tiny_nwb):
    with h5py.File(tiny_nwb, "r+") as file:
        del file[DEMIXED]
    assert read_nwb(tiny_nwb, WINDOW_S).response.any()
    with pytest.raises(InputError, match=r"900000000\.nwb: lacks .*demixed_signal.* choose another response\.measure"):
        read_nwb(tiny_nwb, WINDOW_S, "sweep")


def test_events_are_averaged_in_the_window(tiny_nwb, tmp_path):
    events = np.random.default_rng(0).exponential(size=get(tiny_nwb, DFF).shape).astype(np.float32)
    np.savez(tmp_path / "events.npz", ev=events)
    expected = by_presentation(events, get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0], 0, WINDOW_FRAMES)
    recording = read_nwb(tiny_nwb, WINDOW_S, "events", events=[tmp_path / "events.npz"])
    np.testing.assert_allclose(recording.response, expected, rtol=FLOAT32_ROUNDING)
    assert recording.unit == "event magnitude"


def test_events_of_another_recording_or_none_are_refused(tiny_nwb, tmp_path):
    np.savez(tmp_path / "events.npz", ev=np.zeros((3, 10), np.float32))
    with pytest.raises(InputError, match=r"traces have shape \(3, 10\)"):
        read_nwb(tiny_nwb, WINDOW_S, "events", events=[tmp_path / "events.npz"])
    with pytest.raises(InputError, match=r"response\.measure: events .* choose dff or sweep"):
        read_nwb(tiny_nwb, WINDOW_S, "events")


def test_running_speed_that_begins_late_stands_at_its_own_time(tiny_nwb):
    speed, shown, starts = get(tiny_nwb, RUNNING).astype(float), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0]
    late = int(starts[5])
    put(tiny_nwb, RUNNING, speed[late:])
    put(tiny_nwb, RUNNING.replace("data", "timestamps"), get(tiny_nwb, TIMES)[late:])
    speed[:late] = np.nan
    expected = by_presentation(speed, shown, starts, 0, WINDOW_FRAMES)
    assert 0 < np.isnan(expected).sum() < expected.size
    np.testing.assert_allclose(read_nwb(tiny_nwb, WINDOW_S).running_speed, expected, rtol=FLOAT32_ROUNDING)


@pytest.mark.parametrize("line", ["Nr5a1-Cre", "Scnn1a-Tg3-Cre"])
def test_lines_of_layer_4_lie_in_it_at_every_depth(tiny_nwb, line):
    put(tiny_nwb, DEPTH, np.bytes_("350 microns"))
    put(tiny_nwb, "general/subject/genotype", np.bytes_(f"{line}/wt;Ai93(TITL-GCaMP6f)/wt"))
    recording = read_nwb(tiny_nwb, WINDOW_S)
    assert (recording.cre_line[0], recording.cortical_layer[0]) == (line, "4")


def test_a_recording_carries_the_hashes_of_its_scenes_and_other_scenes_are_refused(tiny_nwb):
    recording, stimuli = read_nwb(tiny_nwb, WINDOW_S), read_scenes(tiny_nwb, blank=True)
    assert recording.image_sha256[0] == hashlib.sha256(stimuli.images[0].tobytes()).hexdigest()
    assert recording.image_sha256[-1] == ""  # the blank is no image of the file
    hashes = dict(zip(stimuli.names, image_hashes(stimuli), strict=True))
    check_images(recording, hashes, "900000000")
    stimuli.images[3, 0, 0] ^= 1
    hashes = dict(zip(stimuli.names, image_hashes(stimuli), strict=True))
    with pytest.raises(InputError, match=r"900000000: scene_003 is another image"):
        check_images(recording, hashes, "900000000")


BY_ALLENSDK = """
import sys

import numpy as np
from allensdk.core.brain_observatory_nwb_data_set import BrainObservatoryNwbDataSet

session = BrainObservatoryNwbDataSet(sys.argv[1])
table = session.get_stimulus_table("natural_scenes")
about = session.get_metadata()
np.savez(
    sys.argv[2],
    dff=session.get_dff_traces()[1],
    shown=table["frame"].to_numpy(int),
    starts=table["start"].to_numpy(int),
    ids=session.get_cell_specimen_ids(),
    running=session.get_running_speed()[0],
    scenes=session.get_stimulus_template("natural_scenes"),
    area=about["targeted_structure"],
    depth_um=about["imaging_depth_um"],
    session_type=session.get_session_type(),
)
"""


@pytest.mark.allensdk
def test_allensdk_reads_the_same_from_a_simulated_file(tiny_nwb, tmp_path):
    if "DORMOUSE_ALLENSDK" not in os.environ:
        pytest.skip("needs AllenSDK: set DORMOUSE_ALLENSDK to a Python that has it")
    command = [os.environ["DORMOUSE_ALLENSDK"], "-W", "ignore", "-c", BY_ALLENSDK, tiny_nwb, tmp_path / "sdk.npz"]
    subprocess.run(command, check=True, cwd=tmp_path)
    sdk, ours = np.load(tmp_path / "sdk.npz"), read_nwb(tiny_nwb, WINDOW_S)
    np.testing.assert_array_equal(ours.neuron, sdk["ids"].astype(str))
    np.testing.assert_array_equal(read_scenes(tiny_nwb, blank=False).images, sdk["scenes"])
    for trace, numbers in ((sdk["dff"], ours.response), (sdk["running"], ours.running_speed)):
        expected = by_presentation(trace, sdk["shown"], sdk["starts"], 0, WINDOW_FRAMES)
        np.testing.assert_allclose(numbers, expected, rtol=FLOAT32_ROUNDING)
    assert (ours.area[0], ours.depth_um[0]) == (str(sdk["area"]), sdk["depth_um"])
    assert str(sdk["session_type"]) == "three_session_B"
