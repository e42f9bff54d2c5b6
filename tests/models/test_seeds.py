"""Random networks: the same from the same seed, in another process, on other cores, and after other random numbers."""

import os
import subprocess
import sys
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from networks import make_images, random_network

from dormouse.features.attestation import weights_sha256
from dormouse.features.extraction import extract
from dormouse.features.gram import PREDICTORS

EPS = 0.9  # few projections: these tests ask nothing of them
NETWORKS = {"resnet18": ("torchvision", 64), "squeezenet1_0": ("torchvision", 64), "vit_tiny_patch16_224": ("timm", 224)}
KERNELS = {"centred": 1e-4, "srp": 1e-4, "zscore": 1e-3}  # largest difference by the largest entry of a layer's kernel
LAST_BITS = 1e-6  # the same of weights that are drawn with other instructions of the processor
RUN = """
import sys
import numpy as np
import torch
from test_seeds import run
threads, n_drawn, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.manual_seed(n_drawn)
torch.rand(n_drawn), torch.randn(n_drawn), np.random.rand(n_drawn)
torch.set_num_threads(threads)
np.savez(path, **run(threads))
"""


def run(threads: int, names: Iterable[str] = NETWORKS) -> dict[str, np.ndarray]:
    """Weights and kernels of some networks, all with the seed 0."""
    arrays = {}
    for name in names:
        source, size = NETWORKS[name]
        network = random_network(name, source)
        arrays[f"{name} sha256"] = np.array(weights_sha256(network))
        arrays |= {f"{name} weights {key}": value.numpy().copy() for key, value in network.state_dict().items()}
        kernels = extract(network, make_images(5, size, seed=0), "blocks", PREDICTORS, EPS, 0, threads)
        arrays |= {f"{name} {key}": kernels[key] for key in ("layer", *KERNELS)}
    return arrays


@pytest.fixture(scope="module")
def here() -> dict[str, np.ndarray]:
    return run(threads=1)


@pytest.fixture(scope="module")
def elsewhere(root, tmp_path_factory) -> dict[str, dict[str, np.ndarray]]:
    """Give what two other processes found: one after other random numbers on two cores, one on a processor of another kind."""
    folder = tmp_path_factory.mktemp("seeds")
    runs = {"other threads": ["2", "7"], "other processor": ["1", "0"]}
    environment = {"other threads": {}, "other processor": {"ATEN_CPU_CAPABILITY": "default"}}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, *words, folder / f"{name}.npz"],
            cwd=root / "tests/models",
            env=os.environ | environment[name] | {"PYTHONPATH": str(root / "tests")},
            stderr=subprocess.PIPE,
        )
        for name, words in runs.items()
    ]
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
    return {name: dict(np.load(folder / f"{name}.npz")) for name in runs}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("place", ["other threads"])
@pytest.mark.slow
def test_random_weights_are_the_same_bit_by_bit_in_another_process(here, elsewhere, place, name):
    assert elsewhere[place][f"{name} sha256"] == here[f"{name} sha256"]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("place", ["other threads", "other processor"])
@pytest.mark.slow
def test_random_weights_and_kernels_agree_in_another_process(here, elsewhere, place, name):
    other = elsewhere[place]
    for key in (key for key in here if key.startswith(f"{name} weights")):
        np.testing.assert_allclose(other[key], here[key], rtol=0, atol=LAST_BITS * np.abs(here[key]).max(), err_msg=key)
    np.testing.assert_array_equal(other[f"{name} layer"], here[f"{name} layer"])
    for key, tolerance in KERNELS.items():
        expected = here[f"{name} {key}"]
        scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(other[f"{name} {key}"] / scale, expected / scale, rtol=0, atol=tolerance, err_msg=key)


def test_random_weights_and_kernels_are_the_same_bit_by_bit_when_drawn_again(here):
    torch.manual_seed(1)
    random_network("squeezenet1_1", seed=5)
    for key, array in run(1, ["squeezenet1_0"]).items():
        np.testing.assert_array_equal(array, here[key], err_msg=key)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_reaches_every_parameter_that_is_drawn(name):
    """That is, all but those that are one number throughout, such as the scales of a new normalisation."""
    network, other = (dict(random_network(name, NETWORKS[name][0], seed).named_parameters()) for seed in (0, 1))
    drawn = [key for key, value in network.items() if (value != value.flatten()[0]).any()]
    assert len(drawn) > 10
    assert [key for key in drawn if torch.equal(network[key], other[key])] == []


def test_noise_of_another_seed_is_other_noise():
    noise, again, other = (random_network("noise", "baseline", seed)(torch.zeros(1, 1, 4, 4)) for seed in (0, 0, 1))
    assert torch.equal(noise, again)
    assert abs(torch.corrcoef(torch.cat([noise, other]))[0, 1]) < 0.01
