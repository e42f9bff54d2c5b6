"""What the data can decide, in words: sentences for each method from the tables that judge it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from dormouse.inference.agreement import ANIMALS

ALPHA = 0.05
JUDGED = ("recovery", "power", "agreement", "specificity")  # tables that are read


def limits(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> list[dict]:
    """Return for each method its `label` and the sentences that are `said` of it, without methods of which none is.

    Parameters
    ----------
    tables : those of `JUDGED`
    labels : names of methods as they are shown
    """
    found = []
    for method, label in labels.items():
        own = {name: tables[name][tables[name].method == method] for name in JUDGED}
        parts = _recovery(own["recovery"]), _power(own["power"]), _halves(own["agreement"]), _specificity(own["specificity"])
        if said := [part for part in parts if part]:
            found.append({"label": label, "said": said})
    return found


def _recovery(rows: pd.DataFrame) -> str:
    """Say how often the network that neurons were simulated from is named, against chance by a binomial test."""
    if not len(rows):
        return ""
    right, n = int((rows.recovered == rows.model).sum()), len(rows)
    layers = int(((rows.recovered == rows.model) & (rows.recovered_layer == rows.layer)).sum())
    chance = 1 / rows.n_models.iloc[0]
    # ASSUME simulations are independent, although they share networks and areas share images
    share = f"{right} of {n} times (by chance: {chance * n:.0f})"
    if binomtest(right, n, chance, alternative="greater").pvalue < ALPHA:
        return f"It named the network from which neurons were simulated {share}, and its layer {layers} times."
    return f"It cannot tell these networks apart: it named the one from which neurons were simulated {share}."


def _power(rows: pd.DataFrame) -> str:
    """Say which difference between two networks the data would show."""
    own = rows[rows.own & rows.smallest.notna()]
    if not len(own):
        return ""
    smallest = own.smallest
    ends = "" if len(own) == 1 else f", {smallest.min():.3f} to {smallest.max():.3f} by area"
    found = f"a difference of {smallest.median():.3f} between two networks{ends}"
    return f"Four of five such studies would find {found} (over {' and '.join(dict.fromkeys(own.over))})."


def _halves(rows: pd.DataFrame) -> str:
    """Say how alike two halves of the animals order networks."""
    own = rows[rows.varies == ANIMALS]
    if not len(own):
        return ""
    n = f"{own.n_networks.min():.0f} networks"
    return f"Two halves of the animals order {n} with a rank correlation of {np.median(own.rho):.2f} (median over sites)."


def _specificity(rows: pd.DataFrame) -> str:
    """Say in how many areas animals are nearer to the same area of others than to other areas."""
    known = rows[rows.low.notna()]
    if not len(known):
        return ""
    areas = ", ".join(known.area[known.low > 0])
    told = f" ({areas})" if areas else ""
    return f"It tells {int((known.low > 0).sum())} of {len(known)} areas from others in other animals{told}."
