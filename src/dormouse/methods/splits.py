"""Scores of the layers of a model on two parts of the images: a layer is chosen on one part, and scored on the other.

The parts are random halves of the images, unless a family holds images out itself, as ridge regression in folds does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pandas as pd

from dormouse.methods.correction import ceilings_of_neurons
from dormouse.methods.scores import NEURON, family_of, images_of, means_of, read_of, sites_of
from dormouse.methods.table import USER
from dormouse.methods.user import of_each_rdm, of_each_site

FEWEST_IMAGES = 8  # four in each half: with three, RDMs have three distances


@dataclass(frozen=True)
class Splits:
    """Scores of all layers of a model at some sites, by one method, in every split of the images."""

    method: str
    selection: str
    sites: pd.DataFrame  # area and cortical_layer
    choose: np.ndarray  # (n_splits, n_layers, n_sites) float64, on the images on which a layer is chosen
    score: np.ndarray  # the same on those on which it is scored; NaN where there is no score
    corrected: np.ndarray  # the same, corrected for noise; NaN where that is not known yet


def draw_halves(n_images: int, n_halves: int, seed: int) -> np.ndarray:
    """Return random halves of the images, (n_halves, n_images) bool; of an odd number, the greater part is False."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(n_images) < n_images // 2 for _ in range(n_halves)])


def rdm_splits(
    kernels: Mapping[str, np.ndarray],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    n_halves: int,
    seed: int,
) -> Iterator[Splits]:
    """Yield the scores on halves of the images by every method of a family that reads RDMs; parameters as in `score_rdms`.

    Methods with too few images yield nothing.
    """
    for name, row in methods.items():
        target, images = targets[row["selection"]], images_of(row, stimuli)
        rdms, read = target[row["target"]][:, images][:, :, images], read_of(row, kernels, images)

        def score(part: np.ndarray, row=row, rdms=rdms, read=read) -> np.ndarray:
            site, own = rdms[:, part][:, :, part], _part(read, part)
            return of_each_rdm(row, own, site) if row.get("source") == USER else family_of(row)(own, site, row["settings"])

        sites = pd.DataFrame({key: target[key] for key in ("area", "cortical_layer")})
        if rdms.shape[1] >= FEWEST_IMAGES:
            choose, scored = _on_halves(score, draw_halves(rdms.shape[1], n_halves, seed))
            yield Splits(name, row["selection"], sites, choose, scored, np.full(scored.shape, np.nan))


def response_splits(
    kernels: Mapping[str, np.ndarray],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
    n_halves: int,
    seed: int,
) -> Iterator[Splits]:
    """Yield the same by every method of a family that reads responses; parameters as in `score_responses`.

    The score of a site is the mean over its neurons.
    """
    for name, row in methods.items():
        target, images = targets[row["selection"]], images_of(row, stimuli)
        responses, read = target["mean"][images], read_of(row, kernels, images)
        sites, inside = sites_of(pd.DataFrame({key: target[key] for key in NEURON}))
        large = inside.sum(axis=1) >= min_neurons
        sites, inside = sites[large].reset_index(drop=True), inside[large]
        if len(responses) < FEWEST_IMAGES:
            continue
        limits = ceilings_of_neurons(target)
        if row.get("source") != USER and (own := _own_splits(row, read, responses)):
            choose, scored = own
            parts = [_site_means(choose, inside), _site_means(scored, inside), _site_means(scored / limits, inside)]
        else:

            def score(part: np.ndarray, row=row, responses=responses, read=read, inside=inside, limits=limits) -> np.ndarray:
                if row.get("source") == USER:
                    values = of_each_site(row, _part(read, part), responses[part], inside, min_neurons)[0]
                    return np.stack([values, np.full(values.shape, np.nan)])
                values = family_of(row)(_part(read, part), responses[part], row["settings"])
                return _site_means(np.stack([values, values / limits]), inside)

            choose, scored = _on_halves(score, draw_halves(len(responses), n_halves, seed))
            parts = [choose[:, 0], scored[:, 0], scored[:, 1]]
        yield Splits(name, row["selection"], sites, *parts)


def _site_means(scores: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the means over the neurons of each site, (n, n_layers, n_sites), of scores (n, n_layers, n_neurons)."""
    return np.stack([means_of(part, inside)[0] for part in scores])


def _on_halves(score: Callable[[np.ndarray], np.ndarray], halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    choose, scored = ([score(np.flatnonzero(half)) for half in parts] for parts in (halves, ~halves))
    return np.stack(choose), np.stack(scored)


def _own_splits(row: Mapping, read: Mapping[str, np.ndarray], responses: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the scores of splits that a family makes itself, each (n_splits, n_layers, n_neurons), if it does."""
    split = getattr(import_module(f"dormouse.methods.{row['family']}"), "split_scores", None)
    return split and split(read, responses, row["settings"])


def _part(read: Mapping[str, np.ndarray], part: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a method reads of the layers, for some of the images."""
    kept = {name: values for name, values in read.items() if name == "n_features"}
    kept["row_sum"] = read["row_sum"][:, part]
    return {name: values[:, part][:, :, part] for name, values in read.items() if name not in ("n_features", "row_sum")} | kept
