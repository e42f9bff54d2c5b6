"""Over how many dimensions responses are spread: from an n x n kernel alone."""

import numpy as np

# features whose variance is this small beside their mean square do not vary over images, up to the rounding of float32
CONSTANT = (4 * np.finfo(np.float32).eps) ** 2


def participation_ratio(K: np.ndarray) -> float:
    """Return the effective dimension of features or responses over images: (tr Kc)^2 / tr(Kc^2), where Kc = H K H.

    With the eigenvalues l_i of the covariance of features this is (sum of l_i)^2 / sum of l_i^2: k where k dimensions share
    the variance equally (Gao et al. 2017, bioRxiv 214262). H = I - 11'/n centres every feature over the images.

    Parameters
    ----------
    K : (n_images, n_images) float64, X X' of features X (n_images, n_features)

    NaN where no feature varies over the images.
    """
    Kc = K - K.mean(axis=0) - K.mean(axis=1, keepdims=True) + K.mean()
    variance = np.trace(Kc)
    return float(variance**2 / np.square(Kc).sum()) if variance > CONSTANT * np.trace(K) else np.nan
