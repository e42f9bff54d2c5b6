"""Torchvision beside a CPU build of torch."""

import functools
from importlib.machinery import PathFinder
from pathlib import Path

import torch


@functools.cache
def make_torchvision_importable() -> torch.library.Library | None:
    """Let torchvision, and timm with it, be imported beside a CPU build of torch.

    The wheel of torchvision is compiled against CUDA. Where CUDA cannot be loaded, the import fails at two operators
    that exist in compiled form only. Declaring them without a body is enough for everything but calling them.
    """
    found = PathFinder.find_spec("torchvision")
    for binary in Path(found.origin).parent.glob("_C*") if found else ():
        try:
            torch.ops.load_library(str(binary))
            return None
        except OSError:
            continue
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return declared  # kept by the cache: the declaration ends with the object
