"""Results that Snakemake would not make again although they must be: those without a record, and those that are damaged.

Snakemake keeps a record of what each result was made from. Without it, nobody knows whether the result is stale.
"""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from pathlib import Path
from re import Pattern

from dormouse.errors import InputError
from dormouse.run.provenance import RECORDS, read_record

NO_RESULTS = {"logs", "benchmarks", RECORDS}  # names of folders
UNKNOWN, DAMAGED = "there is no record of what it was made from", "it is not as its job wrote it"


def to_make_again(folder: str, patterns: Sequence[Pattern], records: str | Path) -> dict[str, list[str]]:
    """Return the results to make again, by reason. A record that is damaged is removed, as Snakemake stumbles over it.

    A result is read only if it changed after its job, which recorded its time.

    Parameters
    ----------
    folder : of results
    patterns : of the paths of results; other files match none
    records : the folder where Snakemake keeps a record, as JSON, of every file that a job made

    Raises InputError if there are results and no records at all.
    """
    known, again = _recorded(records), {UNKNOWN: [], DAMAGED: []}
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if name not in NO_RESULTS]
        for file in (os.path.join(place, name) for name in names):
            if not any(pattern.match(file) for pattern in patterns):
                continue
            if file not in known:
                again[UNKNOWN].append(file)
            elif not os.path.exists(file) or (os.stat(file).st_mtime != known[file] and not _is_whole(file)):
                again[DAMAGED].append(file)
    if again[UNKNOWN] and not Path(records).is_dir():
        raise InputError(
            f"{folder}: no record of what its {len(again[UNKNOWN])} files were made from, such as {min(again[UNKNOWN])}. "
            "It lies beside results, in .snakemake; copy that too. Or move results away, to make them again."
        )
    return {reason: sorted(files) for reason, files in again.items() if files}


def _is_whole(file: str) -> bool:
    """Return whether a file is as its job wrote it."""
    try:
        return read_record(file) is not None
    except InputError:
        return False


def _recorded(folder: str | Path) -> dict[str, float]:
    """Return the time of each file of which a folder holds a record that can be read; others are removed."""
    known = {}
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            # named after the file, in base 64; the beginning of a long name is that of a folder, and has an @ before it
            name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
            try:
                record = json.loads(path.read_bytes())
                if not isinstance(record["params"], list) or not record["record_format_version"]:
                    raise ValueError("not a record")
                known[urlsafe_b64decode(name).decode()] = record["endtime"]
            except (ValueError, TypeError, LookupError):
                path.unlink()
    return known
