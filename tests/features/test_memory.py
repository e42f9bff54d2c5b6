"""Memory of a pass: what is alive at once is counted, the forecast is near what a process takes, and a limit is kept."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import Adding, make_images, random_network
from torch import nn

from dormouse.features.extraction import stream
from dormouse.features.memory import RESERVED, ROUND_BYTES, PeakMemory, available_bytes, resident_bytes
from dormouse.features.survey import survey

KB = 4000  # bytes of a tensor of a thousand numbers


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    """Run networks as extraction does."""
    with torch.no_grad():
        yield


def tensor(n: int = 1) -> torch.Tensor:
    return torch.zeros(1000 * n)


def test_tensors_alive_at_once_are_added_and_freed_ones_taken_away():
    with PeakMemory() as memory:
        a = tensor(1)
        b = tensor(2)
        assert (memory.alive, memory.peak) == (3 * KB, 3 * KB)
        del a
        assert (memory.alive, memory.peak) == (2 * KB, 3 * KB)
        c = b + 1
        assert (memory.alive, memory.peak) == (4 * KB, 4 * KB)
        del b, c
        assert (memory.alive, memory.peak) == (0, 4 * KB)


def test_the_peak_of_a_chain_is_the_two_largest_neighbours():
    sizes = (1, 3, 2, 4, 1)
    with PeakMemory() as memory:
        x = tensor()
        for n in sizes:
            x = x[:1].expand(1000 * n).clone()
    assert memory.peak == (2 + 4) * KB


def test_views_and_operations_in_place_add_nothing():
    with PeakMemory() as memory:
        a = tensor()
        views = [a[10:], a.view(10, 100).t(), *a.split(100), a.expand(5, 1000), a.detach()]
        a += 1
        a.relu_()
        views[0].mul_(2)
        assert (memory.alive, memory.peak) == (KB, KB)


def test_a_tensor_is_alive_as_long_as_a_view_of_it():
    with PeakMemory() as memory:
        a = tensor()
        view = a[:1]
        del a
        assert memory.alive == KB
        del view
        assert memory.alive == 0


def test_all_tensors_of_a_compound_result_are_counted():
    with PeakMemory() as memory:
        values, places = torch.sort(tensor())
        assert memory.alive == values.nbytes + places.nbytes == 3 * KB


def test_memory_that_is_used_again_is_counted_again():
    with PeakMemory() as memory:
        for _ in range(50):
            a = tensor(1000)
            del a
        b = tensor(2)
        assert (memory.alive, memory.peak) == (2 * KB, 1000 * KB)
        del b


@pytest.mark.parametrize("change", [lambda x: x.view(10, 100), lambda x: x.add_(1), lambda x: x[:5]])
def test_what_was_there_before_is_not_counted(change):
    x = tensor()
    with PeakMemory() as memory:
        y = change(x)
    assert memory.peak == 0
    assert y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()


def test_nothing_is_counted_outside():
    with PeakMemory() as memory:
        pass
    a = tensor()
    assert (memory.alive, memory.peak, len(a)) == (0, 0, 1000)


def test_a_network_is_counted_layer_by_layer():
    """Two images of 3 x 8 x 8: a convolution to 12 maps, then one to 2; each is alive with the next alone."""
    network = nn.Sequential(nn.Conv2d(3, 12, 1), nn.ReLU(inplace=True), nn.Conv2d(12, 2, 1), nn.Flatten(), nn.Sigmoid())
    images = torch.zeros(2, 3, 8, 8)
    with PeakMemory() as memory:
        network(images)
    assert memory.peak == 2 * 8 * 8 * 4 * (12 + 2)


# --- what a survey tells of a network

MAP = 8 * 8 * 4  # bytes of a channel of an image


def surveyed(network: nn.Module) -> tuple[list[float], list[float]]:
    """Return what an image keeps when a layer is visited, and the most before that, in channels of 8 x 8."""
    known = survey(network.eval(), torch.from_numpy(make_images(4, 8, seed=0)))
    return (known.held / MAP).tolist(), (known.passing / MAP).tolist()


def test_a_layer_of_a_chain_is_held_alone_and_passes_with_the_one_before():
    chain = nn.Sequential(nn.Conv2d(3, 12, 1), nn.Conv2d(12, 2, 1), nn.Flatten(), nn.Linear(128, 64))
    assert surveyed(chain) == ([12, 2, 2, 1], [12, 12 + 2, 2, 2 + 1, 1])


def test_a_layer_that_is_changed_in_place_is_held_with_its_input():
    assert surveyed(nn.Sequential(nn.Conv2d(3, 12, 1), Adding(nn.Conv2d(12, 12, 1)), nn.Conv2d(12, 1, 1))) == (
        [12, 24, 12, 1],
        [12, 24, 24, 13, 1],
    )


def test_an_activation_in_place_takes_nothing_and_lets_go_of_the_input():
    chain = nn.Sequential(nn.Conv2d(3, 12, 1), nn.ReLU(inplace=True), nn.Conv2d(12, 2, 1), nn.ReLU(inplace=True))
    assert surveyed(chain) == ([12, 12, 2, 2], [12, 12, 14, 2, 2])


def test_what_a_network_keeps_for_later_is_held_too():
    class Skipping(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 12, 1), nn.Conv2d(12, 2, 1)

        def forward(self, x):
            y = self.first(x)
            z = self.second(y.sin())
            return torch.cat([y, z], dim=1)

    held, passing = surveyed(nn.Sequential(Skipping(), nn.Conv2d(14, 1, 1)))
    assert held == [12 + 12, 2 + 14, 14, 1]  # with the sine; with the whole, since no other layer starts before it
    assert passing == [12 + 12, 12 + 2 + 14, 2 + 14, 14 + 1, 1]


def test_layers_are_visited_as_a_survey_saw_them():
    network, images = random_network("resnet18"), torch.from_numpy(make_images(6, 32, seed=0))
    known, held = survey(network, images), []
    with PeakMemory() as counted:
        stream(network, images.split(2), known, lambda *_: held.append(counted.alive / len(images)))
    assert held == known.held.tolist()


def test_what_operations_take_on_their_way_passes():
    class Busy(nn.Module):
        def forward(self, x):
            return (x.sin() + x.cos()).exp()[:, :1].clone()

    assert surveyed(nn.Sequential(nn.Conv2d(3, 10, 1), Busy())) == ([10, 1], [10, 40, 1])


def test_memory_is_counted_by_image():
    network, batch = random_network("squeezenet1_1"), torch.from_numpy(make_images(6, 32, seed=0))
    known, again = survey(network, batch), survey(network, batch[3:])
    assert known.held.tolist() == again.held.tolist() and known.passing.tolist() == again.passing.tolist()
    assert known.held[0] == 64 * 15 * 15 * 4
    assert len(known.passing) == len(known.layers) + 1 == len(known.held) + 1


# --- what a process may take


def test_a_part_of_the_memory_of_a_job_is_left_free():
    cpu = torch.device("cpu")
    assert available_bytes(cpu, None) == float("inf")
    free = available_bytes(cpu, 100_000)
    left = 100_000 * 2**20 * (1 - RESERVED) - resident_bytes()
    assert left - ROUND_BYTES < free + 50 * 2**20 and free < left + 50 * 2**20
    assert available_bytes(cpu, 10) < 0


N_IMAGES, SIZE = 160, 176
EXTRACTION = f"""
import sys
import numpy as np
from torch import nn
from dormouse.features.extraction import extract
from dormouse.features.memory import RESERVED, resident_bytes
from networks import Adding, make_images, random_network

