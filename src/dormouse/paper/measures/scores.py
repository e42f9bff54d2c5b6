"""Targets of scores: whether training matters, ranks, differences, and the depth of the best layer."""

import numpy as np
import pandas as pd

from dormouse.inference.contrasts import chosen, with_attributes
from dormouse.inference.estimates import hedges_of_pairs
from dormouse.paper.facts import Tables
from dormouse.paper.measures.found import Found, Networks, NotRun, need
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import whole_areas

ARCHITECTURE = ["source", "network"]
NOISE = {"source": "baseline", "name": "noise"}


def scored(tables: Tables, method: str, which: Networks | None = None) -> pd.DataFrame:
    """Return networks that see the images as they are, with what they score by a method.

    Returns
    -------
    the table `models` of those that have a score in every area (in every layer, where there are no whole areas), with score
    and layer_depth, means over these, and the columns of `with_attributes`
    """
    rows = whole_areas(tables["best_layers"][tables["best_layers"].method == method])
    if rows.empty:
        raise NotRun(f"this run does not have the method {method}.")
    means = rows[rows.score.notna().groupby(rows.model).transform("all")].groupby("model")[["score", "layer_depth"]].mean()
    models = with_attributes(tables["models"])
    found = models[models.stimulus_set == ORIGINAL].merge(means, left_on="model", right_index=True)
    return found[chosen(found, which["where"])] if which else found


def _pairs(tables: Tables, method: str, first: Networks, second: Networks, fewest: int) -> pd.DataFrame:
    """Return the scores `first` and `second` of each architecture that has both, means over twins such as seeds."""
    sides = [scored(tables, method, side).groupby(ARCHITECTURE).score.mean() for side in (first, second)]
    pairs = pd.concat(sides, axis=1, keys=["first", "second"], join="inner")
    need(pairs, fewest, f"architectures, each as {first['label']} and as {second['label']}")
    return pairs


def share_of_pairs(tables: Tables, method: str, first: Networks, second: Networks, fewest: int) -> Found:
    """Return the share of architectures that score higher as a network of the first kind than as one of the second."""
    pairs = _pairs(tables, method, first, second, fewest)
    higher = pairs["first"] > pairs["second"]
    return Found(higher.mean(), f"{higher.mean():.3f}: {higher.sum()} of {len(pairs)}")


def effect_of_pairs(tables: Tables, method: str, first: Networks, second: Networks, fewest: int) -> Found:
    """Return Hedges' g of the differences of pairs."""
    pairs = _pairs(tables, method, first, second, fewest)
    g = hedges_of_pairs((pairs["first"] - pairs["second"]).to_numpy())
    if np.isnan(g):
        raise NotRun("the differences of the pairs do not vary.")
    return Found(g, f"{g:.2f}, over {len(pairs)} architectures")


def rank(tables: Tables, method: str, ranked: Networks, among: Networks, fewest: int) -> Found:
    """Return the rank of a network among others, 1 for the highest score."""
    own, others = (scored(tables, method, which) for which in (ranked, among))
    need(others, fewest, among["label"])
    need(own, 1, ranked["label"])
    place = 1 + int((others.score > own.score.mean()).sum())
    return Found(place, f"{place} of {len(others)}")


def ranks_gained(tables: Tables, method: str, other_method: str, networks: Networks, among: Networks, fewest: int) -> Found:
    """Return how many ranks networks gain from one method to another among all that have a score by both, mean."""
    scores = [scored(tables, name, among).set_index("model").score for name in (method, other_method)]
    both = pd.concat(scores, axis=1, keys=["one", "other"], join="inner")
    need(both, fewest, among["label"])
    own = both.index.isin(scored(tables, method, networks).model)
    need(both[own], 1, networks["label"])
    gained = (both.one.rank(ascending=False) - both.other.rank(ascending=False))[own]
    return Found(gained.mean(), f"{gained.mean():+.2f}, mean over {len(gained)} of {len(both)} networks")


def difference(tables: Tables, method: str, first: Networks, second: Networks) -> Found:
    """Return the mean score of some networks less that of others."""
    found = [_scores(tables, method, side) for side in (first, second)]
    value = found[0].mean() - found[1].mean()
    return Found(value, f"{value:+.3f}: {found[0].mean():.3f} and {found[1].mean():.3f}")


def mean_score(tables: Tables, method: str, networks: Networks) -> Found:
    """Return the mean score of some networks."""
    value = _scores(tables, method, networks).mean()
    return Found(value, f"{value:.3f}")


def _scores(tables: Tables, method: str, which: Networks) -> pd.Series:
    found = scored(tables, method, which).score
    need(found, 1, which["label"])
    return found


def median_depth(tables: Tables, method: str, networks: Networks) -> Found:
    """Return the median over networks of the depth of their best layer, which is the mean over areas."""
    depths = scored(tables, method, networks).layer_depth
    need(depths, 1, networks["label"])
    return Found(depths.median(), f"{depths.median():.2f}, over {len(depths)} network{'s' * (len(depths) > 1)}")


def share_above(tables: Tables, method: str, networks: Networks, baseline: Networks, fewest: int) -> Found:
    """Return the share of networks that score higher than a baseline."""
    scores, limit = scored(tables, method, networks).score, _scores(tables, method, baseline).mean()
    need(scores, fewest, networks["label"])
    higher = scores > limit
    return Found(higher.mean(), f"{higher.mean():.3f}: {higher.sum()} of {len(scores)}, and the baseline {limit:.3f}")


def score_of_noise(tables: Tables, method: str) -> Found:
    """Return what features that know nothing of the images score, mean over layers and areas: no layer is chosen."""
    models, scores = tables["models"], tables["scores"]
    noise = models.model[chosen(models, NOISE)]
    rows = whole_areas(scores[(scores.method == method) & scores.model.isin(noise) & scores.score.notna()])
    need(noise, 1, "the network of noise (`models.groups` with baselines)")
    if rows.empty:
        raise NotRun(f"this run does not have the method {method}.")
    return Found(rows.score.mean(), f"{rows.score.mean():.3f}, from {rows.score.min():.3f} to {rows.score.max():.3f}")
