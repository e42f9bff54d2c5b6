"""How sure a score is: resamples of images and animals, with the layers that were chosen held fixed.

The statistic is the mean over animals of the score with each animal's own neurons. Both animals and images are samples, so its
variance has two factors and their interaction (Schuett et al. 2023, eLife 12:e82566). With the variances of the statistic when
only animals, only images, and both are resampled, V_a, V_i and V_ai, and the factors f_a, f_i by which resampling n animals or
m images is too narrow, the interaction is E = (V_ai - V_a - V_i) / (f_a f_i), and

    variance = V_a / f_a + V_i / f_i - E

Animals are weighed at random, as in the Bayesian bootstrap (Rubin 1981, Ann. Stat. 9:130): f_a = (n - 1) / (n + 1). An animal
has the same weight at every site, so sites are resampled jointly, and no site loses all its animals. Images are drawn with
replacement, f_i = (m - 1) / m, or halved, f_i = 1.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # quantiles of t; scipy.stats would take each job a second to import

from dormouse.inference.layer_choice import Splits, chosen_in, draw_halves, most_often
from dormouse.inference.scorer import POOLED, Scorer
from dormouse.methods.table import OTHER_IMAGES

FEWEST_ANIMALS = 3  # for an interval over animals
COVERAGE = 0.95


def draw_counts(n_boot: int, n_stimuli: int, seed: int) -> np.ndarray:
    """Return how often each stimulus is drawn in every resample of all of them with replacement, (n_boot, n_stimuli)."""
    return np.random.default_rng(seed).multinomial(n_stimuli, np.full(n_stimuli, 1 / n_stimuli), size=n_boot)


def draw_weights(n_boot: int, animals: Sequence[str], seed: int) -> np.ndarray:
    """Return random weights of animals, (n_boot, n_animals); those of an animal depend on its name and the seed alone."""
    names = [int.from_bytes(hashlib.sha256(animal.encode()).digest()[:8], "little") for animal in animals]
    return np.stack([np.random.default_rng([seed, name]).exponential(size=n_boot) for name in names], axis=1)


def weighted_mean(weights: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the means over animals of scores (n_boot, n_animals) under weights of the same shape, (n_boot,), without NaN."""
    known = ~np.isnan(scores)
    total = (weights * known).sum(axis=1)
    return np.divide(
        (weights * np.where(known, scores, 0.0)).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0
    )


def chosen_layers(scorer: Scorer, whole: np.ndarray, splits: Mapping[tuple[int, str], Splits]) -> np.ndarray:
    """Return the layer that represents the model at each pooled site, chosen as the row says, (n_pooled,) int; -1 for none.

    A layer without a score on all data represents nothing, nor has it a row in the table `best_layers`.
    """
    if scorer.row["choice"] == OTHER_IMAGES:
        found = np.full(scorer.n_pooled, -1)
        for site in range(scorer.n_pooled):
            layer = most_often(splits[site, OTHER_IMAGES]) if (site, OTHER_IMAGES) in splits else None
            if layer is not None and not np.isnan(whole[layer, site]):
                found[site] = layer
        return found
    known = ~np.isnan(whole[:, : scorer.n_pooled]).all(axis=0)
    return np.where(known, np.nan_to_num(whole[:, : scorer.n_pooled], nan=-np.inf).argmax(axis=0), -1)


def entry_scores(scorer: Scorer, layers: np.ndarray, whole: np.ndarray, parts: tuple | None) -> np.ndarray:
    """Return the score of every entry, (n_entries,): by the chosen layer, or the mean over splits of whichever was chosen.

    Parameters
    ----------
    layers : from `chosen_layers`
    whole : (n_layers, n_entries), scores on all data, of all entries or of the first
    parts : from `Scorer.splits`, of as many entries
    """
    entry = np.arange(whole.shape[1])
    sites = scorer.sites.site[entry]
    of_entry = layers[sites]
    if scorer.row["choice"] != OTHER_IMAGES:
        return np.where(of_entry < 0, np.nan, whole[of_entry, entry])
    found = np.full(len(entry), np.nan)
    for site in np.flatnonzero(layers >= 0):
        own = np.flatnonzero(sites == site)
        usable, chosen = chosen_in(*(part[:, :, site] for part in parts[:2]))
        found[own] = parts[1][usable, chosen][:, own].mean(axis=0)
    return found


