"""From the specification of a model to a network with its weights, ready to run, and to the input that it wants."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.models.checkpoints import read_state
from dormouse.models.loaders import LOADERS, make_torchvision_importable
from dormouse.models.specification import TRAINED
from dormouse.stimuli.preprocessing import RECIPE


def build(spec: Mapping) -> nn.Module:
    """Return the network of a specification (see `dormouse.models.specification`) in evaluation mode.

    Random weights are those that the library draws after `torch.manual_seed(seed)`; they do not depend on what ran before.

    Raises InputError where a file of weights cannot be read or does not fit.
    """
    return build_with_key(spec)[0]


def build_with_key(spec: Mapping) -> tuple[nn.Module, str]:
    """Return the same and the place of its weights in their file, empty without; see `checkpoints.read_state`."""
    state, key = read_state(spec["file"], spec.get("key")) if spec["file"] else (None, "")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec["seed"] or 0)
        try:
            network = LOADERS[spec["source"]](spec["name"], state, **spec.get("options", {}))
        except InputError as error:
            raise InputError(f"{spec['file'] or spec['name']}: {error}") from error
    return network.eval().requires_grad_(False), key


def random_twin(spec: Mapping) -> nn.Module | None:
    """Return the same network with random weights, to compare trained weights with.

    Return None for a network without a file of weights, and for one that was trained here: after few epochs its weights may
    rightly look random.
    """
    compared = spec["file"] and Path(spec["file"]).parent != Path(TRAINED)
    return build({**spec, "file": None, "seed": 0}) if compared else None


def native_input(spec: Mapping) -> dict:
    """Return the preprocessing of a specification. The library of the network fills in the keys that are left out."""
    recipe = dict(spec["input"])
    if not set(RECIPE) - recipe.keys():
        return recipe
    make_torchvision_importable()
    own = INPUTS[spec["source"]](spec)
    return own | {"mean": list(own["mean"]), "std": list(own["std"]), "range": 1, "channels": "rgb"} | recipe


def _torchvision_input(spec: Mapping) -> dict:
    from torchvision.models import get_model_weights

    published = get_model_weights(spec["name"])
    known = published.__members__.get(spec["weights"], published.DEFAULT).transforms()
    own = {"size": known.crop_size[0], "mean": known.mean, "std": known.std}
    return own | {"interpolation": known.interpolation.value}


def _timm_input(spec: Mapping) -> dict:
    from timm.models import get_pretrained_cfg

    known = get_pretrained_cfg(spec["name"])
    return {"size": known.input_size[-1], "mean": known.mean, "std": known.std, "interpolation": known.interpolation}


INPUTS = {"torchvision": _torchvision_input, "timm": _timm_input}  # of sources that publish weights by name
