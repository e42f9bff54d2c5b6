"""Quantities of single neurons that physiologists report, computed alike for recorded neurons and units of networks."""

import numpy as np
import pandas as pd

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


def orientation_selectivity(R: np.ndarray) -> np.ndarray:
    """Return |sum r exp(2 i theta)| / sum r over orientations theta, at each unit's best frequency and phase, (n_units,).

    Parameters
    ----------
    R : (n_orientations, n_frequencies, n_phases, n_units), responses to gratings, not negative; orientations are spaced evenly
        over 180 degrees, from 0 on

    Global orientation selectivity, one minus circular variance (Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639). NaN
    where nothing evokes a response.
    """
    by_kind = R.reshape(len(R), -1, R.shape[-1])  # frequencies and phases together
    best = by_kind.max(axis=0).argmax(axis=0)
    tuning = np.take_along_axis(by_kind, best[None, None], axis=1)[:, 0]  # (n_orientations, n_units)
    with np.errstate(invalid="ignore"):
        selectivity = np.abs(np.exp(2j * np.deg2rad(np.arange(len(R)) * (180 / len(R)))) @ tuning) / tuning.sum(axis=0)
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
