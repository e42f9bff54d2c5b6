"""Snakemake as `python -m snakemake` runs it, in a process forked from one that has imported it, which saves seconds.

Jobs are processes of their own, as always, and nothing of the package is imported before the workflow itself does so. Where
the environment is that of the tests, they are forked, too (`warm_python`). Runs that are killed start in earnest.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from warm_python import warm_python

WORKFLOW_TIMEOUT_S = 600
IMPORTED = ["snakemake.cli", "snakemake.profiles", "snakemake.report.html_reporter", "argparse_dataclass", "smart_open"]
IMPORTED += ["nbformat", "filelock", "pandas", "pyarrow.parquet", "yaml", "jsonschema", "requests", "h5py", "tqdm"]
IMPORTED += ["safetensors", "PIL.ImageOps"]
OFFLINE = {"HF_HUB_OFFLINE": "1", "SNAKEMAKE_PROFILE": "none"}  # the model hub is not asked
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(IMPORTED)


def run_snakemake(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `snakemake ARGUMENTS` in a folder, with variables of the environment besides those of the tests.

    `stdout` holds what it printed, standard error included.
    """
    # what was imported has read the variables of the tests; those of the hub are read later
    warm = all(name.startswith("HF_") for name in env)
    python, env = warm_python() if warm else sys.executable, os.environ | OFFLINE | dict(env)
    with tempfile.NamedTemporaryFile() as output:
        process = FORKS.Process(target=_snakemake, args=(list(arguments), str(cwd), env, output.name, python))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, timeout, output.read())
        return subprocess.CompletedProcess(arguments, process.exitcode, Path(output.name).read_text())


def _snakemake(arguments: list[str], cwd: str, env: dict[str, str], output: str, python: str) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    printed = os.open(output, os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(printed, stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
    sys.argv, sys.executable = ["snakemake", *arguments], python
    sys.path.insert(0, cwd)  # as -m does

    from snakemake.cli import main

    main()
