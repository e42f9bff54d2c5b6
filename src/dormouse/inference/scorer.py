"""One method on the data of one model, as inference needs it: at every site and in each animal, for any images and trials.

A site is scored once with the neurons of all animals (pooled), and once with those of each animal.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module

import numpy as np
import pandas as pd

from dormouse.methods.correction import ceilings_of_neurons
from dormouse.methods.images import images_of
from dormouse.methods.rdms import rdm_from_patterns
from dormouse.methods.scores import NEURON, family_of, means_of, read_of, sites_of
from dormouse.methods.table import RDMS, USER
from dormouse.methods.user import of_each_rdm, of_each_site
from dormouse.neurons.populations import RESPONSES_OF
from dormouse.stimuli.images import BLANK
from dormouse.tables import WHOLE

POOLED = ""  # instead of an animal: the neurons of all
BLOCK_BYTES = 2**25  # size of the permuted targets that are scored at once


class Scorer(ABC):
    """Scores of all layers of a model by one method.

    Attributes
    ----------
    name, row : of the method
    sites : area, cortical_layer, animal and n_neurons of each entry; `site`, the pooled entry it belongs to. The first
        `n_pooled` entries are pooled.
    n_images : number of images that the method uses
    scenes : indices of those that are not the blank
    has_trials : whether odd and even trials can be scored
    """

    has_trials = True

    def __init__(self, name: str, row: Mapping, read: Mapping[str, np.ndarray], sites: pd.DataFrame, scenes: np.ndarray):
        self.name, self.row, self.read, self.sites = name, row, read, sites
        self.n_images, self.scenes = len(scenes), np.flatnonzero(scenes)
        self.n_pooled = int((sites.animal == POOLED).sum())

    @property
    def users(self) -> bool:
        """Return whether the method is a user's function."""
        return self.row.get("source") == USER

    def own(self, function: str):
        """Return a function of the family that only some have, or None."""
        return None if self.users else getattr(import_module(f"dormouse.methods.{self.row['family']}"), function, None)

    @abstractmethod
    def scores(self, images: np.ndarray | None = None, trials: str = "mean", first: int | None = None) -> np.ndarray:
        """Return the score of every layer at the first entries, (n_layers, first).

        Parameters
        ----------
        images : indices of those to use; None for all
        trials : mean, odd or even
        first : number of entries; None for all
        """

    @abstractmethod
    def splits(self, halves: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return scores on two parts of the images: those on which a layer is chosen, and those on which it is scored.

        Parameters
        ----------
        halves : (n_splits, n_images) bool, True on which to choose; not used where a family holds images out itself

        Returns
        -------
        choose, score, corrected : (n_splits, n_layers, first); `corrected` for noise, NaN where that is not known yet
        """

    @abstractmethod
    def resampled(self, layers: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the score of each entry by one layer in resamples of the images, (n_boot, n_entries), if the family can.

        Parameters
        ----------
        layers : (n_pooled,) int, index of the layer of each pooled entry and of the animals in it
        counts : (n_boot, n_images), how often each image was drawn
        """

    @abstractmethod
    def permuted(self, permutations: np.ndarray, n_neurons: int, seed: int) -> Iterator[np.ndarray]:
        """Yield the score of every layer at the sites of `tested`, with the images of the neurons in every permuted order."""

    @abstractmethod
    def tested(self, n_neurons: int) -> pd.DataFrame:
        """Return area, cortical_layer and n_neurons of the sites that `permuted` scores."""

    def halved(self, layers: np.ndarray, halves: np.ndarray) -> np.ndarray:
        """Return the score of each entry by one layer on halves of the images, (n_halves, n_entries); see `resampled`."""
        entry = np.arange(len(self.sites))
        return np.stack([self.scores(np.flatnonzero(half))[layers[self.sites.site], entry] for half in halves])


class RdmScorer(Scorer):
    """The same by a method that reads RDMs."""

    def __init__(self, name, row, read, target: Mapping, images: np.ndarray, scenes: np.ndarray, min_neurons: int):
        self._target, self._images, self.has_trials = target, images, "mean" in target
        if self.has_trials:
            sites, self._inside = entries(target, min_neurons)
        else:  # similarities, of pooled sites only
            sites = pd.DataFrame({key: target[key] for key in ("area", "cortical_layer")})
            sites = sites.assign(animal=POOLED, n_neurons=-1, site=np.arange(len(sites)))
        super().__init__(name, row, read, sites, scenes)
        self._rdms = self._compute("mean", len(sites))

    def _compute(self, trials: str, first: int) -> np.ndarray:
        """Return RDMs (first, n_images, n_images)."""
        if not self.has_trials:
            rdms = self._target[self.row["target"]][:first]
        else:
            Y = RESPONSES_OF[self.row["target"]](self._target[trials])
            rdms = np.stack([rdm_from_patterns(Y[:, inside]) for inside in self._inside[:first]])
        return rdms[:, self._images][:, :, self._images]

    def _scores(self, read: Mapping, rdms: np.ndarray) -> np.ndarray:
        return of_each_rdm(self.row, read, rdms) if self.users else family_of(self.row)(read, rdms, self.row["settings"])

    def scores(self, images=None, trials="mean", first=None):
        """See `Scorer`."""
        rdms = self._rdms[:first] if trials == "mean" else self._compute(trials, first)
        if images is None:
            return self._scores(self.read, rdms)
        return self._scores(part_of(self.read, images), rdms[:, images][:, :, images])

    def splits(self, halves, first):
        """See `Scorer`."""
        parts = [[self.scores(np.flatnonzero(half), first=first) for half in side] for side in (halves, ~halves)]
        choose, score = map(np.stack, parts)
        return choose, score, np.full(score.shape, np.nan)

    def resampled(self, layers, counts):
        """See `Scorer`."""
        resample = self.own("resampled")
        return resample and resample(self.read, self._rdms, self.row["settings"], layers[self.sites.site], counts)

    def tested(self, n_neurons):
        """See `Scorer`."""
        return self.sites[: self.n_pooled].assign(n_neurons=pd.NA)

    def permuted(self, permutations, n_neurons, seed):
        """See `Scorer`."""
        rdms = self._rdms[: self.n_pooled]
        if permute := self.own("permuted"):
            yield from permute(self.read, rdms, self.row["settings"], permutations)
        else:
            for order in permutations:
                yield self._scores(self.read, rdms[:, order][:, :, order])


class ResponseScorer(Scorer):
    """The same by a method that reads responses; the score of a site is the mean over its neurons."""

    def __init__(self, name, row, read, target: Mapping, images: np.ndarray, scenes: np.ndarray, min_neurons: int):
        sites, self._inside = entries(target, min_neurons)
        self._responses = {trials: target[trials][images] for trials in ("mean", "odd", "even")}
        self._limits, self._min_neurons = ceilings_of_neurons(target, row), min_neurons
        super().__init__(name, row, read, sites, scenes)

    def _scores(self, read: Mapping, Y: np.ndarray, inside: np.ndarray) -> np.ndarray:
        if self.users:
            return of_each_site(self.row, read, Y, inside, self._min_neurons)[0]
        return self._means(family_of(self.row)(read, Y, self.row["settings"]), inside)

    def _means(self, scores: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return the means over the neurons of each entry, (n_layers, n_entries); NaN where too few have a score."""
        means, counts = means_of(scores, inside)
        return np.where(counts >= self._min_neurons, means, np.nan)

    @cached_property
    def _held_out(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the scores of neurons in splits of the family itself, each (n_splits, n_layers, n_neurons), if it has any."""
        split = self.own("split_scores")
        return split and split(self.read, self._responses["mean"], self.row["settings"])

    def scores(self, images=None, trials="mean", first=None):
        """See `Scorer`."""
        Y, inside = self._responses[trials], self._inside[:first]
        if images is None and trials == "mean" and self._held_out:
            return self._means(self._held_out[1].mean(axis=0), inside)  # as `score` of the family, which need not run twice
        if images is None:
            return self._scores(self.read, Y, inside)
        return self._scores(part_of(self.read, images), Y[images], inside)

    def splits(self, halves, first):
        """See `Scorer`."""
        Y, inside = self._responses["mean"], self._inside[:first]
        if self._held_out:
            corrected = np.stack([means_of(r, inside)[0] for r in self._held_out[1] / self._limits])
            return *(np.stack([self._means(of_fold, inside) for of_fold in part]) for part in self._held_out), corrected
        choose, score, corrected = [], [], []
        for half in halves:
            one, other = np.flatnonzero(half), np.flatnonzero(~half)
            choose.append(self.scores(one, first=first))
            if self.users:
                score.append(self.scores(other, first=first))
                corrected.append(np.full(score[-1].shape, np.nan))
            else:
                r = family_of(self.row)(part_of(self.read, other), Y[other], self.row["settings"])
                score.append(self._means(r, inside))
                corrected.append(means_of(r / self._limits, inside)[0])
        return np.stack(choose), np.stack(score), np.stack(corrected)

    def resampled(self, layers, counts):
        """See `Scorer`."""
        if not (resample := self.own("resampled")):
            return None
        found = np.empty((len(counts), len(self.sites)))
        for site in range(self.n_pooled):
            of_site, neurons = np.flatnonzero(self.sites.site == site), self._inside[site]
            Y = self._responses["mean"][:, neurons]
            r = resample(self.read, Y, self.row["settings"], layers[site], counts)
            found[:, of_site] = means_of(r, self._inside[of_site][:, neurons])[0]
        return found

    def _drawn(self, n_neurons: int, seed: int) -> list[np.ndarray]:
        """Return for each whole area the indices of its neurons that are tested."""
        rng, whole = np.random.default_rng(seed), self.tested(n_neurons).site
        return [rng.permutation(np.flatnonzero(inside))[:n_neurons] for inside in self._inside[whole]]

    def tested(self, n_neurons):
        """See `Scorer`."""
        whole = self.sites[: self.n_pooled]
        whole = whole[whole.cortical_layer == WHOLE]
        return whole.assign(n_neurons=whole.n_neurons.clip(upper=n_neurons))

    def permuted(self, permutations, n_neurons, seed):
        """See `Scorer`."""
        drawn = self._drawn(n_neurons, seed)
        Y = np.concatenate([self._responses["mean"][:, neurons] for neurons in drawn], axis=1)
        inside = np.repeat(np.arange(len(drawn)), [len(neurons) for neurons in drawn]) == np.arange(len(drawn))[:, None]
        step = 1 if self.users else max(1, BLOCK_BYTES // Y.nbytes)
        for start in range(0, len(permutations), step):
            orders = permutations[start : start + step]
            if self.users:
                yield self._scores(self.read, Y[orders[0]], inside)
                continue
            columns = np.concatenate([Y[order] for order in orders], axis=1)
            r = family_of(self.row)(self.read, columns, self.row["settings"])  # (n_layers, n_orders * n_neurons)
            found = means_of(r.reshape(-1, Y.shape[1]), inside)[0].reshape(len(r), len(orders), -1)
            yield from found.swapaxes(0, 1)


def scorers(
    kernels: Mapping[str, np.ndarray],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
) -> Iterator[Scorer]:
    """Yield every method of a family on the data of a model.

    Parameters
    ----------
    kernels : from `scores.read_model`
    targets : for each selection the arrays of `populations.pool` or `dataset_folder.read_similarity`, for all areas
    methods : rows by name, from `table.list_methods`
    stimuli : names of the images, in order
    min_neurons : fewest neurons of a site, and of an animal in it
    """
    for name, row in methods.items():
        images = np.arange(len(stimuli))[images_of(row, stimuli)]
        kind, scenes = RdmScorer if row["target"] in RDMS else ResponseScorer, np.asarray(stimuli)[images] != BLANK
        yield kind(name, row, read_of(row, kernels, images), targets[row["selection"]], images, scenes, min_neurons)


def entries(population: Mapping[str, np.ndarray], min_neurons: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the pooled sites and then those of each animal (see `Scorer.sites`), and which neurons lie in each."""
    sites, inside = sites_of(pd.DataFrame({key: population[key] for key in NEURON}))
    large = inside.sum(axis=1) >= min_neurons
    sites, inside = sites[large].reset_index(drop=True).assign(animal=POOLED), inside[large]
    parts, masks = [sites.assign(site=sites.index)], [inside]
    for animal in np.setdiff1d(population["animal"], [POOLED]):  # neurons of no animal count in pooled sites alone
        own = inside & (population["animal"] == animal)
        enough = own.sum(axis=1) >= min_neurons
        parts.append(sites[enough].assign(animal=animal, site=sites.index[enough]))
        masks.append(own[enough])
    inside = np.concatenate(masks)
    return pd.concat(parts, ignore_index=True).assign(n_neurons=inside.sum(axis=1)), inside


def part_of(read: Mapping[str, np.ndarray], images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a method reads of the layers, for some of the images, or for all in another order."""
    cut = {"n_features": lambda values: values, "row_sum": lambda values: values[:, images]}
    return {name: cut.get(name, lambda values: values[:, images][:, :, images])(values) for name, values in read.items()}
