"""Dataset folders: what is read from them, and the one message for each thing that can be wrong with them."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from folders import (
    beside,
    cast,
    cell,
    change,
    describe,
    everywhere,
    get,
    named,
    opened,
    renamed,
    rewrite,
    row,
    saved,
    session,
    speeds,
    spoil,
)
from PIL import Image

from dormouse import tables
from dormouse.errors import InputError
from dormouse.recordings import names
from dormouse.recordings.folder import check_folder, read_description, read_neurons, read_session, read_similarity
from dormouse.recordings.names import site_of
from dormouse.stimuli.images import image_files, read_images

IMAGES = [f"image_{i}" for i in range(8)]
# what is done to the folder of responses, and the message that follows when the workflow starts
BAD_RESPONSES = {
    # names
    "layer all": (row("200,two,m2,VISp,all"), r"neurons\.csv: line 12: layer is 'all': 'all' is reserved"),
    "layer All": (row("200,two,m2,VISp,All"), r"line 12: layer is 'All': 'all' is reserved"),
    "area all": (row("200,two,m2,all,4"), r"line 12: area is 'all': 'all' is reserved"),
    "space behind an area": (row("200,two,m2,VISp ,4"), r"neurons\.csv: line 12: area is 'VISp ': remove the space"),
    "space before an animal": (row("200,two, m2,VISp,4"), r"line 12: animal is ' m2': remove the space"),
    "space in a session": (row("200,two ,m2,VISp,4"), r"line 12: session is 'two ': remove the space"),
    "space in a neuron": (row("200 ,two,m2,VISp,4"), r"line 12: neuron is '200 ': remove the space"),
    "space as layer": (row("200,two,m2,VISp, "), r"line 12: layer is ' ': remove the space"),
    "no width": (row("200,two,m2,VISp\u200b,4"), r"line 12: area is .*what cannot be seen"),
    "neuron nan": (row("nan,two,m2,VISp,4"), r"line 12: neuron is 'nan': leave the cell empty where"),
    "animal None": (row("200,two,None,VISp,4"), r"line 12: animal is 'None': leave the cell empty where"),
    "layer NA": (row("200,two,m2,VISp,NA"), r"line 12: layer is 'NA': leave the cell empty where"),
    "a date of Excel": (row("200,two,m2,VISp,2-Mar"), r"line 12: layer is '2-Mar': .*write 2/3, which spreadsheets"),
    "layer 2_3": (row("200,two,m2,VISp,2_3"), r"neurons\.csv: layer '2_3' and '2/3' differ only in spelling; use '2/3'"),
    "layer 6a, 6A": (
        lambda folder: (row("200,two,m2,VISp,6a")(folder), cell("201,two,m2,VISp,2/3", "201,two,m2,VISp,6A")(folder)),
        r"layer '6A' and '6a' differ only in spelling",
    ),
    "areas by case": (
        row("200,two,m2,visp,4"),
        r"neurons\.csv: area 'visp' and 'VISp' differ only in spelling; use 'VISp' for both",
    ),
    "animals by case": (row("200,two,M2,VISp,4"), r"animal 'm2' and 'M2' differ only in spelling"),
    "sessions by case": (row("200,Two,m2,VISp,4"), r"session 'two' and 'Two' differ only in spelling"),
    "all areas by case": (
        everywhere("VISp", "visp"),
        r"mice: area 'visp' of the data and 'VISp' of config: areas differ only in spelling",
    ),
    # rows
    "short row": (row("200,two,m2,VISp"), r"neurons\.csv: line 12 has 4 cells, the first has 5"),
    "commas at the end": (everywhere(",\n", ",,\n"), r"neurons\.csv: line 6 has 6 cells, the first has 5"),
    "line after an empty one": (row("\n200,two,,VISp,4"), r"neurons\.csv: line 13 has no animal"),
    "column twice": (cell("animal,area", "area,area"), r"neurons\.csv: 2 columns are named 'area'; rename all but one"),
    "infinite depth": (
        lambda folder: (everywhere("\n", ",inf\n")(folder), cell("layer,inf", "layer,depth_um")(folder)),
        r"neurons\.csv: line 2: depth_um is 'inf'; expected micrometres",
    ),
    # files
    "bmp": (beside("stimuli/more.bmp"), r"stimuli: more\.bmp is of a format that is not read \(1 such files\).*Convert"),
    "GIF": (beside("stimuli/more.GIF"), r"stimuli: more\.GIF is of a format that is not read"),
    "one stem": (beside("stimuli/image_3.JPG"), r"stimuli: image_3\.JPG and image_3\.png would be one stimulus"),
    "stems by case": (beside("stimuli/Image_3.tif"), r"stimuli: Image_3\.tif and image_3\.png would be one stimulus"),
    "one image more": (beside("stimuli/image_8.PNG"), r"response has 8 stimuli, but the folder of stimuli has 9 images"),
    "session in upper case": (
        lambda folder: session(folder).rename(session(folder).with_suffix(".NPZ")),
        r"one\.(npz: not found|NPZ: rename it)",
    ),
    "session more in upper case": (beside("responses/three.NPZ"), r"three\.NPZ: rename it to three\.npz"),
    "background": (lambda folder: describe(folder, background=300), r"dataset\.yaml: background: 300 is greater than .* 255"),
    # types
    "complex response": (cast("response", complex), r"one\.npz: response is of type complex128; expected real numbers"),
    "bool response": (cast("response", bool), r"one\.npz: response is of type bool; expected real numbers"),
    "dates as response": (cast("response", "M8[s]"), r"response is of type datetime64\[s\]; expected real numbers"),
    "times as response": (cast("response", "m8[s]"), r"response is of type timedelta64\[s\]; expected real numbers"),
    "text as response": (cast("response", "U4"), r"response is of type <U4; expected real numbers"),
    "records as response": (cast("response", [("a", "f4")]), r"response is of type \[\('a', '<f4'\)\]; expected real numbers"),
    "objects as response": (cast("response", object), r"response is of type object; expected real numbers"),
    "floats as neurons": (cast("neuron", float), r"one\.npz: neuron is of type float64; expected text or whole numbers"),
    "complex neurons": (cast("neuron", complex), r"neuron is of type complex128; expected text or whole numbers"),
    "dates as neurons": (cast("neuron", "M8[D]"), r"neuron is of type datetime64\[D\]; expected text or whole numbers"),
    "complex speed": (speeds(1, complex), r"one\.npz: running_speed is of type complex128; expected real numbers"),
    "text as speed": (speeds("fast", "U4"), r"one\.npz: running_speed is of type <U4; expected real numbers"),
    "speed of another shape": (
        lambda folder: saved(folder, "one", running_speed=np.zeros(8)),
        r"one\.npz: running_speed has shape \(8,\); expected \(6, 8\)",
    ),
    # names of stimuli
    "unknown name": (
        named([*IMAGES[:7], "image_9"]),
        r"one\.npz: stimulus 'image_9' \(1 of 8 names\) is no image of .*stimuli",
    ),
    "name of another folder": (named([*IMAGES[:7], "old/image_7"]), r"stimulus 'old/image_7' \(1 of 8 names\) is no image"),
    "repeated name": (named([*IMAGES[:7], "image_0.png"]), r"one\.npz: stimulus names image_0\.png 2 times"),
    "missing name": (
        lambda folder: saved(folder, "one", response=np.ones((6, 7, 10)), stimulus=np.array(IMAGES[:7])),
        r"one\.npz: stimulus lacks image_7\.png; 1 of 8 images have no row",
    ),
    "names and rows": (named(IMAGES[:7]), r"one\.npz: stimulus has shape \(7,\); expected \(8,\), a name for each row"),
    "numbers with points": (named(np.arange(8.0)), r"stimulus is of type float64; expected text or whole numbers"),
    "no UTF-8": (named(np.full(8, b"\xff")), r"stimulus holds text that is not UTF-8"),
}
BAD_SIMILARITIES = {
    "layer all": ({"VISp-all": 1}, r"similarity\.npz: 'VISp-all' is not the name of a site; .*'all' is reserved"),
    "area all": ({"all": 1}, r"'all' is not the name of a site"),
    "empty layer": ({"VISl-": 1}, r"'VISl-' is not the name of a site; expected AREA for a whole area or AREA-LAYER"),
    "empty area": ({"-4": 1}, r"'-4' is not the name of a site"),
    "two hyphens": ({"VISp-2-3": 1}, r"'VISp-2-3' is not the name of a site"),
    "space": ({"VISal ": 1}, r"'VISal ' is not the name of a site"),
    "layer nan": ({"VISp-nan": 1}, r"'VISp-nan' is not the name of a site"),
    "one site": ({"VISp-2/3": 1}, r"'VISp-2_3' and 'VISp-2/3' are one site"),
    "areas by case": ({"visp-5": 1}, r"area 'visp' and 'VISp' differ only in spelling"),
    "layers by case": ({"VISp-6a": 1, "VISl-6A": 1}, r"layer '6A' and '6a' differ only in spelling"),
    "complex": ({"VISl": 1j}, r"similarity\.npz: VISl is of type complex128; expected real numbers"),
    "bool": ({"VISl": True}, r"similarity\.npz: VISl is of type bool; expected real numbers"),
    "a name too few": ({"stimulus": np.array(IMAGES[:7])}, r"similarity\.npz: stimulus has shape \(7,\); expected \(8,\)"),
    "unknown name": (
        {"stimulus": np.array([*IMAGES[:7], "x"])},
        r"similarity\.npz: stimulus 'x' \(1 of 8 names\) is no image",
    ),
}


@pytest.mark.parametrize("case", BAD_RESPONSES)
def test_what_is_wrong_with_responses_is_named_at_the_door(dataset_folder, case):
    spoil, pattern = BAD_RESPONSES[case]
    spoil(dataset_folder)
    with pytest.raises(InputError, match=pattern):
        opened(dataset_folder)


@pytest.mark.parametrize("case", BAD_SIMILARITIES)
def test_what_is_wrong_with_similarities_is_named_at_the_door(similarity_folder, case):
    arrays, pattern = BAD_SIMILARITIES[case]
    change(
        similarity_folder / "similarity.npz",
        **{name: value if name == "stimulus" else np.full((8, 8), value) for name, value in arrays.items()},
    )
    with pytest.raises(InputError, match=pattern):
        opened(similarity_folder)


def test_the_whole_area_has_one_name():
    assert names.WHOLE == tables.WHOLE


def test_an_infinite_speed_is_refused(dataset_folder):
    speeds(np.inf)(dataset_folder)
    with pytest.raises(InputError, match=r"one\.npz: running_speed is infinite in 48 trials"):
        read_session(session(dataset_folder))


# --- the order of stimuli


def test_numbers_that_text_sorts_otherwise_are_refused_with_commands_for_either_order(dataset_folder, tmp_path):
    """The commands stand for any shell between double quotes, whatever the path, and leave other files alone."""
    folder = dataset_folder.rename(tmp_path / "mice.1")
    renamed(folder, [f"s{k}_{k + 3}.png" for k in range(7)] + ["s7_10.PNG"])
    shown = {file.read_bytes(): file.stem for file in (folder / "stimuli").iterdir()}
    for other in ("._s1_4.png", "notes 1.txt"):
        (folder / "stimuli" / other).write_text("x")
    opened(folder)  # the first number decides
    (folder / "stimuli" / "s0_3.png").rename(folder / "stimuli" / "s10_3.png")
    strange = tmp_path / "O'Brien's $HOME \"1\" `x` %PATH% \\ é"
    strange.mkdir()
    (folder / "stimuli").rename(strange / "stimuli")
    describe(folder, stimuli=f"../{strange.name}/stimuli")
    with pytest.raises(InputError, match=r"which row is which image\? .*text, s10_3\.png comes before s1_4\.png; by") as error:
        opened(folder)
    by_number, by_text = re.findall(r'python -c ".*?" -', str(error.value))
    for command, expected in (
        (by_number, ["s01_04", "s02_05", "s03_06", "s04_07", "s05_08", "s06_09", "s07_10", "s10_03"]),
        (by_text, ["0_s10_3", "1_s1_4", "2_s2_5", "3_s3_6", "4_s4_7", "5_s5_8", "6_s6_9", "7_s7_10"]),
    ):
        kept = tmp_path / "kept"
        shutil.copytree(strange, kept)
        subprocess.run(command[:-2].replace("python", f'"{sys.executable}"', 1), shell=True, check=True)
        files = image_files(strange / "stimuli")
        assert [file.stem for file in files] == expected
        assert {shown[file.read_bytes()][1:] for file in files} == {name[1:] for name in shown.values()}
        assert {"._s1_4.png", "notes 1.txt"} < {file.name for file in (strange / "stimuli").iterdir()}
        assert len(opened(folder).images) == 8
        shutil.rmtree(strange)
        kept.rename(strange)


@pytest.mark.parametrize(
    "images",
    [
        ["1.png", "10.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png"],
        ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png", "image_10.png", "image_9.png"],
    ],
)
def test_numbers_in_names_must_sort_as_text(dataset_folder, similarity_folder, images):
    renamed(dataset_folder, images)
    for folder in (dataset_folder, similarity_folder):
        with pytest.raises(InputError, match=r"stimuli: which row is which image\?"):
            opened(folder)


@pytest.mark.parametrize(
    "images",
    [
        ["scene.png", "scene-1.png", "scene1.png", "scene2.png", "scene_a.png", "t.png", "u.png", "v.png"],
        ["08.png", "09.png", "10.png", "11a.png", "11b.png", "12.png", "99.png", "a7.png"],
        ["1_a.png", "2_a.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png"],
    ],
)
def test_other_names_are_in_order_as_they_are(dataset_folder, images):
    renamed(dataset_folder, images)
    opened(dataset_folder)


def test_names_that_would_become_one_are_not_padded_by_a_command(dataset_folder):
    renamed(dataset_folder, ["1.png", "01.png", "10.png", "2.png", "3.png", "4.png", "5.png", "6.png"])
    with pytest.raises(InputError, match=r"pad them: rename by hand, as names that differ in leading zeros alone"):
        opened(dataset_folder)


@pytest.mark.parametrize("as_stored", [str, "{}.png".format, "{}.PNG".format, "{}.tif".format, str.encode])
def test_rows_with_names_come_out_in_the_order_of_the_images(dataset_folder, as_stored):
    """In two sessions the same images have other rows, and names whose order as text is not that of their numbers."""
    images = ["image_1", "image_10", "image_2", "image_3", "image_4", "image_5", "image_6", "é"]
    renamed(dataset_folder, [f"{name}.png" for name in images])
    speed, expected = np.random.default_rng(0).random((6, 8)), {}
    for seed, name in enumerate(("one", "two")):
        path, order = session(dataset_folder, name), np.random.default_rng(seed).permutation(8)
        expected[name] = get(path, "response")
        stored = np.array([as_stored(images[k]) for k in order])
        change(path, response=expected[name][:, order], running_speed=speed[:, order], stimulus=stored)
    opened(dataset_folder)
    for name in ("one", "two"):
        recording = read_session(session(dataset_folder, name))
        np.testing.assert_array_equal(recording.response, expected[name])
        np.testing.assert_array_equal(recording.running_speed, speed.astype(np.float32))
        assert recording.stimulus.tolist() == images
    change(session(dataset_folder, "two"), stimulus=None)  # each file by its own rule
    with pytest.raises(InputError, match=r"stimuli: which row is which image\?"):
        opened(dataset_folder)
    with pytest.raises(InputError, match=r"stimuli: which row is which image\?"):
        read_session(session(dataset_folder, "two"))


def test_a_file_with_names_and_one_without_are_each_read_by_its_own_rule(dataset_folder):
    expected = [read_session(session(dataset_folder, name)).response for name in ("one", "two")]
    path = session(dataset_folder)
    change(path, response=get(path, "response")[:, ::-1], stimulus=np.array(IMAGES[::-1]))
    opened(dataset_folder)
    for name, response in zip(("one", "two"), expected, strict=True):
        np.testing.assert_array_equal(read_session(session(dataset_folder, name)).response, response)


def test_names_may_be_whole_numbers_and_accents_stored_in_either_way(dataset_folder):
    renamed(dataset_folder, ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "10.png"])
    expected = get(session(dataset_folder), "response")
    change(session(dataset_folder), stimulus=np.array([1, 2, 3, 4, 5, 6, 7, 10]))
    recording = read_session(session(dataset_folder))
    assert recording.stimulus.tolist() == ["1", "10", "2", "3", "4", "5", "6", "7"]
    np.testing.assert_array_equal(recording.response[:, [0, 2, 3, 4, 5, 6, 7, 1]], expected)
    (dataset_folder / "stimuli" / "10.png").rename(dataset_folder / "stimuli" / "e\u0301.png")
    change(session(dataset_folder), stimulus=np.array([*"1234567", "\u00e9"]))
    np.testing.assert_array_equal(read_session(session(dataset_folder)).response, expected)


def test_similarities_with_names_come_out_in_the_order_of_the_images(dataset_folder, similarity_folder):
    path, order = similarity_folder / "similarity.npz", np.random.default_rng(0).permutation(8)
    expected = read_similarity(path, "VISp")
    renamed(dataset_folder, [f"{k}.png" for k in (1, 10, 2, 3, 4, 5, 6, 7)])
    names = np.array(["1", "10", "2", "3", "4", "5", "6", "7.png"])
    sites = {site: get(path, site)[np.ix_(order, order)] for site in ("VISp-2_3", "VISp-4", "VISl")}
    change(path, stimulus=names[order], **sites)
    assert opened(similarity_folder).areas == ["VISp", "VISl"]
    found = read_similarity(path, "VISp")
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


def test_a_session_is_read_as_stored(dataset_folder):
    recording = read_session(session(dataset_folder))
    np.testing.assert_array_equal(recording.response, get(session(dataset_folder), "response"))
    assert recording.response.dtype == np.float32
    assert recording.neuron.tolist() == [str(100 + i) for i in range(10)]
    assert recording.stimulus.tolist() == [f"image_{i}" for i in range(8)]
    assert recording.area.tolist() == ["VISp"] * 5 + ["VISl"] * 5
    assert recording.cortical_layer.tolist() == ["2/3", "2/3", "4", "4", ""] * 2
    assert set(recording.animal) == {"m1"}
    assert recording.unit == "dF/F"
    assert np.isnan(recording.running_speed).all()
    assert np.isnan(recording.depth_um).all()


def test_neurons_are_matched_by_id_whatever_the_order_of_their_rows(dataset_folder):
    header, *rows = (dataset_folder / "neurons.csv").read_text().splitlines()
    expected = read_session(session(dataset_folder, "two"))
    mixed = np.random.default_rng(0).permutation(rows)
    (dataset_folder / "neurons.csv").write_text("\n".join([header, *mixed]))
    recording = read_session(session(dataset_folder, "two"))
    for field in ("response", "neuron", "animal", "area", "cortical_layer"):
        np.testing.assert_array_equal(getattr(recording, field), getattr(expected, field))


def test_neurons_of_a_response_file_may_come_in_any_order(dataset_folder):
    expected, order = read_session(session(dataset_folder)), np.arange(10)[::-1]
    path = session(dataset_folder)
    change(path, response=get(path, "response")[..., order], neuron=get(path, "neuron")[order])
    recording = read_session(path)
    for field in ("neuron", "area", "cortical_layer"):
        assert getattr(recording, field).tolist() == getattr(expected, field)[order].tolist()
    np.testing.assert_array_equal(recording.response, expected.response[..., order])


def test_ids_of_neurons_may_be_text(dataset_folder):
    change(session(dataset_folder), neuron=get(session(dataset_folder), "neuron").astype(str))
    assert read_session(session(dataset_folder)).area.tolist() == ["VISp"] * 5 + ["VISl"] * 5


def test_columns_of_neurons_csv_that_nobody_asked_for_are_allowed(dataset_folder):
    path = dataset_folder / "neurons.csv"
    path.write_text("\n".join(f"{line},{i}" for i, line in enumerate(path.read_text().splitlines())))
    assert len(check_folder(dataset_folder)) == 20


def test_missing_trials_stay_nan_and_others_as_they_are(dataset_folder):
    spoil(session(dataset_folder), "response", np.s_[4:, 2, 7], np.nan)
    expected = get(session(dataset_folder), "response")
    recording = read_session(session(dataset_folder))
    np.testing.assert_array_equal(recording.response, expected)
    assert recording.n_trials()[2, 7] == 4
    assert (recording.n_trials() == 6).sum() == 79


def test_a_valid_folder_gives_its_neurons_in_the_order_of_the_file(dataset_folder):
    neurons = check_folder(dataset_folder)
    assert neurons.neuron.tolist() == [str(i) for i in (*range(100, 110), *range(200, 210))]


def test_a_folder_without_description_is_refused(dataset_folder):
    (dataset_folder / "dataset.yaml").unlink()
    with pytest.raises(InputError, match=r"dataset\.yaml: not found"):
        check_folder(dataset_folder)


def test_a_misspelt_key_of_the_description_is_named_with_the_known_ones(dataset_folder):
    describe(dataset_folder, respons_unit="Hz")
    with pytest.raises(InputError, match=r"dataset\.yaml: unknown key 'respons_unit'. Did you mean response_unit\?"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("key", ["name", "kind", "stimuli"])
def test_a_key_that_the_description_lacks_is_named(dataset_folder, key):
    describe(dataset_folder, **{key: None})
    with pytest.raises(InputError, match=rf"dataset\.yaml: '{key}' is a required property"):
        read_description(dataset_folder)


def test_another_kind_of_data_set_is_refused(dataset_folder):
    describe(dataset_folder, kind="spikes")
    with pytest.raises(InputError, match=r"dataset\.yaml: kind: 'spikes'.*'responses', 'similarity'"):
        read_description(dataset_folder)


@pytest.mark.parametrize("text", ["", "name: [", "- a list"], ids=["empty", "not YAML", "a list"])
def test_a_description_that_holds_no_keys_is_refused(dataset_folder, text):
    (dataset_folder / "dataset.yaml").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.yaml: "):
        read_description(dataset_folder)


def test_a_folder_without_neurons_is_refused(dataset_folder):
    (dataset_folder / "neurons.csv").unlink()
    with pytest.raises(InputError, match=r"neurons\.csv: not found.*neuron, session, animal, area, layer"):
        check_folder(dataset_folder)


def test_a_missing_column_is_named(dataset_folder):
    rewrite(dataset_folder, "session,animal", "session,mouse")
    with pytest.raises(InputError, match=r"neurons\.csv: no column animal"):
        check_folder(dataset_folder)


def test_a_repeated_neuron_is_named_with_its_lines(dataset_folder):
    rewrite(dataset_folder, "\n205,", "\n103,")
    with pytest.raises(InputError, match=r"neurons\.csv: neuron 103 stands in lines 5, 17"):
        check_folder(dataset_folder)


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("neuron", ",two,m2,VISp,2/3"),
        ("session", "200,,m2,VISp,2/3"),
        ("animal", "200,two,,VISp,2/3"),
        ("area", "200,two,m2,,2/3"),
    ],
)
def test_an_empty_cell_is_named_by_line_and_column(dataset_folder, column, row):
    rewrite(dataset_folder, "200,two,m2,VISp,2/3", row)
    with pytest.raises(InputError, match=rf"neurons\.csv: line 12 has no {column}"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"], ids=["empty", "binary"])
def test_a_table_of_neurons_that_cannot_be_read_is_refused(dataset_folder, content):
    (dataset_folder / "neurons.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"neurons\.csv: "):
        read_neurons(dataset_folder)


def test_a_row_with_more_cells_than_columns_is_refused(dataset_folder):
    rewrite(dataset_folder, "200,two,m2,VISp,2/3", "200,two,m2,VISp,2,3")
    with pytest.raises(InputError, match=r"neurons\.csv: .*line 12"):
        read_neurons(dataset_folder)


def test_a_session_without_response_file_is_named(dataset_folder):
    session(dataset_folder, "two").unlink()
    with pytest.raises(InputError, match=r"two\.npz: not found, but neurons\.csv has 10 neurons of session two"):
        check_folder(dataset_folder)


def test_a_response_file_without_rows_is_named(dataset_folder):
    session(dataset_folder, "three").write_bytes(session(dataset_folder, "two").read_bytes())
    with pytest.raises(InputError, match=r"three\.npz: neurons\.csv has no neuron of session three"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("name", ["../x", "..", "sub/x", ".hidden"])
def test_a_session_that_would_leave_its_folder_is_refused(dataset_folder, name):
    rewrite(dataset_folder, "200,two,", f"200,{name},")
    with pytest.raises(InputError, match=r"neurons\.csv: session .* cannot be a file name"):
        check_folder(dataset_folder)


def test_a_session_whose_name_the_workflow_cannot_carry_is_refused(dataset_folder):
    """Names of recordings are wildcards of the workflow, which allow letters, digits, point, underscore and hyphen."""
    path = dataset_folder / "neurons.csv"
    path.write_text(path.read_text().replace(",two,", ",day 2,"))
    session(dataset_folder, "two").rename(session(dataset_folder, "day 2"))
    with pytest.raises(InputError, match=r"neurons\.csv: session 'day 2'"):
        check_folder(dataset_folder)


def test_another_number_of_stimuli_is_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[:, :7])
    with pytest.raises(InputError, match=r"one\.npz: response has 7 stimuli, but .*stimuli has 8 images"):
        check_folder(dataset_folder)


def test_another_number_of_neurons_is_refused(dataset_folder):
    path = session(dataset_folder)
    change(path, response=get(path, "response")[..., :9], neuron=get(path, "neuron")[:9])
    with pytest.raises(InputError, match=r"one\.npz: response has 9 neurons, but neurons\.csv has 10 rows of its session"):
        check_folder(dataset_folder)


@pytest.mark.parametrize(
    "neuron", [np.arange(9), np.array(100), np.arange(20).reshape(2, 10)], ids=["short", "scalar", "table"]
)
def test_ids_that_do_not_belong_to_the_columns_of_the_response_are_refused(dataset_folder, neuron):
    change(session(dataset_folder), neuron=neuron)
    with pytest.raises(InputError, match=r"one\.npz: .*neuron"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("lacking", ["response", "neuron"])
def test_a_response_file_that_lacks_an_array_is_refused(dataset_folder, lacking):
    change(session(dataset_folder), **{lacking: None})
    with pytest.raises(InputError, match=r"one\.npz: expected response \(n_trials, n_stimuli, n_neurons\) and neuron"):
        check_folder(dataset_folder)


def test_responses_without_an_axis_of_trials_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[0])
    with pytest.raises(InputError, match=r"one\.npz: expected response .*\(8, 10\)"):
        check_folder(dataset_folder)


def test_neurons_that_the_table_does_not_have_are_named(dataset_folder):
    spoil(session(dataset_folder), "neuron", 4, 999)
    with pytest.raises(InputError, match=r"one\.npz: neuron 999 is not among the neurons of session one in neurons\.csv"):
        read_session(session(dataset_folder))


def test_neurons_of_another_session_are_named(dataset_folder):
    spoil(session(dataset_folder), "neuron", 4, 204)
    with pytest.raises(InputError, match=r"one\.npz: neuron 204 is not among the neurons of session one"):
        read_session(session(dataset_folder))


def test_a_neuron_that_stands_twice_in_a_response_file_is_named(dataset_folder):
    spoil(session(dataset_folder), "neuron", 4, 100)
    with pytest.raises(InputError, match=r"one\.npz: neuron 100 occurs 2 times"):
        read_session(session(dataset_folder))


def test_fewer_than_two_trials_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[:1])
    with pytest.raises(InputError, match=r"one\.npz: 1 trial.*at least 2"):
        check_folder(dataset_folder)


def test_neurons_without_any_response_are_counted_and_named(dataset_folder):
    spoil(session(dataset_folder), "response", np.s_[..., [3, 6]], np.nan)
    with pytest.raises(InputError, match=r"one\.npz: 2 of 10 neurons hold nothing but NaN, first neuron 103"):
        read_session(session(dataset_folder))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_responses_are_refused(dataset_folder, value):
    spoil(session(dataset_folder), "response", (2, 3, 5), value)
    with pytest.raises(InputError, match=r"one\.npz: infinite responses, first in neuron 105"):
        read_session(session(dataset_folder))


def test_responses_that_are_not_numbers_are_refused(dataset_folder):
    change(session(dataset_folder), response=np.full((6, 8, 10), "much"))
    with pytest.raises(InputError, match=r"one\.npz: "):
        read_session(session(dataset_folder))


def test_a_truncated_response_file_is_refused(dataset_folder):
    path = session(dataset_folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"one\.npz: not a readable \.npz file"):
        check_folder(dataset_folder)
    with pytest.raises(InputError, match=r"one\.npz: not a readable \.npz file"):
        read_session(path)


def test_pickled_responses_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response").astype(object))
    with pytest.raises(InputError, match=r"one\.npz: .*"):
        read_session(session(dataset_folder))


def test_a_file_that_is_no_image_is_named(dataset_folder):
    (dataset_folder / "stimuli" / "image_3.png").write_text("no image")
    with pytest.raises(InputError, match=r"image_3\.png: not a readable image\. Replace or remove it"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_a_truncated_image_is_named(dataset_folder):
    path = dataset_folder / "stimuli" / "image_3.png"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"image_3\.png: not a readable image"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_an_image_of_another_size_is_named_with_both_sizes(dataset_folder):
    Image.fromarray(np.zeros((24, 33), np.uint8)).save(dataset_folder / "stimuli" / "image_5.png")
    with pytest.raises(InputError, match=r"image_5\.png: 24 x 33 pixels, but image_0\.png has 24 x 32"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_an_image_of_more_than_8_bits_is_refused(dataset_folder):
    """Pillow would clip it: every grey above 255 of 65535 would become white."""
    Image.fromarray(np.full((24, 32), 32768, np.uint16)).save(dataset_folder / "stimuli" / "image_5.png")
    with pytest.raises(InputError, match=r"image_5\.png"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_images_are_read_as_grey_in_the_order_of_their_names(dataset_folder):
    grey = np.asarray(Image.open(dataset_folder / "stimuli" / "image_2.png"))
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(dataset_folder / "stimuli" / "image_2.png")
    stimuli = read_images(image_files(dataset_folder / "stimuli"))
    assert stimuli.images.dtype == np.uint8
    assert stimuli.names.tolist() == [f"image_{i}" for i in range(8)]
    np.testing.assert_array_equal(stimuli.images[2], grey)


def test_a_folder_without_images_is_refused(dataset_folder):
    describe(dataset_folder, stimuli="elsewhere")
    with pytest.raises(InputError, match=r"elsewhere: no images; expected one PNG, TIFF or JPEG"):
        check_folder(dataset_folder)


@pytest.mark.parametrize(
    ("name", "site"),
    [("VISp-2_3", ("VISp", "2/3")), ("VISl-4", ("VISl", "4")), ("VISrl", ("VISrl", "all"))],
)
def test_names_of_sites_give_area_and_cortical_layer(name, site):
    assert site_of(name) == site


def test_similarities_become_dissimilarities_of_the_sites_of_one_area(similarity_folder):
    path = similarity_folder / "similarity.npz"
    rdms = read_similarity(path, "VISp")
    np.testing.assert_allclose(rdms["rdm"], [1 - get(path, "VISp-2_3"), 1 - get(path, "VISp-4")], rtol=0, atol=1e-15)
    assert rdms["area"].tolist() == ["VISp", "VISp"]
    assert rdms["cortical_layer"].tolist() == ["2/3", "4"]
    assert rdms["n_neurons"].tolist() == [-1, -1]


def test_a_matrix_that_is_not_symmetric_is_named(similarity_folder):
    spoil(similarity_folder / "similarity.npz", "VISp-4", (0, 1), 0.9)
    with pytest.raises(InputError, match=r"similarity\.npz: VISp-4 must be finite, symmetric"):
        read_similarity(similarity_folder / "similarity.npz", "VISp")


def test_distances_in_the_place_of_similarities_are_recognised(similarity_folder):
    path = similarity_folder / "similarity.npz"
    change(path, VISl=1 - get(path, "VISl"))
    with pytest.raises(InputError, match=r"similarity\.npz: VISl must be .*1 on the diagonal\. Are these distances\?"):
        read_similarity(path, "VISl")


def test_a_matrix_with_holes_is_named(similarity_folder):
    spoil(similarity_folder / "similarity.npz", "VISl", ([0, 1], [1, 0]), np.nan)
    with pytest.raises(InputError, match=r"similarity\.npz: VISl must be finite"):
        read_similarity(similarity_folder / "similarity.npz", "VISl")


def test_similarities_beyond_one_are_refused(similarity_folder):
    spoil(similarity_folder / "similarity.npz", "VISl", ([0, 1], [1, 0]), -1.5)
    with pytest.raises(InputError, match=r"similarity\.npz: VISl holds 1\.500; similarities lie between -1 and 1"):
        read_similarity(similarity_folder / "similarity.npz", "VISl")
