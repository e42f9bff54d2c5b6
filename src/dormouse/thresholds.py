"""What a limit of reliability does: the neurons that are left, and how reliable they are as a population.

The appendix of Conwell et al. (2021) shows it.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from dormouse.populations import sites
from dormouse.recordings.trials import Recording
from dormouse.reliability import over_splits, split_half_means
from dormouse.rsa import split_half_rdm_r
from dormouse.tables import WHOLE, read_tables


def sweep(
    area: str,
    recordings: Iterable[tuple[str, Recording]],
    candidates: pd.DataFrame,
    values: Sequence[float],
    min_neurons: int,
    n_splits: int,
    seed: int,
) -> pd.DataFrame:
    """Return the table `thresholds` of one area: the split-half r of each site at every limit of reliability.

    Parameters
    ----------
    recordings : name and trials of each recording of the area, visited once, one at a time
    candidates : rows of the table `reliability` of the neurons that pass all other filters, with their reliability as `value`

    `matrix` is the correlation of the RDMs of two halves of the trials, `image` that of the population's responses to one
    image, mean over images. Neither is extrapolated. A site has rows as long as it has `min_neurons` neurons.
    """
    limits = np.sort(np.asarray(values, float))
    candidates = candidates[candidates.value >= limits[0]]
    layers = list(sites(candidates.cortical_layer.to_numpy(str), min_neurons))
    sums = {(layer, k): [0.0, 0.0, 0.0, 0] for layer in layers for k in range(len(limits))}
    for name, recording in recordings:
        own = candidates[candidates.recording == name].set_index("neuron").reindex(recording.neuron)
        inside = own.value.notna().to_numpy()
        highest = np.searchsorted(limits, own.value[inside], side="right") - 1  # the last limit that a neuron reaches
        halves = np.stack(split_half_means(recording.response[:, :, inside], n_splits, seed))
        for layer, k in sums:
            X = halves[..., (highest == k) & ((recording.cortical_layer[inside] == layer) | (layer == WHOLE))]
            for i, new in enumerate((X @ X.swapaxes(-1, -2), X.sum(axis=-1), (X[0] * X[1]).sum(axis=-1), X.shape[-1])):
                sums[layer, k][i] += new
    rows = []
    for layer in layers:
        total = [0.0, 0.0, 0.0, 0]
        for k in reversed(range(len(limits))):  # neurons above a limit are those of all limits from there on
            total = [a + b for a, b in zip(total, sums[layer, k], strict=True)]
            if total[-1] >= min_neurons:
                place = {"area": area, "cortical_layer": layer, "threshold": limits[k], "n_neurons": total[-1]}
                rows += [place | {"instance": name} | over_splits(r) for name, r in split_half(*total).items()]
    if not rows:
        return read_tables("thresholds", [])
    return pd.DataFrame(rows).sort_values(["cortical_layer", "threshold", "instance"], ignore_index=True)


def split_half(gram: np.ndarray, row_sum: np.ndarray, product: np.ndarray, n_neurons: int) -> dict[str, np.ndarray]:
    """Return the split-half r of the RDM and of single images in every split, (n_splits,), from sums over neurons.

    Parameters
    ----------
    gram : (2, n_splits, n_stimuli, n_stimuli), of the mean responses of each half
    row_sum : (2, n_splits, n_stimuli)
    product : (n_splits, n_stimuli), of the two halves
    """
    variance = np.einsum("...ii->...i", gram) - row_sum**2 / n_neurons
    covariance = product - row_sum[0] * row_sum[1] / n_neurons
    return {
        "matrix": split_half_rdm_r(gram, row_sum, n_neurons),
        "image": (covariance / np.sqrt(variance.prod(axis=0))).mean(axis=1),
    }
