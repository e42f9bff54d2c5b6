"""Figures of areas: strips, heat maps and specificity are what the tables say."""

import numpy as np
import pandas as pd
import pytest
from few_networks import AREAS
from layered_scores import layered, peak_score
from matplotlib.collections import LineCollection, PathCollection
from PIL import Image

from dormouse.paper.figures import areas, site_similarity, specificity
from dormouse.paper.figures.style import NotDrawn, plt, save

CEILINGS = [
    {"area": "VISl", "cortical_layer": layer, "target": "rdm", "selection": "paper", "neuron": neuron, "ceiling": value}
    for layer, neuron, value in (("all", None, 0.9), ("4", None, 0.6), ("all", "cell", 0.1))
]


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def lines(ax):
    """The lines of an axes that have values: (n, 2 ends, 2)."""
    found = [part.get_segments() for part in ax.collections if isinstance(part, LineCollection)]
    return np.array([line for part in found for line in part if len(line) and np.isfinite(line).all()])


def points(ax):
    """The dots of an axes with whether they are open: (n, 2) and (n,)."""
    parts = [part for part in ax.collections if isinstance(part, PathCollection)]
    places = np.concatenate([np.asarray(part.get_offsets()) for part in parts])
    return places, np.concatenate([[len(part.get_facecolors()) == 0] * len(part.get_offsets()) for part in parts])


def test_strips_show_networks_medians_and_ceilings_of_each_site():
    of_trained = ["a", "b", "t-depth"]
    tables = layered([*of_trained, "a-random0", "a-random1", "pixels"], layers=("all", "4"), ceilings=CEILINGS)
    figure = areas.plot(tables)
    limits, scores = figure.axes[:2]
    names = [text.get_text() for text in figure.axes[-1].get_xticklabels()]
    assert names == ["all\n50", "4\n50"] * 2
    place = dict(zip([(area, layer) for area in AREAS for layer in ("all", "4")], figure.axes[-1].get_xticks(), strict=True))
    dots, is_open = points(scores)
    assert len(dots) == 4 * 4 and is_open.sum() == 4
    for (area, layer), x in place.items():
        seeds = np.mean([peak_score(name, area, "first", layer) for name in ("a-random0", "a-random1")])
        near = np.abs(dots[:, 0] - x) < 0.5
        assert dots[near & is_open, 1] == pytest.approx([seeds]) and (dots[near & is_open, 0] > x).all()
        trained = [peak_score(name, area, "first", layer) for name in of_trained]
        assert np.sort(dots[near & ~is_open, 1]) == pytest.approx(sorted(trained)) and (dots[near & ~is_open, 0] < x).all()
        (median,) = [line for line in lines(scores) if abs(line[:, 0].mean() - x) < 0.5]  # of one network there is none
        assert median[:, 1] == pytest.approx([np.median(trained)] * 2)
    red = {(line[0, 1], round(line[:, 0].mean(), 6)) for line in lines(limits)}
    assert red == {(0.9, place["VISl", "all"]), (0.6, place["VISl", "4"])}
    assert "(3 trained, 1 with random weights)" in figure.get_suptitle()


def test_without_ceilings_there_is_no_panel_for_them_and_baselines_are_no_networks():
    assert len(areas.plot(layered(["a"])).axes) == 2  # a method each
    unknown = [row | {"ceiling": np.nan} for row in CEILINGS]
    assert len(areas.plot(layered(["a"], ceilings=unknown)).axes) == 2
    with pytest.raises(NotDrawn, match="apart from baselines"):
        areas.data(layered(["pixels"]))


def pairs(layers, selection="paper", shift=0.0):
    sites = [(area, layer) for area in AREAS for layer in layers]
    return [
        {"selection": selection, "area": a, "cortical_layer": b, "other_area": c, "other_cortical_layer": d}
        | {"r": 0.1 * i + 0.01 * j + shift, "n_neurons": 10 + i, "other_n_neurons": 10 + j}
        for i, (a, b) in enumerate(sites)
        for j, (c, d) in enumerate(sites)
        if i < j
    ]


