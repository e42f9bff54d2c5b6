"""Ridge in folds from one decomposition of all stimuli: for many of them, where one for each fold would cost more.

With M as in `methods.ridge`, for all stimuli, the fit to those outside of a fold F has M_T = M_TT - M_TF M_FF^-1 M_FT, where T
are the others: the inverse of a part of a matrix is a Schur complement in the inverse of the whole. So the residuals of the
fit to T are (M Y)_T - M_TF M_FF^-1 (M Y)_F, and those of the stimuli held out are M_FF^-1 (M Y)_F, as in PRESS (Allen 1974)
with a fold in the place of one stimulus. M Y, which costs most, is computed once for each penalty, not once for each fold.
"""

from collections.abc import Sequence

import numpy as np

BLOCK_BYTES = 2**25  # size of the responses of a block of neurons
VARIED = 1e-9  # sd of predictions, of that of the responses, below which they vary by rounding alone


def refits(
    eigenvalues: np.ndarray,
    V: np.ndarray,
    Y: np.ndarray,
    penalties: np.ndarray,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions of every fold from a fit to the others, with the penalty of each neuron that is best within these.

    Parameters
    ----------
    eigenvalues (n - 1,), V (n, n - 1) : of the kernel of all stimuli, without the constant direction
    Y : (n_stimuli, n_neurons), responses
    penalties : (n_penalties,)
    splits : stimuli to fit, and those of the fold, for each fold

    Returns
    -------
    predicted : (n_stimuli, n_neurons) float64; NaN where the responses to fit, or the predictions of a fold, do not vary
    error : (n_folds, n_neurons), squared leave-one-out error within the other folds under that penalty, over their variance
    best : (n_folds, n_neurons) int, index of the penalty, the first one in a tie; -1 where there is none
    """
    Z = np.array(Y, np.float64)
    mean = Z.mean(axis=0)
    Z -= mean
    error, best = np.full((len(splits), Z.shape[1]), np.inf), np.full((len(splits), Z.shape[1]), -1)
    predicted = np.full(Z.shape, np.nan)
    variance = np.stack([_variance(Y[train]) for train, _ in splits])
    step = max(1, BLOCK_BYTES // Z[:, 0].nbytes)
    for k, penalty in enumerate(penalties):
        M = (V / (eigenvalues + penalty)) @ V.T  # without the penalty as a factor, which cancels
        parts = [_parts(M, train, test) for train, test in splits]
        for start in range(0, Z.shape[1], step):
            block = slice(start, start + step)
            MZ = M @ Z[:, block]
            for fold, ((train, test), (held_out, update, diagonal)) in enumerate(zip(splits, parts, strict=True)):
                residuals = MZ[train] - update @ MZ[test]
                residuals /= diagonal[:, None]
                errors = np.einsum("ij,ij->j", residuals, residuals) / variance[fold, block]
                better = start + np.flatnonzero(errors < error[fold, block])
                error[fold, better], best[fold, better] = errors[better - start], k
                P = Z[np.ix_(test, better)] - held_out @ MZ[np.ix_(test, better - start)]
                varies = P.std(axis=0) > VARIED * np.sqrt(variance[fold, better] / len(train))
                predicted[np.ix_(test, better)] = np.where(varies, P + mean[better], np.nan)
    return predicted, np.where(best < 0, np.nan, error), best


def _parts(M: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return M_FF^-1, M_TF M_FF^-1, and the diagonal of M_T."""
    M_TF, held_out = M[np.ix_(train, test)], np.linalg.inv(M[np.ix_(test, test)])
    update = M_TF @ held_out
    return held_out, update, M[train, train] - np.einsum("ij,ij->i", update, M_TF)


def _variance(Y: np.ndarray) -> np.ndarray:
    """Return sums of squares around the mean, (n_neurons,); NaN where a column does not vary."""
    centred = Y - Y.mean(axis=0, dtype=np.float64)
    return np.where(np.ptp(Y, axis=0) > 0, np.einsum("ij,ij->j", centred, centred), np.nan)
