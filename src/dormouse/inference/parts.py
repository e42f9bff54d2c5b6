"""Parts of a population, and several populations side by side, so that one `Scorer` scores them all."""

from collections.abc import Mapping, Sequence

import numpy as np

from dormouse.inference.scorer import POOLED


def of_area(population: Mapping[str, np.ndarray], area: str) -> dict[str, np.ndarray]:
    """Return the neurons of one area of a population; neurons are the last axis of every array."""
    inside = population["area"] == area
    return {name: values[..., inside] for name, values in population.items()}


def side_by_side(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return several populations as one that `scorer` takes, in which each is an area of its own, named by its number.

    Parameters
    ----------
    parts : mean, odd and even of each, (n_images, n_neurons)
    """
    n = [part["mean"].shape[1] for part in parts]
    arrays = {trials: np.concatenate([part[trials] for part in parts], axis=1) for trials in ("mean", "odd", "even")}
    named = {"recording": "", "cortical_layer": "", "animal": POOLED}
    arrays |= {key: np.full(sum(n), value) for key, value in named.items()}
    return arrays | {"neuron": np.arange(sum(n)).astype(str), "area": np.repeat(np.arange(len(n)).astype(str), n)}
