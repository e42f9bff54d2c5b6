"""Shared by all tests: small data sets made on the spot, and the workflow as a user runs it.

Random numbers come from explicit seeds. Every data set lies in the test's own `tmp_path`, so that a test may spoil it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import examples
import pytest
import yaml
from downloads import CONTENT, FIRST
from snakemake_process import WORKFLOW_TIMEOUT_S, run_snakemake
from web import File, Web, serving

REAL = "DORMOUSE_REAL"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run first what runs Snakemake, which takes longest, so that two processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository: the folder of Snakefile and config.yaml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of the real data. A test that asks for it carries the marker `real`, and is skipped where there is none."""
    if REAL not in os.environ:
        pytest.skip(f"needs the real data: set {REAL} to the folder that holds allen-neuropixels/")
    return Path(os.environ[REAL]).resolve()


@pytest.fixture(scope="session")
def write_dataset() -> Callable[[Path], Path]:
    """Give `examples.write_dataset`."""
    return examples.write_dataset


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """Give the dataset folder of `examples.write_dataset`, tmp_path/mice."""
    return examples.write_dataset(tmp_path / "mice")


@pytest.fixture
def similarity_folder(tmp_path: Path, dataset_folder: Path) -> Path:
    """Give the dataset folder of `examples.write_similarity`, tmp_path/alike."""
    return examples.write_similarity(tmp_path / "alike", f"../{dataset_folder.name}/stimuli")


@pytest.fixture
def tiny_nwb(tmp_path: Path) -> Path:
    """Give the recording of `examples.write_recording`, tmp_path/900000000.nwb."""
    return examples.write_recording(tmp_path / "900000000.nwb")


@pytest.fixture(scope="session")
def run_workflow(root: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Give run_workflow(cwd, *arguments, config, env, timeout), which runs the workflow of this repository as a user does.

    cwd : working directory, where results/ and resources/ go; made if need be
    arguments : of the command line, such as "-n", "--forcerun", a rule or a file to make (relative to `cwd`)
    config : what differs from config.yaml, nested as there. It is laid over config.yaml as --configfile does: mappings are
        merged key by key, lists and values are replaced. The path of a dataset folder is best given in full. Or the text of
        the file, or its bytes.
    env : variables of the environment besides those of the tests
    timeout : seconds after which a run counts as hanging and ends in an error

    Jobs run on two cores, with the default profile of the repository, without asking the model hub. Returns the completed
    process: `returncode`, and in `stdout` all that was printed, standard error included. It never raises for a failed run.
    """

    def run(
        cwd: Path,
        *arguments: str,
        config: dict | str | bytes | None = None,
        env: dict | None = None,
        timeout: float = WORKFLOW_TIMEOUT_S,
    ) -> subprocess.CompletedProcess:
        cwd.mkdir(parents=True, exist_ok=True)
        overrides = cwd / "overrides.yaml"
        text = config if isinstance(config, str | bytes) else yaml.safe_dump(config or {})
        overrides.write_bytes(text if isinstance(text, bytes) else text.encode())
        options = {
            "--snakefile": root / "Snakefile",
            "--directory": cwd,
            "--cores": 2,
            "--workflow-profile": root / "profiles" / "default",
            "--configfile": overrides,
        }
        return run_snakemake(
            [*arguments, *(str(word) for pair in options.items() for word in pair)],
            cwd=cwd,
            env=env or {},
            timeout=timeout,
        )

    return run


@pytest.fixture
def snakemake(run_workflow, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Give run(*arguments, cwd=None, config=None): `run_workflow`, by default always in the same folder of the test."""

    def run(*arguments: str, cwd: Path | None = None, config: dict | str | None = None) -> subprocess.CompletedProcess:
        return run_workflow(cwd or tmp_path / "run", *arguments, config=config)

    return run


@pytest.fixture
def web() -> Iterator[Web]:
    """Give a server on this machine, without files."""
    with serving() as web:
        yield web


@pytest.fixture
def other_web() -> Iterator[Web]:
    """Give a second server, which goes by another name."""
    with serving("localhost") as web:
        yield web


@pytest.fixture
def address(web):
    """Address of a file on the server; in `web.files` it is /weights.pth."""
    web.files["/weights.pth"] = File(CONTENT, {"ETag": FIRST})
    return f"{web.address}/weights.pth"


@pytest.fixture
def path(tmp_path):
    """Path to download to, in a folder that does not exist yet."""
    return tmp_path / "deep" / "weights.pth"


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """Give the list of seconds that this process would have slept; it does not."""
    seconds = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give the folder of a disk of 1 MiB, where this process may mount one."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def module(tmp_path: Path, monkeypatch) -> Iterator[Callable[[str, str], None]]:
    """Give module(name, text), which writes a module of the user to the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    written = []

    def write(name, text):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        written.append(name.partition("/")[0])

    yield write
    for name in list(sys.modules):
        if name.partition(".")[0] in written:
            del sys.modules[name]
