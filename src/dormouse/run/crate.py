"""A run as a research object: RO-Crate metadata (1.1) by the profile "Process Run Crate", from the records of its jobs.

Other tools read from it what each job was, what it read and wrote, when, and by which program. No file is moved.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from mimetypes import guess_type
from pathlib import Path

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from dormouse.errors import InputError
from dormouse.files import atomic, read_json
from dormouse.run.folder import RECORD, results_folders
from dormouse.run.provenance import read_records

METADATA = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
PROGRAM = "#dormouse"


def write_crate(folder: str | Path) -> Path:
    """Describe the results of a run in `ro-crate-metadata.json`, in its folder results/<run>, and return the path.

    Raises InputError if there is no run in the folder, or a record cannot be read.
    """
    folder = Path(folder)
    if not (folder / RECORD).is_file():
        raise InputError(f"{folder}: no {RECORD}; expected the folder of a run, such as results/demo.")
    dataset = read_json(folder / RECORD)
    crate = ROCrate(version="1.1")
    crate.name = f"Dormouse, run {folder.name}"
    crate.description = f"Which deep networks see like a mouse? Scores of networks against the data set {dataset['title']}."
    terms = {
        "@type": "CreativeWork",
        "name": "The terms of the data set hold for its results, those of BSD-3-Clause for the program.",
    }
    crate.license = crate.add(ContextEntity(crate, "#terms", terms))
    profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    crate.root_dataset["conformsTo"] = crate.add(ContextEntity(crate, PROFILE, profile))
    for record in read_records(results_folders(folder)):
        crate.root_dataset.append_to("mentions", _action(crate, folder, record))
    with atomic(folder / METADATA) as temporary:
        temporary.write_text(json.dumps(crate.metadata.generate(), indent=1, ensure_ascii=False), encoding="utf-8")
    return folder / METADATA


def _action(crate: ROCrate, folder: Path, record: Mapping) -> Entity:
    """Add a job, its files and its program."""
    start = datetime.fromisoformat(record["started"])
    commit, used = record["commit"], record["versions"]["dormouse"]
    program = {"@type": "SoftwareApplication", "name": "Dormouse", "softwareVersion": f"{used}, commit {commit}"}
    return crate.add_action(
        crate.add(ContextEntity(crate, f"{PROGRAM}-{used}-{commit}", program)),
        identifier="#" + " ".join([record["rule"], *record["wildcards"].values(), record["started"]]).replace(" ", "_"),
        object=[_file(crate, folder, *file) for file in record["inputs"].items()],
        result=[_file(crate, folder, *file) for file in record["outputs"].items()],
        properties={
            "name": " ".join([record["rule"], *record["wildcards"].values()]),
            "startTime": start.isoformat(),
            "endTime": (start + timedelta(seconds=record["seconds"])).isoformat(),
        },
    )


def _file(crate: ROCrate, folder: Path, path: str, sha256: str) -> Entity:
    """Add a file, once: as a part of the crate if it lies in the folder of the run, else as a work that is elsewhere."""
    told = {"sha256": sha256, "name": path}
    below = Path(*Path(path).parts[2:]) if Path(path).parts[:2] == ("results", folder.name) else None
    if below is None or not (folder / below).is_file():
        return crate.get(f"#{path}") or crate.add(ContextEntity(crate, f"#{path}", {"@type": "CreativeWork"} | told))
    format_of = {"encodingFormat": guess_type(path)[0] or "application/octet-stream"}
    size = {"contentSize": str((folder / below).stat().st_size)}
    return crate.get(below.as_posix()) or crate.add_file(dest_path=below.as_posix(), properties=told | format_of | size)
