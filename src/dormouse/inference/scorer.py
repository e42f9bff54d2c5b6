"""One method on the data of one model, as inference needs it: at every site and in each animal, for any images and trials.

A site is scored once with the neurons of all animals (pooled), and once with those of each animal.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np
import pandas as pd

from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.scores import NEURON, sites_of
from dormouse.methods.table import USER

POOLED = ""  # instead of an animal: the neurons of all


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

    def __init__(self, name: str, row: Mapping, read: ModelKernels, sites: pd.DataFrame, scenes: np.ndarray):
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

    def scores(self, images: np.ndarray | None = None, trials: str = "mean", first: int | None = None) -> np.ndarray:
        """Return the score of every layer at the first entries, (n_layers, first).

        Parameters
        ----------
        images : indices of those to use; None for all
        trials : mean, odd or even
        first : number of entries; None for all
        """
        return self.scores_on([slice(None) if images is None else images], trials, first)[0]

    @abstractmethod
    def scores_on(self, parts: Sequence[np.ndarray | slice], trials: str = "mean", first: int | None = None) -> np.ndarray:
        """Return the same on parts of the images, (n_parts, n_layers, first)."""

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
    def permuted(self, permutations: np.ndarray, n_neurons: int, seed: int) -> np.ndarray:
        """Return scores with the images of the neurons in every permuted order, (n_orders, n_layers, n_tested)."""

    @abstractmethod
    def tested(self, n_neurons: int) -> pd.DataFrame:
        """Return area, cortical_layer and n_neurons of the sites that `permuted` scores."""

    def halved(self, layers: np.ndarray, halves: np.ndarray) -> np.ndarray:
        """Return the score of each entry by one layer on halves of the images, (n_halves, n_entries); see `resampled`."""
        entry = np.arange(len(self.sites))
        return self.scores_on([np.flatnonzero(half) for half in halves])[:, layers[self.sites.site], entry]


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


def part_of(block: Mapping[str, np.ndarray], images: np.ndarray | slice) -> dict[str, np.ndarray]:
    """Return what a method reads of a block of layers, for some of the images."""
    cut = {"n_features": lambda values: values, "row_sum": lambda values: values[:, images]}
    return {name: cut.get(name, lambda values: values[:, images][:, :, images])(values) for name, values in block.items()}
