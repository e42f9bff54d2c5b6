"""The Allen Brain Observatory on this machine: made-up recordings of session B, the service's tables, the public bucket.

    observatory = Observatory(folder)
    observatory.publish(web)

As a program it stays until it is stopped: `python tests/observatory.py --folder F --recordings 400 --port 8080 --cells 5`.
"""

import argparse
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from allen_service import answered
from session_files import write_session
from sessions import (
    FIRST_CONTAINER,
    FIRST_EXPERIMENT,
    FIRST_FILE,
    SCENES,
    SESSION_A,
    SESSION_B,
    SMALL,
    STORAGE,
    Options,
    Published,
    cell_ids,
    responsive,
    runs_modulated,
)
from web import File, Web, serving

AREAS = ("VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl")
PLANES = ((175, "Cux2-CreERT2"), (275, "Rorb-IRES2-Cre"), (375, "Rbp4-Cre_KL100"), (550, "Ntsr1-Cre_GN220"))  # um, Cre line
BUCKET, SERVICE = "/visual-coding-2p", "/api/v2"


def made_up(n_recordings: int) -> list[Published]:
    """Return recordings of session B, a container and an animal each, over all areas and depths; the last has no events."""
    planes = [(area, *plane) for plane in PLANES for area in AREAS]
    return [
        Published(
            FIRST_EXPERIMENT + 7 * k,
            FIRST_CONTAINER + 3 * k,
            area,
            f"{222000 + k}",
            depth_um,
            line,
            events=k < n_recordings - 1,
        )
        for k, (area, depth_um, line) in ((k, planes[k % len(planes)]) for k in range(n_recordings))
    ]


def left_out(first: Published) -> list[Published]:
    """Return recordings that no analysis of natural scenes takes: of a failed container, and session A of that of `first`."""
    return [
        replace(first, id=first.id - 7, container=first.container - 3, animal="221999", failed=True),
        replace(first, id=first.id - 14, session_type=SESSION_A),
    ]


RECORDINGS = (*made_up(12), *left_out(made_up(1)[0]))


class Observatory:
    """Recordings in a folder, written when they are not there, and what the service and the bucket say of them."""

    def __init__(
        self,
        folder: Path,
        recordings: Sequence[Published] = RECORDINGS,
        options: Options = SMALL,
        special: Mapping[int, Options] | None = None,
        n_other_cells: int = 0,
        seed: int = 0,
    ):
        """`special` has the options of single recordings, by id; other cells are those of recordings that are not listed."""
        self.recordings, self.n_other_cells = tuple(recordings), n_other_cells
        self._folder, self._options, self._special = Path(folder), options, special or {}
        self._folder.mkdir(parents=True, exist_ok=True)
        for recording in self.recordings:
            path = self.nwb(recording.id)
            if recording.session_type == SESSION_B and not path.exists():
                events = self.events(recording.id) if recording.events else None
                write_session(path.with_suffix(".new"), recording, self.options(recording.id), seed, events)
                path.with_suffix(".new").rename(path)

    def options(self, recording: int) -> Options:
        return self._special.get(recording, self._options)

    def nwb(self, recording: int) -> Path:
        return self._folder / f"{recording}.nwb"

    def events(self, recording: int) -> Path:
        return self._folder / f"{recording}_events.npz"

    def publish(self, web: Web) -> None:
        """Give everything to a server: the tables under /api/v2, the bucket under /visual-coding-2p."""
        tables = self.tables()
        web.services[f"{SERVICE}/data/query.json"] = lambda query: answered(tables, query)
        for row in tables["WellKnownFile"]:
            path = self._folder / Path(row["path"]).name
            web.files[row["download_link"]] = File(path, _version(path))
            if path.suffix == ".nwb" and path.exists():
                web.files[f"{BUCKET}/ophys_experiment_data/{path.name}"] = File(path, _version(path))
        for name, model in {
            "ophys_experiments": "OphysExperiment",
            "cell_specimens": "ApiCamCellMetric",
            "stimulus_mappings": "ApiCamStimulusMapping",
        }.items():
            content = json.dumps(tables[model]).encode()
            web.files[f"{BUCKET}/{name}.json"] = File(
                content, {"ETag": f'"{len(content):x}"', "Content-Type": "application/json"}
            )

    def tables(self) -> dict[str, list[dict]]:
        """Return the rows of the service, by model, with all that can be included."""
        files = [row for recording in self.recordings for row in self._files(recording)]
        containers = {recording.container: recording for recording in self.recordings}
        cells = {row["cell_specimen_id"]: row for recording in self.recordings for row in self._cells(recording)}
        others = [next(iter(cells.values())) | {"cell_specimen_id": max(cells) + 1 + i} for i in range(self.n_other_cells)]
        return {
            "ExperimentContainer": [self._container(recording) for recording in containers.values()],
            "OphysExperiment": [
                _experiment(recording) | {"well_known_files": self._files(recording)[:1]} for recording in self.recordings
            ],
            "ApiCamCellMetric": [*cells.values(), *others],
            "ApiCamStimulusMapping": [{"id": 1, "item": "thumb", "item_type": "M", "level": "R", "stimulus": SCENES}],
            "WellKnownFile": files,
        }

    def _files(self, recording: Published) -> list[dict]:
        number = FIRST_FILE + 10 * self.recordings.index(recording)
        kinds = [("NWBOphys", self.nwb(recording.id))]
        kinds += [("ObservatoryEventsFile", self.events(recording.id))] if recording.events else []
        return [
            {
                "id": number + i,
                "attachable_id": recording.id,
                "attachable_type": "OphysExperiment",
                "path": f"/external/{path.name}",
                "download_link": f"{SERVICE}/well_known_file_download/{number + i}",
                "well_known_file_type": {"name": kind},
            }
            for i, (kind, path) in enumerate(kinds)
        ]

    def _container(self, recording: Published) -> dict:
        sessions = [_experiment(other) for other in self.recordings if other.container == recording.container]
        return _plane(recording) | {
            "id": recording.container,
            "failed": recording.failed,
            "ophys_experiments": [{key: row[key] for key in ("id", "stimulus_name")} for row in sessions],
            "isi_experiment": {"id": recording.container + 1},
        }

    def _cells(self, recording: Published) -> list[dict]:
        """Return what the service says of cells; the metrics are made up, and tell which of them answer to images."""
        cells = recording.first_cell + np.arange(self.options(recording.id).n_cells)
        return [
            {
                "id": int(cell_id),
                "cell_specimen_id": int(cell_id),
                "experiment_container_id": recording.container,
                "failed_experiment_container": recording.failed,
                "area": recording.area,
                "imaging_depth": recording.depth_um,
                "tlr1_name": recording.cre_line,
                "p_ns": 1e-9 if answers else 0.5,
                "reliability_ns": 0.6 if answers else 0.01,
                "p_run_mod_ns": runs_modulated(int(cell)),
                "run_mod_ns": None if runs_modulated(int(cell)) is None else 0.1,
            }
            for cell, cell_id, answers in zip(cells, cell_ids(recording, cells), responsive(cells), strict=True)
        ]


