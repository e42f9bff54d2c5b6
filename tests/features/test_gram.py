"""What is left of a layer's features: kernels, row sums, projections and a fingerprint, from one reading in blocks."""

import tracemalloc
from collections.abc import Collection, Iterator
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch

from dormouse.errors import InputError
from dormouse.features import gram
from dormouse.features.kernels import stack
from dormouse.features.memory import PeakMemory
from dormouse.features.projection import Projections
from dormouse.features.standardisation import Moments

FLOAT32 = 1e-6  # relative to the largest entry: products of blocks are in float32
IN_PARTS = 1e-5  # z-scores by mean and sd from sums over parts: a column's variance may be 1 / n of what it is the rest of
EPS, SEED = 0.9, 0  # few projections: these tests ask little of them
SIZES = (1, 7, 4095, 4096, 4097, 9000)  # features, around the borders of blocks


def make_features(n_images: int, n_features: int, seed: int, offset: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.maximum(rng.standard_normal((n_images, n_features)) + rng.standard_normal(n_features), -0.5) + offset
    return X.astype(np.float32)


def reduced(*parts: np.ndarray | torch.Tensor, kernels: tuple[str, ...] = gram.PREDICTORS, **options) -> dict[str, np.ndarray]:
    parts = [torch.as_tensor(part) for part in parts]
    return gram.reduce(parts, kernels, Projections(40, SEED, gram.BLOCK, torch.device("cpu")), **options)


def centred(X: np.ndarray) -> np.ndarray:
    return X.shape[1] * np.atleast_2d(np.cov(X.astype(np.float64), bias=True))


def zscored(X: np.ndarray) -> np.ndarray:
    D = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    sd = np.sqrt(np.square(D).mean(axis=0))
    Z = D / np.where(np.ptp(X, axis=0) == 0, np.inf, sd)
    return Z @ Z.T


def gram_of(found: dict[str, np.ndarray], n_features: int) -> np.ndarray:
    return found["centred"] + np.outer(found["row_sum"], found["row_sum"]) / n_features


def assert_close(values: np.ndarray, expected: np.ndarray, relative: float = FLOAT32) -> None:
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, rtol=0, atol=relative * np.abs(expected).max())


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert values.tobytes() == expected[name].tobytes(), name


class Collected(gram.Kernels):
    """Kernels that keep the layers that are finished."""

    def __init__(self, n_images: int, names: Collection[str], eps: float, seed: int):
        self.finished: list[dict] = []
        super().__init__(n_images, names, eps, seed, self.finished.append)

    def arrays(self) -> dict[str, np.ndarray]:
        return stack(self.finished)


def small_kernels(n_images: int, *names: str) -> Collected:
    return Collected(n_images, names, EPS, SEED)


def identity(X: np.ndarray | torch.Tensor) -> bytes:
    return gram.reduce([torch.as_tensor(X)])["identity"].tobytes()


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
    for name in ("BLOCKS_AT_ONCE", "BLOCKS_PROJECTED", "STRIPS", "COPIED"):
        monkeypatch.setitem(getattr(gram, name), "cpu", getattr(gram, name)["cuda"])
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


def test_no_layer_is_copied_whole():
    parts = [torch.rand(4, 500, 1000).mT for _ in range(2)]
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
            gram.gather(parts, start, end, out)
            assert torch.equal(out, whole[:, start:end].T), (shape, start, end)


def test_some_features_are_those_of_the_flattened_layer_in_float32():
    X = torch.from_numpy(make_features(4, 120, seed=19)).to(torch.bfloat16)
    places = torch.tensor([0, 119, 17, 17, 60])
    found = gram.columns([X[:1].unflatten(1, (30, 4)), X[1:].unflatten(1, (30, 4)).mT.contiguous().mT], places)
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


# --- fingerprints


def test_layers_that_differ_in_the_last_bit_of_one_number_are_told_apart():
    X = make_features(3, 40, seed=7)
    seen = {identity(X)}
    for place in np.ndindex(X.shape):
        other = X.copy()
        other[place] = np.nextafter(other[place], np.float32(np.inf))
        seen.add(identity(other))
    assert len(seen) == X.size + 1


@pytest.mark.parametrize("column", [0, 1, 4099, 19998, 19999])
def test_layers_of_many_features_that_differ_in_the_last_bit_of_one_are_told_apart(column):
    X = make_features(4, 20000, seed=8)
    other = X.copy()
    other[2, column] = np.nextafter(other[2, column], np.float32(np.inf))
    assert identity(X) == identity(X.copy()) != identity(other)


def test_layers_of_the_same_features_in_another_order_are_told_apart():
    X = torch.from_numpy(make_features(4, 20000, seed=9)).reshape(4, 80, 250)
    assert identity(X) != identity(X.mT)


