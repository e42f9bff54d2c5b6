"""The table of one recording: how reliable each neuron is, and how it is tuned, for some choices of trials."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd

from dormouse.neurons.reliability import oracle, spearman_brown, split_half_r
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
    used = recording.select(stimuli)
    halves = {part: split_half_r(used.part(part).response, n_splits, seed) for part in dict.fromkeys(chain(*pairs))}
    tuning = {part: _tuning(recording.part(part), used.part(part)) for part in dict.fromkeys(first for first, _ in pairs)}
    described = {
        "recording": name,
        "neuron": recording.neuron,
        "animal": recording.animal,
        "area": recording.area,
        "cortical_layer": recording.cortical_layer,
        "depth_um": recording.depth_um,
        "cre_line": recording.cre_line,
        "excitatory": excitatory(recording.cre_line),
        "n_trials": used.n_trials().min(axis=0),
        "metrics": "computed",
    }
    return pd.concat(
        [
            pd.DataFrame(
                described
                | {"select_on": select_on, "score_on": score_on}
                | _reliability(halves[select_on], halves[score_on])
                | tuning[select_on]
            )
            for select_on, score_on in pairs
        ],
        ignore_index=True,
    )


def _reliability(selecting: np.ndarray, scored: np.ndarray) -> dict[str, np.ndarray | float]:
    """Return the columns that follow from the r of halves of the trials that select, and of those that are scored."""
    n_splits = len(scored)
    return {
        "reliability": spearman_brown(selecting).mean(axis=0),
        "split_half_r": selecting.mean(axis=0),
        "scored_reliability": spearman_brown(scored).mean(axis=0),
        "scored_r": scored.mean(axis=0),
        "scored_r_sem": scored.std(axis=0, ddof=1) / np.sqrt(n_splits) if n_splits > 1 else np.nan,
    }


def _tuning(shown: Recording, used: Recording) -> dict[str, np.ndarray]:
    """Return the columns that follow from single trials, from all stimuli that were shown and from those that are used."""
    return {"oracle_r": oracle(used.response), "p_ns": anova(shown), "p_run_mod_ns": running_modulation(shown)}
