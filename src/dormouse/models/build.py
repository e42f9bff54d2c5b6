"""From the specification of a model to a network with its weights, ready to run."""

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.models.baselines import GaborBank, Pixels
from dormouse.models.registry import NONE, RANDOM

N_SHOWN = 5  # keys named in an error


def build(spec: Mapping) -> nn.Module:
    """Return the network of a specification (see `registry.list_models`) in evaluation mode.

    Random weights are those that the library draws after `torch.manual_seed(seed)`; they do not depend on what ran before.

    Raises InputError where a file of weights cannot be read or does not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec["seed"] or 0)
        network = BUILDERS[spec["source"]](spec["name"])
    if spec["weights"] not in (RANDOM, NONE):
        load_weights(network, spec["weights"])
    return network.eval().requires_grad_(False)


def build_torchvision(name: str) -> nn.Module:
    """Build a network of torchvision with random weights."""
    make_torchvision_importable()
    from torchvision.models import get_model

    return get_model(name, weights=None)


def build_timm(name: str) -> nn.Module:
    """Build a network of timm with random weights, its attention in separate modules, so that hooks see its maps."""
    make_torchvision_importable()
    import timm

    timm.layers.set_fused_attn(False)
    try:
        return timm.create_model(name, pretrained=False)
    except RuntimeError as error:  # an unknown tag behind the point of the name
        raise InputError(f"timm: {name}: {error}") from error


BASELINES = {"pixels": Pixels, "gabor": GaborBank}
BUILDERS = {
    "torchvision": build_torchvision,
    "timm": build_timm,
    "baseline": lambda name: BASELINES[name](),
}


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load a state dict, .safetensors or what `torch.load` reads without running code, into `network`.

    Raises InputError naming the first keys that are missing, unknown or of another shape; nothing is left random.
    """
    try:
        if Path(path).suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zipfile, safetensors and torch each raise their own
        raise InputError(f"{path}: not a readable file of weights ({error}).") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{path}: expected a state dict, names to tensors; save `network.state_dict()` alone.")
    expected = network.state_dict()
    wrong = {
        "missing": [key for key in expected if key not in state],
        "unknown": [key for key in state if key not in expected],
        "misshapen": [
            f"{key} {tuple(state[key].shape)} instead of {tuple(value.shape)}"
            for key, value in expected.items()
            if key in state and state[key].shape != value.shape
        ],
    }
    if any(wrong.values()):
        parts = [
            f"{len(keys)} {kind} ({', '.join(keys[:N_SHOWN])}{', ...' if len(keys) > N_SHOWN else ''})"
            for kind, keys in wrong.items()
            if keys
        ]
        raise InputError(f"{path}: the weights do not fit {type(network).__name__}: {'; '.join(parts)}. Nothing was loaded.")
    network.load_state_dict(state)


@functools.cache
def make_torchvision_importable() -> torch.library.Library | None:
    """Let torchvision, and timm with it, be imported beside a CPU build of torch.

    Its wheel is compiled against CUDA. Where that cannot be loaded, torchvision stops at the registration of two operators
    that only exist in compiled form; declaring them without a body is enough for everything but calling them.
    """
    package = Path(importlib.util.find_spec("torchvision").origin).parent
    for binary in package.glob("_C*"):
        try:
            torch.ops.load_library(str(binary))
            return None
        except OSError:
            continue
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return declared  # kept by the cache: the declaration ends with the object
