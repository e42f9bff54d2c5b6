"""Scores corrected for noise in the recordings: divided by the noise ceiling of the neuron or site that they are of.

The ceiling is sqrt(reliability), see `neurons.ceilings`. A correlation divided by it is corrected for attenuation (Spearman
1904): it is what r would be if trials were without noise. Nothing is divided by the reliability itself.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.methods.images import is_part
from dormouse.methods.table import OTHER_IMAGES, RDMS, USER

LEAST_RELIABILITY = 0.1  # ASSUME below it, the correction would mostly multiply noise
CORRECTION = "r / sqrt(reliability), reliability from .1 up"


def ceilings_of_neurons(target: Mapping[str, np.ndarray], row: Mapping) -> np.ndarray:
    """Return the ceiling of each neuron of a population for a method, (n_neurons,); NaN where it is unknown or too low."""
    unknown = np.full(target["mean"].shape[1], np.nan)
    reliability = unknown if is_part(row) else target.get("reliability", unknown)
    return np.sqrt(np.where(reliability >= LEAST_RELIABILITY, reliability, np.nan))


def correct_rdms(table: pd.DataFrame, ceilings: pd.DataFrame, methods: Mapping[str, Mapping]) -> pd.DataFrame:
    """Return scores with those of RDMs corrected; others, and those of methods of users, which need be no r, stay as they are.

    Parameters
    ----------
    table : rows of `scores` or `layer_choices`
    ceilings : the table `ceilings` of the same sites; empty where the data set gives similarities
    methods : `target` and `images` of each method, and `source` if a user's, by name
    """
    of_site = ["selection", "target", "area", "cortical_layer"]
    known = ceilings[ceilings.neuron.isna() & ceilings.target.isin(RDMS) & (ceilings.ceiling**2 >= LEAST_RELIABILITY)]
    known_for = {name: row.get("source") != USER and not is_part(row) for name, row in methods.items()}
    target = table.method.map({name: row["target"] * known_for[name] for name, row in methods.items()})
    limits = known.set_index(of_site).ceiling.reindex(
        pd.MultiIndex.from_frame(table.assign(target=target)[of_site].astype(str))
    )
    found = pd.Series(limits.to_numpy(float), table.index)
    if "choice" in table:  # ceilings are of all trials and animals, and so are scores only where other images chose
        found = found.where(table.choice == OTHER_IMAGES)
    corrected = table.assign(corrected=table.corrected.where(found.isna(), table.score / found))
    if "corrected_by" in table:
        corrected["corrected_by"] = table.corrected_by.where(found.isna() | table.score.isna(), CORRECTION)
    return corrected
