"""The command `dormouse`: tells what results rest on. To run the workflow, use `snakemake`."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dormouse.errors import InputError
from dormouse.features.kernels import read_provenance
from dormouse.files import DIGESTS, read_arrays
from dormouse.run.provenance import read_record
from dormouse.tables import TABLES, read_table, table_name

# what a file of arrays holds, by the name of one of them
KINDS = {"images": "stimuli", "response": "recording", "mean": "population", "rdm": "RDMs"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit status."""
    parser = argparse.ArgumentParser(prog="dormouse", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    told = "print what a result file holds and rests on"
    provenance = commands.add_parser("provenance", help=told, description=f"{told.capitalize()}. Its digest is checked.")
    provenance.add_argument("file", type=Path, metavar="FILE", help="a table, kernels, or other arrays of results/")
    provenance.set_defaults(lines=lambda given: describe(given.file))
    told = "describe a run as a research object (RO-Crate)"
    crate = commands.add_parser(
        "crate", help=told, description=f"{told.capitalize()}, in ro-crate-metadata.json in its folder."
    )
    crate.add_argument("run", type=Path, metavar="RUN", help="the folder of a run, such as results/demo")
    crate.set_defaults(lines=lambda given: [str(_crate(given.run))])
    given = parser.parse_args(arguments)
    try:
        print(*given.lines(given), sep="\n")
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def describe(path: Path) -> list[str]:
    """Return what is known about a file that the workflow made, as lines of text.

    Raises InputError if the file is missing, was not made by the workflow, or was changed.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    record = read_record(path)
    if path.suffix == ".parquet":
        title, known = _table(path)
    elif path.suffix == ".npz" and _has_digests(path):
        title, known = _arrays(path)
    elif record:
        title, known = "a result", {}
    else:
        raise InputError(f"{path}: not a file of the workflow's; expected a result, in results/ and with its record.")
    job = ["", "The job that made it:", *_aligned(dict(_flat(record)))] if record else ["", "No record was kept of its job."]
    return [f"{path}: {title}. The content is as it was written.", *_aligned(known), *job]


def _aligned(known: Mapping[str, str]) -> list[str]:
    width = max(map(len, known), default=0)
    return [f"{key:{width}}  {text}" for key, text in known.items()]


def _crate(run: Path) -> Path:
    from dormouse.run.crate import write_crate  # its library takes half a second to import

    return write_crate(run)


def _table(path: Path) -> tuple[str, dict[str, str]]:
    name = table_name(path)
    n_rows = len(read_table(name, path))
    return f"table '{name}', {n_rows} rows", {column: f"{kind}: {text}" for column, (kind, text) in TABLES[name].items()}


def _has_digests(path: Path) -> bool:
    """Return whether the workflow made an .npz file; True if it is damaged, because reading it then gives a better error."""
    try:
        with np.load(path) as stored:
            return DIGESTS in stored.files
    except Exception:  # zipfile, numpy and the system each raise their own
        return True


def _arrays(path: Path) -> tuple[str, dict[str, str]]:
    arrays = read_arrays(path)
    if "provenance" in arrays:
        return "kernels of a network", dict(_flat(read_provenance(path)))
    kind = next((kind for name, kind in KINDS.items() if name in arrays), "arrays")
    return kind, {name: _array(values) for name, values in arrays.items()}


def _array(values: np.ndarray) -> str:
    kind = "text" if values.dtype.kind == "U" else str(values.dtype)
    return f"{kind}: {' x '.join(map(str, values.shape)) or values}"


def _flat(record: Mapping, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested mappings as text, with their keys joined by dots."""
    for key, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value if isinstance(value, str) else json.dumps(value)
