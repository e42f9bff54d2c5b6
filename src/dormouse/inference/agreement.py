"""Whether the order of networks is the same by other methods, in other areas, and in other animals."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from dormouse.inference.estimates import rank_correlation
from dormouse.inference.questions import Scored
from dormouse.inference.resampled import OF_SITE
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import WHOLE

FEWEST_MODELS = 5  # for a rank correlation
FEWEST_ANIMALS = 4  # of which two halves have two each
METHODS, AREAS, ANIMALS = "methods", "areas", "animals"
SITE, OTHER = ("area", "cortical_layer"), ("other_area", "other_cortical_layer")
COLUMNS = ["varies", "method", "other_method", *SITE, *OTHER, "rho", "low", "high", "n_networks", "n_animals"]


def measure_agreement(
    scored: Sequence[Scored], animal_scores: pd.DataFrame, models: pd.DataFrame, n_halves: int, seed: int
) -> pd.DataFrame:
    """Return the table `agreement`.

    Parameters
    ----------
    scored : from `questions.read_scored`
    animal_scores : the table
    models : from `contrasts.with_attributes`. Baselines and other sets of stimuli do not count; seeds are averaged
    n_halves : number of random halves of the animals, of which the mean correlation is given
    seed : of the halves
    """
    networks = models[(models.state != "none") & (models.stimulus_set == ORIGINAL)].set_index("model")
    network = networks.source + ":" + networks.name + ":" + networks.weights
    means = {}
    for part in scored:
        values = pd.Series(part.statistics[0].estimate, part.models)
        means[tuple(part.place[key] for key in OF_SITE)] = _of_networks(values, network)
    lines = [*_between(means), *_within(animal_scores, network, n_halves, seed)]
    return pd.DataFrame(lines, columns=COLUMNS)


def _of_networks(values: pd.Series, network: pd.Series) -> pd.Series:
    """Return the mean score of each network over its seeds."""
    known = values[values.index.isin(network.index)]
    return known.groupby(network.reindex(known.index)).mean()


def _between(means: Mapping[tuple, pd.Series]) -> Iterator[dict]:
    """Yield how two methods agree at a site, and two areas by a method."""
    for ((method, _, *site), first), ((other, _, *other_site), second) in combinations(means.items(), 2):
        varies = {(True, False): AREAS, (False, True): METHODS}.get((method == other, site == other_site))
        mean = varies == AREAS and WHOLE in (site[0], other_site[0])  # over areas, of which the other is one
        both = pd.concat([first, second], axis=1, join="inner").dropna()
        if varies and not mean and len(both) >= FEWEST_MODELS:
            line = {"varies": varies, "method": method, "other_method": other, "n_networks": len(both)}
            line |= dict(zip((*SITE, *OTHER), (*site, *other_site), strict=True))
            yield line | rank_correlation(*both.to_numpy().T)


def _within(animal_scores: pd.DataFrame, network: pd.Series, n_halves: int, seed: int) -> Iterator[dict]:
    """Yield how two halves of the animals agree, by each method in each area: mean correlation over random halves."""
    for (method, area, layer), rows in animal_scores.groupby(["method", "area", "cortical_layer"], sort=False):
        table = rows.pivot(index="model", columns="animal", values="score").dropna(axis=1)
        table = table[table.index.isin(network.index)]
        table = table.groupby(network.reindex(table.index)).mean()
        if len(table) < FEWEST_MODELS or table.shape[1] < FEWEST_ANIMALS:
            continue
        rng, n = np.random.default_rng(seed), table.shape[1]
        halves = (np.array_split(rng.permutation(n), 2) for _ in range(n_halves))
        rho = [rank_correlation(*(table.iloc[:, half].mean(axis=1).to_numpy() for half in pair))["rho"] for pair in halves]
        place = dict(zip((*SITE, *OTHER), (area, layer) * 2, strict=True))
        counts = {"n_networks": len(table), "n_animals": n}
        yield {"varies": ANIMALS, "method": method, "other_method": method, "rho": np.mean(rho)} | place | counts
