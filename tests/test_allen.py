"""The published list of recordings."""

import json

import pytest

from dormouse.errors import InputError
from dormouse.recordings.allen import list_recordings


def experiment(number, area="VISp", stimulus="three_session_B", failed=False, depth_um=175):
    """One entry of ophys_experiments.json, with the keys that are read and one that is not."""
    return {
        "id": number,
        "stimulus_name": stimulus,
        "targeted_structure": {"acronym": area, "id": 385},
        "imaging_depth": depth_um,
        "experiment_container": {"failed": failed},
    }


@pytest.fixture
def listed(tmp_path):
    """Give a function that writes ophys_experiments.json and lists the recordings in VISp and VISl."""

    def listed(*experiments):
        path = tmp_path / "ophys_experiments.json"
        path.write_text(json.dumps(experiments))
        return list_recordings(path, ["VISp", "VISl"])

    return listed


def test_recordings_are_listed_in_order_with_area_and_depth(listed):
    table = listed(experiment(502, "VISl", depth_um=275), experiment(501))
    assert table.to_dict("list") == {"recording": ["501", "502"], "area": ["VISp", "VISl"], "depth_um": [175.0, 275.0]}


@pytest.mark.parametrize(
    "other", [{"stimulus": "three_session_A"}, {"stimulus": "three_session_C2"}, {"failed": True}, {"area": "VISrl"}]
)
def test_recordings_of_other_stimuli_or_areas_and_failed_ones_are_left_out(listed, other):
    assert listed(experiment(501), experiment(502, **other), experiment(503)).recording.tolist() == ["501", "503"]


def test_a_list_without_any_recording_in_the_areas_is_refused(listed):
    with pytest.raises(InputError, match=r"ophys_experiments\.json: no three_session_B recording in VISp, VISl among 2 exp"):
        listed(experiment(501, "VISrl"), experiment(502, stimulus="three_session_A"))


@pytest.mark.parametrize("key", ["id", "stimulus_name", "targeted_structure", "imaging_depth", "experiment_container"])
def test_a_list_that_lacks_a_key_is_refused(listed, key):
    lacking = experiment(501)
    del lacking[key]
    with pytest.raises(InputError, match=rf"ophys_experiments\.json: not the service's list of experiments .*{key}"):
        listed(lacking)


@pytest.mark.parametrize("text", ["<html>Service unavailable</html>", "", '{"success": true}', "3"])
def test_what_is_not_a_list_of_experiments_is_refused(tmp_path, text):
    (tmp_path / "ophys_experiments.json").write_text(text)
    with pytest.raises(InputError, match=r"ophys_experiments\.json: not the service's list of experiments"):
        list_recordings(tmp_path / "ophys_experiments.json", ["VISp"])
