"""The table of one recording: how reliable each neuron is, and how it is tuned, for some choices of trials.

Reliability and tuning need trials of one image that differ. So they are of the images that were shown more than once. Images
that were shown once are scored, too, and lower the reliability of what is scored: its mean over trials has fewer of them.
"""

import sys
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd

from dormouse.neurons.reliability import fewer_trials, oracle, spearman_brown, split_half_r
from dormouse.neurons.tuning import anova, running_modulation
from dormouse.recordings.cre_lines import excitatory
from dormouse.recordings.trials import Recording


def measure_reliability(
    name: str, recording: Recording, stimuli: np.ndarray, n_splits: int, seed: int, pairs: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """Return the table `reliability` of one recording, one row per pair of `pairs` and neuron.

    Parameters
    ----------
    stimuli : names of the stimuli to use; p_ns and p_run_mod_ns use all that were shown, as the service's do
    pairs : the trials that select neurons, by any measure, and those that are scored; see `Recording.part`
    """
    used, shown = recording.select(stimuli), recording.repeated()
    repeated = used.repeated()
    n_trials, share = used.n_trials().min(axis=0), {}
    if n_once := used.shown_once().sum():
        told = "no neuron has a reliability or a noise ceiling"
        if n_repeated := len(repeated.stimulus):
            told = f"reliability is that of the other {n_repeated}"
            n_trials = np.where(n_trials, repeated.n_trials().min(axis=0), 0)
            share = {part: _share(used.part(part), repeated.part(part)) for part in dict.fromkeys(part for _, part in pairs)}
        print(f"{name}: {n_once} of {len(stimuli)} images were shown once; {told}.", file=sys.stderr)
    halves = {part: _halves(repeated.part(part).response, n_splits, seed) for part in dict.fromkeys(chain(*pairs))}
    tuning = {part: _tuning(shown.part(part), repeated.part(part)) for part in dict.fromkeys(first for first, _ in pairs)}
    described = {
        "recording": name,
        "neuron": recording.neuron,
        "animal": recording.animal,
        "area": recording.area,
        "cortical_layer": recording.cortical_layer,
        "depth_um": recording.depth_um,
        "cre_line": recording.cre_line,
        "excitatory": excitatory(recording.cre_line),
        "n_trials": n_trials,
        "metrics": "computed",
    }
    return pd.concat(
        [
            pd.DataFrame(
                described
                | {"select_on": select_on, "score_on": score_on}
                | _reliability(halves[select_on], halves[score_on], share.get(score_on))
                | tuning[select_on]
            )
            for select_on, score_on in pairs
        ],
        ignore_index=True,
    )


def _halves(response: np.ndarray, n_splits: int, seed: int) -> np.ndarray:
    """Return `split_half_r`, NaN where there are no images or trials."""
    return split_half_r(response, n_splits, seed) if response.size else np.full((n_splits, response.shape[-1]), np.nan)


def _share(used: Recording, repeated: Recording) -> np.ndarray:
    """Return how many trials images have, as a share of those of the repeated ones, (n_neurons,).

    Both numbers are harmonic means, because the noise of a mean over n trials has the variance 1 / n of that of one trial.
    NaN where an image has no trial. ASSUME images shown once have as much signal and noise as the others.
    """
    counts = (part.n_trials().astype(float) for part in (used, repeated))
    of_all, of_repeated = (np.divide(1, n, out=np.full(n.shape, np.nan), where=n > 0).mean(axis=0) for n in counts)
    return of_repeated / of_all


def _reliability(selecting: np.ndarray, scored: np.ndarray, share: np.ndarray | None) -> dict[str, np.ndarray | float]:
    """Return the columns that follow from the r of halves of the trials that select, and of those that are scored."""
    n_splits, of_scored = len(scored), spearman_brown(scored).mean(axis=0)
    return {
        "reliability": spearman_brown(selecting).mean(axis=0),
        "split_half_r": selecting.mean(axis=0),
        "scored_reliability": of_scored if share is None else fewer_trials(of_scored, share),
        "scored_r": scored.mean(axis=0),
        "scored_r_sem": scored.std(axis=0, ddof=1) / np.sqrt(n_splits) if n_splits > 1 else np.nan,
    }


def _tuning(shown: Recording, used: Recording) -> dict[str, np.ndarray]:
    """Return the columns that follow from single trials, from all stimuli that were shown and from those that are used."""
    if not used.response.size or not shown.response.size:
        unknown = np.full(len(used.neuron), np.nan)
        return {"oracle_r": unknown, "p_ns": unknown, "p_run_mod_ns": unknown}
    return {"oracle_r": oracle(used.response), "p_ns": anova(shown), "p_run_mod_ns": running_modulation(shown)}
