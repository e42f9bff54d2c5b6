"""How reliable neurons are over repeated trials.

Split-half reliability: the trials of every stimulus are dealt at random into two halves, each half is averaged, the
averages are correlated over stimuli, and Spearman and Brown's formula 2r / (1 + r) extrapolates to all trials
(Spearman 1910; Brown 1910). The result is averaged over splits.
"""

import numpy as np

from dormouse.recordings.trials import MIN_TRIALS

NEURONS_AT_ONCE = 32  # bounds memory, and keeps the data in the processor's cache


def split_orders(n_trials: int, n_splits: int, seed: int) -> np.ndarray:
    """Return an order of the trials for each split, (n_splits, n_trials) int."""
    return np.argsort(np.random.default_rng(seed).random((n_splits, n_trials)), axis=1)


def split_half_means(
    response: np.ndarray, n_splits: int, seed: int, splits: np.ndarray | slice = slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Average random halves of the trials of every stimulus.

    Only trials that are present are dealt out: of c trials, one half gets c // 2 and the other the rest. If no trial is
    missing, a split deals the trials of all stimuli in the same way, as the reference implementation does.

    Parameters
    ----------
    response : (n_trials, n_stimuli, n_neurons), NaN where a trial is missing
    splits : those to return, of all

    Returns
    -------
    first, second : (n_splits, n_stimuli, n_neurons) float64; NaN where a stimulus has fewer than two trials
    """
    n_trials, *shape = response.shape
    order = split_orders(n_trials, n_splits, seed)[splits]
    n_splits = len(order)
    absent = np.isnan(response)
    if not absent.any() and n_trials >= MIN_TRIALS:
        trials = response.reshape(n_trials, -1).astype(np.float64)
        return tuple(half.reshape(n_splits, *shape) for half in _halves(trials, order))
    # ASSUME trials of one stimulus are exchangeable, so missing ones can be moved behind the others
    present_first = np.take_along_axis(response, np.argsort(absent, axis=0, kind="stable"), axis=0).astype(np.float64)
    n_present = (~absent).sum(axis=0)
    first = np.full((n_splits, *shape), np.nan)
    second = first.copy()
    for count in np.unique(n_present[n_present >= MIN_TRIALS]):
        cells = n_present == count
        dealt = order[order < count].reshape(n_splits, count)  # each split's order of the trials that are present
        first[:, cells], second[:, cells] = _halves(present_first[:count, cells], dealt)
    return first, second


def _halves(trials: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the trials (n_trials, n) that `order` (n_splits, n_trials) puts first, and the others, each (n_splits, n)."""
    n_first = len(trials) // 2
    in_first = np.zeros(order.shape)
    np.put_along_axis(in_first, order[:, :n_first], 1.0, axis=1)
    return in_first @ trials / n_first, (1.0 - in_first) @ trials / (len(trials) - n_first)


def spearman_brown(r: np.ndarray) -> np.ndarray:
    """Return the reliability of the whole from the correlation of its halves, 2r / (1 + r)."""
    return 2.0 * r / (1.0 + r)


def correlation(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Pearson r over stimuli, (..., n_stimuli, n_neurons) twice -> (..., n_neurons); NaN where one does not vary."""
    A, B = (X - X.mean(axis=-2, keepdims=True) for X in (A, B))
    ab, aa, bb = (np.einsum("...sn,...sn->...n", X, Y) for X, Y in ((A, B), (A, A), (B, B)))
    norm = np.sqrt(aa * bb)
    return np.divide(ab, norm, out=np.full(norm.shape, np.nan), where=norm > 0)


def split_half_r(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Return the correlation of the halves of every neuron in every split, (n_splits, n_neurons) float64.

    It is NaN where a stimulus has fewer than two trials, or a half does not vary over stimuli.
    """
    blocks = np.arange(NEURONS_AT_ONCE, response.shape[-1], NEURONS_AT_ONCE)
    parts = [correlation(*split_half_means(part, n_splits, seed)) for part in np.split(response, blocks, axis=-1)]
    return np.concatenate(parts, axis=-1)


def split_half_reliability(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Return the split-half reliability of every neuron, Spearman-Brown corrected, mean over splits.

    Parameters
    ----------
    response : (n_trials, n_stimuli, n_neurons), NaN where a trial is missing

    Returns
    -------
    (n_neurons,) float64; NaN where a stimulus has fewer than two trials, or a half does not vary over stimuli
    """
    return spearman_brown(split_half_r(response, n_splits, seed)).mean(axis=0)


def fewer_trials(reliability: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the reliability that a share of the trials would have, k r / (1 + (k - 1) r) (Spearman 1910; Brown 1910)."""
    return share * reliability / (1.0 + (share - 1.0) * reliability)


def over_splits(r: np.ndarray) -> dict[str, float]:
    """Return the mean of a correlation over splits, and its standard error, which is missing for a single split."""
    return {"split_half_r": r.mean(), "split_half_sem": r.std(ddof=1) / np.sqrt(len(r)) if len(r) > 1 else np.nan}


def oracle(response: np.ndarray) -> np.ndarray:
    """Return the Pearson r over stimuli of a trial with the mean of the other trials, mean over trials, (n_neurons,).

    Each trial is correlated over the stimuli for which it is present; trials with fewer than three are left out. NaN if a
    stimulus has fewer than two trials, or if a trial does not vary over stimuli.
    """
    X = response.astype(np.float64)
    there = ~np.isnan(X)
    count, total = there.sum(axis=0), np.where(there, X, 0.0).sum(axis=0)
    r = np.zeros((len(X), X.shape[-1]))
    for k, (trial, present) in enumerate(zip(X, there, strict=True)):  # one trial at a time: less memory
        others = (total - np.where(present, trial, 0.0)) / np.maximum(count - present, 1)
        r[k] = correlation(*(_at_mean(values, present) for values in (trial, others)))
    told = there.sum(axis=1) > 2  # (n_trials, n_neurons)
    n_told = np.where((count < MIN_TRIALS).any(axis=0), 0, told.sum(axis=0))
    return np.divide(np.where(told, r, 0.0).sum(axis=0), n_told, out=np.full(n_told.shape, np.nan), where=n_told > 0)


def _at_mean(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Replace absent values by the mean over the stimuli that are present, so that they count for nothing."""
    mean = np.where(present, values, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return np.where(present, values, mean)
