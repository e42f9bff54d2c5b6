"""The workflow on a real SLURM, through profiles/slurm: what it computes, and what it does when jobs and services fail."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dormouse.run.provenance import read_record

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

TIMEOUT_S = 900
TABLES = ("scores", "best_layers", "neurons", "ceilings", "thresholds", "selection_counts")
TARGETS = [f"results/mice/tables/{name}.parquet" for name in TABLES]
NETWORK = """
import os
import time
from pathlib import Path

from torch import nn


def first_time(name):
    try:
        Path(name).touch(exist_ok=False)
        return True
    except FileExistsError:
        return False


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 5))


def fails():
    if first_time("fails"):
        raise RuntimeError("once")
    return network()


def takes_memory():
    if first_time("takes_memory"):
        held = bytearray(os.urandom(1 << 20)) * 3000
        time.sleep(30)
    return network()


def takes_time():
    if first_time("takes_time"):
        time.sleep(600)
    return network()


def is_cancelled():
    if first_time("is_cancelled"):
        time.sleep(600)
    return network()
"""


def config_of(mice: Path, *names: str) -> dict:
    added = {name: {"source": "python", "name": f"faults:{name}", "weights": "random"} for name in names}
    return {
        **{"dataset": str(mice), "areas": ["VISp", "VISl"], "selection": {"min_reliability": 0.0}},
        **{"reliability": {"n_splits": 10}, "thresholds": {"n_splits": 5}, "input": {"size": 64}},
        "models": {"groups": [], "include": ["pixels"], "add": added},
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Return the digest that each table of a run carries."""
    return {target: pq.read_schema(folder / target).metadata[b"digest"] for target in TARGETS}


def finished(process: subprocess.Popen) -> str:
    printed, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, printed
    return printed


def jobs(*states: str) -> dict[str, str]:
    """Return the comments of jobs of this cluster, which name rule and wildcards, by their ids."""
    listed = subprocess.run(
        ["squeue", "--noheader", "--format", "%i %k", *(["--states", ",".join(states)] if states else [])],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(line.split(" ", 1) for line in listed.splitlines())


def wait_for(condition, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


@pytest.fixture
def local(run_workflow, mice, tmp_path):
    """Give local(config): the digests of the tables of a run on this machine alone."""

    def run(config: dict, *before: str) -> dict[str, bytes]:
        folder = tmp_path / "local"
        folder.mkdir()
        (folder / "faults.py").write_text(NETWORK)
        for name in before:
            (folder / name).touch()
        done = run_workflow(folder, *TARGETS, config=config)
        assert done.returncode == 0, done.stdout
        return contents(folder)

    return run


def test_jobs_that_fail_are_sent_again_and_tables_equal_those_of_a_local_run(send, local, mice, tmp_path):
    """One job fails once, one is killed for its memory, one is over its time, one is cancelled."""
    names = ("fails", "takes_memory", "takes_time", "is_cancelled")
    config, folder = config_of(mice, *names), tmp_path / "cluster"
    folder.mkdir()
    (folder / "faults.py").write_text(NETWORK)
    process = send(
        folder, config, TARGETS, "--set-resources", "extract_features:mem_mb=attempt*1500", "extract_features:runtime=1"
    )
    wait_for(lambda: (folder / "is_cancelled").exists() or process.poll() is not None)
    running = {job for job, comment in jobs("RUNNING").items() if "is_cancelled" in comment}
    assert len(running) == 1, jobs()
    subprocess.run(["scancel", *running], check=True)
    printed = finished(process)
    assert all((folder / name).exists() for name in names)
    assert printed.count("Trying to restart job") == len(names), printed
    assert contents(folder) == local(config, *names)
    asked = {}  # what the attempt that ended well asked for
    for kernels in folder.glob("results/kernels/*/*/centred.npz"):
        asked[kernels.parts[-3]] = read_record(kernels)["asked"]["mem_mb"]
    assert asked == {"pixels": 1500} | dict.fromkeys(names, 3000)


def test_services_and_the_head_process_may_be_killed(send, local, mice, cluster, tmp_path):
    """The node's service is killed and the controller stopped while jobs run, and start again; then the head is killed."""
    config, folder = config_of(mice), tmp_path / "cluster"
    process = send(folder, config, TARGETS)
    wait_for(lambda: jobs("RUNNING") or process.poll() is not None)
    for service, how in (("slurmd", signal.SIGKILL), ("slurmctld", signal.SIGTERM)):
        os.kill(int((cluster / f"{service}.pid").read_text()), how)
        time.sleep(2)
        subprocess.run([service], check=True)
    wait_for(lambda: (folder / "results/mice/recordings").is_dir() or process.poll() is not None)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finished(send(folder, config, TARGETS))
    assert contents(folder) == local(config)
