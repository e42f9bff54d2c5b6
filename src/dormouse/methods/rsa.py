"""Representational similarity analysis: the correlation of RDMs.

Two RDMs are compared by the correlation of their upper triangles (Kriegeskorte, Mur & Bandettini 2008, Front. Syst. Neurosci.
2:4). Both sides are distances, so agreement is positive.
"""

from collections.abc import Mapping

import numpy as np

from dormouse.methods.rdms import rdm_from_centred, upper_triangles

# an RDM whose variance in a resample is below this fraction of its mean square does not vary there, up to rounding
UNVARIED = 1e-12
BLOCK_BYTES = 2**26  # size of the weights of a block of resamples, and of the products of a block of layers with all sites


def pearson(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Pearson r of every row of A (n_a, n) with every row of B (n_b, n), (n_a, n_b); NaN where a row is constant."""
    (A, norm_a), (B, norm_b) = _centred(A), _centred(B)
    return A @ B.T / np.outer(norm_a, norm_b)


def _centred(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows minus their means, and the norms of these."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    constant = (rows == rows[:, :1]).all(axis=1)  # the rounded mean would leave a remainder
    return centred, np.where(constant, np.nan, np.sqrt(np.vecdot(centred, centred)))


def spearman(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Spearman rho of every row of A (n_a, n) with every row of B (n_b, n), (n_a, n_b); ties share their mean rank."""
    return pearson(_ranks(A), _ranks(B))


def _ranks(rows: np.ndarray) -> np.ndarray:
    """Return the ranks of every row, starting at 1; equal numbers share their mean rank, NaN has none."""
    ranks = np.empty(rows.shape)
    for row, rank in zip(rows, ranks, strict=True):
        order = np.argsort(row)
        first = np.flatnonzero(np.diff(row[order], prepend=np.nan))  # position of each distinct number
        count = np.diff(first, append=len(row))
        rank[order] = np.repeat(first + (count + 1) / 2, count)
    ranks[np.isnan(rows)] = np.nan
    return ranks


CORRELATIONS = {"pearson": pearson, "spearman": spearman}


def draw_counts(n_boot: int, n_stimuli: int, seed: int) -> np.ndarray:
    """Return how often each stimulus is drawn in every resample of all of them with replacement, (n_boot, n_stimuli)."""
    return np.random.default_rng(seed).multinomial(n_stimuli, np.full(n_stimuli, 1 / n_stimuli), size=n_boot)


def bootstrap_pearson(layer_rdms: np.ndarray, site_rdms: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return Pearson r of every layer's RDM with every site's in every resample of the stimuli, (n_boot, n_layers, n_sites).

    A stimulus drawn w_i times has its row and column w_i times in the RDM of the resample (Kriegeskorte, Mur & Bandettini
    2008; Nili et al. 2014, PLoS Comput. Biol. 10:e1003553). Distances of a stimulus from its own copies are left out (Schuett
    et al. 2023, eLife 12:e82566), so the pair i < j counts w_i w_j times, and all resamples are weighted sums over the same
    pairs. Layers may be passed in parts, with the same counts.

    Parameters
    ----------
    layer_rdms : (n_layers, n_pairs), upper triangles
    site_rdms : (n_sites, n_pairs)
    counts : (n_boot, n_stimuli), how often each stimulus was drawn

    NaN where an RDM does not vary in the resample. Raises ValueError if the numbers of stimuli and pairs do not fit.
    """
    rows, columns = np.triu_indices(counts.shape[1], k=1)
    n_layers, n_sites, n_pairs = len(layer_rdms), len(site_rdms), len(rows)
    # far from 0, the variance would lose its digits in the mean square
    Y = site_rdms - site_rdms.mean(axis=1, keepdims=True)
    r = np.empty((len(counts), n_layers, n_sites))
    for resamples in _blocks(len(counts), 8 * n_pairs):
        drawn = counts[resamples].astype(np.float64)
        W = drawn[:, rows] * drawn[:, columns]
        with np.errstate(invalid="ignore"):  # 0 / 0 in a resample of one stimulus alone
            W /= W.sum(axis=1, keepdims=True)
        mean_y, sd_y = _moments(W, Y)
        for layers in _blocks(n_layers, 8 * n_pairs * n_sites):
            X = layer_rdms[layers] - layer_rdms[layers].mean(axis=1, keepdims=True)
            mean_x, sd_x = _moments(W, X)
            # products of layers with sites serve all resamples; products of weights with sites would cost far more
            mean_xy = (W @ (X[:, None] * Y).reshape(-1, n_pairs).T).reshape(len(W), len(X), n_sites)
            covariance = mean_xy - mean_x[:, :, None] * mean_y[:, None]
            r[resamples, layers] = covariance / (sd_x[:, :, None] * sd_y[:, None])
    return r


def _blocks(n: int, n_bytes: int) -> list[slice]:
    """Cut n items of `n_bytes` each into blocks of at most `BLOCK_BYTES`, or of one item."""
    size = max(1, BLOCK_BYTES // n_bytes)
    return [slice(start, start + size) for start in range(0, n, size)]


def _moments(W: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of rows X (n, n_pairs) under weights W (n_boot, n_pairs), each (n_boot, n); sd NaN where it is 0."""
    mean, mean_square = W @ X.T, W @ np.square(X).T
    variance = mean_square - mean**2
    return mean, np.sqrt(np.where(variance > UNVARIED * mean_square, variance, np.nan))


def score(kernels: Mapping[str, np.ndarray], rdms: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return the similarity of the RDM of every layer with that of every site, (n_layers, n_sites); see `methods.table`.

    Parameters
    ----------
    kernels : centred, row_sum and n_features
    rdms : (n_sites, n_images, n_images)
    settings : `correlation`, a key of `CORRELATIONS`
    """
    of_layers, _ = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    return CORRELATIONS[settings["correlation"]](upper_triangles(of_layers), upper_triangles(rdms))
