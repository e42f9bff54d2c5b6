"""Features that wait on disk until all images have passed: each layer in a file that is gone with its process.

A file has no name, so nothing of it is left when a job ends, however it ends.
"""

import errno
import mmap
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import psutil
import torch

from dormouse.errors import InputError
from dormouse.features.parts import columns, spread

HEIGHT = 1 << 14  # features of a block, in which those of one image follow those of another
PAGE = 4096  # bytes; what passes the cache of the system begins and ends at whole pages, in memory and on disk
N_WRITTEN = 8  # pieces that wait to be written
TURNED = 32  # images whose features are turned into rows at once: with more, a processor writes in too many places
MOVED = 64  # images whose features are copied at once from where the network runs
IN_MEMORY = ("tmpfs", "ramfs")  # kinds of file systems that take memory in the place of a disk
LEFT = 0.1  # share of what is free on a disk that is left to others
N_KEPT = 512  # features of an image that are kept aside, spread evenly, so that they are read at once


class Buffer:
    """Memory that begins at a page, and is used again: to get so much from the system takes longer than to fill it."""

    def __init__(self):
        self._memory = torch.empty(0, dtype=torch.uint8)

    def of(self, n_rows: int, row_bytes: int) -> torch.Tensor:
        """Return (n_rows, row_bytes) uint8, of which nothing is known; what was returned before is not valid any more."""
        if len(self._memory) < n_rows * row_bytes:
            self._memory = torch.frombuffer(mmap.mmap(-1, n_rows * row_bytes), dtype=torch.uint8)
        return self._memory[: n_rows * row_bytes].view(n_rows, row_bytes)


