"""Sparse random projection of features: the matrix that scikit-learn draws, in a fraction of its time and in blocks.

Entries are +-sqrt(1 / (density n_columns)) with density 1 / sqrt(n_features), and 0 elsewhere (Li, Hastie & Church 2006, KDD).
"""

import warnings
from collections import OrderedDict

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.random_projection import johnson_lindenstrauss_min_dim
from sklearn.utils.random import sample_without_replacement

KEPT_BYTES = 512 << 20  # of matrices that are kept for layers to come


def n_projections(n_images: int, eps: float) -> int:
    """Return the columns of the sparse random projection of n images: 4096 for 119 at eps 0.1 (Johnson & Lindenstrauss)."""
    return int(johnson_lindenstrauss_min_dim(n_images, eps=eps))


def draw(n_features: int, n_columns: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places and signs of scikit-learn's matrix of this size and seed.

    Returns
    -------
    offsets : (n_columns + 1,) int64; the features of column k are those from offsets[k] to offsets[k + 1]
    features : (n_entries,) int32, in the order in which they were drawn
    signs : (n_entries,) int8, 1 or -1
    """
    rng = np.random.RandomState(seed)
    density = 1.0 / np.sqrt(n_features)
    if n_features == 1:  # scikit-learn draws no places where every entry is filled
        features, offsets = np.zeros(n_columns, np.int32), np.arange(n_columns + 1)
    else:
        sampler = _Sampler(rng, n_features)
        columns = [sampler(rng.binomial(n_features, density)) for _ in range(n_columns)]
        features, offsets = np.concatenate(columns), np.append(0, np.cumsum([len(column) for column in columns]))
    # a binomial number of one trial is whether the next uniform one is above a half
    signs = np.where(rng.random_sample(len(features)) > 0.5, np.int8(1), np.int8(-1))
    return offsets, features, signs


class _Sampler:
    """Draws k distinct numbers below n from the same stream, in the same order, as scikit-learn."""

    def __init__(self, rng: np.random.RandomState, n: int):
        self.rng, self.n = rng, n
        self.place = np.empty(n, np.int32)  # where a number was drawn first; read only where it was just written
        self.order = np.arange(n, dtype=np.int32)

    def __call__(self, k: int) -> np.ndarray:
        if k > 0.01 * self.n:
            return sample_without_replacement(self.n, k, random_state=self.rng).astype(np.int32)
        # scikit-learn draws one by one and repeats a draw that was seen; here all at once, then what repetitions left to draw
        drawn = self.rng.randint(self.n, size=k, dtype=np.int32)
        while _repeats(drawn):
            first = self._first(drawn)
            drawn = np.append(drawn[first], self.rng.randint(self.n, size=k - np.count_nonzero(first), dtype=np.int32))
        return drawn

    def _first(self, drawn: np.ndarray) -> np.ndarray:
        order = self.order[: len(drawn)]
        self.place[drawn[::-1]] = order[::-1]  # of equal numbers the last assignment stays
        return self.place[drawn] == order


def _repeats(numbers: np.ndarray) -> bool:
    ordered = np.sort(numbers)
    return bool((ordered[1:] == ordered[:-1]).any())


def in_blocks(n_features: int, n_columns: int, seed: int, width: int, device: torch.device) -> list[torch.Tensor]:
    """Return the matrix of `draw` for the features from 0, width, 2 width ..., each (n_columns, width) sparse CSR float32.

    The last block is as wide as the others, with nothing beyond the last feature.
    """
    offsets, features, signs = draw(n_features, n_columns, seed)
    n_blocks = -(-n_features // width)
    # entries sorted by block, within a block by column: what turning CSR into CSC does, in linear time
    entries = np.arange(len(features), dtype=np.int32)
    sorted_by = csr_array((entries, features // width, offsets.astype(np.int32)), shape=(n_columns, n_blocks)).tocsc()
    value = np.float32(np.sqrt(1 / (1 / np.sqrt(n_features))) / np.sqrt(n_columns))
    values, within = value * signs[sorted_by.data], features[sorted_by.data] % width
    blocks = []
    for start, end in zip(sorted_by.indptr, sorted_by.indptr[1:], strict=False):
        counts = np.bincount(sorted_by.indices[start:end], minlength=n_columns)
        rows = np.append(0, np.cumsum(counts)).astype(np.int32)
        parts = (torch.from_numpy(part).to(device) for part in (rows, within[start:end], values[start:end]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its CSR tensors beta
            blocks.append(torch.sparse_csr_tensor(*parts, (n_columns, width)))
    return blocks


class Projections:
    """Gives the matrices of one seed, in blocks; keeps those used last, up to `KEPT_BYTES`.

    Parameters
    ----------
    n_columns, seed : of `draw`
    width, device : of the blocks
    """

    def __init__(self, n_columns: int, seed: int, width: int, device: torch.device):
        self.n_columns, self.seed, self.width, self.device = n_columns, seed, width, device
        self._kept: OrderedDict[int, list[torch.Tensor]] = OrderedDict()

    def __call__(self, n_features: int) -> list[torch.Tensor]:
        """Return the blocks of the matrix for features of this number."""
        if n_features not in self._kept:
            drawn = in_blocks(n_features, self.n_columns, self.seed, self.width, self.device)
            self._kept[n_features] = drawn
            while len(self._kept) > 1 and sum(matrix_bytes(n, self.n_columns) for n in self._kept) > KEPT_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(n_features)
        return self._kept[n_features]


def matrix_bytes(n_features: int, n_columns: int) -> int:
    """Return about how many bytes a matrix takes: four for the feature of each entry and four for its value."""
    return int(8 * n_columns * np.sqrt(n_features))
