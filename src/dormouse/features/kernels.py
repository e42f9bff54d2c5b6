"""The file of a network's kernels: what extraction leaves of it, and what every score is made from.

A kernel K is stored as the square roots of its diagonal and, for every two images, r = K_ij / sqrt(K_ii K_jj) in 48 bits over
the range that r has in the layer: steps of 7e-15 at most, so that a layer of few dimensions has no more of them, as far as
ridge can see. With the lower triangle alone, and compressed, a layer of 119 images takes 42 kB in the place of 113.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dormouse.files import read_arrays, write_arrays

KERNELS = ("centred", "srp", "zscore")
N_BYTES = 6  # of a correlation; float64 holds whole numbers of up to 6 bytes, and no more of r than 7
STEPS = 2 ** (8 * N_BYTES) - 1
RESOLUTION = 1 / STEPS  # largest error of a stored correlation: half a step, of a range of 2 at most
PARTS = ("norm", "range", "code")


def write_kernels(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of `gram.Kernels` and others to an .npz file; each of `KERNELS` takes `PARTS`, named after it."""
    stored = {}
    for name, values in arrays.items():
        packed = pack(values) if name in KERNELS else {}
        stored |= {f"{name}_{part}": of_part for part, of_part in packed.items()} or {name: values}
    write_arrays(path, stored, compress=True)


def read_kernels(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read the named arrays of a file of `write_kernels`; `KERNELS` come as (n_layers, n_images, n_images) float64.

    Raises InputError where the file cannot be read or lacks one of the names.
    """
    kernels = [name for name in names if name in KERNELS]
    parts = [f"{name}_{part}" for name in kernels for part in PARTS]
    stored = read_arrays(path, *(name for name in names if name not in KERNELS), *parts)
    return stored | {name: unpack(*(stored.pop(f"{name}_{part}") for part in PARTS)) for name in kernels}


def read_provenance(path: str | Path) -> dict:
    """Return the record of what a network's kernels rest on, see `dormouse.provenance`."""
    return json.loads(str(read_arrays(path, "provenance")["provenance"]))


def pack(kernels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is stored of kernels (n_layers, n_images, n_images).

    Returns
    -------
    norm : (n_layers, n_images) float64, square roots of the diagonal
    range : (n_layers, 2) float64, least and largest r of the layer
    code : (N_BYTES, n_layers, n_pairs) uint8, (r - least) / (largest - least) as whole numbers from 0 to `STEPS`, highest
        bytes first; pairs as of the lower triangle, row by row
    """
    norm = np.sqrt(np.einsum("lii->li", kernels).clip(min=0))
    rows, columns = np.tril_indices(kernels.shape[1], k=-1)
    scale = norm[:, rows] * norm[:, columns]
    r = np.divide(kernels[:, rows, columns], scale, out=np.zeros_like(scale), where=scale > 0)
    ends = np.stack([r.min(axis=1), r.max(axis=1)], axis=1) if r.size else np.zeros((len(r), 2))
    width = np.ptp(ends, axis=1, keepdims=True)
    code = np.rint((r - ends[:, :1]) / np.where(width > 0, width, 1.0) * STEPS).astype(">u8")
    # byte by byte: the highest ones are alike, and compress
    code = np.moveaxis(code[..., None].view(np.uint8)[..., -N_BYTES:], -1, 0)
    return {"norm": norm, "range": ends, "code": np.ascontiguousarray(code)}


def unpack(norm: np.ndarray, ends: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return the kernels (n_layers, n_images, n_images) float64 of `pack`."""
    number = np.zeros(code.shape[1:], np.uint64)
    for byte in code:
        number = number << np.uint64(8) | byte
    r = ends[:, :1] + number / STEPS * np.ptp(ends, axis=1, keepdims=True)
    rows, columns = np.tril_indices(norm.shape[1], k=-1)
    kernels = np.zeros((*norm.shape, norm.shape[1]))
    kernels[:, rows, columns] = kernels[:, columns, rows] = r * norm[:, rows] * norm[:, columns]
    images = np.arange(norm.shape[1])
    kernels[:, images, images] = norm**2
    return kernels
