"""A cluster of one machine, and the workflow sent to it by the profile that users take."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import examples
import pytest
import yaml

HERE = Path(__file__).parent
# intervals of a cluster that has little to do; the cores of this machine
QUICK = ["--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"]
QUICK += ["--latency-wait", "5", "--set-threads", "extract_features=1"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[Path]:
    """Give the folder of the state of a running SLURM, which is started and stopped."""
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("needs root, and Debian's packages, to start SLURM")
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run([HERE / "start.sh", folder], check=True, timeout=300)
    yield folder
    subprocess.run([HERE / "stop.sh", folder], check=True)


@pytest.fixture
def mice(tmp_path: Path) -> Path:
    """Give the dataset folder of `examples.write_dataset`, tmp_path/mice."""
    return examples.write_dataset(tmp_path / "mice")


@pytest.fixture
def send(root: Path, cluster: Path) -> Callable[..., subprocess.Popen]:
    """Give send(folder, config, targets, *arguments), which starts a run on the cluster, and returns its process."""

    def run(folder: Path, config: dict, targets: list[str], *arguments: str) -> subprocess.Popen:
        folder.mkdir(exist_ok=True)
        (folder / "mine.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", root / "Snakefile", "--configfile", "mine.yaml"]
        command += ["--workflow-profile", root / "profiles/slurm", *QUICK, *arguments]
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run
