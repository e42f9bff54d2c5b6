"""The RDMs of all sites as one file of HDF5, which `rsatoolbox.rdm.load_rdm` reads (rsatoolbox 0.3).

The file is laid out as `rsatoolbox.rdm.RDMs.save` does it: dissimilarities (n_rdms, n_pairs) in the order of upper triangles,
row by row, and groups of what is said of the whole, of each RDM and of each image.
"""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from dormouse.files import atomic, read_arrays
from dormouse.methods.rdms import upper_triangles

MEASURE = "correlation"  # what rsatoolbox calls 1 - Pearson's r
TARGETS = {  # arrays of a file of RDMs, and what is said of them
    "rdm": "responses as they are",
    "rdm_zscored": "responses of each neuron z-scored over the images",
}


def write_rdms(path: str | Path, files: Sequence[str | Path], stimuli: Sequence[str], title: str) -> None:
    """Write the RDMs of all sites and selections to one file.

    Parameters
    ----------
    files : rdms/<selection>/<area>.npz of a run
    stimuli : names of the images, in order
    title : of the data set
    """
    rows, rdms = [], []
    for file in map(Path, files):
        found = read_arrays(file)
        for target in (name for name in TARGETS if name in found):
            rdms.append(upper_triangles(found[target]))
            sites = zip(found["area"], found["cortical_layer"], found["n_neurons"], strict=True)
            rows += [(file.parent.name, target, *site) for site in sites]
    selection, target, area, layer, n_neurons = zip(*rows, strict=True)
    of_rdms = {"selection": selection, "target": target, "area": area, "cortical_layer": layer, "n_neurons": n_neurons}
    meaning = "1 - Pearson r between the response patterns of two images"
    of_all = {"title": title, "dissimilarity": f"{meaning}; {'; '.join(f'{name}: {text}' for name, text in TARGETS.items())}"}
    of_all["n_neurons"] = "-1 where the data set gives similarities only"
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["dissimilarity_measure"] = MEASURE
        file["dissimilarities"] = np.concatenate(rdms)
        file.create_group("descriptors").attrs.update(of_all)
        _write(file.create_group("rdm_descriptors"), of_rdms)
        _write(file.create_group("pattern_descriptors"), {"stimulus": stimuli})


def _write(group: h5py.Group, columns: dict[str, Sequence]) -> None:
    for name, values in columns.items():
        texts = [value.encode("ascii", "backslashreplace") for value in values if isinstance(value, str)]
        group[name] = np.array(texts or values)  # the reader takes ASCII alone
