"""Ridge regression from a layer's features to neurons, in dual form: it needs only the n x n kernel of the features.

With K = X X' and an orthonormal basis Q (n - 1, n) of the vectors that sum to 0, ridge with penalty a and an unpenalised
intercept leaves the residuals Y - Yhat = M Y, where M = a Q' (Q K Q' + a I)^-1 Q (Hoerl & Kennard 1970, in the dual form of
Saunders et al. 1998). Leaving stimulus i out and predicting it from a refit gives the residual (M Y)_i / M_ii (Allen 1974,
PRESS). All predictions are thus products of the responses with a small matrix, which one eigendecomposition of Q K Q' gives
for every penalty (Dupre la Tour et al. 2022). They are scored in blocks of neurons.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.linalg import helmert

from dormouse.features.kernels import RESOLUTION
from dormouse.methods.held_out import resampled_r
from dormouse.methods.ridge_updates import refits

PROJECTED = (8 * np.finfo(np.float32).eps) ** 2  # eigenvalue / largest entry that rounding leaves in float32 projections
MANY = 300  # stimuli, above which folds are fitted from one decomposition of all
BLOCK_BYTES = 2**22  # size of the predictions held at once: what fits into the cache


def leave_one_out(K: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    """Predict each stimulus from a ridge fit to all others.

    Parameters
    ----------
    K : (n_stimuli, n_stimuli) float64, kernel of the features
    Y : (n_stimuli, n_neurons) float64, responses
    penalty : added to the diagonal of the kernel; must be positive

    Returns
    -------
    (n_stimuli, n_neurons) float64, predictions. Any standardisation of the features is part of K, over all stimuli.
    """
    mean = Y.mean(axis=0, dtype=np.float64)
    return mean + _leave_one_out_weights(*_decompose(K), _checked([penalty]))[0] @ (Y - mean)


def correlation(predicted: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return Pearson r over stimuli of each column of two (n_stimuli, n_neurons) arrays, (n_neurons,).

    It is NaN where a column does not vary. Its null value lies below 0: leaving a stimulus out moves the mean of the others
    away from it, so an uninformative predictor gives -1 (Conwell et al. report this r; so does the preset `paper`).
    """
    return np.einsum("ij,ij->j", _standardised(predicted), _standardised(Y))


def score_layers(kernels: Sequence[np.ndarray], Y: np.ndarray, penalty: float) -> np.ndarray:
    """Return the leave-one-out Pearson r of every layer and neuron, (n_layers, n_neurons); see `leave_one_out_r`."""
    return leave_one_out_r(kernels, Y, [penalty])[:, 0]


def leave_one_out_r(kernels: Sequence[np.ndarray], Y: np.ndarray, penalties: Sequence[float]) -> np.ndarray:
    """Return the `correlation` of responses with their `leave_one_out` predictions, (n_layers, n_penalties, n_neurons).

    Parameters
    ----------
    kernels : (n_layers, n_stimuli, n_stimuli) float64
    Y : (n_stimuli, n_neurons), responses
    penalties : added to the diagonals of the kernels; ValueError if one is not positive
    """
    penalties, Z = _checked(penalties), _standardised(Y)
    return np.stack([_correlate(_leave_one_out_weights(*_decompose(K), penalties), Z, Z) for K in kernels])


def make_folds(n_stimuli: int, n_folds: int, seed: int) -> np.ndarray:
    """Deal stimuli at random to folds whose sizes differ by at most 1; return the fold of each, (n_stimuli,) int."""
    return np.random.default_rng(seed).permutation(np.arange(n_stimuli) % n_folds)


def folds_of(settings: Mapping, n_stimuli: int) -> np.ndarray:
    """Return the fold of each stimulus, (n_stimuli,) int: dealt at random, or as the settings give them."""
    if isinstance(settings["folds"], int):
        return make_folds(n_stimuli, settings["folds"], settings["seed"])
    return np.asarray(settings["folds"])


