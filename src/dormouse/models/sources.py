"""The sources of networks, a row each: what is known of a source without importing the library behind it.

To add a source, add a row to `SOURCES`, a function of the same name to `loaders.LOADERS`, and the name to the lists of sources
in workflow/schemas. A test says which of these is missing.
"""

import functools
import importlib.util
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dormouse.content_hash import folder_hash
from dormouse.models.user import user_code
from dormouse.mousenet.anatomy import FOLDER

# how torchvision and timm register a network in their code
REGISTERED = re.compile(r"^@register_model.*\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)


@functools.cache
def registered(library: str) -> frozenset[str]:
    """Return the names of a library's networks. They are read from its files, because importing it takes seconds."""
    folder = Path(importlib.util.find_spec(library).origin).parent / "models"
    return frozenset(name for file in folder.glob("*.py") for name in REGISTERED.findall(file.read_text(encoding="utf-8")))


def resnets() -> set[str]:
    """Return the names of torchvision's ResNets."""
    return {name for name in registered("torchvision") if re.match(r"(wide_)?res(net|next)\d", name)}


def transformers() -> set[str]:
    """Return the names of timm's ViTs and XCiTs."""
    return {name for name in registered("timm") if re.search(r"vit_|xcit_", name)}


@dataclass(frozen=True)
class Source:
    """What is known of a source. Names are checked against the first of `names`, `functions` and `variants` that is given."""

    names: Callable[[], Collection[str]] | None = None  # lists its networks
    functions: bool = False  # a name is a function of the user's, module:function
    variants: bool = False  # a name is one of the variants in the section of the configuration that has the source's name
    # How its library names the weights that it publishes, if it publishes any. tag: behind a point of the network's name, as
    # resnet18.a1_in1k; name: in capitals in the place of weights, as IMAGENET1K_V1. Such a library also tells where they are
    # (`weights.ADDRESSES`) and which input they were trained with (`build.INPUTS`).
    published: str = ""
    classes: bool = False  # a line of the configuration may say the number of classes
    ending: str = ".pth"  # of files of weights that its library publishes
    weightless: bool = False  # networks may come without a file and without a seed, weights: none
    native: Mapping[str, str] = field(default_factory=dict)  # columns native_* of networks that models.tsv does not list
    own_input: bool = False  # networks see their native input, whatever the `transform`
    # hash of what a network is made from that lies in files of its own, by the network's name
    code: Callable[[str], dict[str, str] | str | None] = lambda name: None


SOURCES = {
    "torchvision": Source(names=lambda: registered("torchvision"), published="name", classes=True),
    "timm": Source(names=lambda: registered("timm"), published="tag", ending=".safetensors", classes=True),
    "taskonomy": Source(
        names=lambda: {"encoder"},
        native={"native_px": "256", "native_normalisation": "half", "native_interpolation": "bilinear"},
        own_input=True,
    ),
    "vissl": Source(names=resnets),
    "dino": Source(names=lambda: resnets() | transformers()),
    "mousenet": Source(
        variants=True,
        native={"native_normalisation": "imagenet", "native_interpolation": "bilinear"},  # a preset tells the size
        own_input=True,
        code=lambda name: folder_hash(FOLDER, FOLDER.glob("*.tsv")),
    ),
    "python": Source(functions=True, weightless=True, code=user_code),
    "baseline": Source(names=lambda: {"pixels", "gabor", "noise"}, weightless=True, own_input=True),
}
