"""Representational similarity analysis: the correlation of RDMs.

Two RDMs are compared by the correlation of their upper triangles (Kriegeskorte, Mur & Bandettini 2008, Front. Syst. Neurosci.
2:4). Both sides are distances, so agreement is positive.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from dormouse.methods.rdms import rdm_from_centred, upper_triangles

# an RDM whose variance in a resample is below this fraction of its mean square does not vary there, up to rounding
UNVARIED = 1e-12
BLOCK_BYTES = 2**26  # size of the weights of a block of resamples, and of the products of a block of layers with sites


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
    rows, columns = np.triu_indices(counts.shape[1], k=1)
    # far from 0, the variance would lose its digits in the mean square
    X, Y = (rdms - rdms.mean(axis=1, keepdims=True) for rdms in (X, Y))
    r = np.empty((len(counts), len(Y)))
    for resamples in _blocks(len(counts), 8 * len(rows)):
        drawn = counts[resamples].astype(np.float64)
        W = drawn[:, rows] * drawn[:, columns]
        with np.errstate(invalid="ignore"):  # 0 / 0 in a resample of one stimulus alone
            W /= W.sum(axis=1, keepdims=True)
        (mean_x, sd_x), (mean_y, sd_y) = _moments(W, X), _moments(W, Y)
        for sites in _blocks(len(Y), 8 * len(rows)):
            of = layers[sites]
            covariance = W @ (X[of] * Y[sites]).T - mean_x[:, of] * mean_y[:, sites]
            r[resamples, sites] = covariance / (sd_x[:, of] * sd_y[:, sites])
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
    rows, columns = np.triu_indices(n, k=1)
    pair = np.zeros((n, n), int)  # where each pair of images stands in the triangle
    pair[rows, columns] = pair[columns, rows] = np.arange(len(rows))
    for order in permutations:
        yield A @ B[:, pair[order[rows], order[columns]]].T
