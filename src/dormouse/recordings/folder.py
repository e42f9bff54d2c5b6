"""Dataset folders: anyone's recordings, as a description, images, a table of neurons and one response file a session.

    dataset.yaml                  name, description, kind (responses | similarity | nwb), stimuli, response_unit, citation
    stimuli/*.png                 one image per stimulus; sorted names are the order
    neurons.csv                   neuron, session, animal, area, layer; depth_um and cre_line if known; one row per neuron
    responses/<session>.npz       response (n_trials, n_stimuli, n_neurons), NaN where a trial is missing; neuron;
                                  running_speed (n_trials, n_stimuli), cm/s, if known
    similarity.npz                instead of the last two: one (n_stimuli, n_stimuli) matrix per site, named AREA-LAYER
    recordings/<session>.nwb      instead of all but dataset.yaml: two-photon sessions of the Allen Brain Observatory

All that can be seen without reading the responses is checked when the workflow starts.
"""

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from dormouse.errors import InputError
from dormouse.files import read_given
from dormouse.recordings.trials import MIN_TRIALS, Recording, check_recording
from dormouse.schemas import check
from dormouse.stimuli import image_files

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
        "stimuli": {"type": "string"},
        "response_unit": {"type": "string"},
        "citation": {"type": "string"},
    },
}
NEURON_COLUMNS = ["neuron", "session", "animal", "area", "layer"]
SESSION_NAME = r"\w[\w.-]*"  # cannot leave a folder
OPTIONAL_COLUMNS = {"depth_um": "", "cre_line": ""}


def read_description(folder: Path) -> dict:
    """Read dataset.yaml; raises InputError naming the key that is missing, unknown or of another kind."""
    path = folder / "dataset.yaml"
    if not path.is_file():
        raise InputError(f"{path}: not found. A dataset folder holds dataset.yaml; see the README for its keys.")
    try:
        description = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not readable as YAML ({error}).") from error
    check(description, DESCRIPTION, str(path))
    return description


