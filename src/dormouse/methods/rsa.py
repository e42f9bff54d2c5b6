"""Representational similarity analysis: the correlation of RDMs.

Two RDMs are compared by the correlation of their upper triangles (Kriegeskorte, Mur & Bandettini 2008, Front. Syst. Neurosci.
2:4). Both sides are distances, so agreement is positive.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from scipy.spatial.distance import squareform

from dormouse.methods.rdms import rdm_from_centred, upper_triangles

# an RDM whose variance in a resample is below this fraction of its mean square does not vary there, up to rounding
UNVARIED = 1e-12
BLOCK_BYTES = 2**26  # size of the RDMs in permuted orders that are scored at once


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


# what is correlated, by the name of the correlation: Spearman's is Pearson's of the ranks
PREPARED = {"pearson": np.asarray, "spearman": _ranks}
CORRELATIONS = {"pearson": pearson, "spearman": spearman}


def resampled_pearson(X: np.ndarray, Y: np.ndarray, layers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return Pearson r of every site's RDM with that of one layer in every resample of the stimuli, (n_boot, n_sites).

    A stimulus drawn w_i times has its row and column w_i times in the RDM of the resample (Kriegeskorte, Mur & Bandettini
    2008; Nili et al. 2014, PLoS Comput. Biol. 10:e1003553). Distances of a stimulus from its own copies are left out (Schuett
    et al. 2023, eLife 12:e82566), so the pair i < j counts w_i w_j times, and all resamples are weighted sums over the same
    pairs.

    Parameters
    ----------
    X : (n_layers, n_pairs), upper triangles
    Y : (n_sites, n_pairs)
    layers : (n_sites,) int, the layer of each site
    counts : (n_boot, n_stimuli), how often each stimulus was drawn

    NaN where an RDM does not vary in the resample. Raises ValueError if the numbers of stimuli and pairs do not fit.
    """
    # far from 0, the variance would lose its digits in the mean square
    X, Y = (rdms - rdms.mean(axis=1, keepdims=True) for rdms in (X, Y))
    (mean_x, sd_x), (mean_y, sd_y) = _moments(X, counts), _moments(Y, counts)
    products = _means_over_pairs((X[layer] * site for layer, site in zip(layers, Y, strict=True)), counts)
    return (products - mean_x[:, layers] * mean_y) / (sd_x[:, layers] * sd_y)


def _moments(X: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of rows X (n, n_pairs) in every resample, each (n_boot, n); sd NaN where it is 0."""
    mean, mean_square = _means_over_pairs(X, counts), _means_over_pairs(map(np.square, X), counts)
    variance = mean_square - mean**2
    return mean, np.sqrt(np.where(variance > UNVARIED * mean_square, variance, np.nan))


def _means_over_pairs(rows: Iterable[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Return the mean of every row (n_pairs,) in every resample, in which pair i < j counts w_i w_j times, (n_boot, n_rows).

    With F the row as a symmetric matrix, 0 on its diagonal, this is w' F w / ((sum w)^2 - sum w^2), of all resamples in one
    product of matrices, without the weights of all pairs, which would be n_pairs numbers for each resample.
    """
    w = counts.astype(np.float64)
    sums = np.stack([np.vecdot(w @ squareform(row), w) for row in rows], axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 in a resample of one stimulus alone
        return sums / (w.sum(axis=1) ** 2 - np.vecdot(w, w))[:, None]


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


def resampled(
    kernels: Mapping[str, np.ndarray], rdms: np.ndarray, settings: Mapping, layers: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Return the similarity of every site with one layer in resamples of the images, (n_boot, n_sites); see `methods.table`.

    Ranks, where they are correlated, are those over all images.
    """
    prepare = PREPARED[settings["correlation"]]
    used, layers = np.unique(layers, return_inverse=True)
    X = rdm_from_centred(kernels["centred"][used], kernels["row_sum"][used], kernels["n_features"][used])[0]
    return resampled_pearson(prepare(upper_triangles(X)), prepare(upper_triangles(rdms)), layers, counts)


def permuted(
    kernels: Mapping[str, np.ndarray], rdms: np.ndarray, settings: Mapping, permutations: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the scores (n_layers, n_sites) with the images of the sites in every permuted order; see `methods.table`."""
    prepare, n = PREPARED[settings["correlation"]], rdms.shape[-1]
    X = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])[0]
    (A, norm_a), (B, norm_b) = (_centred(prepare(upper_triangles(values))) for values in (X, rdms))
    A, B = A / norm_a[:, None], B / norm_b[:, None]
    squares, (rows, columns) = np.stack([squareform(site).ravel() for site in B]), np.triu_indices(n, k=1)
    at_once = max(1, BLOCK_BYTES // B.nbytes)
    for start in range(0, len(permutations), at_once):
        orders = permutations[start : start + at_once]
        reordered = np.empty((len(orders), *B.shape))
        for order, site in zip(orders, reordered, strict=True):
            squares.take(n * order.take(rows) + order.take(columns), axis=1, out=site, mode="clip")  # other modes buffer
        r = A @ reordered.reshape(-1, len(rows)).T
        yield from r.reshape(len(A), len(orders), len(B)).swapaxes(0, 1)
