"""Dataset folders: recordings of any origin, as a description, images, a table of neurons and a response file per session.

    dataset.yaml                  name, description, kind (responses | similarity | nwb), stimuli, response_unit, citation
    stimuli/*.png                 one image per stimulus, PNG, TIFF or JPEG; sorted names are the order
    stimuli.csv                   what is said of the images, if anything; see `image_table`
    neurons.csv                   neuron, session, animal, area, layer; depth_um and cre_line if known; one row per neuron
    responses/<session>.npz       response (n_trials, n_stimuli, n_neurons), NaN where a trial is missing; neuron;
                                  running_speed (n_trials, n_stimuli), cm/s, if known; stimulus (n_stimuli,), names of the
                                  images in the order of the rows, if it is not that of the sorted names
    similarity.npz                instead of the last two: one (n_stimuli, n_stimuli) matrix per site, named AREA-LAYER;
                                  stimulus, as above
    recordings/<session>.nwb      instead of all but dataset.yaml: two-photon sessions of the Allen Brain Observatory

Everything that can be checked without reading the responses is checked when the workflow starts.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.given import array_headers, check_file, list_files, read_given
from dormouse.recordings.arrays import check_kind, image_rows, read_text
from dormouse.recordings.cre_lines import CORTICAL_LAYERS
from dormouse.recordings.names import check_cells, check_spelling, sites_of, without
from dormouse.recordings.trials import Recording, check_recording
from dormouse.schemas import NAME, check
from dormouse.stimuli.images import image_files
from dormouse.written import given_table, read_yaml

DESCRIPTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "kind"],
    "if": {"properties": {"kind": {"enum": ["responses", "similarity"]}}},
    "then": {"required": ["stimuli"]},
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "kind": {"enum": ["responses", "similarity", "nwb"]},
        "stimuli": {"type": "string", "format": "path"},
        "background": {"type": "integer", "minimum": 0, "maximum": 255},  # grey of the screen behind transparent pixels
        "response_unit": {"type": "string"},
        "citation": {"type": "string"},
    },
}
NEURON_COLUMNS = ["neuron", "session", "animal", "area", "layer"]
OPTIONAL_COLUMNS = {"depth_um": "", "cre_line": ""}


def read_description(folder: Path) -> dict:
    """Read dataset.yaml; raises InputError naming a key that is missing, unknown or of the wrong type."""
    path = folder / "dataset.yaml"
    description = read_yaml(path, missing=". A dataset folder holds dataset.yaml; see docs/data.md for its keys.")
    check(description, DESCRIPTION, str(path))
    return description


def read_neurons(folder: Path) -> pd.DataFrame:
    """Read neurons.csv, all columns as text; raises InputError for a missing column, a bad cell or a repeated neuron."""
    path = folder / "neurons.csv"
    table = given_table(path, missing=f". Expected one row per neuron with the columns {', '.join(NEURON_COLUMNS)}.")
    missing = [column for column in NEURON_COLUMNS if column not in table]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; expected {', '.join(NEURON_COLUMNS)}.")
    if table.empty:
        raise InputError(f"{path}: no neurons; expected a row for each.")
    table = table.assign(**{column: empty for column, empty in OPTIONAL_COLUMNS.items() if column not in table})
    wrong = ~np.isfinite(pd.to_numeric(table.depth_um, errors="coerce")) & (table.depth_um != "")
    if wrong.any():
        line = wrong.idxmax()
        raise InputError(f"{path}: line {line}: depth_um is {table.depth_um[line]!r}; expected micrometres, or nothing.")
    for column in ("neuron", "session", "animal", "area"):  # the cortical layer may be unknown
        if (table[column] == "").any():
            raise InputError(f"{path}: line {(table[column] == '').idxmax()} has no {column}.")
    check_cells(path, table[[*NEURON_COLUMNS, *OPTIONAL_COLUMNS]])
    double = table.neuron.duplicated(keep=False)
    if double.any():
        lines = ", ".join(str(line) for line in table.index[table.neuron == table.neuron[double].iloc[0]])
        raise InputError(
            f"{path}: neuron {table.neuron[double].iloc[0]} stands in lines {lines}; every neuron must have one row."
        )
    for column, known in {"session": (), "animal": (), "area": (), "layer": CORTICAL_LAYERS}.items():
        check_spelling(path, column, table[column].unique(), known)
    return table.reset_index(drop=True)


def check_folder(folder: Path, exclude: Sequence[str | int] = ()) -> pd.DataFrame:
    """Check a folder of trial responses without reading them, and return its neurons, but for those of excluded sessions.

    Raises InputError where the sessions of neurons.csv and of responses/ differ, an excluded one is not there, or where the
    stimuli or neurons of a response file do not fit the folder in number, type or name.
    """
    neurons = read_neurons(folder)
    images = image_files(stimuli_folder(folder))
    used = neurons[neurons.session.isin(without(list(neurons.session.unique()), exclude, folder))]
    for session, rows in used.groupby("session", sort=False):
        check_session(session_file(folder, session), len(rows), images)
    files = session_files(folder / "responses", ".npz")
    unknown = [file for file in files if file.stem not in set(neurons.session)]
    if unknown:
        raise InputError(f"{unknown[0]}: neurons.csv has no neuron of session {unknown[0].stem}.")
    return used.reset_index(drop=True)


def most_trials(folder: Path, neurons: pd.DataFrame) -> dict[str, int]:
    """Return for each area the number of trials of each stimulus in the session that has most, missing ones included."""
    shapes = {session: array_headers(session_file(folder, session))["response"][0] for session in neurons.session.unique()}
    return neurons.session.map({session: shape[0] for session, shape in shapes.items()}).groupby(neurons.area).max().to_dict()


def knows_speed(folder: Path, sessions: Sequence[str]) -> bool:
    """Return whether any of the sessions has running speed."""
    return any("running_speed" in array_headers(session_file(folder, session)) for session in sessions)


def session_files(folder: Path, ending: str) -> list[Path]:
    """Return the session files of a folder; raises InputError for an ending in upper case, which no path would find."""
    files = list_files(folder, [ending])[0]
    for file in files:
        check_file(file)
        if file.suffix != ending:
            raise InputError(f"{file}: rename it to {file.stem}{ending}; the ending must be in lower case.")
    return files


def check_session(path: Path, n_neurons: int, images: Sequence[Path]) -> np.ndarray:
    """Return the row of each image in the arrays of a response file, (n_images,) int.

    Raises InputError where its arrays do not fit the number of neurons or the images.
    """
    headers = array_headers(path, missing=f", but neurons.csv has {n_neurons} neurons of session {path.stem}.")
    shapes = {name: shape for name, (shape, _) in headers.items()}
    shape = shapes.get("response", ())
    if len(shape) != 3 or shapes.get("neuron") != shape[2:]:
        raise InputError(f"{path}: expected response (n_trials, n_stimuli, n_neurons) and neuron (n_neurons,), got {shapes}.")
    rows = image_rows(path, headers, shape[1], images)
    if shape[2] != n_neurons:
        raise InputError(f"{path}: response has {shape[2]} neurons, but neurons.csv has {n_neurons} rows of its session.")
    if not shape[0]:
        raise InputError(f"{path}: response has no trial; expected one or more of each stimulus.")
    if shapes.get("running_speed", shape[:2]) != shape[:2]:
        raise InputError(f"{path}: running_speed has shape {shapes['running_speed']}; expected {shape[:2]}, trials x stimuli.")
    check_kind(path, headers, "real numbers", "response", "running_speed")
    check_kind(path, headers, "text or whole numbers", "neuron")
    return rows


def stimuli_folder(folder: Path) -> Path:
    """Return the folder of the images, which dataset.yaml names relative to itself; raises InputError where it is none."""
    stimuli = folder / read_description(folder)["stimuli"]
    if not stimuli.is_dir():
        raise InputError(f"{folder / 'dataset.yaml'}: stimuli: {stimuli} is no folder; expected that of the images.")
    return stimuli


def nwb_files(folder: Path) -> list[Path]:
    """Return the recordings of a folder of kind nwb, sorted by name."""
    files = session_files(folder / "recordings", ".nwb")
    if not files:
        raise InputError(f"{folder / 'recordings'}: no *.nwb, but dataset.yaml says kind: nwb.")
    for file in files:
        check(file.stem, NAME, f"{file}: rename it")
    check_spelling(folder / "recordings", "recording", [file.stem for file in files])
    return files


def session_file(folder: Path, session: str) -> Path:
    """Return the response file of a session; raises InputError for a name that a path or a rule cannot carry."""
    check(session, NAME, f"{folder / 'neurons.csv'}: session")
    return folder / "responses" / f"{session}.npz"


def read_session(path: str | Path) -> Recording:
    """Read the trials of one session, `responses/<session>.npz`, and its rows of neurons.csv; stimuli in the order of images.

    Raises InputError where the two files differ in neurons, or where `check_session` or `check_recording` raises it.
    """
    path = Path(path)
    folder = path.parent.parent
    table = read_neurons(folder).set_index("neuron")
    images = image_files(stimuli_folder(folder))
    order = check_session(path, (table.session == path.stem).sum(), images)
    neuron, response = read_text(path, "neuron"), read_given(path, "response")["response"].astype(np.float32, copy=False)
    unlisted = [name for name in neuron if name not in table.index or table.session[name] != path.stem]
    if unlisted:
        raise InputError(f"{path}: neuron {unlisted[0]} is not among the neurons of session {path.stem} in neurons.csv.")
    rows = table.loc[neuron]
    recording = Recording(
        response=response[:, order],
        running_speed=_running_speed(path, response.shape[:2])[:, order],
        stimulus=np.array([file.stem for file in images]),
        image_sha256=np.full(len(images), ""),  # images come with the folder, not with the recording
        neuron=neuron,
        animal=rows.animal.to_numpy(str),
        area=rows.area.to_numpy(str),
        cortical_layer=rows.layer.to_numpy(str),
        depth_um=np.array([float(text or "nan") for text in rows.depth_um]),
        cre_line=rows.cre_line.to_numpy(str),
        unit=read_description(folder).get("response_unit", ""),
    )
    return check_recording(recording, path)


def _running_speed(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Return the running speed by trial and stimulus, cm/s; NaN if the session does not have it."""
    if "running_speed" not in array_headers(path):
        return np.full(shape, np.nan, np.float32)
    speed = read_given(path, "running_speed")["running_speed"].astype(np.float32, copy=False)
    if np.isinf(speed).any():
        raise InputError(f"{path}: running_speed is infinite in {np.isinf(speed).sum()} trials; expected numbers, or NaN.")
    return speed


