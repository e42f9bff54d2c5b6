"""Ridge regression in folds, as it is compared with other libraries."""

import numpy as np

from dormouse.methods.ridge import nested


def fold_r(kernels, Y, penalties, folds) -> np.ndarray:
    """Return r for each penalty by itself, mean over folds, (n_layers, n_penalties, n_neurons)."""
    return np.stack([nested(kernels, Y, [penalty], folds)[0].mean(axis=0) for penalty in penalties], axis=1)


def nested_r(kernels, Y, penalties, folds) -> tuple[np.ndarray, np.ndarray]:
    """Return r with penalties chosen inside, mean over folds, (n_layers, n_neurons), and these, (n_layers, n_folds, ...)."""
    r, _, chosen = nested(kernels, Y, penalties, folds)
    return r.mean(axis=0), chosen.swapaxes(0, 1)
