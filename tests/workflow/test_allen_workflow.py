"""The workflow on recordings of the Allen Brain Observatory, against an imitation of its service and bucket."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, STDOUT
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
from observatory import BUCKET, RECORDINGS, Observatory
from sessions import Options
from web import File, Web, cut, refused, serving

from dormouse.recordings.readers import read_nwb
from dormouse.recordings.trials import read_recording
from dormouse.tables import read_table

pytestmark = [pytest.mark.allen, pytest.mark.workflow]

# four areas, one of them in two animals, and all odd files of `observatory`; a job by AllenSDK takes seconds
BOTH_WAYS = [RECORDINGS[k] for k in (0, 1, 2, 3, 6)]
TABLES = ("recordings", "cell_metrics", "neurons", "selection_counts", "ceilings", "thresholds")
TARGETS = [f"results/allen/tables/{name}.parquet" for name in TABLES]


def allen(web: Web, **other) -> dict:
    return {"bucket": web.address + BUCKET, "service": web.address, **other}


def config(web: Web, areas=None, measure="dff", metrics="service", **other) -> dict:
    """Return what differs from config.yaml; the recordings are too short for the usual reliability threshold."""
    return {
        "dataset": "allen",
        "allen": allen(web, **other),
        "response": {"measure": measure},
        "selection": {"min_reliability": 0.3, "metrics": metrics},
        "methods": {"selection": "paper_2020"},
        "reliability": {"n_splits": 10},
        "thresholds": {"n_splits": 4},
        **({"areas": areas} if areas else {}),
    }


@pytest.fixture(scope="module")
def observatory(tmp_path_factory) -> Observatory:
    """Write twelve recordings over six areas, and two that are to be left out; some files are older or odd."""
    odd = {
        RECORDINGS[1].id: Options(n_trials=6, pipeline="1.0", storage="gzip"),
        RECORDINGS[2].id: Options(n_trials=6, running_column=True, running_from=500, sorted_ids=False),
        RECORDINGS[3].id: Options(n_trials=6, last_runs_past=True, template_dtype="float32"),
    }
    return Observatory(tmp_path_factory.mktemp("observatory"), options=Options(n_trials=6), special=odd)


@pytest.fixture
def published(web, observatory) -> Web:
    observatory.publish(web)
    return web


@pytest.fixture(scope="module")
def both(observatory, run_workflow, tmp_path_factory) -> SimpleNamespace:
    """Run the workflow up to its tables of neurons, on streamed recordings and on those that the real AllenSDK fetches."""
    if "DORMOUSE_ALLENSDK" not in os.environ:
        pytest.skip("needs AllenSDK: set DORMOUSE_ALLENSDK to a Python that has it")
    runs = SimpleNamespace()
    with serving() as web:
        observatory.publish(web)
        for access in ("stream", "sdk"):
            folder = tmp_path_factory.mktemp(access)
            other = {"python": os.environ["DORMOUSE_ALLENSDK"], "recordings": [one.id for one in BOTH_WAYS]}
            areas = list(dict.fromkeys(one.area for one in BOTH_WAYS))
            done = run_workflow(folder, *TARGETS, config=config(web, areas=areas, access=access, **other))
            assert done.returncode == 0, done.stdout
            setattr(runs, access, folder)
            setattr(runs, f"{access}_asked", [request.path for request in web.requests])
            web.requests.clear()
    return runs


@pytest.mark.allensdk
def test_streamed_recordings_equal_those_of_allensdk_trial_by_trial(both, observatory):
    names = sorted(file.stem for file in (both.stream / "results/allen/recordings").iterdir())
    assert names == sorted(str(recording.id) for recording in BOTH_WAYS)
    for name in names:
        ours, theirs = (read_recording(run / f"results/allen/recordings/{name}.npz") for run in (both.stream, both.sdk))
        for field in (
            "response",
            "running_speed",
            "stimulus",
            "neuron",
            "animal",
            "area",
            "cortical_layer",
            "depth_um",
            "cre_line",
        ):
            np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field), err_msg=f"{name} {field}")
        # one scene of a streamed recording is compared, and all scenes of a whole one
        assert ((ours.image_sha256 == theirs.image_sha256) | (ours.image_sha256 == "")).all()
        assert ((ours.image_sha256 != "").sum(), (theirs.image_sha256 != "").sum()) == (1, 118)


@pytest.mark.allensdk
@pytest.mark.parametrize("table", TABLES)
def test_tables_are_equal_whichever_way_recordings_come(both, table):
    first, second = (read_table(table, run / f"results/allen/tables/{table}.parquet") for run in (both.stream, both.sdk))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.allensdk
def test_each_way_sends_requests_only_to_its_source(both):
    assert {path.split("/")[1] for path in both.stream_asked} == {"visual-coding-2p"}
    assert {path.split("/")[1] for path in both.sdk_asked} == {"api"}
    assert not (both.stream / "resources/allen/ophys_experiment_data").exists()


@pytest.mark.allensdk
@pytest.mark.slow
def test_an_existing_cache_is_used_without_the_internet(both, run_workflow, tmp_path):
    other = {"access": "sdk", "python": os.environ["DORMOUSE_ALLENSDK"]}
    nowhere = Web("http://127.0.0.1:9")
    cache = both.sdk / "resources/allen/cache/manifest.json"
    few = config(nowhere, areas=["VISp"], manifest=str(cache), **other)
    done = run_workflow(tmp_path / "run", "results/allen/tables/neurons.parquet", config=few)
    assert done.returncode == 0, done.stdout
    first, second = (
        read_table("neurons", run / "results/allen/tables/neurons.parquet") for run in (both.sdk, tmp_path / "run")
    )
    pd.testing.assert_frame_equal(first[first.area == "VISp"].reset_index(drop=True), second)
    # nothing was copied
    for file in (tmp_path / "run/resources/allen/ophys_experiment_data").iterdir():
        assert file.stat().st_nlink > 2


@pytest.mark.allensdk
@pytest.mark.slow
def test_half_a_file_in_the_cache_of_allensdk_is_named(both, run_workflow, published, tmp_path):
    manifest = tmp_path / "cache" / "manifest.json"
    half = tmp_path / "cache" / "ophys_experiment_data" / f"{RECORDINGS[0].id}.nwb"
    half.parent.mkdir(parents=True)
    whole = (both.sdk / f"resources/allen/ophys_experiment_data/{RECORDINGS[0].id}.nwb").read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    other = {"access": "sdk", "python": os.environ["DORMOUSE_ALLENSDK"], "manifest": str(manifest)}
    done = run_workflow(tmp_path / "run", TARGETS[2], config=config(published, areas=["VISp"], **other))
    assert done.returncode != 0
    assert f"{half}: not a whole file" in done.stdout and "Remove it and run again" in done.stdout


@pytest.mark.allensdk
@pytest.mark.slow
def test_events_come_from_the_service_and_a_recording_without_them_is_left_out(published, observatory, run_workflow, tmp_path):
    last, area = RECORDINGS[11], RECORDINGS[11].area
    assert not last.events
    found = {}
    for access in ("stream", "sdk"):
        other = {"access": access, "python": os.environ.get("DORMOUSE_ALLENSDK")}
        if access == "sdk" and not other["python"]:
            pytest.skip("needs AllenSDK: set DORMOUSE_ALLENSDK to a Python that has it")
        done = run_workflow(tmp_path / access, TARGETS[2], config=config(published, areas=[area], measure="events", **other))
        assert done.returncode == 0, done.stdout
        recordings = read_table("recordings", tmp_path / access / TARGETS[0]).set_index("recording")
        assert recordings.reason[str(last.id)] == "no events published"
        found[access] = read_table("neurons", tmp_path / access / TARGETS[2])
        assert str(last.id) not in set(found[access].recording)
    pd.testing.assert_frame_equal(found["stream"], found["sdk"])
    name = found["stream"].recording.iloc[0]
    with np.load(observatory.events(int(name))) as stored:
        assert read_recording(tmp_path / f"stream/results/allen/recordings/{name}.npz").response.max() <= stored["ev"].max()


def test_whole_recordings_are_kept_if_requested(published, observatory, run_workflow, tmp_path):
    settings = config(published, areas=["VISl"], metrics="service", keep=True)
    # published metrics use all trials, so they cannot select on some
    odd = {"filters": ["running", "reliable"], "select_on": "odd", "score_on": "even"}
    settings["selection"] |= {"named": {"odd": odd}}
    settings["methods"] = {"selection": "odd"}
    done = run_workflow(tmp_path / "run", TARGETS[2], config=settings)
    assert done.returncode == 0, done.stdout
    assert set(read_table("neurons", tmp_path / "run" / TARGETS[2]).metrics) == {"computed"}
    kept = sorted((tmp_path / "run/resources/allen/ophys_experiment_data").iterdir())
    assert [file.stem for file in kept] == sorted(str(one.id) for one in RECORDINGS[:12] if one.area == "VISl")
    assert all(file.read_bytes() == observatory.nwb(int(file.stem)).read_bytes() for file in kept)
    assert not published.asked("cell_specimens")  # not needed


def test_a_listed_recording_that_is_missing_is_named_and_the_others_are_read(published, run_workflow, tmp_path):
    first, second = (one.id for one in RECORDINGS[:12] if one.area == "VISp")
    published.always(refused(404), at=f"{first}.nwb")
    settings = config(published, areas=["VISp"], metrics="computed", recordings=[first, second])
    # the scenes come from the first recording; nothing can be made without it
    done = run_workflow(tmp_path / "run", TARGETS[2], "--keep-going", config=settings)
    assert done.returncode != 0
    assert f"{first}.nwb: 404" in done.stdout and "Check the address and run again" in done.stdout
    made = {file.name for file in (tmp_path / "run/results/allen/recordings").iterdir()}
    assert made == {f"{second}.npz"}
    settings["exclude"] = [first]
    assert run_workflow(tmp_path / "run", TARGETS[2], config=settings).returncode == 0


@pytest.mark.parametrize("fault", ["an error that passes", "a connection that breaks off"])
def test_temporary_faults_change_no_number(published, observatory, run_workflow, tmp_path, fault):
    one = RECORDINGS[0].id
    tricks = {"an error that passes": [refused(500), refused(503)], "a connection that breaks off": [cut(1000), cut(5000)]}
    published.will(*tricks[fault], at=f"{one}.nwb")
    target = f"results/allen/recordings/{one}.npz"
    done = run_workflow(tmp_path / "run", target, config=config(published, areas=["VISp"], recordings=[one]))
    assert done.returncode == 0, done.stdout
    assert not list((tmp_path / "run/results/allen/recordings").glob(".*"))


def test_an_empty_list_is_one_clear_error(published, run_workflow, tmp_path):
    published.files[f"{BUCKET}/ophys_experiments.json"] = File(b"[]")
    done = run_workflow(tmp_path / "run", TARGETS[2], config=config(published))
    assert done.returncode != 0
    assert "ophys_experiments.json: no three_session_B session among 0 experiments" in done.stdout


def test_scenes_of_another_recording_are_refused(web, run_workflow, tmp_path):
    recordings = [replace(one, area="VISp") for one in RECORDINGS[:2]]
    observatory = Observatory(tmp_path / "observatory", recordings, Options(n_trials=3))
    with h5py.File(observatory.nwb(recordings[1].id), "r+") as file:
        file["stimulus/templates/natural_scenes_image_stack/data"][...] = 7
    observatory.publish(web)
    done = run_workflow(tmp_path / "run", TARGETS[2], config=config(web, areas=["VISp"], metrics="computed"))
    assert done.returncode != 0
    assert f"{recordings[1].id}: scene_" in done.stdout and "is another image" in done.stdout


def made_so_far(folder: Path) -> dict[Path, float]:
    """Return the files that jobs have made, with their times of change."""
    places = ("resources/allen", "results/allen/recordings", "results/allen/reliability")
    return {path: path.stat().st_mtime for place in places for path in (folder / place).rglob("*.*") if path.name[0] != "."}


@pytest.mark.parametrize("n_kills", [pytest.param(n, marks=pytest.mark.slow) for n in (2, 20)])
def test_a_run_that_is_killed_again_and_again_keeps_finished_jobs(published, observatory, root, tmp_path, n_kills):
    """Kill the workflow and all its jobs after random times: jobs in flight are repeated, two at most, and no others."""
    rng, folder, areas = random.Random(0), tmp_path / "run", ["VISp", "VISl", "VISal"]
    folder.mkdir()
    (folder / "mine.yaml").write_text(json.dumps(config(published, areas=areas, metrics="computed", keep=True)))
    command = [sys.executable, "-m", "snakemake", TARGETS[2], "--snakefile", str(root / "Snakefile"), "--cores", "2"]
    command += ["--configfile", "mine.yaml", "--rerun-incomplete", "--nolock"]
    n_repeated = []
    for _ in range(n_kills):
        before = made_so_far(folder)
        process = subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=PIPE, stderr=STDOUT)
        time.sleep(rng.uniform(1, 4))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        after = made_so_far(folder)
        n_repeated.append(sum(after.get(path) != changed for path, changed in before.items()))
        for path in after:
            if path.suffix == ".nwb":
                assert path.read_bytes() == observatory.nwb(int(path.stem)).read_bytes()
    assert max(n_repeated) <= 2
    last = subprocess.run(command, cwd=folder, stdout=PIPE, stderr=STDOUT, text=True)
    assert last.returncode == 0, last.stdout
    response = {"measure": "dff", "window_s": [0.0, 0.5], "baseline_s": None}
    for one in (one for one in RECORDINGS[:12] if one.area in areas):
        found = read_recording(folder / f"results/allen/recordings/{one.id}.npz").response
        np.testing.assert_array_equal(found, read_nwb(observatory.nwb(one.id), response).response)
    assert not [path for place in ("resources", "results") for path in (folder / place).rglob(".*")]
