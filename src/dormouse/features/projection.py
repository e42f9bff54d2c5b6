"""Sparse random projection of features by the matrix that scikit-learn draws, but drawn in a fraction of its time, in blocks.

Entries are +-sqrt(1 / (density n_columns)) with density 1 / sqrt(n_features), and 0 elsewhere (Li, Hastie & Church 2006, KDD).
"""

import os
import warnings
from collections import OrderedDict
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import torch
from numba import njit

KEPT_BYTES = 1 << 30  # of matrices that are kept for layers to come
# compiled code is kept beside the source, so that not every job compiles; numba may refuse where it cannot write there
compiled = njit(cache=os.access(Path(__file__).parent, os.W_OK))
DRAWN_AT_ONCE = 1 << 18  # uniform numbers, of which each takes as much as eight signs


def n_projections(n_images: int, eps: float) -> int:
    """Return the columns of the sparse random projection of n images: 4096 for 119 at eps 0.1.

    With so many the squared distances of n points are kept within a factor of 1 +- eps (Johnson & Lindenstrauss 1984, with the
    constant of Dasgupta & Gupta 2003).
    """
    return int(4 * np.log(n_images) / (eps**2 / 2 - eps**3 / 3))


def draw(n_features: int, n_columns: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places and signs of scikit-learn's matrix of this size and seed.

    Returns
    -------
    offsets : (n_columns + 1,) int64; the features of column k are those from offsets[k] to offsets[k + 1]
    features : (n_entries,) int32, in the order in which they were drawn
    signs : (n_entries,) int8, 1 or -1
    """
    generator = np.random.MT19937()
    generator.state = np.random.RandomState(seed).get_state(legacy=False)
    rng = np.random.RandomState(generator)
    density = 1.0 / np.sqrt(n_features)
    if n_features == 1:  # nothing is drawn where every entry is filled
        features, offsets = np.zeros(n_columns, np.int32), np.arange(n_columns + 1)
    else:
        sample = _sampler(n_features, rng, generator)
        columns = [sample(rng.binomial(n_features, density)) for _ in range(n_columns)]
        features, offsets = np.concatenate(columns), np.append(0, np.cumsum([len(column) for column in columns]))
        del columns
    signs = np.empty(len(features), np.int8)
    for part in np.split(signs, range(DRAWN_AT_ONCE, len(signs), DRAWN_AT_ONCE)):
        # a binomial number of one trial is whether the next uniform one is above a half
        part[:] = np.where(rng.random_sample(len(part)) > 0.5, 1, -1)
    return offsets, features, signs


def _sampler(n: int, rng: np.random.RandomState, generator: np.random.MT19937) -> Callable[[int], np.ndarray]:
    """Return what draws k distinct numbers below n from the same stream, in the same order, as scikit-learn; (k,) int32."""
    next_bits, state = generator.ctypes.next_uint32, generator.ctypes.state_address
    mask, last_draw, draws = (1 << (n - 1).bit_length()) - 1, np.zeros(n, np.int32), count(1)

    def sample(k: int) -> np.ndarray:
        if k == n:
            return np.arange(n, dtype=np.int32)
        if k > 0.01 * n:
            numbers = np.arange(n, dtype=np.int32)
            _shuffle(next_bits, state, mask, numbers)
            return numbers[:k].copy()
        numbers = np.empty(k, np.int32)
        _draw_distinct(next_bits, state, mask, last_draw, next(draws), numbers)
        return numbers

    return sample


@compiled
def _draw_distinct(next_bits: Callable, state: int, mask: int, last_draw: np.ndarray, this: int, numbers: np.ndarray) -> None:
    """Draw one number after another, and again where it is too large or was drawn before in `this` draw."""
    for i in range(len(numbers)):
        number = next_bits(state) & mask
        while number >= len(last_draw) or last_draw[number] == this:
            number = next_bits(state) & mask
        last_draw[number] = this
        numbers[i] = number


@compiled
def _shuffle(next_bits: Callable, state: int, mask: int, numbers: np.ndarray) -> None:
    """Exchange each number, from the last on, with one before it or itself: NumPy's permutation, in less time."""
    i = len(numbers) - 1
    while i > 0:
        drawn = next_bits(state) & mask
        place = min(drawn, i)  # too large a one is drawn again; a branch would be wrong too often
        numbers[i], numbers[place] = numbers[place], numbers[i]
        i -= drawn <= i
        mask >>= (mask >> 1) >= i  # the smallest that i fits in


def in_blocks(n_features: int, n_columns: int, seed: int, width: int, device: torch.device) -> list[torch.Tensor]:
    """Return the matrix of `draw` for the features from 0, width, 2 width ..., each (n_columns, width) sparse CSR float32.

    The last block is as wide as the others, with nothing beyond the last feature.
    """
    offsets, features, signs = draw(n_features, n_columns, seed)
    starts = np.append(0, np.cumsum(np.bincount(features // width, minlength=-(-n_features // width))))
    rows = np.tile(starts[:-1, None].astype(np.int32), n_columns + 1)
    within, values = np.empty(len(features), np.int32), np.empty(len(features), np.float32)
    _sort_into_blocks(offsets, features, signs, width, starts[:-1].copy(), rows, within, values)
    rows -= starts[:-1, None].astype(np.int32)
    values *= np.float32(np.sqrt(1 / (1 / np.sqrt(n_features))) / np.sqrt(n_columns))
    blocks = []
    for k, (start, end) in enumerate(pairwise(starts)):
        parts = (torch.from_numpy(part).to(device) for part in (rows[k], within[start:end], values[start:end]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its CSR tensors beta
            blocks.append(torch.sparse_csr_tensor(*parts, (n_columns, width)))
    return blocks


@compiled
def _sort_into_blocks(
    offsets: np.ndarray,
    features: np.ndarray,
    signs: np.ndarray,
    width: int,
    ends: np.ndarray,
    rows: np.ndarray,
    within: np.ndarray,
    values: np.ndarray,
) -> None:
    """Fill the last three: for every block where its rows end, and for its entries the column in the block, and the sign."""
    for row in range(len(offsets) - 1):
        for entry in range(offsets[row], offsets[row + 1]):
            block = features[entry] // width
            within[ends[block]] = features[entry] - block * width
            values[ends[block]] = signs[entry]
            ends[block] += 1
        for block in range(len(ends)):
            rows[block, row + 1] = ends[block]


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
