"""Ridge regression from a layer's features to neurons, in dual form: from the n x n kernel of the features alone.

With K = X X' and an orthonormal basis Q (n - 1, n) of the vectors that sum to 0, ridge with penalty a and an unpenalised
intercept leaves the residuals Y - Yhat = M Y, where M = a Q' (Q K Q' + a I)^-1 Q (Hoerl & Kennard 1970, in the dual form of
Saunders et al. 1998). Leaving stimulus i out and predicting it from a refit gives the residual (M Y)_i / M_ii (Allen 1974,
PRESS). All predictions are thus products of a small matrix, which one eigendecomposition of Q K Q' gives for every penalty
(Dupre la Tour et al. 2022), and of the responses; scores are taken from them in blocks of neurons.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.linalg import helmert

from dormouse.errors import InputError
from dormouse.features.kernels import RESOLUTION, layer_table
from dormouse.tables import WHOLE, cross

PROJECTED = (8 * np.finfo(np.float32).eps) ** 2  # eigenvalue, by the largest entry, that sums in float32 leave: projections
BLOCK_BYTES = 2**22  # of predictions held at once: no more than stays in cache


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
    mean = Y.mean(axis=0, dtype=np.float64)
    return mean + _leave_one_out_weights(*_decompose(K), _checked([penalty]))[0] @ (Y - mean)


def correlation(predicted: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return Pearson r over stimuli of each column of two (n_stimuli, n_neurons) arrays, (n_neurons,).

    It is NaN where a column does not vary. Its null value lies below 0: leaving a stimulus out moves the mean of the others
    away from it, so that an uninformative predictor gives -1 (Conwell et al. report this r; so does `paper`).
    """
    return np.einsum("ij,ij->j", _standardised(predicted), _standardised(Y))


def score_layers(kernels: Sequence[np.ndarray], Y: np.ndarray, penalty: float) -> np.ndarray:
    """Return the leave-one-out Pearson r of every layer and neuron, (n_layers, n_neurons).

    Parameters
    ----------
    kernels : (n_layers, n_stimuli, n_stimuli)
    Y : (n_stimuli, n_neurons), mean responses
    """
    return leave_one_out_r(kernels, Y, [penalty])[:, 0]


def leave_one_out_r(kernels: Sequence[np.ndarray], Y: np.ndarray, penalties: Sequence[float]) -> np.ndarray:
    """Return the `correlation` of responses with their `leave_one_out` predictions, (n_layers, n_penalties, n_neurons).

    Parameters
    ----------
    kernels : (n_layers, n_stimuli, n_stimuli) float64
    Y : (n_stimuli, n_neurons), responses
    penalties : added to the diagonals of the kernels; ValueError where one is not positive
    """
    penalties, Z = _checked(penalties), _standardised(Y)
    return np.stack([_correlate(_leave_one_out_weights(*_decompose(K), penalties), Z, Z) for K in kernels])


def make_folds(n_stimuli: int, n_folds: int, seed: int) -> np.ndarray:
    """Deal stimuli at random to folds whose sizes differ by at most 1: a fold number for each, (n_stimuli,) int."""
    return np.random.default_rng(seed).permutation(np.arange(n_stimuli) % n_folds)


def fold_r(kernels: Sequence[np.ndarray], Y: np.ndarray, penalties: Sequence[float], folds: np.ndarray) -> np.ndarray:
    """Return the Pearson r of k-fold cross-validation, (n_layers, n_penalties, n_neurons).

    Each fold is predicted from a fit to the others, with its own intercept; r is taken within each fold and averaged over
    folds. Over the stimuli of all folds at once it would lie below 0 for noise, as does `correlation` for leaving one out: to
    hold responses out moves the mean of the others away from them (Parker et al. 2007 compare the two ways).

    Parameters
    ----------
    kernels : (n_layers, n_stimuli, n_stimuli) float64. Standardisation of the features, if any, is theirs, over all stimuli.
    Y : (n_stimuli, n_neurons), responses
    penalties : added to the diagonals of the kernels; ValueError where one is not positive
    folds : (n_stimuli,) int, the fold of each, as of `make_folds`; ValueError unless two or more, of two stimuli or more

    Returns
    -------
    float64; NaN where in any fold the responses, those fitted or those held out, or the predictions do not vary.
    """
    penalties, splits = _checked(penalties), _splits(folds, Y)
    r = np.zeros((len(kernels), len(penalties), Y.shape[1]))
    for train, test in splits:
        Z_train, Z_test = _standardised(Y[train]), _standardised(Y[test])
        for layer, K in enumerate(kernels):
            weights = _held_out_weights(K, train, test, *_decompose(K[np.ix_(train, train)]), penalties)
            r[layer] += _correlate(weights, Z_train, Z_test)
    return r / len(splits)


