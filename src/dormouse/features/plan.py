"""How all images go through a network when memory is short: the cheapest passes that fit. All of them are exact.

A kernel needs every two images of a layer at once. Where not all images fit, they are divided into groups, and each pass takes
several groups, so that every two groups meet in some pass. The cheapest such designs are projective planes, here made from the
perfect difference sets of Singer (1938): q^2 + q + 1 groups and as many passes, with q + 1 groups in each. Every two groups
meet exactly once, and each image runs q + 1 times. To divide into k batches and take every two of them would cost k - 1 runs,
with 2 / k of the images at once. With hundreds of images these runs take longer than anything else. Then features wait on
disk: the images run once, in batches, or once for each group of layers that the disk has room for. Passes for a group end
after the last of its layers.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dormouse.errors import InputError
from dormouse.features.gram import BLOCK, BLOCKS_AT_ONCE
from dormouse.features.projection import KEPT_BYTES, matrix_bytes
from dormouse.features.scratch import HEIGHT, N_KEPT, n_bytes
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

    passes: Sequence[np.ndarray]  # places of the images in each
    groups: list[frozenset[str]]  # layers that are reduced in a round of passes
    batch: int  # images that move at once
    forecast: float  # bytes, besides what the process holds already
    runs: float  # of each image through the network, mean over images
    scratch: int = 0  # bytes on disk of the largest group; 0: no features wait there
    seconds: float | None = None  # forecast, where rates are known


@dataclass(frozen=True)
class Rates:
    """What this machine takes, in seconds."""

    image: float  # for an image to run through the network
    pair: float  # for a product of two images, of one feature
    byte: float  # to write a byte to scratch and to read it back


@dataclass(frozen=True)
class _Work:
    """What is to be extracted, and with what; see `choose_plan`."""

    survey: Survey
    n_images: int
    n_columns: int
    kernels: Collection[str]
    available: float
    device: str
    n_held: int

    def fixed_bytes(self) -> float:
        """Return the memory that every plan takes besides a pass: blocks, projections and results."""
        matrices = [matrix_bytes(p, self.n_columns) for p in {layer.n_features for layer in self.survey.layers}]
        projecting = min(KEPT_BYTES, sum(matrices)) + DRAWING * max(matrices)
        results = self.n_held * 8 * self.n_images**2 * (1 + len(self.kernels)) * 2
        n_blocks = BLOCKS_AT_ONCE[self.device] * (BLOCKS_ALIVE + ("zscore" in self.kernels) * BLOCKS_ZSCORED)
        return FIXED_BYTES + n_blocks * BLOCK * 4 * self.n_images + results + ("srp" in self.kernels) * projecting

    def product_seconds(self, rates: Rates, n_pairs: int) -> float:
        """Return how long the products of so many pairs of images take, and those of all pairs of projections, in float64."""
        sizes = [layer.n_features for layer in self.survey.layers if not layer.repeats]
        projected = ("srp" in self.kernels) * 2 * self.n_columns * len(sizes) * self.n_images**2
        return (n_pairs * sum(sizes) + projected) * rates.pair


def designs(n_images: int) -> Iterator[Sequence[np.ndarray]]:
    """Yield ways to divide the images into passes in which every two images meet, by growing cost."""
    images = np.arange(n_images)
    yield [images]
    for n_groups, differences in DIFFERENCE_SETS.items():
        if n_groups <= n_images:
            groups = np.array_split(images, n_groups)
            yield [np.concatenate([groups[(k + d) % n_groups] for d in differences]) for k in range(n_groups)]
    yield np.stack(np.triu_indices(n_images, 1), axis=1)  # pairs; a list of millions of arrays would take gigabytes


def pass_bytes(survey: Survey, n_images: int, batch: int) -> float:
    """Return the memory of a pass in step, of which `batch` images move while the others wait at the layer before or after."""
    held = np.maximum(np.append(0.0, survey.held), np.append(survey.held, 0.0))
    batch = min(batch, n_images)
    return float(((n_images - batch) * held + batch * WORKSPACE * survey.passing).max())


def choose_plan(
    survey: Survey,
    n_images: int,
    n_columns: int,
    kernels: Collection[str],
    available: float,
    device: str,
    n_held: int = 2,
    scratch: tuple[float, Rates] | None = None,
) -> Plan:
    """Return the plan that costs least of those whose forecast is not above `available` bytes.

    Parameters
    ----------
    n_columns : of the sparse random projection
    kernels : of `gram.PREDICTORS`
    n_held : number of finished layers that are in memory at once
    scratch : bytes that may wait on disk, and the rates by which that is compared with passes; None for no such plan

    Raises InputError where no plan fits.
    """
    work = _Work(survey, n_images, n_columns, kernels, available, device, n_held)
    by_passes = _choose_passes(work)
    if (isinstance(by_passes, Plan) and len(by_passes.passes) == 1) or scratch is None:
        return _or_refused(by_passes, available)
    waiting = _choose_scratch(work, *scratch)
    found = [plan for plan in (waiting, _timed(by_passes, work, scratch[1])) if isinstance(plan, Plan)]
    return min(found, key=lambda plan: plan.seconds) if found else _or_refused(by_passes, available)


def _or_refused(found: Plan | float, available: float) -> Plan:
    """Return a plan; raises InputError where there is none, but the bytes that the least one takes."""
    if isinstance(found, Plan):
        return found
    raise InputError(
        f"{available / 2**20:.0f} MiB are left for the network, but even two images at a time take {found / 2**20:.0f}. "
        "Give the job more memory (mem_mb of extract_features), or the network smaller images."
    )


def _timed(plan: Plan | float, work: _Work, rates: Rates) -> Plan | float:
    """Return a plan with its forecast of seconds."""
    if not isinstance(plan, Plan):
        return plan
    products = work.product_seconds(rates, sum(len(images) ** 2 for images in plan.passes))
    return replace(plan, seconds=plan.runs * work.n_images * rates.image + products)


def _choose_scratch(work: _Work, room: float, rates: Rates) -> Plan | None:
    """Return the plan in which features wait on disk, with as few groups of layers as there is room for; None if none fits."""
    layers, n_images = work.survey.layers, work.n_images
    of_projections = (2 if max(layer.n_features for layer in layers) > FEW else 4) * work.n_columns
    kept = sum(min(layer.n_features, N_KEPT) for layer in layers)
    need = work.fixed_bytes() + n_images * 4 * (("srp" in work.kernels) * of_projections + 2 * HEIGHT + kept)
    sizes = {layer.name: float(n_bytes(n_images, layer.n_features * (not layer.repeats))) for layer in layers}
    groups, whole = divide(sizes, room), sum(sizes.values())
    moving = {n: n * work.survey.image_bytes + pass_bytes(work.survey, n, n) for n in BATCHES[work.device]}
    batch = next((n for n in moving if need + moving[n] <= work.available), None)
    if not groups or not batch:
        return None
    passing = len(groups) * n_images * rates.image
    return Plan(
        passes=[np.arange(n_images)],
        groups=groups,
        batch=min(batch, n_images),
        forecast=need + moving[batch],
        runs=len(groups),
        scratch=int(max(sum(sizes[name] for name in group) for group in groups)),
        seconds=passing + whole * rates.byte + work.product_seconds(rates, n_images**2),
    )


def _choose_passes(work: _Work) -> Plan | float:
    """Return the cheapest passes that fit, or the bytes that the least ones take."""
    survey, kernels, n_images, fixed = work.survey, work.kernels, work.n_images, work.fixed_bytes()
    # what a layer keeps from pass to pass: projections, first, sum and sum of squares of every feature, and its kernels
    kept = {
        layer.name: 9 * n_images**2 * (1 + len(kernels))
        + (2 if layer.n_features <= FEW else 1)  # of float64
        * (("srp" in kernels) * 4 * n_images * work.n_columns)
        + ("zscore" in kernels) * 24 * layer.n_features
        for layer in survey.layers
    }
    batches = [n for n in BATCHES[work.device] if n * survey.passing.max() <= MOVING_BYTES[work.device]] or [1]
    best, least = None, float("inf")
    for passes in designs(n_images):
        size, several = max(map(len, passes)), len(passes) > 1
        copied = size * survey.image_bytes * (several or survey.changes_input or work.device != "cpu")
        again = several and "zscore" in kernels  # for mean and sd of all features
        runs = sum(map(len, passes)) / n_images + again
        if best and best.runs <= runs:
            break
        for batch in batches:
            need = fixed + copied + pass_bytes(survey, size, batch)
            least = min(least, need + several * max(kept.values()))
            groups = divide(kept, work.available - need) if several else [frozenset(kept)]
            if need <= work.available and groups and not (best and best.runs <= len(groups) * runs):
                largest = several * max(sum(kept[name] for name in group) for group in groups)
                best = Plan(passes, groups, min(batch, size), need + largest, len(groups) * runs)
    return best or least


def divide(sizes: Mapping[str, float], limit: float) -> list[frozenset[str]]:
    """Return layers in groups, in order, of at most `limit` bytes each; no groups where one layer alone takes more.

    Groups are filled from the last layer on, and the first one takes what is left: its passes end early in the network.
    """
    groups, total = [set()], 0.0
    for name, size in reversed(sizes.items()):
        if size > limit:
            return []
        if total + size > limit:
            groups.append(set())
            total = 0.0
        groups[-1].add(name)
        total += size
    return [frozenset(group) for group in reversed(groups)]
