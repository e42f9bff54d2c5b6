"""The kept neurons of an area as one population, and the sites within it: the whole area, and its cortical layers."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from dormouse.features.spectrum import participation_ratio
from dormouse.methods.rdms import rdm_from_patterns
from dormouse.recordings.trials import Recording
from dormouse.tables import WHOLE

FIRST_TRIALS = (1, 2, 5, 10, 20, 50)  # numbers of trials whose means are kept, to see how scores grow with trials


def pool(recordings: Iterable[tuple[str, Recording]], kept: pd.DataFrame) -> dict[str, np.ndarray]:
    """Join the kept neurons of several recordings.

    Parameters
    ----------
    recordings : name and trials of each, visited one at a time
    kept : rows of the table `neurons`

    Returns
    -------
    mean, odd and even (n_stimuli, n_neurons) float64: over all trials that are present, over the 1st, 3rd, ... and over the
    2nd, 4th, ... of them, counted for each stimulus and neuron; NaN where there is none. first (len(FIRST_TRIALS), n_stimuli,
    n_neurons): over the first trials that are present, or all where there are fewer. n_trials (n_neurons,): of the stimulus
    with the fewest. reliability (n_neurons,), over the trials that are scored, NaN where undefined; recording, neuron, animal,
    area and cortical_layer (n_neurons,)
    """
    parts = []
    for name, recording in recordings:
        inside = np.isin(recording.neuron, kept.neuron[kept.recording == name])
        response = recording.response[:, :, inside]
        parts.append(
            {
                "mean": np.nanmean(response, axis=0, dtype=np.float64),
                **_parts(response),
                "n_trials": (~np.isnan(response)).sum(axis=0).min(axis=0),
                "reliability": _of_neurons(kept[kept.recording == name], recording.neuron[inside]),
                "recording": np.full(inside.sum(), name),
                **{key: getattr(recording, key)[inside] for key in ("neuron", "animal", "area", "cortical_layer")},
            }
        )
        del recording, response  # before the next one is read
    return {key: np.concatenate([part.pop(key) for part in parts], axis=-1) for key in list(parts[0])}


def _parts(response: np.ndarray) -> dict[str, np.ndarray]:
    """Return odd, even and first of `pool` from trials (n_trials, n_stimuli, n_neurons), NaN where one is missing."""
    present = ~np.isnan(response)
    place = present.cumsum(axis=0, dtype=np.int32)  # of a trial among those that are present, from 1

    def mean(chosen: np.ndarray) -> np.ndarray:
        total, count = np.where(chosen, response, 0).sum(axis=0, dtype=np.float64), chosen.sum(axis=0)
        return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)

    halves = {name: mean(present & (place % 2 == remainder)) for name, remainder in (("odd", 1), ("even", 0))}
    first = np.empty((len(FIRST_TRIALS), *response.shape[1:]))
    for means, n in zip(first, FIRST_TRIALS, strict=True):
        means[:] = mean(present & (place <= n))
    return halves | {"first": first}


def _of_neurons(kept: pd.DataFrame, neurons: np.ndarray) -> np.ndarray:
    return kept.set_index("neuron").scored_reliability.reindex(neurons).to_numpy(float)


def sites(cortical_layer: np.ndarray, min_neurons: int) -> dict[str, np.ndarray]:
    """Return the sites of an area as masks (n_neurons,): the whole area, and each cortical layer with enough neurons.

    Neurons whose cortical layer is unknown count only in the whole area.
    """
    masks = {WHOLE: np.ones(len(cortical_layer), bool)}
    masks |= {str(layer): cortical_layer == layer for layer in np.unique(cortical_layer) if layer}
    return {layer: mask for layer, mask in masks.items() if mask.sum() >= min_neurons}


def zscored(responses: np.ndarray) -> np.ndarray:
    """Return responses (..., n_stimuli, n_neurons) z-scored over stimuli; 0 for neurons that do not vary."""
    varies = np.ptp(responses, axis=-2, keepdims=True) > 0  # the sd of equal numbers need not be 0: their mean is rounded
    centred = np.where(varies, responses - responses.mean(axis=-2, keepdims=True), 0.0)
    return centred / np.where(varies, responses.std(axis=-2, keepdims=True), 1.0)


def as_they_are(responses: np.ndarray) -> np.ndarray:
    """Return responses as they are."""
    return responses


# how responses are prepared for the RDM that a method reads, by the target that its row names
RESPONSES_OF = {"rdm": as_they_are, "rdm_zscored": zscored}


def site_rdms(population: dict[str, np.ndarray], min_neurons: int) -> dict[str, np.ndarray]:
    """Return the RDMs of every site of a population, from mean responses as they are, and from z-scored ones.

    Returns
    -------
    rdm, rdm_zscored (n_sites, n_stimuli, n_stimuli) float64; rdm_dimension, rdm_zscored_dimension (n_sites,), the
    participation ratios of these responses; area, cortical_layer and n_neurons (n_sites,)
    """
    masks = sites(population["cortical_layer"], min_neurons)
    of_target = {}
    for target, responses_of in RESPONSES_OF.items():
        responses = responses_of(population["mean"])
        parts = [responses[:, mask] for mask in masks.values()]
        of_target[target] = np.stack([rdm_from_patterns(Y) for Y in parts])
        of_target[f"{target}_dimension"] = np.array([participation_ratio(Y @ Y.T) for Y in parts])
    return of_target | {
        "area": np.repeat(population["area"][:1], len(masks)),
        "cortical_layer": np.array(list(masks)),
        "n_neurons": np.array([mask.sum() for mask in masks.values()]),
    }