def nested_r(
    kernels: Sequence[np.ndarray], Y: np.ndarray, penalties: Sequence[float], folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return r as `fold_r` does, but of one penalty for each neuron, chosen without the stimuli that are then predicted.

    That of a fold is the one with the smallest squared leave-one-out error within the other folds (Allen 1974), the first of
    equals: nested cross-validation, in which nothing is chosen on what is scored (Varma & Simon 2006).

    Returns
    -------
    r : (n_layers, n_neurons)
    chosen : (n_layers, n_folds, n_neurons), the penalties; NaN where the responses to choose by do not vary
    """
    penalties, splits = _checked(penalties), _splits(folds, Y)
    r = np.zeros((len(kernels), Y.shape[1]))
    chosen = np.empty((len(kernels), len(splits), Y.shape[1]))
    for fold, (train, test) in enumerate(splits):
        Z_train, Z_test = _standardised(Y[train]), _standardised(Y[test])
        for layer, K in enumerate(kernels):
            decomposed = _decompose(K[np.ix_(train, train)])
            errors = _squared_errors(_leave_one_out_weights(*decomposed, penalties), Z_train)
            best = errors.argmin(axis=0)
            scores = _correlate(_held_out_weights(K, train, test, *decomposed, penalties), Z_train, Z_test)
            r[layer] += np.take_along_axis(scores, best[None], axis=0)[0]
            chosen[layer, fold] = np.where(np.isnan(errors[0]), np.nan, penalties[best])
    return r / len(splits), chosen


def _checked(penalties: Sequence[float]) -> np.ndarray:
    """Return penalties as an array (n_penalties,)."""
    penalties = np.asarray(penalties, dtype=np.float64)
    if not (penalties > 0).all():
        raise ValueError(f"penalty must be positive, got {penalties[~(penalties > 0)].tolist()}")
    return penalties


def _splits(folds: np.ndarray, Y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each fold, the indices of the other stimuli, to fit to, and of its own."""
    numbers, sizes = np.unique(folds, return_counts=True)
    if len(folds) != len(Y) or len(numbers) < 2 or sizes.min() < 2:
        sizes = ", ".join(map(str, sizes))
        raise ValueError(f"{len(Y)} stimuli must lie in two folds or more, of two stimuli or more each; got folds of {sizes}")
    return [(np.flatnonzero(folds != number), np.flatnonzero(folds == number)) for number in numbers]


def _standardised(Y: np.ndarray) -> np.ndarray:
    """Return columns of mean 0 and norm 1 in float64; NaN those that do not vary. Products of such columns are Pearson r."""
    Z = Y - Y.mean(axis=0, dtype=np.float64)
    norm = np.sqrt(np.einsum("ij,ij->j", Z, Z))
    Z /= np.where(np.ptp(Y, axis=0) > 0, norm, np.nan)  # the mean of many 0.1 is not 0.1
    return Z


def _decompose(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues (n - 1,) and eigenvectors (n, n - 1) of a kernel without the constant direction."""
    Q = helmert(len(K))  # rows: an orthonormal basis of what is orthogonal to the constant vector, (n - 1, n)
    eigenvalues, U = np.linalg.eigh(Q @ K @ Q.T)
    # with fewer features than stimuli the others are errors, which a small penalty would take for features
    return np.where(eigenvalues > _rounding(K), eigenvalues, 0.0), Q.T @ U


def _rounding(K: np.ndarray) -> float:
    """Return how large an eigenvalue may be by rounding alone: of projections, of what is stored, and of products."""
    return (PROJECTED + len(K) * (RESOLUTION + np.finfo(np.float64).eps)) * np.abs(K).max()


def _leave_one_out_weights(eigenvalues: np.ndarray, V: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Return the weights of all stimuli in the prediction of each from the others, (n_penalties, n, n): I - diag(M)^-1 M."""
    # a sum of positive terms: taking the constant direction out afterwards would cost all digits of a large kernel
    M = (V / (eigenvalues + penalties[:, None])[:, None]) @ V.T  # but for a factor, the penalty, which cancels
    weights = -M / np.diagonal(M, axis1=1, axis2=2)[..., None]
    weights[:, np.arange(len(V)), np.arange(len(V))] = 0.0
    return weights


def _held_out_weights(
    K: np.ndarray, train: np.ndarray, test: np.ndarray, eigenvalues: np.ndarray, V: np.ndarray, penalties: np.ndarray
) -> np.ndarray:
    """Return the weights of the training stimuli in the predictions of those held out, (n_penalties, n_test, n_train).

    The predictions lack their mean, and with it the intercept.
    """
    similarity = K[np.ix_(test, train)]
    projected = (similarity - similarity.mean(axis=0)) @ V
    projected[np.abs(projected) <= _rounding(K)] = 0.0  # where features do not vary, their errors must predict nothing
    return (projected / (eigenvalues + penalties[:, None])[:, None]) @ V.T


def _products(weights: np.ndarray, Z: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield `weights @ Z`, (n_penalties, n_predicted, n_neurons), in blocks of neurons of `BLOCK_BYTES`."""
    n_penalties, n_predicted, n_train = weights.shape
    stacked = weights.reshape(-1, n_train)  # threads that share a core wait for each other at each product: make few
    step = max(1, BLOCK_BYTES // stacked[:, 0].nbytes)
    for start in range(0, Z.shape[1], step):
        block = slice(start, start + step)
        yield block, (stacked @ Z[:, block]).reshape(n_penalties, n_predicted, -1)


def _correlate(weights: np.ndarray, Z: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return Pearson r of predictions `weights @ Z` with a standardised target, (n_penalties, n_neurons)."""
    centred = weights - weights.mean(axis=1, keepdims=True)  # so are then the predictions
    r = np.full((len(weights), Z.shape[1]), np.nan)
    for block, P in _products(centred, Z):
        norm = np.sqrt(np.einsum("pij,pij->pj", P, P))
        np.divide(np.einsum("pij,ij->pj", P, target[:, block]), norm, out=r[:, block], where=norm > 0)
    return r


def _squared_errors(weights: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Return the sums over stimuli of squared differences of Z and its predictions, (n_penalties, n_neurons)."""
    errors = np.empty((len(weights), Z.shape[1]))
    for block, residuals in _products(np.eye(len(Z)) - weights, Z):
        errors[:, block] = np.einsum("pij,pij->pj", residuals, residuals)
    return errors


def score(
    kernels: Mapping[str, np.ndarray],
    population: Mapping[str, np.ndarray],
    predictors: Sequence[str],
    penalty: float,
    min_neurons: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the score of every layer of a model for every neuron, and the mean at every site, as two long tables.

    Parameters
    ----------
    kernels : of `extraction.extract`, at least those that `predictors` names
    population : of `populations.pool`, of any number of areas
    min_neurons : with a score, of a site

    Raises InputError where the two rest on different numbers of stimuli.
    """
    if (n_images := kernels[predictors[0]].shape[-1]) != (n_stimuli := len(population["mean"])):
        raise InputError(f"The model saw {n_images} images, the neurons {n_stimuli}.")
    layers = layer_table(kernels)
    neurons = pd.DataFrame({key: population[key] for key in ("recording", "neuron", "animal", "area", "cortical_layer")})
    of_neurons, of_sites = [], []
    for name in predictors:
        scores = score_layers(kernels[name], population["mean"], penalty)
        of_neurons.append(cross(layers, neurons, scores).assign(variant=name))
        of_sites.append(_site_means(layers, neurons, scores, min_neurons).assign(variant=name))
    return tuple(pd.concat(parts, ignore_index=True).assign(metric="ridge") for parts in (of_neurons, of_sites))


def _site_means(layers: pd.DataFrame, neurons: pd.DataFrame, scores: np.ndarray, min_neurons: int) -> pd.DataFrame:
    """Return the mean over the neurons that have a score, of every area and of its cortical layers where they are known."""
    sites = neurons[["area", "cortical_layer"]]
    sites = pd.concat([sites.assign(cortical_layer=WHOLE), sites[sites.cortical_layer != ""]]).drop_duplicates()
    same_area, same_layer = (neurons[key].to_numpy() == sites[key].to_numpy()[:, None] for key in ("area", "cortical_layer"))
    inside = same_area & (same_layer | (sites.cortical_layer == WHOLE).to_numpy()[:, None])  # (n_sites, n_neurons)
    counts = ~np.isnan(scores) @ inside.T.astype(int)
    sums = np.nan_to_num(scores) @ inside.T.astype(float)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    table = cross(layers, sites, means).assign(n_neurons=counts.ravel())
    return table[table.n_neurons >= min_neurons]
