"""Scores of kernels that a test made up, by the methods that there are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dormouse.methods.scores import score_rdms, score_responses

ROW = {"selection": "paper", "images": "all"}


def layers_of(kernels: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the table of layers; of what `extract` gives of each, `kernels` may hold a part."""
    n = len(kernels["n_features"])
    table = pd.DataFrame({"layer": kernels.get("layer", [f"Layer-{k + 1}" for k in range(n)])})
    index = np.arange(1, n + 1)
    return table.assign(
        path=kernels.get("path", ""),
        layer_index=index,
        layer_depth=index / n,
        block=kernels.get("block", "block"),
        block_depth=kernels.get("block_depth", 1.0),
        n_features=kernels["n_features"],
        effective_dimension=kernels.get("effective_dimension", 1.0),
    )


def score_rsa(kernels: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Score by RSA; the methods are named after their correlations, pearson and spearman."""
    n = len(targets["rdm"])
    targets = {"rdm_dimension": np.full(n, np.nan)} | dict(targets)
    row = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm"}
    methods = {name: row | {"settings": {"correlation": name}} for name in ("pearson", "spearman")}
    stimuli = [str(k) for k in range(targets["rdm"].shape[-1])]
    return score_rdms(layers_of(kernels), kernels, {"paper": targets}, methods, stimuli)


def score_ridge(
    kernels: Mapping[str, np.ndarray],
    population: Mapping[str, np.ndarray],
    names: Sequence[str],
    penalty: float,
    min_neurons: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score neurons and sites by ridge regression; the methods are named after their kernels."""
    row = ROW | {"family": "ridge", "target": "responses", "settings": {"penalty": penalty}}
    methods = {name: row | {"kernels": [name]} for name in names}
    n = len(population["mean"])
    kernels = {"row_sum": np.zeros((len(kernels["n_features"]), n))} | dict(kernels)
    stimuli = [str(k) for k in range(n)]
    return score_responses(layers_of(kernels), kernels, {"paper": population}, methods, stimuli, min_neurons)
