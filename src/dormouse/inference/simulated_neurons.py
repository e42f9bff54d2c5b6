"""Neurons as they would be if a layer of a network explained a known share of what they see, with the noise of the data.

Responses of random linear readouts of features X, with independent normal weights, are normal over images with the covariance
X X'. So a layer's kernel alone gives draws of them.
"""

from collections.abc import Mapping

import numpy as np
from scipy.linalg import helmert

from dormouse.neurons.populations import zscored


def readouts(centred: np.ndarray, row_sum: np.ndarray, n_features: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return responses of n random linear readouts of a layer, (n_images, n), each with mean 0 and sd 1 over the images.

    Parameters
    ----------
    centred, row_sum, n_features : of the layer, see `methods.rdms`
    """
    K = centred + np.outer(row_sum, row_sum) / n_features
    Q = helmert(len(K))  # without the constant direction: the mean of every feature is taken away
    eigenvalues, V = np.linalg.eigh(Q @ K @ Q.T)
    roots = np.sqrt(eigenvalues.clip(min=0))[:, None]
    return zscored(Q.T @ V @ (roots * rng.standard_normal((len(roots), n))))


def unexplained(population: Mapping[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return responses that no network explains, (n_images, n_neurons), each with mean 0 and sd 1 over the images.

    Those of an animal have the spectrum that the neurons of all animals have over images, in directions that are random and
    the animal's own. ASSUME noise hardly changes this spectrum, because it is that of means over all trials.

    Parameters
    ----------
    population : from `populations.pool`, of one area
    """
    Z, animal = zscored(population["mean"]), population["animal"]
    Q, found = helmert(len(Z)), np.empty(Z.shape)
    roots = np.sqrt(np.linalg.eigvalsh(Q @ Z @ Z.T @ Q.T).clip(min=0))[:, None]
    for name in np.unique(animal):
        own = animal == name
        directions, _ = np.linalg.qr(rng.standard_normal((len(roots), len(roots))))
        found[:, own] = Q.T @ directions @ (roots * rng.standard_normal((len(roots), own.sum())))
    return zscored(found)


def recorded(
    population: Mapping[str, np.ndarray], signal: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return responses with the noise of the data: means over odd and over even trials, each (n_images, n_neurons).

    The mean of both has, for each neuron, the mean, sd and reliability that the neuron of the data has over images. ASSUME
    noise is normal, of the same size for all images, and independent between neurons; a neuron of unknown reliability has
    noise alone.

    Parameters
    ----------
    population : from `populations.pool`, of one area
    signal : (n_images, n_neurons), each with mean 0 and sd 1 over the images
    """
    reliability = np.nan_to_num(population["reliability"]).clip(0, 1)
    noise = np.sqrt(2 * (1 - reliability)) * rng.standard_normal((2, *signal.shape))
    data = population["mean"]
    return tuple(data.mean(axis=0) + data.std(axis=0) * (np.sqrt(reliability) * signal + noise))


def mixed(share: float, explained: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return responses of which a share of the variance over images is explained, each with mean 0 and sd 1."""
    return zscored(np.sqrt(share) * explained + np.sqrt(1 - share) * own)
