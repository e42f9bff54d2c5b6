"""Measures of response from NWB 1.0 files (baseline, events, sweep), against loops over the file."""

import h5py
import numpy as np
import pytest
from nwb1_file import (
    DEMIXED,
    DFF,
    FLOAT32_ROUNDING,
    FRAMES,
    NEUROPIL,
    PIPELINE,
    RUNNING,
    SHOWN,
    WINDOW_FRAMES,
    WINDOW_S,
    by_presentation,
    get,
    put,
    read_nwb,
)

from dormouse.errors import InputError

pytestmark = pytest.mark.allen


@pytest.mark.parametrize("window_s", [(0.3, 0.3), (0.5, 0.0)])
def test_a_window_without_frames_is_refused(tiny_nwb, window_s):
    with pytest.raises(InputError, match=r"900000000\.nwb: response\.window_s .*holds no frame"):
        read_nwb(tiny_nwb, window_s)


def test_a_baseline_is_subtracted(tiny_nwb):
    dff, shown, starts = get(tiny_nwb, DFF), get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0]
    before, after = (by_presentation(dff, shown, starts, *window) for window in ((-15, 0), (0, WINDOW_FRAMES)))
    response = read_nwb(tiny_nwb, WINDOW_S, baseline_s=(-0.5, 0.0)).response
    np.testing.assert_allclose(response, after - before, rtol=FLOAT32_ROUNDING, atol=1e-7)


def test_a_presentation_whose_baseline_begins_before_the_recording_is_missing(tiny_nwb, capsys):
    starts = get(tiny_nwb, FRAMES)[:, 0]
    seconds = -(starts[1] + 0.0) / 30  # leaves room before the second, and not before the first
    response = read_nwb(tiny_nwb, WINDOW_S, baseline_s=(seconds, 0.0)).response
    assert np.isnan(response).any(axis=2).sum() == 1
    assert "1 presentations leave the recording" in capsys.readouterr().err


def test_the_measure_sweep_is_the_change_from_28_frames_before_onset_over_14_after_it(tiny_nwb):
    shown, starts, rng = get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0], np.random.default_rng(0)
    shape = get(tiny_nwb, DFF).shape
    demixed, neuropil, r = rng.uniform(50, 150, shape), rng.uniform(10, 20, shape), rng.random(shape[0])
    put(tiny_nwb, f"{DEMIXED}/data", demixed.astype(np.float32))
    put(tiny_nwb, f"{NEUROPIL}/data", neuropil.astype(np.float32))
    put(tiny_nwb, f"{NEUROPIL}/r", r)
    corrected = demixed - r[:, None] * neuropil
    expected = 100 * (by_presentation(corrected, shown, starts, 0, 14) / by_presentation(corrected, shown, starts, -28, 0) - 1)
    recording = read_nwb(tiny_nwb, WINDOW_S, "sweep")
    np.testing.assert_allclose(recording.response, expected, atol=1e-4)
    speed = by_presentation(get(tiny_nwb, RUNNING), shown, starts, 0, 14)
    np.testing.assert_allclose(recording.running_speed, speed, rtol=FLOAT32_ROUNDING)
    assert recording.unit == "% of baseline"


def test_files_of_the_first_pipeline_hold_the_neuropil_elsewhere(tiny_nwb):
    expected = read_nwb(tiny_nwb, WINDOW_S, "sweep").response
    with h5py.File(tiny_nwb, "r+") as file:
        del file["general/generated_by"]
        plane = file[f"{PIPELINE}/Fluorescence/imaging_plane_1"]
        for name, place in (("data", f"{DEMIXED}/data"), ("neuropil_traces", f"{NEUROPIL}/data"), ("r", f"{NEUROPIL}/r")):
            file.move(place, f"{plane.name}/{name}")
    np.testing.assert_array_equal(read_nwb(tiny_nwb, WINDOW_S, "sweep").response, expected)


def test_a_recording_without_demixed_traces_has_no_sweep_response(tiny_nwb):
    with h5py.File(tiny_nwb, "r+") as file:
        del file[DEMIXED]
    assert read_nwb(tiny_nwb, WINDOW_S).response.any()
    with pytest.raises(InputError, match=r"900000000\.nwb: lacks .*demixed_signal.* choose another response\.measure"):
        read_nwb(tiny_nwb, WINDOW_S, "sweep")


def test_events_are_averaged_in_the_window(tiny_nwb, tmp_path):
    events = np.random.default_rng(0).exponential(size=get(tiny_nwb, DFF).shape).astype(np.float32)
    np.savez(tmp_path / "events.npz", ev=events)
    expected = by_presentation(events, get(tiny_nwb, SHOWN), get(tiny_nwb, FRAMES)[:, 0], 0, WINDOW_FRAMES)
    recording = read_nwb(tiny_nwb, WINDOW_S, "events", events=[tmp_path / "events.npz"])
    np.testing.assert_allclose(recording.response, expected, rtol=FLOAT32_ROUNDING)
    assert recording.unit == "event magnitude"


def test_events_of_another_recording_or_none_are_refused(tiny_nwb, tmp_path):
    np.savez(tmp_path / "events.npz", ev=np.zeros((3, 10), np.float32))
    with pytest.raises(InputError, match=r"events\.npz: ev is float32 of shape \(3, 10\); expected finite numbers, 5 cells x"):
        read_nwb(tiny_nwb, WINDOW_S, "events", events=[tmp_path / "events.npz"])
    with pytest.raises(InputError, match=r"response\.measure: events .* choose dff or sweep"):
        read_nwb(tiny_nwb, WINDOW_S, "events")
