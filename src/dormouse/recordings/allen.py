"""The recordings of the Allen Brain Observatory as published: their list, and their download over HTTP."""

import json
import sys
from pathlib import Path

import pandas as pd
import requests
from tqdm import tqdm

from dormouse.errors import InputError
from dormouse.files import atomic
from dormouse.recordings.nwb import SESSION_TYPE

TIMEOUT_S = 60
CHUNK_BYTES = 1 << 20


def list_recordings(path: str | Path, areas: list[str]) -> pd.DataFrame:
    """Return the table `recordings` from the service's list of experiments, ophys_experiments.json.

    Kept are sessions with natural scenes, in one of `areas`, whose container did not fail quality control.
    """
    try:
        experiments = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = [
            {
                "recording": str(experiment["id"]),
                "area": experiment["targeted_structure"]["acronym"],
                "depth_um": float(experiment["imaging_depth"]),
            }
            for experiment in experiments
            if experiment["stimulus_name"] == SESSION_TYPE and not experiment["experiment_container"]["failed"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not the service's list of experiments ({error!r}). Remove it and run again.") from error
    table = pd.DataFrame(rows, columns=["recording", "area", "depth_um"])
    table = table[table.area.isin(areas)].sort_values("recording", ignore_index=True)
    if table.empty:
        raise InputError(f"{path}: no {SESSION_TYPE} recording in {', '.join(areas)} among {len(experiments)} experiments.")
    return table


def download(address: str, path: str | Path) -> None:
    """Fetch `address` to `path`, whole or not at all; raises InputError where the service does not give all of it."""
    try:
        plain = {"Accept-Encoding": "identity"}  # so that Content-Length counts the bytes of the file
        with requests.get(address, headers=plain, stream=True, timeout=TIMEOUT_S) as answer, atomic(path) as temporary:
            answer.raise_for_status()
            expected = int(answer.headers.get("Content-Length", -1))
            with open(temporary, "wb") as file, tqdm(total=expected, unit="B", unit_scale=True, file=sys.stderr) as progress:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    progress.update(file.write(chunk))
            size = temporary.stat().st_size
            if expected not in (-1, size):
                raise InputError(f"{address}: {size} of {expected} bytes arrived. Run again.")
    except requests.RequestException as error:
        raise InputError(f"{address}: {error}. Check the connection and config: allen.address, and run again.") from error
