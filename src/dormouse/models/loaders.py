"""A loader for each source of networks: from a name and a state dict to a network.

The rows of the sources are in sources.py; `LOADERS` has the same names.
"""

import re
from collections.abc import Mapping

import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.models.baselines import GaborBank, Noise, Pixels
from dormouse.models.checkpoints import aligned, fit, renamed
from dormouse.models.taskonomy import TaskonomyEncoder
from dormouse.models.torchvision_import import make_torchvision_importable
from dormouse.models.user import failure, import_function
from dormouse.mousenet.anatomy import Options, read_anatomy
from dormouse.mousenet.network import MouseNet

# the published files of DenseNet say norm.1 and conv.1 where the network has norm1 and conv1
OF_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)")
HEADS = ("fc.", "head.", "heads.", "projection_head.", "prototypes.")  # layers on top of a trunk that only training needs
MAX_CLASSES = 1_000_000  # that weights may ask for, before they are known to fit

State = Mapping[str, torch.Tensor] | None  # weights to load; None leaves them as drawn


def load_torchvision(name: str, state: State, classes: int | None = None, **options) -> nn.Module:
    """Load a network of torchvision; `options` are those of its function."""
    make_torchvision_importable()
    from torchvision.models import get_model

    network = get_model(name, weights=None, **options, **_of_classes(classes))
    if state is None:
        return network
    if hasattr(network, "transform_input") and "num_classes" not in options:  # weights that are trained here have num_classes
        # ASSUME weights of Inception and GoogLeNet expect the input in [-1, 1], which these networks then make of ImageNet's
        # normalisation themselves; it is so of all published ones
        network.transform_input = True
    return fit(network, renamed(state, lambda key: OF_DENSENET.sub(r"\1", key)), classes=True)


def _of_classes(classes: int | None) -> dict[str, int]:
    return {} if classes is None else {"num_classes": classes}


def load_timm(name: str, state: State, classes: int | None = None, heads: tuple[str, ...] = (), **options) -> nn.Module:
    """Load a network of timm, its attention in separate modules, so that hooks see its maps.

    Weights with older or foreign names pass through timm's own conversion. `heads` begin keys that are left out.
    """
    make_torchvision_importable()
    import timm

    timm.layers.set_fused_attn(False)
    options |= _of_classes(classes)
    try:
        network = timm.create_model(name, **options)
    except (RuntimeError, KeyError) as error:  # an unknown tag behind the point of the name
        raise InputError(f"timm: {name}: {error}") from error
    if state is None:
        return network
    state = aligned(state, network.state_dict().keys(), heads)
    try:
        return fit(network, state, classes=True)
    except InputError as error:
        unfit = error
    # timm tolerates keys that do not fit where the weights are said to have another classifier than the network
    overlay = {"state_dict": state, **options}
    try:
        converted = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    except Exception as error:  # each conversion expects other keys
        raise unfit from error
    for key, value in converted.state_dict().items():
        if key in state and state[key].numel() != value.numel():  # timm resizes what belongs to images of another size
            shapes = f"{tuple(state[key].shape)} instead of {tuple(value.shape)}"
            raise InputError(
                f"timm: {name}: 1 misshapen or more ({key} {shapes}). Was it trained with images of another size?"
            )
    return converted


def load_taskonomy(name: str, state: State) -> nn.Module:
    """Load an encoder of Taskonomy. All tasks have the same network, named encoder."""
    return TaskonomyEncoder() if state is None else fit(TaskonomyEncoder(), state)


def load_trunk(name: str, state: State) -> nn.Module:
    """Load a ResNet of torchvision without its classifier, as self-supervised learning leaves it."""
    network = load_torchvision(name, None)
    network.fc = nn.Identity()
    return network if state is None else fit(network, state, HEADS)


def load_dino(name: str, state: State) -> nn.Module:
    """Load a network of DINO: a ViT or XCiT as timm builds them, without classifier, or the trunk of a ResNet.

    In a whole checkpoint of its training, `key: teacher` or `key: student`, the network stands beside its head.
    """
    return load_trunk(name, state) if name.startswith("resnet") else load_timm(name, state, heads=HEADS, num_classes=0)


def load_mousenet(name: str, state: State, num_classes: int | None = None, **options) -> nn.Module:
    """Make a MouseNet of these `anatomy.Options`, with as many classes as its weights have, else those of ImageNet."""
    numbers = [value.numel() for key, value in (state or {}).items() if f".{key}".endswith(".classifier.bias")]
    of_weights = numbers[0] if numbers and numbers[0] <= MAX_CLASSES else 0
    network = MouseNet(read_anatomy(Options(**options)), num_classes or of_weights or 1000)
    return network if state is None else fit(network, state)


def load_python(name: str, state: State) -> nn.Module:
    """Call the user's own `module:function`, found from the working directory, for a network."""
    function = import_function(name)
    try:
        network = function()
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{name}: {failure(error)}") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{name}: gave {type(network).__name__}, expected a torch.nn.Module.")
    if any(value.is_meta for value in (*network.parameters(), *network.buffers())):
        raise InputError(f"{name}: gave a network on the device meta, without numbers; build it on the CPU.")
    return network.cpu() if state is None else fit(network.cpu(), state)


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
