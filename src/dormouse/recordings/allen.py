"""The recordings of the Allen Brain Observatory as published: their list."""

import json
from pathlib import Path

import pandas as pd

from dormouse.errors import InputError
from dormouse.recordings.nwb import SESSION_TYPE


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