@pytest.mark.parametrize("flipped", [False, True])
def test_heat_maps_have_each_pair_below_the_diagonal_whichever_way_it_is_told(flipped):
    table = pd.DataFrame(pairs(("2/3", "4"), selection="strict"))
    if flipped:
        swap = {name: f"other_{name}" for name in ("area", "cortical_layer", "n_neurons")}
        table = table.rename(columns=swap | {other: name for name, other in swap.items()})
    tables = layered(["a"], site_similarity=table.sample(frac=1, random_state=0).to_dict("records"))
    assert len(site_similarity.data(tables)) == 6  # whatever selection the run compared
    ax = site_similarity.plot(tables).axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["VISp 4 (11)", "VISl 2/3 (12)", "VISl 4 (13)"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["VISp 2/3 (10)", "VISp 4 (11)", "VISl 2/3 (12)"]
    image = ax.images[0].get_array()
    for row in range(3):
        for column in range(3):
            expected = 0.1 * column + 0.01 * (row + 1)
            assert image.mask[row, column] if column > row else image[row, column] == pytest.approx(expected)
    written = {(text.get_position(), text.get_text()) for text in ax.texts}
    assert ((0, 2), ".03") in written and ((2, 2), ".23") in written and len(written) == 6


def test_whole_areas_have_a_heat_map_of_their_own():
    layers = ("2/3", "4", "5", "6")
    tables = layered(["a"], site_similarity=pairs(layers) + [row for row in pairs(("all",)) if row["area"] == "VISp"])
    figure = site_similarity.plot(tables)
    (inset,) = figure.axes[0].child_axes
    assert [text.get_text() for text in inset.texts] == [".01"] and len(figure.axes[0].texts) == 28
    few = site_similarity.plot(layered(["a"], site_similarity=pairs(("4",)) + pairs(("all",))))
    assert [len(ax.texts) for ax in few.axes[:2]] == [1, 1] and not few.axes[0].child_axes
    with pytest.raises(NotDrawn, match="no two sites"):
        site_similarity.data(layered(["a"], site_similarity=[]))


@pytest.mark.parametrize("layers", [("4",), ("2/3", "4", "5"), tuple(f"layer {k}" for k in range(11))], ids=len)
def test_no_name_of_a_site_is_cut(layers, tmp_path):
    many = pd.DataFrame(pairs(layers)).assign(n_neurons=25_000, other_n_neurons=25_000)
    save(site_similarity.plot(layered(["a"], site_similarity=many.to_dict("records"))), [tmp_path / "drawn.png"])
    pixels = np.asarray(Image.open(tmp_path / "drawn.png").convert("L"))
    assert pixels[3:-3, 3:-3].min() < 100 and all(
        edge.min() > 250 for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:])
    )


def test_specificity_has_intervals_and_animals():
    rows = [
        {"method": method, "area": area, "same": 0.5 + k, "other": 0.2 + k, "n_animals": 4 + k}
        | {"specificity": 0.3 + k, "low": low, "high": 0.9 + k}
        for k, area in enumerate(AREAS)
        for method, low in (("first", 0.1), ("second", None), ("unseen", 0.1))
    ]
    figure = specificity.plot(layered(["a"], specificity=rows))
    scores, gaps, _, without = figure.axes
    assert [text.get_text() for text in scores.get_yticklabels()] == ["VISp (n = 4)", "VISl (n = 5)"]
    (same,) = [line for line in scores.lines if line.get_label() == specificity.SAME]
    np.testing.assert_allclose(same.get_xydata(), [(0.5, 0), (1.5, 1)])
    np.testing.assert_allclose(lines(gaps)[:, :, 0], [(0.1, 0.9), (0.1, 1.9)])
    assert not len(lines(without)) and len(without.lines[0].get_xdata()) == 2
    with pytest.raises(NotDrawn, match="several animals"):
        specificity.data(layered(["a"], specificity=[]))
