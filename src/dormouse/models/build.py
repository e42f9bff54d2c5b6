"""From the specification of a model to a network with its weights, ready to run, and to the input that it wants."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from dormouse.errors import InputError
from dormouse.models.checkpoints import dense, read_state
from dormouse.models.loaders import LOADERS, make_torchvision_importable
from dormouse.models.sources import SOURCES
from dormouse.models.specification import TRAINED
from dormouse.models.user import failure
from dormouse.stimuli.preprocessing import RECIPE


def build(spec: Mapping) -> nn.Module:
    """Return the network of a specification (see `dormouse.models.specification`) in evaluation mode.

    Random weights are those that the library draws after `torch.manual_seed(seed)`; they do not depend on what ran before.
    Lazy modules draw theirs here, too, with an image of the specification's input.

    Raises InputError where a file of weights cannot be read, does not fit or holds NaN or infinity.
    """
    return build_with_key(spec)[0]


def build_with_key(spec: Mapping) -> tuple[nn.Module, str]:
    """Return the same and the place of its weights in their file, empty without; see `checkpoints.read_state`."""
    state, key = read_state(spec["file"], spec.get("key")) if spec["file"] else (None, "")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec["seed"] or 0)
        try:
            network = LOADERS[spec["source"]](spec["name"], state, **spec.get("options", {})).eval()
            if any(isinstance(module, LazyModuleMixin) for module in network.modules()):
                recipe = native_input(spec)
                run(network, torch.zeros(2, 1 if recipe["channels"] == "grey" else 3, recipe["size"], recipe["size"]))
            for value in network.parameters():
                if not is_lazy(value):  # as those of a module that does not run
                    value.requires_grad_(False)
        except InputError as error:
            place = f"{spec['file'] or spec['name']}: "
            raise InputError(place + str(error).removeprefix(place)) from error
    if spec["file"] and (wrong := _not_finite(network)):
        wrong -= _not_finite(build({**spec, "file": None}))  # such as masks, which hold infinity without the file, too
        if wrong:
            raise InputError(f"{spec['file']}: {min(wrong)} holds NaN or infinity. Did the training diverge?")
    return network, key


def run(network: nn.Module, images: torch.Tensor):
    """Return what a network puts out for images; raises InputError where it fails."""
    try:
        with torch.no_grad():
            return network(images)
    except InputError:
        raise
    except Exception as error:
        others = {str(value.dtype) for value in network.parameters()} - {"torch.float32"}
        advice = f" Its weights are {' and '.join(sorted(others))}; network.float() makes them float32." if others else ""
        shape = tuple(images.shape)
        raise InputError(f"the network cannot run on images {shape} in float32: {failure(error)}{advice}") from error


def real_tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters and buffers of real numbers by their names."""
    state = {name: value for name, value in network.state_dict().items() if isinstance(value, torch.Tensor)}
    there = {name: value for name, value in state.items() if not is_lazy(value) and not value.is_meta}
    return {name: dense(value) for name, value in there.items() if value.is_floating_point()}


def _not_finite(network: nn.Module) -> set[str]:
    return {name for name, value in real_tensors(network).items() if not value.isfinite().all()}


def random_twin(spec: Mapping) -> nn.Module | None:
    """Return the same network with random weights, to compare trained weights with.

    Return None for a network without a file of weights, for one that was trained here, where after few epochs weights may
    rightly look random, and for one that comes with its weights from a user's function, whatever the seed.
    """
    if not spec["file"] or Path(spec["file"]).parent == Path(TRAINED):
        return None
    twin = build({**spec, "file": None, "seed": 0})
    if SOURCES[spec["source"]].functions:
        pairs = zip(twin.parameters(), build({**spec, "file": None, "seed": 1}).parameters(), strict=False)
        return twin if any(not is_lazy(a) and not torch.equal(a, b) for a, b in pairs) else None
    return twin


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
