"""Halves of the trials of whole populations, in blocks of splits and neurons: memory holds few n x n matrices at once."""

from collections.abc import Iterable, Iterator

import numpy as np

from dormouse.neurons.reliability import split_half_means, split_orders
from dormouse.recordings.trials import Recording

BYTES_PER_PAIR = 2 * 8  # of images: Gram matrices of two halves, in float64
SUMS_BYTES = 2**30  # of the sums over neurons that are made in one visit of all recordings
HALVES_BYTES = 2**28  # of the halves of some neurons


def split_blocks(
    recordings: Iterable[tuple[str, Recording]], n_splits: int, seed: int, n_bytes: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the splits to make in each visit of the recordings, and which of these each split is, (n_splits,) int.

    Splits that deal all trials alike are made once, where there are several visits: of two trials there is only one.

    Parameters
    ----------
    recordings : name and trials of each; visited once more where there are several visits
    n_bytes : of the sums over neurons for one split
    """
    splits = np.arange(n_splits)
    if n_splits * n_bytes <= SUMS_BYTES:
        return [splits], splits
    first, place = _distinct(recordings, n_splits, seed)
    return np.array_split(first, -(-len(first) * n_bytes // SUMS_BYTES) if n_bytes < SUMS_BYTES else len(first)), place


def _distinct(recordings: Iterable[tuple[str, Recording]], n_splits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the splits that differ, and for each split the place of its like among these."""
    parts = []
    for _, recording in recordings:
        n_trials = len(recording.response)
        if np.isnan(recording.response).any():  # trials of each image and neuron are dealt by their number
            return np.arange(n_splits), np.arange(n_splits)
        parts.append(split_orders(n_trials, n_splits, seed).argsort(axis=1) < n_trials // 2)  # whether in the first half
    in_first = np.concatenate(parts, axis=1)
    if all(part.shape[1] % 2 == 0 for part in parts):
        in_first ^= in_first[:, :1]  # halves that change places give the same r
    _, first, place = np.unique(in_first, axis=0, return_index=True, return_inverse=True)
    return first, place.ravel()


def halves_of(
    recording: Recording, inside: np.ndarray, n_splits: int, seed: int, splits: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some neurons of those inside, as indices, and their halves (2, n_splits, n_stimuli, n), as many as fit.

    Parameters
    ----------
    inside : (n_neurons,) bool
    splits : those to make, of `n_splits`
    """
    neurons = np.flatnonzero(inside)
    n_bytes = 2 * 8 * len(splits) * recording.response.shape[1] * len(neurons)
    for some in np.array_split(neurons, np.clip(-(-n_bytes // HALVES_BYTES), 1, max(1, len(neurons)))):
        yield some, np.stack(split_half_means(recording.response[:, :, some], n_splits, seed, splits))
