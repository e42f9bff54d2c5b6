"""Pages of networks and areas: their words, rows and curves are what the tables say, and each has a page."""

from itertools import chain

import numpy as np
import pytest
from few_networks import AREAS, score_of
from layered_scores import PEAKS, layered, peak_score
from matplotlib.collections import LineCollection

from dormouse.inference.relatives import relatives
from dormouse.paper.figures import area_pages, network_pages
from dormouse.paper.figures.page_parts import write_facts
from dormouse.paper.figures.style import PAGE_IN, SMALL_PT, plt

MORE = {name: [] for name in ("neurons", "permutation_tests", "power", "learning_curves")}
CEILINGS = [
    {"area": area, "cortical_layer": "all", "target": "rdm", "selection": "paper", "neuron": None, "ceiling": 0.9 + 0.01 * k}
    for k, area in enumerate(AREAS)
]


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for text in figure.texts] + [text.get_text() for ax in figure.axes for text in ax.texts]


def segments(ax):
    found = [line for part in ax.collections if isinstance(part, LineCollection) for line in part.get_segments()]
    return np.array([line for line in found if len(line)])


def test_a_page_of_a_network_has_its_scores_ranks_layers_and_relatives():
    tables = layered(choices=[("a", 2, 0.5), ("a", 6, 0.5)], ceilings=CEILINGS)
    place = {"rank": 3, "rank_low": 1, "rank_high": 4}
    tables["intervals"] = tables["intervals"].assign(**place)
    figure = network_pages.plot(tables, "a")
    score = score_of("a", "VISl")
    said = words(figure)
    for expected in (
        *("A", "torchvision: a", "V1", "A, Convolutional", "Object classification"),
        f"{score:.3f} [{score - 0.002:.3f}, {score + 0.003:.3f}]",
        "3 [1, 4] of 5",
        "Conv-3: 0.30 [0.20, 0.60]",
        "mean over animals (intervals over images); red: noise ceiling of all neurons",
    ):
        assert expected in said, expected
    near = relatives(tables["best_layers"], "a", 4)
    assert [text for text in said if text.endswith(")") and text.partition(" (")[0].isupper()][:4] == [
        f"{model.upper()} ({distance:.2f})" for model, distance in near.items()
    ]
    curves, _, rows, _ = figure.axes
    for area in AREAS:
        best = [line.get_xydata()[0] for line in curves.lines if len(line.get_xdata()) == 1]
        assert np.isclose(best, [0.3, peak_score("a", area, "first")]).all(axis=1).any()
    assert [text.get_text() for text in rows.get_yticklabels()] == AREAS
    ends = [tuple(line[:, 0]) for line in segments(rows)]
    assert pytest.approx((score - 0.002, score + 0.003)) in ends
    assert {line[0, 0] for line in segments(rows) if line[0, 0] == line[1, 0]} == {0.9, 0.91}


def test_a_network_without_a_score_or_without_intervals_has_a_page():
    tables = layered()
    without = tables | {"intervals": tables["intervals"][:0]}
    assert f"{peak_score('b', 'VISp', 'first'):.3f} " in words(network_pages.plot(without, "b"))
    assert "without intervals" in words(network_pages.plot(without, "b"))
    names = "scores", "best_layers", "layer_choices", "intervals"
    nothing = {name: tables[name][tables[name].model != "b"] for name in names}
    assert not len(network_pages.data(tables | nothing, "b"))
    figure = network_pages.plot(tables | nothing, "b")
    assert not figure.axes and "test; b; no score" in words(figure)


