"""One reading of a layer in blocks gives the kernels and sums of the whole matrix of its features."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
import torch
from feature_matrices import SEED, assert_close, centred, make_features, reduced, zscored

from dormouse.features import gram
from dormouse.features import parts as in_parts
from dormouse.features.memory import PeakMemory
from dormouse.features.projection import Projections

SIZES = (1, 7, 4095, 4096, 4097, 9000)  # features, around the borders of blocks


def gram_of(found: dict[str, np.ndarray], n_features: int) -> np.ndarray:
    return found["centred"] + np.outer(found["row_sum"], found["row_sum"]) / n_features


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert values.tobytes() == expected[name].tobytes(), name


@pytest.fixture
def threads() -> Iterator:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


# --- numbers


@pytest.mark.parametrize("n_features", SIZES)
def test_kernels_in_blocks_are_those_of_the_whole_matrix(n_features):
    X = make_features(12, n_features, seed=0)
    if n_features > 5:
        X[:, 5] = 0.0
    found = reduced(X)
    whole = X.astype(np.float64)
    assert_close(gram_of(found, n_features), whole @ whole.T)
    assert_close(found["centred"], centred(X))
    assert_close(found["row_sum"], whole.sum(axis=1))
    assert_close(found["zscore"], zscored(X))


@pytest.mark.parametrize("block", [4096, 1000, 64, 1])
def test_the_size_of_blocks_does_not_change_the_kernels(monkeypatch, block):
    X = make_features(12, 3001 if block > 1 else 7, seed=1)
    at_once = reduced(X)
    monkeypatch.setattr(gram, "FEW", 0)
    monkeypatch.setattr(gram, "BLOCK", block)
    found = reduced(X)
    for name in ("centred", "row_sum", "zscore"):
        assert_close(found[name], at_once[name])
    assert_close(found["projected"].astype(np.float64), at_once["projected"])
    assert np.array_equal(found["identity"], at_once["identity"])


@pytest.mark.parametrize("n_features", [700, 4096, 9000, 70_000])
def test_blocks_as_on_a_gpu_give_the_same_kernels(monkeypatch, n_features):
    """And those on a GPU itself are tested where there is one."""
    X = make_features(40, n_features, seed=24)
    expected = reduced(X)
    for limits in (gram.BLOCKS_AT_ONCE, gram.BLOCKS_PROJECTED, gram.STRIPS, in_parts.COPIED):
        monkeypatch.setitem(limits, "cpu", limits["cuda"])
    device, width = torch.device("cpu"), gram.BLOCK * gram.BLOCKS_PROJECTED["cuda"]
    found = gram.reduce([torch.from_numpy(X)], gram.PREDICTORS, Projections(40, SEED, width, device))
    for name, values in expected.items():
        assert_close(found[name].astype(np.float64), values)
    assert np.array_equal(found["identity"], expected["identity"])


@pytest.mark.parametrize("offset", [3, 30, 1000])
def test_centred_gram_is_the_covariance_of_images_however_large_their_mean(offset):
    X = make_features(9, 5000, seed=12, offset=offset)
    found = reduced(X)
    assert_close(found["centred"], centred(X))
    assert_close(found["row_sum"], X.sum(axis=1, dtype=np.float64))


def test_zeros_behind_a_relu_stay_zeros():
    """About its mean each image would have one number in most places, whose rounding adds up: 1.4e-6 here."""
    X = np.random.default_rng(11).standard_normal((12, 40000)).clip(min=1) - 1
    X[0] += 10  # about its mean
    X = X.astype(np.float32)
    assert_close(reduced(X)["centred"][1:, 1:], centred(X)[1:, 1:])


def test_features_behind_a_sigmoid_are_correlated_as_exactly_as_others():
    X = 1 / (1 + np.exp(-0.01 * make_features(9, 5000, seed=13) - 2))
    assert_close(reduced(X)["centred"], centred(X))


def test_images_far_above_zero_are_centred_beside_others_that_are_not():
    X = make_features(10, 5000, seed=14)
    X[::2] = X[::2] * np.float32(1e-2) + np.float32(10)
    found, expected = reduced(X), centred(X)
    for rows, columns in ((0, 0), (0, 1), (1, 1)):
        assert_close(found["centred"][rows::2, columns::2], expected[rows::2, columns::2])
    assert_close(found["row_sum"], X.sum(axis=1, dtype=np.float64))


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e4 + 0.1])
def test_an_image_of_one_number_has_no_variance_left(value):
    X = make_features(5, 6000, seed=15)
    X[2] = value
    np.testing.assert_array_equal(reduced(X)["centred"][2], 0.0)


def test_constant_columns_are_no_part_of_the_zscored_kernel():
    X, constants = make_features(119, 400, seed=3), [0.0, 1.0, 0.1, -7.3, 1e4 + 0.1, 1 / 3]
    X[:, ::50] = np.resize(constants, 8)
    assert_close(reduced(X)["zscore"], zscored(np.delete(X, np.s_[::50], axis=1)))
    np.testing.assert_array_equal(reduced(X[:, ::50].copy())["zscore"], 0.0)


def test_columns_that_vary_little_beside_their_mean_are_zscored():
    X = make_features(40, 300, seed=4, offset=1e3)
    assert_close(reduced(X)["zscore"], zscored(X))


def test_kernels_that_are_not_asked_for_are_not_made():
    X = make_features(5, 50, seed=16)
    always = {"centred", "row_sum", "identity"}
    for kernels, more in (((), set()), (("srp",), {"projected"}), (("zscore",), {"zscore"})):
        found = reduced(X, kernels=kernels)
        assert found.keys() == always | more
        assert_same(found, {name: values for name, values in reduced(X).items() if name in found})


# --- parts


@pytest.mark.parametrize("sizes", [(10,), (3, 1, 6), (1,) * 10])
def test_images_in_parts_give_the_same_numbers_as_all_at_once(sizes):
    X = make_features(10, 9000, seed=17)
    assert_same(reduced(*np.split(X, np.cumsum(sizes)[:-1])), reduced(X))


LAYOUTS = {
    "channels last": lambda x: x.unflatten(1, (18, 25, 20)).to(memory_format=torch.channels_last),
    "transposed": lambda x: x.unflatten(1, (90, 100)).transpose(1, 2),
    "turned about": lambda x: x.unflatten(1, (18, 25, 20)).permute(0, 3, 1, 2),
    "images in the last axis": lambda x: x.T.contiguous().T,
    "images in the middle": lambda x: x.unflatten(1, (90, 100)).transpose(0, 1).contiguous().transpose(0, 1),
    "windows of images": lambda x: x.reshape(-1, 30, 30).unflatten(0, (len(x), -1)),
    "images of windows": lambda x: (
        x.unflatten(1, (10, 900)).transpose(0, 1).flatten(0, 1).unflatten(0, (10, -1)).movedim(1, 0)
    ),
    "every other feature": lambda x: x.repeat_interleave(2, dim=1)[:, ::2],
    "one feature for all places": lambda x: x[:, :90, None].expand(-1, -1, 100),
    "a part of a map": lambda x: torch.nn.functional.pad(x.unflatten(1, (18, 25, 20)), (1, 2, 3, 4))[:, :, 3:28, 1:21],
}


@pytest.mark.parametrize("sizes", [(4, 3), (2, 1), (1, 2)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_features_are_read_in_the_order_of_the_flattened_layer_however_they_lie_in_memory(layout, sizes):
    parts = [LAYOUTS[layout](torch.from_numpy(make_features(n, 9000, seed=18 + n))) for n in sizes]
    assert layout == "windows of images" or not parts[np.argmax(sizes)].is_contiguous()
    assert_same(reduced(*parts), reduced(*(part.flatten(1).contiguous() for part in parts)))


@pytest.mark.parametrize(("drawn", "width"), [(torch.randn, 1000), (torch.rand, 4000)], ids=["float32", "float64"])
def test_no_layer_is_copied_whole(drawn, width):
    parts = [drawn(4, 500, width).mT for _ in range(2)]
    with PeakMemory() as counted:
        gram.reduce(parts)
    assert counted.peak < parts[0].nbytes / 4


def test_every_range_of_features_is_found_in_a_layer_of_any_shape():
    for shape in ((24,), (2, 12), (3, 4, 2), (2, 1, 3, 4), (1, 24), (24, 1)):
        whole = torch.arange(3 * 24.0).reshape(3, 24)
        parts = [
            whole[:1].reshape(1, *shape),
            whole[1:].reshape(2, *shape).mT.contiguous().mT if len(shape) > 1 else whole[1:],
        ]
        for start, end in combinations(range(25), 2):
            out = torch.full((end - start, 3), torch.nan)
            in_parts.gather(parts, start, end, out)
            assert torch.equal(out, whole[:, start:end].T), (shape, start, end)


def test_some_features_are_those_of_the_flattened_layer_in_float32():
    X = torch.from_numpy(make_features(4, 120, seed=19)).to(torch.bfloat16)
    places = torch.tensor([0, 119, 17, 17, 60])
    found = in_parts.columns([X[:1].unflatten(1, (30, 4)), X[1:].unflatten(1, (30, 4)).mT.contiguous().mT], places)
    assert found.dtype == torch.float32 and torch.equal(found, X[:, places].float())


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_features_in_half_precision_are_those_numbers_in_float32(precision, mixed):
    """Where the network runs in half precision, reducing must not."""
    parts = [torch.from_numpy(make_features(n, 5000, seed=20 + n)).to(precision).unflatten(1, (50, 100)).mT for n in (4, 3)]
    expected = reduced(*(part.float() for part in parts))
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        assert_same(reduced(*parts), expected)
        assert torch.is_autocast_enabled("cpu") == mixed


# --- threads


def test_the_number_of_threads_does_not_change_the_kernels(threads):
    X = make_features(12, 9 * gram.BLOCK + 5, seed=21)
    found = {}
    for n in (1, 2):
        threads(n)
        found[n] = reduced(X)
        assert_same(reduced(X), found[n])
        assert torch.get_num_threads() == n
    for name, values in found[1].items():
        assert_close(found[2][name].astype(np.float64), values)
    assert np.array_equal(found[1]["identity"], found[2]["identity"])


@pytest.mark.parametrize("n", [1, 2])
def test_features_are_left_as_they_are(threads, n):
    threads(n)
    parts = [torch.from_numpy(make_features(n, 9000, seed=22, offset=100)) for n in (4, 1)]
    before = [part.clone() for part in parts]
    reduced(*parts)
    assert all(map(torch.equal, parts, before))


def test_nothing_of_the_features_is_kept():
    """What a layer put out is often overwritten by the next."""
    X = torch.from_numpy(make_features(6, 500, seed=23))
    found, untouched = reduced(X), reduced(X.clone())
    X.zero_()
    assert_same(found, untouched)
