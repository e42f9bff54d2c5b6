"""What tables say of what the data can decide, in a run of pixels and one small network over two areas."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def check_judgement(tables: Mapping[str, pd.DataFrame], methods: Sequence[str]) -> None:
    recovery, apart, power, curves = (tables[name] for name in ("recovery", "discriminability", "power", "learning_curves"))
    assert all(set(table.method) == set(methods) for table in (recovery, apart, power, curves))
    assert set(recovery.model) == {"pixels", "small"} and set(recovery.n_models) == {2}
    assert recovery.recovered.notna().all() and (recovery.recovered == recovery.model).mean() > 0.5
    assert apart.d_prime.isna().all() and set(apart.n_families) == {2}  # no family has two networks
    assert set(recovery.area) == set(power.area) == set(curves.area) == {"VISp", "VISl"}
    assert power.own.sum() == 2 * len(methods)
    assert set(curves.axis) == {"images", "neurons", "trials"} and curves["mean"].notna().all()
    whole = curves[curves.axis == "trials"].sort_values("n").groupby(["method", "model", "area"]).tail(1)
    both = whole.merge(tables["best_layers"], on=["method", "model", "area", "cortical_layer"], validate="one_to_one")
    np.testing.assert_allclose(both["mean"], both.score, atol=1e-9)
