"""Which rows of the tables the figures show, read from the lines that are drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from dormouse.paper.figures.nodes import plot_nodes
from dormouse.paper.figures.scores import plot_scores
from dormouse.paper.figures.style import colours_of, lines_of, plt
from dormouse.paper.figures.thresholds import plot_thresholds
from dormouse.paper.figures.trajectory import plot_trajectory
from dormouse.paper.figures.units import plot_units
from dormouse.paper.report import score_tables
from dormouse.tables import read_tables

NODES = ["LGNd", "VISp4", "VISp2/3", "Linear-1"]
ROWS = yaml.safe_load((Path(__file__).parents[2] / "resources/methods.yaml").read_text())["rows"]
PEARSON, SPEARMAN = (ROWS[name] | {"method": name} for name in ("rsa_pearson", "rsa_spearman"))
NO_INTERVALS = pd.DataFrame(
    columns=["method", "model", "area", "cortical_layer", "statistic", "over", "estimate", "low", "high"]
)
NO_TESTS = pd.DataFrame(columns=["method", "model", "area", "cortical_layer", "q"])
OWN = {"method": "mine", "axis": "cosine", "null_score": None}
MODELS = (
    pd.DataFrame(
        [
            ["net0", "Net", "mousenet", "paper", "random", 0],
            ["net1", "Net 1", "mousenet", "paper", "random", 1],
            ["start", "before", "mousenet", "paper", "trained:run@0", None],
            ["end", "after", "mousenet", "paper", "trained:run", None],
            ["other", "corrected", "mousenet", "corrected", "trained:other", None],
            ["pixels", "Pixels", "baseline", "pixels", "none", None],
            ["end_mouse", "after (mouse)", "mousenet", "paper", "trained:run", None],  # which no figure of MouseNet shows
        ],
        columns=["model", "display_name", "source", "name", "weights", "seed"],
    )
    .assign(stimulus_set=["original"] * 6 + ["mouse"])
    .astype({"seed": float})
)  # as they are read


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def scores_of(layers, cortical_layers):
    """Scores whose digits encode their row."""
    rows = [
        [model, layer, k, area, cortical_layer, method, 0.1 * m + 0.01 * k + 0.001 * a + (cortical_layer == "4")]
        for m, model in enumerate(MODELS.model)
        for k, layer in enumerate(["Pixels-1"] if model == "pixels" else layers, start=1)
        for a, area in enumerate(["VISp", "VISl"])
        for cortical_layer in cortical_layers
        for method in ("rsa_spearman", "rsa_pearson")
    ]
    columns = ["model", "layer", "layer_index", "area", "cortical_layer", "method", "score"]
    scores = pd.DataFrame(rows, columns=columns).assign(differs="", selection="paper")
    return scores.assign(score=scores.score + 9 * (scores.method == "rsa_pearson"))


def drawn(ax):
    return {line.get_label(): np.asarray(line.get_ydata(), float) for line in ax.lines if len(line.get_xdata())}


@pytest.mark.parametrize(("cortical_layers", "shift"), [(["all", "4"], 0.0), (["4", "5"], 0.5)])
def test_nodes_show_whole_areas_or_means_of_sites_and_seeds_share_a_line(cortical_layers, shift):
    limits = {"target": "rdm", "selection": "paper", "cortical_layer": "all", "neuron": None, "ceiling": 0.987}
    ceilings = pd.DataFrame([limits | {"area": area} for area in ("VISp", "VISl")])
    scores = scores_of(NODES, cortical_layers).sample(frac=1, random_state=0)
    figure = plot_nodes(scores, ceilings, MODELS, SPEARMAN, ["VISp", "VISl"], "test")
    for a, ax in enumerate(figure.axes):
        lines = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 3]
        expected = 0.01 * np.arange(1, 4) + 0.001 * a + shift  # without the classifier
        np.testing.assert_allclose(lines, [expected + 0.1 * m for m in (0.5, 2, 3, 4)])
        (pixels,) = {line.get_ydata()[0] for line in ax.lines if line.get_label() == "pixels"}
        assert pixels == pytest.approx(0.51 + 0.001 * a + shift)
        assert "noise ceiling 0.99" in [text.get_text() for text in ax.texts]
    assert [text.get_text() for text in figure.legends[0].texts] == ["Net", "before", "after", "corrected", "pixels"]


def test_a_variant_has_a_hue_and_seeds_have_one_name():
    lines = lines_of(MODELS)
    assert lines == {"net0": "Net", "net1": "Net", "start": "before", "end": "after", "other": "corrected"}
    colours = colours_of(MODELS, lines)
    assert list(colours) == ["Net", "before", "after", "corrected"]
    brightness = [sum(colours[name]) for name in ("Net", "before", "after")]
    assert brightness == sorted(brightness, reverse=True)
    assert all(colours[name][2] > colours[name][0] for name in ("Net", "before", "after"))  # blue, not orange
    assert colours["corrected"][0] > colours["corrected"][2]


def test_trajectories_show_whole_areas_in_the_order_of_epochs():
    accuracies = {"run": [0.1, 0.5, 0.9], "other": [0.2, 0.7]}
    history = pd.DataFrame(
        [(run, epoch, accuracy) for run, values in accuracies.items() for epoch, accuracy in enumerate(values)],
        columns=["run", "epoch", "test_accuracy"],
    )
    figure = plot_trajectory(scores_of(["LGNd"], ["all", "4"]), MODELS, history, SPEARMAN, ["VISp", "VISl"], "test")
    other, run = figure.axes
    assert (other.get_title(), run.get_title()) == ("other", "run")
    for a, area in enumerate(("VISp", "VISl")):
        (line,) = [line for line in run.lines if line.get_label() == area]
        np.testing.assert_allclose(line.get_xdata(), [0.1, 0.9])
        np.testing.assert_allclose(line.get_ydata(), [0.21 + 0.001 * a, 0.31 + 0.001 * a])
        assert drawn(other)[area] == pytest.approx([0.41 + 0.001 * a])


HISTORY = pd.DataFrame({"run": ["run", "run", "other"], "epoch": [0, 1, 0], "test_accuracy": [0.1, 0.9, 0.2]})


def shown_in_all(scores, areas):
    """Return every figure of the scores, and the table of the report with networks by name."""
    best, none = scores[scores.layer_index == 1], read_tables("ceilings", [])
    figures = {
        "scores": plot_scores(best, none, MODELS, NO_INTERVALS, NO_TESTS, PEARSON, areas, "test"),
        "nodes": plot_nodes(scores, none, MODELS, SPEARMAN, areas, "test"),
        "trajectory": plot_trajectory(best, MODELS, HISTORY, SPEARMAN, areas, "test"),
    }
    for figure in figures.values():
        figure.draw_without_rendering()
    table = score_tables(best, none, MODELS, areas, {"rsa_pearson": PEARSON})["rsa_pearson"].set_index("network")
    return figures, table


def test_whole_areas_and_areas_in_parts_are_shown_side_by_side():
    scores = scores_of(["LGNd"], ["all", "4", "5"])
    scores = scores[(scores.area == "VISp") | (scores.cortical_layer != "all")]  # of VISl there are layers alone
    figures, table = shown_in_all(scores, ["VISp", "VISl"])
    assert list(table) == ["VISp", "VISl 4", "VISl 5", "mean"]
    assert table["VISl 5"]["Net"] == pytest.approx(9.011)
    assert table["VISl 4"]["Net"] == pytest.approx(10.011)
    (line,) = [line for line in figures["trajectory"].axes[1].lines if line.get_label() == "VISl"]
    np.testing.assert_allclose(line.get_ydata(), [0.211 + 0.5, 0.311 + 0.5])
    nets = [line.get_ydata() for line in figures["nodes"].axes[1].lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(nets, np.array([[0.05], [0.2], [0.3], [0.4]]) + 0.511)
    for a, panel in enumerate(figures["scores"].axes):
        assert [len(line.get_ydata()) for line in panel.lines if line.get_label() == "_pooled"] == [[len(MODELS)], []][a]
        assert len(drawn(panel)["layer 4"]) == len(MODELS)


@pytest.mark.parametrize("absent", [True, False], ids=["no rows", "missing values"])
def test_an_area_and_a_network_without_any_score_are_gaps(absent):
    scores = scores_of(["LGNd"], ["all"])
    unknown = (scores.area == "VISl") | (scores.model == "other")
    scores = scores[~unknown] if absent else scores.assign(score=scores.score.mask(unknown))
    figures, table = shown_in_all(scores, ["VISp", "VISl"])
    assert list(table.index[-1:]) == ["corrected"] and table.loc["corrected"].isna().all()
    assert table.loc[table.index != "corrected", "VISp"].notna().all()
    rows = [text.get_text() for text in figures["scores"].axes[0].get_yticklabels()]
    assert rows[0] == "corrected" and set(rows) == set(MODELS.display_name)
    empty = figures["scores"].axes[1]
    assert all(np.isnan(np.asarray(line.get_xdata(), float)).all() for line in empty.lines if line.get_label() == "_pooled")
    nothing = scores.assign(score=np.nan)
    shown_in_all(scores[:0] if absent else nothing, ["VISp", "VISl"])


def test_titles_say_what_is_scored_and_name_what_is_unusual():
    scores = scores_of(["LGNd"], ["all"])
    for unusual, shown in (
        ({}, []),
        ({"differs": "layers blocks"}, ["with layers blocks"]),
        ({"selection": "mine"}, ["selection mine"]),
        ({"selection": "given"}, []),
    ):
        figures, _ = shown_in_all(scores.assign(**unusual), ["VISp", "VISl"])
        for figure in figures.values():
            assert figure.get_suptitle().split("\n")[1:] == shown
    assert figures["scores"].get_suptitle() == f"test: {PEARSON['axis']}"
    mine = scores[scores.method == "rsa_pearson"].assign(method="mine")
    other = plot_scores(mine, read_tables("ceilings", []), MODELS, NO_INTERVALS, NO_TESTS, PEARSON | OWN, ["VISp"], "test")
    assert other.get_suptitle() == "test: cosine"
    assert len(drawn(other.axes[0])["_pooled"]) == len(MODELS)


def test_a_ceiling_belongs_to_the_target_and_the_selection_of_the_method():
    scores, own = scores_of(["LGNd"], ["all"]), {"area": "VISp", "cortical_layer": "all", "neuron": None}
    rows = [
        own | {"target": "rdm", "selection": "paper", "ceiling": 0.9},
        own | {"target": "rdm_zscored", "selection": "paper", "ceiling": 0.8},
        own | {"target": "responses", "selection": "paper", "ceiling": 0.7},
        own | {"target": "rdm", "selection": "strict", "ceiling": 0.6},
    ]
    for method, expected in (
        (PEARSON, 0.9),
        (PEARSON | {"target": "rdm_zscored"}, 0.8),
        (PEARSON | {"selection": "strict"}, 0.6),
    ):
        figure = plot_scores(scores, pd.DataFrame(rows), MODELS, NO_INTERVALS, NO_TESTS, method, ["VISp"], "test")
        (line,) = [line for line in figure.axes[0].lines if line.get_label() == "noise ceiling"]
        assert set(line.get_xdata()) == {expected}
        table = score_tables(scores[scores.layer_index == 1], pd.DataFrame(rows), MODELS, ["VISp"], {"rsa_pearson": method})
        assert table["rsa_pearson"].set_index("network").VISp["noise ceiling"] == expected
    of_some = PEARSON | {"images": ["image_1", "image_2"]}  # whose ceiling is not known
    figure = plot_scores(scores, pd.DataFrame(rows), MODELS, NO_INTERVALS, NO_TESTS, of_some, ["VISp"], "test")
    assert not [line for line in figure.axes[0].lines if line.get_label() == "noise ceiling"]
    table = score_tables(scores[scores.layer_index == 1], pd.DataFrame(rows), MODELS, ["VISp"], {"rsa_pearson": of_some})
    assert "noise ceiling" not in set(table["rsa_pearson"].network)


def test_a_method_without_a_null_score_has_no_line_for_it():
    figure = plot_scores(
        scores_of(["LGNd"], ["all"]),
        read_tables("ceilings", []),
        MODELS,
        NO_INTERVALS,
        NO_TESTS,
        PEARSON | OWN,
        ["VISp"],
        "test",
    )
    assert not [line for line in figure.axes[0].lines if list(line.get_xdata()) == [0, 0]]


def test_units_of_all_seeds_form_one_distribution_beside_the_neurons():
    values = {"": [0.1, 0.2], "net0": [0.3], "net1": [0.5], "end": [0.4, np.nan]}
    quantities = ("lifetime_sparseness", "image_selectivity", "signal_correlation", "orientation_selectivity")
    units = pd.DataFrame(
        [
            {"model": model, "area": "VISp", **dict.fromkeys(quantities, value)}
            for model, own in values.items()
            for value in own
        ]
    )
    figure = plot_units(units, MODELS, ["VISl", "VISp"], "recorded neurons", "test")
    assert len(figure.axes) == len(quantities)  # one area is shared
    for ax in figure.axes:
        steps = {line.get_label(): sorted(set(np.asarray(line.get_xdata())[1:])) for line in ax.lines}
        assert steps == {"recorded neurons": [0.1, 0.2], "Net": [0.3, 0.5], "after": [0.4]}


@pytest.mark.parametrize("areas", [["VISp"], ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]])
def test_nothing_overlaps_the_legend_of_the_thresholds(areas):
    rows = [
        {"area": area, "cortical_layer": "all", "threshold": limit, "instance": instance, "n_neurons": 9}
        for area in areas
        for limit in (0.0, 0.5)
        for instance in ("matrix", "image")
    ]
    table = pd.DataFrame(rows).assign(split_half_r=0.5, split_half_sem=0.01)
    figure = plot_thresholds(table, areas, 0.75, "a title of usual length, selection paper")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    others = [figure._suptitle, figure._supxlabel, *(ax.title for ax in figure.axes)]
    assert not any(box.overlaps(other.get_window_extent()) for other in others if other.get_text())
    assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)
