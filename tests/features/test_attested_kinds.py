"""Networks of every kind are attested: whatever they put out, and whatever their weights are made of."""

import dataclasses
import json
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from networks import Aside
from torch import nn

from dormouse.errors import InputError
from dormouse.features.attestation import attest, departure, fixed_images, weights_sha256
from dormouse.models.build import build, random_twin
from dormouse.stimuli.preprocessing import preprocess

RECIPE = {"size": 8, "mean": [0.0] * 3, "std": [1.0] * 3, "range": 1, "channels": "rgb", "interpolation": "bilinear"}
FLAT = torch.from_numpy(preprocess(fixed_images(), RECIPE)).flatten(1)


def fingerprint(network: nn.Module) -> list:
    return json.loads(attest(network, RECIPE, None)["fingerprint"])


# --- outputs


@dataclasses.dataclass
class Given:
    loss: torch.Tensor
    logits: torch.Tensor


@dataclasses.dataclass
class Both(OrderedDict):
    """A mapping that is a dataclass, too, as outputs of transformers are."""

    logits: torch.Tensor

    def __post_init__(self):
        self["logits"] = self.logits


OUTPUTS = {
    "dataclass": (lambda x: Given(x.mean(), x.flatten(1)), FLAT[:, :5]),
    "mapping and dataclass": (lambda x: Both(x.flatten(1)), FLAT[:, :5]),
    "a scalar first": (lambda x: {"n": len(x), "loss": x.mean(), "y": [x.flatten(1)]}, FLAT[:, :5]),
    "one axis": (lambda x: x.flatten(1).mean(1), FLAT.mean(1, keepdim=True)),
    "complex": (lambda x: torch.complex(x, -x), torch.stack([FLAT, -FLAT], -1).flatten(1)[:, :5]),
    "conjugate": (lambda x: torch.complex(x, x).conj(), torch.stack([FLAT, -FLAT], -1).flatten(1)[:, :5]),
    "half precision": (lambda x: x.bfloat16(), FLAT[:, :5].bfloat16().float()),
    "nothing of an image": (lambda x: x[:, :0], torch.zeros(3, 0)),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_the_fingerprint_is_of_the_first_numbers_of_single_images(kind):
    function, expected = OUTPUTS[kind]
    np.testing.assert_allclose(fingerprint(Aside(function)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "function", [lambda x: None, lambda x: x.mean(), lambda x: 3, lambda x: x.long(), lambda x: {}, lambda x: x.to_sparse()]
)
def test_without_numbers_of_single_images_the_fingerprint_is_empty(function):
    assert fingerprint(Aside(function)) == []


def test_an_error_of_the_network_is_told_on_one_line_with_its_place():
    def fail(x):
        raise ValueError("of two\nlines")

    with pytest.raises(InputError) as caught:
        attest(Aside(fail), RECIPE, None)
    told = "the network cannot run on images (3, 3, 8, 8) in float32: ValueError: of two lines ("
    assert str(caught.value).startswith(f"{told}{__file__}, line ")


def test_weights_of_another_precision_than_the_images_are_told():
    with pytest.raises(InputError, match=r"Its weights are torch\.bfloat16; network\.float\(\) makes them float32\.$"):
        attest(nn.Conv2d(3, 4, 3).bfloat16(), RECIPE, None)


# --- weights


class Keeping(nn.Module):
    """Passes images on, and keeps a tensor among its buffers."""

    def __init__(self, tensor: torch.Tensor):
        super().__init__()
        self.register_buffer("kept", tensor)

    def forward(self, x):
        return x


class Extra(nn.Module):
    """Keeps a state beside its buffers."""

    def __init__(self, state):
        super().__init__()
        self.state = state

    def get_extra_state(self):
        return self.state


KEPT = {
    "bfloat16": lambda k: torch.full((2,), k, dtype=torch.bfloat16),
    "8 bits": lambda k: torch.full((2,), k).to(torch.float8_e4m3fn),
    "complex": lambda k: torch.full((2,), complex(0, k)),
    "conjugate": lambda k: torch.full((2,), complex(0, k)).conj(),
    "bool": lambda k: torch.tensor([k > 1.5, False]),
    "scalar": torch.tensor,
    "empty": lambda k: torch.zeros(0, 3),
    "sparse": lambda k: (k * torch.eye(2)).to_sparse(),
    "quantised": lambda k: torch.quantize_per_tensor(torch.full((2,), k), 1, 0, torch.qint8),
}


@pytest.mark.parametrize("kind", KEPT)
def test_the_hash_of_the_weights_is_of_numbers_of_every_kind(kind):
    networks = [Keeping(KEPT[kind](k)) for k in (1.0, 1.0, 2.0)]
    hashes = [weights_sha256(network) for network in networks]
    assert hashes[0] == hashes[1]
    assert (hashes[0] == hashes[2]) == (kind == "empty")
    assert attest(networks[0], RECIPE, None)["weights_sha256"] == hashes[0]
    assert departure(networks[0], networks[1]) == (0 if networks[0].kept.is_floating_point() else None)


def test_the_hash_of_the_weights_is_of_what_a_quantised_layer_packs():
    def quantised(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of their place in torch
            network = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
            return torch.ao.quantization.quantize_dynamic(network, {nn.Linear}, dtype=torch.qint8)

    assert weights_sha256(quantised(0)) == weights_sha256(quantised(0)) != weights_sha256(quantised(1))
    assert np.shape(fingerprint(quantised(0))) == (3, 4)


def test_the_hash_of_the_weights_does_not_depend_on_where_objects_lie():
    hashes = {weights_sha256(Extra({"of": [torch.full((2,), k), object()], "n": k})) for k in (1.0, 1.0, 2.0)}
    assert len(hashes) == 2


class Caching(nn.Module):
    """Counts its calls in a buffer, and keeps means of the images in another that it makes at each of them."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.register_buffer("seen", x.mean((2, 3)))
        return self.linear(self.seen)


def test_a_network_that_changes_its_buffers_is_attested_as_loaded_and_can_be_run_again():
    network, twin = Caching(), Caching()
    loaded = weights_sha256(network)
    assert attest(network, RECIPE, twin)["weights_sha256"] == loaded
    network.calls.mul_(2)  # an inference tensor could not be changed here
    assert int(network.calls) == 2


# --- lazy modules


LAZY = """
from torch import nn


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.LazyConv2d(4, 3), nn.LazyLinear(2)

    def forward(self, x):
        return self.first(x)


def all_run():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))
"""


@pytest.fixture
def lazy(module):
    """Give the specification of a network of the user's, by the name of its function."""
    module("lazy_nets", LAZY)
    return lambda name: {"source": "python", "name": f"lazy_nets:{name}", "file": None, "seed": 3, "input": RECIPE}


@pytest.mark.parametrize(("name", "n_parameters"), [("all_run", 112 + 8 + 725), ("Unused", 112)])
def test_lazy_modules_are_drawn_by_the_seed(lazy, name, n_parameters):
    spec = lazy(name)
    network = build(spec)
    torch.rand(7)  # whatever is drawn between
    again, other = build(spec), build(spec | {"seed": 4})
    assert weights_sha256(network) == weights_sha256(again) != weights_sha256(other)
    assert attest(network, RECIPE, other)["n_parameters"] == n_parameters


def test_weights_are_loaded_into_lazy_modules(lazy, tmp_path):
    spec = lazy("all_run")
    torch.save(build(spec | {"seed": 9}).state_dict(), tmp_path / "a.pt")
    spec |= {"file": str(tmp_path / "a.pt"), "seed": None}
    assert weights_sha256(build(spec)) == weights_sha256(build(spec | {"file": None, "seed": 9}))
    assert attest(build(spec), RECIPE, random_twin(spec))["trained_share"] == 0


# --- functions that give trained networks


def test_a_function_that_brings_its_own_weights_has_no_random_twin(module, tmp_path):
    """All that could be said is that the file has the weights that the function brings, which is as it should be."""
    module("own", "import torch\n\n\ndef make():\n    torch.manual_seed(5)\n    return torch.nn.Conv2d(3, 4, 3)\n")
    spec = {"source": "python", "name": "own:make", "file": str(tmp_path / "a.pt"), "seed": None, "input": RECIPE}
    torch.save(build(spec | {"file": None}).state_dict(), tmp_path / "a.pt")
    assert random_twin(spec) is None
