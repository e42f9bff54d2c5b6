"""The file of a network's kernels: what extraction leaves of it, and what every score is made from.

A kernel K is stored as the square roots of its diagonal and, for every two images, r = K_ij / sqrt(K_ii K_jj) in 24 bits over
the range that r has in the layer, mostly less than 1: steps of 6e-8, as float32 has them near 1. With the lower triangle
alone, and compressed, a layer of 119 images takes 21 kB in the place of 113.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dormouse.files import read_arrays, write_arrays

KERNELS = ("centred", "srp", "zscore")
STEPS = 2**24 - 1
PARTS = ("norm", "range", "code")


def write_kernels(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of `gram.Kernels` and others to an .npz file; each of `KERNELS` takes `PARTS`, named after it."""
    stored = {name: values for name, values in arrays.items() if name not in KERNELS}
    for name in arrays.keys() - stored.keys():
        stored |= {f"{name}_{part}": values for part, values in pack(arrays[name]).items()}
    write_arrays(path, stored, compress=True)


def read_kernels(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read the named arrays of a file of `write_kernels`; `KERNELS` come as (n_layers, n_images, n_images) float64.

    Raises InputError where the file cannot be read or lacks one of the names.
    """
    kernels = [name for name in names if name in KERNELS]
    parts = [f"{name}_{part}" for name in kernels for part in PARTS]
    stored = read_arrays(path, *(name for name in names if name not in KERNELS), *parts)
    return stored | {name: unpack(*(stored.pop(f"{name}_{part}") for part in PARTS)) for name in kernels}


def pack(kernels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is stored of kernels (n_layers, n_images, n_images).

    Returns
    -------
    norm : (n_layers, n_images) float64, square roots of the diagonal
    range : (n_layers, 2) float64, least and largest r of the layer
    code : (3, n_layers, n_pairs) uint8, (r - least) / (largest - least) as whole numbers from 0 to `STEPS`, their highest
        bytes first; pairs as of the lower triangle, row by row
    """
    norm = np.sqrt(np.einsum("lii->li", kernels).clip(min=0))
    rows, columns = np.tril_indices(kernels.shape[1], k=-1)
    scale = norm[:, rows] * norm[:, columns]
    r = np.divide(kernels[:, rows, columns], scale, out=np.zeros_like(scale), where=scale > 0)
    ends = np.stack([r.min(axis=1), r.max(axis=1)], axis=1) if r.size else np.zeros((len(r), 2))
    width = np.ptp(ends, axis=1, keepdims=True)
    code = np.rint((r - ends[:, :1]) / np.where(width > 0, width, 1.0) * STEPS).astype("<u4")
    # byte by byte: the highest ones are alike, and compress
    return {"norm": norm, "range": ends, "code": np.stack([code >> 16, code >> 8 & 255, code & 255]).astype(np.uint8)}


def unpack(norm: np.ndarray, ends: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return the kernels (n_layers, n_images, n_images) float64 of `pack`."""
    high, middle, low = code.astype(np.uint32)
    r = ends[:, :1] + (high << 16 | middle << 8 | low) / STEPS * np.ptp(ends, axis=1, keepdims=True)
    rows, columns = np.tril_indices(norm.shape[1], k=-1)
    kernels = np.zeros((*norm.shape, norm.shape[1]))
    kernels[:, rows, columns] = kernels[:, columns, rows] = r * norm[:, rows] * norm[:, columns]
    images = np.arange(norm.shape[1])
    kernels[:, images, images] = norm**2
    return kernels
