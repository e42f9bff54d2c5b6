"""Log-Gabor filters: the orientation and spatial-frequency channels of early vision (Field 1987, J. Opt. Soc. Am. A 4:2379).

They are defined in the Fourier domain and respond with 0 to uniform grey. The modulus of the complex output is the local
energy that a complex cell signals (Adelson & Bergen 1985, J. Opt. Soc. Am. A 2:284).
"""

import numpy as np

BANDWIDTH_OCTAVES = 1.0  # full width at half height in spatial frequency
ORIENTATION_SD = np.pi / 10  # of the Gaussian in orientation, radians


def log_gabor_bank(shape: tuple[int, int], frequencies: np.ndarray, n_orientations: int) -> np.ndarray:
    """Return the transfer functions of a filter bank. They are one-sided, so the filtered image is complex.

    Parameters
    ----------
    shape : height and width of the image in pixels
    frequencies : (n_frequencies,) cycles per image height
    n_orientations : spread evenly over 180 degrees

    Returns
    -------
    (n_frequencies, n_orientations, height, width) float64, in the order of `numpy.fft.fft2`
    """
    height, width = shape
    fy, fx = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * height, indexing="ij")
    radius, angle = np.hypot(fx, fy), np.arctan2(fy, fx)
    radius[0, 0] = 1.0  # avoids log(0); the mean is set to 0 below
    sd_log = BANDWIDTH_OCTAVES * np.log(2) / (2 * np.sqrt(2 * np.log(2)))
    radial = np.exp(-(np.log(radius / np.asarray(frequencies)[:, None, None]) ** 2) / (2 * sd_log**2))
    radial[:, 0, 0] = 0.0
    preferred = np.arange(n_orientations)[:, None, None] * np.pi / n_orientations
    distance = np.abs(np.angle(np.exp(1j * (angle - preferred))))
    angular = np.exp(-(distance**2) / (2 * ORIENTATION_SD**2))
    return radial[:, None] * angular[None]
