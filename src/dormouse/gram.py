"""From a layer's features to kernels over images: everything later steps need of them, in n x n numbers.

With n images and p features, p >> n, RSA, ridge and the like depend on the features X (n, p) only through K = X X' and its
row sums. Products are computed in float32 on blocks of columns and summed in float64.
"""

import functools
import hashlib
import warnings

import numpy as np
import torch
from sklearn.random_projection import johnson_lindenstrauss_min_dim
from sklearn.utils.random import sample_without_replacement

from dormouse.errors import InputError

BLOCK = 4096  # columns in one float32 product; more is no faster, and less exact
DROWNING = 0.1  # share of an image's mean square that is variance, below which it is centred before the product
N_PROBES = 4096  # columns whose every bit enters the fingerprint of a layer


def centred(X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the Gram matrix of X with every image's features centred, and what was taken away.

    With row sums s = X 1 the Gram matrix is X X' = C + s s' / p, but C is what correlations rest on. Where the mean of an
    image is far above its sd, as behind a sigmoid, the digits of C would drown in float32 products of X, so the mean is taken
    off first. Elsewhere it is not: it would turn the zeros behind a ReLU into one number, whose rounding adds up.

    Parameters
    ----------
    X : (n_images, n_features) float32

    Returns
    -------
    C : (n_images, n_images) float64
    row_sum : (n_images,) float64
    """
    p = X.shape[1]
    sums = sum(torch.stack([B.sum(dim=1), B.square().sum(dim=1)]).double() for B in X.split(BLOCK, dim=1))
    mean, mean_square = sums / p
    drowns = mean_square - mean**2 < DROWNING * mean_square
    shift = torch.where(drowns, mean, 0.0).float()
    K = torch.zeros(len(X), len(X), dtype=torch.float64, device=X.device)
    rest = torch.zeros(len(X), dtype=torch.float64, device=X.device)  # row sums after the shift
    for B in X.split(BLOCK, dim=1):
        D = B - shift[:, None] if drowns.any() else B
        K += (D @ D.T).double()
        rest += D.sum(dim=1).double()
    return K - torch.outer(rest, rest) / p, shift.double() * p + rest


def zscored(X: torch.Tensor) -> torch.Tensor:
    """Return Z Z', where Z is X with every column z-scored over the images (sd over n; constant columns become 0)."""
    K = torch.zeros(len(X), len(X), dtype=torch.float64, device=X.device)
    for B in X.split(BLOCK, dim=1):
        Z = B - B[:1]  # exactly 0 in a constant column, whatever its value
        Z -= Z.mean(dim=0)
        sd = Z.square().mean(dim=0).sqrt_()
        Z /= torch.where(sd == 0, 1.0, sd)
        K += (Z @ Z.T).double()
    return K


def n_projections(n_images: int, eps: float) -> int:
    """Return the columns of the sparse random projection of n images: 4096 for 119 at eps 0.1 (Johnson & Lindenstrauss)."""
    return int(johnson_lindenstrauss_min_dim(n_images, eps=eps))


@functools.lru_cache(maxsize=8)  # layers of equal size come in runs, and share their matrix
def projection(n_features: int, n_columns: int, seed: int) -> torch.Tensor:
    """Return the sparse random projection matrix that scikit-learn draws for this size and seed, in a tenth of its time.

    Entries are +-sqrt(1 / (density n_columns)) with density 1 / sqrt(n_features), and 0 elsewhere (Li, Hastie & Church
    2006, KDD). Shape (n_columns, n_features), sparse CSR float32.
    """
    rng = np.random.RandomState(seed)
    density = 1.0 / np.sqrt(n_features)
    if n_features == 1:  # scikit-learn draws no places where every entry is filled
        columns, offsets = np.zeros(n_columns, int), np.arange(n_columns + 1)
    else:
        rows = [_distinct(rng, n_features, rng.binomial(n_features, density)) for _ in range(n_columns)]
        columns, offsets = np.concatenate(rows), np.append(0, np.cumsum([len(row) for row in rows]))
    signs = rng.binomial(1, 0.5, len(columns)) * 2 - 1
    values = np.float32(np.sqrt(1 / density) / np.sqrt(n_columns)) * signs.astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its CSR tensors beta
        return torch.sparse_csr_tensor(*map(torch.from_numpy, (offsets, columns, values)), (n_columns, n_features))


def _distinct(rng: np.random.RandomState, n: int, k: int) -> np.ndarray:
    """Draw k distinct numbers below n from the same stream, in the same order, as scikit-learn."""
    if k > 0.01 * n:
        return sample_without_replacement(n, k, random_state=rng)
    # scikit-learn draws one by one and repeats a draw that was seen; here all at once, then what repetitions left to draw
    drawn = rng.randint(n, size=k)
    while len(first := np.unique(drawn, return_index=True)[1]) < k:
        drawn = np.append(drawn[np.sort(first)], rng.randint(n, size=k - len(first)))
    return drawn


def projected(X: torch.Tensor, n_columns: int, seed: int) -> torch.Tensor:
    """Return the kernel of the paper's predictors: X after sparse random projection, columns z-scored over the images.

    Layers with fewer features than `n_columns` are projected up, as in the reference implementation since August 2021.

    Parameters
    ----------
    X : (n_images, n_features) float32
    n_columns : columns of the projection
    seed : of the projection matrix

    Returns
    -------
    (n_images, n_images) float64
    """
    R = projection(X.shape[1], n_columns, seed).to(X.device)
    return zscored((R @ X.T).T)


class Kernels:
    """Collects the kernels of a network's layers, one at a time; a layer with the fingerprint of an earlier one is dropped.

    Parameters
    ----------
    eps, seed : of the sparse random projection
    """

    def __init__(self, eps: float, seed: int):
        self.eps, self.seed = eps, seed
        self.layers: list[dict] = []
        self._seen: set[str] = set()

    def add(self, layer: str, block: str, X: torch.Tensor) -> None:
        """Reduce the features X (n_images, n_features) of a layer of a block; they are not kept.

        Raises InputError for features that are not finite.
        """
        identity = fingerprint(X)
        if identity in self._seen:
            return
        self._seen.add(identity)
        C, row_sum = centred(X)
        if not torch.isfinite(C.diagonal()).all():
            raise InputError(f"layer {layer}: features are not finite. Do the weights belong to the network and its input?")
        matrices = {
            "centred": C,
            "row_sum": row_sum,
            "zscore": zscored(X),
            "srp": projected(X, n_projections(len(X), self.eps), self.seed),
        }
        arrays = {name: matrix.cpu().numpy() for name, matrix in matrices.items()}
        self.layers.append({"layer": layer, "block": block, "n_features": X.shape[1], **arrays})

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all layers in order of computation.

        layer, block and n_features (n_layers,), row_sum (n_layers, n_images), centred, zscore and srp (n_layers, n_images,
        n_images)
        """
        return {key: np.stack([layer[key] for layer in self.layers]) for key in self.layers[0]}


def fingerprint(X: torch.Tensor) -> str:
    """Return a hash of all bits, summed by image, and of the bits of `N_PROBES` columns one by one.

    Any single difference changes it; layers that share it differ at most in the order of columns that are not probed.
    """
    bits = X.view(torch.int32)
    probes = spread(X.shape[1], N_PROBES).to(X.device)
    digest = hashlib.blake2b(str(tuple(X.shape)).encode(), digest_size=16)
    for part in (bits.sum(dim=1, dtype=torch.int32), bits[:, probes]):  # the sum wraps around, and is fast
        digest.update(part.cpu().numpy().tobytes())
    return digest.hexdigest()


def spread(n: int, n_places: int) -> torch.Tensor:
    """Return at most `n_places` whole numbers spread evenly from 0 to n - 1, in whole-number arithmetic."""
    k = min(n, n_places)
    return torch.arange(k) * (n - 1) // max(k - 1, 1)
