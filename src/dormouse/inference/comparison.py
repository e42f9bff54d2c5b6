"""From the resamples of single models to intervals, ranks, differences and tests of all models by one family of methods."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, rankdata, t

from dormouse.files import read_arrays
from dormouse.inference.layer_choice import CONDITION
from dormouse.inference.permutation import tests
from dormouse.inference.resampled import OF_SITE, POOLED, Resamples, at_each_site
from dormouse.inference.resampling import COVERAGE, interval
from dormouse.tables import whole_areas

OF_STATISTIC = [*OF_SITE, "model", "statistic", "over", "sem", "low", "high", "df"]
INTERVALS = [*OF_STATISTIC, "estimate", "n_animals", "n_images", "rank", "rank_low", "rank_high"]
DIFFERENCES = [*OF_STATISTIC, "other", "difference", "p", "q"]


def intervals(arrays: Sequence[Mapping[str, np.ndarray]], models: Sequence[str]) -> pd.DataFrame:
    """Return the table `intervals` of the models, without `differs`, `layer` and `choice`; see `resampling`.

    A site with three animals or more has two rows: the mean over animals, and the score of all their neurons together. Ranks
    are those among the models; their intervals hold 95 % of the ranks in the resamples.
    """
    parts = []
    for place, own, statistics in at_each_site(arrays):
        for found in statistics:
            table = interval(found.estimate, *found.variance())
            ranks = _ranks(found.estimate, found.values)
            table = table.assign(**place, statistic=found.statistic, over=found.over, estimate=found.estimate, **ranks)
            n_animals = pd.Series(found.n_animals, dtype="Int64").replace(0, pd.NA)
            table = table.assign(model=[models[k] for k in own], n_animals=n_animals, n_images=found.n_images)
            parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=INTERVALS)


def _ranks(estimate: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rank of each model, and the ends of its interval, in resamples in which models have a score."""
    missing, ends = np.isnan(values), np.full((2, len(estimate)), np.nan)
    drawn = np.where(missing, np.nan, rankdata(np.where(missing, np.inf, -values), axis=1))  # without a score: last
    known = ~missing.all(axis=0)
    ends[:, known] = np.nanquantile(drawn[:, known], [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=0)
    return {"rank": rankdata(-estimate, method="min"), "rank_low": np.floor(ends[0]), "rank_high": np.ceil(ends[1])}


def pairs_at_each_site(
    arrays: Sequence[Mapping[str, np.ndarray]],
) -> Iterator[tuple[dict[str, str], list[int], Resamples, np.ndarray]]:
    """Yield the names of each site where models are compared, its models, their resamples, and all pairs, (n_pairs, 2) int.

    The sites are whole areas, or the layers of areas that the data set has only in parts; the resamples those of the mean over
    animals, where there is one.
    """
    sites = at_each_site(arrays)
    shown = whole_areas(pd.DataFrame([place for place, _, _ in sites], columns=OF_SITE)).index
    for place, own, (found, *_) in (sites[k] for k in shown):
        if len(own) > 1:
            yield place, own, found, np.array(list(combinations(range(len(own)), 2)))


def differences(arrays: Sequence[Mapping[str, np.ndarray]], models: Sequence[str]) -> pd.DataFrame:
    """Return the table `differences` of all pairs of models, without `differs`, on the same resamples.

    The sites are those of `pairs_at_each_site`. q adjusts p for the pairs at a site (Benjamini and Hochberg).
    """
    parts = []
    for place, own, found, pairs in pairs_at_each_site(arrays):
        difference = found.estimate[pairs[:, 0]] - found.estimate[pairs[:, 1]]
        table = interval(difference, *found.variance(pairs))
        with np.errstate(invalid="ignore", divide="ignore"):
            p = np.where(difference == 0, 1.0, 2 * t.sf(np.abs(difference) / table["sem"], table.df))
        table = table.assign(**place, statistic=found.statistic, over=found.over, difference=difference, p=p)
        table["q"] = q_values(table.p)
        first, second = ([models[own[k]] for k in column] for column in pairs.T)
        parts.append(table.assign(model=first, other=second))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=DIFFERENCES)


def permutation_tests(arrays: Sequence[Mapping[str, np.ndarray]], models: Sequence[str]) -> pd.DataFrame:
    """Return the table `permutation_tests` of the models, without `differs`; see `permutation`."""
    parts = []
    for model, part in zip(models, arrays, strict=True):
        table = pd.DataFrame({key: part[f"tested_{key}"] for key in (*OF_SITE, "n_neurons")}).assign(model=model)
        table["n_neurons"] = table.n_neurons.astype("Int64").mask(table.n_neurons < 0)
        parts.append(pd.concat([table, tests(part["best"])], axis=1))
    return with_q(pd.concat(parts, ignore_index=True))


def with_q(table: pd.DataFrame) -> pd.DataFrame:
    """Add q to tests: p adjusted for the models and sites of each method.

    The adjustment holds the false discovery rate (Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289).
    """
    q = table.groupby("method", sort=False).p.transform(q_values) if len(table) else table.p
    return table.assign(q=q)


def q_values(p: pd.Series) -> pd.Series:
    """Return p values adjusted for each other; those that are missing stay so and do not count."""
    q = pd.Series(np.nan, p.index)
    if p.notna().any():
        q[p.notna()] = false_discovery_control(p.dropna())
    return q


def seed_spread(intervals: pd.DataFrame, networks: Mapping[str, str]) -> pd.DataFrame:
    """Return the table `seed_spread`: scores of networks with random weights over their seeds, without `differs`.

    Parameters
    ----------
    intervals : the table, whose pooled scores are read
    networks : name of each random model without its seed, by model
    """
    own = intervals[intervals.model.isin(networks) & (intervals.statistic == POOLED)]
    groups = own.assign(network=own.model.map(networks)).groupby([*OF_SITE, "network"], sort=False).estimate
    spread = groups.agg(n_seeds="count", mean="mean", sd="std", lowest="min", highest="max").reset_index()
    return spread[spread.n_seeds > 1].reset_index(drop=True)


def compare(
    paths: Sequence[str | Path],
    models: Sequence[str],
    best: pd.DataFrame,
    networks: Mapping[str, str],
    differs: Mapping[str, str],
) -> dict[str, pd.DataFrame]:
    """Return the tables `intervals`, `differences`, `permutation_tests` and `seed_spread` of one family of methods.

    Parameters
    ----------
    paths : files of the arrays of `assessment.assess`, one for each model
    best : the table `best_layers`, whose layers were held fixed
    networks : as in `seed_spread`
    differs : settings that differ from the defaults, by method
    """
    arrays = list(map(read_arrays, paths))
    of_models = intervals(arrays, models).merge(
        best[[*CONDITION, "layer", "choice"]], on=CONDITION, how="left", validate="many_to_one"
    )
    tables = {
        "intervals": of_models,
        "differences": differences(arrays, models),
        "permutation_tests": permutation_tests(arrays, models),
        "seed_spread": seed_spread(of_models, networks),
    }
    return {name: table.assign(differs=table.method.map(differs)) for name, table in tables.items()}