def _version(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    state = path.stat()
    return {"ETag": f'"{state.st_size:x}-{state.st_mtime_ns:x}"', "Content-Type": "application/octet-stream"}


def _plane(recording: Published) -> dict:
    lines = {recording.cre_line: "driver", "Ai93(TITL-GCaMP6f)": "reporter"}
    return {
        "imaging_depth": recording.depth_um,
        "targeted_structure": {"acronym": recording.area},
        "specimen": {
            "name": f"{recording.cre_line};Camk2a-tTA;Ai93-{recording.animal}",
            "donor": {
                "external_donor_name": recording.animal,
                "date_of_birth": "2015-11-20T00:00:00Z",
                "age": {"name": "unknown"},
                "conditions": [],
                "transgenic_lines": [{"name": name, "transgenic_line_type_name": kind} for name, kind in lines.items()],
            },
        },
    }


def _experiment(recording: Published) -> dict:
    return _plane(recording) | {
        "id": recording.id,
        "name": f"made up {recording.id}",
        "stimulus_name": recording.session_type,
        "date_of_acquisition": "2016-03-02T15:33:18Z",
        "experiment_container_id": recording.container,
        "experiment_container": {"id": recording.container, "failed": recording.failed},
    }


def experiment(number, area="VISp", stimulus="three_session_B", failed=False, depth_um=175, line="Cux2-CreERT2"):
    """One entry of ophys_experiments.json, with the keys that are read and one that is not."""
    lines = [
        {"name": "Ai93(TITL-GCaMP6f)", "transgenic_line_type_name": "reporter"},
        {"name": "Camk2a-tTA", "transgenic_line_type_name": "driver"},
        {"name": line, "transgenic_line_type_name": "driver"},
    ]
    return {
        "id": number,
        "stimulus_name": stimulus,
        "targeted_structure": {"acronym": area, "id": 385},
        "imaging_depth": depth_um,
        "experiment_container_id": 1000 + number,
        "experiment_container": {"failed": failed},
        "specimen": {"donor": {"external_donor_name": f"mouse{number}", "transgenic_lines": lines}},
    }


def main() -> None:
    """Write recordings and publish them until the process is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, required=True, help="where the files are written; those that are there are kept"
    )
    parser.add_argument("--recordings", type=int, default=12, help="of session B; two that are to be left out come on top")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--cells", type=int, default=12)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--scenes", type=int, default=118)
    parser.add_argument("--height", type=int, default=12, help="of a scene, in pixels")
    parser.add_argument("--storage", choices=STORAGE, default="contiguous")
    asked = parser.parse_args()
    recordings = made_up(asked.recordings)
    shape = (asked.height, round(asked.height * 1174 / 918))
    options = Options(asked.cells, asked.trials, asked.scenes, shape, storage=asked.storage)
    observatory = Observatory(asked.folder, [*recordings, *left_out(recordings[0])], options)
    with serving(port=asked.port) as web:
        observatory.publish(web)
        print(f"service: {web.address}\nbucket: {web.address}{BUCKET}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(web.requests)} requests, {web.sent()} bytes sent")


if __name__ == "__main__":
    main()
