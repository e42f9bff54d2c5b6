"""Numbers are the same on CPU and GPU, within a stated tolerance."""

import numpy as np
import pytest
import torch
from networks import make_images, random_network

from dormouse.features import extraction
from dormouse.features.gram import PREDICTORS
from dormouse.features.plan import Plan, designs
from dormouse.features.survey import survey

TOLERANCE = 1e-4  # relative to the largest entry of a layer's kernel: float32 convolutions sum in other orders
IN_PASSES = 1e-5  # the same between plans of one device: other sizes of batches, and sd from sums over parts
N_IMAGES, SIZE = 20, 96

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]


def extracted(precision: str = "float32") -> dict[str, np.ndarray]:
    images = make_images(N_IMAGES, SIZE, seed=0)
    return extraction.extract(
        random_network("resnet18"), images, "all", PREDICTORS, eps=0.5, seed=0, threads=2, precision=precision
    )


@pytest.fixture(scope="module")
def on_gpu() -> dict[str, np.ndarray]:
    return extracted()


def assert_close(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float) -> None:
    assert found["layer"].tolist() == expected["layer"].tolist()
    assert found["n_features"].tolist() == expected["n_features"].tolist()
    for name in ("centred", *PREDICTORS):
        scale = np.abs(expected[name]).max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(found[name] / scale, expected[name] / scale, rtol=0, atol=tolerance, err_msg=name)


def test_kernels_agree_between_cpu_and_gpu(monkeypatch, on_gpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert_close(on_gpu, extracted(), TOLERANCE)


@pytest.mark.parametrize(("n_passes", "n_groups", "batch"), [(1, 1, 4), (3, 1, 8), (7, 2, 4), (13, 1, 1)])
def test_every_plan_gives_the_same_kernels_on_a_gpu(monkeypatch, on_gpu, n_passes, n_groups, batch):
    network, images = random_network("resnet18"), make_images(N_IMAGES, SIZE, seed=0)
    names = [layer.name for layer in survey(network, torch.from_numpy(images)).layers]
    groups = [frozenset(group.tolist()) for group in np.array_split(names, n_groups)]
    passes = next(passes for passes in designs(N_IMAGES) if len(passes) == n_passes)
    monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: Plan(passes, groups, batch, 0, 0))
    assert_close(extracted(), on_gpu, IN_PASSES)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_gives_about_the_same_kernels_on_a_gpu(on_gpu, precision):
    half = extracted(precision)
    place = {layer: k for k, layer in enumerate(on_gpu["layer"])}
    # normalisations of an untrained network divide by sqrt(1 + 1e-5), which is 1 in half precision: they repeat their input
    assert place.keys() - half["layer"] == {layer for layer in place if layer.startswith("BatchNorm")}
    for layer, b in zip(half["layer"], half["srp"], strict=True):
        a = on_gpu["srp"][place[layer]]
        assert not np.array_equal(a, b)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99
