"""Fixtures that the tests of plans and of scratch share."""

import numpy as np
import pytest

from dormouse.features import scratch
from dormouse.features.plan import MOVING_BYTES


@pytest.fixture(autouse=True)
def temporary_folders_count_as_disks(monkeypatch) -> None:
    """Let features wait in temporary folders, which lie in memory on some systems, unless a test says otherwise."""
    monkeypatch.setattr(scratch, "IN_MEMORY", ())


@pytest.fixture
def many_may_move(monkeypatch) -> None:
    """Let memory alone say how many images move at once, unless a test says otherwise."""
    monkeypatch.setitem(MOVING_BYTES, "cpu", np.inf)