def nested(
    kernels: Sequence[np.ndarray], Y: np.ndarray, penalties: Sequence[float], folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return r within each fold, with a penalty for each neuron that was chosen in the other folds, and how good it was there.

    Each fold is predicted from a fit to the others, with its own intercept. Over the stimuli of all folds at once, r would lie
    below 0 for noise, as `correlation` does when one is left out: holding responses out moves the mean of the others away from
    them (Parker et al. 2007 compare the two ways).

    The penalty is the penalty with the smallest squared leave-one-out error within the other folds (Allen 1974), the
    first one in a tie. This is nested cross-validation: nothing is chosen on the data that are scored (Varma & Simon 2006).

    Parameters
    ----------
    kernels : (n_layers, n_stimuli, n_stimuli) float64. Any standardisation of features is part of these, over all stimuli.
    Y : (n_stimuli, n_neurons), responses
    penalties : added to the diagonals of the kernels; ValueError if one is not positive
    folds : (n_stimuli,) int, the fold of each, from `make_folds`; ValueError unless two or more, of two stimuli or more

    Returns
    -------
    r : (n_folds, n_layers, n_neurons); NaN where the fitted or held-out responses or the predictions do not vary
    error : the squared leave-one-out error within the other folds under the penalty that was chosen, over their variance
    chosen : the penalties; NaN if the responses that choose them do not vary
    """
    penalties, splits = _checked(penalties), _splits(folds, Y)
    r, error, chosen = np.empty((3, len(splits), len(kernels), Y.shape[1]))
    if len(Y) > MANY:
        for layer, K in enumerate(kernels):
            predicted, error[:, layer], best = refits(*_decompose(K), Y, penalties, splits)
            chosen[:, layer] = np.where(best < 0, np.nan, penalties[best])
            r[:, layer] = [correlation(predicted[test], Y[test]) for _, test in splits]
        return r, error, chosen
    for fold, (train, test) in enumerate(splits):
        Z_train, Z_test = _standardised(Y[train]), _standardised(Y[test])
        for layer, K in enumerate(kernels):
            weights, errors = _fit(K, Z_train, train, test, penalties)
            best = errors.argmin(axis=0)
            r[fold, layer] = np.take_along_axis(_correlate(weights, Z_train, Z_test), best[None], axis=0)[0]
            error[fold, layer] = np.take_along_axis(errors, best[None], axis=0)[0]
            chosen[fold, layer] = np.where(np.isnan(errors[0]), np.nan, penalties[best])
    return r, error, chosen


def nested_predictions(K: np.ndarray, Y: np.ndarray, penalties: Sequence[float], folds: np.ndarray) -> np.ndarray:
    """Return the held-out predictions whose r within folds `nested` gives, (n_stimuli, n_neurons)."""
    penalties, splits, predicted = _checked(penalties), _splits(folds, Y), np.empty(Y.shape)
    if len(Y) > MANY:
        return refits(*_decompose(K), Y, penalties, splits)[0]
    for train, test in splits:
        Z = _standardised(Y[train])
        weights, errors = _fit(K, Z, train, test, penalties)
        best = errors.argmin(axis=0)
        for block, P in _products(weights, Z):
            predicted[test, block] = np.take_along_axis(P, best[None, None, block], axis=0)[0]
    return predicted


def _fit(
    K: np.ndarray, Z: np.ndarray, train: np.ndarray, test: np.ndarray, penalties: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights that predict a fold, (n_penalties, n_test, n_train), and the errors that choose among penalties.

    The errors are the squared leave-one-out errors of standardised responses Z in the other folds, (n_penalties, n_neurons).
    """
    decomposed = _decompose(K[np.ix_(train, train)])
    errors = _squared_errors(_leave_one_out_weights(*decomposed, penalties), Z)
    return _held_out_weights(K, train, test, *decomposed, penalties), errors


def _checked(penalties: Sequence[float]) -> np.ndarray:
    """Return penalties as an array (n_penalties,)."""
    penalties = np.asarray(penalties, dtype=np.float64)
    if not (penalties > 0).all():
        raise ValueError(f"penalty must be positive, got {penalties[~(penalties > 0)].tolist()}")
    return penalties


def _splits(folds: np.ndarray, Y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each fold the indices of the stimuli to fit, in the other folds, and of its own."""
    numbers, sizes = np.unique(folds, return_counts=True)
    if len(folds) != len(Y) or len(numbers) < 2 or sizes.min() < 2:
        sizes = ", ".join(map(str, sizes))
        raise ValueError(f"{len(Y)} stimuli must lie in two folds or more, of two stimuli or more each; got folds of {sizes}")
    return [(np.flatnonzero(folds != number), np.flatnonzero(folds == number)) for number in numbers]


def _standardised(Y: np.ndarray) -> np.ndarray:
    """Return columns with mean 0 and norm 1 in float64, whose products are Pearson r; columns that do not vary become NaN."""
    Z = Y - Y.mean(axis=0, dtype=np.float64)
    norm = np.sqrt(np.einsum("ij,ij->j", Z, Z))
    Z /= np.where(np.ptp(Y, axis=0) > 0, norm, np.nan)  # the mean of many 0.1 is not 0.1
    return Z


def _decompose(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues (n - 1,) and eigenvectors (n, n - 1) of a kernel without the constant direction."""
    Q = helmert(len(K))  # rows: an orthonormal basis of the space orthogonal to the constant vector, (n - 1, n)
    eigenvalues, U = np.linalg.eigh(Q @ K @ Q.T)
    # with fewer features than stimuli, the rest are rounding errors, which a small penalty would take for features
    return np.where(eigenvalues > _rounding(K), eigenvalues, 0.0), Q.T @ U


def _rounding(K: np.ndarray) -> float:
    """Return how large an eigenvalue may be by rounding alone: in projections, in stored kernels and in products."""
    return (PROJECTED + len(K) * (RESOLUTION + np.finfo(np.float64).eps)) * np.abs(K).max()


def _leave_one_out_weights(eigenvalues: np.ndarray, V: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Return the weights of all stimuli in the prediction of each from the others, (n_penalties, n, n): I - diag(M)^-1 M."""
    # a sum of positive terms: removing the constant direction afterwards would cost all digits of a large kernel
    M = (V / (eigenvalues + penalties[:, None])[:, None]) @ V.T  # without the penalty as a factor, which cancels
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
    projected[np.abs(projected) <= _rounding(K)] = 0.0  # rounding errors of features that do not vary must predict nothing
    return (projected / (eigenvalues + penalties[:, None])[:, None]) @ V.T


def _products(weights: np.ndarray, Z: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield `weights @ Z`, (n_penalties, n_predicted, n_neurons), in blocks of neurons of `BLOCK_BYTES`."""
    n_penalties, n_predicted, n_train = weights.shape
    stacked = weights.reshape(-1, n_train)  # few products, because threads that share a core wait for each other at each
    step = max(1, BLOCK_BYTES // stacked[:, 0].nbytes)
    for start in range(0, Z.shape[1], step):
        block = slice(start, start + step)
        yield block, (stacked @ Z[:, block]).reshape(n_penalties, n_predicted, -1)


def _correlate(weights: np.ndarray, Z: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return Pearson r of predictions `weights @ Z` with a standardised target, (n_penalties, n_neurons)."""
    centred = weights - weights.mean(axis=1, keepdims=True)  # which centres the predictions, too
    r = np.full((len(weights), Z.shape[1]), np.nan)
    for block, P in _products(centred, Z):
        norm = np.sqrt(np.einsum("pij,pij->pj", P, P))
        np.divide(np.einsum("pij,ij->pj", P, target[:, block]), norm, out=r[:, block], where=norm > 0)
    return r


def _squared_errors(weights: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Return the sums over stimuli of squared differences between Z and its predictions, (n_penalties, n_neurons)."""
    errors = np.empty((len(weights), Z.shape[1]))
    for block, residuals in _products(np.eye(len(Z)) - weights, Z):
        errors[:, block] = np.einsum("pij,pij->pj", residuals, residuals)
    return errors


def relative(K: np.ndarray) -> np.ndarray:
    """Return a kernel in units of the mean eigenvalue of its centred form, so that a penalty means the same in every layer."""
    mean_eigenvalue = (np.trace(K) - K.sum() / len(K)) / (len(K) - 1)
    return K / mean_eigenvalue if mean_eigenvalue > 0 else K


def score(kernels: Mapping[str, np.ndarray], responses: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return the Pearson r of every layer and neuron, (n_layers, n_neurons); see `methods.table`.

    Parameters
    ----------
    kernels : one kernel, from which neurons are predicted
    responses : (n_images, n_neurons), means over trials
    settings : `penalty`, to leave one image out; or `folds` and `penalties`, in units of a layer's mean eigenvalue, to average
        r within folds, with the penalty of each neuron chosen in the other folds. `folds` is a number, dealt with `seed`, or
        the fold of each image (see `images.with_images`)
    """
    if "penalty" in settings:
        return score_layers(_kernel(kernels), responses, settings["penalty"])
    return split_scores(kernels, responses, settings)[1].mean(axis=0)


def split_scores(
    kernels: Mapping[str, np.ndarray], responses: np.ndarray, settings: Mapping
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return scores by which to choose a layer, and of the images that had no part in them; see `inference.scorer`.

    Returns
    -------
    choose : (n_folds, n_layers, n_neurons), 1 - squared leave-one-out error within the other folds, over their variance
    score : the same shape, Pearson r within the fold

    None where one image is left out, because that chooses nothing.
    """
    if "penalty" in settings:
        return None
    folds = folds_of(settings, len(responses))
    r, error, _ = nested([relative(K) for K in _kernel(kernels)], responses, settings["penalties"], folds)
    return 1 - error, r


def resampled(
    kernels: Mapping[str, np.ndarray], responses: np.ndarray, settings: Mapping, layer: int, counts: np.ndarray
) -> np.ndarray:
    """Return r of every neuron with its predictions from one layer in resamples of the images; see `methods.table`."""
    K = _kernel(kernels)[layer]
    if "penalty" in settings:
        together = np.zeros(len(responses), int)
        return resampled_r(leave_one_out(K, responses, settings["penalty"]), responses, together, counts)
    folds = folds_of(settings, len(responses))
    predicted = nested_predictions(relative(K), responses, settings["penalties"], folds)
    return resampled_r(predicted, responses, folds, counts)


def _kernel(kernels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the one kernel among what a method reads of the layers."""
    (K,) = (values for name, values in kernels.items() if name not in ("row_sum", "n_features"))
    return K
