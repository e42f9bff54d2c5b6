"""Representational similarity analysis: RDMs, and the correlation of RDMs.

A representational dissimilarity matrix (RDM) holds 1 - Pearson r between the patterns of every two stimuli (Kriegeskorte,
Mur & Bandettini 2008, Front. Syst. Neurosci. 2:4). Two RDMs are compared by the correlation of their upper triangles. Both
sides are distances, so that agreement is positive.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.features.kernels import layer_table
from dormouse.tables import cross

# a pattern whose variance is this small beside its mean square is constant up to the rounding of float32
CONSTANT = (4 * np.finfo(np.float32).eps) ** 2
# an RDM whose variance in a resample is this small beside its mean square does not vary there, up to rounding
UNVARIED = 1e-12
DECIMALS = 14  # of a correlation that are kept: rounding would else order distances that are the same, in ranks
BLOCK_BYTES = 2**26  # of the weights of a block of resamples, and of the products of a block of layers with all sites


def rdm_from_centred(centred: np.ndarray, row_sum: np.ndarray, n_features: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return RDMs from Gram matrices C of centred patterns: d_ij = 1 - C_ij / sqrt(C_ii C_jj).

    Of one feature every pattern is constant: all distances are 1, and the RDM correlates with none. Of two features patterns
    correlate by 1 or -1: distances are 0 or 2, or 1 from a pattern of two equal features.

    Parameters
    ----------
    centred : (..., n_stimuli, n_stimuli) float64, C
    row_sum : (..., n_stimuli) float64, sums of the patterns before centring
    n_features : p, scalar or (...,)

    Returns
    -------
    rdm : (..., n_stimuli, n_stimuli) float64, 0 on the diagonal
    constant : (..., n_stimuli) bool, patterns without variance, whose correlation is not defined
    """
    variance = np.einsum("...ii->...i", centred)
    constant = variance <= CONSTANT * (variance + row_sum**2 / np.asarray(n_features, np.float64)[..., None])
    scale = np.sqrt(np.where(constant, 1.0, variance))
    correlation = centred / (scale[..., :, None] * scale[..., None, :])
    # ASSUME a pattern without variance has correlation 0 with every other (the blank, seen through band-pass filters)
    correlation = np.where(constant[..., :, None] | constant[..., None, :], 0.0, correlation)
    rdm = 1.0 - np.clip(correlation, -1.0, 1.0).round(DECIMALS)
    diagonal = np.arange(rdm.shape[-1])
    rdm[..., diagonal, diagonal] = 0.0
    return rdm, constant


