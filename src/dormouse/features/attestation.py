"""Evidence that a network is what it is called: its weights, its preprocessing, its outputs, and that it was trained."""

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from dormouse.errors import InputError
from dormouse.features.model_table import TRAINED
from dormouse.features.parts import spread
from dormouse.features.record import check_open, parts_of, tensors
from dormouse.models.build import real_tensors, run
from dormouse.models.checkpoints import dense
from dormouse.stimuli.preprocessing import preprocess

FIXED_PX = 64  # side of the fixed images
N_OUTPUTS = 5  # numbers of the fingerprint, for each fixed image
N_COMPARED = 10_000  # entries of a tensor whose distribution is compared
SIGNIFICANT = 1e-3


def fixed_images() -> np.ndarray:
    """Return three images that everyone can make: a ramp, a chequerboard and a disc, (3, FIXED_PX, FIXED_PX) uint8."""
    y, x = np.mgrid[:FIXED_PX, :FIXED_PX]
    disc = np.hypot(y - FIXED_PX / 2, x - FIXED_PX / 2) < FIXED_PX / 4
    return np.stack([x * 4, (y // 8 + x // 8) % 2 * 255, disc * 255]).astype(np.uint8)


def attest(network: nn.Module, recipe: Mapping, twin: nn.Module | None, file: str | None = None) -> dict:
    """Return what attests to a network; warn where it is called trained and looks random.

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

    Raises InputError where a network called trained is its random twin, hides its layers, or does not run.
    """
    check_open(network)
    digest = weights_sha256(network)  # before it runs, which may change its buffers
    share = None if twin is None else departure(network, twin)
    if twin is not None and digest == weights_sha256(twin):
        raise InputError(
            f"{file or 'the network'}: the weights are called trained, but all are those that seed 0 draws. Give the file "
            "after training, or `weights: random`."
        )
    if share is not None and share < TRAINED:
        print(
            f"Warning: {file or 'the network'}: the weights are called trained, but {1 - share:.0%} of their tensors are "
            "distributed as random ones. Are they those of this network?",
            file=sys.stderr,
        )
    inputs = preprocess(fixed_images(), recipe)
    outputs = _outputs(network, inputs)
    return {
        "weights_sha256": digest,
        "transform_sha256": hashlib.sha256(inputs.tobytes()).hexdigest(),
        "fingerprint": json.dumps(
            [
                [float(f"{value:.6g}") for value in row[:N_OUTPUTS].tolist()]
                for each in outputs[:1]
                for row in each.reshape(len(each), prod(each.shape[1:]))
            ]
        ),
        "n_parameters": sum(value.numel() for value in network.parameters() if not is_lazy(value)),
        "trained_share": share,
    }


def _outputs(network: nn.Module, inputs: np.ndarray) -> list[torch.Tensor]:
    """Return what a network puts out of single images."""
    torch.set_num_threads(1)  # more would add in another order, so that the last digits depended on the machine's cores
    return [each for each in tensors(run(network, torch.from_numpy(inputs))) if each.shape[:1] == inputs.shape[:1]]


def weights_sha256(network: nn.Module) -> str:
    """Return the SHA-256 of names and values of all parameters and buffers, and of what modules keep besides."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        for part in parts_of(value):
            digest.update(_content(part))
    return digest.hexdigest()


def _content(value) -> bytes | np.ndarray:
    """Return the bytes of a tensor's numbers, or of the text that stands for anything else."""
    if not isinstance(value, torch.Tensor) or is_lazy(value) or value.is_meta:
        return re.sub(r" at 0x\w+", "", repr(value)).encode()
    return dense(value.detach()).cpu().resolve_conj().resolve_neg().reshape(-1).view(torch.uint8).numpy()


def departure(network: nn.Module, twin: nn.Module) -> float | None:
    """Return the share of the tensors of `network` whose distribution differs from that in its random twin.

    Each tensor of real numbers is compared by a Kolmogorov-Smirnov test, at p < .001. None where there is no such tensor.
    """
    random = real_tensors(twin)
    pairs = [(value, random[name]) for name, value in real_tensors(network).items() if name in random]
    return float(np.mean([_differ(a, b) for a, b in pairs])) if pairs else None


def _differ(a: torch.Tensor, b: torch.Tensor) -> bool:
    if torch.equal(a, b):
        return False
    from scipy.stats import ks_2samp  # here, because it takes a second to import, and most networks have no twin

    samples = [value.flatten()[spread(value.numel(), N_COMPARED)].double().numpy() for value in (a, b)]
    return ks_2samp(*samples, method="asymp").pvalue < SIGNIFICANT
