"""Whether a model knows anything of the images: scores with the images of the neurons in permuted order.

The layer is chosen anew in every order, so the null distribution is that of the best layer, as the score is. All models and
methods share the orders.
"""

import numpy as np
import pandas as pd

from dormouse.inference.scorer import Scorer


def draw_orders(scenes: np.ndarray, n_images: int, n: int, seed: int) -> np.ndarray:
    """Return the images in order, and then in n permuted orders, (n + 1, n_images).

    Parameters
    ----------
    scenes : indices of the images that change places. ASSUME the blank keeps its own, because it is not like a scene
    """
    rng, orders = np.random.default_rng(seed), np.tile(np.arange(n_images), (n + 1, 1))
    for order in orders[1:]:
        order[scenes] = scenes[rng.permutation(len(scenes))]
    return orders


def best_scores(scorer: Scorer, n: int, n_neurons: int, seed: int) -> np.ndarray:
    """Return the score of the best layer at each site that is tested, as observed and in n permuted orders, (n + 1, n_sites).

    Parameters
    ----------
    n_neurons : most neurons of an area, for methods that score neurons
    """
    orders = draw_orders(scorer.scenes, scorer.n_images, n, seed)
    return np.stack([np.fmax.reduce(scores, axis=0) for scores in scorer.permuted(orders, n_neurons, seed)])


def p_values(best: np.ndarray) -> np.ndarray:
    """Return the share of orders in which the score is at least as high as observed, which counts as one of them, (n_sites,).

    Parameters
    ----------
    best : (n + 1, n_sites), from `best_scores`; sites without a score get NaN
    """
    p = (best >= best[0] - 1e-12).mean(axis=0)  # equal up to rounding is equal
    return np.where(np.isnan(best).any(axis=0), np.nan, p)


def tests(best: np.ndarray) -> pd.DataFrame:
    """Return score, null_mean, null_sd, p and n_permutations of each site."""
    null = best[1:]
    table = {"score": best[0], "null_mean": null.mean(axis=0), "null_sd": null.std(axis=0, ddof=1), "p": p_values(best)}
    return pd.DataFrame(table).assign(n_permutations=len(null))


def largest_z(best: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return z of each score against its null, the largest |z|, and how rare that is among permuted orders.

    Parameters
    ----------
    best : (n + 1, n_scores), with the same orders for all scores; scores whose null does not vary have no z

    The p value belongs to all scores together: it is the share of orders in which the largest |z| is at least as large
    (Westfall & Young 1993). It is NaN where no score has a z.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (best - best.mean(axis=0)) / best.std(axis=0)  # of all orders alike, so that the observed one has no other place
    z = np.where(np.isfinite(z), z, np.nan)
    largest = np.fmax.reduce(np.abs(z), axis=1)
    return z[0], float(largest[0]), np.nan if np.isnan(largest[0]) else float((largest >= largest[0]).mean())
