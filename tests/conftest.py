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

import numpy as np
import pytest
import yaml
from downloads import CONTENT, FIRST
from PIL import Image
from snakemake_process import WORKFLOW_TIMEOUT_S, run_snakemake
from web import File, Web, serving

from dormouse.recordings.simulation import (
    LEAD_FRAMES,
    POOLING,
    gabor_energy,
    presentation_order,
    simulate_scenes,
    simulate_traces,
    simulated_sites,
    tuning,
    write_nwb,
)

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


def _write_dataset(folder: Path) -> Path:
    """Write a valid dataset folder of kind responses, and return it.

    - stimuli/image_0.png ... image_7.png: 8 grey images of 24 x 32 pixels
    - sessions `one` and `two`, an animal each (m1, m2), of 6 trials and 10 neurons: 5 of VISp, then 5 of VISl; their ids are
      the whole numbers 100-109 and 200-209
    - cortical layers 2/3, 2/3, 4, 4 and unknown, in this order in each area: with both sessions 10 neurons an area, 4 a layer
    - responses in dF/F whose standard deviation over stimuli is 1, and over trials 0.3: reliabilities above 0.9
    """
    rng = np.random.default_rng(0)
    (folder / "stimuli").mkdir(parents=True)
    (folder / "responses").mkdir()
    description = {"name": "Mice", "kind": "responses", "stimuli": "stimuli", "response_unit": "dF/F", "citation": "nobody"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (24, 32), np.uint8)).save(folder / "stimuli" / f"image_{i}.png")
    rows = ["neuron,session,animal,area,layer"]
    for first, session, animal in ((100, "one", "m1"), (200, "two", "m2")):
        neuron = first + np.arange(10)
        response = rng.standard_normal((8, 10)) + 0.3 * rng.standard_normal((6, 8, 10))
        np.savez(folder / "responses" / f"{session}.npz", response=response.astype(np.float32), neuron=neuron)
        places = [(area, layer) for area in ("VISp", "VISl") for layer in ("2/3", "2/3", "4", "4", "")]
        rows += [f"{i},{session},{animal},{area},{layer}" for i, (area, layer) in zip(neuron, places, strict=True)]
    (folder / "neurons.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def write_dataset() -> Callable[[Path], Path]:
    """Give `_write_dataset`."""
    return _write_dataset


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """Give the dataset folder of `_write_dataset`, tmp_path/mice."""
    return _write_dataset(tmp_path / "mice")


@pytest.fixture
def similarity_folder(tmp_path: Path, dataset_folder: Path) -> Path:
    """Give a valid dataset folder of kind similarity, tmp_path/alike, that borrows the 8 images of `dataset_folder`.

    Its sites are VISp-2_3, VISp-4 and VISl, each the Pearson correlations of 20 made-up neurons.
    """
    folder, rng = tmp_path / "alike", np.random.default_rng(1)
    folder.mkdir()
    description = {"name": "Alike", "kind": "similarity", "stimuli": f"../{dataset_folder.name}/stimuli"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    sites = ("VISp-2_3", "VISp-4", "VISl")
    np.savez(folder / "similarity.npz", **{site: np.corrcoef(rng.standard_normal((8, 20))) for site in sites})
    return folder


@pytest.fixture
def tiny_nwb(tmp_path: Path) -> Path:
    """Give one simulated NWB file, tmp_path/900000000.nwb: 6 scenes of 32 x 41 pixels, 4 trials, 5 neurons, VISp, 175 um."""
    site, path = simulated_sites()[0], tmp_path / "900000000.nwb"
    scenes = simulate_scenes(n_scenes=6, height=32, seed=0)
    mean, _ = tuning(gabor_energy(scenes), POOLING[site.area], n_neurons=5, seed=[0, 0])
    order, start = presentation_order(n_scenes=6, n_trials=4, seed=[0, 1])
    dff = simulate_traces(mean, order, start, n_frames=int(start[-1]) + LEAD_FRAMES, seed=[0, 2])
    write_nwb(path, site, scenes, dff, order, start, seed=[0, 3])
    return path


@pytest.fixture(scope="session")
def run_workflow(root: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Give run_workflow(cwd, *arguments, config=None, env=None), which runs the workflow of this repository as a user does.

    cwd : working directory, where results/ and resources/ go; made if need be
    arguments : of the command line, such as "-n", "--forcerun", a rule or a file to make (relative to `cwd`)
    config : what differs from config.yaml, nested as there. It is laid over config.yaml as --configfile does: mappings are
        merged key by key, lists and values are replaced. The path of a dataset folder is best given in full. Or the text of
        the file.
    env : variables of the environment besides those of the tests

    The configuration of the repository is copied to `cwd`, because Snakemake reads `configfile:` from the working directory.
    Jobs run on two cores, with the default profile of the repository, without asking the model hub. Returns the completed
    process: `returncode`, and in `stdout` all that was printed, standard error included. It never raises for a failed run.
    """

    def run(
        cwd: Path, *arguments: str, config: dict | str | None = None, env: dict | None = None
    ) -> subprocess.CompletedProcess:
        cwd.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "config.yaml", cwd)
        overrides = cwd / "overrides.yaml"
        overrides.write_text(config if isinstance(config, str) else yaml.safe_dump(config or {}))
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
            env=os.environ | {"HF_HUB_OFFLINE": "1", "SNAKEMAKE_PROFILE": "none"} | (env or {}),
            timeout=WORKFLOW_TIMEOUT_S,
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
