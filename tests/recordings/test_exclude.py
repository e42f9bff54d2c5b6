"""Recordings that the configuration leaves out by name, of every kind of data set; and whether any has running speed."""

import shutil

import numpy as np
import pytest
from folders import change, session

from dormouse.errors import InputError
from dormouse.recordings.datasets import open_dataset


def opened(dataset, exclude=()):
    demo = {"n_scenes": 118, "n_trials": 20}
    return open_dataset({"dataset": str(dataset), "areas": ["VISp", "VISl"], "exclude": list(exclude), "demo": demo})


def test_recordings_are_left_out_by_name_of_every_kind_of_data_set(dataset_folder, tmp_path, tiny_nwb):
    session(dataset_folder, "one").write_text("not read")
    dataset = opened(dataset_folder, exclude=["one"])
    assert dataset.recordings == ["two"] and dataset.trials == {"VISp": 6, "VISl": 6}
    everything = opened("demo").recordings
    assert opened("demo", exclude=[int(everything[3])]).recordings == [*everything[:3], *everything[4:]]
    (tmp_path / "mine/recordings").mkdir(parents=True)
    (tmp_path / "mine/dataset.yaml").write_text("{name: Mine, kind: nwb}")
    for name in ("a", "b"):
        shutil.copy(tiny_nwb, tmp_path / f"mine/recordings/{name}.nwb")
    assert opened(tmp_path / "mine", exclude=["a"]).recordings == ["b"]


def test_a_recording_to_leave_out_that_is_not_there_is_told_with_the_nearest(dataset_folder, similarity_folder):
    with pytest.raises(InputError, match=r"config: exclude: 'tow' is no recording of .*mice\. Did you mean two\?"):
        opened(dataset_folder, exclude=["tow"])
    with pytest.raises(
        InputError, match=r"config: exclude: '90000000' is no recording of the demo\. Did you mean 9000000\d\d"
    ):
        opened("demo", exclude=[90000000])
    with pytest.raises(InputError, match=r"config: exclude: all 2 recordings of .*mice are left out\. Name fewer"):
        opened(dataset_folder, exclude=["one", "two"])
    with pytest.raises(InputError, match=r"config: exclude: 'one', but .*alike gives similarities, of no recordings"):
        opened(similarity_folder, exclude=["one"])


def test_whether_any_recording_has_running_speed_is_known_at_the_start(dataset_folder, similarity_folder):
    assert opened("demo").speed and not opened(dataset_folder).speed and not opened(similarity_folder).speed
    change(session(dataset_folder, "two"), running_speed=np.zeros((6, 8)))
    assert opened(dataset_folder).speed and not opened(dataset_folder, exclude=["two"]).speed
