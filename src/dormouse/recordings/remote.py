"""A published file read in place: ranges of bytes over HTTP, behind the interface of an open file."""

import io
import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import h5py
import numpy as np
import requests
from urllib3.exceptions import HTTPError

from dormouse.download import TIMEOUT_S, Interrupted, patiently, refuse, tag_of
from dormouse.errors import InputError

BLOCK_BYTES = 1 << 14  # smallest request; small reads are rounded to blocks, which are kept
MOST_BLOCKS = 64  # read ahead when blocks are read in order
KEPT_BLOCKS = 2048
LARGE_BYTES = 1 << 17  # reads of this size and more are requested exactly, and not kept
MOST_BYTES = 1 << 24  # of one request
GAP_BYTES = 1 << 14  # largest gap between pieces that are requested together


def is_address(source: str | Path) -> bool:
    """Return whether a source is an address and not a path."""
    return str(source).startswith(("http://", "https://"))


class RemoteFile(io.RawIOBase):
    """The file at an address, readable at any position; bytes are requested when they are needed.

    Small reads are rounded to blocks, which are kept. When blocks are read in order, more and more are requested at once.
    Large reads, as of one array, are requested exactly. Failed requests are repeated as in `download`.

    Raises InputError where the server refuses, keeps failing, sends whole files, or has changed the file in the meantime.
    """

    def __init__(self, address: str):
        self.address = address
        self._web = requests.Session()
        self._size, self._tag = None, None
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._parts: list[tuple[int, memoryview]] = []  # of an array that is being read: start and content, in order
        self._ahead, self._next_block = 1, None
        self._load(0, 1)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, in bytes from the start, from the current position or from the end; return it."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        """Return the position, in bytes from the start."""
        return self._position

    def readinto(self, buffer) -> int:
        """Fill `buffer` from the current position, as far as the file goes, and return the number of bytes."""
        self._checkClosed()
        view = memoryview(buffer).cast("B")
        stop = min(self._position + len(view), self._size)
        n_bytes = max(stop - self._position, 0)
        k = bisect_right(self._parts, self._position, key=itemgetter(0)) - 1
        if k >= 0 and stop <= self._parts[k][0] + len(self._parts[k][1]):
            start, content = self._parts[k]
            view[:n_bytes] = content[self._position - start : stop - start]
        elif n_bytes >= LARGE_BYTES:
            view[:n_bytes] = self._fetch(self._position, stop)
        elif n_bytes:
            first, last = self._position // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
            whole = b"".join(self._block(k, last) for k in range(first, last + 1))
            view[:n_bytes] = whole[self._position - first * BLOCK_BYTES :][:n_bytes]
        self._position += n_bytes
        return n_bytes

    def whole(self, dataset: h5py.Dataset) -> np.ndarray:
        """Return a whole dataset of this file; neighbouring pieces of it are requested together."""
        try:
            for start, stop in joined(pieces(dataset)):
                self._parts.append((start, memoryview(self._fetch(start, stop))))
            return dataset[()]
        finally:
            self._parts.clear()

    def close(self) -> None:
        """Close the connection and drop what was kept."""
        self._blocks.clear()
        self._web.close()
        super().close()

    def _block(self, k: int, last: int) -> bytes:
        """Return block k; blocks up to `last` are about to be read."""
        if k not in self._blocks:
            self._ahead = min(2 * self._ahead, MOST_BLOCKS) if k == self._next_block else 1
            self._load(k, max(self._ahead, last + 1 - k))
        self._blocks.move_to_end(k)
        return self._blocks[k]

    def _load(self, first: int, n_blocks: int) -> None:
        start, stop = first * BLOCK_BYTES, (first + n_blocks) * BLOCK_BYTES
        content = self._fetch(start, stop if self._size is None else min(stop, self._size))
        self._next_block = first + n_blocks
        for k in range(first, first + n_blocks):
            self._blocks[k] = content[(k - first) * BLOCK_BYTES :][:BLOCK_BYTES]
        while len(self._blocks) > max(KEPT_BLOCKS, n_blocks):
            self._blocks.popitem(last=False)

    def _fetch(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`, in requests small enough to lose to a broken connection."""
        edges = [*range(start, stop, MOST_BYTES), stop]
        return b"".join(patiently(self.address, self._attempt, *edge) for edge in pairwise(edges))

    def _attempt(self, start: int, stop: int) -> bytes:
        asked = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        try:
            with self._web.get(self.address, headers=asked, stream=True, timeout=TIMEOUT_S) as answer:
                refuse(answer, self.address)
                stop = self._check(answer, start, stop)
                content = answer.raw.read(stop - start)
        except (requests.RequestException, HTTPError) as error:
            raise Interrupted(f"broke off ({type(error).__name__}: {error})") from error
        if len(content) != stop - start:
            raise Interrupted(f"only {len(content)} of {stop - start} bytes arrived")
        return content

    def _check(self, answer: requests.Response, start: int, stop: int) -> int:
        """Return the end of the range that the server sends; raise if it is not the one requested."""
        if answer.status_code != requests.codes.partial_content:
            raise InputError(
                f"{self.address}: the server sends whole files alone ({answer.status_code}, where a part was asked for). Set "
                "allen.keep to true in the configuration: whole recordings are then downloaded."
            )
        given = answer.headers.get("Content-Range", "")
        place = re.fullmatch(rf"bytes {start}-(\d+)/(\d+)", given)
        last, size = map(int, place.groups()) if place else (None, None)
        if place and self._size is not None and (size, tag_of(answer)) != (self._size, self._tag):
            raise InputError(f"{self.address}: the file changed on the server while it was read. Run again.")
        if not place or last != min(stop, size) - 1:
            raise Interrupted(f"the server sent {given or 'a part without a place'} for bytes {start}-{stop - 1}")
        self._size, self._tag = size, tag_of(answer)
        return last + 1


def pieces(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Return where the chunks of a dataset lie in the file, each as its first byte and the one after its last, sorted."""
    found = []
    if dataset.chunks:
        dataset.id.chunk_iter(lambda chunk: found.append((chunk.byte_offset, chunk.byte_offset + chunk.size)))
    return sorted(found)


def joined(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join sorted parts that are separated by at most `GAP_BYTES`."""
    result: list[tuple[int, int]] = []
    for start, stop in parts:
        if result and start - result[-1][1] <= GAP_BYTES:
            start = result.pop()[0]
        result.append((start, stop))
    return result
