"""A method that reads responses on the data of one model; see `inference.scorer`."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from dormouse.inference.scorer import Scorer, entries, part_of
from dormouse.methods.correction import ceilings_of_neurons
from dormouse.methods.scores import family_of, means_of
from dormouse.methods.user import of_each_site
from dormouse.tables import WHOLE

BLOCK_BYTES = 2**25  # size of the permuted targets that are scored at once
LEAST_COLUMNS = 2  # of these, for each image: with fewer, fits would cost more than their use


class ResponseScorer(Scorer):
    """Scores of all layers of a model by one method that reads responses; that of a site is the mean over its neurons."""

    def __init__(self, name, row, read, target: Mapping, images: np.ndarray, scenes: np.ndarray, min_neurons: int):
        sites, self._inside = entries(target, min_neurons)
        self._responses = {trials: target[trials][images] for trials in ("mean", "odd", "even")}
        self._limits, self._min_neurons = ceilings_of_neurons(target, row), min_neurons
        super().__init__(name, row, read, sites, scenes)

    def _of_neurons(self, block: Mapping, Y: np.ndarray) -> np.ndarray:
        """Return the score of some layers for every neuron, (n_layers, n_neurons)."""
        return family_of(self.row)(block, Y, self.row["settings"])

    def _scores(self, block: Mapping, Y: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return the score of some layers at every site, (n_layers, n_sites)."""
        if self.users:
            return of_each_site(self.row, block, Y, inside, self._min_neurons)[0]
        return self._means(self._of_neurons(block, Y), inside)

    def _means(self, scores: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return the means over the neurons of each entry, (n_layers, n_entries); NaN where too few have a score."""
        means, counts = means_of(scores, inside)
        return np.where(counts >= self._min_neurons, means, np.nan)

    @cached_property
    def _held_out(self) -> np.ndarray | None:
        """Return the scores of neurons in splits of the family itself, (2, n_splits, n_layers, n_neurons), if it has any."""
        split, settings = self.own("split_scores"), self.row["settings"]
        found = [split(block, self._responses["mean"], settings) for block in self.read.blocks()] if split else [None]
        return None if found[0] is None else np.concatenate(found, axis=2)

    def scores(self, images=None, trials="mean", first=None):
        """See `Scorer`."""
        if images is None and trials == "mean" and self._held_out is not None:
            # as `score` of the family, which need not run twice
            return self._means(self._held_out[1].mean(axis=0), self._inside[:first])
        return super().scores(images, trials, first)

    def scores_on(self, parts, trials="mean", first=None):
        """See `Scorer`."""
        Y, inside = self._responses[trials], self._inside[:first]

        def of_parts(block: Mapping) -> np.ndarray:
            return np.stack([self._scores(part_of(block, part), Y[part], inside) for part in parts])

        return self.read.concatenate(of_parts, axis=1)

    def splits(self, halves, first):
        """See `Scorer`."""
        Y, inside = self._responses["mean"], self._inside[:first]
        if self._held_out is not None:
            corrected = np.stack([means_of(r, inside)[0] for r in self._held_out[1] / self._limits])
            return *(np.stack([self._means(of_fold, inside) for of_fold in part]) for part in self._held_out), corrected
        choose = self.scores_on([np.flatnonzero(half) for half in halves], first=first)
        others = [np.flatnonzero(half) for half in ~halves]
        if self.users:
            score = self.scores_on(others, first=first)
            return choose, score, np.full(score.shape, np.nan)

        def of_others(block: Mapping) -> np.ndarray:
            found = [self._of_neurons(part_of(block, other), Y[other]) for other in others]
            return np.stack([[self._means(r, inside), means_of(r / self._limits, inside)[0]] for r in found])

        score, corrected = self.read.concatenate(of_others, axis=2).swapaxes(0, 1)
        return choose, score, corrected

    def resampled(self, layers, counts):
        """See `Scorer`."""
        if not (resample := self.own("resampled")):
            return None
        found = np.empty((len(counts), len(self.sites)))
        for used, block in self.read.blocks_of(np.unique(layers)):
            for site in np.flatnonzero(np.isin(layers, used)):
                of_site, neurons = np.flatnonzero(self.sites.site == site), self._inside[site]
                layer = int(np.searchsorted(used, layers[site]))
                r = resample(block, self._responses["mean"][:, neurons], self.row["settings"], layer, counts)
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
        step = max(1, BLOCK_BYTES // Y.nbytes, LEAST_COLUMNS * self.n_images // Y.shape[1])

        def of_orders(block: Mapping) -> np.ndarray:
            if self.users:
                return np.stack([self._scores(block, Y[order], inside) for order in permutations])
            found = []
            for start in range(0, len(permutations), step):
                orders = permutations[start : start + step]
                r = self._of_neurons(block, np.concatenate([Y[order] for order in orders], axis=1))
                means = means_of(r.reshape(-1, Y.shape[1]), inside)[0]
                found.append(means.reshape(len(r), len(orders), -1).swapaxes(0, 1))
            return np.concatenate(found)

        return self.read.concatenate(of_orders, axis=1)
