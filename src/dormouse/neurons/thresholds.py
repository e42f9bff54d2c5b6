"""The effect of the reliability threshold: how many neurons are left, and how reliable they are as a population.

Conwell et al. (2021) show it in their appendix.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from dormouse.methods.rdms import CONSTANT, split_half_rdm_r
from dormouse.neurons.halves import BYTES_PER_PAIR, SUMS_BYTES, halves_of, split_blocks
from dormouse.neurons.populations import sites
from dormouse.neurons.reliability import over_splits
from dormouse.recordings.trials import Recording
from dormouse.tables import WHOLE, read_tables

UNDEFINED = {
    "matrix": "the RDM of a half of the trials does not vary",
    "image": "all neurons respond alike to an image in a half of the trials",
}


def sweep(
    area: str,
    recordings: Iterable[tuple[str, Recording]],
    candidates: pd.DataFrame,
    values: Sequence[float],
    min_neurons: int,
    n_stimuli: int,
    n_splits: int,
    seed: int,
) -> pd.DataFrame:
    """Return the table `thresholds` of one area: the split-half r of each site at every reliability threshold.

    Parameters
    ----------
    recordings : name and trials of each recording of the area, visited one at a time, and again where memory is short
    candidates : rows of the table `reliability` for neurons that pass all other filters, with their reliability as `value`

    `matrix` is the correlation of the RDMs of two halves of the trials, `image` that of the population's responses to one
    image, mean over images. Neither is extrapolated. A site has rows as long as it has `min_neurons` neurons. A correlation
    that is undefined in any split is missing, and standard error says so: a mean over the remaining images would cover other
    images at each threshold. The table is empty where images were shown once.
    """
    limits = np.sort(np.asarray(values, float))
    candidates = candidates[candidates.value >= limits[0]]
    layers = list(sites(candidates.cortical_layer.to_numpy(str), min_neurons))
    found = _split_halves(recordings, candidates, limits, layers, min_neurons, n_stimuli, n_splits, seed)
    rows = []
    for (layer, k), (n_neurons, r) in found.items():
        row = {"area": area, "cortical_layer": layer, "threshold": limits[k], "n_neurons": n_neurons}
        _tell_undefined(row, r)
        rows += [row | {"instance": name} | over_splits(values) for name, values in r.items()]
    if not rows:
        return read_tables("thresholds", [])
    return pd.DataFrame(rows).sort_values(["cortical_layer", "threshold", "instance"], ignore_index=True)


def _split_halves(
    recordings: Iterable[tuple[str, Recording]],
    candidates: pd.DataFrame,
    limits: np.ndarray,
    layers: Sequence[str],
    min_neurons: int,
    n_stimuli: int,
    n_splits: int,
    seed: int,
) -> dict[tuple[str, int], tuple[int, dict[str, np.ndarray]]]:
    """Return number of neurons and `split_half` for all splits, by layer and threshold; nothing where images were shown once.

    Recordings are visited once where the sums of all layers, thresholds and splits fit into `SUMS_BYTES`.
    """
    keys = [(layer, k) for layer in layers for k in reversed(range(len(limits)))]
    of_pair = BYTES_PER_PAIR * n_stimuli**2
    blocks, place = split_blocks(recordings, n_splits, seed, len(keys) * of_pair)
    found: dict[tuple[str, int], tuple[int, list[dict[str, np.ndarray]]]] = {}
    for splits in blocks:
        at_once, total = max(1, SUMS_BYTES // (len(splits) * of_pair)), [0.0, 0.0, 0.0, 0]
        for some in (keys[start : start + at_once] for start in range(0, len(keys), at_once)):
            sums = _sums(recordings, candidates, limits, some, n_splits, seed, splits)
            if sums is None:
                return {}
            for layer, k in some:
                # a threshold keeps the neurons of all higher thresholds, too
                before = [0.0, 0.0, 0.0, 0] if k == len(limits) - 1 else total
                total = [a + b for a, b in zip(before, sums.pop((layer, k)), strict=True)]
                if total[-1] >= min_neurons:
                    found.setdefault((layer, k), (total[-1], []))[1].append(split_half(*total))
    return {
        key: (n, {name: np.concatenate([part[name] for part in parts])[place] for name in parts[0]})
        for key, (n, parts) in found.items()
    }


def _sums(
    recordings: Iterable[tuple[str, Recording]],
    candidates: pd.DataFrame,
    limits: np.ndarray,
    keys: Sequence[tuple[str, int]],
    n_splits: int,
    seed: int,
    splits: np.ndarray,
) -> dict[tuple[str, int], list] | None:
    """Return the parameters of `split_half` for the neurons whose highest threshold is k, by layer and k.

    None where images were shown once.
    """
    sums = {key: [0.0, 0.0, 0.0, 0] for key in keys}
    for name, recording in recordings:
        if once := recording.shown_once().sum():
            print(f"{name}: no reliability of populations, because {once} images have a single trial.", file=sys.stderr)
            return None
        own = candidates[candidates.recording == name].set_index("neuron").reindex(recording.neuron)
        highest = np.searchsorted(limits, own.value, side="right") - 1  # the highest threshold that a neuron reaches
        for neurons, halves in halves_of(recording, own.value.notna().to_numpy(), n_splits, seed, splits):
            for layer, k in keys:
                here = (highest[neurons] == k) & ((recording.cortical_layer[neurons] == layer) | (layer == WHOLE))
                X = halves[..., here]
                for i, new in enumerate((X @ X.swapaxes(-1, -2), X.sum(axis=-1), (X[0] * X[1]).sum(axis=-1), X.shape[-1])):
                    sums[layer, k][i] += new
    return sums


def _tell_undefined(place: Mapping, found: Mapping[str, np.ndarray]) -> None:
    site = f"{place['area']}, cortical layer {place['cortical_layer']}, limit {place['threshold']:g}"
    for name, r in found.items():
        n_undefined = np.isnan(r).sum()
        if n_undefined:
            why = f"in {n_undefined} of {len(r)} splits {UNDEFINED[name]}"
            print(f"{site}: r of {name} is missing for {place['n_neurons']} neurons, because {why}.", file=sys.stderr)


def split_half(gram: np.ndarray, row_sum: np.ndarray, product: np.ndarray, n_neurons: int) -> dict[str, np.ndarray]:
    """Return the split-half r of the RDM and of single images (their mean) in every split, (n_splits,), from sums.

    NaN if an RDM does not vary, or if in one half the responses to an image do not vary over neurons.

    Parameters
    ----------
    gram : (2, n_splits, n_stimuli, n_stimuli), Gram matrices of the mean responses of each half
    row_sum : (2, n_splits, n_stimuli)
    product : (n_splits, n_stimuli), products of the two halves, summed over neurons
    """
    variance = np.einsum("...ii->...i", gram) - row_sum**2 / n_neurons
    covariance = product - row_sum[0] * row_sum[1] / n_neurons
    constant = variance <= CONSTANT * (variance + row_sum**2 / n_neurons)  # up to rounding, by the rule for RDMs
    norm = np.sqrt(np.where(constant, np.nan, variance).prod(axis=0))
    with np.errstate(invalid="ignore"):  # 0 / 0 in an RDM that does not vary
        matrix = split_half_rdm_r(gram, row_sum, n_neurons)
    return {"matrix": matrix, "image": (covariance / norm).mean(axis=1)}
