"""Figures of networks: marks are where the tables say, and a figure that a run has too little for says so."""

from itertools import pairwise

import numpy as np
import pytest
from few_networks import AREAS, METHODS, PLACES, answered, planted, score_of
from scipy.stats import spearmanr
from zoos import made_up_run

from dormouse.paper.figures import (
    answers,
    baselines,
    covariates,
    rank_stability,
    rankings,
    regression_against_rsa,
    seeds,
    self_supervised,
    taskonomy,
    training_effect,
)
from dormouse.paper.figures.style import PAGE_IN, SMALL_PT, NotDrawn, plt
from dormouse.paper.networks import MOUSENET, OVER_AREAS, UNTRAINED


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def points(ax, label):
    """The marks of an axes that have a label, (n, 2)."""
    found = [np.column_stack([line.get_xdata(), line.get_ydata()]) for line in ax.lines if line.get_label() == label]
    return np.concatenate(found).astype(float)


def bars(ax):
    """The horizontal lines of an axes: ends and height, (n, 3)."""
    parts = [part for lines in ax.collections for part in lines.get_segments()]
    return np.array([(part[0, 0], part[1, 0], part[0, 1]) for part in parts])


def test_rankings_are_in_the_order_of_the_mean_and_filled_where_trained():
    tables = planted()
    figure = rankings.plot(tables)
    first, second = figure.axes
    names = [text.get_text() for text in first.get_yticklabels()][::-1]
    assert names[:3] == ["MOUSE-1", "MOUSE-0", "T-SCENES"] and names[-1] == "PIXELS"
    assert names[names.index("A-RANDOM0") - 1] == "A"
    (mark,) = points(second, "_T-SCENES")
    assert mark == pytest.approx([score_of("t-scenes", method="second"), len(names) - 3])
    faces = {line.get_label(): line.get_markerfacecolor() for line in first.lines}
    assert faces["_A"] == "black" and faces["_A-RANDOM0"] == "white" == faces["_MOUSE-0"] and faces["_PIXELS"] == "black"
    assert points(first, "VISl")[:, 0].max() == pytest.approx(score_of("mouse-1", "VISl"))
    ranks = rankings.data(tables).query("method == 'first' and area == @OVER_AREAS").set_index("model")["rank"]
    assert ranks["mouse-1"] == 1 and ranks["pixels"] == 14


def test_many_networks_are_dots_by_kind_and_the_best_have_names():
    tables = made_up_run()
    figure, shown = rankings.plot(tables), rankings.data(tables)
    above, below = figure.axes[0], figure.axes[2]
    means = shown[(shown.area == OVER_AREAS) & (shown.method == tables["methods"].method[tables["methods"].shown].iloc[0])]
    counts = {text.get_text() for text in above.get_yticklabels()}
    assert {f"{kind} ({n})" for kind, n in means.kind.value_counts().items()} == counts
    drawn = np.sort(np.concatenate([line.get_xdata() for line in above.lines if line.get_label()[1:] in set(means.kind)]))
    np.testing.assert_allclose(drawn, np.sort(means.score))
    names = [text.get_text() for text in below.get_yticklabels()]
    assert means.loc[means.score.idxmax(), "network"] == names[-1] and len(names) < len(means)


def test_pairs_of_trained_and_random_networks_and_the_answer_about_them():
    said = [answered("training"), answered("training", area="VISl", estimate=0.2, low=0.1, high=0.3), answered("other", q=0.9)]
    tables = planted(comparisons=said)
    pairs = training_effect.data(tables).query("mark == 'pair' and method == 'first'").set_index(["network", "area"])
    assert set(pairs.index.get_level_values(0)) == {"A", "B", "MOUSE-1"}  # self-supervised and Taskonomy have no part
    seeds_of_a = (score_of("a-random0") + score_of("a-random1")) / 2
    assert pairs.random["A", OVER_AREAS] == pytest.approx(seeds_of_a)
    assert pairs.difference["A", OVER_AREAS] == pytest.approx(score_of("a") - seeds_of_a)
    above, _, below, _ = training_effect.plot(tables).axes
    marks = np.concatenate([line.get_xydata() for line in above.lines if line.get_linestyle() == "None"])
    np.testing.assert_allclose(np.sort(marks[:, 1]), np.sort([score_of(name) for name in ("a", "b", "mouse-1")]))
    np.testing.assert_allclose(np.sort(bars(below)[:, :2], axis=0), [[0.1, 0.3], [0.4, 0.7]])
    assert above.get_title() == "First\ndifference +0.500 [0.400, 0.700]\n7 pairs, 6 families, q = 0.01"
    with pytest.raises(NotDrawn, match="both trained and with random weights"):
        training_effect.data(planted(["a", "b-random0", "pixels"]))


