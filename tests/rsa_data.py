"""Made-up patterns and RDMs for tests of RSA, and their comparison by every correlation."""

import numpy as np
from scipy.spatial.distance import squareform

from dormouse.methods import rdms, rsa


def make_patterns(n_stimuli: int, n_features: int, seed: int) -> np.ndarray:
    """Patterns whose distances spread: random mixtures of a few components, and noise."""
    rng = np.random.default_rng(seed)
    mixture = rng.standard_normal((n_stimuli, 4)) @ rng.standard_normal((4, n_features))
    return mixture + rng.standard_normal((n_stimuli, n_features))


def make_kernels(patterns: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "layer": np.array([f"Layer-{i}" for i in range(1, len(patterns) + 1)]),
        "block": np.array([f"block-{(i + 1) // 2}" for i in range(1, len(patterns) + 1)]),
        "block_depth": np.array([(i + 1) // 2 for i in range(1, len(patterns) + 1)]) / ((len(patterns) + 1) // 2),
        "path": np.array([f"features.{i}" for i in range(len(patterns))]),
        "effective_dimension": np.ones(len(patterns)),
        "n_features": np.array([X.shape[1] for X in patterns]),
        "centred": np.stack([X.shape[1] * np.cov(X, bias=True) for X in patterns]),
        "row_sum": np.stack([X.sum(axis=1) for X in patterns]),
    }


def make_pairs(n_rdms: int, n_stimuli: int, seed: int) -> np.ndarray:
    """Upper triangles that have something in common, and lie far from 0."""
    n_pairs = n_stimuli * (n_stimuli - 1) // 2
    common = np.random.default_rng(0).standard_normal(n_pairs)
    return 1000 + common + np.random.default_rng(seed).standard_normal((n_rdms, n_pairs))


def make_rdms_with_ties(n_rdms: int, n_stimuli: int, seed: int) -> np.ndarray:
    pairs = np.random.default_rng(seed).integers(0, 12, (n_rdms, n_stimuli * (n_stimuli - 1) // 2)) / 8
    return np.stack([squareform(row) for row in pairs])


def compare(layers: np.ndarray, sites: np.ndarray) -> dict[str, np.ndarray]:
    """Every correlation of the RDMs of layers with those of sites, (n_layers, n_sites)."""
    pairs = rdms.upper_triangles(layers), rdms.upper_triangles(sites)
    return {name: correlation(*pairs) for name, correlation in rsa.CORRELATIONS.items()}
