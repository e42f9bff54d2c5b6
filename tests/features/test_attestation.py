"""What attests to a network: its weights, its preprocessing, its outputs, and that it was trained."""

import copy
import hashlib
import json
import re

import numpy as np
import pytest
import torch
from networks import Aside, Pair, random_network
from torch import nn

from dormouse.errors import InputError
from dormouse.features.attestation import attest, departure, fixed_images, weights_sha256
from dormouse.models.build import build, random_twin
from dormouse.stimuli.preprocessing import preprocess

PLAIN = {"size": 64, "range": 255, "mean": [0.0] * 3, "std": [1.0] * 3, "channels": "rgb", "interpolation": "bilinear"}
RECIPE = PLAIN | {"size": 96, "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
SQUEEZENET = PLAIN | {"size": 227, "mean": [104, 117, 123], "channels": "bgr"}


def small_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(7))
    network.eval()(torch.zeros(1, 3, 64, 64))
    return network


def as_if_trained(network: nn.Module, share: float = 1.0) -> nn.Module:
    """Return a copy in which a share of the parameters is spread wider and moved."""
    network, generator = copy.deepcopy(network), torch.Generator().manual_seed(0)
    values = [value for value in network.state_dict().values() if value.is_floating_point()]
    for value in values[: round(share * len(values))]:
        sd = float(value.std()) if value.numel() > 1 else 0.0
        value.mul_(1.5).add_(torch.randn(value.shape, generator=generator) * (0.1 + sd) + sd + 0.2)
    return network


# --- images, transform, fingerprint


