"""Figures of depth: lines, dots and ranges are where the tables say."""

import numpy as np
import pandas as pd
import pytest
from few_networks import planted
from layered_scores import PEAKS, layered, peak_score
from matplotlib.collections import LineCollection, PathCollection

from dormouse.paper.depths import chosen_range, depth_curves
from dormouse.paper.figures import best_depth, depth
from dormouse.paper.figures.style import NotDrawn, plt


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def dots(ax):
    """The marks without a line of an axes, (n, 2)."""
    return np.concatenate([line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"])


def test_curves_average_over_bins_of_depth_and_over_the_parts_of_an_area():
    tables = layered(["a"], layers=("2/3", "4"))
    scores = tables["scores"]
    curves = depth_curves(scores).set_index(["method", "model", "area", "layer_depth"]).score
    own = scores[(scores.method == "first") & (scores.area == "VISl")]
    for k in (1, 10):
        parts = own.score[own.layer_index == k]
        assert len(parts) == 2 and curves["first", "a", "VISl", k / 10] == pytest.approx(parts.mean())
    halves = depth_curves(scores, 2).set_index(["method", "model", "area", "layer_depth"]).score
    assert halves["first", "a", "VISl", 0.25] == pytest.approx(own.score[own.layer_index <= 5].mean())
    assert halves["first", "a", "VISl", 0.75] == pytest.approx(own.score[own.layer_index > 5].mean())
    whole = pd.concat([scores, own.assign(cortical_layer="all", score=0.9)])  # VISl is there as a whole, too
    assert depth_curves(whole).query("method == 'first' and area == 'VISl'").score.eq(0.9).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_range_of_choices_holds_what_all_but_a_fortieth_at_each_end_of_the_splits_chose(seed):
    rng, n_splits = np.random.default_rng(seed), 200
    picks = np.sort(rng.integers(1, 11, n_splits))  # a layer for each split
    found, counts = np.unique(picks, return_counts=True)
    choices = list(zip(["a"] * len(found), found.tolist(), (counts / n_splits).tolist(), strict=True))
    tables = layered(["a"], choices=choices)
    row = chosen_range(tables["layer_choices"]).set_index(["method", "area"]).loc[("second", "VISl")]
    low, high = picks[int(0.025 * n_splits) - 1] / 10, picks[int(0.975 * n_splits) - 1] / 10
    assert (row.low, row.high, row.n_splits) == (pytest.approx(low), pytest.approx(high), 20)
    other = tables["layer_choices"].assign(choice="other_trials")
    assert not len(chosen_range(other))


@pytest.mark.parametrize(("rare", "expected"), [(0.03, (0.1, 0.9)), (0.02, (0.5, 0.5))])
def test_the_range_leaves_out_what_less_than_a_fortieth_chose(rare, expected):
    tables = layered(["a"], choices=[("a", 1, rare), ("a", 5, 1 - 2 * rare), ("a", 9, rare)])
    ranges = chosen_range(tables["layer_choices"])
    assert len(ranges) == 4 and set(zip(ranges.low, ranges.high, strict=True)) == {expected}


def test_depth_shows_curves_best_layers_and_ranges():
    tables = layered(choices=[("a", 2, 0.5), ("a", 6, 0.5), ("b", 8, 1.0)])
    figure, shown = depth.plot(tables), depth.data(tables)
    curves, rows = figure.axes[0], figure.axes[2]  # of the first method in VISp
    names = [text.get_text() for text in rows.get_yticklabels()]
    assert names == ["MOUSE-1", "A-RANDOM0", "B", "A"]  # by score, seeds together
    places = dict(zip(names, rows.get_yticks(), strict=True))
    on_curve, in_row = dots(curves), dots(rows)
    for model, peak in PEAKS.items():
        name = "A-RANDOM0" if model == "a-random1" else model.upper()
        assert np.isclose(in_row, [peak / 10, places[name]]).all(axis=1).any(), model
        assert np.isclose(on_curve, [peak / 10, peak_score(model, "VISp", "first")]).all(axis=1).any(), model
    segments = np.concatenate([part.get_segments() for part in rows.collections])
    ends = {segment[0, 1]: tuple(segment[:, 0]) for segment in segments}
    assert ends == {places["A"]: (0.2, 0.6), places["B"]: (0.8, 0.8)}
    seeds = [line for line in curves.lines if line.get_linestyle() == "--"]
    assert len(seeds) == 1  # a mean over both
    own = tables["scores"].query("method == 'first' and area == 'VISp' and layer_index == 5")
    expected = own.score[own.model.str.startswith("a-random")].mean()
    assert seeds[0].get_ydata()[4] == pytest.approx(expected)
    assert set(shown.mark) == {depth.CURVE, depth.BEST, depth.RANGE}


def test_depth_of_parts_has_a_dot_for_each_part_in_the_rows_alone():
    figure = depth.plot(layered(["a"], layers=("2/3", "4")))
    assert not [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert len(dots(figure.axes[2])) == 2


def test_of_many_networks_the_best_and_some_of_every_kind_have_names():
    rng = np.random.default_rng(0)
    models = [f"m{k}" for k in range(60)]
    kinds = pd.Series(["trained"] * 40 + ["random"] * 14 + ["MouseNet"] * 6, models)
    scores = pd.DataFrame({"method": "mine", "model": models, "score": rng.uniform(size=60)})
    named = depth.named_networks(scores, kinds)
    order = scores.set_index("model").score.sort_values(ascending=False).index
    expected = {
        *order[kinds[order] == "trained"][:12],
        *order[kinds[order] == "random"][:4],
        *order[kinds[order] == "MouseNet"][:4],
    }
    assert named == [model for model in order if model in expected]
    assert depth.named_networks(scores[:20], kinds) == [model for model in order if model in models[:20]]


def test_networks_without_a_name_are_one_line_with_gaps(monkeypatch):
    monkeypatch.setattr(depth, "N_NAMED", 2)
    monkeypatch.setattr(depth, "SHARES", {})
    tables = layered(["a", "b", "mouse-1", "t-depth"])
    ax = depth.plot(tables).axes[0]
    (line,) = [line for line in ax.lines if line.get_color() == depth.OTHERS["color"]]
    parts = np.split(line.get_ydata(), np.flatnonzero(np.isnan(line.get_ydata())))
    scores = tables["scores"].query("method == 'first' and area == 'VISp'").set_index("model").score
    for model, part in zip(("a", "t-depth"), parts, strict=False):
        np.testing.assert_allclose(part[~np.isnan(part)], scores[model])
    assert len([own for own in ax.lines if len(own.get_xdata()) == 10]) == 2


def test_best_depth_has_medians_over_networks_whose_seeds_are_averaged():
    tables = layered([*PEAKS, "t-depth", "t-shading", "t-scenes", "pixels"])
    shown = best_depth.data(tables).query("method == 'first' and area == 'VISl'")
    medians = shown[shown.mark == "median"].set_index("group")
    assert medians.layer_depth["trained"] == pytest.approx((0.3 + 0.8) / 2)
    assert medians.n.to_dict() == {"trained": 2, "random": 1, "Taskonomy, 3D": 2, "Taskonomy, Semantic": 1, "MouseNet": 1}
    networks = shown[shown.mark == "network"].set_index("network").layer_depth
    assert networks["A-RANDOM0"] == pytest.approx((0.5 + 0.7) / 2) and "A-RANDOM1" not in networks
    ax = best_depth.plot(tables).axes[0]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    order = ["trained", "random", "Taskonomy, 3D", "Taskonomy, Semantic", "MouseNet"]
    assert labels == [f"{group}\nn = {medians.n[group]}" for group in order]
    points = [part for part in ax.collections if isinstance(part, PathCollection)]
    where = np.concatenate([part.get_offsets() for part in points])
    assert np.isclose(where[:, 0], 0.6).sum() == 2  # the random network, in both areas
    for part in points:  # it alone is open
        assert len(part.get_facecolors()) == (0 if np.isclose(part.get_offsets()[0, 0], 0.6) else 1)
    lines = [part.get_segments() for part in ax.collections if isinstance(part, LineCollection)]
    lines = np.concatenate([part for part in lines if part])
    assert np.isclose(lines[:, 0, 0], 0.55).sum() == 2  # the median of the trained ones, in both areas


def test_a_changed_best_layer_moves_its_dot_and_medians_are_no_means():
    tables = layered()
    models = tables["models"]
    other = models.assign(source=models.source.mask(models.source == "mousenet", "timm"))  # depths .2, .3 and .8
    shown = best_depth.data(tables | {"models": other}).query("mark == 'median' and group == 'trained'")
    assert shown.layer_depth.tolist() == [0.3] * 4 and shown.n.tolist() == [3] * 4
    moved = tables["best_layers"].assign(layer_depth=0.9)
    assert (best_depth.data(tables | {"best_layers": moved}).layer_depth == 0.9).all()


@pytest.mark.parametrize("figure", [depth, best_depth])
def test_baselines_have_no_depth(figure):
    with pytest.raises(NotDrawn, match="no scores of networks apart from baselines"):
        figure.data(layered(["pixels", "noise0"]))
    with pytest.raises(NotDrawn, match="no scores"):
        figure.data(planted(scores=[], layer_choices=[], best_layers=[]))
