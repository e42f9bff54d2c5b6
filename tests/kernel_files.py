"""Kernels for tests, and the files of them."""

import json
from pathlib import Path

import numpy as np
from torch import nn

from dormouse.features import extraction
from dormouse.features.kernels import KERNELS, STEPS, StoredKernel, read_known, writing_kernels

RECORD = {"source": "torchvision", "seed": 3}


def mixtures(n_layers: int, n_images: int, seed: int, n_features: int = 400) -> np.ndarray:
    """Grams of features that images share in parts, more from layer to layer, as those of networks."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((30, n_features)).astype(np.float32)
    common = np.linspace(0, 2, n_layers)
    K = np.empty((n_layers, n_images, n_images))
    for layer, strength in enumerate(common):
        X = rng.exponential(size=(n_images, 30)).astype(np.float32) @ sources * np.float32(0.2 * strength)
        X += rng.standard_normal((n_images, n_features), dtype=np.float32) * rng.uniform(0.5, 2, (n_images, 1))
        X -= X.mean(axis=1, keepdims=True)
        K[layer] = X.astype(np.float64) @ X.T.astype(np.float64)
    return K


def packed_in_one_piece(kernels: np.ndarray) -> np.ndarray:
    """Return kernels of all layers as version 0.2.0 read them, which packed them together."""
    norm = np.sqrt(np.einsum("lii->li", kernels).clip(min=0))
    rows, columns = np.tril_indices(kernels.shape[1], k=-1)
    scale = norm[:, rows] * norm[:, columns]
    r = np.divide(kernels[:, rows, columns], scale, out=np.zeros_like(scale), where=scale > 0)
    ends = np.stack([r.min(axis=1), r.max(axis=1)], axis=1)
    width = np.ptp(ends, axis=1, keepdims=True)
    number = np.rint((r - ends[:, :1]) / np.where(width > 0, width, 1.0) * STEPS).astype(np.uint64)
    r = ends[:, :1] + number / STEPS * width
    found = np.zeros_like(kernels)
    found[:, rows, columns] = found[:, columns, rows] = r * norm[:, rows] * norm[:, columns]
    images = np.arange(kernels.shape[1])
    found[:, images, images] = norm**2
    return found


def make_arrays(n_layers: int, n_images: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "layer": np.array([f"Conv2d-{k}" for k in range(n_layers)]),
        "path": np.array([f"features.{k}" for k in range(n_layers)]),
        "block": np.array([f"block.{k // 2}" for k in range(n_layers)]),
        "block_depth": np.linspace(0.1, 1, n_layers),
        "n_features": np.full(n_layers, 400),
        "effective_dimension": rng.random(n_layers),
        "row_sum": rng.standard_normal((n_layers, n_images)),
        "centred": mixtures(n_layers, n_images, seed=6),
        "srp": mixtures(n_layers, n_images, seed=7, n_features=4096),
        "zscore": mixtures(n_layers, n_images, seed=8),
    }


def write(folder: Path, arrays: dict[str, np.ndarray], names=KERNELS) -> dict[str, Path]:
    """Write the files of some kernels, layer by layer."""
    paths = {name: folder / f"{name}.npz" for name in names}
    sha256 = np.array([f"{k:064x}" for k in range(arrays["row_sum"].shape[1])])
    with writing_kernels(list(paths.values()), sha256, np.array(json.dumps(RECORD))) as keep:
        for k in range(len(arrays["layer"])):
            keep({name: values[k] for name, values in arrays.items()})
    return paths


def read_kernel(path: Path) -> dict[str, np.ndarray]:
    """Read all layers of a kernel at once, and what is known of them."""
    return {"kernel": np.stack(list(StoredKernel(path)))} | read_known(path)


def extract_to(folder: Path, network: nn.Module, images: np.ndarray, layers: str = "all") -> dict[str, Path]:
    paths = {name: folder / f"{name}.npz" for name in KERNELS}
    with writing_kernels(list(paths.values()), np.array(["x"] * len(images)), np.array("{}")) as keep:
        extraction.extract(network, images, layers, KERNELS, 0.9, 0, threads=1, keep=keep)
    return paths
