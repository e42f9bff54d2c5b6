"""Whether users' own files of weights fit their networks: found before any job starts.

A process of its own builds the networks, so that the one that starts the jobs need not import torch. What passed is noted.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dormouse.content_hash import file_hash, short_hash
from dormouse.errors import InputError
from dormouse.models.sources import SOURCES
from dormouse.models.specification import OF_RUN

PASSED = Path(".snakemake/weights")  # in the working directory: an empty file for each check that passed; safe to remove
MAKES = ("source", "name", "options", "key", "file", "seed")  # of a specification: what `build` reads


def check_given_weights(models: Mapping[str, Mapping]) -> None:
    """Check the files of weights that users give, except those for functions of their own, which would have to run.

    Raises InputError with a line for each model whose file cannot be read or does not fit.
    """
    given = {
        model: {key: spec[key] for key in MAKES}
        for model, spec in models.items()
        if spec["file"] and not spec["address"] and not spec["weights"].startswith(OF_RUN)
    }
    given = {model: spec for model, spec in given.items() if not SOURCES[spec["source"]].functions}
    keys = {model: short_hash(spec | {"file": file_hash(spec["file"])}) for model, spec in given.items()}
    todo = {model: spec for model, spec in given.items() if not (PASSED / keys[model]).exists()}
    if not todo or importlib.util.find_spec("torch") is None:  # which jobs may have in an environment of their own
        return
    print(f"Checking the weights of {', '.join(todo)}.", file=sys.stderr)
    command = [sys.executable, "-P", "-m", __name__]
    process = subprocess.run(command, input=json.dumps(todo), capture_output=True, text=True)
    if process.returncode:
        why = (process.stderr.strip() or f"status {process.returncode}").splitlines()[-1]
        print(f"The weights could not be checked before jobs start ({why}).", file=sys.stderr)
        return
    wrong = json.loads(process.stdout.splitlines()[-1])
    with suppress(OSError):  # then they are checked again
        PASSED.mkdir(parents=True, exist_ok=True)
        for model in todo.keys() - wrong.keys():
            (PASSED / keys[model]).touch()
    if wrong:
        raise InputError(*(f"config: models.add.{model}.weights: {error}" for model, error in wrong.items()))


def _unfit(specs: Mapping[str, Mapping]) -> dict[str, str]:
    """Return what is wrong with the weights of some models, by their names."""
    from dormouse.models.build import build

    wrong = {}
    for model, spec in specs.items():
        try:
            build(spec)
        except InputError as error:
            wrong[model] = str(error)
    return wrong


if __name__ == "__main__":
    print(json.dumps(_unfit(json.load(sys.stdin))))
