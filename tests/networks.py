"""Networks for tests: parts that do one thing, and what a stream gives of them."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from dormouse.features.extraction import extract, stream
from dormouse.features.gram import reduce
from dormouse.features.survey import survey
from dormouse.models.build import build


class Scale(nn.Module):
    def forward(self, x):
        return 2 * x


class SubScale(Scale):
    pass


class Pair(nn.Module):
    def forward(self, x):
        return x.flatten(1), {"rest": [x[:, :1], x.argmax(1)]}  # an index is no feature


class Apply(nn.Module):
    """Calls its modules one after the other, each as often as it is named."""

    def __init__(self, *calls: nn.Module):
        super().__init__()
        self.calls = calls  # a tuple, which torch does not register
        self.parts = nn.ModuleList(calls)

    def forward(self, x):
        for module in self.calls:
            y = module(x)
            x = y if isinstance(y, torch.Tensor) else x
        return x


class Adding(nn.Module):
    """Residual block that adds in place to what a layer put out."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        y = self.layer(x)
        y += x
        return y


class Aside(nn.Module):
    """A layer of its own that puts out what `function` makes of the images."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Beside(nn.Module):
    """A network that runs a layer and leaves its output aside."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        self.layer(x)
        return x.flatten(1).mean(1, keepdim=True)


class Between(nn.Module):
    """Calls two layers, and a function between them."""

    def __init__(self, first: nn.Module, function: Callable, second: nn.Module):
        super().__init__()
        self.first, self.function, self.second = first, function, second

    def forward(self, x):
        return self.second(self.function(self.first(x)))


def pass_on(x):
    return x


def make_images(n_images: int, size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n_images, 3, size, size)).astype(np.float32)


def random_network(name: str, source: str = "torchvision", seed: int = 0) -> nn.Module:
    return build({"source": source, "name": name, "file": None, "seed": seed})


def with_random_normalisation(network: nn.Module) -> nn.Module:
    """Return a copy whose batch normalisations scale and shift at random, as training leaves them."""
    network, generator = copy.deepcopy(network), torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5, generator=generator)
            module.bias.normal_(generator=generator)
    return network


def streamed(network: nn.Module, images: np.ndarray, layers: str = "all", batch: int | None = None) -> list[tuple]:
    """Return name, block and features of every layer that a stream visits; images in one batch, or in several of a size."""
    outputs, inputs = [], torch.from_numpy(images)
    known = survey(network, inputs)

    def keep(layer, parts: list[torch.Tensor], repeats: bool) -> None:
        outputs.append((layer.name, layer.block, torch.cat([part.flatten(1) for part in parts]).clone()))

    stream(network, inputs.split(batch or len(inputs)), known, keep, layers)
    return outputs


def extracted(network: nn.Module, images: np.ndarray | None = None, kernels=("srp",), **options) -> dict[str, np.ndarray]:
    """Return kernels of all layers, from few projections; without images those of seven random ones."""
    images = make_images(7, 8, seed=0) if images is None else images
    return extract(network, images, "all", kernels, eps=0.9, seed=0, threads=1, **options)


def names_of(network: nn.Module) -> list[str]:
    return [name for name, _, _ in streamed(network, make_images(3, 8, seed=0))]


def sizes_of(network: nn.Module, images: np.ndarray) -> list[tuple[str, int]]:
    """Return name and number of features of the layers, of equal ones the first alone, without their kernels."""
    distinct, inputs = {}, torch.from_numpy(images)

    def keep(layer, parts: list[torch.Tensor], repeats: bool) -> None:
        distinct.setdefault(reduce(parts)["identity"].tobytes(), (layer.name, layer.n_features))

    stream(network, [inputs], survey(network, inputs), keep)
    return list(distinct.values())
