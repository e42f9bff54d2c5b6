"""Noise ceilings: the highest correlation with the data that a noise-free prediction can be expected to reach.

By Spearman's (1904) correction for attenuation it is the square root of the data's reliability. The reliability is the
correlation of two halves of the trials, extrapolated to all trials by Spearman and Brown's formula.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from dormouse.methods.rdms import rdm_from_patterns, split_half_rdm_r, upper_triangles
from dormouse.methods.ridge import score_layers
from dormouse.methods.rsa import pearson
from dormouse.methods.table import RDMS, RESPONSES
from dormouse.neurons.halves import BYTES_PER_PAIR, halves_of, split_blocks
from dormouse.neurons.populations import RESPONSES_OF, sites, zscored
from dormouse.neurons.reliability import over_splits, spearman_brown
from dormouse.recordings.trials import Recording
from dormouse.tables import WHOLE

ESTIMATOR = "sqrt(Spearman-Brown(split-half r))"


def ceiling(reliability: np.ndarray) -> np.ndarray:
    """Return the square root of a reliability, and 0 for a negative one."""
    return np.sqrt(np.clip(reliability, 0.0, None))


def estimate(
    area: str,
    recordings: Iterable[tuple[str, Recording]],
    population: Mapping[str, np.ndarray],
    kept: pd.DataFrame,
    min_neurons: int,
    penalty: float,
    n_splits: int,
    seed: int,
) -> pd.DataFrame:
    """Return the table `ceilings` of one area, without `selection` and `differs`: every kept neuron and every site.

    Parameters
    ----------
    recordings : name and trials of each recording of the area, visited one at a time, and again where memory is short
    population : from `populations.pool`
    kept : rows of the table `neurons` for the kept neurons of the area
    min_neurons : fewest neurons of a site, and of the other animals that predict a neuron
    penalty : of the regression of neurons on those of other animals

    For responses, the values of a site are means over its neurons, as its scores are.
    """
    between = pd.DataFrame({key: population[key] for key in ("recording", "neuron")})
    between["inter_animal"] = inter_animal_ridge(population, penalty, min_neurons)
    neurons = kept.merge(between, on=["recording", "neuron"], validate="one_to_one")
    scored = {"split_half_r": neurons.scored_r, "split_half_sem": neurons.scored_r_sem}
    neurons = neurons.assign(**scored, target=RESPONSES, ceiling=ceiling(neurons.scored_reliability), n_neurons=1)
    values = ["split_half_r", "inter_animal", "ceiling"]
    named = ["area", "cortical_layer", "recording", "neuron", "target", "n_neurons"]
    masks = sites(neurons.cortical_layer.to_numpy(str), min_neurons)
    places = pd.DataFrame({"area": area, "cortical_layer": list(masks), "n_neurons": [mask.sum() for mask in masks.values()]})
    responses = pd.DataFrame([neurons.loc[mask, values].mean() for mask in masks.values()])
    parts = [neurons[[*named, *values, "split_half_sem"]], pd.concat([places, responses], axis=1).assign(target=RESPONSES)]
    for target, rdms in rdm_reliability(recordings, kept, list(masks), RDMS, len(population["mean"]), n_splits, seed).items():
        rdms["inter_animal"] = inter_animal_rdms(population, list(masks), target, min_neurons)
        parts.append(pd.concat([places, rdms], axis=1).assign(target=target))
    return pd.concat(parts, ignore_index=True).assign(estimator=ESTIMATOR)


def rdm_reliability(
    recordings: Iterable[tuple[str, Recording]],
    kept: pd.DataFrame,
    layers: Sequence[str],
    targets: Sequence[str],
    n_stimuli: int,
    n_splits: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Return split_half_r, split_half_sem and ceiling of the RDMs of each site of one area, by target.

    Parameters
    ----------
    layers : cortical layers of the sites
    targets : keys of `populations.RESPONSES_OF`

    In every split the RDMs of the two halves are correlated (Pearson, upper triangles); the mean over splits is extrapolated.
    Noise in an RDM is not quite independent of its size, so the ceiling of a population of unreliable neurons comes out a
    little low (by .05 at reliabilities of .45; not noticeably from .7 up).
    The RDM of a site needs all its neurons, but only through sums over them, so recordings are visited one at a time; again
    and again where the sums of all splits would take too much memory. Nothing is known of RDMs with images that were shown
    once.
    """
    keys = [(target, layer) for target in targets for layer in layers]
    blocks, place = split_blocks(recordings, n_splits, seed, len(keys) * BYTES_PER_PAIR * n_stimuli**2)
    r: dict[tuple[str, str], list[np.ndarray]] = {key: [] for key in keys}
    for splits in blocks:
        # Gram matrices, row sums and number of neurons so far
        sums = dict.fromkeys(keys, (0.0, 0.0, 0))
        for name, recording in recordings:
            if once := recording.shown_once().sum():
                print(f"{name}: no noise ceiling of RDMs, because {once} images have a single trial.", file=sys.stderr)
                unknown = pd.DataFrame(np.nan, range(len(layers)), ["split_half_r", "split_half_sem", "ceiling"])
                return {target: unknown.copy() for target in targets}
            inside = np.isin(recording.neuron, kept.neuron[kept.recording == name])
            for neurons, halves in halves_of(recording, inside, n_splits, seed, splits):
                for target, layer in keys:
                    here = (recording.cortical_layer[neurons] == layer) | (layer == WHOLE)
                    X = RESPONSES_OF[target](halves[..., here])  # (2, n_splits, n_stimuli, n_neurons)
                    part = X @ X.swapaxes(-1, -2), X.sum(axis=-1), X.shape[-1]
                    sums[target, layer] = tuple(total + new for total, new in zip(sums[target, layer], part, strict=True))
        for key, of_halves in sums.items():
            r[key].append(split_half_rdm_r(*of_halves))
    found = {key: np.concatenate(parts)[place] for key, parts in r.items()}
    return {target: pd.DataFrame([_over_splits(found[target, layer]) for layer in layers]) for target in targets}


