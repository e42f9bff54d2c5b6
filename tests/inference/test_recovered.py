"""How often simulated neurons are traced back: shares against a loop, intervals against the formula of Wilson."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm

from dormouse.inference.recovered import LAYER, NETWORK, shares_recovered


def simulations(right, right_layer, n, **place):
    """Rows of which so many name the network, and of these so many the layer; the last of them names none."""
    rows = [{"model": "a", "layer": "x", "recovered": "b", "recovered_layer": "x", "n_models": 4} | place for _ in range(n)]
    for k in range(right):
        rows[k] |= {"recovered": "a", "recovered_layer": "x" if k < right_layer else "y"}
    rows[-1] |= {"recovered": None, "recovered_layer": None}
    return rows


def wilson(k, n):
    z = norm.ppf(0.975)
    middle = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return middle - half, middle + half


@pytest.mark.parametrize(("right", "right_layer"), [(0, 0), (5, 2), (11, 11)])
def test_shares_and_intervals(right, right_layer):
    rows = simulations(right, right_layer, 12, method="m", area="A") + simulations(3, 1, 7, method="m", area="B")
    table = pd.DataFrame(rows)
    found = shares_recovered(table, ["method", "area"]).set_index(["right", "area"])
    for what, count in ((NETWORK, right), (LAYER, right_layer)):
        row = found.loc[(what, "A")]
        assert (row.n, row.share) == (12, pytest.approx(count / 12))
        assert (row.low, row.high) == pytest.approx(wilson(count, 12), abs=1e-12)
        other = binomtest(count, 12).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((other.low, other.high), abs=1e-9)
    assert found.chance[NETWORK].tolist() == [0.25, 0.25] and found.chance[LAYER].isna().all()
    pooled = shares_recovered(table, ["method"]).set_index("right")
    assert pooled.n.tolist() == [19, 19] and pooled.share[NETWORK] == pytest.approx((right + 3) / 19)


def test_the_interval_covers():
    rng, share, n = np.random.default_rng(0), 0.3, 30
    rows = [
        {"model": "a", "layer": "x", "recovered": "a" if rng.random() < share else "b", "recovered_layer": "x"}
        | {"n_models": 4, "study": study}
        for study in range(1000)
        for _ in range(n)
    ]
    found = shares_recovered(pd.DataFrame(rows), ["study"]).query("right == @NETWORK")
    assert 0.93 < ((found.low <= share) & (share <= found.high)).mean() < 0.98
