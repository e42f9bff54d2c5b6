"""Cases of dataset.yaml and neurons.csv; tests/recordings/test_folder_bad_tables.py has the others."""

from cases import Case
from changes import MERGED, NOT_A_NAME, both, folder, instead, link_to_nothing, pipe, replaced, written

DESCRIBED = ["stimulus,kind", *(f"image_{k},{'plant' if k < 5 else 'house'}" for k in range(8))]


def described(*lines):
    return written("mice/stimuli.csv", "".join(f"{line}\n" for line in lines))


def on_images(**images):
    row = {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
    return {"methods": {"add": {"mine": row | {"images": images}}}}


CASES = [
    Case("a method on some of the images", described(*DESCRIBED), config=on_images(kind=["plant"])),
    Case(
        "stimuli.csv without one of the images",
        described(*DESCRIBED[:-1]),
        refused=r"mice/stimuli\.csv: no row for image_7 \(1 of 8 images\); expected one for every image\. Add it",
    ),
    Case(
        "stimuli.csv with a row for an image that is not there",
        described(*DESCRIBED, "image_8,plant"),
        refused=r"mice/stimuli\.csv: line 10: 'image_8' is no image of this data set\. Did you mean",
    ),
    Case(
        "stimuli.csv is a link to nothing",
        instead("mice/stimuli.csv", link_to_nothing),
        refused=r"stimuli\.csv is a link that leads nowhere",
    ),
    Case(
        "a method on images of a kind that is not there",
        described(*DESCRIBED),
        config=on_images(kind="plnt"),
        refused=r"config: method mine: images: no image has kind 'plnt'\. Did you mean plant\?",
    ),
    Case(
        "a method on some images of which nothing is said",
        config=on_images(kind="plant"),
        refused=r"config: method mine: images: nothing describes the images; expected stimuli\.csv with a column 'kind'",
    ),
    Case(
        "a method on images by a number",
        config={"methods": {"add": {"mine": {"target": "rdm", "images": 3}}}},
        refused=r"methods\.add\.mine\.images: expected text or a mapping, got 3",
    ),
    Case(
        "no neurons.csv",
        lambda mice, run: (mice / "neurons.csv").unlink(),
        refused=r"mice/neurons\.csv: not found\. Expected one row per neuron",
    ),
    Case(
        "a neuron twice",
        replaced("mice/neurons.csv", "\n205,", "\n103,"),
        refused=r"mice/neurons\.csv: neuron 103 stands in lines 5, 17",
    ),
    Case(
        "a layer named all",
        replaced("mice/neurons.csv", "VISp,2/3", "VISp,all"),
        refused=r"neurons\.csv: line 2: layer is 'all': 'all' is reserved for the whole area",
    ),
    Case(
        "a space behind an area",
        replaced("mice/neurons.csv", "VISp,2/3", "VISp ,2/3"),
        refused=r"neurons\.csv: line 2: area is 'VISp ': remove the space",
    ),
    Case(
        "a session that leaves its folder",
        replaced("mice/neurons.csv", ",two,", ",../two,"),
        refused=rf"neurons\.csv: session: '\.\./two' {NOT_A_NAME}",
    ),
    Case(
        "a comma behind each row, and a byte order mark",
        both(
            replaced("mice/neurons.csv", "\n", ",\n"),
            lambda mice, run: written("mice/dataset.yaml", "\ufeff" + (mice / "dataset.yaml").read_text())(mice, run),
        ),
    ),
    Case(
        "a description in Latin-1",
        written("mice/dataset.yaml", "name: M\xe4use".encode("latin-1")),
        refused=r"dataset\.yaml: line 1: not UTF-8",
    ),
    Case(
        "a description of aliases",
        written("mice/dataset.yaml", MERGED),
        refused=r"dataset\.yaml: line 6: more than 100,000 values",
    ),
    Case(
        "a description that is a folder",
        instead("mice/dataset.yaml", folder),
        refused=r"dataset\.yaml: a folder; expected a file",
    ),
    Case(
        "neurons.csv is a pipe",
        instead("mice/neurons.csv", pipe),
        refused=r"neurons\.csv: a pipe or a device; expected a file",
    ),
    Case(
        "neurons.csv without neurons",
        written("mice/neurons.csv", "neuron,session,animal,area,layer\n"),
        refused=r"neurons\.csv: no neurons; expected a row for each",
    ),
    Case(
        "an accented letter that is one character here and two there",
        both(replaced("mice/neurons.csv", "m1", "m\u00fc"), replaced("mice/neurons.csv", "m2", "mu\u0308")),
        refused=r"neurons\.csv: animal 'mu\\u0308' and 'm\\xfc' differ only in spelling",
    ),
    Case(
        "neurons.csv is a link to nothing",
        instead("mice/neurons.csv", link_to_nothing),
        refused=r"neurons\.csv is a link that leads nowhere",
    ),
]
