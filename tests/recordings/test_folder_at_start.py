"""What is wrong with a dataset folder and is named when the workflow starts: a table of cases, and the message of each."""

import numpy as np
import pytest
from folders import IMAGES, beside, cast, cell, change, describe, everywhere, named, opened, row, saved, session, speeds

from dormouse import tables
from dormouse.errors import InputError
from dormouse.recordings import names

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
