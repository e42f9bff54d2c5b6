"""The files of a network's kernels, one a kernel: what extraction leaves of a network, and what every score is made from.

A file holds one kernel of all layers, each layer in an array of its own, so that layers are written as they come and read one
by one. Beside them stands what is known of the layers, the images and the network, in every file of a model.

A kernel K is stored as the square roots of its diagonal and, for every two images, r = K_ij / sqrt(K_ii K_jj) in 48 bits over
the range that r has in the layer. A step is 7e-15 at most, so that rounding adds no dimension that ridge could see to a layer
of few. With the lower triangle alone a layer of 119 images takes 42 kB in the place of 113. Of every layer but the first, bits
are stored where they differ from those of the layer before: where a layer only scales, nothing but zeros, which compress.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.files import read_arrays, reading_arrays, writing_arrays

KERNELS = ("centred", "srp", "zscore")
N_BYTES = 6  # of a correlation; float64 holds whole numbers of up to 6 bytes, and no more of r than 7
STEPS = 2 ** (8 * N_BYTES) - 1
RESOLUTION = 1 / STEPS  # largest error of a stored correlation: half a step, of a range of 2 at most
OF_LAYERS = ("layer", "path", "block", "block_depth", "n_features", "effective_dimension")


def kernel_names(paths: Sequence[str | Path]) -> list[str]:
    """Return which kernels files hold: their names without the ending."""
    return [Path(path).stem for path in paths]


@contextmanager
def writing_kernels(
    paths: Sequence[str | Path], image_sha256: np.ndarray, provenance: np.ndarray
) -> Iterator[Callable[[Mapping], None]]:
    """Give keep(layer), which adds a layer of `extraction.extract` to the files of its kernels, see `kernel_names`.

    A layer is packed and written while the next one is computed. Each file is there at the end, whole or not at all.

    Parameters
    ----------
    image_sha256 : (n_images,) str, of `images.image_hashes`
    provenance : of `provenance.network_record`
    """
    with ExitStack() as files:
        writers = [files.enter_context(_writing_kernel(Path(path), image_sha256, provenance)) for path in paths]
        with ThreadPoolExecutor(max_workers=1) as thread:
            begun: list[Future] = []

            def finish() -> None:
                while begun:
                    begun.pop(0).result()

            def keep(layer: Mapping) -> None:
                finish()
                begun.extend(thread.submit(write, layer) for write in writers)

            yield keep
            finish()


@contextmanager
def _writing_kernel(path: Path, image_sha256: np.ndarray, provenance: np.ndarray) -> Iterator[Callable[[Mapping], None]]:
    layers, before = [], 0
    with writing_arrays(path, compress=True) as write:

        def keep(layer: Mapping) -> None:
            nonlocal before
            norm, ends, code = pack(layer[path.stem])
            write(_name_of(len(layers)), code ^ before)
            before = code
            layers.append({key: layer[key] for key in (*OF_LAYERS, "row_sum")} | {"norm": norm, "range": ends})

        yield keep
        for name, values in (stack(layers) | {"image_sha256": image_sha256, "provenance": provenance}).items():
            write(name, values)


def _name_of(k: int) -> str:
    """Return the name of the array that holds the correlations of layer k, from 0."""
    return f"layer_{k}"


def stack(layers: Sequence[Mapping]) -> dict[str, np.ndarray]:
    """Return what is known of every layer as arrays (n_layers, ...), by name; raises InputError where there is no layer."""
    if not layers:
        raise InputError("no block of the network puts out numbers of single images. Set `layers: all` in the configuration.")
    return {name: np.stack([layer[name] for layer in layers]) for name in layers[0]}


def read_layers(path: str | Path) -> pd.DataFrame:
    """Read the `layer_table` of a file of a kernel.

    Raises InputError, as all that read such a file, where it cannot be read, is of another kind, or is not as it was written.
    """
    return layer_table(read_arrays(path, *OF_LAYERS))


def layer_table(arrays: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return `OF_LAYERS` and the place and depth of every layer, a row a layer in order of computation.

    Parameters
    ----------
    arrays : of `extraction.extract`
    """
    table = pd.DataFrame({name: arrays[name] for name in OF_LAYERS})
    table.insert(2, "layer_index", np.arange(1, len(table) + 1))
    table.insert(3, "layer_depth", table.layer_index / len(table))
    return table


def read_known(path: str | Path) -> dict[str, np.ndarray]:
    """Read what a file of a kernel holds besides the kernel itself, which `StoredKernel` reads.

    Returns
    -------
    row_sum : (n_layers, n_images) float64, sums of the features of each image
    n_features : (n_layers,)
    image_sha256 : (n_images,) str, in the order of the rows
    """
    return read_arrays(path, "row_sum", "n_features", "image_sha256")


class StoredKernel:
    """A kernel in its file, read layer by layer, (n_images, n_images) float64 each; nothing of layers to come is read."""

    def __init__(self, path: str | Path):
        self._path = path

    def __iter__(self) -> Iterator[np.ndarray]:
        with reading_arrays(self._path) as read:
            sizes, code = read("norm", "range"), 0
            for k, (norm, ends) in enumerate(zip(sizes["norm"], sizes["range"], strict=True)):
                code = read(_name_of(k))[_name_of(k)] ^ code
                yield unpack(norm, ends, code)


def read_provenance(path: str | Path) -> dict:
    """Read what a network and its kernels rest on: the record of `provenance.network_record`."""
    return json.loads(str(read_arrays(path, "provenance")["provenance"]))


def pack(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is stored of the kernel of a layer, (n_images, n_images).

    Returns
    -------
    norm : (n_images,) float64, square roots of the diagonal
    ends : (2,) float64, least and largest r of the layer
    code : (N_BYTES, n_pairs) uint8, (r - least) / (largest - least) as whole numbers from 0 to `STEPS`, lowest bytes first;
        pairs as of the lower triangle, row by row
    """
    norm = np.sqrt(np.diagonal(kernel).clip(min=0))
    rows, columns = np.tril_indices(len(kernel), k=-1)
    scale = norm[rows] * norm[columns]
    r = np.divide(kernel[rows, columns], scale, out=np.zeros_like(scale), where=scale > 0)
    ends = np.array([r.min(), r.max()]) if r.size else np.zeros(2)
    width = np.ptp(ends)
    code = np.rint((r - ends[0]) / (width if width > 0 else 1.0) * STEPS).astype("<u8")
    # byte by byte: the highest ones are alike and compress, best at the end, where they are a block of their own
    return norm, ends, np.ascontiguousarray(code[:, None].view(np.uint8)[:, :N_BYTES].T)


def unpack(norm: np.ndarray, ends: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return the kernel (n_images, n_images) float64 of `pack`."""
    number = np.zeros(code.shape[1], np.uint64)
    for byte in code[::-1]:
        number = number << np.uint64(8) | byte
    r = ends[0] + number / STEPS * np.ptp(ends)
    rows, columns = np.tril_indices(len(norm), k=-1)
    kernel = np.diag(norm**2)
    kernel[rows, columns] = kernel[columns, rows] = r * norm[rows] * norm[columns]
    return kernel
