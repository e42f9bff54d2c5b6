"""Representational dissimilarity matrices.

An RDM holds 1 - Pearson r between the patterns of each pair of stimuli (Kriegeskorte, Mur & Bandettini 2008, Front. Syst.
Neurosci. 2:4).
"""

import numpy as np

# a pattern whose variance is below this fraction of its mean square is constant up to the rounding of float32
CONSTANT = (4 * np.finfo(np.float32).eps) ** 2
DECIMALS = 14  # kept of a correlation: otherwise rounding errors would give equal distances different ranks


def rdm_from_centred(centred: np.ndarray, row_sum: np.ndarray, n_features: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return RDMs from Gram matrices C of centred patterns: d_ij = 1 - C_ij / sqrt(C_ii C_jj).

    With one feature, every pattern is constant: all distances are 1, and the RDM correlates with no other. With two features,
    patterns correlate by 1 or -1: distances are 0 or 2, or 1 from a pattern whose two features are equal.

    Parameters
    ----------
    centred : (..., n_stimuli, n_stimuli) float64, C
    row_sum : (..., n_stimuli) float64, sums of the patterns before centring
    n_features : number of features p, scalar or (...,)

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
    """Return the same from Gram matrices K = X X' of uncentred patterns, by C = K - s s' / p with the row sums s = X 1.

    This is exact enough if K was summed in float64 and the mean of a pattern is not far above its sd.
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


def split_half_rdm_r(gram: np.ndarray, row_sum: np.ndarray, n_neurons: int) -> np.ndarray:
    """Return the correlation between the RDMs of the two halves of every split, (n_splits,), from sums over neurons.

    Parameters
    ----------
    gram : (2, n_splits, n_stimuli, n_stimuli), Gram matrices of the mean responses of each half
    row_sum : (2, n_splits, n_stimuli)
    """
    first, second = upper_triangles(rdm_from_gram(gram, row_sum, n_neurons)[0])  # each (n_splits, n_pairs)
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)])
