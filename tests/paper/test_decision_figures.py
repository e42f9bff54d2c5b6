"""Figures of what data can decide: shares, curves and counts are what the tables say."""

import numpy as np
import pytest
from few_networks import AREAS
from layered_scores import layered
from matplotlib.collections import FillBetweenPolyCollection, LineCollection

from dormouse.paper.figures import discriminability, learning_curves, power, recovery
from dormouse.paper.figures.style import NotDrawn, plt


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def segments(ax):
    found = [line for part in ax.collections if isinstance(part, LineCollection) for line in part.get_segments()]
    return np.array([line for line in found if len(line)])


def simulated(method, area, right, right_layer, n=8):
    """Simulations from two networks by turns, of which so many are named rightly; else the other one is named."""
    rows = []
    for k in range(n):
        model, other = ("a", "b")[k % 2], ("b", "a")[k % 2]
        row = {"method": method, "area": area, "cortical_layer": "all", "simulation": k, "model": model, "layer": "x"}
        row |= {"recovered": model if k < right else other, "recovered_layer": "x" if k < right_layer else "y", "n_models": 2}
        rows.append(row)
    return rows


def test_recovery_has_shares_by_method_and_area_and_a_matrix_of_networks():
    rows = simulated("first", "VISp", 6, 2) + simulated("first", "VISl", 3, 3) + simulated("second", "VISp", 8, 8)
    figure = recovery.plot(layered(["a", "b"], recovery=rows))
    over_all, first, second, matrix, of_second = figure.axes
    marks = {line.get_label(): line.get_xydata()[:, 0] for line in over_all.lines}
    np.testing.assert_allclose(marks["network, 95 % interval"], [9 / 16, 1])
    np.testing.assert_allclose(marks["network and layer, 95 % interval"], [5 / 16, 1])
    assert [text.get_text() for text in over_all.get_yticklabels()] == ["First", "Second"]
    np.testing.assert_allclose(sorted(first.lines[0].get_xdata()), [3 / 8, 6 / 8])
    np.testing.assert_allclose(second.lines[0].get_xdata(), [1])
    chance = [line for line in first.lines if "chance" in line.get_label()]
    assert len(chance) == 1 and set(chance[0].get_xdata()) == {0.5}
    shares = recovery.data(layered(["a", "b"], recovery=rows))
    shares = shares.query("mark == 'share' and area == 'VISp' and method == 'first'")
    drawn = {tuple(np.round(line[:, 0], 12)) for line in segments(first)}
    assert {(round(row.low, 12), round(row.high, 12)) for row in shares.itertuples()} <= drawn
    counts = {(text.get_position()[::-1], text.get_text()) for text in matrix.texts}  # of VISp: 3 of 4 each; of VISl: a 2, b 1
    assert counts == {((0, 0), "5"), ((0, 1), "3"), ((1, 0), "4"), ((1, 1), "4")}
    assert {text.get_text() for text in of_second.texts} == {"4"}
    assert "8 simulations" in figure.get_suptitle() and "2 networks" in figure.get_suptitle()
    with pytest.raises(NotDrawn, match="no neurons were simulated"):
        recovery.data(layered(["a"], recovery=[]))


def test_a_network_that_no_method_named_is_wrong_and_in_no_matrix():
    rows = simulated("first", "VISp", 4, 4, n=4)
    rows[0]["recovered"] = rows[0]["recovered_layer"] = None
    found = recovery.data(layered(["a", "b"], recovery=rows))
    assert found[(found.mark == "share") & (found.right == "network")].share.tolist() == [0.75, 0.75]
    assert found[found.mark == "count"].n.sum() == 3


def test_discriminability_has_a_dot_for_each_method_and_area():
    rows = [
        {"method": method, "area": area, "cortical_layer": "all", "auc": 0.5 + 0.1 * k + 0.01 * a, "d_prime": k + 0.1 * a}
        | {"n_within": 4, "n_between": 12 + a, "n_families": 2}
        for k, method in enumerate(("first", "second"))
        for a, area in enumerate(AREAS)
    ]
    tables = layered(["a"], discriminability=rows)
    figure = discriminability.plot(tables)
    for column, ax in zip(("auc", "d_prime"), figure.axes, strict=True):
        for area in AREAS:
            (line,) = [line for line in ax.lines if line.get_label() == area]
            np.testing.assert_allclose(line.get_xdata(), [row[column] for row in rows if row["area"] == area])
            assert np.round(line.get_ydata()).tolist() == [0, 1]
    assert "4 scores within families, 12 to 13 between; 2 families" in figure.get_suptitle()
    with pytest.raises(NotDrawn, match="no two families"):
        discriminability.data(layered(["a"], discriminability=[row | {"auc": None, "d_prime": None} for row in rows]))


def studies(layers=("all",), animals=(3, 6, 12), images=(50, 118)):
    return [
        {"method": "first", "area": area, "cortical_layer": layer, "statistic": "mean_over_animals", "over": "some"}
        | {"n_animals": n, "n_images": m, "own": (n, m) in ((6, 118), (None, 118)), "n_pairs": 10}
        | {"smallest": 1 / (n or 1) + 1 / m + 0.1 * k**2, "lowest": 0.01, "highest": 2.0}
        for area in AREAS
        for k, layer in enumerate(layers)
        for n in animals
        for m in images
    ]


