"""A file on the server of the fixture `web`, for tests of what is read over the network."""

import h5py
import numpy as np
from sessions import PIPELINE, Options

DFF = f"{PIPELINE}/DfOverF/imaging_plane_1/data"
IDS = f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"
SHOWN = "stimulus/presentation/natural_scenes_stimulus/data"
FRAMES = "stimulus/presentation/natural_scenes_stimulus/frame_duration"
FIRST, SECOND = {"ETag": '"first"'}, {"ETag": '"second"'}
CONTENT = np.random.default_rng(0).bytes(5_000_000)
PLACE = "/data.nwb"
SMALL = Options(n_cells=30)  # its dF/F is read in more than one request


def arrays_of(source):
    """All arrays of an HDF5 file, by name."""
    found = {}
    with h5py.File(source, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def read(file, start, n_bytes):
    file.seek(start)
    return file.read(n_bytes)
