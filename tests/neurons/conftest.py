"""Recordings that the tests of ceilings and populations share."""

import numpy as np
import pytest
from neuron_groups import make_recording, make_response

from dormouse.recordings.trials import Recording


@pytest.fixture
def recordings() -> dict[str, Recording]:
    """Three recordings of three animals, of 8, 7 and 10 trials; the second lacks trials here and there."""
    responses = [make_response(n_trials, 8, 1.0, seed=i) for i, n_trials in enumerate((8, 7, 10))]
    responses[1][np.random.default_rng(4).random(responses[1].shape) < 0.2] = np.nan
    assert (~np.isnan(responses[1])).sum(axis=0).min() >= 2
    names = ("one", "two", "three")
    return {name: make_recording(x, animal=f"m_{name}") for name, x in zip(names, responses, strict=True)}
