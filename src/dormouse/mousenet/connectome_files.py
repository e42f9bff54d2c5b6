"""The published files of the voxel connectome: reads the part in visual cortex."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.answers import items, mapping, read_answer
from dormouse.errors import InputError
from dormouse.mousenet.connectome import Connectome

VISUAL = "VIS"  # acronym of visual cortex
LEFT, RIGHT = 1, 2  # hemispheres; any other number means both
ROWS_AT_ONCE = 4096
# what to do where sizes do not fit, because any of the files may be the wrong one
ALL = "It comes of *_mask_params.json, structures.json and annotation_100.nrrd. Remove these and the table, and run again."
ID = {"type": "integer", "minimum": 0, "maximum": 2**32}
MASK = mapping(structure_ids={"type": "array", "items": ID}, hemisphere_id={"type": "integer"})
STRUCTURES = mapping(
    msg=items(acronym={"type": "string"}, structure_id_path={"type": "string", "pattern": r"^/?(\d{1,9}/)*\d{1,9}/?$"})
)


def read_connectome(folder: str | Path, nodes: pd.DataFrame) -> Connectome:
    """Read the voxel connectome from a folder.

    Parameters
    ----------
    folder : holds the factors weights.csv.gz and nodes.csv.gz; source_mask_params.json and target_mask_params.json, which say
        to which voxels they belong; annotation_100.nrrd, the structure of each voxel; structures.json, from the service
    nodes : area, layer and level of MouseNet's nodes; those above level 0 are structures, as VISp2/3

    Raises InputError where a file cannot be read, structures are missing, or sizes do not fit.
    """
    names = (nodes.area + nodes.layer)[nodes.level > 0]
    folder = Path(folder)
    structures = read_structures(folder / "structures.json")
    annotation = _read_annotation(folder / "annotation_100.nrrd")
    visual = np.isin(annotation, list(within(structures, VISUAL)))
    masks = {
        part: _mask(annotation, structures, read_answer(folder / f"{part}_mask_params.json", "the structures of a mask", MASK))
        for part in ("source", "target")
    }
    here = visual & masks["source"]
    rank = {part: np.cumsum(mask.ravel()).reshape(mask.shape) - 1 for part, mask in masks.items()}  # place in C order
    rows, columns = rank["source"][here], rank["target"][here]
    as_source = _read_rows(folder / "weights.csv.gz", rows, int(masks["source"].sum()))
    every = np.union1d(rows, columns)
    factor = _read_columns(folder / "nodes.csv.gz", every, int(masks["target"].sum()), as_source.shape[1])
    as_target = {
        "published": factor[:, np.searchsorted(every, rows)],
        "corrected": factor[:, np.searchsorted(every, columns)],
    }
    ids, members = annotation[here], np.full(int(here.sum()), "", dtype=object)
    for name in names:
        members[np.isin(ids, list(within(structures, name)))] = name
    if empty := sorted(set(names) - set(members)):
        raise InputError(f"{folder}/annotation_100.nrrd: no voxel of {', '.join(empty)} in the right hemisphere.")
    return Connectome(np.argwhere(here), members.astype(str), as_source, as_target)


def read_structures(path: Path) -> dict[str, list[int]]:
    """Return the path of ids from the root to each structure, by acronym, from an answer of the service."""
    answer = read_answer(path, "a list of structures of the Allen service", STRUCTURES)
    return {row["acronym"]: list(map(int, row["structure_id_path"].strip("/").split("/"))) for row in answer["msg"]}


def within(structures: Mapping[str, list[int]], acronym: str) -> set[int]:
    """Return the ids of a structure and of all within it; raises InputError for an unknown acronym."""
    if acronym not in structures:
        raise InputError(f"structures.json: no structure {acronym!r}.")
    own = structures[acronym][-1]
    return {path[-1] for path in structures.values() if own in path}


def _mask(annotation: np.ndarray, structures: Mapping[str, list[int]], params: Mapping) -> np.ndarray:
    """Return which voxels a factor of the model covers: those within some structures, in one hemisphere or both."""
    chosen = set(params["structure_ids"])
    ids = [path[-1] for path in structures.values() if chosen & set(path)]
    mask, middle = np.isin(annotation, ids), annotation.shape[2] // 2
    if params["hemisphere_id"] == LEFT:
        mask[..., middle:] = False
    elif params["hemisphere_id"] == RIGHT:
        mask[..., :middle] = False
    return mask


def _read_annotation(path: Path) -> np.ndarray:
    """Return the structure id of every voxel, (backwards, down, to the side)."""
    import nrrd

    try:
        annotation = nrrd.read(str(path))[0]
        if annotation.ndim != 3 or annotation.dtype.kind not in "iu":
            raise ValueError(f"{annotation.dtype}, {annotation.ndim} axes; expected whole numbers, 3 axes")
        return annotation
    except Exception as error:  # nrrd raises errors of its own, and those of zlib and NumPy
        raise InputError(f"{path}: not a readable NRRD file ({error}). Remove it and run again.") from error


def _read_rows(path: Path, rows: np.ndarray, n_rows: int) -> np.ndarray:
    """Return some rows of a table of numbers; raises InputError where it has not `n_rows`."""
    parts, seen = [], 0
    for part in _chunks(path):
        places = rows[(rows >= seen) & (rows < seen + len(part))] - seen
        parts.append(part.to_numpy(np.float64)[places])
        seen += len(part)
    if seen != n_rows:
        raise InputError(f"{path}: {seen} rows, but the mask has {n_rows} voxels. {ALL}")
    return np.concatenate(parts)


def _read_columns(path: Path, columns: np.ndarray, n_columns: int, n_rows: int) -> np.ndarray:
    """Return some columns of a table of numbers; raises InputError where it has not `n_columns` and `n_rows`."""
    parts = []
    for part in _chunks(path, rows=16):
        if part.shape[1] != n_columns:
            raise InputError(f"{path}: {part.shape[1]} columns, but the mask has {n_columns} voxels. {ALL}")
        parts.append(part.to_numpy(np.float64)[:, columns])
    factor = np.concatenate(parts)
    if len(factor) != n_rows:
        raise InputError(f"{path}: {len(factor)} rows, but weights.csv.gz has {n_rows} columns. Remove both and run again.")
    return factor


def _chunks(path: Path, rows: int = ROWS_AT_ONCE):
    try:
        yield from pd.read_csv(path, header=None, chunksize=rows, dtype=np.float64)
    except Exception as error:  # pandas, gzip, zlib and the system each raise their own
        raise InputError(f"{path}: not a readable table of numbers ({error}). Remove it and run again.") from error
