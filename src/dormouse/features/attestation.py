"""Evidence that a network is what it is called: its weights, its preprocessing, its outputs, and that it was trained."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import torch
from scipy.stats import ks_2samp
from torch import nn

from dormouse.errors import InputError
from dormouse.features.gram import spread
from dormouse.features.record import check_open, tensors
from dormouse.stimuli.preprocessing import preprocess

FIXED_PX = 64  # side of the fixed images
N_OUTPUTS = 5  # numbers of the fingerprint, for each fixed image
N_COMPARED = 10_000  # entries of a tensor whose distribution is compared
SIGNIFICANT = 1e-3
# ASSUME training moves the distribution of a third of a network's tensors or more; between random draws, one in 1000 differs
TRAINED = 1 / 3


def fixed_images() -> np.ndarray:
    """Return three images that everyone can make: a ramp, a chequerboard and a disc, (3, FIXED_PX, FIXED_PX) uint8."""
    y, x = np.mgrid[:FIXED_PX, :FIXED_PX]
    disc = np.hypot(y - FIXED_PX / 2, x - FIXED_PX / 2) < FIXED_PX / 4
    return np.stack([x * 4, (y // 8 + x // 8) % 2 * 255, disc * 255]).astype(np.uint8)


def attest(network: nn.Module, recipe: Mapping, twin: nn.Module | None, file: str | None = None) -> dict:
    """Return what attests to a network.

    Parameters
    ----------
    network : with its weights, in evaluation mode
    recipe : preprocessing of its images
    twin : the same network with random weights, where `network` is called trained; else None
    file : of the weights, for errors; None where there is none

    Returns
    -------
    weights_sha256 : of all parameters and buffers as loaded
    transform_sha256 : of the fixed images as the network sees them
    fingerprint : the first outputs for each fixed image, (3, N_OUTPUTS) as nested lists, JSON; empty where the network itself
        puts out no numbers of single images
    n_parameters : that training could change
    trained_share : share of tensors whose distribution differs from that in the random twin; None without a twin

    Raises InputError where a network called trained cannot be told from its random twin, or hides its layers.
    """
    check_open(network)
    inputs = preprocess(fixed_images(), recipe)
    with torch.inference_mode():
        outputs = [each for each in tensors(network(torch.from_numpy(inputs))) if each.shape[:1] == inputs.shape[:1]]
    share = None if twin is None else departure(network, twin)
    if share is not None and share < TRAINED:
        raise InputError(
            f"{file or 'the network'}: the weights are called trained, but {1 - share:.0%} of their tensors are distributed "
            "as random ones. Are they those of this network?"
        )
    return {
        "weights_sha256": weights_sha256(network),
        "transform_sha256": hashlib.sha256(inputs.tobytes()).hexdigest(),
        "fingerprint": json.dumps(
            [
                [float(f"{value:.6g}") for value in row[:N_OUTPUTS].tolist()]
                for each in outputs[:1]
                for row in each.reshape(len(each), -1)
            ]
        ),
        "n_parameters": sum(value.numel() for value in network.parameters()),
        "trained_share": share,
    }


def weights_sha256(network: nn.Module) -> str:
    """Return the SHA-256 of names and values of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def departure(network: nn.Module, twin: nn.Module) -> float:
    """Return the share of the tensors of `network` whose distribution differs from that in its random twin.

    Each tensor is compared by a Kolmogorov-Smirnov test, at p < .001.
    """
    states = zip(network.state_dict().values(), twin.state_dict().values(), strict=True)
    return float(np.mean([_differ(a, b) for a, b in states if a.is_floating_point()]))


def _differ(a: torch.Tensor, b: torch.Tensor) -> bool:
    if torch.equal(a, b):
        return False
    places = spread(a.numel(), N_COMPARED)
    return ks_2samp(*(value.flatten()[places].numpy() for value in (a, b)), method="asymp").pvalue < SIGNIFICANT
