"""Scores of held-out predictions in resamples of the images; the predictions are held fixed."""

import numpy as np

BLOCK_BYTES = 2**26  # size of the sums of a block of neurons over all resamples


def resampled_r(predicted: np.ndarray, Y: np.ndarray, folds: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return Pearson r of predictions and responses in every resample, mean over folds, (n_boot, n_neurons).

    Parameters
    ----------
    predicted, Y : (n_images, n_neurons)
    folds : (n_images,) int, within which r is computed; all the same for r over all images
    counts : (n_boot, n_images), how often each image was drawn

    NaN where in every fold predictions or responses do not vary in the resample; other folds are averaged.
    """
    r = np.empty((len(counts), Y.shape[1]))
    step = max(1, BLOCK_BYTES // (8 * len(counts)))
    for start in range(0, Y.shape[1], step):
        block = slice(start, start + step)
        of_folds = [
            _weighted_r(predicted[inside][:, block], Y[inside][:, block], counts[:, inside].astype(np.float64))
            for inside in (folds == fold for fold in np.unique(folds))
        ]
        sums, known = sum(np.nan_to_num(part) for part in of_folds), sum(~np.isnan(part) for part in of_folds)
        r[:, block] = np.divide(sums, known, out=np.full(sums.shape, np.nan), where=known > 0)
    return r


def _weighted_r(X: np.ndarray, Y: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return Pearson r of columns of X and Y (n, n_neurons) under weights W (n_boot, n) of the rows, (n_boot, n_neurons)."""
    # standardised over all images first, so that variances keep their digits
    X, Y = ((Z - Z.mean(axis=0)) / np.where(np.ptp(Z, axis=0) > 0, Z.std(axis=0), np.nan) for Z in (X, Y))
    total = W.sum(axis=1, keepdims=True)
    W = np.divide(W, total, out=np.full(W.shape, np.nan), where=total > 0)
    mean_x, mean_y = W @ X, W @ Y
    variance_x, variance_y = W @ X**2 - mean_x**2, W @ Y**2 - mean_y**2
    smallest = np.minimum(variance_x, variance_y)
    product = np.where(smallest > 1e-12, variance_x * variance_y, np.nan)
    return (W @ (X * Y) - mean_x * mean_y) / np.sqrt(product)
