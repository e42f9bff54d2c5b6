"""The marks of whole areas in the figure of scores: where they lie, their intervals, and what was tested."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from run_facts import empty, tables_of

from dormouse.paper.evidence import ABOVE, CHANCE, UNTESTED, whole_area_marks
from dormouse.paper.figures.scores import BESIDE_AT, COLOURS, MAIN_AT, plot
from dormouse.paper.figures.style import plt

AREAS = ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]
ANIMALS, IMAGES = "animals and images", "images"


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def made_up(n_models, areas, of_animals=AREAS[:-1], layers=("2/3", "4", "5", "6")):
    """Return best layers, models, intervals and tests; the areas in `of_animals` have means over animals."""
    rng = np.random.default_rng(0)
    names = [f"net{i}" for i in range(n_models)]
    models = pd.DataFrame({"model": names, "display_name": [f"A network with a long name, {name}" for name in names]})
    models["source"] = "timm"
    sites = pd.DataFrame([(m, a, c) for m in names for a in areas for c in ("all", *layers)])
    best = sites.set_axis(["model", "area", "cortical_layer"], axis=1).assign(method="mine", selection="paper", differs="")
    best["score"] = rng.uniform(0, 0.5, len(best))
    pooled = best.assign(statistic="pooled", over=IMAGES, estimate=best.score)
    means = best[best.area.isin(of_animals) & (best.cortical_layer == "all")]
    means = means.assign(statistic="mean_over_animals", over=ANIMALS, estimate=means.score - 0.05)
    intervals = pd.concat([pooled, means], ignore_index=True).drop(columns="score")
    width = rng.uniform(0.01, 0.1, (2, len(intervals)))
    intervals = intervals.assign(low=intervals.estimate - width[0], high=intervals.estimate + width[1])
    tests = best.assign(q=np.where(best.score < 0.2, 0.3, 0.001))
    return best, models, intervals.sample(frac=1, random_state=0), tests


def draw(best, models, intervals, tests, areas):
    scored = {"best_layers": best, "models": models, "intervals": intervals, "permutation_tests": tests}
    return plot(tables_of(areas, {"mine": {}}, **empty("ceilings"), **scored), method="mine")


def segments(ax):
    """Return the intervals that are drawn, (n, 2 ends, 2)."""
    lines = [line for group in ax.collections for line in group.get_segments() if len(line)]
    return np.array([line for line in lines if np.isfinite(line).all()]).reshape(-1, 2, 2)


def expected_rows(figure, models):
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    return {model.model: names.index(model.display_name) for model in models.itertuples()}


def test_intervals_belong_to_the_mean_over_animals_or_else_to_all_neurons():
    areas = ["VISp", "VISrl"]
    best, models, intervals, tests = made_up(5, areas)
    figure = draw(best, models, intervals, tests, areas)
    rows = expected_rows(figure, models)
    whole = intervals[intervals.cortical_layer == "all"].assign(row=intervals.model.map(rows))
    for ax, main in zip(figure.axes, ("mean_over_animals", "pooled"), strict=True):
        own = whole[whole.area == ax.get_title()]
        barred = own[own.statistic == main].sort_values("row")
        bars = segments(ax)
        bars = bars[np.argsort(bars[:, 0, 1])]
        np.testing.assert_allclose(bars[:, :, 0], barred[["low", "high"]])
        np.testing.assert_allclose(bars[:, :, 1], np.repeat(barred.row.to_numpy()[:, None] + MAIN_AT, 2, axis=1))
        for row in own.itertuples():
            at = (row.estimate, row.row + (MAIN_AT if row.statistic == main else BESIDE_AT))
            (line,) = [line for line in ax.lines if np.isclose(line.get_xydata(), at).all(axis=1).any()]
            assert line.get_label() == f"_{row.statistic}"
            assert (to_hex(line.get_markerfacecolor()) == "#ffffff") == (row.statistic != main)  # open beside the main one


def test_scores_that_are_not_above_chance_are_grey_and_the_legend_says_so():
    best, models, intervals, tests = made_up(8, ["VISp"])
    figure = draw(best, models, intervals, tests, ["VISp"])
    rows = expected_rows(figure, models)
    for score in best[best.cortical_layer == "all"].itertuples():
        at = (score.score - 0.05, rows[score.model] + MAIN_AT)
        (line,) = [line for line in figure.axes[0].lines if np.isclose(line.get_xydata(), at).all(axis=1).any()]
        assert line.get_color() == COLOURS[ABOVE if score.score >= 0.2 else CHANCE]
    words = [text.get_text() for text in figure.legends[0].texts]
    assert words[:4] == [
        f"whole area: mean over animals\n(95 % interval: over {ANIMALS})",
        "whole area: all neurons",
        "black: above chance, q < 0.05",
        "grey: not above chance, q ≥ 0.05",
    ]


def test_a_score_without_interval_or_test_is_there_all_the_same():
    best, models, intervals, tests = made_up(3, ["VISp"], of_animals=[])
    marks = whole_area_marks(best, intervals[intervals.model != "net1"], tests[tests.model != "net2"], "mine")
    marks = marks.set_index("model").loc[models.model]
    assert marks.over.tolist() == [IMAGES, "", IMAGES] and marks.low.isna().tolist() == [False, True, False]
    assert marks.main.all() and (marks.verdict == UNTESTED).tolist() == [False, False, True]
    np.testing.assert_allclose(marks.estimate, best.score[best.cortical_layer == "all"])
    other = whole_area_marks(best, intervals.assign(method="other"), tests.assign(method="other"), "mine")
    assert other.low.isna().all() and (other.verdict == UNTESTED).all()


@pytest.mark.parametrize("empty", ["intervals", "tests", "both", "all"])
def test_empty_tables_leave_the_scores(empty):
    best, models, intervals, tests = made_up(3, ["VISp"], of_animals=[])
    intervals = intervals[:0] if empty != "tests" else intervals
    tests = tests[:0] if empty != "intervals" else tests
    figure = draw(best[:0] if empty == "all" else best, models, intervals, tests, ["VISp"])
    figure.draw_without_rendering()
    points = [len(line.get_xdata()) for line in figure.axes[0].lines if line.get_label() == "_pooled"]
    assert sum(points) == (0 if empty == "all" else 3)
    assert len(segments(figure.axes[0])) == (3 if empty == "tests" else 0)
    words = " ".join(text.get_text() for text in figure.legends[0].texts) if figure.legends else ""
    assert ("not tested" in words) == (empty in ("tests", "both"))
    assert ("interval" in words) == (empty == "tests")


@pytest.mark.parametrize("n_models", [1, 10])
@pytest.mark.parametrize("areas", [AREAS[:1], AREAS])
def test_nothing_overlaps(n_models, areas):
    """Legend, titles, names, panels; and the marks of one row lie within it, one below the other."""
    figure = draw(*made_up(n_models, areas), areas)
    figure.draw_without_rendering()
    panels = [ax.get_window_extent() for ax in figure.axes]
    texts = [figure._suptitle, *(ax.title for ax in figure.axes), *figure.axes[0].get_yticklabels()]
    boxes = [figure.legends[0].get_window_extent(), *panels, *(text.get_window_extent() for text in texts)]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[i + 1 :])
    page = figure.bbox
    assert all(box.x0 >= page.x0 and box.x1 <= page.x1 and box.y0 >= page.y0 and box.y1 <= page.y1 for box in boxes)
    heights = sorted(line.get_ydata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1)
    assert n_models > 1 or ((np.diff(heights) > 0.1).all() and max(np.abs(heights)) < 0.5)
