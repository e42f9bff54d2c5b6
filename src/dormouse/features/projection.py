"""Sparse random projection of features by the matrix that scikit-learn draws, but drawn in a fraction of its time, in blocks.

Entries are +-sqrt(1 / (density n_columns)) with density 1 / sqrt(n_features), and 0 elsewhere (Li, Hastie & Church 2006, KDD).
"""

import ctypes
import os
import warnings
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numba import njit
from numpy.random import _generator

KEPT_BYTES = 1 << 30  # of matrices that are kept for layers to come
# compiled code is kept beside the source, so that not every job compiles; numba may refuse where it cannot write there
compiled = njit(cache=os.access(Path(__file__).parent, os.W_OK))
# the function of binomial numbers that NumPy offers to compiled code (its manual, "Extending"); it keeps some numbers
_binomial = ctypes.CDLL(_generator.__file__).random_binomial
_binomial.argtypes, _binomial.restype = (ctypes.c_void_p, ctypes.c_double, ctypes.c_int64, ctypes.c_void_p), ctypes.c_int64
BINOMIAL_BYTES = 1024  # room for these, which take 136
MOST_SD = 20  # above the number of entries that is expected, so many standard deviations at most


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
    bits, density = generator.ctypes, 1.0 / np.sqrt(n_features)
    if n_features == 1:  # nothing is drawn where every entry is filled
        features, offsets = np.zeros(n_columns, np.int32), np.arange(n_columns + 1)
    else:
        expected = n_columns * n_features * density
        most = min(n_columns * n_features, int(expected + MOST_SD * np.sqrt(expected)))
        features, offsets = np.empty(most, np.int32), np.zeros(n_columns + 1, np.int64)
        kept = np.zeros(BINOMIAL_BYTES, np.uint8)
        addresses = bits.state_address, bits.bit_generator.value, kept.ctypes.data
        _draw_columns(bits.next_uint32, _binomial, *addresses, n_features, density, features, offsets)
        features = features[: offsets[-1]]
    signs = np.empty(len(features), np.int8)
    _draw_signs(bits.next_double, bits.state_address, signs)
    return offsets, features, signs


@compiled
def _draw_columns(
    next_bits: Callable,
    binomial: Callable,
    state: int,
    bit_generator: int,
    kept: int,
    n: int,
    density: float,
    features: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Draw the features of every column from the stream that scikit-learn draws from, in the same order.

    Parameters
    ----------
    next_bits, binomial : functions of NumPy, which take the addresses `state`, and `bit_generator` and `kept`
    features, offsets : are filled
    """
    mask, last_draw, numbers = 1, np.zeros(n, np.int32), np.empty(n, np.int32)
    while mask < n - 1:
        mask = mask << 1 | 1
    for column in range(len(offsets) - 1):
        k, start = binomial(bit_generator, density, n, kept), offsets[column]
        if start + k > len(features):
            raise OverflowError("more entries of a projection than can be by chance")
        drawn = features[start : start + k]
        if k <= 0.01 * n:
            _draw_distinct(next_bits, state, mask, last_draw, column + 1, drawn)
        else:
            for i in range(n):
                numbers[i] = i
            if k < n:
                _shuffle(next_bits, state, mask, numbers)
            drawn[:] = numbers[:k]
        offsets[column + 1] = start + k


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


@compiled
def _draw_signs(next_double: Callable, state: int, signs: np.ndarray) -> None:
    """Draw 1 or -1: a binomial number of one trial is whether the next uniform one is above a half."""
    for i in range(len(signs)):
        signs[i] = 1 if next_double(state) > 0.5 else -1


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
