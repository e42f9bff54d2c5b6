"""What is done to images before a network sees them."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from dormouse.errors import InputError

RECIPE = ("size", "range", "mean", "std", "channels", "interpolation")  # keys of a preprocessing recipe


def check_recipe(recipe: Mapping, place: str) -> None:
    """Raise InputError where a recipe lacks one mean and one sd above 0 for each channel."""
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