def read_neurons(folder: Path) -> pd.DataFrame:
    """Read neurons.csv, all columns as text; raises InputError for a missing column, empty cell or repeated neuron."""
    path = folder / "neurons.csv"
    if not path.is_file():
        raise InputError(f"{path}: not found. Expected one row per neuron with the columns {', '.join(NEURON_COLUMNS)}.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:  # empty, not text, or rows of unequal length
        raise InputError(f"{path}: not readable as a table ({error}).") from error
    missing = [column for column in NEURON_COLUMNS if column not in table]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; expected {', '.join(NEURON_COLUMNS)}.")
    table = table.assign(**{column: empty for column, empty in OPTIONAL_COLUMNS.items() if column not in table})
    wrong = pd.to_numeric(table.depth_um, errors="coerce").isna() & (table.depth_um != "")
    if wrong.any():
        line = wrong.idxmax()
        raise InputError(f"{path}: line {line + 2}: depth_um is {table.depth_um[line]!r}; expected micrometres, or nothing.")
    for column in ("neuron", "session", "animal", "area"):  # the cortical layer may be unknown
        if (table[column] == "").any():
            raise InputError(f"{path}: line {(table[column] == '').idxmax() + 2} has no {column}.")
    double = table.neuron.duplicated(keep=False)
    if double.any():
        lines = ", ".join(str(line + 2) for line in table.index[table.neuron == table.neuron[double].iloc[0]])
        raise InputError(
            f"{path}: neuron {table.neuron[double].iloc[0]} stands in lines {lines}; every neuron must have one row."
        )
    return table


def check_folder(folder: Path) -> pd.DataFrame:
    """Check a folder of trial responses without reading them, and return its neurons.

    Raises InputError where the sessions of neurons.csv and of responses/ differ, or a response file has another number of
    stimuli or neurons than the folder.
    """
    neurons = read_neurons(folder)
    n_stimuli = len(image_files(stimuli_folder(folder)))
    for session, rows in neurons.groupby("session", sort=False):
        check_session(session_file(folder, session), len(rows), n_stimuli)
    unknown = sorted({file.stem for file in (folder / "responses").glob("*.npz")} - set(neurons.session))
    if unknown:
        raise InputError(f"{session_file(folder, unknown[0])}: neurons.csv has no neuron of session {unknown[0]}.")
    return neurons


def check_session(path: Path, n_neurons: int, n_stimuli: int) -> None:
    """Raise InputError where the arrays of a response file cannot be those of so many neurons and stimuli."""
    if not path.is_file():
        raise InputError(f"{path}: not found, but neurons.csv has {n_neurons} neurons of session {path.stem}.")
    shapes = array_shapes(path)
    shape = shapes.get("response", ())
    if len(shape) != 3 or shapes.get("neuron") != shape[2:]:
        raise InputError(f"{path}: expected response (n_trials, n_stimuli, n_neurons) and neuron (n_neurons,), got {shapes}.")
    if shape[1] != n_stimuli:
        raise InputError(f"{path}: response has {shape[1]} stimuli, but the folder of stimuli has {n_stimuli} images.")
    if shape[2] != n_neurons:
        raise InputError(f"{path}: response has {shape[2]} neurons, but neurons.csv has {n_neurons} rows of its session.")
    if shape[0] < MIN_TRIALS:
        raise InputError(f"{path}: {shape[0]} trial(s) of each stimulus; reliability needs at least {MIN_TRIALS}.")


def stimuli_folder(folder: Path) -> Path:
    """Return the folder of the images, which dataset.yaml names relative to itself."""
    return folder / read_description(folder)["stimuli"]


def nwb_files(folder: Path) -> list[Path]:
    """Return the recordings of a folder of kind nwb, in the order of their names."""
    files = sorted((folder / "recordings").glob("*.nwb"))
    if not files:
        raise InputError(f"{folder / 'recordings'}: no *.nwb, but dataset.yaml says kind: nwb.")
    for file in files:
        if not re.fullmatch(SESSION_NAME, file.stem):
            raise InputError(f"{file}: rename it; the name of a recording may hold letters, digits and '_.-' alone.")
    return files


def session_file(folder: Path, session: str) -> Path:
    """Return the response file of a session; raises InputError for a name that could leave the folder or break a rule."""
    if not re.fullmatch(SESSION_NAME, session):
        raise InputError(f"{folder / 'neurons.csv'}: session {session!r} cannot be a file name; use letters, digits, '_.-'.")
    return folder / "responses" / f"{session}.npz"


def array_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of an .npz file from the headers alone."""
    shapes = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    version = np.lib.format.read_magic(member)
                    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                    shapes[name.removesuffix(".npy")] = header[version](member)[0]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a readable .npz file ({error}).") from error
    return shapes


def read_session(path: str | Path) -> Recording:
    """Read the trials of one session, `responses/<session>.npz`, with its rows of neurons.csv.

    Raises InputError where the neurons of the two differ, or where `check_recording` does.
    """
    path = Path(path)
    folder = path.parent.parent
    arrays = read_given(path, "response", "neuron")
    if not np.issubdtype(arrays["response"].dtype, np.number):
        raise InputError(f"{path}: response is of type {arrays['response'].dtype}; expected numbers.")
    neuron, response = arrays["neuron"].astype(str), arrays["response"].astype(np.float32)
    table = read_neurons(folder).set_index("neuron")
    unlisted = [name for name in neuron if name not in table.index or table.session[name] != path.stem]
    if unlisted:
        raise InputError(f"{path}: neuron {unlisted[0]} is not among the neurons of session {path.stem} in neurons.csv.")
    rows = table.loc[neuron]
    stimulus = np.array([file.stem for file in image_files(stimuli_folder(folder))])
    recording = Recording(
        response=response,
        running_speed=_running_speed(path, response.shape[:2]),
        stimulus=stimulus,
        image_sha256=np.full(len(stimulus), ""),  # the images are those of the folder
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
    """Return the running speed by trial and stimulus, cm/s; NaN where a session does not tell it."""
    stored = array_shapes(path).get("running_speed")
    if stored is None:
        return np.full(shape, np.nan, np.float32)
    if stored != shape:
        raise InputError(f"{path}: running_speed has shape {stored}; expected {shape}, trials x stimuli.")
    return read_given(path, "running_speed")["running_speed"].astype(np.float32)


def site_of(name: str) -> tuple[str, str]:
    """Return area and cortical layer of a site named AREA-LAYER, as VISp-2_3; an area alone is the whole area."""
    area, _, layer = name.partition("-")
    return area, layer.replace("_", "/") or "all"


def site_names(folder: Path) -> list[str]:
    """Return the names of the matrices in similarity.npz, from its headers."""
    path = folder / "similarity.npz"
    if not path.is_file():
        raise InputError(f"{path}: not found, but dataset.yaml says kind: similarity.")
    n_stimuli = len(image_files(stimuli_folder(folder)))
    for name, shape in array_shapes(path).items():
        if shape != (n_stimuli, n_stimuli):
            raise InputError(f"{path}: {name} has shape {shape}; expected ({n_stimuli}, {n_stimuli}), one row per image.")
    return list(array_shapes(path))


def read_similarity(path: str | Path, area: str) -> dict[str, np.ndarray]:
    """Read the similarity matrices of one area as RDMs, 1 - similarity.

    Returns
    -------
    rdm (n_sites, n_stimuli, n_stimuli), area (n_sites,), cortical_layer (n_sites,), n_neurons (n_sites,) of -1: unknown.

    Raises InputError for a matrix that is not one of similarities: symmetric, 1 on the diagonal, -1 to 1 elsewhere.
    """
    matrices = {name: matrix for name, matrix in read_given(path).items() if site_of(name)[0] == area}
    for name, matrix in matrices.items():
        if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1):
            raise InputError(
                f"{path}: {name} must be finite, symmetric and 1 on the diagonal. Are these distances? Store 1 - distance."
            )
        if np.abs(matrix).max() > 1 + 1e-6:
            raise InputError(f"{path}: {name} holds {np.abs(matrix).max():.3f}; similarities lie between -1 and 1.")
    sites = [site_of(name) for name in matrices]
    return {
        "rdm": 1.0 - np.stack(list(matrices.values())).astype(np.float64),
        "area": np.array([site[0] for site in sites]),
        "cortical_layer": np.array([site[1] for site in sites]),
        "n_neurons": np.full(len(sites), -1),
    }
