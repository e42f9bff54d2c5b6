"""Ridge scores lie in the row of their layer, neuron and kernel; scores of a site are means over its neurons."""

import numpy as np
import pytest
from ridge_data import make_data, predict_by_refits
from scipy.stats import pearsonr
from scoring import score_ridge


def make_kernels(kernels: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels of layers: `srp` as given, `zscore` in reverse order, so that the two differ in every layer."""
    return {
        "layer": np.array([f"Layer-{i}" for i in range(1, len(kernels) + 1)]),
        "block": np.array([f"block-{(i + 1) // 2}" for i in range(1, len(kernels) + 1)]),
        "block_depth": np.array([(i + 1) // 2 for i in range(1, len(kernels) + 1)]) / ((len(kernels) + 1) // 2),
        "path": np.array([f"features.{i}" for i in range(len(kernels))]),
        "effective_dimension": np.ones(len(kernels)),
        "n_features": np.arange(10, 10 + len(kernels)),
        "srp": np.stack(kernels),
        "zscore": np.stack(kernels)[::-1],
    }


def make_population(mean: np.ndarray, cortical_layer: list[str], area: list[str] | str = "VISp") -> dict[str, np.ndarray]:
    n_neurons = mean.shape[1]
    return {
        "mean": mean,
        "recording": np.full(n_neurons, "one"),
        "neuron": np.array([f"n{i}" for i in range(n_neurons)]),
        "animal": np.full(n_neurons, "m1"),
        "area": np.broadcast_to(area, n_neurons),
        "cortical_layer": np.array(cortical_layer),
    }


def test_scores_lie_in_the_row_of_their_layer_neuron_and_kernel():
    features = [make_data(n_features, seed=14)[0] for n_features in (5, 20, 60)]
    _, Y = make_data(1, seed=15, n_neurons=4)
    kernels = make_kernels([X @ X.T for X in features])
    population = make_population(Y, ["2/3", "4", "", "4"])
    table, _ = score_ridge(kernels, population, ["srp", "zscore"], penalty=2.0, min_neurons=1)
    assert len(table) == 3 * 4 * 2
    for (i, j), variant in ((place, variant) for place in np.ndindex(3, 4) for variant in ("srp", "zscore")):
        row = table[(table.layer == f"Layer-{i + 1}") & (table.neuron == f"n{j}") & (table.method == variant)].iloc[0]
        X = features[i if variant == "srp" else 2 - i]
        expected = pearsonr(predict_by_refits(X, Y[:, [j]], 2.0)[:, 0], Y[:, j]).statistic
        assert row.score == pytest.approx(expected, abs=1e-9)
        assert (row.layer_index, row.layer_depth, row.n_features) == (i + 1, (i + 1) / 3, 10 + i)
        assert (row.block, row.block_depth) == (f"block-{i // 2 + 1}", (i // 2 + 1) / 2)
        assert (row.recording, row.animal, row.area) == ("one", "m1", "VISp")
        assert row.cortical_layer == ["2/3", "4", "", "4"][j]


def test_sites_are_the_whole_area_and_layers_with_enough_neurons():
    X, _ = make_data(30, seed=16)
    _, Y = make_data(1, seed=17, n_neurons=9)
    Y[:, 8] = 0.1  # a neuron without a score counts nowhere
    population = make_population(Y, ["4", "2/3", "", "4", "5", "4", "", "", "5"])
    kernels = make_kernels([X @ X.T, np.eye(40)])
    table, means = score_ridge(kernels, population, ["srp", "zscore"], penalty=1.0, min_neurons=3)
    assert len(means) == 2 * 2 * 2 and set(means.cortical_layer) == {"all", "4"}
    for row in means.itertuples():
        cell = table[(table.layer == row.layer) & (table.method == row.method)].sort_values("neuron")
        inside = np.isin(cell.cortical_layer, ["4"] if row.cortical_layer == "4" else ["4", "2/3", "5", ""])
        assert row.n_neurons == (3 if row.cortical_layer == "4" else 8)
        assert row.score == pytest.approx(cell.score[inside].mean(), abs=1e-12)
        assert (row.area, row.n_features) == ("VISp", cell.n_features.iloc[0])


def test_sites_keep_areas_apart():
    X, Y = make_data(30, seed=19, n_neurons=5)
    population = make_population(Y, ["4", "4", "4", "2/3", "4"], area=["VISp", "VISp", "VISl", "VISl", "VISl"])
    table, means = score_ridge(make_kernels([X @ X.T]), population, ["srp"], penalty=1.0, min_neurons=2)
    r = table.score.to_numpy()
    expected = {("VISp", "all"): r[:2], ("VISp", "4"): r[:2], ("VISl", "all"): r[2:], ("VISl", "4"): r[[2, 4]]}
    found = {(row.area, row.cortical_layer): row.score for row in means.itertuples()}
    assert found == pytest.approx({site: scores.mean() for site, scores in expected.items()}, abs=1e-12)
