"""Made-up features of a layer, and their kernels from whole matrices in float64."""

import numpy as np
import torch

from dormouse.features import gram
from dormouse.features.projection import Projections
from dormouse.features.standardisation import Moments

FLOAT32 = 1e-6  # relative to the largest entry: products of blocks are in float32
IN_PARTS = 1e-5  # z-scores by sums over parts: the variance of a column may be only 1 / n of its sum of squares
EPS, SEED = 0.9, 0  # few projections: these tests ask little of them


def make_features(n_images: int, n_features: int, seed: int, offset: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.maximum(rng.standard_normal((n_images, n_features)) + rng.standard_normal(n_features), -0.5) + offset
    return X.astype(np.float32)


def reduced(*parts: np.ndarray | torch.Tensor, kernels: tuple[str, ...] = gram.PREDICTORS, **options) -> dict[str, np.ndarray]:
    parts = [torch.as_tensor(part) for part in parts]
    return gram.reduce(parts, kernels, Projections(40, SEED, gram.BLOCK, torch.device("cpu")), **options)


def centred(X: np.ndarray) -> np.ndarray:
    return X.shape[1] * np.atleast_2d(np.cov(X.astype(np.float64), bias=True))


def zscored(X: np.ndarray) -> np.ndarray:
    D = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    sd = np.sqrt(np.square(D).mean(axis=0))
    Z = D / np.where(np.ptp(X, axis=0) == 0, np.inf, sd)
    return Z @ Z.T


def assert_close(values: np.ndarray, expected: np.ndarray, relative: float = FLOAT32) -> None:
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, rtol=0, atol=relative * np.abs(expected).max())


def moments_of(X: torch.Tensor) -> tuple[torch.Tensor, ...]:
    moments = Moments()
    for part in X.split(2):
        moments.add(part)
    return moments.result()