def test_the_fixed_images_are_a_ramp_a_chequerboard_and_a_disc():
    images = fixed_images()
    assert images.shape == (3, 64, 64) and images.dtype == np.uint8
    for y, x in np.ndindex(64, 64):
        assert images[0, y, x] == 4 * x
        assert images[1, y, x] == (255 if (y // 8 + x // 8) % 2 else 0)
        assert images[2, y, x] == (255 if (y - 32) ** 2 + (x - 32) ** 2 < 16**2 else 0)


def test_the_hash_of_the_transform_is_that_of_the_images_as_the_network_sees_them():
    seen = np.repeat(fixed_images()[:, None], 3, axis=1).astype(np.float32)
    attested = attest(small_network(), PLAIN, None)
    assert attested["transform_sha256"] == hashlib.sha256(seen.tobytes()).hexdigest()


def test_every_change_of_the_preprocessing_changes_the_hash_of_the_transform():
    changes = [
        {"size": 97},
        {"range": 255},
        {"mean": [0.485, 0.456, 0.407]},
        {"mean": [0.406, 0.456, 0.485]},
        {"std": [0.229, 0.224, 0.226]},
        {"interpolation": "bicubic"},
        {"channels": "grey", "mean": [0.5], "std": [0.25]},
    ]
    blind = Aside(lambda x: x.flatten(1)[:, :5])
    hashes = [attest(blind, RECIPE | change, None)["transform_sha256"] for change in [{}, {}, *changes]]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 1 + len(changes)


def test_the_fingerprint_is_the_beginning_of_the_outputs():
    network = random_network("squeezenet1_1")
    with torch.no_grad():
        expected = network(torch.from_numpy(preprocess(fixed_images(), RECIPE)))
    fingerprint = json.loads(attest(network, RECIPE, None)["fingerprint"])
    np.testing.assert_allclose(fingerprint, expected[:, :5], rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("layer", "n_numbers"), [(Pair(), 5), (Aside(lambda x: x), 5), (Aside(lambda x: {"logits": x.flatten(1)[:, :2]}), 2)]
)
def test_the_fingerprint_of_a_compound_output_is_of_its_first_tensor(layer, n_numbers):
    expected = preprocess(fixed_images(), PLAIN).reshape(3, -1)[:, :n_numbers]
    np.testing.assert_array_equal(json.loads(attest(layer, PLAIN, None)["fingerprint"]), expected)


# --- weights


def test_the_hash_of_the_weights_changes_with_every_bit_of_every_tensor():
    network = small_network()
    seen = {weights_sha256(network)}
    for value in network.state_dict().values():
        bits = value.view(torch.int32 if value.element_size() == 4 else torch.int64).reshape(-1)
        for bit in (0, 1, 22, 30):
            bits[-1] ^= 1 << bit
            seen.add(weights_sha256(network))
            bits[-1] ^= 1 << bit
    assert len(seen) == 1 + 4 * len(network.state_dict())
    assert weights_sha256(network) in seen


def test_the_hash_of_the_weights_changes_with_their_names_and_not_with_the_state_of_the_network():
    network = small_network()
    renamed = nn.Sequential()
    for name, module in network.named_children():
        renamed.add_module(f"part{name}", module)
    assert weights_sha256(renamed) != weights_sha256(network)
    assert weights_sha256(copy.deepcopy(network).train().requires_grad_(False)) == weights_sha256(network)


def test_the_hash_of_the_weights_is_that_of_names_and_bytes():
    digest = hashlib.sha256()
    for name, value in small_network().state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    assert weights_sha256(small_network()) == attest(small_network(), PLAIN, None)["weights_sha256"] == digest.hexdigest()


# --- trained or not


@pytest.mark.parametrize(
    ("source", "name"),
    [("torchvision", "resnet18"), ("torchvision", "squeezenet1_0"), ("timm", "vit_tiny_patch16_224")],
)
def test_two_draws_of_a_network_do_not_differ_and_a_trained_one_does(source, name):
    networks = [random_network(name, source, seed) for seed in range(3)]
    shares = [departure(networks[a], networks[b]) for a, b in ((0, 0), (0, 1), (0, 2), (1, 2))]
    assert shares[0] == 0 and max(shares) < 0.02
    trained = as_if_trained(networks[0])
    assert departure(trained, networks[1]) > 0.95
    assert departure(trained, networks[1]) == departure(networks[1], trained)


def test_the_share_is_that_of_the_tensors_that_moved():
    networks = [random_network("squeezenet1_0", seed=seed) for seed in (0, 1)]
    n_tensors = len(networks[0].state_dict())
    for share in (0.25, 0.5, 0.75):
        assert departure(as_if_trained(networks[0], share), networks[1]) == round(share * n_tensors) / n_tensors


class Vast(nn.Module):
    """As many weights in a tensor as the float32 numbers tell apart, and a few more; AlexNet and VGG have more."""

    def __init__(self, seed: int):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(2**24 + 4, generator=torch.Generator().manual_seed(seed)))


def test_tensors_of_many_millions_are_compared():
    assert departure(Vast(0), Vast(1)) == 0
    moved = Vast(0)
    moved.weight.data += 0.1
    assert departure(moved, Vast(1)) == 1


def given(path, state) -> dict:
    """Return the specification of a SqueezeNet whose weights are in a file."""
    torch.save(state, path)
    return {"source": "torchvision", "name": "squeezenet1_1", "file": str(path), "seed": None}


def test_weights_that_a_seed_draws_are_refused_where_they_are_called_trained(tmp_path):
    spec = given(tmp_path / "random.pt", random_network("squeezenet1_1", seed=0).state_dict())
    with pytest.raises(
        InputError, match=r"^random\.pt: the weights are called trained, but all are those that seed 0 draws\."
    ):
        attest(build(spec), RECIPE, random_twin(spec), "random.pt")


def test_weights_that_only_look_random_are_reported(tmp_path, capsys):
    """As those after one epoch do, or a random trunk under a trained classifier."""
    spec = given(tmp_path / "early.pt", random_network("squeezenet1_1", seed=1).state_dict())
    assert attest(build(spec), RECIPE, random_twin(spec), "early.pt")["trained_share"] == 0
    told = "Warning: early.pt: the weights are called trained, but 100% of their tensors are distributed as random ones."
    assert told in capsys.readouterr().err


def test_a_network_of_which_training_moved_a_third_is_believed(capsys):
    network, twin = random_network("squeezenet1_1"), random_network("squeezenet1_1", seed=1)
    assert attest(as_if_trained(network, 0.4), RECIPE, twin)["trained_share"] == pytest.approx(0.4, abs=0.02)
    assert "Warning" not in capsys.readouterr().err
    assert attest(as_if_trained(network, 0.3), RECIPE, twin)["trained_share"] == pytest.approx(0.3, abs=0.02)
    assert "but 69% of their tensors" in capsys.readouterr().err


def test_a_network_that_is_not_called_trained_has_no_twin():
    spec = {"source": "torchvision", "name": "squeezenet1_1", "file": None, "seed": 0}
    assert random_twin(spec) is None
    assert attest(build(spec), RECIPE, None)["trained_share"] is None


@pytest.mark.real
def test_a_trained_squeezenet_is_told_from_its_random_twin(real):
    spec = {
        "source": "torchvision",
        "name": "squeezenet1_0",
        "file": str(real / "weights" / "squeezenet1_0_trained.pt"),
        "seed": None,
    }
    attested = attest(build(spec), SQUEEZENET, random_twin(spec))
    assert attested["trained_share"] > 0.9
    assert re.fullmatch("[0-9a-f]{64}", attested["weights_sha256"])
