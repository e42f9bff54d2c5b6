"""The catalogue of the Allen Brain Observatory: its recordings, the metrics of their cells, and where events are published."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import ijson
import numpy as np
import pandas as pd

from dormouse.answers import items, mapping, read_answer
from dormouse.errors import InputError, suggest
from dormouse.recordings.nwb1 import SESSION_TYPE

# what is read of the service's answers
LINES = items(name={"type": "string"}, transgenic_line_type_name={"type": "string"})
EXPERIMENTS = items(stimulus_name={"type": "string"})
EXPERIMENTS["items"] |= {
    "if": {"properties": {"stimulus_name": {"const": SESSION_TYPE}}},
    "then": mapping(
        id={"type": "integer"},
        experiment_container_id={"type": "integer"},
        imaging_depth={"type": "number"},
        targeted_structure=mapping(acronym={"type": "string"}),
        experiment_container=mapping(failed={}),
        specimen=mapping(donor=mapping(external_donor_name={"type": "string"}, transgenic_lines=LINES)),
    ),
}
LINKS = mapping(msg=items(attachable_id={"type": "integer"}, download_link={"type": "string"}))
METRICS = ("p_ns", "p_run_mod_ns")  # those of the service's cell metrics that select neurons
EVENT_FILES = (
    "/api/v2/data/query.json?q=model::WellKnownFile,rma::criteria,well_known_file_type[name$eqObservatoryEventsFile],"
    "rma::options[num_rows$eq'all'][count$eqfalse]"
)


def published_at(file: str, bucket: str, service: str) -> str:
    """Return the address of a published file; that of event_files.json is a query to the service."""
    return f"{service}{EVENT_FILES}" if file == "event_files.json" else f"{bucket}/{file}"


def list_recordings(
    path: str | Path, areas: Collection[str], filters: Mapping, event_files: Sequence[str | Path] = ()
) -> pd.DataFrame:
    """Return the table `recordings` of all sessions with natural scenes, from the service's ophys_experiments.json.

    Parameters
    ----------
    areas : to use
    filters : include_failed, cre_lines, depths_um (lowest, highest), recordings and exclude; an empty list lets all pass
    event_files : the service's list of event files, if only recordings with events can be used

    Raises InputError where the file is not that list, a filter names something that does not occur, or no recording is left.
    """
    table = read_experiments(path)
    filters = dict(filters) | {key: [str(number) for number in filters[key]] for key in ("recordings", "exclude")}
    for key, column in (("cre_lines", "cre_line"), ("recordings", "recording"), ("exclude", "recording")):
        unknown = [name for name in filters[key] if name not in set(table[column])]
        if unknown:
            hint = suggest(unknown[0], table[column].unique())
            place = "config: exclude" if key == "exclude" else f"config: allen.{key}"
            raise InputError(f"{place}: {unknown[0]!r} is not among the {SESSION_TYPE} recordings of {path}. {hint}")
    everything = pd.Series(True, index=table.index)
    lowest, highest = filters["depths_um"]
    kept = {
        "area not studied": table.area.isin(areas),
        "container failed quality control": ~table.failed | filters["include_failed"],
        "Cre line not asked for": table.cre_line.isin(filters["cre_lines"]) if filters["cre_lines"] else everything,
        "depth not asked for": table.depth_um.between(lowest, highest),
        "recording not asked for": table.recording.isin(filters["recordings"]) if filters["recordings"] else everything,
        "recording excluded": ~table.recording.isin(filters["exclude"]),
        "no events published": table.recording.isin(read_event_files(event_files[0])) if event_files else everything,
    }
    reason = np.select([~passes for passes in kept.values()], list(kept), default="")
    table = table.assign(used=reason == "", reason=reason)
    for cause, rows in table[~table.used].groupby("reason"):
        print(f"{len(rows)} of {len(table)} recordings left out: {cause} ({', '.join(rows.recording)})", file=sys.stderr)
    if not table.used.any():
        counts = ", ".join(f"{cause}: {n}" for cause, n in table.reason.value_counts().items())
        raise InputError(
            f"{path}: none of {len(table)} {SESSION_TYPE} recordings is left ({counts}). See config: allen, exclude."
        )
    bare = [area for area in areas if area not in set(table.area[table.used])]
    if bare:
        raise InputError(f"{path}: no recording is left in {', '.join(bare)}. See config: areas, allen, exclude.")
    return table


def read_experiments(path: str | Path) -> pd.DataFrame:
    """Return one row for each session with natural scenes in ophys_experiments.json, sorted by name."""
    experiments = read_answer(path, "the service's list of experiments", EXPERIMENTS)
    rows = [
        {
            "recording": str(experiment["id"]),
            "container": str(experiment["experiment_container_id"]),
            "animal": experiment["specimen"]["donor"]["external_donor_name"],
            "area": experiment["targeted_structure"]["acronym"],
            "depth_um": float(experiment["imaging_depth"]),
            "cre_line": cre_line(experiment["specimen"]["donor"]["transgenic_lines"]),
            "failed": bool(experiment["experiment_container"]["failed"]),
        }
        for experiment in experiments
        if experiment["stimulus_name"] == SESSION_TYPE
    ]
    if not rows:
        raise InputError(f"{path}: no {SESSION_TYPE} session among {len(experiments)} experiments. Remove it and run again.")
    return pd.DataFrame(rows).sort_values("recording", ignore_index=True)


def cre_line(lines: Iterable[Mapping[str, str]]) -> str:
    """Return the Cre driver line of an animal, found as in AllenSDK, or an empty text."""
    drivers = [line["name"] for line in lines if line["transgenic_line_type_name"] == "driver" and "Cre" in line["name"]]
    return drivers[0] if drivers else ""


def read_event_files(path: str | Path) -> dict[str, str]:
    """Return the path of published events on the service, by recording, from the answer to EVENT_FILES."""
    answer = read_answer(path, "the service's list of event files", LINKS)
    return {str(row["attachable_id"]): row["download_link"] for row in answer["msg"]}


def events_address(service: str, path: str | Path, recording: str) -> str:
    """Return the address of the events of a recording; raises InputError for a link that leads away from the service."""
    link = read_event_files(path)[recording]
    if not link.startswith("/"):  # any other text after the name of the host would change the host
        raise InputError(f"{path}: recording {recording}: link {link!r}; expected a path on the service, as /api/v2/...")
    return f"{service}{link}"


def read_cell_metrics(path: str | Path) -> pd.DataFrame:
    """Return the table `cell_metrics` from the service's cell_specimens.json, read cell by cell, because it has 460 MB."""
    try:
        with open(path, "rb") as file:
            rows = [
                {"neuron": str(cell["cell_specimen_id"]), **{name: cell[name] for name in METRICS}}
                for cell in ijson.items(file, "item", use_float=True)
            ]
        table = pd.DataFrame(rows, columns=["neuron", *METRICS]).astype(dict.fromkeys(METRICS, float))
    except (LookupError, TypeError, ValueError, RecursionError, ijson.JSONError) as error:
        raise InputError(f"{path}: not the service's list of cells ({error!r}). Remove it and run again.") from error
    if not rows:
        raise InputError(f"{path}: no cells. Remove it and run again.")
    return table.drop_duplicates("neuron").sort_values("neuron", ignore_index=True)
