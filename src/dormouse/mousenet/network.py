"""MouseNet in PyTorch: masked convolutions between nodes; those of the same level and kernel size run as one.

The activity of a node is y = ReLU(BN(sum over sources of conv(x_source, W * mask) + b)) (Shi et al. 2022). A small kernel
padded with zeros is a larger kernel, so all connections from VISp to other areas run as one convolution: twenty
convolutions do the work of 49, with the same results. Those with wide kernels, where most of the work lies, are products of
spectra.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dormouse.errors import InputError, suggest
from dormouse.mousenet.anatomy import INPUT, LGN, Anatomy, Connection, Options, draw_masks
from dormouse.mousenet.fourier_convolution import convolve, convolve_directly

POOLED = 4  # side of a readout's map after pooling
READOUT = "5"  # layer of every area that the classifier sees
JOINED_UP_TO = (5, 9, np.inf)  # kernels run as one within these limits of size: too much padding costs more than calls


class MaskedConvolution(nn.Conv2d):
    """The weights of a connection; only those that the mask keeps count and learn."""

    def __init__(self, connection: Connection, mask: np.ndarray, options: Options):
        super().__init__(connection.in_channels, connection.out_channels, connection.kernel, connection.stride)
        if options.mask == "learned":
            self.mask = nn.Parameter(torch.as_tensor(mask[0, 0]).float())
        else:
            self.register_buffer("mask", torch.as_tensor(mask))
        with torch.no_grad():
            if options.mask != "learned":  # a mask that learns may let in any weight later
                self.weight *= self.mask
            if options.initialisation == "masked" and mask.any():
                self.weight /= self.mask.float().mean().sqrt()

    @property
    def masked_weight(self) -> torch.Tensor:
        """The weights, (out_channels, in_channels, kernel, kernel), 0 where the mask keeps none."""
        return self.weight * self.mask


class NodeActivity(nn.BatchNorm2d):
    """Batch normalisation and rectification of what a node receives."""

    def __init__(self, name: str, channels: int, linear: bool = False):
        super().__init__(channels, affine=not linear)
        self.layer_name, self.linear = name, linear

    def forward(self, received: torch.Tensor) -> torch.Tensor:
        """Return the activity, (n_images, channels, height, width) as received."""
        return received.clone() if self.linear else F.relu(super().forward(received))


@dataclass(frozen=True)
class JointConvolution:
    """Connections that run as one convolution."""

    connections: list[Connection]
    sources: dict[str, int]  # name -> channels, in order
    targets: dict[str, int]
    kernel: int
    stride: int
    padding: tuple[int, int, int, int]


class MouseNet(nn.Module):
    """The network of an anatomy, with a classifier on its readouts: layer 5 of all areas, or the nodes that its options name.

    Parameters
    ----------
    anatomy : from `read_anatomy`; weights, and masks without a seed of their own, are drawn from torch's generator
    n_classes : of the classifier
    fused : whether to join convolutions where possible, and to compute those with wide kernels by spectra
    """

    def __init__(self, anatomy: Anatomy, n_classes: int = 1000, fused: bool = True):
        super().__init__()
        seed = anatomy.options.mask_seed
        masks = draw_masks(anatomy, int(torch.randint(2**31, ())) if seed is None else seed)
        # `projections` (connections) and `populations` (nodes) are part of the keys in files of weights, so the words stay
        self.projections = nn.ModuleDict(
            {
                _key(connection): MaskedConvolution(connection, mask, anatomy.options)
                for connection, mask in zip(anatomy.connections, masks, strict=True)
            }
        )
        nodes = [node for node in anatomy.nodes.values() if node.name != INPUT]
        linear = {LGN} if anatomy.options.lgn == "linear" else set()
        self.populations = nn.ModuleDict(
            {node.name: NodeActivity(node.name, node.channels, node.name in linear) for node in nodes}
        )
        # in the order of the paper's features
        of_paper = [node.name for node in reversed(nodes) if node.layer == READOUT]
        self.readouts = list(anatomy.options.readout or of_paper)
        width = POOLED**2 * sum(anatomy.nodes[name].channels for name in self.readouts)
        self.classifier = nn.Linear(width, n_classes)
        groups = join_connections(anatomy) if fused else [_join([connection]) for connection in anatomy.connections]
        self.convolve = convolve if fused else convolve_directly
        # what has to run before each node is complete
        self.steps: list[tuple[str, list[JointConvolution]]] = []
        for node in nodes:
            ready = [group for group in groups if node.name in group.targets]
            groups = [group for group in groups if node.name not in group.targets]
            self.steps.append((node.name, ready))

    def activity(self, images: torch.Tensor, names: Collection[str] | None = None) -> dict[str, torch.Tensor]:
        """Return the activity of nodes (all without `names`), each (n_images, channels, height, width), in one pass."""
        unknown = set(names or ()) - self.populations.keys()
        if unknown:
            raise InputError(f"MouseNet has no node {min(unknown)!r}. {suggest(min(unknown), self.populations)}")
        active, received = {INPUT: images}, defaultdict(list)
        for name, groups in self.steps:
            for group in groups:
                parts = self._send(group, active).split(list(group.targets.values()), dim=1)
                for target, part in zip(group.targets, parts, strict=True):
                    received[target].append(part)
            active[name] = self.populations[name](sum(received.pop(name)))
        del active[INPUT]
        return {name: active[name] for name in names} if names is not None else active

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the classifier sees, (n_images, 2304) at the size of the paper."""
        active = self.activity(images, self.readouts)
        return torch.cat([F.adaptive_avg_pool2d(active[name], POOLED).flatten(1) for name in self.readouts], dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the classes, (n_images, n_classes), for images (n_images, 3, input_px, input_px)."""
        return self.classifier(self.features(images))

    def _send(self, group: JointConvolution, active: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return what a group of connections sends, the targets' channels side by side."""
        sent = (
            torch.cat([active[name] for name in group.sources], dim=1)
            if len(group.sources) > 1
            else active[group.connections[0].source]
        )
        weight, bias = self._weight(group)
        return self.convolve(sent, weight, bias, group.padding, group.stride)

    def _weight(self, group: JointConvolution) -> tuple[torch.Tensor, torch.Tensor]:
        """Return kernel and bias of a group, as one convolution."""
        made = {(member.source, member.target): self.projections[_key(member)] for member in group.connections}
        if len(made) == 1:
            (only,) = made.values()
            return only.masked_weight, only.bias
        any_weight = next(iter(made.values())).weight
        rows, biases = [], []
        for target, n_out in group.targets.items():
            row = []
            for source, n_in in group.sources.items():
                if (source, target) in made:
                    member = made[source, target]
                    row.append(F.pad(member.masked_weight, ((group.kernel - member.kernel_size[0]) // 2,) * 4))
                else:
                    row.append(any_weight.new_zeros(n_out, n_in, group.kernel, group.kernel))
            rows.append(torch.cat(row, dim=1))
            biases.append(sum(member.bias for (_, to), member in made.items() if to == target))
        return torch.cat(rows), torch.cat(biases)


def join_connections(anatomy: Anatomy) -> list[JointConvolution]:
    """Return connections in groups that run as one: those between areas by level of the source and size of the kernel."""
    groups: dict[tuple, list[Connection]] = defaultdict(list)
    for connection in anatomy.connections:
        if connection.kind == "interareal":
            size = next(limit for limit in JOINED_UP_TO if connection.kernel <= limit)
            groups[anatomy.nodes[connection.source].level, connection.stride, size].append(connection)
        else:
            groups[connection.source, connection.target].append(connection)
    return [_join(members) for members in groups.values()]


def _join(members: Sequence[Connection]) -> JointConvolution:
    largest = max(members, key=lambda member: member.kernel)
    sources, targets = {m.source: m.in_channels for m in members}, {m.target: m.out_channels for m in members}
    return JointConvolution(list(members), sources, targets, largest.kernel, largest.stride, largest.padding)


def _key(connection: Connection) -> str:
    return f"{connection.source}>{connection.target}"
