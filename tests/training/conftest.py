"""Images and configuration that the tests of training share."""

import numpy as np
import pytest
import yaml

from dormouse.training.images import read_images


@pytest.fixture(scope="module")
def digits():
    return read_images("digits", None, 16)


@pytest.fixture(scope="module")
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


@pytest.fixture
def cifar(tmp_path):
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]:
        records = rng.integers(256, size=(3, 3073), dtype=np.uint8)
        records[:, 0] = [0, 9, 4]
        records.tofile(tmp_path / name)
    return tmp_path
