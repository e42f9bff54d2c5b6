"""How sure a contrast is: of networks that are some of many, and of scores in some animals with some images.

An estimate is to hold for other networks, animals and images. Its variance is that over units of networks, the squared
standard error of their scores, plus that over animals and images with the networks as they are (`resampled`). The noise of a
unit's own scores is in both, so the sum is somewhat too large. The quantile of t is the mean of both samples', weighted by the
variance that is due to each (Cochran & Cox 1950, Experimental Designs).
"""

import numpy as np
from scipy.special import stdtrit
from scipy.stats import norm, permutation_test, rankdata, t, ttest_1samp, ttest_ind

from dormouse.inference.contrasts import Contrast
from dormouse.inference.power import in_standard_errors
from dormouse.inference.resampled import Resamples
from dormouse.inference.resampling import COVERAGE, df_of_quantile

UPPER = (1 + COVERAGE) / 2


def estimate(contrast: Contrast, resamples: Resamples) -> dict:
    """Return what the table `comparisons` says of a contrast: estimate, interval, tests and size of the effect.

    Parameters
    ----------
    resamples : of the scores that the contrast weighs
    """
    of_units = over_units(contrast, resamples.estimate)
    v_data, df_data = resamples.variance_of_contrast(contrast.weights)
    v_units, variance = of_units["sem_networks"] ** 2, of_units["sem_networks"] ** 2 + v_data
    # ASSUME the variances add up: of the networks that might be, and of the animals and images that might have been recorded
    share = v_units / variance if variance > 0 else 1.0
    df = df_of_quantile(share * stdtrit(of_units["df_networks"], UPPER) + (1 - share) * stdtrit(df_data, UPPER))
    sem, value = np.sqrt(variance), of_units["estimate"]
    used = np.flatnonzero(contrast.weights)
    return of_units | {
        "sem": sem,
        "sem_data": np.sqrt(v_data),
        "df": df,
        "low": value - stdtrit(df, UPPER) * sem,
        "high": value + stdtrit(df, UPPER) * sem,
        "p": 2 * t.sf(abs(value) / sem, df) if sem > 0 else np.nan,
        "detectable": in_standard_errors(df) * sem,
        "over": f"networks, {resamples.over}" if "and" in resamples.over else f"networks and {resamples.over}",
        "n_animals": resamples.n_animals[used].min() or None,
        "n_images": resamples.n_images[used].min(),
    }


def over_units(contrast: Contrast, scores: np.ndarray) -> dict:
    """Return the estimate of a contrast and its test over units: Student's, Welch's, or that of a slope (statsmodels)."""
    first, *others = (part @ scores for part in contrast.units)
    if contrast.design is not None:
        return _test_of_slope(first, contrast.design, contrast.column)
    if others:
        test, value = ttest_ind(first, others[0], equal_var=False), first.mean() - others[0].mean()
        sem = np.sqrt(sum(part.var(ddof=1) / len(part) for part in (first, others[0])))
        effect = hedges_of_groups(first, others[0])
    else:
        test, value = ttest_1samp(first, 0.0), first.mean()
        sem, effect = first.std(ddof=1) / np.sqrt(len(first)), hedges_of_pairs(contrast.pairs @ scores)
    found = {"estimate": value, "sem_networks": sem, "df_networks": float(test.df), "p_networks": float(test.pvalue)}
    return found | {"effect_size": effect}


def _test_of_slope(scores: np.ndarray, design: np.ndarray, column: int) -> dict:
    from statsmodels.regression.linear_model import OLS  # here, and not from statsmodels.api, which takes long to import

    fit = OLS(scores, design).fit()
    t_value, df = fit.tvalues[column], fit.df_resid
    found = {
        "estimate": fit.params[column],
        "sem_networks": fit.bse[column],
        "df_networks": df,
        "p_networks": fit.pvalues[column],
    }
    return found | {"effect_size": t_value / np.sqrt(t_value**2 + df)}


def hedges_of_pairs(differences: np.ndarray) -> float:
    """Return Hedges' g of paired differences: their mean over their standard deviation, corrected for their number.

    The correction is that of Hedges (1981), J. Educ. Stat. 6:107, in its usual approximation.
    """
    n, sd = len(differences), differences.std(ddof=1) if len(differences) > 1 else 0.0
    return float(differences.mean() / sd * (1 - 3 / (4 * (n - 1) - 1))) if sd > 0 else np.nan


def hedges_of_groups(first: np.ndarray, second: np.ndarray) -> float:
    """Return Hedges' g of two independent samples: difference of means over the pooled standard deviation, corrected."""
    df = len(first) + len(second) - 2
    pooled = np.sqrt(((len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)) / df)
    return float((first.mean() - second.mean()) / pooled * (1 - 3 / (4 * df - 1))) if pooled > 0 else np.nan


def agreement(first: np.ndarray, second: np.ndarray, seed: int = 0) -> dict:
    """Return Spearman's rho of two scores of the same units, (n_units,) each, with interval and test.

    p is the share of pairings in which |rho| is as large: of all pairings, or of 10,000 random ones where there are more.
    """
    other, rng = rankdata(second), np.random.default_rng(seed)

    def rho_of(ranks: np.ndarray, axis: int) -> np.ndarray:
        return _pearson(ranks, other, axis)

    given = {"permutation_type": "pairings", "vectorized": True, "n_resamples": 9_999, "rng": rng}
    test = permutation_test((rankdata(first),), rho_of, **given)
    found = rank_correlation(first, second)
    rho = found.pop("rho")
    return {"estimate": rho, "p": float(test.pvalue), "effect_size": rho, "over": "networks"} | found


def rank_correlation(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Return Spearman's rho, and the ends `low` and `high` of its 95 % interval.

    The interval is that of Fisher's z with the standard error of Bonett & Wright (2000), Psychometrika 65:23. None where |rho|
    is 1.
    """
    rho, low, high = float(_pearson(rankdata(first), rankdata(second), 0)), np.nan, np.nan
    if abs(rho) < 1 - 1e-9:
        reach = norm.ppf(UPPER) * np.sqrt((1 + rho**2 / 2) / (len(first) - 3))
        low, high = np.tanh(np.arctanh(rho) + np.array([-reach, reach]))
    return {"rho": rho, "low": low, "high": high}


def _pearson(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    """Return Pearson's r of arrays along an axis."""
    a, b = (part - part.mean(axis=axis, keepdims=True) for part in (a, b))
    norms = np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
    return np.divide((a * b).sum(axis=axis), norms, out=np.full(norms.shape, np.nan), where=norms > 0)