def test_a_question_without_an_answer_says_so_above_the_pairs():
    row = answered("training", method="", estimate=np.nan, verdict="too few networks", n_units=1, n_pairs=1)
    figure = training_effect.plot(planted(comparisons=[row]))
    assert figure.axes[0].get_title() == "First\nno interval: too few networks\n(1 pair, 1 family)"
    assert not len(bars(figure.axes[2]))


def test_taskonomy_is_coloured_by_cluster_beside_its_random_twin():
    figure = taskonomy.plot(planted())
    ax = figure.axes[1]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["T-DEPTH", "T-SHADING", "T-SCENES"]
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    assert colours["_T-DEPTH"] == colours["_T-SHADING"] != colours["_T-SCENES"]
    twins = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert twins == pytest.approx([score_of("t-random0", method="second")])
    assert {"3D (2)", "Semantic (1)"} <= {text.get_text() for text in figure.legends[0].texts}
    with pytest.raises(NotDrawn, match="Taskonomy"):
        taskonomy.data(planted(["a", "t-random0"]))


def test_self_supervised_networks_stand_beside_the_same_architecture():
    shown = self_supervised.data(planted()).query("method == 'first' and area == @OVER_AREAS").set_index("model")
    assert shown.supervised["a-self"] == pytest.approx(score_of("a")) and np.isnan(shown.supervised["c-self"])
    ax = self_supervised.plot(planted()).axes[0]
    bar = points(ax, "_supervised")
    place = [text.get_text() for text in ax.get_yticklabels()].index("A-SELF")
    assert bar[bar[:, 1] == place, 0] == pytest.approx(score_of("a"))
    with pytest.raises(NotDrawn, match="self-supervised"):
        self_supervised.data(planted(["a", "b"]))


def test_two_methods_are_set_against_each_other_with_their_agreement():
    row = {"varies": "methods", "method": "second", "other_method": "first", "cortical_layer": "all", "n_networks": 9}
    rho = [row | {"area": area, "rho": 0.1 * k, "low": -0.2, "high": 0.6} for k, area in enumerate(["all", *AREAS])]
    rho += [rho[0] | {"varies": "areas", "rho": 0.9}, rho[0] | {"method": "third", "rho": 0.9}]
    ax, beside = regression_against_rsa.plot(planted(agreement=rho)).axes
    both = np.concatenate([points(ax, f"_{kind}") for kind in (MOUSENET, UNTRAINED)])
    assert [score_of("mouse-1"), score_of("mouse-1", method="second")] == pytest.approx(both[both[:, 0].argmax()])
    assert [text.get_text() for text in beside.get_yticklabels()] == ["VISl", "VISp", OVER_AREAS]
    np.testing.assert_allclose(sorted(line.get_xdata().tolist() for line in beside.lines[:1]), [[0, 0.1, 0.2]])
    assert len(regression_against_rsa.plot(planted()).axes) == 1
    with pytest.raises(NotDrawn, match="one method"):
        regression_against_rsa.data(planted(methods={"first": METHODS["first"]}))


def test_ranks_of_networks_by_all_methods():
    row = {
        "varies": "methods",
        "method": "first",
        "other_method": "second",
        "area": "all",
        "cortical_layer": "all",
        "rho": 0.25,
    }
    tables = planted(agreement=[row | {"cortical_layer": "all"}])
    ranks = rank_stability.data(tables).query("mark == 'rank' and method == 'second'").set_index("network")["rank"]
    assert ranks["MOUSE-1"] == 1 and ranks["A-RANDOM0"] == ranks.max() == 12 and "PIXELS" not in ranks
    matrix, table, *_ = rank_stability.plot(tables).axes
    assert [text.get_text() for text in matrix.texts] == ["0.25"]
    assert [text.get_text() for text in table.texts][:4] == ["1", "1", "2", "2"]
    with pytest.raises(NotDrawn, match="one method"):
        rank_stability.data(planted(methods={"first": METHODS["first"]}))


def test_baselines_have_intervals_and_networks_are_dots():
    figure = baselines.plot(planted())
    ax = figure.axes[2]
    assert ax.get_title() == "VISl"
    ends = bars(ax)
    score = score_of("pixels", "VISl")
    assert any(np.allclose(end[:2], [score - 0.002, score + 0.003]) for end in ends)
    assert sorted(points(ax, "_trained networks")[:, 0]) == pytest.approx(
        [score_of(name, "VISl") for name in ("a", "b", "a-self", "c-self", "t-depth", "t-shading", "t-scenes", "mouse-1")]
    )
    with pytest.raises(NotDrawn, match="baselines"):
        baselines.data(planted(["a", "b"]))


