"""Files of the images that networks are trained on: which there must be, and which there are. None of them is read here."""

import os
from pathlib import Path

from dormouse.errors import InputError
from dormouse.given import check_file, shown

CIFAR = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}
PARTS = ("train", "val")  # of a folder of images
ENDINGS = {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}  # of images, in upper or lower case


def cifar_files(folder: Path) -> list[Path]:
    """Return the files of the binary version of CIFAR-10."""
    files = [folder / name for part in CIFAR.values() for name in part]
    for file in files:
        check_file(file, missing="; expected a file of the binary version of CIFAR-10.")
    return files


def class_files(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the images of a folder by part (train, val) and class, sorted by name; hidden files do not count.

    Raises InputError where a part or a class is missing or empty, or holds a file whose name is not that of an image.
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
    for name in shown(folder, os.listdir(folder)):
        if not (folder / name).is_dir():
            raise InputError(f"{folder / name}: not in the folder of a class; expected {folder}/CLASS/. Move or remove it.")
        classes[name] = _images(folder / name)
        if not classes[name]:
            raise InputError(f"{folder / name}: no image; expected those of a class. Add some, or remove the folder.")
    if not classes:
        raise InputError(f"{folder}: no class; expected images in {folder}/CLASS/.")
    return classes


def _images(folder: Path) -> list[Path]:
    """Return the images in a folder and its subfolders."""
    files, entered = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in entered:
            raise InputError(f"{place}: a link to a folder that is read already. Remove it.")
        entered.add(real)
        folders[:] = shown(place, folders)
        files += [Path(place, name) for name in shown(place, names)]
    for file in files:
        if file.suffix.lower() not in ENDINGS:
            raise InputError(f"{file}: no image by its name; expected {', '.join(sorted(ENDINGS))}. Rename or remove it.")
    return files


def _folder_files(folder: Path) -> list[Path]:
    return [file for part in class_files(folder).values() for files in part.values() for file in files]


FILES = {"cifar10": cifar_files, "folder": _folder_files}
