"""The kernels of a model as methods read them: in blocks of layers, so that memory does not grow with layers x images^2."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Self

import numpy as np

from dormouse.methods.table import DERIVED

HELD_BYTES = 2**29  # of kernels that are held; more are read from their files each time that they are used
BLOCK_BYTES = 2**27  # of the kernels that a method is given at once


@dataclass(frozen=True)
class ModelKernels:
    """Kernels of some layers of a model for some images, which `blocks` reads when they are needed.

    Attributes
    ----------
    stored : each kernel by name, layer by layer (n_images, n_images) float64; can be gone through again and again
    row_sum : (n_layers, n_images) float64, sums of the features of each image
    n_features : (n_layers,)
    names : of the kernels that a block has, of those stored and `table.DERIVED`
    layers : places of the layers, ascending
    images : places of the images, in any order; None for all in theirs
    """

    stored: Mapping[str, Iterable[np.ndarray]]
    row_sum: np.ndarray
    n_features: np.ndarray
    names: tuple[str, ...]
    layers: np.ndarray
    images: np.ndarray | None = None

    @classmethod
    def of(cls, kernels: "Mapping[str, np.ndarray] | ModelKernels") -> Self:
        """Return kernels that are held where there is room; given as such, or as arrays, those of `extraction.extract`."""
        if isinstance(kernels, cls):
            return kernels.held()
        row_sum = kernels["row_sum"]
        n_layers, n_images = row_sum.shape
        stored = {name: values for name, values in kernels.items() if np.shape(values) == (n_layers, n_images, n_images)}
        return cls(stored, row_sum, kernels["n_features"], tuple(stored), np.arange(n_layers))

    @property
    def n_images(self) -> int:
        """Return the number of images."""
        return self.row_sum.shape[1] if self.images is None else len(self.images)

    def __len__(self) -> int:
        return len(self.layers)

    def reading(self, names: Sequence[str]) -> Self:
        """Return the same with other kernels in its blocks."""
        return replace(self, names=tuple(names))

    def of_layers(self, places: Sequence[int] | slice | np.ndarray) -> Self:
        """Return the same of some layers, ascending."""
        return replace(self, layers=self.layers[places])

    def of_images(self, images: Sequence[int] | slice | np.ndarray) -> Self:
        """Return the same for some images, in any order."""
        known = np.arange(self.n_images)
        if np.array_equal(known[images], known):
            return self
        return replace(self, images=(known if self.images is None else self.images)[images])

    def held(self) -> Self:
        """Return the same in memory, or as they are where they take more than `HELD_BYTES`."""
        names = {DERIVED.get(name, name) for name in self.names}
        size = len(names) * len(self) * 8 * self.row_sum.shape[1] ** 2
        if size > HELD_BYTES or all(isinstance(self.stored[name], np.ndarray) for name in names):
            return self
        read = list(self._read(sorted(names)))
        return replace(
            self,
            stored={name: np.stack([of_layer[name] for of_layer in read]) for name in names},
            row_sum=self.row_sum[self.layers],
            n_features=self.n_features[self.layers],
            layers=np.arange(len(self)),
        )

    def blocks(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield what a method reads of the next layers: each kernel, row_sum and n_features; see `methods.table`."""
        size = max(1, BLOCK_BYTES // (8 * self.n_images**2 * len(self.names)))
        read = self._read(sorted({DERIVED.get(name, name) for name in self.names}))
        for start in range(0, len(self), size):
            layers = self.layers[start : start + size]
            block = [self._given(layer, of_layer) for layer, of_layer in zip(layers, islice(read, len(layers)), strict=True)]
            row_sum = self.row_sum[layers] if self.images is None else self.row_sum[np.ix_(layers, self.images)]
            kernels = {name: np.stack([of_layer[name] for of_layer in block]) for name in self.names}
            yield kernels | {"row_sum": row_sum, "n_features": self.n_features[layers]}

    def blocks_of(self, places: np.ndarray) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield places of layers among these, ascending, and the blocks that hold them."""
        start = 0
        for block in self.of_layers(places).blocks():
            end = start + len(block["n_features"])
            yield places[start:end], block
            start = end

    def concatenate(self, function: Callable[[dict[str, np.ndarray]], np.ndarray], axis: int = 0) -> np.ndarray:
        """Return what a function gives for each block, joined along the axis of the layers."""
        return np.concatenate([function(block) for block in self.blocks()], axis=axis)

    def _read(self, names: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the stored kernels of every layer, of all images; layers between are passed over."""
        if all(isinstance(self.stored[name], np.ndarray) for name in names):
            yield from ({name: self.stored[name][layer] for name in names} for layer in self.layers)
            return
        wanted = set(self.layers.tolist())
        for layer, kernels in enumerate(zip(*(islice(self.stored[name], max(wanted) + 1) for name in names), strict=True)):
            if layer in wanted:
                yield dict(zip(names, kernels, strict=True))

    def _given(self, layer: int, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the kernels of `names` of one layer, for `images`."""
        given = {}
        for name in self.names:
            K = stored[DERIVED.get(name, name)]
            if name == "gram":
                s = self.row_sum[layer]
                K = K + s[:, None] * s / self.n_features[layer]
            given[name] = K if self.images is None else K[np.ix_(self.images, self.images)]
        return given