def _over_splits(r: np.ndarray) -> dict[str, float]:
    return over_splits(r) | {"ceiling": ceiling(spearman_brown(r.mean()))}


def inter_animal_rdms(
    population: Mapping[str, np.ndarray], layers: Sequence[str], target: str, min_neurons: int
) -> list[float]:
    """Return for each site the Pearson r of one animal's RDM with that of all other animals, mean over animals.

    Animals with fewer than `min_neurons` neurons in a site are left out there; a site of a single animal gets NaN.
    """
    found, responses = [], RESPONSES_OF[target](population["mean"])
    for layer in layers:
        inside = (population["cortical_layer"] == layer) | (layer == WHOLE)
        X, animal = responses[:, inside], population["animal"][inside]
        r = []
        for name in np.unique(animal):
            own = animal == name
            if min(own.sum(), (~own).sum()) >= min_neurons:
                one, others = (upper_triangles(rdm_from_patterns(part))[None] for part in (X[:, own], X[:, ~own]))
                r.append(pearson(one, others)[0, 0])
        found.append(float(np.mean(r)) if r else np.nan)
    return found


def inter_animal_ridge(population: Mapping[str, np.ndarray], penalty: float, min_neurons: int) -> np.ndarray:
    """Return how well neurons of the area's other animals predict each neuron, (n_neurons,).

    As for networks, this is the leave-one-out Pearson r of ridge regression (see `ridge`); the predictors are z-scored mean
    responses. NaN if the other animals have fewer than `min_neurons` neurons that vary.
    """
    Y, animal = population["mean"], population["animal"]
    varies, Z = np.ptp(Y, axis=0) > 0, zscored(Y)
    r = np.full(Y.shape[1], np.nan)
    for name in np.unique(animal):
        own = animal == name
        if varies[~own].sum() >= min_neurons:
            r[own] = score_layers([Z[:, ~own] @ Z[:, ~own].T], Y[:, own], penalty)[0]
    return r
