"""The step before MouseNet: from a voxel connectome to surface areas of nodes, and widths and in-degrees of connections.

The model of Knox et al. 2019 (Netw. Neurosci. 3:217) gives the strength W[s, t] of the connection from any voxel s of the
right hemisphere to any voxel t as a product of two factors, which it calls `weights` and `nodes`. The measurements follow
Shi et al. 2022. With `indexing` published they repeat a mistake of theirs: the places of target voxels among the source
voxels, which lie in one hemisphere, were used as columns of `nodes`, which are voxels of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import center_of_mass, gaussian_filter
from scipy.optimize import least_squares
from scipy.spatial import ConvexHull, Delaunay

from dormouse.errors import InputError

VOXEL_MM = 0.1
SPHERE_START = (50.0, 50.0, 50.0, 50.0)  # centre and radius, voxels
SMOOTHING_MM = 0.3  # of the voxel model; subtracted from widths
IN_DEGREE = 1000.0  # of every target, from all areas below it in the hierarchy
GRID, LOW, PEAKED = 20, 0.2, 0.5  # of the test for a single peak: places on a side, floor, least share of the maximum
INDEXING = ("published", "corrected")


@dataclass(frozen=True)
class Connectome:
    """The visual cortex of a voxel model."""

    positions: np.ndarray  # (n_voxels, 3), backwards, down and to the side, voxels
    node: np.ndarray  # (n_voxels,) str, node of each voxel, as VISp2/3; empty for voxels of no area of MouseNet
    as_source: np.ndarray  # (n_voxels, n_factors), the factor `weights`
    as_target: dict[str, np.ndarray]  # by `INDEXING`, (n_factors, n_voxels), the factor `nodes`


def measure(connectome: Connectome, nodes: pd.DataFrame, indexing: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables nodes, with its surface areas measured, and connections (see `anatomy.TABLES`).

    Parameters
    ----------
    nodes : area, layer, level and n_neurons of MouseNet's nodes; those of level 0 keep their surface area
    indexing : one of `INDEXING`

    Raises InputError where nothing connects to a target.
    """
    names = nodes.area + nodes.layer
    flat = flatten(connectome.positions)
    inside = {name: np.flatnonzero(connectome.node == name) for name in names[nodes.level > 0]}
    areas = pd.Series({name: ConvexHull(flat[voxels]).volume for name, voxels in inside.items()})  # in 2 dimensions the area
    rows = []
    for target, level in zip(names, nodes.level, strict=True):
        if level > 1 and target.endswith("4"):
            sources = names[(nodes.level > 0) & (nodes.level < level)]
            rows += _connections(connectome, flat, inside, sources, target, indexing)
    measured = names.map(areas).fillna(nodes.surface_area_mm2.astype(float))
    return nodes.assign(surface_area_mm2=measured), pd.DataFrame(rows)


def _connections(
    connectome: Connectome, flat: np.ndarray, inside: dict, sources: Sequence[str], target: str, indexing: str
) -> list[dict]:
    """Return width and in-degree of every connection to a target."""
    receiving = connectome.as_target[indexing][:, inside[target]]
    strengths = {source: connectome.as_source[inside[source]] @ receiving for source in sources}
    totals = {source: W.sum(axis=0).mean() for source, W in strengths.items()}  # T_ij
    if not any(totals.values()):
        raise InputError(f"the connectome: nothing connects to {target} from the areas below it in the hierarchy.")
    scale = IN_DEGREE / sum(totals.values())
    return [
        {
            "source": source,
            "target": target,
            "width_um": 1000 * connection_width(strengths[source], flat[inside[source]]),
            "in_degree": scale * totals[source],
        }
        for source in sources
    ]


def flatten(positions: np.ndarray) -> np.ndarray:
    """Return places on a flat map of cortex, mm, (n_voxels, 2), from a sphere fitted to the voxels (n_voxels, 3).

    They are latitude and longitude on the sphere, times its radius. The authors call this crude.
    """
    *centre, radius = least_squares(lambda sphere: np.linalg.norm(positions - sphere[:3], axis=1) - sphere[3], SPHERE_START).x
    x, y, z = (positions - centre).T
    return VOXEL_MM * radius * np.stack([np.arctan(z / np.hypot(x, y)), np.arctan2(-x, -y)], axis=1)


def connection_width(W: np.ndarray, flat: np.ndarray) -> float:
    """Return the mean width of a connection over its target voxels, mm.

    Parameters
    ----------
    W : (n_sources, n_targets), strengths
    flat : (n_sources, 2), mm

    Only targets with a single peak of sources count (`has_one_peak`). The width is the sd of the sources around their centre
    of mass, without distant ones, less the smoothing of the model. A target that nothing reaches has width 0, as in Shi et al.
    """
    W = W[:, has_one_peak(W, flat)]
    total = W.sum(axis=0)
    reached = total > 0
    W = W[:, reached] / total[reached]
    centres = W.T @ flat  # (n_targets, 2)
    squares = ((flat[:, None] - centres) ** 2).sum(axis=2)  # (n_sources, n_targets)
    sd = np.sqrt((W * squares).sum(axis=0))
    near = W * (squares < 2 * sd)  # compares mm2 with mm, as the reference does: a cut at 2 sd only if sd is 0.5 mm
    variance = (near * squares).sum(axis=0) / near.sum(axis=0)
    widths = np.sqrt(np.maximum(0.0, variance - SMOOTHING_MM**2))
    return float(widths.sum() / len(reached)) if len(reached) else 0.0


def has_one_peak(W: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Return for which targets the centre of mass of the sources, smoothed on a grid, is near their peak; (n_targets,) bool.

    True also for targets without sources.

    Parameters
    ----------
    W, flat : as for `connection_width`
    """
    from sklearn.kernel_ridge import KernelRidge

    sides = [np.linspace(*ends, GRID) for ends in zip(flat.min(axis=0), flat.max(axis=0), strict=True)]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)  # (GRID, GRID, 2)
    outside = Delaunay(flat).find_simplex(grid) < 0
    maps = KernelRidge(kernel="rbf", alpha=1.0).fit(flat, W).predict(grid.reshape(-1, 2)).T.reshape(-1, GRID, GRID)
    return np.array([not column.any() or _peaked(surface, outside) for column, surface in zip(W.T, maps, strict=True)])


def _peaked(surface: np.ndarray, outside: np.ndarray) -> bool:
    low, high = surface.min(), surface.max()
    surface = np.where(outside | (surface < low + LOW * (high - low)), low, surface)
    surface = gaussian_filter(surface, 1.0, mode="nearest")
    surface = surface - surface.min()
    if not surface.any():
        return False
    place = tuple(np.rint(center_of_mass(surface)).astype(int))
    return bool(surface[place] / surface.max() >= PEAKED)
