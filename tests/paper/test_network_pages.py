"""The parts of the report for single networks: scores, curves, relatives, what attests to them."""

import re

import numpy as np
import pandas as pd
import pytest
from report_tables import AREAS, NAMES, scores, small_run

from dormouse.paper.depth_plots import MOST_POINTS, depth_plot, thinned
from dormouse.paper.facts import shown_methods
from dormouse.paper.network_pages import network_pages

PATH = re.compile(r'<path class=a(\d) d="M(\d+) (-?\d+)l([-\d ]+)"/>')


@pytest.fixture(scope="module")
def run():
    return small_run()


def pages_of(tables):
    return dict(zip(NAMES, network_pages(tables, shown_methods(tables), list(AREAS)), strict=True))


def cells(html):
    """Return the rows of a table, without marks."""
    rows = html.split("<tr>")[1:]
    return [[re.sub("<.*?>", "", cell) for cell in re.split(r"<t[hd]\b[^>]*>", row)[1:]] for row in rows]


def test_scores_of_a_network_are_those_of_the_tables(run):
    page = pages_of(run)["resnet18-in1k"]
    assert page["standing"] == "RSA 0.305, rank 2 of 4; Ridge 0.305, rank 2 of 4"
    head, first, *_ = cells(page["scores"])
    assert dict(zip(head, first, strict=True)) == {
        "area": "VISp",
        "method": "RSA",
        "score": "0.310",
        "best layer": "Conv2d-30",
        "its depth": "0.30",
        "mean over animals, 95 % interval": "0.310 [0.260, 0.360]",
        "rank and 95 % interval": "2 [2, 3]",
        "above chance": "yes, q = 0.001",
    }
    assert [row[:2] for row in cells(page["scores"])[1:]] == [[a, m] for m in ("RSA", "Ridge") for a in AREAS]
    assert cells(pages_of(run)["pixels"]["scores"])[1][-1] == "no, q = 0.4"


def test_relatives_are_the_networks_with_the_nearest_scores(run):
    near = cells(pages_of(run)["alexnet-in1k"]["relatives"])[1:]
    assert [(row[0], row[3], row[4]) for row in near] == [
        ("ResNet18", "0.100", "4 of 4"),
        ("ResNet18 (random)", "0.200", "4 of 4"),
        ("&lt;Pixels&gt;", "0.300", "4 of 4"),
    ]
    together = run["differences"].assign(q=run["differences"].q.mask(run["differences"].area == "VISl", 0.3))
    near = cells(pages_of(run | {"differences": together})["alexnet-in1k"]["relatives"])[1:]
    assert near[0][4] == "2 of 4"
    untested = pages_of(run | {"differences": together[:0]})["alexnet-in1k"]["relatives"]
    assert cells(untested)[1][4] == "not tested"


def test_what_attests_to_a_network_is_there_and_no_more(run):
    page = pages_of(run)["alexnet-in1k"]
    assert page["attested"]["SHA-256 of the weights, as loaded"] == "0" * 64
    assert page["attested"]["Weights"] == "IMAGENET1K_V1" and "Seed" not in page["attested"]
    assert page["facts"]["Parameters"] == "60,000,000"
    assert pages_of(run)["resnet18-random0"]["attested"]["Seed"] == "0"


def test_a_network_without_scores_has_a_part_too(run):
    others = {name: run[name][run[name].model != "pixels"] for name in ("scores", "best_layers", "intervals")}
    page = pages_of(run | others)["pixels"]
    assert (page["standing"], page["plots"], page["scores"], page["relatives"]) == ("no scores", [], "", "")


def test_a_curve_goes_through_the_scores_and_its_best_layer_is_marked(run):
    (rsa, _ridge) = pages_of(run)["alexnet-in1k"]["plots"]
    assert rsa["label"] == "RSA"
    first, second = PATH.findall(rsa["svg"])[:2]
    assert (first[0], second[0]) == ("0", "1")  # a colour for each area
    steps = np.array(first[3].replace("-", " -").split(), int).reshape(-1, 2)
    assert len(steps) < MOST_POINTS
    places = np.cumsum(np.vstack([[int(first[1]), int(first[2])], steps]), axis=0)
    known = scores().query("method == 'rsa_mine' and model == 'alexnet-in1k' and area == 'VISp'").set_index("layer_index")
    limits = run["scores"].score.min(), run["scores"].score.max()
    expected = 8 + 130 * (limits[1] - known.score) / (limits[1] - limits[0])
    for x, y in places:  # 260 wide from 40: a hundredth of depth is 2.6
        assert abs(expected[max(1, round((x - 40) / 2.6))] - y) <= 1.5
    marked = re.search(r"<circle class=a0 cx=(\d+) cy=(\d+)", rsa["svg"])
    assert (int(marked[1]), int(marked[2])) == (40 + 78, round(expected[30]))


def test_lines_have_few_points_and_the_best_is_one_of_them():
    for n, best in ((1, 0), (2, None), (60, 3), (61, 60), (1000, 777)):
        places = thinned(n, best)
        assert len(places) <= MOST_POINTS and places[0] == 0 and places[-1] == n - 1
        assert best is None or best in places


def test_labels_of_lines_that_end_at_one_place_do_not_overlap():
    lines = [
        {"label": f"area {k}", "colour": k, "depth": np.array([0.5, 1.0]), "score": np.array([0.1, 0.2]), "best": None}
        for k in range(6)
    ]
    svg = depth_plot(lines, (0, 0.4), "score", "a < b")
    heights = sorted(int(y) for y in re.findall(r"<text x=311 y=(\d+)>area", svg))
    assert len(heights) == 6 and np.diff(heights).min() >= 11
    assert 'aria-label="a &lt; b"' in svg and pd.Series(re.findall("<circle", svg)).empty
