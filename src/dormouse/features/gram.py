"""From a layer's features to kernels over images: everything later steps need of them, in n x n numbers.

With n images and p features, p >> n, RSA, ridge and the like depend on the features X (n, p) only through K = X X' and its
row sums. Blocks of features are multiplied in float32 and summed in float64, so that a layer is read once and never copied
whole. Z-scored features are multiplied in float64, and so are all features of small layers: where features span fewer
dimensions than there are images, the rounding errors of float32 products would fill the other dimensions, and ridge with a
small penalty would use them like features.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import torch

from dormouse.errors import InputError
from dormouse.features.cancellation import alike, drowning_mean
from dormouse.features.parts import Held, spread
from dormouse.features.projection import Projections, n_projections
from dormouse.features.scratch import Waiting
from dormouse.features.spectrum import participation_ratio
from dormouse.features.standardisation import FEW, zscored, zscored_product

PREDICTORS = ("srp", "zscore")  # of neurons: what kernels are made from, beside the features themselves
BLOCK = 4096  # features in one float32 product; more is no faster, and less exact
BLOCKS_AT_ONCE = {"cpu": 4, "cuda": 16}  # that are brought together, for fewer and longer operations
BLOCKS_PROJECTED = {"cpu": 1, "cuda": 16}  # of these, in one sparse product, whose reading goes back and forth
TILE = 8  # images are filled up to a multiple of this, for which the libraries are fastest
STRIPS = {"cpu": 4, "cuda": 1}  # in which a product is computed up to its diagonal, at most; a GPU is faster with all at once
WIDE = 60  # images of a strip, at least
NARROW = 16  # images of a product, at least; libraries sum products of fewer less exactly
N_PROBES = 512  # columns whose every bit enters the fingerprint of a layer


def reduce(
    parts: Sequence[torch.Tensor] | Waiting,
    kernels: Collection[str] = (),
    projections: Projections | None = None,
    moments: Sequence[torch.Tensor] | None = None,
) -> dict[str, np.ndarray]:
    """Reduce the features of a layer, in one reading.

    With row sums s = X 1 the Gram matrix is X X' = C + s s' / p, where C is the Gram matrix of X with each image's features
    centred, from which correlations follow. Where the mean of an image is far above its sd, as after a sigmoid, float32
    products of X would lose the digits of C, so the mean is subtracted first, and products are of float64: equal numbers, as
    the zeros after a ReLU were before, would add up their rounding errors. Where all images have nearly the same pattern,
    products are of float64, too.

    Parameters
    ----------
    parts : features (n_images of the part, ...), of the images in turn, in any floating-point type; or those on disk
    kernels : of `PREDICTORS`
    projections : for srp
    moments : of `standardisation.Moments`, over all images, for zscore where `parts` are not all

    Of up to `FEW` features everything is computed in float64.

    Returns
    -------
    centred : (n_images, n_images) float64, C
    row_sum : (n_images,) float64
    identity : (n_images, 1 + N_PROBES at most) int32, of the bits of each image's features
    projected : (n_images, n_columns) float32 or 64, with srp: features after sparse random projection
    zscore : (n_images, n_images) float64, with zscore: Z Z', where Z is X with every column z-scored over the images
    """
    features = parts if isinstance(parts, Waiting) else Held(parts)
    p = features.n_features
    with torch.autocast(features.device.type, enabled=False):
        probes = features.columns(spread(p, N_PROBES))
        matrix = projections(p) if "srp" in kernels else None
        if p <= FEW:
            found = _sum_few(features, "zscore" in kernels, matrix, moments)
        else:
            shift, factors = drowning_mean(probes), torch.float32
            if shift is not None or alike(probes):
                factors = torch.float64
            sums = _sum_blocks(features, "zscore" in kernels, matrix, shift, moments, factors)
            found = _finished(sums, features.n_images, p, shift)
    found["identity"] = torch.cat([found.pop("bits")[:, None], probes.view(torch.int32)], dim=1)
    return {name: values.cpu().numpy() for name, values in found.items()}


@torch.no_grad()
def _sum_few(
    features: Held | Waiting, zscore: bool, matrix: Sequence[torch.Tensor] | None, moments: Sequence[torch.Tensor] | None
) -> dict[str, torch.Tensor]:
    """Return what `reduce` returns, and `bits`, for few features: all in float64."""
    p = features.n_features
    read = torch.empty(p, features.n_images, device=features.device)
    features.gather(0, p, read)
    X = read.double()
    D = X - X[:1]  # exactly 0 for an image of one number, whatever that is
    D -= D.mean(dim=0)
    found = {"centred": D.T @ D, "row_sum": X.sum(dim=0), "bits": read.view(torch.int32).sum(dim=0, dtype=torch.int32)}
    if matrix:
        entries = matrix[0].crow_indices(), matrix[0].col_indices(), matrix[0].values().double()
        found["projected"] = (torch.sparse_csr_tensor(*entries, (len(matrix[0]), p)) @ X).T
    if zscore:
        Z = zscored(X, *moments or ())
        found["zscore"] = Z.T @ Z
    return found


def _finished(sums: dict[str, torch.Tensor], n_images: int, p: int, shift: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Return the sums of `_sum_blocks` in the form of `_sum_few`, without the column of ones and those of padding."""
    product = _mirrored(sums["product"])
    K, rest = product[:n_images, :n_images], product[:n_images, n_images]  # row sums, after the shift
    found = {
        "centred": K - torch.outer(rest, rest) / p,
        "row_sum": rest.clone() if shift is None else rest + shift * p,  # not a view, which would keep all products
        "bits": sums["bits"][:n_images],
    }
    found |= {"projected": sums["projected"][:, :n_images].T} if "projected" in sums else {}
    return found | ({"zscore": sums["zscore"][:n_images, :n_images]} if "zscore" in sums else {})


