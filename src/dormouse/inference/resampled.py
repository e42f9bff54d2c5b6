"""The resampled scores of all models: at one site by one method, or as means over areas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dormouse.inference.resampling import (
    FEWEST_ANIMALS,
    degrees_of_freedom,
    image_factor,
    variance_components,
    variance_of,
)

OF_SITE = ["method", "selection", "area", "cortical_layer"]
MEAN, POOLED = "mean_over_animals", "pooled"
BOTH, IMAGES = "animals and images", "images"
OVER = {MEAN: BOTH, POOLED: IMAGES}  # what an interval of the statistic is for


@dataclass
class Resamples:
    """The resamples of one statistic of all models.

    Attributes
    ----------
    statistic : MEAN or POOLED
    estimate : (n_models,)
    values : (n_boot, n_models), with everything resampled that the interval is for
    factors : the same with animals alone, and with images alone; empty where the interval is for images alone
    n_animals, n_images, halved : (n_models,)
    """

    statistic: str
    estimate: np.ndarray
    values: np.ndarray
    factors: tuple[np.ndarray, ...]
    n_animals: np.ndarray
    n_images: np.ndarray
    halved: np.ndarray

    @property
    def over(self) -> str:
        """Return what the interval is for."""
        return OVER[self.statistic]

    def components(self, pairs: np.ndarray | None = None) -> np.ndarray:
        """Return what animals, images and their interaction add to the variance of each estimate, (3, n_models), or n_pairs.

        Parameters
        ----------
        pairs : (n_pairs, 2) int, for differences between models; None for the models themselves
        """
        if pairs is None:
            return self._components(lambda part: part, self.numbers())
        return self._components(lambda part: part[:, pairs[:, 0]] - part[:, pairs[:, 1]], self.numbers(pairs))

    def variance(self, pairs: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return variance and degrees of freedom of each estimate, or of each difference; see `components`."""
        return self._variance(self.components(pairs), self.numbers(pairs))

    def variance_of_contrast(self, weights: np.ndarray) -> tuple[float, float]:
        """Return variance and degrees of freedom of a contrast, the sum of all estimates times `weights`, (n_models,)."""
        used = np.flatnonzero(weights)
        numbers = self.numbers(used[None])
        components = self._components(lambda part: part[:, used] @ weights[used, None], numbers)
        variance, df = self._variance(components, numbers)
        return float(variance[0]), float(df[0])

    def numbers(self, of_each: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return numbers of animals and images of each model, or of several (n, n_each), and whether images were halved."""
        if of_each is None:
            return self.n_animals, self.n_images, self.halved
        return self.n_animals[of_each].min(axis=1), self.n_images[of_each].min(axis=1), self.halved[of_each].all(axis=1)

    def _components(self, combine: Callable, numbers: tuple) -> np.ndarray:
        values, *factors = map(combine, (self.values, *self.factors))
        if factors:
            return variance_components(values, *factors, *numbers)
        of_images = variance_of(values) / image_factor(*numbers[1:])
        return np.stack([np.zeros(len(of_images)), of_images, np.zeros(len(of_images))])

    def _variance(self, components: np.ndarray, numbers: tuple) -> tuple[np.ndarray, np.ndarray]:
        n_animals, n_images, _ = numbers
        df = degrees_of_freedom(components, n_animals, n_images) if self.factors else n_images - 1
        return components.sum(axis=0), df

    def of(self, models: Sequence[int]) -> "Resamples":
        """Return the resamples of some models, by index."""
        return self._with(lambda values: values[..., models])

    def _with(self, change: Callable) -> "Resamples":
        parts = (change(part) for part in (self.estimate, self.values))
        return Resamples(
            self.statistic,
            *parts,
            tuple(map(change, self.factors)),
            *map(change, (self.n_animals, self.n_images, self.halved)),
        )


def joined(parts: Sequence[Resamples]) -> Resamples:
    """Return the resamples of the models of all parts side by side, as many as all parts have."""
    n = min(len(part.values) for part in parts)
    return Resamples(
        parts[0].statistic,
        np.concatenate([part.estimate for part in parts]),
        np.concatenate([part.values[:n] for part in parts], axis=1),
        tuple(
            np.concatenate([factor[:n] for factor in factors], axis=1)
            for factors in zip(*(p.factors for p in parts), strict=True)
        ),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("n_animals", "n_images", "halved")),
    )


def mean_of(parts: Sequence[Resamples]) -> Resamples:
    """Return the resamples of the mean over sites, of the same models at each; as many animals as the site with the fewest."""
    return Resamples(
        parts[0].statistic,
        np.mean([part.estimate for part in parts], axis=0),
        np.mean([part.values for part in parts], axis=0),
        tuple(np.mean(factors, axis=0) for factors in zip(*(part.factors for part in parts), strict=True)),
        np.min([part.n_animals for part in parts], axis=0),
        parts[0].n_images,
        parts[0].halved,
    )


def read_at(statistic: str, arrays: Sequence[Mapping[str, np.ndarray]], sites: Sequence[int]) -> Resamples:
    """Return the resamples of some models, each at the site with its own index; see `at_each_site`."""

    def of(name: str) -> np.ndarray:
        return np.stack([part[name][..., site] for part, site in zip(arrays, sites, strict=True)], axis=-1)

    if statistic == POOLED:
        parts = of("pooled"), of("of_pooled"), ()
    else:
        parts = of("mean"), of("of_both"), (of("of_animals"), of("of_images"))
    return Resamples(statistic, *parts, of("n_animals"), of("n_images"), of("halved"))


def at_each_site(arrays: Sequence[Mapping[str, np.ndarray]]) -> list[tuple[dict[str, str], list[int], list[Resamples]]]:
    """Return for each site its names, the models that have a score there, and their resamples: mean over animals, and pooled.

    Parameters
    ----------
    arrays : those of `assessment.assess`, of each model
    """
    places = [
        dict(zip(map(tuple, np.stack([part[key] for key in OF_SITE], axis=1)), range(len(part["area"])), strict=True))
        for part in arrays
    ]
    found = []
    for site in dict.fromkeys(site for place in places for site in place):
        models = [k for k, place in enumerate(places) if site in place and not np.isnan(arrays[k]["pooled"][place[site]])]
        if not models:
            continue
        given = [arrays[k] for k in models], [places[k][site] for k in models]
        parts = [read_at(POOLED, *given)]
        if parts[0].n_animals.min() >= FEWEST_ANIMALS:
            parts.insert(0, read_at(MEAN, *given))
        found.append((dict(zip(OF_SITE, map(str, site), strict=True)), models, parts))
    return found