def check_similarity(path: Path) -> tuple[dict[str, tuple[str, str]], np.ndarray]:
    """Return area and cortical layer of each matrix of a similarity.npz, and the row of each image, from its headers.

    Raises InputError for names that are not names of sites, and for matrices that do not fit the images of the folder.
    """
    images = image_files(stimuli_folder(path.parent))
    headers = array_headers(path, missing=", but dataset.yaml says kind: similarity.")
    names = [name for name in headers if name != "stimulus"]
    for name in names:
        if headers[name][0] != (len(images),) * 2:
            expected = f"({len(images)}, {len(images)}), one row per image"
            raise InputError(f"{path}: {name} has shape {headers[name][0]}; expected {expected}.")
    check_kind(path, headers, "real numbers", *names)
    return sites_of(path, names), image_rows(path, headers, len(images), images)


def read_similarity(path: str | Path, area: str) -> dict[str, np.ndarray]:
    """Read the similarity matrices of one area as RDMs, 1 - similarity, with stimuli in the order of images.

    Returns
    -------
    rdm (n_sites, n_stimuli, n_stimuli), area (n_sites,), cortical_layer (n_sites,), n_neurons (n_sites,), all -1: unknown,
    rdm_dimension (n_sites,), all NaN: unknown.

    Raises InputError for a matrix that is not symmetric, not 1 on the diagonal, or outside -1 to 1.
    """
    sites, order = check_similarity(Path(path))
    sites = {name: site for name, site in sites.items() if site[0] == area}
    matrices = {name: matrix[np.ix_(order, order)] for name, matrix in read_given(path, *sites).items()}
    for name, matrix in matrices.items():
        if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1):
            raise InputError(
                f"{path}: {name} must be finite, symmetric and 1 on the diagonal. Are these distances? Store 1 - distance."
            )
        if np.abs(matrix).max() > 1 + 1e-6:
            raise InputError(f"{path}: {name} holds {np.abs(matrix).max():.3f}; similarities lie between -1 and 1.")
    return {
        "rdm_dimension": np.full(len(matrices), np.nan),
        "rdm": 1.0 - np.stack(list(matrices.values())).astype(np.float64),
        "area": np.array([site[0] for site in sites.values()]),
        "cortical_layer": np.array([site[1] for site in sites.values()]),
        "n_neurons": np.full(len(sites), -1),
    }
