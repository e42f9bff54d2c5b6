"""The reader of NWB 2 files, on files that pynwb writes as catalystneuro/visual-coding-to-nwb-v2 does."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from nwb2_file import (
    BASELINE_S,
    DEPTH_UM,
    DFF,
    EVENTS,
    FRAME_S,
    N_FRAMES,
    N_NEURONS,
    N_SCENES,
    N_TRIALS,
    NEURONS,
    OPHYS,
    RATIOS,
    RATIOS_AT,
    RUNNING,
    SCENES,
    TEMPLATE,
    WINDOW_S,
    assert_same,
    get,
    numbers,
    of_nwb1,
    put,
    write,
)
from web import File, serving

from dormouse.errors import InputError
from dormouse.recordings.nwb2 import is_nwb2, read_scenes, read_session, session_area
from dormouse.recordings.session import TRACES, trials

# hdmf compares the homes of a series and of its cells while neither has come home
pytestmark = [pytest.mark.allen, pytest.mark.filterwarnings("ignore:The linked table for DynamicTableRegion")]


@pytest.fixture
def session():
    return numbers()


@pytest.fixture
def path(tmp_path, session):
    return write(tmp_path / "b.nwb", session)


@pytest.mark.parametrize("trace", ["dff", "events", "fluorescence"])
def test_session_equals_that_of_nwb1(path, session, trace):
    found = read_session(path, trace, depth_um=DEPTH_UM)
    assert_same(found, of_nwb1(session, trace))
    assert found.trace.dtype == np.float32
    assert found.place == str(path)


@pytest.mark.parametrize("measure", ["dff", "events", "sweep"])
def test_trials_equal_those_of_nwb1(path, session, measure):
    found, expected = (
        trials(made, measure, WINDOW_S, BASELINE_S)
        for made in (read_session(path, TRACES[measure], depth_um=DEPTH_UM), of_nwb1(session, TRACES[measure]))
    )
    assert found.response.shape == (N_TRIALS, N_SCENES + 1, N_NEURONS)
    assert_same(found, expected)


def test_presentations_may_come_in_any_order(tmp_path, session):
    mixed = np.random.default_rng(1).permutation(len(session["image"]))
    written = session | {"image": session["image"][mixed], "start": session["start"][mixed]}
    found = read_session(write(tmp_path / "mixed.nwb", written), "dff", depth_um=DEPTH_UM)
    assert_same(found, of_nwb1(session, "dff"))


@pytest.mark.parametrize("off_s", [0.45 * FRAME_S, 1e-9, -1e-9, -0.45 * FRAME_S])
def test_start_is_the_nearest_frame(path, session, off_s):
    put(path, f"{SCENES}/timestamps", session["times"][session["start"]] + off_s)
    assert read_session(path, "dff").start.tolist() == session["start"].tolist()


def test_presentations_behind_the_last_frame_are_missing_trials(path, session, capsys):
    start_s = session["times"][session["start"]]
    start_s[-1] = session["times"][-1] + 10
    put(path, f"{SCENES}/timestamps", start_s)
    recording = trials(read_session(path, "dff"), "dff", WINDOW_S, None)
    assert np.isnan(recording.response[-1, session["image"][-1]]).all()
    assert "1 presentations leave the recording" in capsys.readouterr().err


@pytest.fixture
def merged(tmp_path, session):
    """A file whose blank HDF5 has made scene 0, in the way of the converter."""
    with h5py.File(tmp_path / "order.h5", "w") as file:
        file["data"] = session["image"]
        stored = np.array(file["data"], dtype="uint32")
    assert (stored == np.maximum(session["image"], 0)).all()
    return write(tmp_path / "merged.nwb", session, stored)


def test_blank_merged_with_scene_0_is_refused(merged):
    with pytest.raises(InputError, match=r"no presentation is marked as the blank, and scene 0 was shown 10 times \(.* 5\)"):
        read_session(merged, "dff")


@pytest.mark.parametrize("file", ["merged", "path"])
def test_order_from_elsewhere_tells_the_blank(request, session, file):
    found = read_session(request.getfixturevalue(file), "dff", order=session["image"], depth_um=DEPTH_UM)
    assert_same(found, of_nwb1(session, "dff"))


@pytest.mark.parametrize("spoil", [lambda order: order[:-1], lambda order: np.roll(order, 1), lambda order: order * 0 - 1])
@pytest.mark.parametrize("file", ["merged", "path"])
def test_order_of_another_session_is_refused(request, session, file, spoil):
    with pytest.raises(InputError, match="another session"):
        read_session(request.getfixturevalue(file), "dff", order=spoil(session["image"]))


def test_depth_is_unknown_where_the_file_does_not_tell(path):
    found = read_session(path, "dff")
    assert np.isnan(found.depth_um)
    assert found.cortical_layer == ""


def test_depth_is_that_of_a_mended_description(path):
    put(path, "general/optophysiology/ImagingPlane/description", "sampled at a depth of 375 µm.")
    found = read_session(path, "dff")
    assert (found.depth_um, found.cortical_layer) == (375, "5")


def test_neurons_are_the_rows_that_a_series_names(path):
    put(path, f"{DFF}/rois", [2, 0, 1])
    assert read_session(path, "dff").neuron.tolist() == NEURONS[[2, 0, 1]].astype(str).tolist()


@pytest.mark.parametrize(
    ("trace", "without", "words"),
    [
        ("events", "DfOverFEvents", f"{EVENTS}/data.*`events` needs"),
        ("fluorescence", "Demixed", f"{OPHYS}/Fluorescence/Demixed/data.*`fluorescence` needs"),
        ("fluorescence", "Neuropil", f"{OPHYS}/Fluorescence/Neuropil/data"),
        ("dff", "scenes", f"lacks {SCENES}/data"),
        ("dff", "traces", r"lacks .*global_roi_id.*_behavior\+image\+ophys.nwb"),
    ],
)
def test_missing_part_is_named(tmp_path, session, trace, without, words):
    path = write(tmp_path / "lacking.nwb", session, without=[without])
    with pytest.raises(InputError, match=f"{path}: .*{words}"):
        read_session(path, trace)


@pytest.mark.parametrize("name", [RATIOS_AT, f"{OPHYS}/Fluorescence/Demixed/timestamps", "general/subject/genotype"])
def test_missing_dataset_is_named(path, name):
    with h5py.File(path, "r+") as file:
        del file[name]
    with pytest.raises(InputError, match=f"lacks {name}"):
        read_session(path, "fluorescence")


def test_other_traces_are_read_where_one_is_missing(tmp_path, session):
    path = write(tmp_path / "lacking.nwb", session, without=["DfOverFEvents", "Demixed", "running"])
    found = read_session(path, "dff", depth_um=DEPTH_UM)
    expected = replace(of_nwb1(session, "dff"), running_speed=np.full(N_FRAMES, np.nan))
    assert_same(found, expected)


@pytest.mark.parametrize(("first", "last"), [(0, N_FRAMES - 50), (40, N_FRAMES), (40, N_FRAMES - 50), (0, N_FRAMES)])
@pytest.mark.parametrize("axes", [1, 2])
def test_running_speed_may_begin_late_and_end_early(path, session, first, last, axes):
    speed, at = session["speed"][first:last], session["times"][first:last]
    put(path, f"{RUNNING}/data", speed.reshape(-1, *[1] * (axes - 1)))
    put(path, f"{RUNNING}/timestamps", at)
    expected = np.full(N_FRAMES, np.nan)
    expected[first:last] = speed
    np.testing.assert_array_equal(read_session(path, "dff").running_speed, expected)


@pytest.mark.parametrize("kind", ["StimA", "StimC", "StimC2"])
def test_other_session_type_is_refused(tmp_path, session, kind):
    path = write(tmp_path / "other.nwb", session, kind=kind, without=["scenes"])
    with pytest.raises(InputError, match=f"session 501559087-{kind}; .*end in -StimB"):
        read_session(path, "dff")


def test_nwb1_is_refused(tiny_nwb):
    with pytest.raises(InputError, match="NWB version none; expected an NWB 2 file"):
        read_session(tiny_nwb, "dff")


@pytest.mark.parametrize("left", [0.0, 0.5, 0.99])
def test_truncated_file_is_refused(path, left):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole))])
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        read_session(path, "dff")


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        (f"{DFF}/data", lambda x: x.T, r"has shape \(3, 700\), expected 700 frames x 3 cells"),
        (f"{DFF}/data", lambda x: x[:-1], r"has shape \(699, 3\)"),
        (f"{DFF}/data", lambda x: x[:, 0], r"of shape \(700,\); expected numbers \(axes: 2\)"),
        (f"{DFF}/timestamps", lambda x: x[::-1], "must increase"),
        (f"{DFF}/timestamps", lambda x: x * np.nan, "must increase"),
        (f"{DFF}/rois", lambda x: x + 1, "names row 3 of a table of 3 cells"),
        (f"{SCENES}/timestamps", lambda x: x[1:], "one time for each"),
        (f"{SCENES}/timestamps", lambda x: x * np.nan, "one time for each"),
        (f"{SCENES}/timestamps", lambda x: x - 100, "before the first frame"),
        (f"{SCENES}/data", lambda x: x[:, None], r"of shape \(25, 1\); expected whole numbers \(axes: 1\)"),
        (f"{RUNNING}/timestamps", lambda x: x[1:], "700 speeds at 699 times"),
        (f"{TEMPLATE}/NaturalScene2", lambda x: x / 255, "expected 8 bits, two axes"),
        (f"{TEMPLATE}/NaturalScene2", lambda x: x[None], "expected 8 bits, two axes"),
    ],
)
def test_wrong_shapes_and_numbers_are_refused(path, name, spoil, words):
    put(path, name, spoil(get(path, name)))
    with pytest.raises(InputError, match=words):
        read_session(path, "dff")


def test_ratios_of_other_neurons_are_refused(path):
    put(path, RATIOS_AT, RATIOS[:-1])
    with pytest.raises(InputError, match="expected one number for 3 cells"):
        read_session(path, "fluorescence")


def test_scenes_with_a_gap_are_refused(path):
    with h5py.File(path, "r+") as file:
        file.move(f"{TEMPLATE}/NaturalScene2", f"{TEMPLATE}/NaturalScene9")
    with pytest.raises(InputError, match="without a gap"):
        read_session(path, "dff")


def test_more_than_ten_scenes_come_in_order_of_their_numbers(tmp_path):
    session = numbers()
    session["scenes"] = np.random.default_rng(2).integers(0, 256, (12, 6, 8), dtype=np.uint8)
    found = read_session(write(tmp_path / "many.nwb", session), "dff")
    assert found.scene_sha256.tolist() == of_nwb1(session, "dff").scene_sha256.tolist()


def test_scenes_are_those_of_the_file_and_the_blank_is_last(path, session):
    with_blank, without = read_scenes(path, blank=True), read_scenes(path, blank=False)
    np.testing.assert_array_equal(without.images, session["scenes"])
    np.testing.assert_array_equal(with_blank.images[:-1], session["scenes"])
    assert with_blank.names.tolist() == ["scene_000", "scene_001", "scene_002", "scene_003", "blank"]


def test_scenes_that_are_not_there_are_missed(tmp_path, session):
    with pytest.raises(InputError, match="indexed_images, the natural scenes"):
        read_scenes(write(tmp_path / "without.nwb", session, without=["scenes"]), blank=True)


def test_area_is_told_without_reading_traces(path):
    assert session_area(path) == ("VISp", N_NEURONS)


def test_area_of_a_file_of_the_movie_is_refused(tmp_path, session):
    with pytest.raises(InputError, match="the movie alone"):
        session_area(write(tmp_path / "movie.nwb", session, without=["traces"]))


def test_nwb2_is_told_from_other_files(path, tiny_nwb, tmp_path):
    (tmp_path / "text").write_text("no HDF5")
    assert [is_nwb2(file) for file in (path, tiny_nwb, tmp_path / "text", tmp_path / "none")] == [True, False, False, False]


def test_file_elsewhere_gives_the_same_and_the_hash_of_one_scene(path, session):
    with serving() as web:
        web.files["/b.nwb"] = File(path, {"ETag": '"1"'})
        found = read_session(f"{web.address}/b.nwb", "fluorescence", depth_um=DEPTH_UM)
    expected = of_nwb1(session, "fluorescence")
    one = np.arange(N_SCENES) == 501559087 % N_SCENES
    assert_same(found, replace(expected, scene_sha256=np.where(one, expected.scene_sha256, "")))
