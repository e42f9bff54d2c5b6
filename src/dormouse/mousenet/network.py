"""MouseNet in PyTorch: masked convolutions between populations, of which those that start or end together run as one.

A population's activity is y = ReLU(BN(sum over sources of conv(x_source, W * mask) + b)) (Shi et al. 2022). Convolutions of
smaller kernels are those of larger ones with zeros around, so that all projections from VISp to other areas are one
convolution, and those to VISpor a few: about twenty in the place of 49, with the same numbers. Those with wide kernels, in
which most of the work lies, are products of spectra.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dormouse.errors import InputError, suggest
from dormouse.mousenet.anatomy import INPUT, LGN, Anatomy, Options, Projection, draw_masks
from dormouse.mousenet.convolution import convolve, convolve_directly

POOLED = 4  # places of a readout's map on a side
READOUT = "5"  # layer of every area that the classifier sees
TOGETHER = (5, 9, np.inf)  # kernels up to these sizes run as one; zeros around small ones cost more than calls


class MaskedConvolution(nn.Conv2d):
    """Weights of a projection, of which only those that are connections count and learn."""

    def __init__(self, edge: Projection, mask: np.ndarray, options: Options):
        super().__init__(edge.in_channels, edge.out_channels, edge.kernel, edge.stride)
        if options.mask == "learned":
            self.mask = nn.Parameter(torch.as_tensor(mask[0, 0]).float())
        else:
            self.register_buffer("mask", torch.as_tensor(mask))
        with torch.no_grad():
            if options.mask != "learned":  # else what is no connection yet may become one
                self.weight *= self.mask
            if options.initialisation == "masked" and mask.any():
                self.weight /= self.mask.float().mean().sqrt()

    @property
    def connections(self) -> torch.Tensor:
        """The weights, (out_channels, in_channels, kernel, kernel), 0 where there is no connection."""
        return self.weight * self.mask


class PopulationActivity(nn.BatchNorm2d):
    """Batch normalisation and rectification of what a population receives."""

    def __init__(self, name: str, channels: int, linear: bool = False):
        super().__init__(channels, affine=not linear)
        self.layer_name, self.linear = name, linear

    def forward(self, received: torch.Tensor) -> torch.Tensor:
        """Return the activity, (n_images, channels, height, width) as received."""
        return received.clone() if self.linear else F.relu(super().forward(received))


@dataclass(frozen=True)
class Together:
    """Projections that run as one convolution."""

    edges: list[Projection]
    sources: dict[str, int]  # and their channels, in order
    targets: dict[str, int]
    kernel: int
    stride: int
    padding: tuple[int, int, int, int]


class MouseNet(nn.Module):
    """The network of an anatomy, with a classifier on its readouts: layer 5 of all areas, or populations that it names.

    Parameters
    ----------
    anatomy : of `read_anatomy`; weights, and masks without a seed of their own, are drawn from torch's generator
    n_classes : of the classifier
    fused : whether convolutions that can run as one do, and those of wide kernels as products of spectra
    """

    def __init__(self, anatomy: Anatomy, n_classes: int = 1000, fused: bool = True):
        super().__init__()
        seed = anatomy.options.mask_seed
        masks = draw_masks(anatomy, int(torch.randint(2**31, ())) if seed is None else seed)
        self.projections = nn.ModuleDict(
            {
                _key(edge): MaskedConvolution(edge, mask, anatomy.options)
                for edge, mask in zip(anatomy.projections, masks, strict=True)
            }
        )
        nodes = [node for node in anatomy.populations.values() if node.name != INPUT]
        linear = {LGN} if anatomy.options.lgn == "linear" else set()
        self.populations = nn.ModuleDict(
            {node.name: PopulationActivity(node.name, node.channels, node.name in linear) for node in nodes}
        )
        # in the order of the features of the paper
        of_paper = [node.name for node in reversed(nodes) if node.layer == READOUT]
        self.readouts = list(anatomy.options.readout or of_paper)
        width = POOLED**2 * sum(anatomy.populations[name].channels for name in self.readouts)
        self.classifier = nn.Linear(width, n_classes)
        groups = together(anatomy) if fused else [_join([edge]) for edge in anatomy.projections]
        self.convolve = convolve if fused else convolve_directly
        # what has to run before each population
        self.steps: list[tuple[str, list[Together]]] = []
        for node in nodes:
            ready = [group for group in groups if node.name in group.targets]
            groups = [group for group in groups if node.name not in group.targets]
            self.steps.append((node.name, ready))

    def activity(self, images: torch.Tensor, names: Collection[str] | None = None) -> dict[str, torch.Tensor]:
        """Return the activity of populations (all without `names`), each (n_images, channels, height, width), in one pass."""
        unknown = set(names or ()) - self.populations.keys()
        if unknown:
            raise InputError(f"MouseNet has no population {min(unknown)!r}. {suggest(min(unknown), self.populations)}")
        active, received = {INPUT: images}, defaultdict(list)
        for name, groups in self.steps:
            for group in groups:
                parts = self._project(group, active).split(list(group.targets.values()), dim=1)
                for target, part in zip(group.targets, parts, strict=True):
                    received[target].append(part)
            active[name] = self.populations[name](sum(received.pop(name)))
        del active[INPUT]
        return {name: active[name] for name in names} if names is not None else active

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the classifier sees, (n_images, 2304) in the paper's size."""
        active = self.activity(images, self.readouts)
        return torch.cat([F.adaptive_avg_pool2d(active[name], POOLED).flatten(1) for name in self.readouts], dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the classes, (n_images, n_classes), for images (n_images, 3, input_px, input_px)."""
        return self.classifier(self.features(images))

    def _project(self, group: Together, active: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return what a group of projections sends, the targets' channels side by side."""
        sent = (
            torch.cat([active[name] for name in group.sources], dim=1)
            if len(group.sources) > 1
            else active[group.edges[0].source]
        )
        weight, bias = self._weight(group)
        return self.convolve(sent, weight, bias, group.padding, group.stride)

    def _weight(self, group: Together) -> tuple[torch.Tensor, torch.Tensor]:
        """Return kernel and bias of a group, as one convolution."""
        made = {(edge.source, edge.target): self.projections[_key(edge)] for edge in group.edges}
        if len(made) == 1:
            (only,) = made.values()
            return only.connections, only.bias
        any_weight = next(iter(made.values())).weight
        rows, biases = [], []
        for target, n_out in group.targets.items():
            row = []
            for source, n_in in group.sources.items():
                if (source, target) in made:
                    edge = made[source, target]
                    row.append(F.pad(edge.connections, ((group.kernel - edge.kernel_size[0]) // 2,) * 4))
                else:
                    row.append(any_weight.new_zeros(n_out, n_in, group.kernel, group.kernel))
            rows.append(torch.cat(row, dim=1))
            biases.append(sum(edge.bias for (_, to), edge in made.items() if to == target))
        return torch.cat(rows), torch.cat(biases)


def together(anatomy: Anatomy) -> list[Together]:
    """Return projections in groups that run as one: those from areas of one level to others, by the size of their kernels."""
    groups: dict[tuple, list[Projection]] = defaultdict(list)
    for edge in anatomy.projections:
        if edge.kind == "interareal":
            size = next(limit for limit in TOGETHER if edge.kernel <= limit)
            groups[anatomy.populations[edge.source].level, edge.stride, size].append(edge)
        else:
            groups[edge.source, edge.target].append(edge)
    return [_join(edges) for edges in groups.values()]


def _join(edges: Sequence[Projection]) -> Together:
    largest = max(edges, key=lambda edge: edge.kernel)
    sources, targets = {e.source: e.in_channels for e in edges}, {e.target: e.out_channels for e in edges}
    return Together(list(edges), sources, targets, largest.kernel, largest.stride, largest.padding)


def _key(edge: Projection) -> str:
    return f"{edge.source}>{edge.target}"
