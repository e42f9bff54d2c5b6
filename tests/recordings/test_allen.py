"""What is published: recordings, metrics of cells, event files."""

import json
import os

import pandas as pd
import pytest
import yaml
from observatory import experiment

from dormouse.errors import InputError
from dormouse.recordings.allen import (
    cre_line,
    events_address,
    list_recordings,
    published_at,
    read_cell_metrics,
    read_event_files,
)
from dormouse.recordings.datasets import open_dataset
from dormouse.recordings.sdk import build_environment

pytestmark = pytest.mark.allen

ALL = {"include_failed": False, "cre_lines": [], "depths_um": [0, 1000], "recordings": [], "exclude": []}


@pytest.fixture
def listed(tmp_path):
    """Give a function that writes ophys_experiments.json and lists its recordings."""

    def listed(*experiments, areas=("VISp",), event_files=(), **filters):
        path = tmp_path / "ophys_experiments.json"
        path.write_text(json.dumps(experiments))
        return list_recordings(path, areas, ALL | filters, event_files)

    return listed


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("gone")])
def test_a_manifest_that_is_no_file_is_refused_at_the_start(root, tmp_path, make):
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["allen"] |= {"access": "sdk", "manifest": str(tmp_path / "manifest.json")}
    assert open_dataset(config).name == "allen"  # AllenSDK writes one
    make(tmp_path / "manifest.json")
    with pytest.raises(InputError, match=r"manifest\.json(: a pipe|: a folder| is a link that leads nowhere)"):
        open_dataset(config)


@pytest.mark.parametrize("name", ["nowhere", "text", "."])
def test_a_python_that_cannot_be_run_is_named(tmp_path, name):
    (tmp_path / "text").write_text("no program")
    with pytest.raises(InputError, match=rf"{name}: no Python with AllenSDK \(.*(No such file|Permission denied)"):
        build_environment([], str(tmp_path / name), tmp_path / "allensdk.txt")


def used(table):
    return table.recording[table.used].tolist()


def test_recordings_are_listed_in_order_with_what_the_service_says_of_them(listed):
    table = listed(experiment(502, "VISl", depth_um=275), experiment(501, line="Sst-IRES-Cre"), areas=["VISl", "VISp"])
    assert table.to_dict("list") == {
        "recording": ["501", "502"],
        "container": ["1501", "1502"],
        "animal": ["mouse501", "mouse502"],
        "area": ["VISp", "VISl"],
        "depth_um": [175.0, 275.0],
        "cre_line": ["Sst-IRES-Cre", "Cux2-CreERT2"],
        "failed": [False, False],
        "used": [True, True],
        "reason": ["", ""],
    }


@pytest.mark.parametrize("stimulus", ["three_session_A", "three_session_C2"])
def test_sessions_without_natural_scenes_are_not_listed(listed, stimulus):
    assert listed(experiment(501), experiment(502, stimulus=stimulus)).recording.tolist() == ["501"]


@pytest.mark.parametrize(
    ("other", "filters", "reason"),
    [
        ({"area": "VISrl"}, {}, "area not studied"),
        ({"failed": True}, {}, "container failed quality control"),
        ({"line": "Sst-IRES-Cre"}, {"cre_lines": ["Cux2-CreERT2"]}, "Cre line not asked for"),
        ({"depth_um": 375}, {"depths_um": [0, 300]}, "depth not asked for"),
        ({}, {"recordings": [501, "503"]}, "recording not asked for"),
        ({}, {"exclude": [502]}, "recording excluded"),
    ],
)
def test_recordings_that_are_left_out_stay_in_the_table_with_the_reason(listed, other, filters, reason, capsys):
    table = listed(experiment(501), experiment(502, **other), experiment(503), **filters)
    assert used(table) == ["501", "503"]
    assert table.reason.tolist() == ["", reason, ""]
    assert f"1 of 3 recordings left out: {reason} (502)" in capsys.readouterr().err


def test_failed_containers_are_used_where_they_are_asked_for(listed):
    assert used(listed(experiment(501, failed=True), include_failed=True)) == ["501"]


