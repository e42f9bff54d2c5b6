"""Quantities of single neurons that physiologists report, computed alike for recorded neurons and units of networks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from dormouse.stimuli import BLANK

ORIENTATIONS_DEG = np.arange(6) * 30.0
FREQUENCIES = (0.02, 0.04, 0.08, 0.16, 0.32)  # cycles a degree, as the gratings of the Allen Brain Observatory
PHASES = (0.0, 0.25, 0.5, 0.75)  # cycles
QUANTITIES = ("lifetime_sparseness", "image_selectivity", "signal_correlation", "orientation_selectivity")


def lifetime_sparseness(R: np.ndarray) -> np.ndarray:
    """Return S = (1 - (sum r)^2 / (N sum r^2)) / (1 - 1 / N) of responses to N conditions, (N, n_units) -> (n_units,).

    0 where all responses are equal, 1 where one alone is not 0 (Vinje & Gallant 2000, Science 287:1273); NaN where all are 0.
    """
    n = len(R)
    with np.errstate(invalid="ignore"):
        return (1 - R.sum(axis=0) ** 2 / (n * np.square(R).sum(axis=0))) / (1 - 1 / n)


def image_selectivity(R: np.ndarray) -> np.ndarray:
    """Return 1 - 2 A of responses (n_images, n_units), where A is the mean share of images above a threshold, (n_units,).

    The mean is over all thresholds from the least response to the largest (Quiroga et al. 2007, J. Neurophysiol. 98:1997, take
    some), which gives 1 - 2 (mean - least) / (largest - least). NaN where responses do not differ.
    """
    low, high = R.min(axis=0), R.max(axis=0)
    with np.errstate(invalid="ignore"):
        return 1 - 2 * (R.mean(axis=0) - low) / (high - low)


def orientation_selectivity(R: np.ndarray, orientations_deg: np.ndarray = ORIENTATIONS_DEG) -> np.ndarray:
    """Return |sum r exp(2 i theta)| / sum r over orientations theta, at each unit's best frequency and phase, (n_units,).

    Parameters
    ----------
    R : (n_orientations, n_frequencies, n_phases, n_units), responses to gratings, not negative

    Global orientation selectivity, one minus circular variance (Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639). NaN
    where nothing evokes a response.
    """
    by_kind = R.reshape(len(R), -1, R.shape[-1])  # frequencies and phases together
    best = by_kind.max(axis=0).argmax(axis=0)
    tuning = np.take_along_axis(by_kind, best[None, None], axis=1)[:, 0]  # (n_orientations, n_units)
    with np.errstate(invalid="ignore"):
        return np.abs(np.exp(2j * np.deg2rad(orientations_deg)) @ tuning) / tuning.sum(axis=0)


def signal_correlation(R: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return Pearson r of the responses (n_images, n_units) of each unit and another one, drawn at random; (n_units,).

    NaN where responses do not vary, or there is no other unit.
    """
    n = R.shape[1]
    if n < 2:
        return np.full(n, np.nan)
    others = (np.arange(n) + rng.integers(1, n, n)) % n
    centred = R - R.mean(axis=0)
    with np.errstate(invalid="ignore"):
        Z = centred / np.linalg.norm(centred, axis=0)
    return (Z * Z[:, others]).sum(axis=0)


def gratings(size_px: int) -> np.ndarray:
    """Return gratings of a pixel a degree, (n_orientations, n_frequencies, n_phases, size_px, size_px) uint8."""
    y, x = np.mgrid[:size_px, :size_px] - (size_px - 1) / 2
    angles, frequencies, phases = np.deg2rad(ORIENTATIONS_DEG), np.array(FREQUENCIES), np.array(PHASES)
    along = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    cycles = frequencies[:, None, None, None] * along[:, None, None] + phases[:, None, None]
    return np.rint(127.5 * (1 + np.cos(2 * np.pi * cycles))).astype(np.uint8)


def measure(scenes: np.ndarray, to_gratings: np.ndarray | None, rng: np.random.Generator) -> pd.DataFrame:
    """Return every quantity of every unit, a row a unit; of recorded neurons, which saw no gratings, one is missing.

    Parameters
    ----------
    scenes : (n_images, n_units), mean responses to scenes, without the blank
    to_gratings : of `orientation_selectivity`, or None
    """
    missing = np.full(scenes.shape[1], np.nan)
    return pd.DataFrame(
        {
            "lifetime_sparseness": lifetime_sparseness(scenes),
            "image_selectivity": image_selectivity(scenes),
            "signal_correlation": signal_correlation(scenes, rng),
            "orientation_selectivity": missing if to_gratings is None else orientation_selectivity(to_gratings),
        }
    )


def measure_population(population: Mapping[str, np.ndarray], stimuli: np.ndarray, seed: int) -> pd.DataFrame:
    """Return area, layer, unit and every quantity of recorded neurons, a row a neuron.

    Parameters
    ----------
    population : of `populations.pool`, of any number of areas; a neuron's signal correlation is with one of its own area
    stimuli : (n_stimuli,), their names; the blank is left out
    """
    rng, scenes, parts = np.random.default_rng(seed), population["mean"][stimuli != BLANK], []
    for area in dict.fromkeys(population["area"]):
        inside = np.flatnonzero(population["area"] == area)
        place = {"area": area, "layer": population["cortical_layer"][inside], "unit": inside}
        parts.append(measure(scenes[:, inside], None, rng).assign(**place))
    return pd.concat(parts, ignore_index=True)


def distances(units: pd.DataFrame) -> pd.DataFrame:
    """Return how far the distributions of each network's areas are from those of recorded areas (table `unit_distances`).

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
