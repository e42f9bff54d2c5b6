"""Representational similarity analysis: RDMs, and the correlation of RDMs.

A representational dissimilarity matrix (RDM) holds 1 - Pearson r between the patterns of every two stimuli (Kriegeskorte,
Mur & Bandettini 2008, Front. Syst. Neurosci. 2:4). Two RDMs are compared by the correlation of their upper triangles. Both
sides are distances, so that agreement is positive.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.tables import LAYER_ARRAYS, cross, layer_table

# a pattern whose variance is this small beside its mean square is constant up to the rounding of float32
CONSTANT = (4 * np.finfo(np.float32).eps) ** 2


def rdm_from_centred(centred: np.ndarray, row_sum: np.ndarray, n_features: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return RDMs from Gram matrices C of centred patterns: d_ij = 1 - C_ij / sqrt(C_ii C_jj).

    Parameters
    ----------
    centred : (..., n_stimuli, n_stimuli) float64, C
    row_sum : (..., n_stimuli) float64, sums of the patterns before centring
    n_features : p, scalar or (...,)

    Returns
    -------
    rdm : (..., n_stimuli, n_stimuli) float64, 0 on the diagonal
    constant : (..., n_stimuli) bool, patterns without variance, whose correlation is not defined
    """
    variance = np.einsum("...ii->...i", centred)
    constant = variance <= CONSTANT * (variance + row_sum**2 / np.asarray(n_features, np.float64)[..., None])
    scale = np.sqrt(np.where(constant, 1.0, variance))
    correlation = centred / (scale[..., :, None] * scale[..., None, :])
    # ASSUME a pattern without variance has correlation 0 with every other (the blank, seen through band-pass filters)
    correlation = np.where(constant[..., :, None] | constant[..., None, :], 0.0, correlation)
    rdm = 1.0 - np.clip(correlation, -1.0, 1.0)
    diagonal = np.arange(rdm.shape[-1])
    rdm[..., diagonal, diagonal] = 0.0
    return rdm, constant


def rdm_from_gram(gram: np.ndarray, row_sum: np.ndarray, n_features: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same from Gram matrices K = X X' of patterns as they are, by C = K - s s' / p with the row sums s = X 1.

    Exact enough where K was summed in float64 and the mean of a pattern is not far above its sd.
    """
    p = np.asarray(n_features, np.float64)[..., None, None]
    return rdm_from_centred(gram - row_sum[..., :, None] * row_sum[..., None, :] / p, row_sum, n_features)


def rdm_from_patterns(patterns: np.ndarray) -> np.ndarray:
    """Return the RDM (n_stimuli, n_stimuli) of patterns (n_stimuli, n_neurons), in float64."""
    X = patterns.astype(np.float64)
    centred = X - X.mean(axis=1, keepdims=True)
    return rdm_from_centred(centred @ centred.T, X.sum(axis=1), X.shape[1])[0]


def upper_triangles(rdm: np.ndarray) -> np.ndarray:
    """Return the entries above the diagonal, (..., n_stimuli, n_stimuli) -> (..., n_pairs)."""
    rows, columns = np.triu_indices(rdm.shape[-1], k=1)
    return rdm[..., rows, columns]


def pearson(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Pearson r of every row of A (n_a, n) with every row of B (n_b, n), (n_a, n_b); NaN where a row is constant."""
    unit = []
    for rows in (A, B):
        centred = rows - rows.mean(axis=1, keepdims=True)
        centred[np.ptp(rows, axis=1) == 0] = np.nan  # rounding of the mean would leave a remainder
        unit.append(centred / np.linalg.norm(centred, axis=1, keepdims=True))
    return unit[0] @ unit[1].T


def spearman(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return Spearman rho of every row of A (n_a, n) with every row of B (n_b, n), (n_a, n_b); ties share their mean rank."""
    return pearson(*(pd.DataFrame(X).rank(axis=1).to_numpy() for X in (A, B)))


def split_half_rdm_r(gram: np.ndarray, row_sum: np.ndarray, n_neurons: int) -> np.ndarray:
    """Return the correlation of the RDMs of two halves in every split, (n_splits,), from sums over neurons.

    Parameters
    ----------
    gram : (2, n_splits, n_stimuli, n_stimuli), of the mean responses of each half
    row_sum : (2, n_splits, n_stimuli)
    """
    first, second = upper_triangles(rdm_from_gram(gram, row_sum, n_neurons)[0])  # each (n_splits, n_pairs)
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)])


MEASURES = {"pearson": pearson, "spearman": spearman}


def compare(model_rdms: np.ndarray, site_rdms: np.ndarray) -> dict[str, np.ndarray]:
    """Return for each measure the similarity of every layer with every site, (n_layers, n_sites).

    Parameters
    ----------
    model_rdms : (n_layers, n_stimuli, n_stimuli)
    site_rdms : (n_sites, n_stimuli, n_stimuli)
    """
    A, B = upper_triangles(model_rdms), upper_triangles(site_rdms)
    return {name: measure(A, B) for name, measure in MEASURES.items()}


def score(kernels: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the similarity of every layer of a model with every site of an area, by every measure, as a long table.

    Parameters
    ----------
    kernels : layer, block, n_features, blocks, centred and row_sum, of `gram.Kernels`
    targets : rdm, area, cortical_layer and n_neurons, of `populations.site_rdms`

    Raises InputError where the two rest on different numbers of stimuli.
    """
    if kernels["centred"].shape[-1] != targets["rdm"].shape[-1]:
        n_images, n_stimuli = kernels["centred"].shape[-1], targets["rdm"].shape[-1]
        raise InputError(f"{targets['area'][0]}: the model saw {n_images} images, the RDMs are of {n_stimuli}.")
    rdms, _ = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    sites = pd.DataFrame({key: targets[key] for key in ("area", "cortical_layer", "n_neurons")})
    sites["n_neurons"] = sites.n_neurons.astype("Int64").mask(sites.n_neurons < 0)
    layers = layer_table(*(kernels[key] for key in LAYER_ARRAYS))
    similarities = compare(rdms, targets["rdm"])
    parts = [cross(layers, sites, values).assign(variant=name) for name, values in similarities.items()]
    return pd.concat(parts, ignore_index=True).assign(metric="rsa")
