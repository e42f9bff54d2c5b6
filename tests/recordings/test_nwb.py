"""The reader of Allen Brain Observatory files, NWB 1.0, against loops over the file and against AllenSDK."""

import hashlib
import os
import subprocess

import h5py
import numpy as np
import pytest
from nwb1_file import (
    DEPTH,
    DFF,
    FLOAT32_ROUNDING,
    FRAMES,
    N_NEURONS,
    N_SCENES,
    N_TRIALS,
    PIPELINE,
    RUNNING,
    SHOWN,
    TEMPLATE,
    TIMES,
    WINDOW_FRAMES,
    WINDOW_S,
    by_presentation,
    get,
    put,
    read_nwb,
)

from dormouse.errors import InputError
from dormouse.recordings.nwb1 import read_scenes
from dormouse.recordings.trials import check_images
from dormouse.stimuli.images import image_hashes

pytestmark = pytest.mark.allen


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
