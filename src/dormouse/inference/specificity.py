"""Which method puts an area nearer to the same area of another animal than to other areas.

One animal's neurons of an area take the place of a network's layer, and are scored against the neurons of every other animal.
With S_AB the mean score of animals' area A in area B of other animals, the specificity of an area A is the mean over all other
areas B of

    sqrt(S_AA S_BB) - sqrt(S_AB S_BA)

where scores below 0 count as 0. Noise and few neurons lower the scores of an area by a factor, both as the source and as the
target, and such factors cancel: areas that are alike have no specificity, however reliable their neurons. A method that cannot
tell areas apart cannot say which network is like which area.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from dormouse.inference.resampling import COVERAGE, FEWEST_ANIMALS
from dormouse.inference.scorer import POOLED
from dormouse.inference.scorers import scorers
from dormouse.neurons.populations import RESPONSES_OF, zscored
from dormouse.tables import WHOLE

COLUMNS = ["method", "selection", "area", "same", "other", "specificity", "low", "high", "p", "n_animals"]
GROUP = ["area", "animal"]
KERNELS_EACH, BLOCK_BYTES = 2, 2**28  # that `kernels_of` makes of a population, and size of those that are made at once


def kernels_of(responses: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the kernels of populations, (n_images, n_neurons) each, as if they were layers of a network.

    Neurons are far fewer than the columns of a projection, so `srp` is that of the neurons themselves.
    """
    centred = [Y - Y.mean(axis=1, keepdims=True) for Y in responses]
    scaled = np.stack([Z @ Z.T for Z in map(zscored, responses)])
    return {
        "centred": np.stack([C @ C.T for C in centred]),
        "srp": scaled,
        "zscore": scaled,
        "row_sum": np.stack([Y.sum(axis=1) for Y in responses]),
        "n_features": np.array([Y.shape[1] for Y in responses]),
    }


def measure_specificity(
    targets: Mapping[str, Mapping[str, np.ndarray]], methods: Mapping[str, Mapping], stimuli: Sequence[str], min_neurons: int
) -> pd.DataFrame:
    """Return the table `specificity`, without `differs`: a row for each area that two animals have.

    Parameters
    ----------
    targets, methods, stimuli, min_neurons : as in `scorer.scorers`
    """
    tables = []
    for name, row in methods.items():
        place = {"method": name, "selection": row["selection"]}
        scores = scores_between_animals(name, row, targets[row["selection"]], stimuli, min_neurons)
        tables.append(pd.DataFrame([place | line for line in of_areas(scores)], columns=COLUMNS))
    return pd.concat(tables, ignore_index=True)


def scores_between_animals(
    name: str, row: Mapping, population: Mapping[str, np.ndarray], stimuli: Sequence[str], min_neurons: int
) -> pd.DataFrame:
    """Return the score of each animal's neurons of an area (rows) in those of each animal and area (columns).

    Both are in the same order. An animal is not compared with itself: NaN.
    """
    owners = pd.DataFrame({key: population[key] for key in GROUP})
    groups = {key: own for key, own in owners.groupby(GROUP).indices.items() if len(own) >= min_neurons}
    index = pd.MultiIndex.from_tuples(list(groups), names=GROUP)
    if not groups:
        return pd.DataFrame(index=index, columns=index, dtype=float)
    responses_of = RESPONSES_OF.get(row["target"], RESPONSES_OF["rdm"])
    given, owned, parts = ({row["selection"]: population}, {name: row}, stimuli, min_neurons), list(groups.values()), []
    at_once = max(1, BLOCK_BYTES // (KERNELS_EACH * 8 * len(stimuli) ** 2))
    for start in range(0, len(owned), at_once):
        responses = [responses_of(population["mean"][:, own]) for own in owned[start : start + at_once]]
        (scorer,) = scorers(kernels_of(responses), *given)
        parts.append(scorer.scores())
    single = ((scorer.sites.animal != POOLED) & (scorer.sites.cortical_layer == WHOLE)).to_numpy()
    columns = pd.MultiIndex.from_frame(scorer.sites[single][GROUP])
    scores = pd.DataFrame(np.concatenate(parts)[:, single], index=index, columns=columns)[list(groups)]
    animals = index.get_level_values("animal")
    return scores.mask(animals.to_numpy()[:, None] == animals.to_numpy())


def of_areas(scores: pd.DataFrame) -> list[dict]:
    """Return specificity, its parts and its interval over animals for each area of `scores_between_animals`."""
    found, animals = _specificity(scores), scores.index.get_level_values("animal")
    left_out = {
        animal: _specificity(scores.loc[animals != animal, animals != animal]).specificity for animal in animals.unique()
    }
    lines = []
    for area, row in found.dropna().iterrows():
        n = int((scores.index.get_level_values("area") == area).sum())
        without = np.array([values.get(area, np.nan) for values in left_out.values()])
        line = {"area": area, "n_animals": n} | row.to_dict()
        if n >= FEWEST_ANIMALS:
            # jackknife over animals, which are left out on both sides (Efron & Stein 1981, Ann. Stat. 9:586)
            known = without[~np.isnan(without)]
            sem = np.sqrt((len(known) - 1) * known.var())
            reach = t.ppf((1 + COVERAGE) / 2, n - 1) * sem
            line |= {"low": row.specificity - reach, "high": row.specificity + reach}
            line["p"] = 2 * t.sf(abs(row.specificity) / sem, n - 1) if sem > 0 else np.nan
        lines.append(line)
    return lines


def _specificity(scores: pd.DataFrame) -> pd.DataFrame:
    """Return `same`, `other` and `specificity` by area; NaN where an area is not there in two animals, or is the only one."""
    means = scores.groupby("area").mean().T.groupby("area").mean().T  # NaN, of the same animal, are left out
    S = means.clip(lower=0).to_numpy()
    crossed = pd.DataFrame(np.sqrt(S * S.T), index=means.index).mask(np.eye(len(S), dtype=bool))
    values = np.sqrt(np.outer(np.diag(S), np.diag(S))) - crossed
    found = {"same": np.diag(means), "other": crossed.mean(axis=1), "specificity": values.mean(axis=1)}
    return pd.DataFrame(found, index=means.index)