def test_a_page_of_an_area_has_the_best_networks_and_what_is_known_of_it():
    neurons = [
        {"selection": "paper", "area": area, "animal": f"m{k % 3}", "kept": k > 1, "reliability": 0.5 + 0.1 * k}
        for area in AREAS
        for k in range(5)
    ]
    at = {"method": "first", "area": "VISl", "cortical_layer": "all"}
    tests = [at | {"model": model, "q": q, "n_permutations": 99} for model, q in (("a", 0.01), ("b", 0.2))]
    known = {"neurons": neurons, "permutation_tests": tests, "power": [at | {"own": True, "smallest": 0.123}]}
    tables = layered(ceilings=CEILINGS, **MORE | known)
    figure = area_pages.plot(tables, "VISl")
    said = " ".join(words(figure))
    for expected in ("3 of 5 kept, of 3 animals", "reliability of these 0.80", "noise ceiling 0.91", "difference of 0.12"):
        assert expected in said, expected
    assert "1 of 2 networks above chance (q < 0.05, 99 permutations)" in said
    rows = figure.axes[2]
    names = [text.get_text() for text in rows.get_yticklabels()]
    order = sorted(PEAKS, key=lambda model: -score_of(model, "VISl"))
    assert names == [model.upper() for model in order]
    dots = {round(y): x for line in rows.lines if line.get_marker() == "D" for x, y in line.get_xydata()}
    assert [dots[k] for k in range(len(order))] == pytest.approx([score_of(model, "VISl") for model in order])


def test_too_few_permutations_are_no_finding():
    tests = [{"method": "first", "area": "VISp", "cortical_layer": "all", "model": "a", "q": 0.1, "n_permutations": 10}]
    said = " ".join(words(area_pages.plot(layered(**MORE | {"permutation_tests": tests}), "VISp")))
    assert "10 permutations are too few to tell networks from chance" in said and "above chance" not in said


def test_parts_of_an_area_have_marks_of_their_own():
    figure = area_pages.plot(layered(["a", "b"], layers=("2/3", "4"), **MORE), "VISp")
    rows = figure.axes[2]
    marks = np.concatenate([line.get_xydata() for line in rows.lines if line.get_marker() == "D"])
    assert len(marks) == 4
    expected = np.mean([score_of("b", "VISp") + 0.1 * k for k in range(2)])
    assert [text.get_text() for text in rows.texts][:2] == ["mean over layers", f"{expected:.3f}"]
    of_network = network_pages.plot(layered(["a", "b"], layers=("2/3", "4")), "a")
    assert [text.get_text() for text in of_network.axes[2].get_yticklabels()][:2] == ["VISp 2/3", "VISp 4"]


def test_an_area_without_scores_has_a_page():
    tables = layered(**MORE)
    tables |= {name: tables[name][tables[name].area != "VISl"] for name in ("scores", "best_layers", "intervals")}
    figure = area_pages.plot(tables, "VISl")
    assert "test; no network has a score" in words(figure) and not figure.axes


@pytest.mark.parametrize(("page", "of"), [(network_pages, "a"), (area_pages, "VISp")])
def test_pages_are_pages_and_nothing_overlaps(page, of):
    at = {"method": "first", "model": "a", "area": "VISp", "cortical_layer": "all"}
    curves = [at | {"axis": axis, "n": n, "mean": 0.3, "sd": 0.1} for axis in ("images", "neurons") for n in (10, 30, 90)]
    figure = page.plot(layered(choices=[("a", 3, 1.0)], ceilings=CEILINGS, **MORE | {"learning_curves": curves}), of)
    figure.draw_without_rendering()
    of_axes = ((*ax.texts, *ax.get_yticklabels(), ax.xaxis.label, ax.title) for ax in figure.axes)
    shown = [text for text in (*figure.texts, *chain(*of_axes)) if text.get_text()]
    assert all(text.get_fontsize() >= SMALL_PT for text in shown) and figure.get_figheight() <= PAGE_IN
    boxes = [text.get_window_extent() for text in shown]
    for k, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, shown[k].get_text()
        for other, text in zip(boxes[k + 1 :], shown[k + 1 :], strict=True):
            crossing = box.x0 < other.x1 - 1 and other.x0 < box.x1 - 1 and box.y0 < other.y1 - 2 and other.y0 < box.y1 - 2
            assert not crossing, (shown[k].get_text(), text.get_text())


def test_facts_without_a_value_are_left_out_and_long_ones_take_lines():
    figure = plt.figure(figsize=(5, 5))
    end = write_facts(figure, 0.1, 1.0, {"short": "one", "none": "", "long": "word " * 20}, 30)
    said = [text.get_text() for text in figure.texts]
    assert said[:3] == ["short", "one", "long"] and "none" not in said and len(said) == 3 + 4
    assert end == pytest.approx(1 + 5 * 0.125)