network = nn.Sequential(*list(random_network("resnet18").children())[:2])
images, before = make_images({N_IMAGES}, {SIZE}, seed=0), resident_bytes() / 2**20
limit = float(sys.argv[1]) and (before + float(sys.argv[1])) / (1 - RESERVED)
arrays = extract(network, images, "all", ["srp", "zscore"], 0.3, 0, threads=1, memory_mib=limit or None)
np.savez(sys.argv[2], **arrays)
print("before", before, "limit", limit)
print(open("/proc/self/status").read())  # the peak that getrusage tells is the parent's, if that was larger
"""


@dataclass(frozen=True)
class Process:
    """What an extraction in a process of its own left; memory in MiB."""

    log: str
    before: float  # the network
    limit: float
    forecast: float
    peak: float
    arrays: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def extraction(root, tmp_path_factory) -> Callable[[float], Process]:
    """Give extraction(room), which runs one with so many MiB beside what the process holds, 0 for no limit, once."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("needs a Linux kernel, which tells the peak of a process")

    @cache
    def run(room: float) -> Process:
        path = tmp_path_factory.mktemp("extraction") / "arrays.npz"
        command = [sys.executable, "-c", EXTRACTION, str(room), str(path)]
        done = subprocess.run(command, cwd=root / "tests", capture_output=True, text=True, check=True)
        before, limit = map(float, re.search(r"before (\S+) limit (\S+)", done.stdout).groups())
        forecast = float(re.search(r"forecast (\d+) MiB", done.stderr)[1])
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) / 1024
        with np.load(path) as arrays:
            return Process(done.stderr, before, limit, forecast, peak, dict(arrays))

    return run


@pytest.mark.slow
def test_the_forecast_is_near_the_memory_that_an_extraction_takes(extraction):
    """Of a new process; within a factor of 1.5."""
    free = extraction(0)
    assert ": one pass, 8 images at a time" in free.log
    assert 1 / 1.5 < (free.before + free.forecast) / free.peak < 1.5


@pytest.mark.slow
def test_an_extraction_in_short_memory_takes_no_more_and_gives_the_same_kernels(extraction):
    free = extraction(0)
    short = extraction(0.9 * free.forecast)  # of its peak a part is fragments, more or fewer from run to run
    assert re.search(r"MiB: \d+ passes of \d+ images, in which every two meet", short.log)
    assert short.peak < min(short.limit, free.peak)
    assert short.arrays["layer"].tolist() == free.arrays["layer"].tolist()
    # columns of zeros in all but the first image keep 1 / n of the squares that their sd is made from
    for name, relative in {"row_sum": 1e-6, "centred": 1e-6, "srp": 1e-6, "zscore": 1e-5}.items():
        for values, expected in zip(short.arrays[name], free.arrays[name], strict=True):
            np.testing.assert_allclose(values, expected, rtol=0, atol=relative * np.abs(expected).max())
