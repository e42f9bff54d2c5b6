"""Tables of scores, from the kernels of a model's layers and the targets of sites, by any method, ours or a user's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.content_hash import short_hash
from dormouse.errors import InputError
from dormouse.features.kernels import StoredKernel, read_known, read_layers, read_provenance
from dormouse.features.spectrum import participation_ratio
from dormouse.files import digests_of, read_joined
from dormouse.methods.correction import CORRECTION, ceilings_of_neurons
from dormouse.methods.images import images_of
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.table import USER
from dormouse.methods.user import of_each_rdm, of_each_site
from dormouse.tables import WHOLE, cross, read_basis, read_tables

# of the record of a network: what all its kernels must share
OF_ONE_NETWORK = ("weights_sha256", "transform_sha256", "stimuli_sha256", "precision")
AREAS_BYTES = 2**28  # of the RDMs that are read at once, or those of one area
NEURON = ("recording", "neuron", "animal", "area", "cortical_layer")


def read_model(paths: Sequence[str | Path], stimuli: Mapping[str, str]) -> tuple[pd.DataFrame, ModelKernels]:
    """Return the layers of a model, and its kernels, which are read from their files when they are used.

    Parameters
    ----------
    paths : files of its kernels, each named after its kernel
    stimuli : SHA-256 of each image of the run, by name, in order

    Raises InputError if the kernels are of other images, or not all of one network with the same weights and settings.
    """
    expected, known = _network(paths[0]), read_known(paths[0])
    for path in paths:
        if read_known(path)["image_sha256"].tolist() != list(stimuli.values()):
            raise InputError(f"{path}: kernels of other images than those of this run. Remove it and run again.")
        if differ := sorted(key for key, value in _network(path).items() if value != expected.get(key)):
            raise InputError(f"{path}: made with another {', '.join(differ)} than {paths[0]}. Remove both and run again.")
    stored, layers = {Path(path).stem: StoredKernel(path) for path in paths}, read_layers(paths[0])
    return layers, ModelKernels(stored, known["row_sum"], known["n_features"], tuple(stored), np.arange(len(layers)))


def _network(path: str | Path) -> dict:
    record = read_provenance(path)
    return {key: record.get(key) for key in OF_ONE_NETWORK}


def basis(kernels: Sequence[str | Path], targets: Sequence[str | Path], **made_by: Mapping) -> dict[str, str]:
    """Return digests of what scores of a model rest on, by name: kernels, neurons, and code and settings as `made_by`."""
    digests = {"kernels": [digests_of(path) for path in kernels], "neurons": [digests_of(path) for path in targets]}
    return {name: short_hash(value) for name, value in (digests | made_by).items()}


def read_scores(name: str, paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read and stack a table of scores of the models of one family, files named after their models.

    Raises InputError if they rest on different code, settings or neurons, or those of one model on different kernels.
    """
    first: dict[tuple[str, str], tuple[str | Path, str]] = {}
    for path in paths:
        for part, digest in read_basis(path).items():
            other, expected = first.setdefault((part, Path(path).stem if part == "kernels" else ""), (path, digest))
            if digest != expected:
                raise InputError(
                    f"{path}: made from other {part} than {other}. Remove the one that is out of date and run again."
                )
    return read_tables(name, paths)


def read_targets(paths: Sequence[str | Path], axis: int) -> dict[str, dict[str, np.ndarray]]:
    """Return for each selection the targets of all areas, joined along an axis; a file's folder names its selection."""
    of_selection: dict[str, list] = {}
    for path in paths:
        of_selection.setdefault(Path(path).parent.name, []).append(path)
    return {selection: read_joined(files, axis) for selection, files in of_selection.items()}


def score_areas(
    layers: pd.DataFrame,
    kernels: ModelKernels,
    paths: Sequence[str | Path],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
) -> pd.DataFrame:
    """Return `score_rdms` of the sites in files of `populations.site_rdms`, a file an area of a selection."""
    areas = read_areas(paths, axis=0)
    return pd.concat([score_rdms(layers, kernels, targets, methods, stimuli) for targets in areas], ignore_index=True)


def read_areas(paths: Sequence[str | Path], axis: int) -> Iterator[dict[str, dict[str, np.ndarray]]]:
    """Yield `read_targets` of areas, as many at once as `AREAS_BYTES` hold; a file is named after its area."""
    of_area: dict[str, list] = {}
    for path in paths:
        of_area.setdefault(Path(path).stem, []).append(path)
    together, size = [], 0
    for files in of_area.values():
        n_bytes = sum(Path(path).stat().st_size for path in files)
        if together and size + n_bytes > AREAS_BYTES:
            yield read_targets(together, axis)
            together, size = [], 0
        together, size = [*together, *files], size + n_bytes
    yield read_targets(together, axis)


