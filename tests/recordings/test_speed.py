"""Running and still trials: which they are, as many of each, and what is measured on them."""

import numpy as np
import pandas as pd
import pytest
from folders import change, get, session

from dormouse.neurons.populations import pool
from dormouse.neurons.reliability_table import measure_reliability
from dormouse.neurons.selection import select
from dormouse.recordings.dataset_folder import read_session
from dormouse.recordings.trials import RUNNING_CM_S, of_speed

KINDS = ("running", "still")


@pytest.fixture
def recording(dataset_folder):
    """Session one, of which 12 trials are made: NaN speeds, a trial that is missing, and the limit itself among them."""
    rng, path = np.random.default_rng(7), session(dataset_folder)
    response = np.tile(get(path, "response"), (2, 1, 1)) + rng.normal(0, 0.3, (12, 8, 10)).astype(np.float32)
    speed = np.where(rng.random((12, 8)) < 0.35, 5.0, 0.2)
    speed[0, 0], speed[1, 0], speed[2, 0], response[3, 0] = RUNNING_CM_S, np.nextafter(RUNNING_CM_S, 0), np.nan, np.nan
    change(path, response=response, running_speed=speed)
    return read_session(path)


def by_loop(recording, kind):
    """Return for each image the trials of a kind that count, most evenly spread: k of n are those before (j + 1) n / k."""
    found = {}
    for image in range(len(recording.stimulus)):
        trials = {name: [] for name in KINDS}
        for trial, speed in enumerate(recording.running_speed[:, image]):
            if not np.isnan(speed) and not np.isnan(recording.response[trial, image]).all():
                trials["running" if speed >= 1 else "still"].append(trial)
        own, k = trials[kind], min(map(len, trials.values()))
        found[image] = [own[int(np.ceil((j + 1) * len(own) / k)) - 1] for j in range(k)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_trials_of_an_image_are_of_either_kind_and_they_are_spread_over_the_session(recording, kind):
    kept, expected = of_speed(recording, kind == "running"), by_loop(recording, kind)
    assert {image: list(np.flatnonzero(kept[:, image])) for image in range(8)} == expected
    assert not (of_speed(recording, True) & of_speed(recording, False)).any()
    assert (of_speed(recording, True).sum(axis=0) == of_speed(recording, False).sum(axis=0)).all()
    part = recording.part(kind)
    np.testing.assert_array_equal(np.isnan(part.response), ~np.broadcast_to(kept[:, :, None], part.response.shape))
    np.testing.assert_array_equal(part.response[kept], recording.response[kept])


def test_what_running_adds_to_responses_is_in_the_means_over_running_trials_alone(recording):
    added = np.random.default_rng(8).standard_normal((8, 10))
    fast = np.nan_to_num(recording.running_speed) >= 1
    before, after = recording.response.copy(), recording.response
    after += (fast[:, :, None] * added).astype(np.float32)
    kept = measured(recording).query("score_on == 'still'").assign(recording="one")
    means = {kind: pool([("one", recording.part(kind))], kept)["mean"] for kind in KINDS}
    for kind in KINDS:
        for image, trials in by_loop(recording, kind).items():
            expected = before[trials, image].mean(axis=0, dtype=np.float64) + (kind == "running") * added[image]
            np.testing.assert_allclose(means[kind][image], expected, rtol=0, atol=1e-5)


def measured(recording):
    pairs = [("all", kind) for kind in KINDS]
    return measure_reliability("one", recording, recording.stimulus, 10, 0, pairs)


def test_a_recording_of_too_few_trials_of_a_kind_is_left_out_and_told(recording, capsys):
    table = measured(recording)
    assert table.scored_reliability.notna().all() and (table.reliability > 0.5).all()
    recording.running_speed[1:, 3] = 0  # a single running trial is left of one image
    lacking = measured(recording).assign(recording="two", neuron=lambda rows: rows.neuron.astype(int).add(500).astype(str))
    assert lacking.scored_reliability.isna().all() and lacking.reliability.notna().all()
    for kind in KINDS:
        rows = [part[part.score_on == kind] for part in (table, lacking)]
        both = pd.concat(rows, ignore_index=True)
        kept = select(both, ["VISp"], ["reliable"], "spearman-brown", -1.0, 0.05, 3)
        assert set(kept.recording[kept.kept]) == {"one"}
        (line,) = (line for line in capsys.readouterr().err.splitlines() if "left out" in line)
        assert line.startswith(f"two: left out, because its neurons, selected on all and scored on {kind} trials, have no")
        assert "fewer than 2 such trials, or running speed is not known" in line
