"""A run that ends before its time, because a user stops it or because the disk is full: it says so, and no more."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

pytestmark = pytest.mark.workflow

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
