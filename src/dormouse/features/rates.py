"""How long this machine takes for an image, a product and a byte on disk, measured where a plan depends on it."""

import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.features.gram import BLOCK
from dormouse.features.plan import Rates
from dormouse.features.scratch import HEIGHT, PAGE, Waiting

N_IMAGES, N_PRODUCTS = 8, 8  # images of a pass, and products of blocks, that are timed
WIDTH = 512  # images of a product
N_BYTES, N_WAITING = 1 << 27, 64  # that are written and read, of so many images


def measure(network: nn.Module, images: torch.Tensor, device: torch.device, folder: str | Path, room: float) -> Rates:
    """Return the rates of a network and of a folder's disk, where `room` bytes may be written; it takes a few seconds."""
    return Rates(image=_image(network, images[:N_IMAGES].clone().to(device)), pair=_pair(device), byte=_byte(folder, room))


@torch.no_grad()
def _image(network: nn.Module, images: torch.Tensor) -> float:
    network(images[:1].clone())
    _wait(images.device)
    start = time.perf_counter()
    network(images)
    _wait(images.device)
    return (time.perf_counter() - start) / len(images)


@torch.no_grad()
def _pair(device: torch.device) -> float:
    block = torch.rand(BLOCK, WIDTH, device=device)
    block.T @ block
    _wait(device)
    start = time.perf_counter()
    for _ in range(N_PRODUCTS):
        block.T @ block
    _wait(device)
    return (time.perf_counter() - start) / (N_PRODUCTS * BLOCK * WIDTH**2)


def _byte(folder: str | Path, room: float) -> float:
    """Return the seconds to write a byte and read it back; none where the folder cannot be written, which is told later."""
    n_pages = int(min(N_BYTES, room)) // (N_WAITING * PAGE)
    if not n_pages:
        return 0.0
    features, block = torch.rand(N_WAITING, n_pages * PAGE // 4), torch.empty(HEIGHT, N_WAITING)
    with suppress(InputError):
        start = time.perf_counter()
        waiting = Waiting(folder, *features.shape, features.dtype, features.device)
        for first in range(0, N_WAITING, N_IMAGES):
            waiting.put([features[first : first + N_IMAGES]], first)
        for first in range(0, waiting.n_features, HEIGHT):
            last = min(first + HEIGHT, waiting.n_features)
            waiting.gather(first, last, block[: last - first])
        seconds = time.perf_counter() - start
        waiting.close()
        return seconds / features.nbytes
    return 0.0


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