class Disk:
    """Writes and reads pieces of files one after the other, while the network runs and products are computed."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._free, self._busy = deque(Buffer() for _ in range(N_WRITTEN)), deque[tuple[Future, Buffer]]()
        self._read = deque((Buffer(), Buffer()))

    def buffer(self) -> Buffer:
        """Return a buffer to fill and to `write`; raises what the system said of a piece before."""
        if not self._free:
            self._wait()
        return self._free.popleft()

    def write(self, file: int, buffer: Buffer, rows: torch.Tensor, place: int) -> None:
        """Write rows that lie in a buffer; return at once."""
        self._busy.append((self._thread.submit(_write, file, rows, place), buffer))

    def read(self, file: int, n_rows: int, row_bytes: int, place: int) -> Future:
        """Return rows that will be there, and are valid until the read after the next one."""
        self._read.rotate()
        return self._thread.submit(_read, file, self._read[0].of(n_rows, row_bytes), place)

    def close(self, file) -> None:
        """Close a file once what was asked before is done; to give much room back takes a while."""
        self._thread.submit(file.close)

    def finish(self) -> None:
        """Wait until everything is done; raises what the system said of a piece that could not be written."""
        self._thread.submit(int).result()
        while self._busy:
            self._wait()

    def _wait(self) -> None:
        future, buffer = self._busy.popleft()
        self._free.append(buffer)
        future.result()


def _write(file: int, rows: torch.Tensor, place: int) -> None:
    rest = memoryview(rows.numpy()).cast("B")
    while rest:
        written = os.pwrite(file, rest, place)
        rest, place = rest[written:], place + written


def _read(file: int, rows: torch.Tensor, place: int) -> torch.Tensor:
    rest = memoryview(rows.numpy()).cast("B")
    while rest:
        read = os.preadv(file, [rest], place)
        if not read:
            raise OSError(errno.EIO, "what was written is not there")
        rest, place = rest[read:], place + read
    return rows


class Waiting:
    """The features of a layer on disk.

    Blocks of `HEIGHT` features follow each other, and in a block the images, so that a batch of images writes few and long
    pieces, and a block of all images is read as one. An image begins at a page. The cache of the system is passed over where
    the disk allows it: through it, writing takes several times as long, and memory that others need.

    Attributes
    ----------
    n_images, n_features : number of images, and of features of each
    device : where features are asked for

    Parameters
    ----------
    folder : on a disk with room for `n_bytes`
    dtype : of the features
    disk : shared with other layers
    """

    def __init__(
        self,
        folder: str | Path,
        n_images: int,
        n_features: int,
        dtype: torch.dtype,
        device: torch.device,
        disk: Disk | None = None,
    ):
        self.n_images, self.n_features, self.device, self._dtype = n_images, n_features, device, dtype
        self._kept = torch.empty(n_images, min(n_features, N_KEPT))
        self._folder, self._disk = Path(folder), disk or Disk()
        self._ahead: tuple[int, Future] | None = None  # the next block, which is being read
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # `close` closes it
            if hasattr(os, "posix_fallocate"):  # the disk says now whether it is full
                os.posix_fallocate(self._file.fileno(), 0, n_bytes(n_images, n_features, dtype))
        except OSError as error:
            raise self._refused(error) from error
        if hasattr(os, "O_DIRECT"):
            self._pass_cache()

    def put(self, parts: Sequence[torch.Tensor], first: int) -> None:
        """Write the features of some images, (n_images of the part, ...) each; they follow each other from `first` on."""
        for some in (some for part in parts for some in part.split(MOVED)):
            X = some.flatten(1).cpu()
            self._kept[first : first + len(X)] = columns([X], spread(self.n_features, N_KEPT))
            for start in range(0, self.n_features, HEIGHT):
                width, size, place = self._piece(start)
                try:
                    buffer = self._disk.buffer()
                except OSError as error:
                    raise self._refused(error) from error
                rows = buffer.of(len(X), size)
                rows.view(self._dtype)[:, :width] = X[:, start : start + width]
                self._disk.write(self._file.fileno(), buffer, rows, place + first * size)
            first += len(X)

    def gather(self, start: int, end: int, out: torch.Tensor) -> None:
        """Copy the features from `start` to `end` to `out` (end - start, n_images)."""
        for block in range(start // HEIGHT * HEIGHT, end, HEIGHT):
            width = min(HEIGHT, self.n_features - block)
            low, high = max(start, block), min(end, block + width)
            rows = self._block(block).view(self._dtype)[:, low - block : high - block]
            by_image = out[low - start : high - start]
            for images, columns_of in zip(rows.split(TURNED), by_image.split(TURNED, dim=1), strict=True):
                columns_of.copy_(images.T)

    def columns(self, places: torch.Tensor) -> torch.Tensor:
        """Return the features that are kept aside, (n_images, len(places)) float32; `places` are these."""
        if not torch.equal(places, spread(self.n_features, N_KEPT)):
            raise ValueError("other features than those that are kept aside")
        return self._kept.to(self.device)

    def close(self) -> None:
        """Give the room on disk back."""
        self._disk.close(self._file)

    def _pass_cache(self) -> None:
        """Ask the system not to keep what is written, and try it: some disks refuse then, or only when they are used."""
        import fcntl  # here, because not all systems have it

        file = self._file.fileno()
        flags = fcntl.fcntl(file, fcntl.F_GETFL)
        try:
            fcntl.fcntl(file, fcntl.F_SETFL, flags | os.O_DIRECT)
            _write(file, Buffer().of(1, PAGE), 0)
        except OSError:
            with suppress(OSError):
                fcntl.fcntl(file, fcntl.F_SETFL, flags)

    def _piece(self, start: int) -> tuple[int, int, int]:
        """Return the features of the block at `start`, the bytes of an image there, and the place of the first one on disk."""
        width = min(HEIGHT, self.n_features - start)
        return width, n_bytes(1, width, self._dtype), n_bytes(self.n_images, start, self._dtype)

    def _block(self, start: int) -> torch.Tensor:
        """Return the block at `start` (n_images, bytes), and have the next one read."""
        try:
            if not self._ahead or self._ahead[0] != start:
                self._disk.finish()
                self._ahead = start, self._reading(start)
            rows = self._ahead[1].result()
        except OSError as error:
            raise self._refused(error) from error
        after = start + HEIGHT
        self._ahead = (after, self._reading(after)) if after < self.n_features else None
        return rows

    def _reading(self, start: int) -> Future:
        _, size, place = self._piece(start)
        return self._disk.read(self._file.fileno(), self.n_images, size, place)

    def _refused(self, error: OSError) -> InputError:
        return _refused(self._folder, error)


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
        self._disk, self._waiting = Disk(), dict[str, Waiting]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error) -> None:
        for waiting in self._waiting.values():
            waiting.close()
        with suppress(OSError):  # told before, or of a piece that nobody read
            self._disk.finish()

    def __contains__(self, layer: str) -> bool:
        return layer in self._waiting

    def put(self, layer: str, parts: Sequence[torch.Tensor], first: int) -> None:
        """Write the features of a batch, (n_images of the part, ...) each, from image `first` on."""
        if not self._waiting:
            self._disk.finish()  # so that there is room
        if layer not in self._waiting:
            dtype = parts[0].dtype if parts[0].dtype.itemsize < 4 else torch.float32  # as which all features are read
            sizes = self._n_images, parts[0][0].numel(), dtype
            self._waiting[layer] = Waiting(self._folder, *sizes, self._device, self._disk)
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
    """Return the bytes that may be written in a folder, which is there or will be made, with some room left to others.

    There are none where the folder lies in memory, as /tmp on some systems. Raises InputError where it cannot be looked for.
    """
    whole = Path(folder).absolute()
    try:
        there = next(place for place in (whole, *whole.parents) if place.is_dir()).resolve()
    except OSError as error:  # as for a folder that one may not enter
        raise _refused(folder, error) from error
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    if (kind := next((mounts[place] for place in (there, *there.parents) if place in mounts), "")) in IN_MEMORY:
        print(
            f"{folder}: in memory ({kind}), so no features wait there. Name a folder on a disk (extraction.scratch).",
            file=sys.stderr,
        )
        return 0.0
    return (1 - LEFT) * shutil.disk_usage(there).free


def _refused(folder: str | Path, error: OSError) -> InputError:
    return InputError(
        f"{folder}: features cannot wait there ({error.strerror}). Make room, or name another folder (extraction.scratch), or "
        "fewer megabytes (extraction.scratch_mb), and run again."
    )


def n_bytes(n_images: int, n_features: int, dtype: torch.dtype = torch.float32) -> int:
    """Return the bytes on disk of a layer: the last block of an image is filled up to whole pages."""
    whole, rest = divmod(n_features, HEIGHT)
    return n_images * (whole * HEIGHT * dtype.itemsize + -(-rest * dtype.itemsize // PAGE) * PAGE)
