"""A method that reads RDMs on the data of one model; see `inference.scorer`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from dormouse.inference.scorer import POOLED, Scorer, entries, part_of
from dormouse.methods.rdms import rdm_from_patterns
from dormouse.methods.scores import of_rdms
from dormouse.neurons.populations import RESPONSES_OF

BLOCK_BYTES = 2**28  # size of the RDMs of sites that are held at once


class RdmScorer(Scorer):
    """Scores of all layers of a model by one method that reads RDMs."""

    def __init__(self, name, row, read, target: Mapping, images: np.ndarray, scenes: np.ndarray, min_neurons: int):
        self._target, self._images, self.has_trials = target, images, "mean" in target
        if self.has_trials:
            sites, self._inside = entries(target, min_neurons)
        else:  # similarities, of pooled sites only
            sites = pd.DataFrame({key: target[key] for key in ("area", "cortical_layer")})
            sites = sites.assign(animal=POOLED, n_neurons=-1, site=np.arange(len(sites)))
        super().__init__(name, row, read, sites, scenes)
        self._at_once = max(1, BLOCK_BYTES // (8 * self.n_images**2))

    def _rdms(self, trials: str = "mean", first: int | None = None) -> Iterator[np.ndarray]:
        """Yield the RDMs of the first entries, (n, n_images, n_images), as many at once as memory is meant for."""
        n = len(self.sites[:first])
        if trials == "mean" and len(self.sites) <= self._at_once:
            yield self._held[:n]
            return
        for start in range(0, n, self._at_once):
            yield self._compute(trials, slice(start, min(start + self._at_once, n)))

    @cached_property
    def _held(self) -> np.ndarray:
        return self._compute("mean", slice(None))

    def _compute(self, trials: str, of: slice) -> np.ndarray:
        if not self.has_trials:
            rdms = self._target[self.row["target"]][of]
        else:
            Y = RESPONSES_OF[self.row["target"]](self._target[trials])
            rdms = np.stack([rdm_from_patterns(Y[:, inside]) for inside in self._inside[of]])
        return rdms[:, self._images][:, :, self._images]

    def scores_on(self, parts, trials="mean", first=None):
        """See `Scorer`."""
        of_layers = []
        for block in self.read.blocks():
            of_sites = [self._of_parts(block, rdms, parts) for rdms in self._rdms(trials, first)]
            of_layers.append(np.concatenate(of_sites, axis=-1))
        return np.concatenate(of_layers, axis=1)

    def _of_parts(self, block: Mapping, rdms: np.ndarray, parts: Sequence[np.ndarray | slice]) -> np.ndarray:
        return np.stack([of_rdms(self.row, part_of(block, part), rdms[:, part][:, :, part]) for part in parts])

    def splits(self, halves, first):
        """See `Scorer`."""
        found = self.scores_on([np.flatnonzero(half) for half in (*halves, *~halves)], first=first)
        choose, score = np.split(found, 2)
        return choose, score, np.full(score.shape, np.nan)

    def resampled(self, layers, counts):
        """See `Scorer`."""
        if not (resample := self.own("resampled")):
            return None
        of_entry, found, start = layers[self.sites.site], np.empty((len(counts), len(self.sites))), 0
        for rdms in self._rdms():
            here = of_entry[start : start + len(rdms)]
            for used, block in self.read.blocks_of(np.unique(here)):
                own = np.flatnonzero(np.isin(here, used))
                given = rdms[own], self.row["settings"], np.searchsorted(used, here[own]), counts
                found[:, start + own] = resample(block, *given)
            start += len(rdms)
        return found

    def tested(self, n_neurons):
        """See `Scorer`."""
        return self.sites[: self.n_pooled].assign(n_neurons=pd.NA)

    def permuted(self, permutations, n_neurons, seed):
        """See `Scorer`."""
        permute, of_layers = self.own("permuted") or self._reordered, []
        for block in self.read.blocks():
            given = (permute(block, rdms, self.row["settings"], permutations) for rdms in self._rdms(first=self.n_pooled))
            of_layers.append(np.concatenate([np.stack(list(orders)) for orders in given], axis=-1))
        return np.concatenate(of_layers, axis=1)

    def _reordered(self, block: Mapping, rdms: np.ndarray, _settings: Mapping, orders: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the scores (n_layers, n_sites) with the images of the sites in every order, for families that do not."""
        yield from (of_rdms(self.row, block, rdms[:, order][:, :, order]) for order in orders)