@torch.no_grad()
def _sum_blocks(
    features: Held | Waiting,
    zscore: bool,
    matrix: Sequence[torch.Tensor] | None,
    shift: torch.Tensor | None,
    moments: Sequence[torch.Tensor] | None,
    factors: torch.dtype,
) -> dict[str, torch.Tensor]:
    """Return the sums of `reduce` over blocks of features; features are in rows there, as sparse products need them."""
    n_images, p, device = features.n_images, features.n_features, features.device
    narrow = matrix[0].shape[1] if matrix else BLOCK
    height = max(BLOCK * min(BLOCKS_AT_ONCE[device.type], -(-p // BLOCK)), narrow)
    block = torch.zeros(height, max(NARROW, -(-(n_images + 1) // TILE) * TILE), device=device)
    block[:, n_images] = 1.0  # so that sums over features come with the products
    sums = {"product": torch.zeros(block.shape[1], block.shape[1], dtype=torch.float64, device=device)}
    sums["bits"] = torch.zeros(block.shape[1], dtype=torch.int32, device=device)
    if matrix:
        sums["projected"] = torch.zeros(matrix[0].shape[0], block.shape[1], device=device)
    if zscore:
        scaled = torch.zeros_like(block, dtype=torch.float64)
        sums["zscore"] = torch.zeros_like(sums["product"])
    for start in range(0, p, height):
        end = min(start + height, p)
        X = block[: end - start, :n_images]
        features.gather(start, end, X)
        filled = block[: -(-(end - start) // BLOCK) * BLOCK]
        filled[end - start :] = 0.0
        bits = filled.view(torch.int32).unflatten(0, (BLOCK, -1))  # several rows as one, for which sums are faster
        sums["bits"] += bits.sum(dim=0, dtype=torch.int32).sum(dim=0, dtype=torch.int32)  # wraps around
        if matrix:
            for part, columns in zip(matrix[start // narrow : -(-end // narrow)], block.split(narrow), strict=False):
                sums["projected"].addmm_(part, columns)
        if zscore:
            scaled[: end - start, :n_images] = zscored(X, *(moment[start:end] for moment in moments or ()))
            sums["zscore"].addmm_(scaled[: end - start].T, scaled[: end - start])
        factor = filled.to(factors)
        if shift is not None:
            factor[: end - start, :n_images] -= shift
        _add_product(sums["product"], factor)
    return sums


def _add_product(total: torch.Tensor, columns: torch.Tensor) -> None:
    """Add the products of all columns to `total`, at least up to its diagonal: of `BLOCK` rows each, summed in float64."""
    blocks, n = columns.unflatten(0, (-1, BLOCK)), columns.shape[1]
    n_strips = min(STRIPS[columns.device.type], max(1, n // WIDE))
    strip = -(-n // (TILE * n_strips)) * TILE
    for i in range(0, n, strip):
        total[i:, i : i + strip] += (blocks.mT[:, i:] @ blocks[..., i : i + strip]).sum(dim=0, dtype=torch.float64)


def _mirrored(product: torch.Tensor) -> torch.Tensor:
    """Return the whole of a symmetric matrix that was computed up to its diagonal."""
    return product.tril() + product.tril(-1).T


class Kernels:
    """Makes the kernels of a network's layers; a layer whose features are those of an earlier one is dropped.

    Layers come in the order of computation, with all images at once or, in each of several passes, with some. A layer is
    finished once every two images have met in a pass; then it is handed on, and nothing of it is kept.

    Parameters
    ----------
    n_images : in all passes together
    names : kernels, of `PREDICTORS`
    eps, seed : of the sparse random projection
    keep : is called with every finished layer: layer, n_features, effective_dimension, row_sum (n_images,), and centred and
        each of `names`, (n_images, n_images)
    device : of the features
    """

    def __init__(
        self,
        n_images: int,
        names: Collection[str],
        eps: float,
        seed: int,
        keep: Callable[[dict], None],
        device: torch.device | str = "cpu",
    ):
        self.n_images, self.names, self.keep = n_images, names, keep
        device = torch.device(device)
        width = BLOCK * BLOCKS_PROJECTED[device.type]
        self.projections = Projections(n_projections(n_images, eps), seed, width, device)
        if "srp" in names:
            # compile now: this leaves cycles of references to its callers, which would keep the first layer in memory
            self.projections(2)
        self._begun: dict[str, dict | None] = {}  # layers that are not finished; None: dropped
        self._seen: set[str] = set()

    def add(
        self,
        layer: str,
        parts: Sequence[torch.Tensor] | Waiting,
        images: Sequence[int] | None = None,
        moments: Sequence[torch.Tensor] | None = None,
    ) -> None:
        """Reduce the features of a layer; they are not kept.

        Parameters
        ----------
        parts, moments : of `reduce`
        images : their places among all images; None for all

        Raises InputError for features that are not finite.
        """
        n_features = parts.n_features if isinstance(parts, Waiting) else parts[0][0].numel()
        record = self._begun.setdefault(layer, {"n_features": n_features, "met": np.zeros((self.n_images,) * 2, bool)})
        if record is None:
            return
        complete = record["met"].diagonal().all()  # projections and identities of all images were there in passes before
        names = [name for name in self.names if not (complete and name == "srp")]
        found = reduce(parts, names, self.projections, moments)
        if not np.isfinite(np.diagonal(found["centred"])).all():
            raise InputError(f"layer {layer}: features are not finite. Do the weights belong to the network and its input?")
        if images is None:
            record |= found
            record["met"][:] = True
        else:
            self._enter(record, found, np.asarray(images), complete)
        if not complete and record["met"].diagonal().all():
            self._complete(layer, record)
        if self._begun[layer] and record["met"].all():
            self._finish(layer)

    def _enter(self, record: dict, found: Mapping[str, np.ndarray], images: np.ndarray, complete: bool) -> None:
        """Write what was found of some images into the record of a layer."""
        for name in found.keys() - ({"identity"} if complete else set()):
            pairs, values = name in ("centred", "zscore"), found[name]
            shape = (self.n_images, *((self.n_images,) if pairs else values.shape[1:]))
            record.setdefault(name, np.zeros(shape, values.dtype))[np.ix_(images, images) if pairs else images] = values
        record["met"][np.ix_(images, images)] = True

    def _complete(self, layer: str, record: dict) -> None:
        """Make what takes every image, once all were there; drop the layer if it repeats an earlier one."""
        identity = hashlib.blake2b(str(record["n_features"]).encode() + record.pop("identity").tobytes()).hexdigest()
        if identity in self._seen:
            self._begun[layer] = None
            return
        self._seen.add(identity)
        if "projected" in record:
            record["srp"] = zscored_product(record.pop("projected"), self.projections.device)

    def _finish(self, layer: str) -> None:
        record = self._begun.pop(layer)
        s, p = record["row_sum"], record["n_features"]
        dimension = participation_ratio(record["centred"] + np.outer(s, s) / p)
        kernels = {name: record[name] for name in ("centred", *self.names)}
        self.keep({"layer": layer, "n_features": p, "effective_dimension": dimension, "row_sum": s} | kernels)
