"""A first look at a network with a few images: where the images lie in the output of each layer, and what memory a pass takes.

Some features of these images are kept and compared with those of every later pass. This finds networks whose output for an
image depends on the call, on the batch, on the image's place in it or on the other images.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.features.layers import Layer, is_container
from dormouse.features.memory import PeakMemory
from dormouse.features.parts import columns, spread
from dormouse.features.record import Output, record, version

N_PROBES = 512  # features that are compared; those of three images are 6 KiB a layer
# largest `_difference` of an image's features in batches of different size
SAME = {torch.float32: 1e-3, torch.float16: 0.025, torch.bfloat16: 0.1}


@dataclass(frozen=True)
class Survey:
    """What a pass of three images and one of two tell of a network."""

    layers: list[Layer]  # in order of computation
    overwritten: frozenset[str]  # layers that are changed in place before the next module starts
    held: np.ndarray  # (n_layers,), bytes per image of all tensors that are alive when the layer is visited
    passing: np.ndarray  # (n_layers + 1,), peak of bytes per image before the layer is visited; last, after all layers
    changes_input: bool = False  # whether the network writes into the images that it is given
    image_bytes: int = 0  # of an image that it is given
    images: tuple[int, ...] = ()  # places of the three among all
    tolerance: float = SAME[torch.float32]
    no_numbers: Mapping[str, Collection[str]] = field(
        default_factory=dict
    )  # kinds of outputs that are no layers: their modules
    silent: Sequence[str] = ()  # paths of modules with parameters that put out nothing


@dataclass(frozen=True)
class _Seen:
    """What is kept of an output of the survey."""

    name: str
    path: str
    block: str
    repeats: bool
    shape: tuple[int, ...]
    probes: dict[tuple | None, np.ndarray]  # of `_probe_places`


def survey(
    network: nn.Module, inputs: torch.Tensor, precision: torch.dtype = torch.float32, device: torch.device | None = None
) -> Survey:
    """Run three images, then two of these in the other order, to find the images in every output and the memory of one.

    The images lie along the one axis that grows with their number (images first, or windows and tokens of each image laid out
    in it). The axis is accepted only if an image has the same features in both passes.

    Parameters
    ----------
    inputs : (at least 3, n_channels, height, width) float32, all images, of which three different ones are taken
    precision : in which the network runs
    device : where the network is; None for that of `inputs`

    Raises InputError for an output in which the images cannot be found, or that is not a function of each image alone.
    """
    if len(inputs) < 3:
        raise InputError(f"{len(inputs)} images; at least 3 are needed to find them in the outputs of layers.")
    large, small, memory, no_numbers = [], [], [], {}

    def see_and_weigh(output: Output) -> None:
        memory.append((counted.peak, counted.alive))
        _see(output, 2, small, large)
        counted.peak = counted.alive  # what looking took does not count

    def leave_out(path: str, kind: str) -> None:
        no_numbers.setdefault(kind, {})[path] = None

    images = _spread_and_different(inputs)
    three = inputs[images].to(device)
    two = three[[1, 0]]
    overwritten = record(network, [three], lambda output: _see(output, 3, large), leave_out=leave_out)
    with PeakMemory() as counted:
        record(network, [two], see_and_weigh, overwritten)
    peaks, alive = np.array([*memory, (counted.peak, 0)]).T / 2
    return Survey(
        layers=_layers(large, small, SAME[precision]),
        overwritten=frozenset(overwritten),
        held=alive[:-1],
        passing=peaks,
        changes_input=version(three) != 0,
        image_bytes=three[0].nbytes,
        images=tuple(images),
        tolerance=SAME[precision],
        no_numbers=no_numbers,
        silent=list(_silent(network, {seen.path for seen in large}.union(*no_numbers.values()))),
    )


def _see(output: Output, n_images: int, seen: list[_Seen], known: Sequence[_Seen] = ()) -> None:
    """Keep what is needed of an output of a pass of the survey; `known` is what the pass before saw."""
    (values,) = output.values
    before = known[len(seen)].shape if len(seen) < len(known) else ()
    probes = _probe_places(values, n_images, before)
    seen.append(_Seen(output.name, output.path, output.block, output.repeats, tuple(values.shape), probes))


def _layers(large: list[_Seen], small: list[_Seen], tolerance: float) -> list[Layer]:
    """Return the layers of two passes, of which at least one holds something of single images."""
    if [(seen.name, seen.path) for seen in small] != [(seen.name, seen.path) for seen in large]:
        raise InputError("the network runs other layers for three images than for two; its layers cannot be told apart.")
    if not small:
        raise InputError("the network runs no module that puts out numbers; there is no layer to score.")
    layers = [_layer(*pair, tolerance) for pair in zip(large, small, strict=True)]
    if all(layer.axis is None for layer in layers):
        names = ", ".join(layer.name for layer in layers)
        raise InputError(f"no output of the network holds anything of single images ({names}); there is no layer to score.")
    return layers


def features(
    known: Survey, layer: Layer, values: Sequence[torch.Tensor], images: Sequence[Sequence[int]]
) -> list[torch.Tensor]:
    """Return what a layer of single images put out for several batches, as (n_images, ...) of each.

    Parameters
    ----------
    values : of each batch
    images : places of each batch's images among all

    Raises InputError where the images surveyed have other features here, or an output is of another size.
    """
    parts = []
    for value, batch in zip(values, images, strict=True):
        n = len(batch)
        if value.numel() != n * layer.n_features or any(size % n for size in value.shape[layer.axis : layer.axis + 1]):
            raise InputError(
                f"layer {layer.name}: output of shape {tuple(value.shape)} for {n} images, expected {layer.n_features} "
                "features of each, as for three; it cannot be divided among them. Does the network keep on itself how many "
                "images a batch has? Batches run in step."
            )
        X = by_image(value, n, layer.axis, layer.inner)
        seen = {known.images.index(image): X[k : k + 1] for k, image in enumerate(batch) if image in known.images}
        if seen and _difference(layer.probes, list(seen), _probes(list(seen.values()))) > known.tolerance:
            raise InputError(_depends(layer.name))
        parts.append(X)
    return parts


def _spread_and_different(inputs: torch.Tensor) -> list[int]:
    """Return the places of the first image, one from the middle and the last; of equal ones, the next that is different."""
    chosen, n = [], len(inputs)
    for start in spread(n, 3).tolist():
        free = [k % n for k in range(start, start + n) if k % n not in chosen]
        different = (k for k in free if not any(torch.equal(inputs[k], inputs[other]) for other in chosen))
        chosen.append(next(different, free[0]))
    return chosen


def _probe_places(values: torch.Tensor, n_images: int, before: tuple[int, ...]) -> dict[tuple | None, np.ndarray]:
    """Return a few features of each image for every place where they may be, (axis, inner), and of the whole output, None.

    `before` is the shape that the output had for another number of images, if it is known.
    """
    probes = {None: _probes([values[None]])}
    for axis, size in enumerate(values.shape):
        if size % n_images == 0 and before[axis : axis + 1] != (size,):
            for inner in (False, True)[: size // n_images]:
                probes[axis, inner] = _probes([by_image(values, n_images, axis, inner)])
    return probes


def _probes(parts: Sequence[torch.Tensor]) -> np.ndarray:
    """Return at most `N_PROBES` features of each image, spread evenly, (n_images, n) float32; none where there are none."""
    if not parts[0].numel():
        return np.zeros((len(parts[0]), 0), np.float32)
    # a copy, since an array of a tensor's own memory keeps it alive
    return columns(parts, spread(parts[0][0].numel(), N_PROBES)).cpu().numpy().copy()


def _layer(large: _Seen, small: _Seen, tolerance: float) -> Layer:
    """Return where the images are, from the outputs for three images and for the second and first of them."""
    of_module = {"name": large.name, "block": large.block, "path": large.path, "repeats": large.repeats}
    if small.shape == large.shape:
        constant = _difference(large.probes[None], [0], small.probes[None]) <= tolerance
        return Layer(**of_module, axis=None, inner=False, n_features=0, constant=constant)
    pairs = list(enumerate(zip(small.shape, large.shape, strict=False)))
    grown = [axis for axis, (two, three) in pairs if two * 3 == three * 2 != 0]
    unchanged = [axis for axis, (two, three) in pairs if two == three]
    if len(small.shape) != len(large.shape) or len(grown) != 1 or len(unchanged) != len(small.shape) - 1:
        raise InputError(
            f"layer {large.name}: output of shape {small.shape} for 2 images, {large.shape} for 3; expected one axis to grow "
            "with the images."
        )
    n_features = prod(small.shape) // 2
    if not n_features:
        return Layer(**of_module, axis=None, inner=False, n_features=0, constant=True)
    differences = {
        inner: _difference(large.probes[grown[0], inner], [1, 0], small.probes[grown[0], inner])
        for inner in (False, True)
        if (grown[0], inner) in small.probes
    }
    inner = min(differences, key=differences.get)
    if differences[inner] > tolerance:
        raise InputError(_depends(large.name))
    return Layer(**of_module, axis=grown[0], inner=inner, n_features=n_features, probes=large.probes[grown[0], inner])


def _depends(name: str) -> str:
    return (
        f"layer {name}: an image's features depend on the other images of the pass, or on chance, on the call or on the "
        "image's place in the batch; they say nothing of the image alone. Does the network normalise over the batch, drop "
        "out, draw random numbers, count its calls in forward, or keep something of one batch on itself? Batches run in step."
    )


def _difference(known: np.ndarray, rows: Sequence[int], found: np.ndarray) -> float:
    """Return the root mean square of differences from the known features of these rows, each by its own and the median size.

    Not the largest: libraries may compute batches of another size in another way, and single features then round far off.
    """
    sizes = np.abs(known[(known != 0) & ~np.isnan(known)])
    typical = float(np.median(sizes)) if len(sizes) else 0.0
    a, b = known[rows], found
    with np.errstate(all="ignore"):
        difference = np.abs(a - b) / (np.abs(b) + typical)
        difference[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
        return float(np.sqrt(np.mean(np.nan_to_num(difference, nan=np.inf, posinf=np.inf) ** 2))) if a.size else 0.0


def _silent(network: nn.Module, heard: set[str]) -> Iterator[str]:
    """Yield the paths of modules that have parameters but put out nothing; of one with all inside it, only its own."""
    around = {".".join(path.split(".")[:k]) for path in heard for k in range(path.count(".") + 2)}
    for path, module in network.named_modules():
        within = path.rpartition(".")[0] not in around  # another that is silent
        inner = path in around and is_container(module)
        own = type(module).forward is not nn.Module.forward or next(module.children(), None) is not None
        if path not in heard and own and not within and not inner and next(module.parameters(), None) is not None:
            yield path


def by_image(values: torch.Tensor, n_images: int, axis: int, inner: bool) -> torch.Tensor:
    """Return an output as (n_images, ...); `axis` holds the images and the parts of each, in the order that `inner` says."""
    split = (-1, n_images) if inner else (n_images, -1)
    return values.unflatten(axis, split).movedim(axis + inner, 0)
