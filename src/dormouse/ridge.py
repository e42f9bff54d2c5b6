"""Ridge regression from a layer's features to neurons, in dual form: from the n x n kernel of the features alone.

With K = X X' and an orthonormal basis Q (n - 1, n) of the vectors that sum to 0, ridge with penalty a and an unpenalised
intercept leaves the residuals Y - Yhat = M Y, where M = a Q' (Q K Q' + a I)^-1 Q (Hoerl & Kennard 1970, in the dual form of
Saunders et al. 1998). Leaving stimulus i out and predicting it from a refit gives the residual (M Y)_i / M_ii (Allen 1974,
PRESS). One eigendecomposition of Q K Q' serves all neurons.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.linalg import helmert

from dormouse.errors import InputError
from dormouse.tables import LAYER_ARRAYS, LAYER_COLUMNS, WHOLE, cross, layer_table

VARIANTS = ("srp", "zscore")  # kernels that neurons are predicted from


def leave_one_out(K: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    """Predict each stimulus from a ridge fit to all others.

    Parameters
    ----------
    K : (n_stimuli, n_stimuli) float64, kernel of the features
    Y : (n_stimuli, n_neurons) float64, responses
    penalty : added to the diagonal of the kernel; must be positive

    Returns
    -------
    (n_stimuli, n_neurons) float64, predictions. Standardisation of the features, if any, is that of K, over all stimuli.
    """
    if not penalty > 0:
        raise ValueError(f"penalty must be positive, got {penalty}")
    Q = helmert(len(K))  # rows: an orthonormal basis of what is orthogonal to the constant vector, (n - 1, n)
    eigenvalues, U = np.linalg.eigh(Q @ K @ Q.T)
    V = Q.T @ U
    # a sum of positive terms: taking the constant direction out afterwards would cost all digits of a large kernel
    M = (V * (penalty / (np.clip(eigenvalues, 0.0, None) + penalty))) @ V.T
    return Y - (M @ Y) / np.diag(M)[:, None]


def correlation(predicted: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return Pearson r over stimuli of each column of two (n_stimuli, n_neurons) arrays, (n_neurons,).

    It is NaN where a column does not vary. Its null value lies below 0: leaving a stimulus out moves the mean of the others
    away from it, so that an uninformative predictor gives -1 (Conwell et al. report this r; so does `paper`).
    """
    A, B = predicted - predicted.mean(axis=0), Y - Y.mean(axis=0)
    norm = np.linalg.norm(A, axis=0) * np.linalg.norm(B, axis=0)
    varies = (np.ptp(predicted, axis=0) > 0) & (np.ptp(Y, axis=0) > 0)
    return np.divide((A * B).sum(axis=0), norm, out=np.full(Y.shape[1], np.nan), where=varies)


def score_layers(kernels: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    """Return the leave-one-out Pearson r of every layer and neuron, (n_layers, n_neurons).

    Parameters
    ----------
    kernels : (n_layers, n_stimuli, n_stimuli)
    Y : (n_stimuli, n_neurons), mean responses
    """
    Y = Y.astype(np.float64)
    return np.stack([correlation(leave_one_out(K, Y, penalty), Y) for K in kernels])


def score(kernels: Mapping[str, np.ndarray], population: Mapping[str, np.ndarray], penalty: float) -> pd.DataFrame:
    """Return the score of every layer of a model for every neuron of an area, from every kernel, as a long table.

    Parameters
    ----------
    kernels : layer, block, n_features, blocks, and a kernel for each of `VARIANTS`, of `gram.Kernels`
    population : of `populations.pool`

    Raises InputError where the two rest on different numbers of stimuli.
    """
    if kernels["srp"].shape[-1] != len(population["mean"]):
        n_images, n_stimuli = kernels["srp"].shape[-1], len(population["mean"])
        raise InputError(f"{population['area'][0]}: the model saw {n_images} images, the neurons {n_stimuli}.")
    layers = layer_table(*(kernels[key] for key in LAYER_ARRAYS))
    neurons = pd.DataFrame({key: population[key] for key in ("recording", "neuron", "animal", "area", "cortical_layer")})
    parts = [
        cross(layers, neurons, score_layers(kernels[name], population["mean"], penalty)).assign(variant=name)
        for name in VARIANTS
    ]
    return pd.concat(parts, ignore_index=True).assign(metric="ridge")


def mean_over_neurons(scores: pd.DataFrame, min_neurons: int) -> pd.DataFrame:
    """Return the mean score over the neurons of every site (see `populations.sites`), from a table of `score`."""
    columns = [*LAYER_COLUMNS, "area", "cortical_layer", "metric", "variant"]
    whole, layers = scores.assign(cortical_layer=WHOLE), scores[scores.cortical_layer != ""]
    grouped = pd.concat([whole, layers]).groupby(columns, sort=False).score
    means = grouped.agg(score="mean", n_neurons="count").reset_index()
    return means[means.n_neurons >= min_neurons]
