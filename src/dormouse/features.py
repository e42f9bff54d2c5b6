"""Images through a network, layer by layer, as a stream: what a layer puts out is reduced at once and never kept.

A layer is the output of any module that is not a plain container, in the order of computation, named by its class and a
running number (the convention of Conwell et al. 2021). Reducing inside the hook also protects the features from operations
that later overwrite them in place.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from dormouse.errors import InputError
from dormouse.gram import Kernels

CONTAINERS = {nn.Sequential, nn.ModuleList, nn.ModuleDict}


def stream(network: nn.Module, inputs: torch.Tensor, visit: Callable[[str, torch.Tensor], None]) -> None:
    """Run all images through `network` in one pass and call visit(name, X) for the output of every layer.

    Parameters
    ----------
    inputs : (n_images, n_channels, height, width) float32
    visit : is given the name and the features X (n_images, n_features) float32, valid during the call alone

    Raises InputError for an output whose first axis is not the images.
    """
    names: list[str] = []
    layers = [module for module in network.modules() if type(module) not in CONTAINERS]
    progress = tqdm(total=len(layers), unit="layer", mininterval=5)

    def hook(module: nn.Module, _, output) -> None:
        kind = type(module).__name__
        outputs = list(tensors(output))
        stem = f"{kind}-{1 + sum(kind in name for name in names)}"
        for k, X in enumerate(outputs, start=1):
            names.append(stem if len(outputs) == 1 else f"{stem}-{k}")
            if X.ndim == 0 or len(X) != len(inputs):
                raise InputError(
                    f"layer {names[-1]}: output of shape {tuple(X.shape)}, whose first axis is not the {len(inputs)} images."
                )
            visit(names[-1], X.detach().reshape(len(X), -1).float())
        progress.update()

    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        with torch.inference_mode(), progress:
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()


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


def extract(network: nn.Module, inputs: np.ndarray, eps: float, seed: int, threads: int) -> dict[str, np.ndarray]:
    """Return the kernels of every layer of `network` for preprocessed images, as of `Kernels.arrays`.

    The network runs on the GPU where there is one, else on `threads` cores; float32 in both, TensorFloat-32 off.
    """
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kernels = Kernels(eps, seed)
    stream(network.to(device), torch.from_numpy(inputs).to(device), kernels.add)
    return kernels.arrays()
