"""The features of a layer as they lie in memory, in parts; they are read in blocks of features, and never copied whole."""

from collections.abc import Sequence

import numpy as np
import torch

COPIED = {"cpu": 8, "cuda": 4096}  # images brought together at once; with more, a processor reads in too many places


class Held:
    """Features that a network holds.

    Attributes
    ----------
    n_images, n_features : number of images of all parts, and of features of each
    device : where the features are
    """

    def __init__(self, parts: Sequence[torch.Tensor]):
        parts = [part.flatten(1) if part[0].is_contiguous() else part for part in parts]  # views, as are the next
        self.device = parts[0].device
        self._parts = [piece for part in parts for piece in part.split(COPIED[self.device.type])]
        self.n_images, self.n_features = sum(map(len, parts)), parts[0][0].numel()

    def gather(self, start: int, end: int, out: torch.Tensor) -> None:
        """Copy the features from `start` to `end` to `out` (end - start, n_images)."""
        gather(self._parts, start, end, out)

    def columns(self, places: torch.Tensor) -> torch.Tensor:
        """Return some features, (n_images, len(places)) float32."""
        return columns(self._parts, places)


def gather(parts: Sequence[torch.Tensor], start: int, end: int, out: torch.Tensor) -> None:
    """Copy the features from `start` to `end`, in the order of the flattened parts, to `out` (end - start, n_images)."""
    for part, columns in zip(parts, out.split([len(part) for part in parts], dim=1), strict=True):
        _copy(part.movedim(0, -1), start, end, columns)


def _copy(X: torch.Tensor, start: int, end: int, out: torch.Tensor) -> None:
    """Copy a range of flattened features piece by piece, because flattening all of X (..., n_images) would copy all of it."""
    if X.dim() == 2:
        out.copy_(X[start:end])
        return
    size = X[0, ..., 0].numel()
    first, last = -(-start // size), end // size  # whole rows
    if first > last:  # within one row
        _copy(X[last], start - last * size, end - last * size, out)
        return
    head, tail = first * size - start, last * size - start
    if head:
        _copy(X[first - 1], size - head, size, out[:head])
    out[head:tail].unflatten(0, (last - first, *X.shape[1:-1])).copy_(X[first:last])
    if tail < end - start:
        _copy(X[last], 0, end - start - tail, out[tail:])


def columns(parts: Sequence[torch.Tensor], places: torch.Tensor) -> torch.Tensor:
    """Return some features, (n_images, len(places)) float32; `places` are in memory, also where the parts are on a GPU."""
    found = []
    for part in parts:
        X = part if part.dim() > 1 else part[:, None]
        # NumPy's, since PyTorch's loads SymPy, which takes half a second
        indices = np.unravel_index(places.numpy(), X.shape[1:])
        found.append(X[:, *map(torch.from_numpy, indices)].float())
    return torch.cat(found).contiguous()


def spread(n: int, n_places: int) -> torch.Tensor:
    """Return at most `n_places` whole numbers spread evenly from 0 to n - 1, in whole-number arithmetic."""
    k = min(n, n_places)
    return torch.arange(k) * (n - 1) // max(k - 1, 1)
