"""The kernels of all layers of a network, from one pass of its images or from several."""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Collection

import numpy as np
import pytest
import torch
from feature_matrices import EPS, IN_PARTS, SEED, assert_close, make_features, moments_of, zscored

from dormouse.errors import InputError
from dormouse.features import gram
from dormouse.features.kernels import stack
from dormouse.features.projection import Projections


class Collected(gram.Kernels):
    """Kernels that keep the layers that are finished."""

    def __init__(self, n_images: int, names: Collection[str], eps: float, seed: int):
        self.finished: list[dict] = []
        super().__init__(n_images, names, eps, seed, self.finished.append)

    def arrays(self) -> dict[str, np.ndarray]:
        return stack(self.finished)


def small_kernels(n_images: int, *names: str) -> Collected:
    return Collected(n_images, names, EPS, SEED)


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


def bytes_behind(values: np.ndarray) -> int:
    """What an array keeps in memory: a view keeps all that it is a view of."""
    owner = values if values.base is None else values.base
    return owner.untyped_storage().nbytes() if isinstance(owner, torch.Tensor) else owner.nbytes


@pytest.mark.parametrize("n_features", [300, 9000])
@pytest.mark.parametrize("mean", [0, 1000])
@pytest.mark.parametrize("images", [None, range(40)])
def test_what_is_known_of_a_layer_keeps_none_of_its_products(n_features, mean, images):
    """Sums of features are kept until the file is closed; as views of products they would grow with layers x images^2."""
    kernels = small_kernels(40, "srp", "zscore")
    kernels.add("Conv2d-1", [torch.from_numpy(make_features(40, n_features, seed=12) + np.float32(mean))], images)
    (layer,) = kernels.finished
    assert bytes_behind(layer["row_sum"]) == layer["row_sum"].nbytes
    assert all(bytes_behind(layer[name]) < 2 * layer[name].nbytes for name in ("centred", "srp", "zscore"))


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


WITHOUT_COMPILED_CODE = """
import gc, weakref
import torch
from dormouse.features.gram import Kernels

kernels, features = Kernels(3, ["srp"], 0.5, 0, lambda layer: None), torch.rand(3, 5000)
held = weakref.ref(features)
gc.disable()
kernels.add("Linear-1", [features])
del features
print(held())
"""


def test_compiling_the_first_projection_keeps_no_features(root, tmp_path):
    """Until garbage is collected: that may take long, and a first layer may have gigabytes."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(root / "src")}
    command = [sys.executable, "-c", WITHOUT_COMPILED_CODE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"
    assert list(tmp_path.rglob("*.nbi"))
