"""Dataset folders: which row belongs to which image."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from folders import IMAGES, change, describe, get, opened, renamed, session

from dormouse.errors import InputError
from dormouse.recordings.dataset_folder import read_session, read_similarity
from dormouse.stimuli.images import image_files


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
