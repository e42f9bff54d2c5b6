"""Single-neuron statistics that physiologists report, computed the same way for recorded neurons and network units."""

import numpy as np
import pandas as pd

CONSTANT = 1e-6  # responses that differ by less than this fraction of the largest differ only by float32 rounding
QUANTITIES = ("lifetime_sparseness", "image_selectivity", "signal_correlation", "orientation_selectivity")


def rectified(R: np.ndarray) -> np.ndarray:
    """Return responses with negative ones set to 0."""
    return np.maximum(R, 0)


def none_negative(R: np.ndarray) -> np.ndarray:
    """Return responses (..., n_units) with NaN for all responses of a unit that has a negative one."""
    return np.where((R < 0).any(axis=tuple(range(R.ndim - 1))), np.nan, R)


# what statistics that need rates do with negative responses, by the values of `config: mousenet.units.negative`
NEGATIVE = {"rectify": rectified, "leave_out": none_negative}


def varying(R: np.ndarray) -> np.ndarray:
    """Return which units have responses (n_images, n_units) that vary over images, (n_units,) bool."""
    return np.ptp(R, axis=0) > CONSTANT * np.abs(R).max(axis=0)


def lifetime_sparseness(R: np.ndarray) -> np.ndarray:
    """Return S = (1 - (sum r)^2 / (N sum r^2)) / (1 - 1 / N) of responses to N conditions, (N, n_units) -> (n_units,).

    0 if all responses are equal, 1 if only one of them is not 0 (Vinje & Gallant 2000, Science 287:1273); NaN if all are 0.
    Responses are rates: none may be negative.
    """
    n = len(R)
    with np.errstate(invalid="ignore"):
        sparseness = (1 - R.sum(axis=0) ** 2 / (n * np.square(R).sum(axis=0))) / (1 - 1 / n)
    return np.clip(sparseness, 0, 1)  # only rounding can take it outside


def image_selectivity(R: np.ndarray) -> np.ndarray:
    """Return 1 - 2 A of responses (n_images, n_units), where A is the mean fraction of images above a threshold, (n_units,).

    The mean is over all thresholds from the smallest response to the largest, which gives 1 - 2 (mean - min) / (max - min);
    Quiroga et al. (2007, J. Neurophysiol. 98:1997) use a finite number of thresholds. NaN if all responses are equal.
    """
    low, high = R.min(axis=0), R.max(axis=0)
    with np.errstate(invalid="ignore"):
        return 1 - 2 * (R.mean(axis=0) - low) / (high - low)


def orientation_selectivity(R: np.ndarray) -> np.ndarray:
    """Return |sum r exp(2 i theta)| / sum r over orientations theta, at each unit's best frequency and phase, (n_units,).

    Parameters
    ----------
    R : (n_orientations, n_frequencies, n_phases, n_units), non-negative responses to gratings; orientations are evenly spaced
        over 180 degrees, starting at 0

    This is global orientation selectivity, one minus circular variance (Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639).
    NaN if no grating evokes a response.
    """
    by_kind = R.reshape(len(R), -1, R.shape[-1])  # frequencies and phases together
    best = by_kind.max(axis=0).argmax(axis=0)
    tuning = np.take_along_axis(by_kind, best[None, None], axis=1)[:, 0]  # (n_orientations, n_units)
    with np.errstate(invalid="ignore"):
        selectivity = np.abs(np.exp(2j * np.deg2rad(np.arange(len(R)) * (180 / len(R)))) @ tuning) / tuning.sum(axis=0)
    return np.clip(selectivity, 0, 1)


def signal_correlation(R: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return Pearson r between the responses (n_images, n_units) of each unit and another one, drawn at random; (n_units,).

    NaN if responses do not vary, or if there is no other unit.
    """
    n = R.shape[1]
    if n < 2:
        return np.full(n, np.nan)
    others = (np.arange(n) + rng.integers(1, n, n)) % n
    centred = R - R.mean(axis=0)
    Z = centred / np.where(varying(R), np.linalg.norm(centred, axis=0), np.nan)
    return (Z * Z[:, others]).sum(axis=0)


def measure(scenes: np.ndarray, to_gratings: np.ndarray | None, rng: np.random.Generator, negative: str) -> pd.DataFrame:
    """Return every quantity of every unit, one row per unit.

    Parameters
    ----------
    scenes : (n_images, n_units), mean responses to scenes, without the blank
    to_gratings : responses as in `orientation_selectivity`; None for recorded neurons, which saw no gratings
    negative : what to do with negative responses in sparseness and orientation selectivity, a key of `NEGATIVE`
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
