"""Downloads by AllenSDK, in an environment of its own: another way to the files of the Allen Brain Observatory.

AllenSDK needs other versions of numpy and pandas than this package. `download` therefore runs this file as a program under
the Python of that environment, where it imports nothing of the package but `files` and `errors`.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from dormouse.errors import InputError
from dormouse.files import atomic, link_or_copy

NEWEST = (3, 11)  # Python that the libraries of AllenSDK 2.16 were built for
# file -> its key in AllenSDK's manifest, and the method of the cache that fetches it
FILES = {
    r"ophys_experiments\.json": ("EXPERIMENTS", "get_ophys_experiments"),
    r"cell_specimens\.json": ("CELL_SPECIMENS", "get_cell_specimens"),
    r"ophys_experiment_data/(\d+)\.nwb": ("EXPERIMENT_DATA", "get_ophys_experiment_data"),
    r"ophys_experiment_events/(\d+)_events\.npz": ("EVENTS_DATA", "get_ophys_experiment_events"),
}


def build_environment(pins: list[str], python: str | None, path: str | Path) -> None:
    """Find or build a Python with AllenSDK, and write its path to `path`.

    It is `python` if given, else this one if it has AllenSDK, else one that is built beside `path` with `pins`. Raises
    InputError where `python` has no AllenSDK, this Python is too new for it, or it cannot be installed.
    """
    path = Path(path)
    if python is None and importlib.util.find_spec("allensdk"):
        python = sys.executable
    if python is None:
        python = str(_build(pins, path.with_suffix("")))
    code, said = _run([python, "-c", "from allensdk.core.brain_observatory_cache import BrainObservatoryCache"])
    if code:
        raise InputError(
            f"{python}: no Python with AllenSDK ({_last(said)}). See config: allen.python, or envs/allensdk.yaml."
        )
    with atomic(path) as temporary:
        temporary.write_text(python)


def _build(pins: list[str], folder: Path) -> Path:
    if sys.version_info[:2] > NEWEST:
        raise InputError(
            f"AllenSDK needs Python {NEWEST[0]}.{NEWEST[1]} or older; this is {sys.version.split()[0]}. Name one with it in "
            "allen.python, let conda make it (snakemake --software-deployment-method conda), or set allen.access to stream."
        )
    venv.create(folder, clear=True, with_pip=True)
    python = folder.resolve() / "bin" / "python"
    code, said = _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins])
    if code:
        raise InputError(
            f"{folder}: AllenSDK could not be installed ({_last(said)}). Run again, or set allen.access to stream."
        )
    return python


def download(python_file: str | Path, manifest: str | Path, service: str, file: str, path: str | Path) -> None:
    """Let AllenSDK fetch `file` (one of FILES) into its cache, unless the cache has it, and link it to `path`.

    Parameters
    ----------
    python_file : what `build_environment` wrote
    manifest : manifest.json of the cache; written if there is none
    service : address of the Allen service
    """
    python, source = Path(python_file).read_text(), Path(__file__).resolve().parents[2]  # the folder that holds the package
    command = [python, __file__, "--manifest", str(manifest), "--service", service, "--file", file, "--output", str(path)]
    code, said = _run(command, PYTHONPATH=str(source))
    if code:
        raise InputError(f"{file}: AllenSDK could not fetch it from {service} ({_last(said)}). Its cache is kept; run again.")


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["no message"])[-1]


def _run(command: list, **variables: str) -> tuple[int, str]:
    """Run a program with environment variables; return its exit code and its output, which also goes to the log."""
    try:
        done = subprocess.run(command, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:  # there is no such program, or it cannot be run
        return 1, str(error)
    print(done.stdout, file=sys.stderr)
    return done.returncode, done.stdout


def main() -> None:
    """Run under the Python of AllenSDK: fetch one file into the cache, check it, link it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("manifest", "service", "file", "output"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args()

    from allensdk.core.brain_observatory_cache import BrainObservatoryCache  # only in the environment of AllenSDK

    manifest = Path(asked.manifest)
    if not manifest.exists():
        manifest.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=manifest.parent
        ) as folder:  # a folder for each job, as several may do this at once
            BrainObservatoryCache(manifest_file=str(Path(folder) / manifest.name))
            os.replace(Path(folder) / manifest.name, manifest)
    cache = BrainObservatoryCache(manifest_file=str(manifest), base_uri=asked.service)
    key, method, numbers = next((*FILES[form], found.groups()) for form in FILES if (found := re.fullmatch(form, asked.file)))
    numbers = [int(number) for number in numbers]
    cached = Path(cache.get_cache_path(None, key, *numbers)).resolve()
    if not cached.exists():
        # AllenSDK leaves half a file when it is killed, and later takes it for whole
        with atomic(cached) as temporary:
            getattr(cache, method)(*numbers, file_name=str(temporary))
            check_whole(temporary)
    check_whole(cached)
    link_or_copy(cached, asked.output)


def check_whole(path: Path) -> None:
    """Raise InputError where a file cannot be read to its end."""
    import h5py
    import numpy as np

    try:
        if path.suffix == ".nwb":
            h5py.File(path, "r").close()
        elif path.suffix == ".npz":
            np.load(path, allow_pickle=False)["ev"]
        else:
            json.loads(path.read_text())
    except Exception as error:  # each format raises its own
        raise InputError(f"{path}: not a whole file ({error}). Remove it and run again.") from error


if __name__ == "__main__":
    main()