def differences(layers=("all",)):
    return [
        {"method": "first", "model": "a", "other": other, "area": area, "cortical_layer": layer, "statistic": statistic}
        | {"difference": value * (9 if statistic == "pooled" else 1)}
        for area in AREAS
        for layer in layers
        for other, value in (("b", -0.2), ("mouse-1", 0.05))
        for statistic in ("mean_over_animals", "pooled")
    ]


def test_power_has_a_line_for_each_number_of_images_and_the_data_beside_what_was_observed():
    figure = power.plot(layered(["a"], power=studies(), differences=differences()))
    ax = figure.axes[1]
    lines = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(lines, [[(n, 1 / n + 1 / m) for n in (3, 6, 12)] for m in (50, 118)])
    (own,) = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(own, [(6, 1 / 6 + 1 / 118)])
    assert [text.get_text() for text in ax.texts] == [f"{1 / 6 + 1 / 118:.2f}"]
    bands = [part for part in ax.collections if isinstance(part, FillBetweenPolyCollection)]
    assert len(bands) == 1 and bands[0].get_paths()[0].vertices[:, 1].max() == 2  # for the images of the data alone
    (beside,) = ax.child_axes
    counts, edges, _ = beside.patches[0].get_data()
    within = [(edges[:-1] <= value) & (value <= edges[1:]) for value in (0.05, 0.2)]  # of the mean over animals
    assert counts.sum() == 2 and [counts[place].tolist() for place in within] == [[1], [1]]
    assert edges[-1] == pytest.approx(0.2) and edges[-1] <= ax.get_ylim()[1]


def test_power_over_images_alone_is_over_images_and_parts_of_an_area_share_a_line():
    tables = layered(["a"], power=studies(("2/3", "4", "5"), animals=(None,), images=(50, 118, 500)), differences=[])
    figure = power.plot(tables)
    ax = figure.axes[0]
    assert ax.get_xlabel() == "images" and not ax.child_axes
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [(m, 1 + 1 / m + 0.1) for m in (50, 118, 500)])
    with pytest.raises(NotDrawn, match="other studies"):
        power.data(layered(["a"], power=[row | {"smallest": None} for row in studies()], differences=[]))


def parts(models=("a", "b", "mouse-1"), layers=("all",)):
    return [
        {"method": "first", "model": model, "area": area, "cortical_layer": layer, "axis": axis, "n": n}
        | {"equal": axis == "neurons" and n == 30, "mean": 0.1 * k + 0.001 * n + 0.01 * place}
        | ({"sd": None, "n_draws": 1} if n == numbers[-1] else {"sd": 0.02, "n_draws": 5})
        for k, model in enumerate(models)
        for area in AREAS
        for place, layer in enumerate(layers)
        for axis, numbers in (("images", (30, 60, 118)), ("neurons", (10, 30, 90)), ("trials", (1, 2, 10)))
        for n in numbers
    ]


def test_learning_curves_have_a_row_for_each_of_the_best_networks_and_a_column_for_each_kind_of_parts():
    figure = learning_curves.plot(layered(["a", "b", "mouse-1"], learning_curves=parts()))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["MOUSE-1", "", "", "B", "", ""]
    assert [ax.get_xlabel() for ax in figure.axes[3:]] == ["images", "neurons", "trials of each image"]
    ax = figure.axes[1]
    curves = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert len(curves) == len(AREAS)
    for line in curves:
        x, y = line.get_xydata().T
        np.testing.assert_allclose(y, [0.2 + 0.001 * n for n in (10, 30, 90)])
        np.testing.assert_allclose(x, [10, 30, 90], rtol=learning_curves.SPREAD + 1e-9)
    bars = segments(ax)
    assert {round(float(np.ptp(bar[:, 1])), 9) for bar in bars} == {0.04, 0.0}
    (equal,) = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    assert equal == 30
    assert "sd of 5 draws" in figure.get_suptitle()


def test_numbers_that_are_close_have_one_tick():
    rows = [row | ({"n": 119} if row["n"] == 118 and row["area"] == "VISl" else {}) for row in parts()]
    ax = learning_curves.plot(layered(["a", "b", "mouse-1"], learning_curves=rows)).axes[3]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["30", "60", "119"]


def test_learning_curves_average_over_parts_of_an_area():
    shown = learning_curves.data(layered(["a"], learning_curves=parts(("a",), ("2/3", "4"))))
    row = shown[(shown.axis == "images") & (shown.n == 60) & (shown.area == "VISl")].iloc[0]
    assert row["mean"] == pytest.approx(0.06 + 0.005) and row.sd == pytest.approx(0.02)
    with pytest.raises(NotDrawn, match=r"inference\.judge\.curves"):
        learning_curves.data(layered(["a"], learning_curves=[]))
