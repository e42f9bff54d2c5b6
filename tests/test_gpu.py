"""Numbers are the same on CPU and GPU, within a stated tolerance."""

import numpy as np
import pytest
import torch

from dormouse.features import extract, stream
from dormouse.gram import Kernels
from dormouse.models.build import build

TOLERANCE = 1e-4  # relative to the largest entry of a layer's kernel: float32 convolutions sum in other orders


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_kernels_agree_between_cpu_and_gpu():
    inputs = np.random.default_rng(0).standard_normal((20, 3, 96, 96)).astype(np.float32)
    spec = {"source": "torchvision", "name": "resnet18", "file": None, "seed": 0}
    on_gpu = extract(build(spec), inputs, "all", eps=0.5, seed=0, threads=2)
    on_cpu = Kernels(eps=0.5, seed=0)
    stream(build(spec), torch.from_numpy(inputs), on_cpu.add, "all")
    for name in ("centred", "srp", "zscore"):
        expected = on_cpu.arrays()[name]
        scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(on_gpu[name] / scale, expected / scale, atol=TOLERANCE)
