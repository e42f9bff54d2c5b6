"""A first look at a network, with a few images: where the images are in the output of each layer, and what a pass takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.features.record import Output, record, version
from dormouse.gram import columns, spread
from dormouse.memory import PeakMemory

N_PROBES = 512  # features that are compared to find the images in an output
# largest difference, by its and the median size, of an image's feature in batches of different size
SAME = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.2}


@dataclass(frozen=True)
class Layer:
    """Where the images are in the output of a layer, and how much there is of each."""

    name: str
    block: str
    axis: int | None  # None where the output is the same for all images
    inner: bool  # whether the axis runs over images first: (parts, images) in the place of (images, parts)
    n_features: int


@dataclass(frozen=True)
class Survey:
    """What a pass of two and of three images tells of a network."""

    layers: list[Layer]  # in order of computation
    overwritten: frozenset[str]  # layers that are changed in place before the next module starts
    held: np.ndarray  # (n_layers,), bytes that an image keeps when a layer is visited, of all tensors alive
    passing: np.ndarray  # (n_layers + 1,), most bytes of an image at once before a layer is visited; last, after all
    changes_input: bool = False  # whether the network writes into the images that it is given


def survey(network: nn.Module, inputs: torch.Tensor, precision: torch.dtype = torch.float32) -> Survey:
    """Run three and two images to find the images in every output, and what memory an image takes.

    The axis of the images is the one that grows with their number, alone (images first, or windows and tokens of each image
    laid out in it); and it is believed only if the first two images have the same features in both passes.

    Parameters
    ----------
    inputs : (at least 3, n_channels, height, width) float32
    precision : in which the network runs

    Raises InputError for an output in which the images cannot be found.
    """
    if len(inputs) < 3:
        raise InputError(f"{len(inputs)} images; at least 3 are needed to find them in the outputs of layers.")
    large, small, memory = [], [], []

    def see(output: Output, n_images: int, seen: list, known: Sequence = ()) -> None:
        (values,) = output.values
        before = known[len(seen)][2] if len(seen) < len(known) else ()
        seen.append((output.name, output.block, tuple(values.shape), _probes(values, n_images, before)))

    def see_and_weigh(output: Output) -> None:
        memory.append((counted.peak, counted.alive))
        see(output, 2, small, large)
        counted.peak = counted.alive  # what looking took does not count

    three, two = inputs[:3].clone(), inputs[:2].clone()
    overwritten = record(network, [three], lambda output: see(output, 3, large))
    with PeakMemory() as counted:
        record(network, [two], see_and_weigh, overwritten)
    if [name for name, *_ in small] != [name for name, *_ in large]:
        raise InputError("the network runs other layers for three images than for two; its layers cannot be told apart.")
    if not small:
        raise InputError("the network runs no module that puts out numbers; there is no layer to score.")
    layers = [
        Layer(*first[:2], *_locate(first[0], SAME[precision], *first[2:], *second[2:]))
        for first, second in zip(small, large, strict=True)
    ]
    peaks, alive = np.array([*memory, (counted.peak, 0)]).T / 2
    return Survey(layers, frozenset(overwritten), alive[:-1], peaks, changes_input=version(three) != 0)


def _probes(values: torch.Tensor, n_images: int, before: tuple[int, ...]) -> dict[tuple[int, bool], np.ndarray]:
    """Return a few features of the first two images for every place where the images may be: (axis, inner) -> (2, n).

    `before` is the shape that the output had for another number of images, if it is known.
    """
    probes = {}
    for axis, size in enumerate(values.shape):
        if size % n_images == 0 and before[axis : axis + 1] != (size,):
            for inner in (False, True)[: size // n_images]:
                X = by_image(values, n_images, axis, inner)[:2]
                # a copy, since an array of a tensor's own memory keeps it alive
                probes[axis, inner] = columns([X], spread(X[0].numel(), N_PROBES)).cpu().numpy().copy()
    return probes


def _locate(
    name: str, tolerance: float, shape: tuple, probes: dict, larger: tuple, larger_probes: dict
) -> tuple[int | None, bool, int]:
    """Return where the images are, and the features of one, from outputs for two images and for three."""
    if shape == larger:
        return None, False, 0
    grown = [axis for axis, (two, three) in enumerate(zip(shape, larger, strict=False)) if two * 3 == three * 2]
    unchanged = [axis for axis, (two, three) in enumerate(zip(shape, larger, strict=False)) if two == three]
    if len(shape) != len(larger) or len(grown) != 1 or len(unchanged) != len(shape) - 1:
        raise InputError(
            f"layer {name}: output of shape {shape} for 2 images, {larger} for 3; expected one axis to grow with the images."
        )
    for inner in (False, True):
        place = grown[0], inner
        if place in probes and _same(probes[place], larger_probes[place], tolerance):
            return grown[0], inner, int(np.prod(shape)) // 2
    raise InputError(
        f"layer {name}: an image's features depend on the other images of the pass, or on chance; they cannot be told apart."
    )


def _same(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    sizes = np.abs(a[(a != 0) & ~np.isnan(a)])
    typical = float(np.median(sizes)) if len(sizes) else 0.0
    return np.allclose(a, b, rtol=tolerance, atol=tolerance * typical, equal_nan=True)


def by_image(values: torch.Tensor, n_images: int, axis: int, inner: bool) -> torch.Tensor:
    """Return an output as (n_images, ...); `axis` holds the images, times parts of each, in the order `inner` says."""
    split = (-1, n_images) if inner else (n_images, -1)
    return values.unflatten(axis, split).movedim(axis + inner, 0)
