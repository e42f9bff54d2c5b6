"""Images through a network, layer by layer, as a stream: what a layer puts out is reduced at once and never kept.

A layer is the output of any module that is not a plain container, in the order of computation, named by its class and a
running number (the convention of Conwell et al. 2021). Reducing inside the hook also protects the features from operations
that later overwrite them in place.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from dormouse.errors import InputError
from dormouse.gram import Kernels, spread
from dormouse.memory import forecast_bytes

LAYERS = ("all", "blocks")  # choices of what counts as a layer
N_PROBES = 512  # features that are compared to find the images in an output
SAME = 1e-3  # largest difference, by its and the median size, of an image's feature in batches of different size


@dataclass(frozen=True)
class Output:
    """What a module put out in one pass."""

    name: str  # of the layer
    block: str  # path of the outermost module that is no container and holds the layer
    is_block: bool  # whether the layer is that module's own output
    values: torch.Tensor


@dataclass(frozen=True)
class Layer:
    """Where the images are in the output of a layer, and how much there is of each."""

    name: str
    block: str
    axis: int | None  # None where the output is the same for all images
    inner: bool  # whether the axis runs over images first: (parts, images) in the place of (images, parts)
    n_features: int


def record(network: nn.Module, inputs: torch.Tensor, visit: Callable[[Output], None]) -> None:
    """Run all images through `network` in one pass and call `visit` for every output, which is valid during the call alone.

    Parameters
    ----------
    inputs : (n_images, n_channels, height, width) float32
    """
    blocks = list(block_paths(network))
    names: list[str] = []
    block = ""  # of the last output; that of the whole network counts to it

    def hook_of(path: str) -> Callable:
        inside = next((name for name in blocks if f"{path}.".startswith(f"{name}.")), "")

        def hook(module: nn.Module, _, output) -> None:
            nonlocal block
            block = inside or block
            kind = type(module).__name__
            outputs = list(tensors(output))
            stem = f"{kind}-{1 + sum(kind in name for name in names)}"
            for k, values in enumerate(outputs, start=1):
                names.append(stem if len(outputs) == 1 else f"{stem}-{k}")
                visit(Output(names[-1], block, path == inside, values.detach()))

        return hook

    layers = [(path, module) for path, module in network.named_modules() if not is_container(module)]
    handles = [module.register_forward_hook(hook_of(path)) for path, module in layers]
    try:
        with torch.inference_mode():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()


def is_container(module: nn.Module) -> bool:
    """Return whether a module only holds others: a sequence, also of a class of its own, a list or a dictionary."""
    # a dictionary of a class of its own computes something, as the dense blocks of DenseNet
    return isinstance(module, nn.Sequential | nn.ModuleList) or type(module) is nn.ModuleDict


def block_paths(module: nn.Module, prefix: str = "") -> Iterator[str]:
    """Yield the paths of a network's blocks: its outermost modules that are no containers."""
    for name, child in module.named_children():
        if is_container(child):
            yield from block_paths(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def tensors(output) -> Iterator[torch.Tensor]:
    """Yield the floating-point tensors of a module's output: a tensor, or a tuple, list or mapping of outputs."""
    if isinstance(output, torch.Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from tensors(value)


def survey(network: nn.Module, inputs: torch.Tensor) -> list[Layer]:
    """Run two and three images to find the images in every output.

    The axis of the images is the one that grows with their number, alone (images first, or windows and tokens of each image
    laid out in it); and it is believed only if the first two images have the same features in both passes.

    Parameters
    ----------
    inputs : (at least 3, n_channels, height, width) float32

    Returns one Layer for each output; raises InputError for an output in which the images cannot be found.
    """
    passes = []
    for n_images in (2, 3):
        seen: list[tuple[str, str, tuple, dict]] = []  # name, block, shape, probes

        def visit(output: Output, n_images: int = n_images, seen: list = seen) -> None:
            seen.append((output.name, output.block, tuple(output.values.shape), _probes(output.values, n_images)))

        record(network, inputs[:n_images], visit)
        passes.append(seen)
    if [name for name, *_ in passes[0]] != [name for name, *_ in passes[1]]:
        raise InputError("the network runs other layers for three images than for two; its layers cannot be told apart.")
    if not passes[0]:
        raise InputError("the network runs no module that puts out numbers; there is no layer to score.")
    return [Layer(*first[:2], *_locate(first[0], *first[2:], *second[2:])) for first, second in zip(*passes, strict=True)]


def _probes(values: torch.Tensor, n_images: int) -> dict[tuple[int, bool], torch.Tensor]:
    """Return a few features of the first two images for every place where the images may be: (axis, inner) -> (2, n)."""
    places = [(axis, inner) for axis, size in enumerate(values.shape) if size % n_images == 0 for inner in (False, True)]
    probes = {}
    for axis, inner in places:
        X = by_image(values, n_images, axis, inner)[:2]
        probes[axis, inner] = X[:, spread(X.shape[1], N_PROBES).to(X.device)].float().cpu()
    return probes


def _locate(name: str, shape: tuple, probes: dict, larger: tuple, larger_probes: dict) -> tuple[int | None, bool, int]:
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
        if _same(probes[grown[0], inner], larger_probes[grown[0], inner]):
            return grown[0], inner, int(np.prod(shape)) // 2
    raise InputError(
        f"layer {name}: an image's features depend on the other images of the pass, or on chance; they cannot be told apart."
    )


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    sizes = a[a != 0].abs()
    typical = float(sizes.nanmedian().nan_to_num()) if len(sizes) else 0.0
    return torch.allclose(a, b, rtol=SAME, atol=SAME * typical, equal_nan=True)


def by_image(values: torch.Tensor, n_images: int, axis: int, inner: bool) -> torch.Tensor:
    """Return an output as (n_images, n_features); `axis` holds the images, times parts of each, in the order `inner` says."""
    split = (-1, n_images) if inner else (n_images, -1)
    parts = values.unflatten(axis, split)
    return parts.movedim(axis + inner, 0).reshape(n_images, -1)


def stream(
    network: nn.Module, inputs: torch.Tensor, visit: Callable[[str, str, torch.Tensor], None], layers: str
) -> list[str]:
    """Run all images through `network` in one pass and call visit(name, block, X) for the output of every layer.

    Parameters
    ----------
    inputs : (at least 3 images, n_channels, height, width) float32
    visit : is given the layer, its block, and the features X (n_images, n_features) float32, valid during the call alone
    layers : all, or blocks for the outputs of blocks alone, which keep their names

    Returns the blocks in the order in which they ran, also those that gave nothing new.

    Raises InputError for an output in which the images cannot be found.
    """
    if len(inputs) < 3:
        raise InputError(f"{len(inputs)} images; at least 3 are needed to find them in the outputs of layers.")
    known = survey(network, inputs)
    print(_announce(network, known, inputs), file=sys.stderr)
    ahead = iter(known)
    progress = tqdm(total=len(known), unit="layer", mininterval=5)

    def reduce(output: Output) -> None:
        layer = next(ahead, None)
        if layer is None or layer.name != output.name:
            raise InputError(f"layer {output.name}: the network runs other layers for {len(inputs)} images than for three.")
        progress.update()
        if layer.axis is not None and (layers == "all" or output.is_block):
            X = by_image(output.values, len(inputs), layer.axis, layer.inner)
            visit(layer.name, output.block, X.float())

    with progress:
        record(network, inputs, reduce)
    if layer := next(ahead, None):
        raise InputError(f"layer {layer.name}: run for three images, but not for {len(inputs)}.")
    return list(dict.fromkeys(layer.block for layer in known))


def _announce(network: nn.Module, layers: list[Layer], inputs: torch.Tensor) -> str:
    constant = [layer.name for layer in layers if layer.axis is None]
    left_out = f"; left out, because the same for all images: {', '.join(constant)}" if constant else ""
    forecast = forecast_bytes(network, inputs[:2], len(inputs), max(layer.n_features for layer in layers))
    return f"{len(layers)} outputs, {len(inputs)} images, forecast of memory: {forecast / 2**20:.0f} MiB{left_out}"


def extract(network: nn.Module, inputs: np.ndarray, layers: str, eps: float, seed: int, threads: int) -> dict[str, np.ndarray]:
    """Return the kernels of the layers of `network` for preprocessed images, as of `Kernels.arrays`, and `blocks`, in order.

    The network runs on the GPU where there is one, else on `threads` cores; float32 in both, TensorFloat-32 off.
    """
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.mha.set_fastpath_enabled(False)  # it would pass over the modules inside an encoder layer
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kernels = Kernels(eps, seed)
    blocks = stream(network.to(device), torch.from_numpy(inputs).to(device), kernels.add, layers)
    return kernels.arrays() | {"blocks": np.array(blocks)}
