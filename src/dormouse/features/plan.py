"""How all images go through a network when memory is short: the cheapest passes that fit. All of them are exact.

A kernel needs every two images of a layer at once. Where not all images fit, they are divided into groups, and each pass takes
several groups, so that every two groups meet in some pass. The cheapest such designs are projective planes, here made from the
perfect difference sets of Singer (1938): q^2 + q + 1 groups and as many passes, with q + 1 groups in each. Every two groups
meet exactly once, and each image runs q + 1 times. To divide into k batches and take every two of them would cost k - 1 runs,
with 2 / k of the images at once. Passes that keep some layers of all images, instead of all layers of some images, would cost
more in networks of many layers, because what they would have to keep of a network is far more than what it holds at once.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dormouse.errors import InputError
from dormouse.features.gram import BLOCK, BLOCKS_AT_ONCE
from dormouse.features.projection import KEPT_BYTES, matrix_bytes
from dormouse.features.standardisation import FEW
from dormouse.features.survey import Survey

DIFFERENCE_SETS = {
    3: (0, 1),
    7: (0, 1, 3),
    13: (0, 1, 3, 9),
    21: (0, 1, 4, 14, 16),
    31: (0, 1, 3, 8, 12, 18),
    57: (0, 1, 3, 13, 32, 36, 43, 52),
    73: (0, 1, 3, 7, 15, 31, 36, 54, 63),
    91: (0, 1, 3, 9, 27, 49, 56, 61, 77, 81),
}
BATCHES = {"cpu": (8, 4, 2, 1), "cuda": (4096, 512, 64, 16, 8, 4, 2, 1)}  # images that move at once, best first
MOVING_BYTES = {"cpu": 128 << 20, "cuda": np.inf}  # of the images that move at once; more are no faster
WORKSPACE = 2  # operations take so many times the memory of the tensors that torch counts, as for copies in another layout
FIXED_BYTES = 256 << 20  # of what does not grow with the images
BLOCKS_ALIVE = 3  # blocks of features, one z-scored and one on the way
BLOCKS_ZSCORED = 2  # further ones where one is z-scored, in float64
DRAWING = 4  # while a matrix is drawn, it takes so many times its size


@dataclass(frozen=True)
class Plan:
    """How images and layers are divided."""

    passes: list[np.ndarray]  # places of the images in each
    groups: list[frozenset[str]]  # layers that are reduced in a round of passes
    batch: int  # images that move at once
    forecast: float  # bytes, besides what the process holds already
    runs: float  # of each image through the network, mean over images


def designs(n_images: int) -> Iterator[list[np.ndarray]]:
    """Yield ways to divide the images into passes in which every two images meet, by growing cost."""
    images = np.arange(n_images)
    yield [images]
    for n_groups, differences in DIFFERENCE_SETS.items():
        if n_groups <= n_images:
            groups = np.array_split(images, n_groups)
            yield [np.concatenate([groups[(k + d) % n_groups] for d in differences]) for k in range(n_groups)]
    yield [np.array(pair) for pair in combinations(images, 2)]


def pass_bytes(survey: Survey, n_images: int, batch: int) -> float:
    """Return the memory of a pass in step, of which `batch` images move while the others wait at the layer before or after."""
    held = np.maximum(np.append(0.0, survey.held), np.append(survey.held, 0.0))
    batch = min(batch, n_images)
    return float(((n_images - batch) * held + batch * WORKSPACE * survey.passing).max())


def choose_plan(
    survey: Survey, n_images: int, n_columns: int, kernels: Collection[str], available: float, device: str
) -> Plan:
    """Return the plan that costs least of those whose forecast is not above `available` bytes.

    Parameters
    ----------
    n_columns : of the sparse random projection
    kernels : of `gram.PREDICTORS`

    Raises InputError where no plan fits.
    """
    matrices = [matrix_bytes(p, n_columns) for p in {layer.n_features for layer in survey.layers}]
    projecting = min(KEPT_BYTES, sum(matrices)) + DRAWING * max(matrices)
    results = len(survey.layers) * 8 * n_images**2 * (1 + len(kernels)) * 2
    blocks = (BLOCKS_ALIVE + ("zscore" in kernels) * BLOCKS_ZSCORED) * BLOCKS_AT_ONCE[device] * BLOCK * 4 * n_images
    fixed = FIXED_BYTES + blocks + results + ("srp" in kernels) * projecting
    # what a layer keeps from pass to pass: projections, and first, sum and sum of squares of every feature
    kept = {
        layer.name: (2 if layer.n_features <= FEW else 1)  # of float64
        * (("srp" in kernels) * 4 * n_images * n_columns + ("zscore" in kernels) * 12 * layer.n_features)
        for layer in survey.layers
    }
    batches = [n for n in BATCHES[device] if n * survey.passing.max() <= MOVING_BYTES[device]] or [1]
    best, least = None, float("inf")
    for passes in designs(n_images):
        size, several = max(map(len, passes)), len(passes) > 1
        again = several and "zscore" in kernels  # for mean and sd of all features
        runs = sum(map(len, passes)) / n_images + again
        if best and best.runs <= runs:
            break
        for batch in batches:
            need = fixed + pass_bytes(survey, size, batch)
            least = min(least, need + several * max(kept.values()))
            groups = divide(kept, available - need) if several else [frozenset(kept)]
            if need <= available and groups and not (best and best.runs <= len(groups) * runs):
                largest = several * max(sum(kept[name] for name in group) for group in groups)
                best = Plan(passes, groups, min(batch, size), need + largest, len(groups) * runs)
    if not best:
        raise InputError(
            f"{available / 2**20:.0f} MiB are left for the network, but even two images at a time take {least / 2**20:.0f}. "
            "Give the job more memory (mem_mb of extract_features), or the network smaller images."
        )
    return best


def divide(sizes: dict[str, float], limit: float) -> list[frozenset[str]]:
    """Return layers in groups, in order, of at most `limit` bytes each; no groups where one layer alone takes more."""
    groups, total = [set()], 0.0
    for name, size in sizes.items():
        if size > limit:
            return []
        if total + size > limit:
            groups.append(set())
            total = 0.0
        groups[-1].add(name)
        total += size
    return [frozenset(group) for group in groups]
