"""Images, and what is recorded of a network that gets them in batches."""

import torch
from networks import make_images
from torch import nn

from dormouse.features.record import Output, record


def images(n: int, size: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(make_images(n, size, seed))


def recorded(network: nn.Module, batches, overwritten=None) -> tuple[list[tuple], set[str]]:
    """Return name, block, whether it is the block's own, whether it repeats, and copies of the values of every output."""
    outputs = []

    def keep(output: Output) -> None:
        values = [each.clone() for each in output.values]
        outputs.append((output.name, output.block, output.is_block, output.repeats, values))

    changed = record(network, batches, keep, overwritten)
    return outputs, changed


def overwritten_by(network: nn.Module, batch: torch.Tensor) -> set[str]:
    return record(network, [batch], lambda output: None)
