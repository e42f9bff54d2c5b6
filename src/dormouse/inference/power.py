"""The smallest difference between two models that a study would find, by its numbers of animals and images."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import nctdtrinc, stdtrit

from dormouse.inference.comparison import pairs_at_each_site
from dormouse.inference.resampled import IMAGES
from dormouse.inference.resampling import COVERAGE, degrees_of_freedom

POWER = 0.8  # share of studies that find a difference
OF_STUDY = ["method", "selection", "area", "cortical_layer", "statistic", "over", "n_animals", "n_images", "own"]
SMALLEST = [*OF_STUDY, "smallest", "lowest", "highest", "n_pairs"]


def in_standard_errors(df: np.ndarray) -> np.ndarray:
    """Return the difference, in standard errors, that a two-sided t test at 5 % finds in 80 % of studies, of the shape of df.

    It is the noncentrality at which t exceeds its quantile as often. From 5 degrees of freedom up it is t_.975 + t_.80 within
    1 %; with fewer, that sum would find differences less often, 77 % with 2.
    """
    return np.interp(np.log(df), *_known())


@cache
def _known() -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of degrees of freedom from 1 to 10,000, and what belongs to them, close enough for 5 digits."""
    df = np.geomspace(1, 1e4, 2000)
    return np.log(df), nctdtrinc(df, 1 - POWER, stdtrit(df, (1 + COVERAGE) / 2))


def smallest_differences(
    components: np.ndarray, n_animals: np.ndarray, n_images: np.ndarray, animals: int | None, images: int
) -> np.ndarray:
    """Return the smallest difference that a study of other numbers would find, for each pair of models, (n_pairs,).

    Parameters
    ----------
    components : (3, n_pairs), what animals, images and their interaction add to the variance of the difference
    n_animals, n_images : (n_pairs,), numbers of the study that they are from
    animals, images : numbers of the other; no animals where these are not resampled
    """
    fewer_animals, fewer_images = np.ones(len(n_animals)) if animals is None else n_animals / animals, n_images / images
    components = components * np.stack([fewer_animals, fewer_images, fewer_animals * fewer_images])
    df = images - 1 if animals is None else degrees_of_freedom(components, animals, images)
    return in_standard_errors(df) * np.sqrt(components.sum(axis=0))


def power(arrays: Sequence[Mapping[str, np.ndarray]], animals: Sequence[int], images: Sequence[int]) -> pd.DataFrame:
    """Return the table `power`, without `differs`: over pairs of models, the smallest difference that would be found.

    Parameters
    ----------
    arrays : those of `assessment.assess`, of each model
    animals, images : numbers of studies, beside those of the data
    """
    rows = []
    for place, _, found, pairs in pairs_at_each_site(arrays):
        components, (of_animals, of_images, _) = found.components(pairs), found.numbers(pairs)
        own = (None if found.over == IMAGES else int(found.n_animals.max()), int(found.n_images.max()))
        named = place | {"statistic": found.statistic, "over": found.over, "n_pairs": len(pairs)}
        for n in sorted({own[0], *animals}) if own[0] else [None]:
            for m in sorted({own[1], *images}):
                smallest = smallest_differences(components, of_animals, of_images, n, m)
                ends = dict(zip(("smallest", "lowest", "highest"), _median_and_ends(smallest), strict=True))
                rows.append(named | {"n_animals": n, "n_images": m, "own": (n, m) == own} | ends)
    return pd.DataFrame(rows, columns=SMALLEST).astype({"n_animals": "Int64"})


def _median_and_ends(values: np.ndarray) -> tuple[float, float, float]:
    """Return median, smallest and largest of the values that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    return (np.median(known), known.min(), known.max()) if len(known) else (np.nan,) * 3
