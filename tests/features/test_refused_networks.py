"""Networks of one piece, that use threads or that route images to other modules are refused."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from networks import Aside, extracted, make_images
from torch import nn

from dormouse.errors import InputError
from dormouse.features import extraction
from dormouse.features.attestation import attest
from dormouse.features.plan import Plan, designs
from dormouse.features.record import record


class Traced(nn.Module):
    """A network whose middle is of one piece."""

    def __init__(self, middle: nn.Module):
        super().__init__()
        self.first, self.middle, self.last = nn.Tanh(), middle, nn.Flatten()

    def forward(self, x):
        return self.last(self.middle(self.first(x)))


def inner() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)).eval()


def compiled_in_place() -> nn.Module:
    network = inner()
    network.compile(backend="eager")
    return network


def with_compiled_forward() -> nn.Module:
    network = inner()
    network.forward = torch.compile(network.forward, backend="eager")
    return network


PIECES = {
    "scripted": lambda: torch.jit.script(inner()),
    "traced": lambda: torch.jit.trace(inner(), torch.zeros(1, 3, 8, 8)),
    "frozen": lambda: torch.jit.freeze(torch.jit.script(inner())),
    "compiled": lambda: torch.compile(inner(), backend="eager"),
    "compiled in place": compiled_in_place,
    "compiled forward": with_compiled_forward,
}


@pytest.mark.parametrize("way", PIECES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_network_or_part_of_one_piece_is_refused(way):
    kind = "compiled by torch.compile" if "compiled" in way else "TorchScript"
    recipe = {"size": 8, "mean": [0] * 3, "std": [1] * 3, "range": 1, "channels": "rgb", "interpolation": "bilinear"}
    for network, path in ((PIECES[way](), "the network"), (Traced(PIECES[way]()), "middle")):
        message = f"^{path}: {kind}, which runs as one piece and hides the layers inside. Give the original module"
        with pytest.raises(InputError, match=message):
            extracted(network)
        with pytest.raises(InputError, match=message):
            attest(network, recipe, None)


def test_a_part_that_runs_in_a_thread_is_refused():
    part = nn.Tanh()
    network = nn.Sequential(part, Aside(lambda x: ThreadPoolExecutor().submit(part, x).result()))
    with pytest.raises(InputError, match=r"^0: called in a thread of its own"):
        extracted(network)


class Routed(nn.Module):
    """Gives dark batches to one expert and bright ones to another of the same class; or every image to its own."""

    def __init__(self, by_image: bool):
        super().__init__()
        self.experts, self.by_image = nn.ModuleList([nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)]), by_image

    def forward(self, x):
        if self.by_image:
            return torch.cat([self.experts[int(image.mean() > 0)](image) for image in x.split(1)])
        return self.experts[int(x.mean() > 0)](x)


@pytest.mark.parametrize("n_passes", [1, 7])
@pytest.mark.parametrize("by_image", [False, True])
@pytest.mark.parametrize("bright", [{0}, {3}, {8}, {0, 4, 8}, {1, 2, 3}, set(range(1, 9))])
def test_outputs_of_two_modules_are_never_one_layer(monkeypatch, by_image, bright, n_passes):
    images = np.abs(make_images(9, 8, seed=0))
    images[[k not in bright for k in range(9)]] *= -1
    passes = next(passes for passes in designs(9) if len(passes) == n_passes)
    plan = Plan(passes, [frozenset(["Conv2d-1", "Routed-1"])], 1, 0, 0)
    monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: plan)
    with pytest.raises(InputError, match=r"the network runs other layers for|expected one axis to grow"):
        extracted(Routed(by_image), images)
    images = np.abs(images)
    if not by_image:
        assert extracted(Routed(by_image), images)["layer"].tolist() == ["Conv2d-1"]


def test_batches_that_part_name_the_modules():
    inputs = torch.from_numpy(np.abs(make_images(4, 8, seed=0)))
    inputs[:2] *= -1
    with pytest.raises(InputError, match=r"compared: here Conv2d-1 \(experts\.0\) or Conv2d-1 \(experts\.1\)\.$"):
        record(Routed(by_image=False), inputs.split(2), lambda output: None)


class Counting(nn.Module):
    """Keeps how many images a batch has, and divides by that further on."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 4, 1), nn.ReLU()

    def forward(self, x):
        self.n = len(x)
        return self.relu(self.conv(x).flatten(0, 1)).unflatten(0, (self.n, -1))


def test_a_network_that_keeps_the_size_of_a_batch_is_told_that_batches_run_in_step():
    assert len(extracted(Counting(), make_images(8, 8, seed=0))["layer"])
    with pytest.raises(InputError, match=r"Does the network keep on itself how many images a batch has\? Batches run in step"):
        extracted(Counting(), make_images(9, 8, seed=0))
    with pytest.raises(RuntimeError) as error:
        extracted(Counting(), make_images(20, 8, seed=0))
    assert "Batches run in step" in error.value.__notes__[0]


class Leaving(nn.Module):
    def forward(self, x):
        raise SystemExit


def test_a_network_that_ends_the_process_is_told():
    with pytest.raises(InputError, match=r"the network calls sys\.exit, which would end the job without a word"):
        extracted(nn.Sequential(nn.Conv2d(3, 2, 1), Leaving()), make_images(4, 8, seed=0))
