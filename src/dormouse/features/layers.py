"""What counts as a layer, its name, and the block that it lies in.

A layer is the output of any module that is not a plain container, in the order of computation, named by its class and a
running number (the convention of Conwell et al. 2021).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

LAYERS = ("all", "blocks")  # choices of what counts as a layer
LAYER_NAME = "layer_name"  # attribute by which a module names its output itself, as MouseNet's nodes do


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


@dataclass(frozen=True)
class Layer:
    """Where the images are in the output of a layer, and how much there is of each."""

    name: str
    block: str
    axis: int | None  # None where the output holds nothing of single images
    inner: bool  # whether the images vary fastest along the axis: (parts, images) and not (images, parts)
    n_features: int
    path: str = ""  # of its module in the network
    constant: bool = False  # whether the output was the same for other images
    repeats: bool = False  # whether it is the output before it, passed on unchanged
    probes: np.ndarray | None = field(default=None, compare=False, repr=False)  # (3, at most N_PROBES), of the survey


def places(layers: Sequence[Layer]) -> dict[str, dict]:
    """Return the path, block and block_depth of every layer that ran, by its name.

    The depth of a block is its place among all blocks, in the order of their first layers, by their number: 1 for the last.
    """
    blocks = list(dict.fromkeys(layer.block for layer in layers))
    depth = {block: k / len(blocks) for k, block in enumerate(blocks, start=1)}
    return {layer.name: {"path": layer.path, "block": layer.block, "block_depth": depth[layer.block]} for layer in layers}


class Names:
    """Gives the outputs of a run their names, in the order of computation."""

    def __init__(self):
        self._kinds: Counter[str] = Counter()  # outputs by the kind of their module
        self._own: Counter[str] = Counter()  # outputs by the name that their module gives itself

    def next(self, module: nn.Module, n_values: int) -> str:
        """Return the name of a module's output, which holds `n_values` tensors, and count it."""
        if own := getattr(module, LAYER_NAME, ""):
            self._own[own] += 1
            return own if self._own[own] == 1 else f"{own}-{self._own[own]}"
        kind = type(module).__name__
        number = 1 + sum(n for other, n in self._kinds.items() if kind in other)
        self._kinds[kind] += n_values
        return f"{kind}-{number}"