def test_covariates_show_the_slope_or_else_the_rank_correlation():
    layers = [
        {"method": "first", "model": model, "area": area, "cortical_layer": "all", "effective_dimension": 10.0 * (1 + k) + a}
        for k, model in enumerate(PLACES)
        for a, area in enumerate(AREAS)
    ]
    said = answered("parameters", kind="covariates", first="n_parameters", n_pairs=None)
    tables = planted(best_layers=layers, comparisons=[said])
    shown = covariates.data(tables).query("method == 'first'").set_index("model")
    assert shown.effective_dimension["b"] == pytest.approx(10 * (1 + PLACES["b"]) + 0.5)
    axes = covariates.plot(tables).axes
    assert axes[0].get_title() == "+0.500 per sd [0.400, 0.700]\n6 families, q = 0.01"
    assert [ax.get_xlabel() for ax in axes[2:]] == ["parameters", "effective dimension\nof the best layer"]  # others are equal
    rho = spearmanr(shown.effective_dimension, shown.score).statistic
    assert axes[1].get_title().startswith(f"rho = {rho:.2f}")
    assert axes[1].get_title().endswith(f"{len(shown)} networks, trained and random")
    with pytest.raises(NotDrawn, match="fewer than two networks"):
        covariates.data(planted(["a", "pixels"]))


def test_answers_are_black_where_decided_and_say_why_there_are_none():
    lines = [answered("one"), answered("one", area="VISp", estimate=9.0), answered("two", first="a", verdict="undecided")]
    lines += [answered("three", first="b", method="", estimate=np.nan, verdict="too few networks", n_units=2)]
    lines += [answered("four", kind="agreement", method="first, third", first="c", estimate=0.9, n_pairs=None)]
    lines += [answered("five", method="third", estimate=7.0)]  # which figures do not show
    tables = planted(comparisons=lines)
    assert set(answers.data(tables).contrast) == {"one", "two", "three", "four"} and answers.data(tables).estimate.max() < 1
    ax, beside, rho = answers.plot(tables).axes
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["b, less those", "a, less those", "these, less those"]
    assert [text.get_text() for text in ax.texts] == ["6 families, q = 0.01"] * 2 + ["too few: 2 of 5 families"]
    colours = {line.get_ydata()[0]: line.get_color() for line in ax.lines if line.get_marker() == "D"}
    assert colours == {2: "black", 1: "0.55"}
    assert [text.get_text() for text in beside.texts] == ["too few: 2 of 5 families"] and len(rho.texts) == 1
    with pytest.raises(NotDrawn, match="no questions"):
        answers.data(planted())


def test_seeds_show_the_range_of_each_network_and_of_their_means():
    row = {"method": "first", "cortical_layer": "all", "n_seeds": 2, "sd": 0.1}
    lines = [
        row | {"network": network, "area": area, "mean": 0.5 * k, "lowest": 0.5 * k - 0.2, "highest": 0.5 * k + 0.1}
        for k, network in enumerate(["torchvision:a", "timm:b.tag"])
        for area in AREAS
    ]
    figure = seeds.plot(planted(seed_spread=lines))
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == [seeds.BETWEEN, "A-RANDOM0", "B-RANDOM0"]
    ends = {tuple(np.round(part, 9)) for part in bars(ax)[:, :2]}
    assert ends == {(-0.2, 0.1), (0.3, 0.6), (0.0, 0.5)}
    with pytest.raises(NotDrawn, match="several seeds"):
        seeds.data(planted())


# --- all of them


ALL = (answers, baselines, covariates, rank_stability, rankings, regression_against_rsa, seeds, self_supervised, taskonomy)


def shown_texts(ax):
    """The texts of an axes that are drawn: ticks within the panel, labels, titles."""
    ticks = [
        text
        for texts, axis, (low, high) in ((ax.get_xticklabels(), 0, ax.get_xlim()), (ax.get_yticklabels(), 1, ax.get_ylim()))
        for text in texts
        if min(low, high) <= text.get_position()[axis] <= max(low, high)
    ]
    return [
        text
        for text in [*ticks, *ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label]
        if text.get_text() and text.get_visible()
    ]


@pytest.mark.parametrize("module", [*ALL, training_effect], ids=lambda module: module.__name__.rpartition(".")[2])
def test_nothing_is_cut_and_names_do_not_overlap(module):
    figure = module.plot(made_up_run())
    figure.draw_without_rendering()
    page = figure.bbox
    assert figure.get_figheight() <= PAGE_IN
    for ax in figure.axes:
        names = [text.get_window_extent() for text in ax.get_yticklabels() if text in shown_texts(ax)]
        assert not any(one.overlaps(other) for one, other in pairwise(names)), ax
        for text in [*shown_texts(ax), *(text for legend in figure.legends for text in legend.texts)]:
            box = text.get_window_extent()
            assert box.x0 > page.x0 - 2 and box.x1 < page.x1 + 2 and box.y0 > page.y0 - 2 and box.y1 < page.y1 + 2, text
            assert text.get_fontsize() >= SMALL_PT
