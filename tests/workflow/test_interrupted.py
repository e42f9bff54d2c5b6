"""A run that ends before its time, because a user stops it or because the disk is full: it says so, and no more."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from project import SMALL, Project

pytestmark = pytest.mark.workflow

TABLES = ("neurons", "selection_counts", "thresholds", "ceilings", "scores", "best_layers", "layer_choices", "models")

SLOW = """
import time
from pathlib import Path

from torch import nn


def build():
    Path("started").touch()
    time.sleep(600)
    return nn.Conv2d(3, 3, 3)
"""


def test_an_interrupt_from_the_terminal_ends_everything_without_a_traceback(root, dataset_folder, tmp_path):
    """All processes of a terminal get the signal, jobs too."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "slow.py").write_text(SLOW)
    models = {"groups": [], "add": {"slow": {"source": "python", "name": "slow:build", "weights": "random"}}}
    (run / "mine.yaml").write_text(yaml.safe_dump({"dataset": str(dataset_folder), "areas": ["VISp"], "models": models}))
    command = [sys.executable, "-m", "snakemake", "results/mice/tables/models.parquet", "--snakefile", root / "Snakefile"]
    command += ["--cores", "1", "--configfile", "mine.yaml", "--workflow-profile", root / "profiles/default"]
    process = subprocess.Popen(
        command,
        cwd=run,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored if the tests run in the background
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while not (run / "started").exists() and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0 and "Terminating processes on user request" in printed
    assert "Traceback" not in printed and "KeyboardInterrupt" not in printed
    (log,) = (run / "results/mice/logs/extract_features").iterdir()
    assert log.read_text() == "Stopped.\n"
    assert not list(run.glob("results/kernels/*/*/*"))


def test_a_disk_that_is_full_is_named_and_with_room_the_run_goes_on(run_workflow, dataset_folder, small_disk):
    config, target = {"dataset": str(dataset_folder), "areas": ["VISp"]}, "results/mice/recordings/one.npz"
    run = small_disk.parent / "run"
    run.mkdir()
    (run / "results").symlink_to(small_disk)
    full = small_disk / "full"
    # room for run.json alone, neither for the recording nor for the log
    full.write_bytes(bytes((1 << 20) - (4 << 10)))
    done = run_workflow(run, target, config=config)
    assert done.returncode == 1
    line = rf"^ *Error: {target}: cannot be written, the disk is full \(.*\)\. Make room and run again\.$"
    assert len(re.findall(line, done.stdout, re.MULTILINE)) == 1, done.stdout
    assert "Traceback" not in done.stdout and "Error in sys.excepthook" not in done.stdout
    full.unlink()
    assert run_workflow(run, target, config=config).returncode == 0


@pytest.mark.slow
def test_a_second_run_in_a_folder_is_refused_while_the_first_lives(root, tmp_path):
    project = Project(root, tmp_path / "two")
    first = subprocess.Popen(
        project.command(config=SMALL),
        cwd=project.folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (project.folder / "results/run.lock").exists() and first.poll() is None:
            time.sleep(0.02)
        second = subprocess.run(project.command(config=SMALL), cwd=project.folder, capture_output=True, text=True)
        assert second.returncode == 1
        assert "another run of the workflow works in this folder" in second.stdout + second.stderr
        project.run("--dry-run")
        assert first.poll() is None, "the first run ended before the second could be refused"
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    leftover = project.folder / "results/demo/.units.unfinished-00000000000000000000000000000000.npz"
    leftover.parent.mkdir(exist_ok=True)
    leftover.touch()
    project.run("results/demo/recordings/900000000.npz", "--forcerun", "read_recording")
    assert not leftover.exists()


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_numbers(root, tmp_path):
    project = Project(root, tmp_path / "killed")
    results = project.folder / "results/demo"
    for milestone in ("recordings/*.npz", "../kernels/pixels/*/centred.npz", "scores/*/*/*.parquet"):
        process = subprocess.Popen(
            project.command(config=SMALL),
            cwd=project.folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not list(results.glob(milestone)) and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "the run ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    project.run(*(f"results/demo/tables/{name}.parquet" for name in TABLES))
    finished = Project(root, tmp_path / "whole")
    finished.run()
    whole = finished.folder / "results/demo"
    for name in TABLES:
        ours, theirs = (pd.read_parquet(folder / f"tables/{name}.parquet") for folder in (results, whole))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    made = sorted(path.relative_to(results.parent) for path in results.parent.rglob("*.npz"))  # tests make more in the other
    assert {str(path).split("/")[0] for path in made} == {"demo", "kernels", "stimuli"}
    for file in made:
        ours, theirs = np.load(results.parent / file), np.load(whole.parent / file)
        for key in theirs.files:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=f"{file} {key}")
    assert not list(results.rglob(".*.npz")), "a half-written file was left"
