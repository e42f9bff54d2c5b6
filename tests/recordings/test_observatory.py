"""The imitation of the Allen service and of its files is true: AllenSDK itself lists, downloads and reads all of it."""

import json
import os
import subprocess

import numpy as np
import pytest
import requests
from observatory import RECORDINGS, Observatory
from sessions import (
    COURSE,
    GRATINGS,
    GREY,
    MOVIE,
    SCENES,
    SESSION_B,
    Options,
    Published,
    cell_ids,
    responsive,
    scene_images,
)
from web import serving

pytestmark = pytest.mark.allen

BUCKET = "visual-coding-2p"
OLD, UNSORTED, WITHOUT_SCENES, BARE = (RECORDINGS[i].id for i in (1, 2, 3, 4))
SPECIAL = {
    OLD: Options(pipeline="0.9", running_column=True, running_from=40, running_missing=7, storage="chunked"),
    UNSORTED: Options(sorted_ids=False, storage="gzip", template_dtype="float32", last_runs_past=True),
    WITHOUT_SCENES: Options(scenes=False, pipeline=None),
    BARE: Options(demixed=False, pupil=False),
}
N_OTHER_CELLS = 2500  # more than a page of the service
SMALL = Options()
ROWS = {SCENES: 119 * SMALL.n_trials, GRATINGS: SMALL.n_gratings, MOVIE: 10 * SMALL.movie[0], GREY: 1}


@pytest.fixture(scope="module")
def observatory(tmp_path_factory):
    return Observatory(tmp_path_factory.mktemp("observatory"), special=SPECIAL, n_other_cells=N_OTHER_CELLS)


@pytest.fixture
def published(web, observatory):
    observatory.publish(web)
    return web


def ask(web, query):
    return requests.get(f"{web.address}/api/v2/data/query.json", params={"q": query}).json()


BY_ALLENSDK = """
import json
import sys

import numpy as np
from allensdk.core.brain_observatory_cache import BrainObservatoryCache

folder, address, *ids = sys.argv[1:]
cache = BrainObservatoryCache(manifest_file=f"{folder}/manifest.json", base_uri=address)
containers, experiments = cache.get_experiment_containers(), cache.get_ophys_experiments()
told = {
    "containers": [row["id"] for row in containers],
    "experiments": [row["id"] for row in experiments],
    "sessions b": [row["id"] for row in cache.get_ophys_experiments(stimuli=["natural_scenes"], targeted_structures=["VISp"])],
    "cells": [row["cell_specimen_id"] for row in cache.get_cell_specimens()],
    "first": next(row for row in experiments if row["id"] == int(ids[0])),
    "recordings": {},
}
for id in map(int, ids):
    data = cache.get_ophys_experiment_data(id)
    stimuli = data.list_stimuli()
    epochs = data.get_stimulus_epoch_table()
    some = data.get_cell_specimen_ids()[[1, 3, 4]]
    seen = told["recordings"][id] = {
        "metadata": {key: str(value) for key, value in data.get_metadata().items()},
        "session type": data.get_session_type(),
        "rows": {name: len(data.get_stimulus_table(name)) for name in [*stimuli, "master"]},
        "epochs": epochs["stimulus"].tolist(),
        "frame": [],
        "missing": [],
    }
    arrays = {
        "ids": data.get_cell_specimen_ids(),
        "rois": data.get_roi_ids().astype(str),
        "times": data.get_dff_traces()[0],
        "dff": data.get_dff_traces()[1],
        "some": data.get_dff_traces(some if (np.diff(some) > 0).all() else None)[1],
        "fluorescence": data.get_fluorescence_traces()[1],
        "neuropil": data.get_neuropil_traces()[1],
        "r": data.get_neuropil_r(),
        "speed": data.get_running_speed()[0],
        "speed times": data.get_running_speed()[1],
        "motion": data.get_motion_correction()[["x", "y"]].to_numpy(),
        "masks": data.get_roi_mask_array(),
        "projection": data.get_max_projection(),
        "movie": data.get_stimulus_template("natural_movie_one"),
    }
    if "natural_scenes" in stimuli:
        table = data.get_stimulus_table("natural_scenes")
        arrays |= {name: table[name].to_numpy(int) for name in ("frame", "start", "end")}
        arrays["scenes"] = data.get_stimulus_template("natural_scenes")
    for name, read in {
        "demixed": lambda: data.get_demixed_traces()[1],
        "corrected": lambda: data.get_corrected_fluorescence_traces()[1],
        "pupil": lambda: data.get_pupil_location()[1],
        "pupil on the screen": lambda: data.get_pupil_location(as_spherical=False)[1],
        "pupil size": lambda: data.get_pupil_size()[1],
        "events": lambda: cache.get_ophys_experiment_events(id),
    }.items():
        try:
            arrays[name] = read()
        except Exception as error:
            seen["missing"].append(name)
    np.savez(f"{folder}/{id}.npz", **arrays)
json.dump(told, open(f"{folder}/told.json", "w"))
"""
EXAMINED = [RECORDINGS[0].id, OLD, UNSORTED, WITHOUT_SCENES, BARE, RECORDINGS[11].id]


