"""Made-up responses of neurons, and their reliability by loops that follow the definition."""

import numpy as np


def dealt_halves(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Follow the definition, one neuron, split and stimulus at a time: (2, n_splits, n_stimuli, n_neurons)."""
    n_trials, *shape = response.shape
    order = np.argsort(np.random.default_rng(seed).random((n_splits, n_trials)), axis=1)
    halves = np.full((2, n_splits, *shape), np.nan)
    for split, stimulus, neuron in np.ndindex(n_splits, *shape):
        present = [float(x) for x in response[:, stimulus, neuron] if not np.isnan(x)]
        dealt = [present[k] for k in order[split] if k < len(present)]
        middle = len(dealt) // 2
        if middle:
            halves[:, split, stimulus, neuron] = np.mean(dealt[:middle]), np.mean(dealt[middle:])
    return halves


def r_by_loop(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Correlation of the halves, one neuron and split at a time, (n_splits, n_neurons); nothing is shared with the package."""
    first, second = dealt_halves(response, n_splits, seed)
    r = np.empty((n_splits, response.shape[-1]))
    for split, neuron in np.ndindex(r.shape):
        r[split, neuron] = np.corrcoef(first[split, :, neuron], second[split, :, neuron])[0, 1]
    return r


def reliability_by_loop(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    r = r_by_loop(response, n_splits, seed)
    return (2 * r / (1 + r)).mean(axis=0)


def oracle_by_loop(response: np.ndarray) -> np.ndarray:
    """Correlate each trial with the mean of the others, over the stimuli of which it is there, if these are three."""
    n_trials, n_stimuli, n_neurons = response.shape
    result = np.empty(n_neurons)
    for neuron in range(n_neurons):
        r = []
        for trial in range(n_trials):
            own, others = [], []
            for stimulus in range(n_stimuli):
                came = float(response[trial, stimulus, neuron])
                left = np.delete(response[:, stimulus, neuron].astype(np.float64), trial)
                if not np.isnan(came):
                    own.append(came)
                    others.append(np.mean(left[~np.isnan(left)]))
            if len(own) > 2:
                r.append(np.corrcoef(own, others)[0, 1])
        result[neuron] = np.mean(r)
    return result


def make_response(n_trials: int, n_stimuli: int, n_neurons: int, signal_sd: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = signal_sd * rng.standard_normal((n_stimuli, n_neurons))
    return (signal + rng.standard_normal((n_trials, n_stimuli, n_neurons))).astype(np.float32)