def test_the_order_of_images_is_part_of_a_fingerprint():
    X = make_features(4, 50, seed=9)
    assert identity(X) != identity(X[::-1].copy())


def test_zeros_of_either_sign_are_told_apart():
    assert identity(np.zeros((3, 2000), np.float32)) != identity(-np.zeros((3, 2000), np.float32))


def test_a_layer_has_a_fingerprint_however_many_its_features():
    """Above 2^24 float32 numbers skip places, the last among them."""
    for n in (2**24 + 4, 2**31 + 7):
        places = gram.spread(n, gram.N_PROBES)
        assert len(places) == gram.N_PROBES and (places[0], places[-1]) == (0, n - 1)
        steps = places.diff()
        assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize("n", [1, 2, 511, 512])
def test_every_feature_of_a_small_layer_is_probed(n):
    assert gram.spread(n, gram.N_PROBES).tolist() == list(range(n))


# --- kernels of all layers


def test_a_layer_equal_to_an_earlier_one_is_dropped():
    X = torch.from_numpy(make_features(5, 50, seed=6))
    kernels = small_kernels(5)
    for name, features in (("Conv2d-1", X), ("ReLU-1", X.relu()), ("Dropout-1", X.clone()), ("ReLU-2", X.relu())):
        kernels.add(name, [features])
    assert list(kernels.arrays()["layer"]) == ["Conv2d-1", "ReLU-1"]


def test_layers_of_zeros_and_of_other_sizes_are_kept():
    kernels = small_kernels(5)
    for n_features in (5000, 6000):
        kernels.add(f"ReLU-{n_features}", [torch.zeros(5, n_features)])
    assert list(kernels.arrays()["n_features"]) == [5000, 6000]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [49, 8999])
def test_features_that_are_not_finite_are_refused_by_layer(value, column):
    X = make_features(5, column + 1, seed=10)
    X[3, column] = value
    with pytest.raises(InputError, match=r"^layer Conv2d-7: features are not finite"):
        small_kernels(5).add("Conv2d-7", [torch.from_numpy(X)])


def test_arrays_hold_every_kernel_of_every_layer_in_order_of_computation():
    features = [make_features(6, n_features, seed=11) for n_features in (30, 10, 20)]
    kernels = Collected(6, ("srp", "zscore"), 0.5, seed=3)
    names = ["Conv2d-1", "ReLU-1", "Linear-1"]
    for name, X in zip(names, features, strict=True):
        kernels.add(name, [torch.from_numpy(X)])
    arrays = kernels.arrays()
    assert set(arrays) == {"layer", "n_features", "effective_dimension", "row_sum", "centred", "zscore", "srp"}
    assert list(arrays["layer"]) == names
    assert list(arrays["n_features"]) == [30, 10, 20]
    projections = Projections(kernels.projections.n_columns, 3, gram.BLOCK, torch.device("cpu"))
    for i, X in enumerate(features):
        found = gram.reduce([torch.from_numpy(X)], gram.PREDICTORS, projections)
        for name in ("row_sum", "centred", "zscore"):
            np.testing.assert_array_equal(arrays[name][i], found[name])
        assert_close(arrays["srp"][i], zscored(found["projected"]))
    assert all(arrays[name].shape == (3, 6, 6) for name in ("centred", "zscore", "srp"))


def test_kernels_that_are_not_asked_for_are_no_arrays():
    kernels = small_kernels(5, "srp")
    kernels.add("Conv2d-1", [torch.from_numpy(make_features(5, 50, seed=11))])
    assert set(kernels.arrays()) == {"layer", "n_features", "effective_dimension", "row_sum", "centred", "srp"}


# --- several passes

PASSES = {
    "three groups": [(0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 0, 1)],
    "pairs": [(i, j) for j in range(6) for i in range(j)],
    "in any order": [(3, 0, 5, 2), (1, 3, 4, 0), (5, 4, 2, 1), (0, 1, 2, 3, 4, 5)],
}


def moments_of(X: torch.Tensor) -> tuple[torch.Tensor, ...]:
    moments = Moments()
    for part in X.split(2):
        moments.add(part)
    return moments.result()


