"""Gratings over the field of view of a network."""

import numpy as np

ORIENTATIONS_DEG = np.arange(6) * 30.0
FREQUENCIES = (0.02, 0.04, 0.08, 0.16, 0.32)  # cycles per degree, as in the Allen Brain Observatory
PHASES = (0.0, 0.25, 0.5, 0.75)  # cycles
# ASSUME the input of every network spans 64 degrees of the visual field, whatever its pixels; MouseNet's are a degree each
FIELD_DEG = 64


def gratings(size_px: int) -> np.ndarray:
    """Return gratings over the field of view of a network, for its preprocessing.

    Parameters
    ----------
    size_px : side of the network's input

    Returns
    -------
    (n_orientations, n_frequencies, n_phases, n_px, n_px) uint8; n_px is `size_px`, but at least one pixel per degree.
    Gratings with less than two input pixels per cycle are uniform grey, because they would alias.
    """
    n_px = max(size_px, FIELD_DEG)
    y, x = (np.mgrid[:n_px, :n_px] - (n_px - 1) / 2) * (FIELD_DEG / n_px)
    angles, frequencies, phases = np.deg2rad(ORIENTATIONS_DEG), np.array(FREQUENCIES), np.array(PHASES)
    along = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    cycles = frequencies[:, None, None, None] * along[:, None, None] + phases[:, None, None]
    contrast = (frequencies <= size_px / (2 * FIELD_DEG))[:, None, None, None]
    return np.rint(127.5 * (1 + contrast * np.cos(2 * np.pi * cycles))).astype(np.uint8)
