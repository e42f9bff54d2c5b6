"""Dataset folders for tests: what changes one of their files, or spoils it."""

import numpy as np
import yaml

from dormouse.recordings.datasets import open_dataset

IMAGES = [f"image_{i}" for i in range(8)]  # of a valid folder


def session(folder, name="one"):
    return folder / "responses" / f"{name}.npz"


def change(path, **arrays):
    """Replace arrays of an .npz file; None removes one."""
    with np.load(path) as stored:
        arrays = dict(stored) | arrays
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def get(path, name):
    with np.load(path) as stored:
        return stored[name]


def describe(folder, **keys):
    """Replace keys of dataset.yaml; None removes one."""
    path = folder / "dataset.yaml"
    description = yaml.safe_load(path.read_text()) | keys
    path.write_text(yaml.safe_dump({key: value for key, value in description.items() if value is not None}))


def rewrite(folder, old, new):
    """Replace a text that stands once in neurons.csv."""
    path = folder / "neurons.csv"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))


def spoil(path, name, place, value):
    """Set a part of one array of an .npz file."""
    array = get(path, name)
    array[place] = value
    change(path, **{name: array})


def opened(folder):
    return open_dataset({"dataset": str(folder), "areas": ["VISp", "VISl"], "exclude": []})


def renamed(folder, names):
    """Rename the images image_0.png, image_1.png and so on."""
    (folder / "stimuli").rename(folder / "before")
    (folder / "stimuli").mkdir()
    for k, name in enumerate(names):
        (folder / "before" / f"image_{k}.png").rename(folder / "stimuli" / name)


def saved(folder, name, **arrays):
    """Add arrays to a response file."""
    change(session(folder, name), **arrays)


def cell(old, new):
    return lambda folder: rewrite(folder, old, new)


def row(text):
    """Give what puts another row in the place of that of neuron 200, in line 12 of neurons.csv."""
    return cell("200,two,m2,VISp,2/3", text)


def everywhere(old, new):
    def spoil(folder):
        path = folder / "neurons.csv"
        path.write_text(path.read_text().replace(old, new))

    return spoil


def cast(name, kind):
    """Give what stores an array of session one as another type, whatever that makes of its numbers."""
    return lambda folder: change(session(folder), **{name: np.zeros_like(get(session(folder), name), kind)})


def speeds(value, kind=float):
    return lambda folder: saved(folder, "one", running_speed=np.full((6, 8), value, kind))


def named(words):
    return lambda folder: saved(folder, "one", stimulus=np.array(words))


def beside(name, content="x"):
    return lambda folder: (folder / name).write_text(content)
