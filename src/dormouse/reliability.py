"""How reliable neurons are over repeated trials, and which of them are kept.

Split-half reliability: the trials of every stimulus are dealt at random into two halves, each half is averaged, the
averages are correlated over stimuli, and Spearman and Brown's formula 2r / (1 + r) extrapolates to all trials
(Spearman 1910; Brown 1910). The result is averaged over splits.
"""

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.recordings.trials import MIN_TRIALS, Recording


def split_half_means(response: np.ndarray, n_splits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Average random halves of the trials of every stimulus.

    Only trials that are there are dealt out: of c trials, one half gets c // 2 and the other the rest. A split deals the
    trials of all stimuli alike where none is missing, as in the reference implementation.

    Parameters
    ----------
    response : (n_trials, n_stimuli, n_neurons), NaN where a trial is missing

    Returns
    -------
    first, second : (n_splits, n_stimuli, n_neurons) float64; NaN where a stimulus has fewer than two trials
    """
    # ASSUME trials of one stimulus are exchangeable, so that missing ones can be moved behind the others
    absent = np.isnan(response)
    present_first = np.take_along_axis(response, np.argsort(absent, axis=0, kind="stable"), axis=0).astype(np.float64)
    n_present = (~absent).sum(axis=0)
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random((n_splits, len(response))), axis=1)  # (n_splits, n_trials), one deal a split
    first = np.full((n_splits, *response.shape[1:]), np.nan)
    second = first.copy()
    for count in np.unique(n_present[n_present >= MIN_TRIALS]):
        cells = n_present == count
        trials = present_first[:count, cells]  # (count, n_cells)
        dealt = order[order < count].reshape(n_splits, count)  # each split's order of the trials that are there
        in_first = np.zeros((n_splits, count))
        np.put_along_axis(in_first, dealt[:, : count // 2], 1.0, axis=1)
        first[:, cells] = in_first @ trials / (count // 2)
        second[:, cells] = (1.0 - in_first) @ trials / (count - count // 2)
    return first, second


def spearman_brown(r: np.ndarray) -> np.ndarray:
    """Return the reliability of the whole from the correlation of its halves, 2r / (1 + r)."""
    return 2.0 * r / (1.0 + r)


def split_half_reliability(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Return the split-half reliability of every neuron, Spearman-Brown corrected, mean over splits.

    Parameters
    ----------
    response : (n_trials, n_stimuli, n_neurons), NaN where a trial is missing

    Returns
    -------
    (n_neurons,) float64; NaN where a stimulus has fewer than two trials, or a half does not vary over stimuli
    """
    first, second = split_half_means(response, n_splits, seed)
    A, B = (half - half.mean(axis=1, keepdims=True) for half in (first, second))
    norm = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    r = np.divide((A * B).sum(axis=1), norm, out=np.full(norm.shape, np.nan), where=norm > 0)  # (n_splits, n_neurons)
    return spearman_brown(r).mean(axis=0)


def measure(name: str, recording: Recording, n_splits: int, seed: int) -> pd.DataFrame:
    """Return the table `reliability` of one recording, a row a neuron."""
    return pd.DataFrame(
        {
            "recording": name,
            "neuron": recording.neuron,
            "animal": recording.animal,
            "area": recording.area,
            "cortical_layer": recording.cortical_layer,
            "depth_um": recording.depth_um,
            "cre_line": recording.cre_line,
            "n_trials": recording.n_trials().min(axis=0),
            "reliability": split_half_reliability(recording.response, n_splits, seed),
        }
    )


def select(table: pd.DataFrame, areas: list[str], min_reliability: float, min_neurons: int) -> pd.DataFrame:
    """Add `kept` and `reason` to the table `reliability` of all recordings.

    Raises InputError where an area is left with fewer than `min_neurons` neurons.
    """
    reasons = {
        "area not studied": ~table.area.isin(areas),
        f"fewer than {MIN_TRIALS} trials of a stimulus": table.n_trials < MIN_TRIALS,
        "reliability undefined": table.reliability.isna(),
        f"reliability below {min_reliability}": table.reliability < min_reliability,
    }
    reason = np.select(list(reasons.values()), list(reasons), default="")
    table = table.assign(kept=reason == "", reason=reason)
    for area in areas:
        inside = table[table.area == area]
        if inside.kept.sum() < min_neurons:
            raise InputError(
                f"{area}: {inside.kept.sum()} of {len(inside)} neurons reach selection.min_reliability = {min_reliability}; "
                f"selection.min_neurons asks for {min_neurons}. The highest reliability is {inside.reliability.max():.3f}. "
                "Lower the limit, or leave the area out of `areas`."
            )
    return table
