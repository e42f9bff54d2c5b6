"""What is done to images before a network sees them."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from dormouse.errors import InputError

HALF = np.sqrt(2 * np.log(2)) / (2 * np.pi)  # sd of a Gaussian whose transfer is one half at 1 cycle per unit
RECIPE = (
    "size",
    "range",
    "mean",
    "std",
    "channels",
    "interpolation",
)  # keys of a preprocessing recipe; `blur` may stand beside them


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
        `range` and in the order of `channels`) and `channels` (rgb, bgr or grey); and first of all `blur`, if it is there, the
        parameters of `low_pass`.

    Returns
    -------
    (n_images, n_channels, size, size) float32; the channels of a grey image are equal before normalisation.
    """
    check_recipe(recipe, "input")
    size = recipe["size"]
    mean, std = (np.asarray(recipe[key], np.float32) for key in ("mean", "std"))
    method = Image.Resampling[recipe["interpolation"].upper()]
    if "blur" in recipe:  # to whole numbers, as on a screen
        images = [np.rint(low_pass(image, **recipe["blur"])).astype(np.uint8) for image in images]
    squashed = [np.asarray(Image.fromarray(image).resize((size, size), method)) for image in images]
    scaled = np.stack(squashed)[:, None].astype(np.float32) * np.float32(recipe["range"] / 255)
    normalised = scaled - mean[:, None, None]
    normalised /= std[:, None, None]  # in place: thousands of images take gigabytes
    return normalised


def low_pass(image: np.ndarray, acuity_cpd: float, degrees: float) -> np.ndarray:
    """Return an image as an eye of low acuity sees it: blurred by a Gaussian that halves the contrast at the acuity.

    Mice see gratings of up to about 0.5 cycles per degree (Prusky, West & Douglas 2000, Vision Res. 40:2201).

    Parameters
    ----------
    image : (height, width)
    acuity_cpd : cycles per degree
    degrees : width of the image in the visual field. Transfer: 2^-(f / acuity)^2 at f cycles per degree

    Returns
    -------
    (height, width) float64; beyond its edge, the image goes on as at its edge
    """
    from scipy.ndimage import gaussian_filter  # here, because the workflow imports this module when it starts

    # ASSUME a degree has the same width everywhere on the screen, and acuity is the same everywhere in the field
    sd_px = HALF * image.shape[1] / (acuity_cpd * degrees)
    return gaussian_filter(image.astype(np.float64), sd_px, mode="nearest")
