"""How often a method names the network, and the layer, that neurons were simulated from."""

from collections.abc import Sequence

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from dormouse.inference.resampling import COVERAGE

NETWORK, LAYER = "network", "network and layer"


def shares_recovered(recovery: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the share of simulations whose origin is named rightly, with Wilson's 95 % interval (Wilson 1927).

    Parameters
    ----------
    recovery : the table
    by : columns whose values tell the groups of simulations apart

    Returns
    -------
    `by`; `right`, what is named rightly: the network, or network and layer; n, the number of simulations; share, low and high;
    and chance, the share that is expected of a method that names a network at random, missing for layers
    """
    # ASSUME simulations are independent, although they share networks and images: intervals are rather too narrow
    network = recovery.recovered == recovery.model
    layer = network & (recovery.recovered_layer == recovery.layer)
    parts = []
    for right, found, chance in ((NETWORK, network, 1 / recovery.n_models), (LAYER, layer, float("nan"))):
        grouped = recovery.assign(found=found, chance=chance).groupby([*by], as_index=False, sort=False)
        table = grouped.agg(n=("found", "size"), count=("found", "sum"), chance=("chance", "mean"))
        low, high = proportion_confint(table["count"], table.n, alpha=1 - COVERAGE, method="wilson")
        parts.append(table.assign(right=right, share=table["count"] / table.n, low=low, high=high).drop(columns="count"))
    return pd.concat(parts, ignore_index=True)
