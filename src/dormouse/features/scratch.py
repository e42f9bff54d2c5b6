"""Features that wait on disk until all images have passed: each layer in a file that is gone with its process.

A file has no name, so nothing of it is left when a job ends, however it ends.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import numpy as np
import torch

from dormouse.errors import InputError
from dormouse.features.parts import columns, spread

HEIGHT = 1 << 14  # features of a block, in which those of one image follow those of another
LEFT = 0.1  # share of what is free on a disk that is left to others
N_KEPT = 512  # features of an image that are kept aside, spread evenly, so that they are read at once


class Waiting:
    """The features of a layer on disk.

    Blocks of `HEIGHT` features follow each other, and in a block the images, so that a batch of images writes few and long
    pieces, and a block of all images is read as one.

    Attributes
    ----------
    n_images, n_features : number of images, and of features of each
    device : where features are asked for

    Parameters
    ----------
    folder : on a disk with room for `n_bytes`
    dtype : of the features
    """

    def __init__(self, folder: str | Path, n_images: int, n_features: int, dtype: torch.dtype, device: torch.device):
        self.n_images, self.n_features, self.device, self._dtype = n_images, n_features, device, dtype
        self._kept = torch.empty(n_images, min(n_features, N_KEPT))
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # `close` closes it
            if hasattr(os, "posix_fallocate"):  # the disk says now whether it is full
                os.posix_fallocate(self._file.fileno(), 0, n_bytes(n_images, n_features, dtype))
        except OSError as error:
            raise self._refused(error) from error

    def put(self, parts: Sequence[torch.Tensor], first: int) -> None:
        """Write the features of some images, (n_images of the part, ...) each; they follow each other from `first` on."""
        for part in parts:
            X = part.flatten(1).cpu()
            self._kept[first : first + len(X)] = columns([X], spread(self.n_features, N_KEPT))
            for start in range(0, self.n_features, HEIGHT):
                rows = X[:, start : start + HEIGHT].contiguous()
                self._write(rows.view(torch.uint8).numpy(), self._place(start, first, rows.shape[1]))
            first += len(X)

    def gather(self, start: int, end: int, out: torch.Tensor) -> None:
        """Copy the features from `start` to `end` to `out` (end - start, n_images)."""
        for block in range(start // HEIGHT * HEIGHT, end, HEIGHT):
            width = min(HEIGHT, self.n_features - block)
            low, high = max(start, block), min(end, block + width)
            rows = self._read(block, width)[:, low - block : high - block]
            for images, columns_of in zip(rows.split(8), out[low - start : high - start].split(8, dim=1), strict=True):
                columns_of.copy_(images.T)

    def columns(self, places: torch.Tensor) -> torch.Tensor:
        """Return the features that are kept aside, (n_images, len(places)) float32; `places` are these."""
        if not torch.equal(places, spread(self.n_features, N_KEPT)):
            raise ValueError("other features than those that are kept aside")
        return self._kept.to(self.device)

    def close(self) -> None:
        """Give the room on disk back."""
        self._file.close()

    def _place(self, block: int, image: int, width: int) -> int:
        return (block * self.n_images + image * width) * self._dtype.itemsize

    def _write(self, rows: np.ndarray, place: int) -> None:
        rest = memoryview(rows).cast("B")
        try:
            while rest:
                written = os.pwrite(self._file.fileno(), rest, place)
                rest, place = rest[written:], place + written
        except OSError as error:
            raise self._refused(error) from error

    def _read(self, block: int, width: int) -> torch.Tensor:
        """Return a block of all images, (n_images, width)."""
        rows = torch.empty(self.n_images, width, dtype=self._dtype)
        rest, place = memoryview(rows.view(torch.uint8).numpy()).cast("B"), self._place(block, 0, width)
        while rest:
            read = os.preadv(self._file.fileno(), [rest], place)
            if not read:
                raise InputError(f"{self._folder}: features that waited there are gone. Run again.")
            rest, place = rest[read:], place + read
        return rows

    def _refused(self, error: OSError) -> InputError:
        return InputError(
            f"{self._folder}: features cannot wait there ({error.strerror}). Make room, or name another folder "
            "(extraction.scratch), or fewer megabytes (extraction.scratch_mb), and run again."
        )


class Scratch:
    """The layers of a network whose features wait on disk; as a context, it leaves nothing behind.

    Parameters
    ----------
    folder : of their files
    n_images : of all batches
    device : where features are asked for
    """

    def __init__(self, folder: str | Path, n_images: int, device: torch.device):
        self._folder, self._n_images, self._device = folder, n_images, device
        self._waiting: dict[str, Waiting] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error) -> None:
        for waiting in self._waiting.values():
            waiting.close()

    def __contains__(self, layer: str) -> bool:
        return layer in self._waiting

    def put(self, layer: str, parts: Sequence[torch.Tensor], first: int) -> None:
        """Write the features of a batch, (n_images of the part, ...) each, from image `first` on."""
        if layer not in self._waiting:
            sizes = self._n_images, parts[0][0].numel(), parts[0].dtype
            self._waiting[layer] = Waiting(self._folder, *sizes, self._device)
        self._waiting[layer].put(parts, first)

    @contextmanager
    def taken(self, layer: str) -> Iterator[Waiting]:
        """Give the features of a layer, and their room back at the end."""
        waiting = self._waiting.pop(layer)
        try:
            yield waiting
        finally:
            waiting.close()


def free_bytes(folder: str | Path) -> float:
    """Return the bytes that may be written in a folder, which is there or will be made, with some room left to others."""
    there = next(place for place in (Path(folder).absolute(), *Path(folder).absolute().parents) if place.is_dir())
    return (1 - LEFT) * shutil.disk_usage(there).free


def n_bytes(n_images: int, n_features: int, dtype: torch.dtype = torch.float32) -> int:
    """Return the bytes on disk of a layer."""
    return n_images * n_features * dtype.itemsize
