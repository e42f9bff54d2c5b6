"""The images shown to the animals, and what is done to them before a network sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from dormouse.errors import InputError
from dormouse.files import read_arrays, write_arrays

BLANK = "blank"
# ASSUME the grey screen between scenes had the middle of the grey scale; the template stack does not hold it
BLANK_GREY = 127
RECIPE = ("size", "range", "mean", "std", "channels", "interpolation")  # keys of a preprocessing
EIGHT_BIT = {"L", "LA", "RGB", "RGBA", "P"}  # Pillow's names


@dataclass(frozen=True)
class Stimuli:
    """Images in the order of the response arrays."""

    images: np.ndarray  # (n_images, height, width) uint8, grey
    names: np.ndarray  # (n_images,) str


def image_hash(image: np.ndarray) -> str:
    """Return the SHA-256 of the pixels of an image (height, width) uint8, row by row."""
    return sha256(np.ascontiguousarray(image)).hexdigest()


def image_hashes(stimuli: Stimuli) -> np.ndarray:
    """Return the SHA-256 of each image, (n_images,) str."""
    return np.array([image_hash(image) for image in stimuli.images])


def with_blank(stimuli: Stimuli) -> Stimuli:
    """Return the stimuli with one uniform grey image behind them."""
    grey = np.full((1, *stimuli.images.shape[1:]), BLANK_GREY, np.uint8)
    return Stimuli(np.concatenate([stimuli.images, grey]), np.append(stimuli.names, BLANK))


def image_files(folder: str | Path) -> list[Path]:
    """Return the images of a folder; their sorted names are the order of the stimuli."""
    files = sorted(Path(folder).glob("*.png"))
    if not files:
        raise InputError(f"{folder}: no *.png; expected one image per stimulus.")
    return files


def read_images(files: Sequence[str | Path]) -> Stimuli:
    """Read image files as grey; raises InputError for a file that is no image or of another size."""
    files = [Path(file) for file in files]
    images = [_read_grey(file) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            raise InputError(
                f"{file}: {image.shape[0]} x {image.shape[1]} pixels, but {files[0].name} has "
                f"{images[0].shape[0]} x {images[0].shape[1]}; all stimuli must be of one size."
            )
    return Stimuli(np.stack(images), np.array([file.stem for file in files]))


def _read_grey(file: Path) -> np.ndarray:
    try:
        with Image.open(file) as image:
            if image.mode not in EIGHT_BIT:
                raise InputError(f"{file}: pixels of mode {image.mode}; expected 8 bits a channel. Convert the image.")
            return np.asarray(image.convert("L"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise InputError(f"{file}: not a readable image. Replace or remove it.") from error


def write_stimuli(path: str | Path, stimuli: Stimuli) -> None:
    """Write stimuli, and the hash of each, to an .npz file."""
    write_arrays(path, {"images": stimuli.images, "names": stimuli.names, "sha256": image_hashes(stimuli)})


def read_stimuli(path: str | Path) -> Stimuli:
    """Read what `write_stimuli` wrote."""
    return Stimuli(**read_arrays(path, "images", "names"))


def read_hashes(path: str | Path) -> dict[str, str]:
    """Read the SHA-256 of each stimulus, by its name."""
    stored = read_arrays(path, "names", "sha256")
    return dict(zip(stored["names"], stored["sha256"], strict=True))


def read_names(path: str | Path) -> np.ndarray:
    """Read the names of the stimuli alone, (n_images,)."""
    return read_arrays(path, "names")["names"]


def check_recipe(recipe: Mapping, place: str) -> None:
    """Raise InputError where a preprocessing has not one mean and one sd, above 0, for each channel."""
    n_channels = 1 if recipe["channels"] == "grey" else len(recipe["channels"])
    for key in ("mean", "std"):
        if len(recipe[key]) != n_channels:
            raise InputError(f"{place}: {recipe['channels']} needs {n_channels} values of {key}, got {recipe[key]}.")
    if min(recipe["std"]) <= 0:
        raise InputError(f"{place}: std must be above 0, got {recipe['std']}.")


def preprocess(images: np.ndarray, recipe: Mapping) -> np.ndarray:
    """Turn grey images into the input of a network.

    Parameters
    ----------
    images : (n_images, height, width) uint8
    recipe : `size` (pixels of the square that images are squashed to, without cropping), `interpolation` (bilinear or
        bicubic), `range` (the value that white becomes: 1 or 255), `mean` and `std` (one number a channel, in units of
        `range` and in the order of `channels`) and `channels` (rgb, bgr or grey).

    Returns
    -------
    (n_images, n_channels, size, size) float32; the channels of a grey image are equal before normalisation.
    """
    check_recipe(recipe, "input")
    size = recipe["size"]
    mean, std = (np.asarray(recipe[key], np.float32) for key in ("mean", "std"))
    method = Image.Resampling[recipe["interpolation"].upper()]
    squashed = [np.asarray(Image.fromarray(image).resize((size, size), method)) for image in images]
    scaled = np.stack(squashed)[:, None].astype(np.float32) * np.float32(recipe["range"] / 255)
    return (scaled - mean[:, None, None]) / std[:, None, None]