def score_rdms(
    layers: pd.DataFrame,
    kernels: ModelKernels | Mapping[str, np.ndarray],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
) -> pd.DataFrame:
    """Return the score of every layer of a model at every site, by every method of a family that reads RDMs.

    Parameters
    ----------
    layers, kernels : from `read_model`, or kernels as arrays
    targets : for each selection the arrays of `populations.site_rdms` or `dataset_folder.read_similarity`, for any areas
    methods : rows by name, from `table.list_methods`
    stimuli : names of the images, in order

    The columns are those of the table `scores`, without `model` and `differs`.
    """
    parts, kernels = [], ModelKernels.of(kernels)
    for name, row in methods.items():
        target, images = targets[row["selection"]], images_of(row, stimuli)
        rdms = target[row["target"]][:, images][:, :, images]
        read = kernels.reading(row["kernels"]).of_images(images)
        values = _checked(read.concatenate(partial(of_rdms, row, rdms=rdms)), (len(layers), len(rdms)), name)
        sites = pd.DataFrame({key: target[key] for key in ("area", "cortical_layer", "n_neurons")})
        sites["n_neurons"] = sites.n_neurons.astype("Int64").mask(sites.n_neurons < 0)
        sites["site_dimension"] = target[f"{row['target']}_dimension"]
        parts.append(cross(layers, sites, values).assign(method=name, selection=row["selection"]))
    # the table of ceilings is not there yet: see `correction.correct_rdms`
    table = pd.concat(parts, ignore_index=True)
    return table.assign(corrected=np.nan, n_uncorrected=pd.Series(pd.NA, table.index, "Int64"), corrected_by="")


def score_responses(
    layers: pd.DataFrame,
    kernels: ModelKernels | Mapping[str, np.ndarray],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the score of every layer of a model for every neuron, and at every site, by every method that reads responses.

    Parameters
    ----------
    targets : for each selection the arrays of `populations.pool`, for any areas
    min_neurons : sites with fewer scored neurons are left out
    layers, kernels, methods, stimuli : as in `score_rdms`

    The score of a site is the mean over its neurons. Methods of a user have scores of sites, but none of neurons.
    """
    of_neurons, of_sites, kernels = [], [], ModelKernels.of(kernels)
    for name, row in methods.items():
        target, images = targets[row["selection"]], images_of(row, stimuli)
        responses, read = target["mean"][images], kernels.reading(row["kernels"]).of_images(images)
        neurons = pd.DataFrame({key: target[key] for key in NEURON})
        sites, inside = sites_of(neurons)
        sites["site_dimension"] = [participation_ratio(Y @ Y.T) for Y in (responses[:, mask] for mask in inside)]
        named = {"method": name, "selection": row["selection"]}
        if row.get("source") == USER:
            parts = [of_each_site(row, block, responses, inside, min_neurons) for block in read.blocks()]
            values, counts = map(np.concatenate, zip(*parts, strict=True))
            corrected, corrected_counts = np.full(values.shape, np.nan), np.zeros_like(counts)
        else:
            shape = len(layers), len(neurons)
            score = partial(family_of(row), responses=responses, settings=row["settings"])
            scores = _checked(read.concatenate(score), shape, name)
            of_neurons.append(cross(layers, neurons, scores).assign(**named))
            values, counts = means_of(scores, inside)
            corrected, corrected_counts = means_of(scores / ceilings_of_neurons(target, row), inside)
        table = cross(layers, sites, _checked(values, (len(layers), len(sites)), name))
        table = table.assign(n_neurons=counts.ravel(), corrected=corrected.ravel(), **named)
        table["n_uncorrected"] = (counts - corrected_counts).ravel()
        table["corrected_by"] = np.where(table.corrected.isna(), "", CORRECTION)
        of_sites.append(table[table.n_neurons >= min_neurons])
    empty = cross(layers[:0], neurons[:0], np.zeros((0, 0))).assign(**dict.fromkeys(named, ""))
    return pd.concat(of_neurons or [empty], ignore_index=True), pd.concat(of_sites, ignore_index=True)


def family_of(row: Mapping) -> Callable:
    """Return the function `score` of one of our families."""
    return import_module(f"dormouse.methods.{row['family']}").score


def of_rdms(row: Mapping, kernels: Mapping[str, np.ndarray], rdms: np.ndarray) -> np.ndarray:
    """Return the scores of some layers at sites by a method that reads RDMs, ours or a user's, (n_layers, n_sites)."""
    if row.get("source") == USER:
        return of_each_rdm(row, kernels, rdms)
    return family_of(row)(kernels, rdms, row["settings"])


def _checked(values: np.ndarray, shape: tuple[int, int], method: str) -> np.ndarray:
    """Return scores; raises InputError if they have another shape."""
    if np.shape(values) != shape:
        raise InputError(f"method {method}: scores of shape {np.shape(values)}, expected {shape}, layers x sites or neurons.")
    return values


def sites_of(neurons: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the sites (every area, and its known cortical layers), and which neurons lie in each, (n_sites, n_neurons)."""
    sites = neurons[["area", "cortical_layer"]]
    sites = pd.concat([sites.assign(cortical_layer=WHOLE), sites[sites.cortical_layer != ""]]).drop_duplicates()
    same_area, same_layer = (neurons[key].to_numpy() == sites[key].to_numpy()[:, None] for key in ("area", "cortical_layer"))
    return sites, same_area & (same_layer | (sites.cortical_layer == WHOLE).to_numpy()[:, None])


def means_of(scores: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the neurons of each site that have a score, and their number, each (n_layers, n_sites)."""
    counts = ~np.isnan(scores) @ inside.T.astype(int)
    sums = np.nan_to_num(scores) @ inside.T.astype(float)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0), counts
