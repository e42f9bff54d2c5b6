"""The method from Python, for a notebook: kernels of a network, their score against responses, tables and figures of a run.

    from dormouse.notebook import kernels, score

    found = kernels(network, inputs)      # a torch module, and images as it sees them
    table = score(found, responses)       # of every layer, beside its score on shuffled images

The numbers are those of the workflow, which runs the same functions. What is not here is the rest of it: which neurons are
reliable, which layer to choose, and how sure a score is.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.errors import InputError, suggest
from dormouse.features.kernels import KERNELS, layer_table
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.methods.table import RDMS
from dormouse.neurons.populations import site_rdms
from dormouse.tables import WHOLE, read_table, table_name
from dormouse.written import read_yaml

METHODS, FIGURES = (Path(__file__).parents[2] / f"resources/{name}.yaml" for name in ("methods", "figures"))
LAYERS = ("all", "blocks")
SITE = {"recording": "", "animal": "", "area": "neurons", "cortical_layer": ""}  # all neurons are one site


def kernels(
    network,
    inputs: np.ndarray,
    layers: str = "all",
    names: Collection[str] = KERNELS[:2],
    eps: float = 0.1,
    seed: int = 0,
    threads: int = 1,
) -> dict[str, np.ndarray]:
    """Run a network once, and return the kernels of its layers.

    Parameters
    ----------
    network : a torch.nn.Module in evaluation mode
    inputs : (n_images, n_channels, height, width) float32, as the network sees them; at least 3 images. For grey images of
        uint8 see `dormouse.stimuli.preprocessing.preprocess`.
    layers : `all`, or `blocks` for the outputs of blocks alone
    names : of the kernels: centred, srp and zscore
    eps, seed : of the sparse random projection
    threads : on a CPU

    Returns
    -------
    layer, path, block (n_layers,) str; n_features and effective_dimension (n_layers,); row_sum (n_layers, n_images); and
    each kernel (n_layers, n_images, n_images) float64; see `dormouse.features.kernels`

    Raises InputError for a network in training mode, or whose features of an image depend on the other images, or on chance;
    for inputs that are no such array; and for unknown layers or kernels.
    """
    if network.training:
        raise InputError("the network is in training mode, in which layers may depend on chance. Call network.eval() first.")
    for asked, known in ((layers, LAYERS), *((name, KERNELS) for name in names)):
        if asked not in known:
            raise InputError(f"unknown: {asked!r}. {suggest(asked, known)}")
    inputs = np.asarray(inputs)
    if inputs.ndim != 4 or inputs.dtype.kind != "f":
        raise InputError(
            f"inputs are {inputs.dtype} of shape {inputs.shape}; expected numbers with a point, as the network sees them, of "
            "shape (n_images, n_channels, height, width)."
        )
    from dormouse.features.extraction import extract  # here, so that tables are read without torch

    return extract(network, np.ascontiguousarray(inputs, np.float32), layers, names, eps, seed, threads)


def score(
    kernels: Mapping[str, np.ndarray],
    responses: np.ndarray,
    method: str = "rsa_pearson",
    n_shuffles: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Score every layer of a network against neurons.

    Parameters
    ----------
    kernels : of `kernels`
    responses : (n_images, n_neurons) means over trials, or (n_trials, n_images, n_neurons), NaN where a trial is missing
    method : a row of resources/methods.yaml
    n_shuffles, seed : number of random orders of the images that are scored besides, and the seed of these orders

    Returns
    -------
    layer, layer_index, score; and shuffled, the mean score where the responses are those to other images: a row a layer, in
    order of computation

    Raises InputError for an unknown method, a kernel that it needs, and responses that do not fit the images.
    """
    row = _row(method, kernels)
    means = _means(responses, n_images=kernels["row_sum"].shape[1])
    layers, rng = layer_table(kernels), np.random.default_rng(seed)
    values = _scores(layers, kernels, means, method, row)
    orders = [rng.permutation(len(means)) for _ in range(n_shuffles)]
    shuffled = [_scores(layers, kernels, means[order], method, row) for order in orders]
    table = layers[["layer", "layer_index"]].assign(score=values)
    return table.assign(shuffled=np.mean(shuffled, axis=0) if shuffled else np.nan)


def tables(run: str | Path) -> dict[str, pd.DataFrame]:
    """Return the tables of a run by name.

    Parameters
    ----------
    run : its folder, as results/demo

    Raises InputError where the folder holds no tables, or one that is damaged.
    """
    files = sorted(Path(run, "tables").glob("*.parquet"))
    if not files:
        raise InputError(f"{run}/tables: no tables; expected the folder of a run, as results/demo.")
    return {file.stem: read_table(table_name(file), file) for file in files}


def figure(name: str, tables: Mapping[str, pd.DataFrame], **of: str):
    """Draw a figure of the report, and return it as a matplotlib figure.

    Parameters
    ----------
    name : of the figure, a row of resources/figures.yaml
    tables : of `tables`
    of : what it is drawn of, where there are several: `method`, `area`, `model` or `variant`, as `method="rsa_pearson"`

    Raises InputError for an unknown figure, and for a run that has too little for it.
    """
    from dormouse.paper.drawing import plot  # here, so that scores need no matplotlib

    return plot(read_yaml(FIGURES)["figures"], name, tables, of)


def _row(method: str, kernels: Mapping[str, np.ndarray]) -> dict:
    rows = read_yaml(METHODS)["rows"]
    if method not in rows:
        raise InputError(f"unknown method {method!r}. {suggest(method, rows)}")
    if missing := [kernel for kernel in rows[method]["kernels"] if kernel in KERNELS and kernel not in kernels]:
        raise InputError(f"{method} needs the kernel {missing[0]!r}: kernels(network, inputs, names={missing}).")
    return rows[method]


def _means(responses: np.ndarray, n_images: int) -> np.ndarray:
    responses = np.asarray(responses, np.float64)
    means = np.nanmean(responses, axis=0) if responses.ndim == 3 else responses
    if means.ndim != 2 or len(means) != n_images:
        raise InputError(
            f"responses have the shape {responses.shape}; expected ({n_images} images, n_neurons), or trials before these."
        )
    if not np.isfinite(means).all():
        neuron = np.flatnonzero(~np.isfinite(means).all(axis=0))[0]
        raise InputError(f"responses of neuron {neuron} (from 0) are not finite for every image; leave it out.")
    return means


def _scores(
    layers: pd.DataFrame, kernels: Mapping[str, np.ndarray], means: np.ndarray, method: str, row: Mapping
) -> np.ndarray:
    """Return the score of each layer for all neurons as one site, (n_layers,)."""
    population = {"mean": means, "neuron": np.arange(means.shape[1]).astype(str)}
    population |= {key: np.full(means.shape[1], value) for key, value in SITE.items()}
    images = [""] * len(means)  # none is called blank
    if row["target"] in RDMS:
        table = score_rdms(layers, kernels, {row["selection"]: site_rdms(population, 1)}, {method: row}, images)
    else:
        table = score_responses(layers, kernels, {row["selection"]: population}, {method: row}, images, min_neurons=1)[1]
    return table[table.cortical_layer == WHOLE].sort_values("layer_index").score.to_numpy()
