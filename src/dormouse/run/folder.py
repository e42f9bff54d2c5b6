"""A run: one data set under one configuration, with a results folder of its own."""

import os
from collections.abc import Mapping
from pathlib import Path

from dormouse.errors import InputError
from dormouse.files import AGAIN, read_json, write_json

SHARED = ("kernels", "mousenet", "simulated", "stimuli", "trained", "zoo")  # folders of results that all runs share
RECORD = "run.json"  # says which data set a run belongs to
LAYOUT = 3  # version of the layout of results; raise it if older files must not be read


def run_folder(config: Mapping, dataset: Mapping[str, str]) -> str:
    """Return the results folder of a run, named after the run, or else after its data set.

    Parameters
    ----------
    config : `run`, the name or None
    dataset : what identifies the data set, `name` first

    Raises InputError if the folder is none or is reserved, belongs to another data set, or was made by another version.
    """
    name = config["run"] or dataset["name"]
    if name.casefold() in SHARED:  # some file systems ignore case
        raise InputError(f"config: run: {name!r} is reserved, as results/{name} is; choose another name.")
    folder, ours = Path("results", name), _record(dataset)
    for place in (folder.parent, folder):
        if os.path.lexists(place) and not place.is_dir():
            raise InputError(f"{place}: a file, or a link to nothing; expected a folder, or nothing. Move it away.")
    if (folder / RECORD).exists():
        try:
            known = read_json(folder / RECORD)
        except InputError as error:  # without this file, too, the folder would be refused
            reason = str(error).removesuffix(AGAIN)
            raise InputError(f"{reason}Move {folder} away, or give this run another name, as `run: second`.") from error
        if known != ours:
            told, asked = (", ".join(f"{key} {value}" for key, value in record.items()) for record in (known, ours))
            raise InputError(
                f"{folder} holds a run of another data set or version ({told}), and this is {asked}. Give this run another "
                "name, as `run: second` in the configuration, or move the folder away."
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder} has no {RECORD}: another version made it, or it is of something else. Move it away, or give this run "
            "another name, as `run: second` in the configuration."
        )
    return folder.as_posix()


def results_folders(folder: str | Path) -> list[Path]:
    """Return the folders that hold results of a run: its own, and those that all runs share."""
    return [Path(folder), *(Path(folder).parent / name for name in SHARED)]


def record_run(folder: str | Path, dataset: Mapping[str, str]) -> None:
    """Record in the folder of a run which data set it belongs to."""
    if not (Path(folder) / RECORD).exists():
        write_json(Path(folder) / RECORD, _record(dataset))


def _record(dataset: Mapping[str, str]) -> dict:
    return {"layout": LAYOUT, **dataset}