@pytest.fixture(scope="module")
def sdk(observatory, tmp_path_factory):
    """Give what AllenSDK finds, and the arrays that it reads of the recordings examined."""
    if "DORMOUSE_ALLENSDK" not in os.environ:
        pytest.skip("needs AllenSDK: set DORMOUSE_ALLENSDK to a Python that has it")
    folder = tmp_path_factory.mktemp("cache")
    command = [os.environ["DORMOUSE_ALLENSDK"], "-W", "ignore", "-c", BY_ALLENSDK, folder]
    with serving() as web:
        observatory.publish(web)
        subprocess.run([*command, web.address, *map(str, EXAMINED)], check=True, cwd=folder)
    arrays = {}
    for id in EXAMINED:
        with np.load(folder / f"{id}.npz") as stored:
            arrays[id] = dict(stored)
    return json.loads((folder / "told.json").read_text()), arrays


def is_whole(recording):
    return not recording.failed and recording.session_type == SESSION_B


@pytest.mark.allensdk
def test_allensdk_lists_what_is_published_less_what_failed(sdk):
    told, _ = sdk
    assert sorted(told["containers"]) == sorted({recording.container for recording in RECORDINGS if not recording.failed})
    assert sorted(told["experiments"]) == sorted(recording.id for recording in RECORDINGS if not recording.failed)
    in_v1 = [recording.id for recording in RECORDINGS if is_whole(recording) and recording.area == "VISp"]
    assert sorted(told["sessions b"]) == sorted(in_v1)
    first = RECORDINGS[0]
    expected = {"targeted_structure": first.area, "imaging_depth": first.depth_um, "cre_line": first.cre_line}
    assert {key: told["first"][key] for key in expected} == expected


@pytest.mark.allensdk
def test_allensdk_turns_the_pages_of_cells(sdk):
    n_cells = sum(SMALL.n_cells for recording in RECORDINGS if is_whole(recording)) + N_OTHER_CELLS
    assert len(set(sdk[0]["cells"])) == len(sdk[0]["cells"]) == n_cells


@pytest.mark.allensdk
@pytest.mark.parametrize("id", EXAMINED)
def test_allensdk_reads_a_recording_in_full(sdk, observatory, id):
    told, arrays = sdk[0]["recordings"][str(id)], sdk[1][id]
    recording, options = next(row for row in RECORDINGS if row.id == id), observatory.options(id)
    expected = {
        "targeted_structure": recording.area,
        "imaging_depth_um": str(recording.depth_um),
        "cre_line": f"{recording.cre_line}/wt",
        "ophys_experiment_id": str(id),
        "experiment_container_id": str(recording.container),
        "device_name": "CAM2P.1",
        "pipeline_version": options.pipeline or "0.9",
    }
    assert {key: told["metadata"][key] for key in expected} == expected
    assert told["session type"] == SESSION_B
    rows = {name: n for name, n in ROWS.items() if options.scenes or name != SCENES}
    assert told["rows"] == rows | {"master": sum(rows.values())}
    course = [name for name in COURSE if options.scenes or name != SCENES]
    assert told["epochs"] == course
    n_cells, n_frames = arrays["dff"].shape
    assert sorted(arrays["ids"]) == cell_ids(recording, np.arange(n_cells)).tolist()
    assert (np.diff(arrays["ids"]) > 0).all() == options.sorted_ids
    for name in ("fluorescence", "neuropil"):
        assert arrays[name].shape == (n_cells, n_frames)
    assert len(arrays["times"]) == len(arrays["speed"]) == len(arrays["motion"]) == n_frames
    np.testing.assert_array_equal(arrays["speed times"], arrays["times"])
    assert np.isnan(arrays["speed"]).sum() == options.running_from + options.running_missing
    assert arrays["masks"].sum() == 64 * n_cells


@pytest.mark.allensdk
@pytest.mark.parametrize(
    ("id", "missing"),
    [
        (EXAMINED[0], []),
        (OLD, ["demixed"]),
        (WITHOUT_SCENES, ["demixed"]),
        (BARE, ["demixed", "corrected", "pupil", "pupil on the screen", "pupil size"]),
        (RECORDINGS[11].id, ["events"]),
    ],
)
def test_allensdk_misses_what_was_left_out_and_nothing_else(sdk, id, missing):
    assert sdk[0]["recordings"][str(id)]["missing"] == missing


