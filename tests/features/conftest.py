"""A fixture that the tests of plans share."""

import numpy as np
import pytest

from dormouse.features.plan import MOVING_BYTES


@pytest.fixture
def many_may_move(monkeypatch) -> None:
    """Let memory alone say how many images move at once, unless a test says otherwise."""
    monkeypatch.setitem(MOVING_BYTES, "cpu", np.inf)
