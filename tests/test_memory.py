"""Memory of a pass: what is alive at once is counted, and the forecast is near what a process takes."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from networks import Apply, random_network
from torch import nn

from dormouse.memory import PeakMemory, forecast_bytes

KB = 4000  # bytes of a tensor of a thousand numbers
N_IMAGES, SIZE = 32, 224
EXTRACTION = f"""
from dormouse.features import extract
from networks import make_images, random_network
network, images = random_network("resnet18"), make_images({N_IMAGES}, {SIZE}, seed=0)
extract(network, images, "blocks", 0.9, 0, threads=1)
print(open("/proc/self/status").read())  # the peak that getrusage tells is the parent's, if that was larger
"""


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    """Run networks as extraction does; elsewhere torch keeps the tensor that a view is of."""
    with torch.inference_mode():
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


def test_the_forecast_grows_with_images_features_and_parameters():
    network, inputs = Apply(nn.Conv2d(3, 8, 1)), torch.zeros(2, 3, 16, 16)
    forecast = forecast_bytes(network, inputs, 10, 0)
    of_image = 8 * 16 * 16 * 4
    assert forecast_bytes(network, inputs, 20, 0) - forecast == 10 * of_image
    assert forecast_bytes(network, torch.zeros(4, 3, 16, 16), 10, 0) == forecast
    assert forecast_bytes(network, inputs, 10, 1000) - forecast == pytest.approx(10 * 1000 * 4 * 2, rel=0.5)
    wide = Apply(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1))
    assert forecast_bytes(wide, inputs, 0, 0) - forecast_bytes(network, inputs, 0, 0) == 4 * (8 * 8 + 8)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs a Linux kernel, which tells the peak of a process")
def test_the_forecast_is_near_the_memory_that_an_extraction_takes(root):
    """Of a new process; within a factor of 1.5."""
    done = subprocess.run([sys.executable, "-c", EXTRACTION], cwd=root / "tests", capture_output=True, text=True, check=True)
    network = random_network("resnet18")
    largest = network.conv1.out_channels * (SIZE // 2) ** 2
    forecast = forecast_bytes(network, torch.zeros(2, 3, SIZE, SIZE), N_IMAGES, largest)
    assert f"forecast of memory: {forecast / 2**20:.0f} MiB" in done.stderr
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) * 1024
    assert 1 / 1.5 < forecast / peak < 1.5