@pytest.mark.allensdk
@pytest.mark.parametrize("id", [EXAMINED[0], OLD, UNSORTED])
def test_corrected_fluorescence_is_df_over_f_in_percent_wherever_the_neuropil_lies(sdk, id):
    arrays = sdk[1][id]
    np.testing.assert_allclose(arrays["corrected"], 100 * (1 + arrays["dff"]), atol=1e-3)


@pytest.mark.allensdk
@pytest.mark.parametrize("id", [EXAMINED[0], OLD, UNSORTED])
def test_cells_answer_to_the_scenes_that_the_table_names(sdk, observatory, id):
    arrays, options = sdk[1][id], observatory.options(id)
    frames = arrays["start"][:, None] + np.arange(7)
    inside = frames[:, -1] < arrays["dff"].shape[1]
    assert (~inside).sum() == options.last_runs_past
    response = arrays["dff"][:, frames[inside]].mean(axis=2)
    image, trial = arrays["frame"][inside], np.arange(inside.sum()) * 2 // inside.sum()
    halves = [
        np.stack([response[:, (image == i) & (trial == half)].mean(axis=1) for i in range(-1, options.n_scenes)])
        for half in (0, 1)
    ]
    reliability = [np.corrcoef(a, b)[0, 1] for a, b in zip(halves[0].T, halves[1].T, strict=True)]
    cells = (arrays["ids"] - cell_ids(RECORDINGS[EXAMINED.index(id)], np.array(0))) // 7
    assert (np.array(reliability)[responsive(cells)] > 0.5).all()
    assert (np.abs(np.array(reliability)[~responsive(cells)]) < 0.35).all()
    np.testing.assert_array_equal(arrays["scenes"], scene_images(options))
    assert arrays["events"].shape == arrays["dff"].shape
    assert (arrays["events"][responsive(cells)].max(axis=1) > 0.3).all()
    speed = arrays["speed"][~np.isnan(arrays["speed"])]
    assert 0.3 < (np.abs(speed) < 1).mean() < 0.7


def test_the_bucket_holds_the_tables_and_the_recordings(published, observatory):
    listed = requests.get(f"{published.address}/{BUCKET}/ophys_experiments.json").json()
    assert [row["id"] for row in listed] == [recording.id for recording in RECORDINGS]
    path = observatory.nwb(RECORDINGS[0].id)
    address = f"{published.address}/{BUCKET}/ophys_experiment_data/{path.name}"
    assert requests.get(address).content == path.read_bytes()
    for asked, part in {
        "bytes=10-19": slice(10, 20),
        "bytes=1000000-": slice(1000000, None),
        "bytes=-7": slice(-7, None),
    }.items():
        answer = requests.get(address, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, path.read_bytes()[part])
    size = path.stat().st_size
    answer = requests.get(address, headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert published.sent(at=path.name) == size + 10 + (size - 1000000) + 7


def test_events_are_listed_all_at_once_and_by_recording(published):
    query = (
        "model::WellKnownFile,rma::criteria,{}well_known_file_type[name$eq'ObservatoryEventsFile'],"
        "rma::options[num_rows$eq'all'][count$eqfalse]"
    )
    rows = ask(published, query.format(""))["msg"]
    have = [recording.id for recording in RECORDINGS if recording.events]
    assert [row["attachable_id"] for row in rows] == have
    assert ask(published, query.format(f"[attachable_id$eq{have[3]}],"))["msg"] == [rows[3]]
    assert requests.get(published.address + rows[3]["download_link"]).ok


@pytest.mark.parametrize(
    "query", ["model::Nothing", "model::WellKnownFile,rma::criteria,[colour$eqred]", "model::WellKnownFile,x"]
)
def test_a_query_that_makes_no_sense_is_refused_as_the_service_does(published, query):
    answer = ask(published, query)
    assert (answer["success"], type(answer["msg"])) == (False, str)


def test_parts_of_a_row_come_only_where_they_are_included(published):
    query = "model::OphysExperiment{},rma::options[num_rows$eq'all']"
    assert "targeted_structure" not in ask(published, query.format(""))["msg"][0]
    assert "targeted_structure" in ask(published, query.format(",rma::include,targeted_structure"))["msg"][0]


def test_two_sessions_of_a_container_share_cells(tmp_path):
    pair = [Published(1, 511_000_000, "VISp", "1"), Published(2, 511_000_000, "VISp", "1", first_cell=4)]
    small = Options(n_cells=6, n_trials=2, n_scenes=3, n_gratings=3)
    rows = Observatory(tmp_path, pair, small).tables()["ApiCamCellMetric"]
    assert len(rows) == 10
    assert len({row["cell_specimen_id"] for row in rows}) == 10
