"""What a training run is known by: its recipe, its network and its images. No pixel is read here, and torch is not needed."""

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from dormouse.contents import file_hash, folder_hash
from dormouse.errors import InputError
from dormouse.models.specification import table_files

CIFAR = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}
PARTS = ("train", "val")  # of a folder of images
ENDINGS = {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}  # of images, in any case
NO_MATTER = {"epochs", "folder", "network"}  # of a recipe: more epochs go on; the other two are told by what they hold


def training_key(spec: Mapping, recipe: Mapping) -> str:
    """Return a short hash of all that changes the weights of a run but code.

    Parameters
    ----------
    spec : of its network, as of `registry.training_spec`
    recipe : the run's lines in the configuration. The number of epochs does not count, and of the images and of MouseNet's
        tables what they hold does, not where they lie.

    Raises InputError where images are missing, or where a folder of images holds something else.
    """
    told = {
        "recipe": {key: value for key, value in recipe.items() if key not in NO_MATTER},
        "network": {**spec, "options": {key: value for key, value in spec["options"].items() if key != "tables"}},
        # tables that the workflow has yet to make stand with their names, until the job is about to start
        "tables": [file_hash(file) if Path(file).is_file() else file for file in table_files(spec["options"])],
        "images": images_hash(recipe["images"], recipe["folder"]),
    }
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


@cache
def images_hash(kind: str, folder: str | None) -> str:
    """Return a hash of the names and contents of training images and test images; empty for those that a library brings."""
    if kind == "digits":
        return ""
    return folder_hash(folder, FILES[kind](Path(folder)))


def cifar_files(folder: Path) -> list[Path]:
    """Return the files of the binary version of CIFAR-10."""
    files = [folder / name for part in CIFAR.values() for name in part]
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: no such file; expected a file of the binary version of CIFAR-10.")
    return files


def class_files(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the images of a folder by part (train, val) and class, in the order of their names; hidden ones do not count.

    Raises InputError where a part or a class is missing or empty, or holds a file that is no image by its name.
    """
    found = {part: _classes(folder / part) for part in PARTS}
    train, val = (set(found[part]) for part in PARTS)
    if train != val:
        alone = sorted(train ^ val)
        raise InputError(
            f"{folder}: train has {len(train)} classes, val {len(val)}; they must be the same. In one alone: "
            f"{', '.join(alone[:10])}{', ...' if len(alone) > 10 else ''}."
        )
    return found


def _classes(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected images in train/CLASS/ and val/CLASS/.")
    classes = {}
    for name in _shown(os.listdir(folder)):
        if not (folder / name).is_dir():
            raise InputError(f"{folder / name}: not in the folder of a class; expected {folder}/CLASS/. Move or remove it.")
        classes[name] = _images(folder / name)
        if not classes[name]:
            raise InputError(f"{folder / name}: no image; expected those of a class. Add some, or remove the folder.")
    if not classes:
        raise InputError(f"{folder}: no class; expected images in {folder}/CLASS/.")
    return classes


def _images(folder: Path) -> list[Path]:
    """Return the images of a folder and those below it."""
    files = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = _shown(folders)
        files += [Path(place, name) for name in _shown(names)]
    for file in files:
        if file.suffix.lower() not in ENDINGS:
            raise InputError(f"{file}: no image by its name; expected {', '.join(sorted(ENDINGS))}. Rename or remove it.")
    return files


def _shown(names: Iterable[str]) -> list[str]:
    """Return names in order without hidden ones, as those in which macOS keeps what its disks know of a file (._1.png)."""
    return sorted(name for name in names if not name.startswith("."))


def _folder_files(folder: Path) -> list[Path]:
    return [file for part in class_files(folder).values() for files in part.values() for file in files]


FILES = {"cifar10": cifar_files, "folder": _folder_files}
