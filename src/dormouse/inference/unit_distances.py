"""Distances between the distributions of unit statistics in networks and in recorded neurons."""

import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from dormouse.unit_statistics import QUANTITIES


def distances(units: pd.DataFrame) -> pd.DataFrame:
    """Return the distances between the distributions of each network's areas and of recorded areas (table `unit_distances`).

    Parameters
    ----------
    units : table `units`, of networks and of recorded neurons
    """
    rows, recorded = [], units[units.model == ""]
    for (model, area), own in units[units.model != ""].groupby(["model", "area"], sort=False):
        for recorded_area, neurons in recorded.groupby("area", sort=False):
            for quantity in QUANTITIES:
                a, b = own[quantity].dropna(), neurons[quantity].dropna()
                if len(a) and len(b):
                    far = {"wasserstein": wasserstein_distance(a, b), "ks": ks_2samp(a, b).statistic}
                    counts = {"n_units": len(a), "n_neurons": len(b)}
                    place = {"model": model, "area": area, "recorded_area": recorded_area, "quantity": quantity}
                    rows.append(place | counts | far)
    columns = ["model", "area", "recorded_area", "quantity", "n_units", "n_neurons", "wasserstein", "ks"]
    return pd.DataFrame(rows, columns=columns)
