"""Made-up recordings and populations of a few neurons, and the reliability of their RDMs by the definition."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from dormouse.neurons import halves, thresholds
from dormouse.neurons.reliability_table import measure_reliability
from dormouse.recordings.trials import Recording

N_SPLITS, SEED = 6, 3
PENALTY = 1.0
N_STIMULI = 14
LAYERS = ["2/3", "4", "", "4", "2/3", "5", "4", "2/3"]


def make_recording(
    response: np.ndarray, area: str = "VISp", layers: list[str] | None = None, animal: str | list[str] = "m1"
) -> Recording:
    n_trials, n_stimuli, n_neurons = response.shape
    return Recording(
        response=response.astype(np.float32),
        running_speed=np.zeros((n_trials, n_stimuli), np.float32),
        stimulus=np.array([f"image_{i:03d}" for i in range(n_stimuli)]),
        image_sha256=np.full(n_stimuli, ""),
        neuron=np.array([f"n{i}" for i in range(n_neurons)]),  # ids repeat between recordings
        animal=np.full(n_neurons, animal),
        area=np.full(n_neurons, area),
        cortical_layer=np.resize(LAYERS, n_neurons) if layers is None else np.array(layers),
        depth_um=np.full(n_neurons, 175.0),
        cre_line=np.full(n_neurons, ""),
        unit="dF/F",
    )


def make_response(n_trials: int, n_neurons: int, noise_sd: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tuning = rng.standard_normal((N_STIMULI, n_neurons))
    return tuning + noise_sd * rng.standard_normal((n_trials, N_STIMULI, n_neurons)) + rng.uniform(0, 5, n_neurons)


def keep(
    recordings: dict[str, Recording], left_out: dict[str, list[str]], select_on: str = "all", score_on: str = "all"
) -> pd.DataFrame:
    """Rows of the table `neurons` that are kept: all but those left out."""
    rows = pd.concat(
        [
            measure_reliability(name, recording, recording.stimulus, N_SPLITS, SEED, [(select_on, score_on)])
            for name, recording in recordings.items()
        ]
    )
    out = [neuron in left_out.get(name, []) for name, neuron in zip(rows.recording, rows.neuron, strict=True)]
    return rows[~np.array(out)].reset_index(drop=True)


class OneAtATime:
    """Give each recording in every visit, and fail where any but the last is still in memory."""

    def __init__(self, recordings: dict[str, Recording]):
        self.recordings, self.n_visits = recordings, 0

    def __iter__(self) -> Iterator[tuple[str, Recording]]:
        self.n_visits += 1
        given = []
        for name, recording in self.recordings.items():
            copy = replace(recording, response=recording.response.copy())
            given.append(weakref.ref(copy.response))
            assert sum(reference() is not None for reference in given) <= 2
            yield name, copy


@contextmanager
def little_memory() -> Iterator[None]:
    """Make halves of one split at a time, of one neuron and one site each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "SUMS_BYTES", 1)
        patch.setattr(thresholds, "SUMS_BYTES", 1)
        patch.setattr(halves, "HALVES_BYTES", 1)
        yield


def split_halves(response: np.ndarray) -> np.ndarray:
    """Means of the halves of every split, (2, N_SPLITS, n_stimuli, n_neurons), one cell at a time by the definition."""
    order = np.argsort(np.random.default_rng(SEED).random((N_SPLITS, len(response))), axis=1)
    halves = np.empty((2, N_SPLITS, *response.shape[1:]))
    for split, stimulus, neuron in np.ndindex(halves.shape[1:]):
        trials = response[:, stimulus, neuron].astype(np.float64)
        present = trials[~np.isnan(trials)]
        dealt = order[split][order[split] < len(present)]
        middle = len(dealt) // 2
        halves[:, split, stimulus, neuron] = present[dealt[:middle]].mean(), present[dealt[middle:]].mean()
    return halves


def rdm_r_of_pooled(halves: np.ndarray) -> np.ndarray:
    """Correlation of the RDMs of both halves of all neurons at once, split by split."""
    pairs = np.triu_indices(halves.shape[2], k=1)
    return np.array([np.corrcoef(*(1 - np.corrcoef(half[k])[pairs] for half in halves))[0, 1] for k in range(N_SPLITS)])


def ceiling_of_pooled(halves: np.ndarray) -> float:
    r = rdm_r_of_pooled(halves).mean()
    return np.sqrt(2 * r / (1 + r))


def make_population(mean: np.ndarray, animal: list[str], layers: list[str] | None = None) -> dict[str, np.ndarray]:
    n_neurons = mean.shape[1]
    return {
        "mean": mean,
        "recording": np.array([f"of_{name}" for name in animal]),
        "neuron": np.array([f"n{i}" for i in range(n_neurons)]),
        "animal": np.array(animal),
        "area": np.full(n_neurons, "VISp"),
        "cortical_layer": np.resize(LAYERS, n_neurons) if layers is None else np.array(layers),
    }


def correlate(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(A.T, B.T, strict=True)])


def rdm_by_scipy(patterns: np.ndarray) -> np.ndarray:
    return pdist(patterns, metric="correlation")
