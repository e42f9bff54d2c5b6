"""Noise ceilings: the highest correlation with the data that a noise-free prediction can be expected to reach.

By Spearman's (1904) correction for attenuation it is the square root of the data's reliability. The reliability is the
correlation of two halves of the trials, extrapolated to all trials by Spearman and Brown's formula.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from dormouse.populations import sites
from dormouse.recordings.trials import Recording, read_recordings
from dormouse.reliability import spearman_brown, split_half_means
from dormouse.rsa import rdm_from_gram, upper_triangles
from dormouse.tables import WHOLE

ESTIMATOR = "sqrt(Spearman-Brown(split-half r))"


def ceiling(reliability: np.ndarray) -> np.ndarray:
    """Return the square root of a reliability, and 0 for a negative one."""
    return np.sqrt(np.clip(reliability, 0.0, None))


def estimate(
    paths: Sequence[str], stimuli: np.ndarray, kept: pd.DataFrame, min_neurons: int, n_splits: int, seed: int
) -> pd.DataFrame:
    """Return the table `ceilings`: of every kept neuron, and of every site for RSA and for ridge.

    Parameters
    ----------
    paths : files of recordings, of `trials.write_recording`
    stimuli : names of the stimuli that are used
    kept : the kept rows of the table `neurons`

    The ceiling of a site for ridge is the mean over its neurons, as is its score.
    """
    neurons = kept.assign(metric="ridge", ceiling=ceiling(kept.reliability), n_neurons=1)
    parts = [neurons[["area", "cortical_layer", "recording", "neuron", "metric", "n_neurons", "ceiling"]]]
    for area, inside in neurons.groupby("area"):
        recordings = read_recordings(paths, inside.recording, stimuli)
        masks = sites(inside.cortical_layer.to_numpy(str), min_neurons)
        site = {"area": area, "cortical_layer": list(masks), "n_neurons": [mask.sum() for mask in masks.values()]}
        ridge = [inside.ceiling[mask].mean() for mask in masks.values()]
        rsa = rdm_ceilings(recordings, inside, list(masks), n_splits, seed)
        parts.append(pd.DataFrame(site | {"metric": "ridge", "ceiling": ridge}))
        parts.append(pd.DataFrame(site | {"metric": "rsa", "ceiling": rsa}))
    return pd.concat(parts, ignore_index=True).assign(estimator=ESTIMATOR)


def rdm_ceilings(
    recordings: Iterable[tuple[str, Recording]], kept: pd.DataFrame, layers: list[str], n_splits: int, seed: int
) -> list[float]:
    """Return the noise ceiling of the RDM of each site of one area; `layers` are the sites' cortical layers.

    In every split the RDMs of the two halves are correlated, Pearson, upper triangles; the mean r over splits is extrapolated.
    Noise in an RDM is not quite independent of its size, so that the ceiling of a population of unreliable neurons comes out a
    little low (by .05 at reliabilities of .45; not noticeably from .7 up).
    The RDM of a site needs all its neurons, but only through sums over them, so recordings are visited one at a time.
    """
    sums = {layer: (0.0, 0.0, 0) for layer in layers}  # Gram matrices, row sums and number of neurons so far
    for name, recording in recordings:
        inside = np.isin(recording.neuron, kept.neuron[kept.recording == name])
        halves = np.stack(split_half_means(recording.response[:, :, inside], n_splits, seed))
        for layer in layers:
            X = halves[..., (recording.cortical_layer[inside] == layer) | (layer == WHOLE)]
            part = X @ X.swapaxes(-1, -2), X.sum(axis=-1), X.shape[-1]  # X: (2, n_splits, n_stimuli, n_neurons)
            sums[layer] = tuple(total + new for total, new in zip(sums[layer], part, strict=True))
    return [_rdm_ceiling(*sums[layer]) for layer in layers]


def _rdm_ceiling(gram: np.ndarray, row_sum: np.ndarray, n_neurons: int) -> float:
    first, second = upper_triangles(rdm_from_gram(gram, row_sum, n_neurons)[0])  # each (n_splits, n_pairs)
    r = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)])
    return float(ceiling(spearman_brown(r)))
