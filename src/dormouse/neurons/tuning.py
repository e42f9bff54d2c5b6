"""Whether neurons respond to the scenes, and whether running changes their response: two metrics of the Allen Institute.

They are p_ns and p_run_mod_ns of the Institute's table of cells, computed as in AllenSDK's NaturalScenes, but from trials by
the measure in use; with the measure `sweep` they are AllenSDK's own numbers.
"""

import numpy as np
from scipy import stats

from dormouse.recordings.trials import RUNNING_CM_S, Recording
from dormouse.stimuli.images import BLANK

MIN_TRIALS_EACH = 5  # running trials, and still ones


def anova(recording: Recording) -> np.ndarray:
    """Return the p value of a one-way analysis of variance over all stimuli, the blank included, (n_neurons,)."""
    with np.errstate(invalid="ignore", divide="ignore"):  # for a neuron that does not vary
        return stats.f_oneway(*recording.response.swapaxes(0, 1).astype(np.float64), axis=0, nan_policy="omit").pvalue


def running_modulation(recording: Recording) -> np.ndarray:
    """Return the p value of Welch's t-test between running and still trials of each neuron's preferred scene, (n_neurons,).

    Running is a mean speed of 1 cm/s or more. NaN if there are fewer than five trials of either kind, or if speed is unknown.
    """
    scenes = recording.stimulus != BLANK
    response, speed = recording.response[:, scenes].astype(np.float64), recording.running_speed[:, scenes]
    mean = np.nanmean(np.where(np.isnan(response).all(axis=0), -np.inf, response), axis=0)
    preferred = mean.argmax(axis=0)  # (n_neurons,)
    trials = np.take_along_axis(response, preferred[None, None], axis=1)[:, 0]  # (n_trials, n_neurons)
    running = speed[:, preferred]
    fast = np.where(running >= RUNNING_CM_S, trials, np.nan)
    slow = np.where(running < RUNNING_CM_S, trials, np.nan)
    enough = np.minimum((~np.isnan(fast)).sum(axis=0), (~np.isnan(slow)).sum(axis=0)) >= MIN_TRIALS_EACH
    p = np.full(response.shape[-1], np.nan)
    p[enough] = stats.ttest_ind(fast[:, enough], slow[:, enough], equal_var=False, nan_policy="omit").pvalue
    return p