@pytest.mark.parametrize("passes", PASSES)
def test_passes_in_which_every_two_images_meet_give_the_kernels_of_one(passes):
    layers = [torch.from_numpy(make_features(6, p, seed=24)) for p in (5000, 30)]
    layers.insert(1, layers[0].clone())
    in_one, in_several = (small_kernels(6, *gram.PREDICTORS) for _ in range(2))
    for k, X in enumerate(layers):
        in_one.add(f"ReLU-{k}", [X])
    for images in PASSES[passes]:
        for k, X in enumerate(layers):
            in_several.add(f"ReLU-{k}", X[list(images)].split(3), images, moments_of(X))
    expected, found = in_one.arrays(), in_several.arrays()
    assert found.keys() == expected.keys()
    assert list(found["layer"]) == list(expected["layer"]) == ["ReLU-0", "ReLU-2"]
    for k in range(2):
        for name in ("row_sum", "centred", "srp"):
            assert_close(found[name][k], expected[name][k])
        assert_close(found["zscore"][k], expected["zscore"][k], IN_PARTS)


def test_a_layer_that_differs_in_one_image_of_the_last_pass_is_kept():
    X = torch.from_numpy(make_features(6, 50, seed=25))
    other = X.clone()
    other[5, 7] += 1
    kernels = small_kernels(6)
    for images in PASSES["pairs"]:
        for name, features in (("Conv2d-1", X), ("Conv2d-2", other)):
            kernels.add(name, [features[list(images)]], images)
    assert list(kernels.arrays()["layer"]) == ["Conv2d-1", "Conv2d-2"]


def test_of_a_layer_that_every_image_was_seen_of_nothing_is_kept_but_kernels():
    """Projections and fingerprints of many images are larger."""
    X = torch.from_numpy(make_features(30, 600, seed=26))
    kernels = Collected(30, ["srp"], 0.3, SEED)
    identities, projections = 30 * gram.N_PROBES * 4, 30 * kernels.projections.n_columns * 4
    assert min(identities, projections) > 40_000
    kernels.projections(600)
    tracemalloc.start()
    try:
        for images in PASSES["three groups"]:
            images = np.concatenate([np.arange(30)[k::6] for k in images])
            kernels.add("Conv2d-1", [X[images]], images)
        assert tracemalloc.get_traced_memory()[0] < 40_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("passes", [[range(100)], [range(60), range(40, 100), [*range(40), *range(60, 100)]]])
def test_of_a_layer_that_was_handed_on_nothing_is_kept(passes):
    features = [torch.from_numpy(make_features(100, 50, seed=k)) for k in range(5)]
    kernels = gram.Kernels(100, ["srp"], EPS, SEED, lambda layer: finished.append(layer["layer"]))
    finished: list[str] = []
    kernels.projections(50)
    tracemalloc.start()
    try:
        for images in passes:
            for k, X in enumerate(features):
                kernels.add(f"ReLU-{k}", [X[list(images)]], images)
        assert tracemalloc.get_traced_memory()[0] < 40_000 < features[0].shape[0] ** 2 * 8
    finally:
        tracemalloc.stop()
    assert finished == [f"ReLU-{k}" for k in range(5)]


# --- mean and sd of parts


@pytest.mark.parametrize("offset", [0, 1000])
def test_mean_and_sd_of_parts_are_those_of_all_images(offset):
    X = make_features(40, 300, seed=27, offset=offset)
    X[1:, 1] = X[0, 1] - 50  # the first image far from all others
    X[:, ::50] = np.resize([0.0, 1.0, 0.1, -7.3, 1e4 + 0.1, 1 / 3], 6)
    moments = Moments()
    for start, end in pairwise((0, 1, 17, 39, 40)):
        moments.add(torch.from_numpy(X[start:end]).unflatten(1, (30, 10)))
    first, mean, sd = (values.numpy() for values in moments.result())
    whole = X.astype(np.float64)
    np.testing.assert_array_equal(first, X[0])
    np.testing.assert_allclose(mean, (whole - whole[0]).mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(sd[::50], 0.0)
    varied = np.delete(np.arange(300), np.s_[::50])
    np.testing.assert_allclose(sd[varied], whole[:, varied].std(axis=0), rtol=IN_PARTS)


def test_zscores_by_given_moments_are_those_of_all_images():
    X = torch.from_numpy(make_features(12, 5000, seed=28))
    X[:, 7] = 0.1
    found = reduced(X[:5], kernels=("zscore",), moments=moments_of(X))["zscore"]
    assert_close(found, zscored(X.numpy())[:5, :5], IN_PARTS)


def test_columns_that_vary_little_beside_their_mean_are_zscored_by_given_moments():
    """A mean in float32 would be off by a two-thousandth of their sd."""
    X = torch.from_numpy(make_features(12, 60, seed=28, offset=1e4))
    assert_close(reduced(X, kernels=("zscore",), moments=moments_of(X))["zscore"], zscored(X.numpy()), IN_PARTS)


def test_mean_and_sd_of_features_in_half_precision_are_in_float32():
    X = torch.from_numpy(make_features(40, 300, seed=29)).to(torch.bfloat16)
    assert all(map(torch.equal, moments_of(X), moments_of(X.float())))
