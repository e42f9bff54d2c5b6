"""The table of one recording: how reliable each neuron is, and how it is tuned."""

import numpy as np
import pandas as pd

from dormouse.neurons.reliability import oracle, spearman_brown, split_half_r
from dormouse.neurons.tuning import anova, running_modulation
from dormouse.recordings.cre_lines import excitatory
from dormouse.recordings.trials import Recording


def measure_reliability(
    name: str, recording: Recording, stimuli: np.ndarray, n_splits: int, seed: int, select_on: str, score_on: str
) -> pd.DataFrame:
    """Return the table `reliability` of one recording, one row per neuron.

    Parameters
    ----------
    stimuli : names of the stimuli to use; p_ns and p_run_mod_ns use all that were shown, as the service's do
    select_on, score_on : the trials that select neurons, by any measure, and those that are scored: all, odd or even
    """
    used, selecting = recording.select(stimuli), recording.part(select_on)
    r = split_half_r(used.part(select_on).response, n_splits, seed)
    scored = split_half_r(used.part(score_on).response, n_splits, seed) if score_on != select_on else r
    return pd.DataFrame(
        {
            "recording": name,
            "neuron": recording.neuron,
            "animal": recording.animal,
            "area": recording.area,
            "cortical_layer": recording.cortical_layer,
            "depth_um": recording.depth_um,
            "cre_line": recording.cre_line,
            "excitatory": excitatory(recording.cre_line),
            "n_trials": used.n_trials().min(axis=0),
            "reliability": spearman_brown(r).mean(axis=0),
            "split_half_r": r.mean(axis=0),
            "oracle_r": oracle(used.part(select_on).response),
            "scored_reliability": spearman_brown(scored).mean(axis=0),
            "scored_r": scored.mean(axis=0),
            "scored_r_sem": scored.std(axis=0, ddof=1) / np.sqrt(n_splits) if n_splits > 1 else np.nan,
            "p_ns": anova(selecting),
            "p_run_mod_ns": running_modulation(selecting),
            "metrics": "computed",
        }
    )