def resample(
    scorer: Scorer, layers: np.ndarray, estimates: np.ndarray, whole: np.ndarray, n_boot: int, n_halves: int, seed: int
) -> dict[str, np.ndarray]:
    """Return the scores of every pooled site in resamples of animals, of images, and of both.

    Parameters
    ----------
    layers, estimates, whole : as in `entry_scores`, and what it returns
    n_boot : number of resamples
    n_halves : the same of halves of the images, which take their place where copies of an image would bias the score

    Returns
    -------
    pooled, mean : (n_pooled,), scores of all neurons together, and means over animals
    n_animals, n_images, halved : (n_pooled,)
    of_pooled, of_images, of_animals, of_both : (n_boot, n_pooled); the first with images resampled, of all neurons together,
        the others of means over animals
    """
    known = np.maximum(layers, 0)
    values = scorer.resampled(known, draw_counts(n_boot, scorer.n_images, seed))
    halved = values is None
    if halved:
        # ASSUME the variance over halves around their mean is that of the score: exact for means over images
        values = scorer.halved(known, draw_halves(scorer.n_images, n_halves, seed))
    sites, n = scorer.sites, scorer.n_pooled
    found = {name: np.full((len(values), n), np.nan) for name in ("of_images", "of_animals", "of_both")}
    mean, n_animals = np.full(n, np.nan), np.zeros(n, int)
    for site in np.flatnonzero(layers >= 0):
        own = np.flatnonzero((sites.site == site) & (sites.animal != POOLED) & ~np.isnan(estimates))
        n_animals[site] = len(own)
        if not len(own):
            continue
        mean[site] = estimates[own].mean()
        equal, weights = np.ones((len(values), len(own))), draw_weights(len(values), list(sites.animal[own]), seed)
        found["of_images"][:, site] = weighted_mean(equal, values[:, own])
        found["of_animals"][:, site] = weighted_mean(weights, np.broadcast_to(whole[layers[site], own], weights.shape))
        found["of_both"][:, site] = weighted_mean(weights, values[:, own])
    of_pooled = np.where(layers >= 0, values[:, :n], np.nan)
    counts = {"n_animals": n_animals, "n_images": np.full(n, scorer.n_images), "halved": np.full(n, halved)}
    return {"pooled": np.where(layers >= 0, estimates[:n], np.nan), "mean": mean, "of_pooled": of_pooled} | found | counts


def variance_of(values: np.ndarray) -> np.ndarray:
    """Return the variance of each column of resamples (n_boot, n), (n,); NaN where fewer than two have a score."""
    enough = (~np.isnan(values)).sum(axis=0) > 1
    found = np.full(values.shape[1], np.nan)
    found[enough] = np.nanvar(values[:, enough], axis=0, ddof=1)
    return found


def variance_components(
    both: np.ndarray, animals: np.ndarray, images: np.ndarray, n_animals: np.ndarray, n_images: np.ndarray, halved: np.ndarray
) -> np.ndarray:
    """Return what animals, images and their interaction add to the variance of a mean over animals, (3, n_sites).

    Parameters
    ----------
    both, animals, images : (n_boot, n_sites), resamples of both factors and of each alone
    n_animals, n_images : (n_sites,)
    halved : (n_sites,) bool, whether images were halved

    The sum, which is the variance, is held between the larger of the two factors' variances and that of both with the
    interaction three times, as resampling both has it. So no component is negative.
    """
    f_animals, f_images = (n_animals - 1) / (n_animals + 1), image_factor(n_images, halved)
    v_both, v_animals, v_images = map(variance_of, (both, animals, images))
    interaction = (v_both - v_animals - v_images) / (f_animals * f_images)
    v_animals, v_images = v_animals / f_animals, v_images / f_images
    least = np.maximum(v_animals, v_images)
    variance = np.clip(v_animals + v_images - interaction, least, np.maximum(v_animals + v_images + interaction, least))
    interaction = v_animals + v_images - variance  # what animals vary by in these images, they have in both factors
    return np.stack([v_animals - interaction, v_images - interaction, interaction])


def degrees_of_freedom(components: np.ndarray, n_animals: np.ndarray, n_images: np.ndarray) -> np.ndarray:
    """Return the degrees of freedom of a variance of two factors, (n_sites,).

    The quantile of t is the mean of those of animals and of images, weighted by the variance that is due to each (Cochran &
    Cox 1950, Experimental Designs); the degrees of freedom are those that have this quantile.

    Parameters
    ----------
    components : from `variance_components`
    """
    v_animals, v_images = components[0] + components[2], components[1] + components[2]
    total = v_animals + v_images
    share = np.divide(v_animals, total, out=np.ones_like(total), where=total > 0)
    of_animals, of_images = (stdtrit(n - 1, (1 + COVERAGE) / 2) for n in (n_animals, n_images))
    return df_of_quantile(share * of_animals + (1 - share) * of_images)


def two_factor_variance(
    both: np.ndarray, animals: np.ndarray, images: np.ndarray, n_animals: np.ndarray, n_images: np.ndarray, halved: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance of a mean over animals, or of a difference of two, and its degrees of freedom, (n_sites,) each.

    The parameters are those of `variance_components`.
    """
    components = variance_components(both, animals, images, n_animals, n_images, halved)
    return components.sum(axis=0), degrees_of_freedom(components, n_animals, n_images)


def df_of_quantile(quantile: np.ndarray) -> np.ndarray:
    """Return the degrees of freedom, from 1 to 10,000, with which t has a quantile at the upper end of an interval."""
    return np.interp(-quantile, *_known_quantiles())


@cache
def _known_quantiles() -> tuple[np.ndarray, np.ndarray]:
    df = np.geomspace(1, 1e4, 20_000)
    return -stdtrit(df, (1 + COVERAGE) / 2), df


def image_factor(n_images: np.ndarray, halved: np.ndarray) -> np.ndarray:
    """Return the factor by which resamples of images are too narrow."""
    return np.where(halved, 1.0, (n_images - 1) / n_images)


def interval(estimate: np.ndarray, variance: np.ndarray, df: np.ndarray) -> pd.DataFrame:
    """Return sem and the ends of the t interval that is to cover the expected score in 95 % of experiments."""
    sem = np.sqrt(variance)
    reach = stdtrit(df, (1 + COVERAGE) / 2) * sem
    return pd.DataFrame({"sem": sem, "low": estimate - reach, "high": estimate + reach, "df": df})
