"""What results rest on: a record of every job, and of every network.

A record of a job tells what it made, from what, by which code, where and when. Records lie beside results, in a folder
`provenance`, because a result that is made again must be the same in every byte.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from dormouse.content_hash import file_hash, file_hashes
from dormouse.errors import InputError
from dormouse.files import AGAIN, link_or_copy, read_json, write_json

RECORDS = "provenance"  # the folder of records, in that of a run or in another of results
COMMIT = "DORMOUSE_COMMIT"  # variable of the environment that tells jobs which commit of the project is at work
OF_NETWORK = ("dormouse", "torch", "torchvision", "timm", "numpy")
LIBRARIES = (*OF_NETWORK, "scipy", "scikit-learn", "numba", "pandas", "pyarrow", "h5py", "matplotlib", "seaborn", "snakemake")
ASKED = ("mem_mb", "runtime", "gpu")  # resources that a record tells
GIT_S = 10  # for the answer
PEAK_UNITS = 1024 if sys.platform == "linux" else 1024**2  # of the peak memory that the system tells, in a MiB


def network_record(spec: Mapping, attested: Mapping, inputs: np.ndarray) -> np.ndarray:
    """Return what kernels of a network rest on, as JSON in a 0-d array, to be stored beside them.

    Parameters
    ----------
    spec : specification of the model from `registry.list_models`, with its complete input, the place of its weights in their
        file (weights_key) and the precision of its run
    attested : what `attestation.attest` returns
    inputs : (n_images, n_channels, height, width) float32, preprocessed images
    """
    record = {
        **spec,
        **attested,
        "stimuli_sha256": hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).hexdigest(),
        "versions": _versions(OF_NETWORK),
    }
    return np.array(json.dumps(record, sort_keys=True))


def job_record(job, start: float) -> dict:
    """Return what is known of a job that has made its results.

    Parameters
    ----------
    job : what Snakemake gives a script: rule, wildcards, input, output, params, config, threads and resources
    start : time of its start, in seconds since 1970
    """
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "started": datetime.fromtimestamp(start, UTC).isoformat(timespec="milliseconds"),
        "seconds": round(time.time() - start, 2),
        "cpu_seconds": round(sum(part.ru_utime + part.ru_stime for part in spent), 2),
        "peak_mib": round(max(part.ru_maxrss for part in spent) / PEAK_UNITS),
        "asked": {"threads": job.threads} | {name: job.resources.get(name) for name in ASKED},
        "machine": _machine(),
        "commit": os.environ.get(COMMIT, "unknown"),
        "versions": _versions(LIBRARIES),
        "outputs": _hashes(job.output),
        "inputs": _hashes(job.input),
        "params": dict(job.params.items()),
        "config": job.config,
    }


def keep_record(record: Mapping) -> None:
    """Keep the record of a job beside each of its results."""
    first, *others = map(record_path, record["outputs"])
    write_json(first, json.loads(json.dumps(record, default=str)))
    for path in others:
        link_or_copy(first, path)


def record_path(result: str | Path) -> Path:
    """Return where the record of a result lies: of `results/demo/a/b.npz`, in `results/demo/provenance/a/b.npz.json`.

    The record of a file that lies elsewhere, such as in a copy of the folder of a run, is looked for in all folders above it.
    """
    folders, name = Path(result).parts[:-1], f"{Path(result).name}.json"
    found = (Path(*folders[:k], RECORDS, *folders[k:], name) for k in range(1, len(folders) + 1))
    return next(filter(Path.is_file, found), Path(*folders[:2], RECORDS, *folders[2:], name))


def read_record(result: str | Path) -> dict | None:
    """Return the record of the job that made a result, or None where there is none.

    Raises InputError if the record cannot be read, or is of other content than the result has.
    """
    path = record_path(result)
    if not path.is_file():
        return None
    record = read_json(path)
    below = str(path).rpartition(f"/{RECORDS}/")[2].removesuffix(".json")  # where it lies in the folder of the run
    if file_hash(result) not in [sha256 for file, sha256 in record["outputs"].items() if file.endswith(f"/{below}")]:
        raise InputError(f"{result}: not as its job wrote it; its record, {path}, tells another SHA-256. {AGAIN}")
    return record


def read_records(folders: Iterable[str | Path]) -> Iterator[dict]:
    """Yield the record of every job that made results in some folders of results, such as that of a run; each record once.

    Records that are damaged are named on standard error, and left out.
    """
    files, jobs = set(), set()
    for path in (path for folder in folders for path in sorted(Path(folder, RECORDS).rglob("*.json"))):
        place = path.stat()
        if (place.st_dev, place.st_ino) in files:  # the records of all results of a job are one file, unless they were copied
            continue
        files.add((place.st_dev, place.st_ino))
        try:
            record = read_json(path)
        except InputError as error:  # a run must not end because nobody knows how long one of its jobs took
            print(f"Record left out: {error}", file=sys.stderr)
            continue
        if (job := (record["started"], *record["outputs"])) not in jobs:
            jobs.add(job)
            yield record


def commit(root: str | Path) -> str:
    """Return the commit of the project in a folder, with "-dirty" behind it if files differ from it; else "unknown"."""
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    if not Path(root, ".git").exists():  # git would tell the commit of a project around it
        return "unknown"
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=GIT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):  # no git here, or another user's clone
        return "unknown"


def _hashes(files: Iterable) -> dict[str, str]:
    there = [file for file in map(str, files) if os.path.isfile(file)]
    return dict(zip(there, file_hashes(there), strict=True))


def _versions(libraries: Sequence[str]) -> dict[str, str]:
    return {library: _version(library) for library in libraries}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # the workflow runs from its folder without being installed
        return "not installed"


def _machine() -> dict[str, str | int | None]:
    torch = sys.modules.get("torch")
    with_gpu = torch is not None and torch.cuda.is_initialized()
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if with_gpu else None,
    }