def rdm_from_gram(gram: np.ndarray, row_sum: np.ndarray, n_features: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same from Gram matrices K = X X' of patterns as they are, by C = K - s s' / p with the row sums s = X 1.

    Exact enough where K was summed in float64 and the mean of a pattern is not far above its sd.
    """
    p = np.asarray(n_features, np.float64)[..., None, None]
    return rdm_from_centred(gram - row_sum[..., :, None] * row_sum[..., None, :] / p, row_sum, n_features)


def rdm_from_patterns(patterns: np.ndarray) -> np.ndarray:
    """Return the RDM (n_stimuli, n_stimuli) of patterns (n_stimuli, n_neurons), in float64."""
    X = patterns.astype(np.float64)
    centred = X - X.mean(axis=1, keepdims=True)
    return rdm_from_centred(centred @ centred.T, X.sum(axis=1), X.shape[1])[0]


def upper_triangles(rdm: np.ndarray) -> np.ndarray:
    """Return the entries above the diagonal, (..., n_stimuli, n_stimuli) -> (..., n_pairs)."""
    rows, columns = np.triu_indices(rdm.shape[-1], k=1)
    return rdm[..., rows, columns]


def pearson(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Pearson r of every row of A (n_a, n) with every row of B (n_b, n), (n_a, n_b); NaN where a row is constant."""
    (A, norm_a), (B, norm_b) = _centred(A), _centred(B)
    return A @ B.T / np.outer(norm_a, norm_b)


def _centred(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows less their means, and their norms."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    constant = (rows == rows[:, :1]).all(axis=1)  # rounding of the mean would leave a remainder
    return centred, np.where(constant, np.nan, np.sqrt(np.vecdot(centred, centred)))


def spearman(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Spearman rho of every row of A (n_a, n) with every row of B (n_b, n), (n_a, n_b); ties share their mean rank."""
    return pearson(_ranks(A), _ranks(B))


def _ranks(rows: np.ndarray) -> np.ndarray:
    """Return the ranks of every row from 1 on; equal numbers share the mean of theirs, NaN has none."""
    ranks = np.empty(rows.shape)
    for row, rank in zip(rows, ranks, strict=True):
        order = np.argsort(row)
        first = np.flatnonzero(np.diff(row[order], prepend=np.nan))  # place of every new number
        count = np.diff(first, append=len(row))
        rank[order] = np.repeat(first + (count + 1) / 2, count)
    ranks[np.isnan(rows)] = np.nan
    return ranks


def split_half_rdm_r(gram: np.ndarray, row_sum: np.ndarray, n_neurons: int) -> np.ndarray:
    """Return the correlation of the RDMs of two halves in every split, (n_splits,), from sums over neurons.

    Parameters
    ----------
    gram : (2, n_splits, n_stimuli, n_stimuli), of the mean responses of each half
    row_sum : (2, n_splits, n_stimuli)
    """
    first, second = upper_triangles(rdm_from_gram(gram, row_sum, n_neurons)[0])  # each (n_splits, n_pairs)
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)])


MEASURES = {"pearson": pearson, "spearman": spearman}


def compare(model_rdms: np.ndarray, site_rdms: np.ndarray) -> dict[str, np.ndarray]:
    """Return for each measure the similarity of every layer with every site, (n_layers, n_sites).

    Parameters
    ----------
    model_rdms : (n_layers, n_stimuli, n_stimuli)
    site_rdms : (n_sites, n_stimuli, n_stimuli)
    """
    A, B = upper_triangles(model_rdms), upper_triangles(site_rdms)
    return {name: measure(A, B) for name, measure in MEASURES.items()}


def draw_counts(n_boot: int, n_stimuli: int, seed: int) -> np.ndarray:
    """Return how often each stimulus is drawn in every resample of all of them with replacement, (n_boot, n_stimuli)."""
    return np.random.default_rng(seed).multinomial(n_stimuli, np.full(n_stimuli, 1 / n_stimuli), size=n_boot)


def bootstrap_pearson(layer_rdms: np.ndarray, site_rdms: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return Pearson r of every layer's RDM with every site's in every resample of the stimuli, (n_boot, n_layers, n_sites).

    A stimulus drawn w_i times has its row and column w_i times in the RDM of the resample (Kriegeskorte, Mur & Bandettini
    2008; Nili et al. 2014, PLoS Comput. Biol. 10:e1003553). Distances of a stimulus from its own copies are left out (Schuett
    et al. 2023, eLife 12:e82566), so that the pair i < j counts w_i w_j times, and all resamples are weighted sums over the
    same pairs. Layers may come in parts, with the same counts.

    Parameters
    ----------
    layer_rdms : (n_layers, n_pairs), upper triangles
    site_rdms : (n_sites, n_pairs)
    counts : (n_boot, n_stimuli), how often each stimulus was drawn

    NaN where an RDM does not vary in the resample. Raises ValueError where stimuli and pairs do not fit.
    """
    rows, columns = np.triu_indices(counts.shape[1], k=1)
    n_layers, n_sites, n_pairs = len(layer_rdms), len(site_rdms), len(rows)
    # far from 0 the digits of a variance would drown in those of the mean square
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
            # products of layers with sites are formed once for all resamples; those of weights with sites cost far more
            mean_xy = (W @ (X[:, None] * Y).reshape(-1, n_pairs).T).reshape(len(W), len(X), n_sites)
            covariance = mean_xy - mean_x[:, :, None] * mean_y[:, None]
            r[resamples, layers] = covariance / (sd_x[:, :, None] * sd_y[:, None])
    return r


def _blocks(n: int, n_bytes: int) -> list[slice]:
    """Cut n things of `n_bytes` each into blocks of at most `BLOCK_BYTES`, or of one."""
    size = max(1, BLOCK_BYTES // n_bytes)
    return [slice(start, start + size) for start in range(0, n, size)]


def _moments(W: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of rows X (n, n_pairs) under weights W (n_boot, n_pairs), each (n_boot, n); sd NaN where it is 0."""
    mean, mean_square = W @ X.T, W @ np.square(X).T
    variance = mean_square - mean**2
    return mean, np.sqrt(np.where(variance > UNVARIED * mean_square, variance, np.nan))


def score(kernels: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the similarity of every layer of a model with every site, by every measure, as a long table.

    Parameters
    ----------
    kernels : of `extraction.extract`, at least centred
    targets : rdm, area, cortical_layer and n_neurons, of `populations.site_rdms`, of any number of areas

    Raises InputError where the two rest on different numbers of stimuli.
    """
    if kernels["centred"].shape[-1] != targets["rdm"].shape[-1]:
        n_images, n_stimuli = kernels["centred"].shape[-1], targets["rdm"].shape[-1]
        raise InputError(f"The model saw {n_images} images, the RDMs are of {n_stimuli}.")
    rdms, _ = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    sites = pd.DataFrame({key: targets[key] for key in ("area", "cortical_layer", "n_neurons")})
    sites["n_neurons"] = sites.n_neurons.astype("Int64").mask(sites.n_neurons < 0)
    layers = layer_table(kernels)
    parts = [cross(layers, sites, values).assign(variant=name) for name, values in compare(rdms, targets["rdm"]).items()]
    return pd.concat(parts, ignore_index=True).assign(metric="rsa")
