"""Which networks are alike in where they score high."""

import numpy as np
import pandas as pd


def relatives(scores: pd.DataFrame, model: str, n: int) -> pd.Series:
    """Return the n networks whose profile of scores is nearest to that of a model, by distance, the nearest first.

    A profile is the score by each method at each site, in standard deviations over the networks. The distance is the root of
    the mean squared difference of two profiles, over the sites at which both have a score.

    Parameters
    ----------
    scores : method, area, cortical_layer, model and score
    model : one of them; without a score of its own it has no relatives
    """
    profiles = scores.pivot(index="model", columns=["method", "area", "cortical_layer"], values="score")
    spread = profiles.std()
    profiles = profiles.loc[:, spread > 0] / spread[spread > 0]
    if model not in profiles.index:
        return pd.Series(dtype=float)
    distances = np.sqrt(((profiles - profiles.loc[model]) ** 2).mean(axis=1))
    return distances.drop(model).dropna().sort_values(kind="stable").head(n)
