"""No output is kept in memory longer than it is needed."""

import weakref
from itertools import pairwise

import pytest
import torch
from networks import Beside
from recorded_outputs import images
from torch import nn

from dormouse.features.memory import PeakMemory
from dormouse.features.record import Output, record


def chain(*channels: int) -> nn.Sequential:
    sizes = (3, *channels)
    return nn.Sequential(*(nn.Conv2d(a, b, 1) for a, b in pairwise(sizes))).eval()


CHANNELS = (12, 2, 30, 7)
MAP = 8 * 8 * 4  # bytes of a channel of an image


@pytest.mark.parametrize(("n_images", "batch"), [(12, 2), (12, 12), (7, 3), (5, 1)])
def test_no_more_is_alive_than_a_layer_of_all_images_and_the_next_of_those_that_move(n_images, batch):
    """Of each image either the layer that was seen or the next, of those that move both."""
    network, inputs, seen = chain(*CHANNELS), images(n_images), []
    with PeakMemory() as counted:

        def see(output: Output) -> None:
            seen.append((counted.peak, counted.alive))
            counted.peak = counted.alive

        record(network, inputs.split(batch), see, set())
    sizes = [len(part) for part in inputs.split(batch)]
    peaks = []
    for a, b in pairwise((0, *CHANNELS)):
        done = [sum(sizes[:k]) for k in range(len(sizes))]
        peaks.append(max(b * (n + size) + a * (n_images - n) for n, size in zip(done, sizes, strict=True)))
    assert [peak / MAP for peak, _ in seen] == peaks
    assert [now / MAP for _, now in seen] == [n_images * channels for channels in CHANNELS]
    assert counted.alive == 0


def test_inputs_are_alive_beside_an_output_that_is_shown_at_once():
    network, inputs, seen = chain(*CHANNELS), images(6), []
    with PeakMemory() as counted:
        record(network, inputs.split(2), lambda output: seen.append(counted.alive / MAP / 6), {"Conv2d-3"})
    assert seen == [12, 2, 2 + 30, 7]


def test_of_a_layer_nothing_is_alive_once_the_next_is_seen():
    references, dead = [], []

    def see(output: Output) -> None:
        dead.append([reference() is None for reference in references])
        references[:] = map(weakref.ref, output.values)

    record(chain(*CHANNELS), images(6).split(2), see, set())
    assert dead == [[], [True] * 3, [True] * 3, [True] * 3]
    assert all(reference() is None for reference in references)


def test_what_a_network_still_needs_is_alive():
    class Skipping(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 12, 1), nn.Conv2d(12, 2, 1)

        def forward(self, x):
            y = self.first(x)
            return torch.cat([y, self.second(y)], dim=1)

    seen = []
    with PeakMemory() as counted:
        record(Skipping().eval(), images(6).split(2), lambda output: seen.append(counted.alive / MAP / 6), set())
    assert seen == [12, 2 + 12 + 2, 12 + 2]


def test_outputs_that_nobody_takes_are_no_longer_alive_than_others():
    seen = []
    with PeakMemory() as counted:
        record(Beside(nn.Conv2d(3, 12, 1)).eval(), images(6).split(2), lambda _: seen.append(counted.alive / 6), set())
    assert seen == [12 * MAP + 4, 4]
