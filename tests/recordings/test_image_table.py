"""The table that describes images: what is read of stimuli.csv, what is refused, and what ships for the Allen scenes."""

import unicodedata

import pytest

from dormouse.errors import InputError
from dormouse.recordings.image_table import describe_allen, describe_images, read_descriptions

IMAGES = ["café", "dawn", "v1.5"]
ROWS = ["dawn,plants,", "café,animals,Berkeley", "v1.5,plants,McGill"]


def table(folder, *rows, head="stimulus,category,source", end=""):
    (folder / "stimuli.csv").write_text("".join(f"{row}{end}\n" for row in (head, *rows)))
    return folder / "stimuli.csv"


EXPECTED = {
    "café": {"category": "animals", "source": "Berkeley"},
    "dawn": {"category": "plants"},
    "v1.5": {"category": "plants", "source": "McGill"},
}


@pytest.mark.parametrize("end", ["", ","], ids=["plain", "a comma behind each row"])
def test_rows_in_any_order_are_read_in_the_order_of_the_images(tmp_path, end):
    found = read_descriptions(table(tmp_path, *ROWS, end=end), IMAGES)
    assert found == EXPECTED and list(found) == IMAGES


def test_endings_of_files_and_accents_in_two_parts_are_known(tmp_path):
    rows = ["dawn.png,plants,", unicodedata.normalize("NFD", "café.PNG,animals,Berkeley"), "v1.5.tiff,plants,McGill"]
    assert read_descriptions(table(tmp_path, *rows), IMAGES) == EXPECTED


@pytest.mark.parametrize(
    ("rows", "head", "message"),
    [
        (ROWS, "image,category,source", r"no column 'stimulus'; expected the names of the images there.*Rename a column"),
        (ROWS, "stimulus,,source", r"column 2 has no name in the first line\. Name it"),
        (ROWS, "stimulus,source,source", r"2 columns are named 'source'; rename"),
        ([*ROWS, "dawn.png,animals,"], None, r"lines 2 and 5 are both of image dawn\. Take one"),
        ([*ROWS, "down,animals,"], None, r"line 5: 'down' is no image of this data set\. Did you mean dawn\?"),
        (ROWS[1:], None, r"no row for dawn \(1 of 3 images\); expected one for every image\. Add it"),
        ([*ROWS[:2], "v1.5,plants "], None, r"line 4 has 2 cells, the first has 3"),
        ([*ROWS[:2], "v1.5,plants ,"], None, r"line 4: category is 'plants ': remove the space"),
        ([*ROWS[:2], "v1.5,NA,"], None, r"line 4: category is 'NA': leave the cell empty"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_row(tmp_path, rows, head, message):
    path = table(tmp_path, *rows, **({"head": head} if head else {}))
    with pytest.raises(InputError, match=rf"stimuli\.csv: {message}"):
        read_descriptions(path, IMAGES)


def test_a_folder_without_the_table_describes_nothing(dataset_folder):
    images = sorted((dataset_folder / "stimuli").glob("*.png"))
    assert describe_images(dataset_folder, images) == {f"image_{k}": {} for k in range(8)}


def test_the_first_half_of_the_allen_scenes_shows_animals_and_landscapes_and_every_scene_has_a_row():
    found = describe_allen()
    assert list(found) == [f"scene_{k:03d}" for k in range(118)]
    groups = [of_scene["group"] for of_scene in found.values()]
    assert groups == ["animals and landscapes"] * 59 + ["vegetation textures and buildings"] * 59
    animals = {name for name, of_scene in found.items() if of_scene["animal"] == "present"}
    assert {"scene_000", "scene_102", "scene_112"} <= animals and not {"scene_030", "scene_085"} & animals
