"""A loader for each source of networks: from a name and a state dict to a network.

The rows of the sources are in sources.py; `LOADERS` has the same names.
"""

import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.models.baselines import GaborBank, Noise, Pixels
from dormouse.models.checkpoints import fit, renamed, without, without_prefix
from dormouse.models.taskonomy import TaskonomyEncoder
from dormouse.models.user import import_function
from dormouse.mousenet.anatomy import Options, read_anatomy
from dormouse.mousenet.network import MouseNet

# the published files of DenseNet say norm.1 and conv.1 where the network has norm1 and conv1
OF_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)")
HEADS = ("fc.", "head.", "heads.", "projection_head.", "prototypes.")  # layers on top of a trunk that only training needs
BACKBONE = "backbone."  # before the keys of a trunk where DINO keeps it beside its head

State = Mapping[str, torch.Tensor] | None  # weights to load; None leaves them as drawn


def load_torchvision(name: str, state: State, **options) -> nn.Module:
    """Load a network of torchvision; `options` are those of its function."""
    make_torchvision_importable()
    from torchvision.models import get_model

    network = get_model(name, weights=None, **options)
    if state is None:
        return network
    if hasattr(network, "transform_input") and "num_classes" not in options:  # weights that are trained here have num_classes
        # ASSUME weights of Inception and GoogLeNet expect the input in [-1, 1], which these networks then make of ImageNet's
        # normalisation themselves; it is so of all published ones
        network.transform_input = True
    return fit(network, renamed(state, lambda key: OF_DENSENET.sub(r"\1", key)))


def load_timm(name: str, state: State, **options) -> nn.Module:
    """Load a network of timm, its attention in separate modules, so that hooks see its maps.

    Weights pass through timm's own conversion of older or foreign names.
    """
    make_torchvision_importable()
    import timm

    timm.layers.set_fused_attn(False)
    # timm tolerates keys that do not fit where the weights are said to have another classifier than the network
    weights = {} if state is None else {"pretrained_cfg_overlay": {"state_dict": state, **options}}
    try:
        network = timm.create_model(name, pretrained=state is not None, **weights, **options)
    except (RuntimeError, KeyError) as error:  # an unknown tag behind the point of the name; keys that do not fit
        raise InputError(f"timm: {name}: {error}") from error
    for key, value in network.state_dict().items() if state else ():
        if key in state and state[key].numel() != value.numel():  # timm resizes what belongs to images of another size
            shapes = f"{tuple(state[key].shape)} instead of {tuple(value.shape)}"
            raise InputError(
                f"timm: {name}: 1 misshapen or more ({key} {shapes}). Was it trained with images of another size?"
            )
    return network


def load_taskonomy(name: str, state: State) -> nn.Module:
    """Load an encoder of Taskonomy. All tasks have the same network, named encoder."""
    return TaskonomyEncoder() if state is None else fit(TaskonomyEncoder(), state)


def load_trunk(name: str, state: State) -> nn.Module:
    """Load a ResNet of torchvision without its classifier, as self-supervised learning leaves it."""
    network = load_torchvision(name, None)
    network.fc = nn.Identity()
    return network if state is None else fit(network, without(state, HEADS))


def load_dino(name: str, state: State) -> nn.Module:
    """Load a network of DINO: a ViT or XCiT as timm builds them, without classifier, or the trunk of a ResNet.

    In a whole checkpoint of its training, `key: teacher` or `key: student`, the network stands beside its head.
    """
    if state is not None and any(key.startswith(BACKBONE) for key in state):
        state = without_prefix(without(state, HEADS), BACKBONE)
    return load_trunk(name, state) if name.startswith("resnet") else load_timm(name, state, num_classes=0)


def load_mousenet(name: str, state: State, num_classes: int | None = None, **options) -> nn.Module:
    """Make a MouseNet of these `anatomy.Options`, with as many classes as its weights have, else those of ImageNet."""
    of_weights = None if state is None or "classifier.bias" not in state else len(state["classifier.bias"])
    network = MouseNet(read_anatomy(Options(**options)), num_classes or of_weights or 1000)
    return network if state is None else fit(network, state)


def load_python(name: str, state: State) -> nn.Module:
    """Call the user's own `module:function`, found from the working directory, for a network."""
    network = import_function(name)()
    if not isinstance(network, nn.Module):
        raise InputError(f"{name}: gave {type(network).__name__}, expected a torch.nn.Module.")
    return network if state is None else fit(network, state)


def load_baseline(name: str, state: State) -> nn.Module:
    """Make a baseline; there are no weights to load."""
    return BASELINES[name]()


BASELINES = {"pixels": Pixels, "gabor": GaborBank, "noise": Noise}
LOADERS = {
    "torchvision": load_torchvision,
    "timm": load_timm,
    "taskonomy": load_taskonomy,
    "vissl": load_trunk,
    "dino": load_dino,
    "mousenet": load_mousenet,
    "python": load_python,
    "baseline": load_baseline,
}


@functools.cache
def make_torchvision_importable() -> torch.library.Library | None:
    """Let torchvision, and timm with it, be imported beside a CPU build of torch.

    The wheel of torchvision is compiled against CUDA. Where CUDA cannot be loaded, the import fails at two operators
    that exist in compiled form only. Declaring them without a body is enough for everything but calling them.
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
