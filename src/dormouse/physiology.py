"""Quantities of single neurons that physiologists report, computed alike for recorded neurons and units of networks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from dormouse.stimuli import BLANK

ORIENTATIONS_DEG = np.arange(6) * 30.0
FREQUENCIES = (0.02, 0.04, 0.08, 0.16, 0.32)  # cycles a degree, as the gratings of the Allen Brain Observatory
PHASES = (0.0, 0.25, 0.5, 0.75)  # cycles
FIELD_DEG = (
    64  # ASSUME a network sees so much of the visual field on a side, whatever its pixels; MouseNet's are a degree each
)
CONSTANT = 1e-6  # responses that differ by less, of the largest, do so by the rounding of float32
QUANTITIES = ("lifetime_sparseness", "image_selectivity", "signal_correlation", "orientation_selectivity")


def rectified(R: np.ndarray) -> np.ndarray:
    """Return responses with 0 in the place of negative ones."""
    return np.maximum(R, 0)


def none_negative(R: np.ndarray) -> np.ndarray:
    """Return responses (..., n_units) with NaN for all of a unit of which one is negative."""
    return np.where((R < 0).any(axis=tuple(range(R.ndim - 1))), np.nan, R)


# of quantities that take responses for rates, by the words of `config: mousenet.units.negative`
NEGATIVE = {"rectify": rectified, "leave_out": none_negative}


def varying(R: np.ndarray) -> np.ndarray:
    """Return which units have responses (n_images, n_units) that differ, (n_units,) bool."""
    return np.ptp(R, axis=0) > CONSTANT * np.abs(R).max(axis=0)


def lifetime_sparseness(R: np.ndarray) -> np.ndarray:
    """Return S = (1 - (sum r)^2 / (N sum r^2)) / (1 - 1 / N) of responses to N conditions, (N, n_units) -> (n_units,).

    0 where all responses are equal, 1 where one alone is not 0 (Vinje & Gallant 2000, Science 287:1273); NaN where all are 0.
    It takes responses for rates: none may be negative.
    """
    n = len(R)
    with np.errstate(invalid="ignore"):
        sparseness = (1 - R.sum(axis=0) ** 2 / (n * np.square(R).sum(axis=0))) / (1 - 1 / n)
    return np.clip(sparseness, 0, 1)  # but for rounding it lies there


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
        selectivity = np.abs(np.exp(2j * np.deg2rad(orientations_deg)) @ tuning) / tuning.sum(axis=0)
    return np.clip(selectivity, 0, 1)


def signal_correlation(R: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return Pearson r of the responses (n_images, n_units) of each unit and another one, drawn at random; (n_units,).

    NaN where responses do not vary, or there is no other unit.
    """
    n = R.shape[1]
    if n < 2:
        return np.full(n, np.nan)
    others = (np.arange(n) + rng.integers(1, n, n)) % n
    centred = R - R.mean(axis=0)
    Z = centred / np.where(varying(R), np.linalg.norm(centred, axis=0), np.nan)
    return (Z * Z[:, others]).sum(axis=0)


def gratings(size_px: int) -> np.ndarray:
    """Return gratings over the field of view of a network, for its preprocessing.

    Parameters
    ----------
    size_px : of the input of the network

    Returns
    -------
    (n_orientations, n_frequencies, n_phases, n_px, n_px) uint8, of `size_px` or of a pixel a degree, whichever is more. A
    frequency that the input has too few pixels for, less than two a cycle, is grey: it would be seen as another.
    """
    n_px = max(size_px, FIELD_DEG)
    y, x = (np.mgrid[:n_px, :n_px] - (n_px - 1) / 2) * (FIELD_DEG / n_px)
    angles, frequencies, phases = np.deg2rad(ORIENTATIONS_DEG), np.array(FREQUENCIES), np.array(PHASES)
    along = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    cycles = frequencies[:, None, None, None] * along[:, None, None] + phases[:, None, None]
    contrast = (frequencies <= size_px / (2 * FIELD_DEG))[:, None, None, None]
    return np.rint(127.5 * (1 + contrast * np.cos(2 * np.pi * cycles))).astype(np.uint8)


def measure(scenes: np.ndarray, to_gratings: np.ndarray | None, rng: np.random.Generator, negative: str) -> pd.DataFrame:
    """Return every quantity of every unit, a row a unit; of recorded neurons, which saw no gratings, one is missing.

    Parameters
    ----------
    scenes : (n_images, n_units), mean responses to scenes, without the blank
    to_gratings : of `orientation_selectivity`, or None
    negative : what becomes of negative responses in sparseness and orientation selectivity, of `NEGATIVE`
    """
    missing, rates = np.full(scenes.shape[1], np.nan), NEGATIVE[negative]
    return pd.DataFrame(
        {
            "lifetime_sparseness": lifetime_sparseness(rates(scenes)),
            "image_selectivity": image_selectivity(scenes),
            "signal_correlation": signal_correlation(scenes, rng),
            "orientation_selectivity": missing if to_gratings is None else orientation_selectivity(rates(to_gratings)),
        }
    )


def measure_population(population: Mapping[str, np.ndarray], stimuli: np.ndarray, seed: int, negative: str) -> pd.DataFrame:
    """Return area, layer, unit and every quantity of recorded neurons, a row a neuron.

    Parameters
    ----------
    population : of `populations.pool`, of any number of areas. A neuron's signal correlation is with one of its own area and
        cortical layer, as a unit's is with one of its own population; those of unknown layer have each other
    stimuli : (n_stimuli,), their names; the blank is left out
    negative : see `measure`
    """
    rng, scenes, parts = np.random.default_rng(seed), population["mean"][stimuli != BLANK], []
    sites = pd.DataFrame({"area": population["area"], "layer": population["cortical_layer"]})
    for (area, layer), inside in sites.groupby(["area", "layer"], sort=False).indices.items():
        place = {"area": area, "layer": layer, "unit": inside}
        parts.append(measure(scenes[:, inside], None, rng, negative).assign(**place))
    return pd.concat(parts).sort_values("unit", ignore_index=True)


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