def test_recordings_without_events_are_left_out_where_events_are_the_response(listed, tmp_path):
    path = tmp_path / "event_files.json"
    path.write_text(json.dumps({"success": True, "msg": [{"attachable_id": 502, "download_link": "/api/v2/file/7"}]}))
    table = listed(experiment(501), experiment(502), event_files=[path])
    assert (used(table), table.reason.tolist()) == (["502"], ["no events published", ""])
    assert events_address("http://service", path, "502") == "http://service/api/v2/file/7"


def test_a_link_to_events_that_leads_to_another_host_is_refused(tmp_path):
    path = tmp_path / "event_files.json"
    path.write_text(json.dumps({"msg": [{"attachable_id": 502, "download_link": "@elsewhere.org/events"}]}))
    with pytest.raises(InputError, match=r"recording 502: link '@elsewhere\.org/events'; expected a path on the service"):
        events_address("http://service", path, "502")


@pytest.mark.parametrize(("key", "name"), [("cre_lines", "Cux2-CreERT"), ("recordings", 5011), ("exclude", 9)])
def test_a_filter_that_names_what_does_not_occur_is_refused(listed, key, name):
    with pytest.raises(InputError, match=rf"config: (allen\.)?{key}: '{name}' is not among the three_session_B recordings"):
        listed(experiment(501), **{key: [name]})


def test_a_list_of_which_nothing_is_left_is_refused_with_the_reasons(listed):
    with pytest.raises(InputError, match=r"none of 2 .* is left \(area not studied: 1, container failed quality control: 1\)"):
        listed(experiment(501, "VISrl"), experiment(502, failed=True))


def test_an_area_of_which_no_recording_is_left_is_named(listed):
    with pytest.raises(InputError, match=r"no recording is left in VISal, VISl\. See config: areas, allen"):
        listed(experiment(501), experiment(502, "VISl", failed=True), areas=["VISp", "VISal", "VISl"])


def test_a_list_without_natural_scenes_is_refused(listed):
    for experiments in ([], [experiment(501, stimulus="three_session_A")]):
        with pytest.raises(InputError, match=rf"no three_session_B session among {len(experiments)} experiments"):
            listed(*experiments)


@pytest.mark.parametrize("key", list(experiment(501)))
def test_a_list_that_lacks_a_key_is_refused(listed, key):
    lacking = experiment(501)
    del lacking[key]
    with pytest.raises(InputError, match=rf"ophys_experiments\.json: not the service's list of experiments .*{key}"):
        listed(lacking)


@pytest.mark.parametrize("text", ["<html>Service unavailable</html>", "", '{"success": true}', "3"])
def test_what_is_not_such_a_list_is_refused(tmp_path, text):
    path = tmp_path / "list.json"
    path.write_text(text)
    for read, what in (
        (lambda file: list_recordings(file, ["VISp"], ALL), "experiments"),
        (read_event_files, "event files"),
        (read_cell_metrics, "cells"),
    ):
        with pytest.raises(InputError, match=rf"list\.json: (not the service's list of {what}|no {what})"):
            read(path)


def test_the_cre_line_is_the_driver_that_names_cre():
    lines = experiment(501)["specimen"]["donor"]["transgenic_lines"]
    assert (cre_line(lines), cre_line(lines[:2])) == ("Cux2-CreERT2", "")


def test_metrics_of_cells_are_read_and_may_be_missing(tmp_path):
    cells = [
        {"cell_specimen_id": 7, "p_ns": 1e-9, "p_run_mod_ns": None, "other": [1, 2]},
        {"cell_specimen_id": 8, "p_ns": None, "p_run_mod_ns": 0.25, "other": {"deep": None}},
    ]
    (tmp_path / "cells.json").write_text(json.dumps(cells))
    expected = pd.DataFrame({"neuron": ["7", "8"], "p_ns": [1e-9, None], "p_run_mod_ns": [None, 0.25]})
    pd.testing.assert_frame_equal(
        read_cell_metrics(tmp_path / "cells.json"), expected.astype({"p_ns": float, "p_run_mod_ns": float})
    )


def test_files_are_published_in_the_bucket_and_the_list_of_events_by_the_service():
    assert (
        published_at("ophys_experiments.json", "http://bucket/2p", "http://service")
        == "http://bucket/2p/ophys_experiments.json"
    )
    assert published_at("event_files.json", "http://bucket/2p", "http://service").startswith(
        "http://service/api/v2/data/query.json"
    )
