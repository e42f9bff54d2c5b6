"""Snakemake's records of what results were made from. Without its record, nobody knows whether a result is stale."""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from pathlib import Path
from re import Pattern

NO_RESULTS = {"logs", "benchmarks"}  # names of folders


def without_record(folder: str, patterns: Sequence[Pattern], records: str | Path) -> list[str]:
    """Return the results of which there is no readable record; one that is damaged is removed, as Snakemake stumbles over it.

    Parameters
    ----------
    folder : of results
    patterns : of the paths of results; other files match none
    records : the folder where Snakemake keeps a record, as JSON, of every file that a job made
    """
    known, found = _recorded(records), []
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if name not in NO_RESULTS]
        files = (os.path.join(place, name) for name in names)
        found += [file for file in files if file not in known and any(pattern.match(file) for pattern in patterns)]
    return sorted(found)


def _recorded(folder: str | Path) -> set[str]:
    """Return the files of which a folder holds a record that can be read; others are removed."""
    known = set()
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            # named after the file, in base 64; the beginning of a long name is that of a folder, and has an @ before it
            name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
            try:
                record = json.loads(path.read_bytes())
                if not isinstance(record["params"], list) or not record["record_format_version"]:
                    raise ValueError("not a record")
                known.add(urlsafe_b64decode(name).decode())
            except (ValueError, TypeError, LookupError):
                path.unlink()
    return known
