"""Which rows of the tables the figures show, read from the lines that are drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from run_facts import empty, tables_of

from dormouse.paper.facts import method_row
from dormouse.paper.figures import nodes, scores, thresholds, trajectory, units
from dormouse.paper.figures.style import colours_of, lines_of, plt
from dormouse.paper.rankings import score_tables

NODES = ["LGNd", "VISp4", "VISp2/3", "Linear-1"]
ROWS = yaml.safe_load((Path(__file__).parents[2] / "resources/methods.yaml").read_text())["rows"]
PEARSON, SPEARMAN = (ROWS[name] | {"method": name} for name in ("rsa_pearson", "rsa_spearman"))
OWN_ROWS = {"rsa_pearson": PEARSON, "rsa_spearman": SPEARMAN}
NOTHING = empty("intervals", "permutation_tests", "ceilings")
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
    ceilings = pd.DataFrame([limits | {"area": area, "inter_animal": np.nan} for area in ("VISp", "VISl")])
    found = scores_of(NODES, cortical_layers).sample(frac=1, random_state=0)
    tables = tables_of(["VISp", "VISl"], OWN_ROWS, scores=found, ceilings=ceilings, models=MODELS)
    figure = nodes.plot(tables, method="rsa_spearman")
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
    given = {"best_layers": scores_of(["LGNd"], ["all", "4"]), "models": MODELS, "training": history}
    figure = trajectory.plot(tables_of(["VISp", "VISl"], OWN_ROWS, **given), method="rsa_spearman")
    other, run = figure.axes
    assert (other.get_title(), run.get_title()) == ("other", "run")
    for a, area in enumerate(("VISp", "VISl")):
        (line,) = [line for line in run.lines if line.get_label() == area]
        np.testing.assert_allclose(line.get_xdata(), [0.1, 0.9])
        np.testing.assert_allclose(line.get_ydata(), [0.21 + 0.001 * a, 0.31 + 0.001 * a])
        assert drawn(other)[area] == pytest.approx([0.41 + 0.001 * a])


HISTORY = pd.DataFrame({"run": ["run", "run", "other"], "epoch": [0, 1, 0], "test_accuracy": [0.1, 0.9, 0.2]})


def in_tables(found, areas):
    best = found[found.layer_index == 1]
    return tables_of(areas, OWN_ROWS, scores=found, best_layers=best, models=MODELS, training=HISTORY, **NOTHING)


def shown_in_all(found, areas):
    """Return every figure of the scores, and the table of the report with networks by name."""
    tables = in_tables(found, areas)
    figures = {
        "scores": scores.plot(tables, method="rsa_pearson"),
        "nodes": nodes.plot(tables, method="rsa_spearman"),
        "trajectory": trajectory.plot(tables, method="rsa_spearman"),
    }
    for figure in figures.values():
        figure.draw_without_rendering()
    table = score_tables(tables["best_layers"], tables["ceilings"], MODELS, areas, {"rsa_pearson": PEARSON})[
        "rsa_pearson"
    ].set_index("network")
    return figures, table


def test_whole_areas_and_areas_in_parts_are_shown_side_by_side():
    found = scores_of(["LGNd"], ["all", "4", "5"])
    found = found[(found.area == "VISp") | (found.cortical_layer != "all")]  # of VISl there are layers alone
    figures, table = shown_in_all(found, ["VISp", "VISl"])
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
    found = scores_of(["LGNd"], ["all"])
    unknown = (found.area == "VISl") | (found.model == "other")
    found = found[~unknown] if absent else found.assign(score=found.score.mask(unknown))
    figures, table = shown_in_all(found, ["VISp", "VISl"])
    assert list(table.index[-1:]) == ["corrected"] and table.loc["corrected"].isna().all()
    assert table.loc[table.index != "corrected", "VISp"].notna().all()
    rows = [text.get_text() for text in figures["scores"].axes[0].get_yticklabels()]
    assert rows[0] == "corrected" and set(rows) == set(MODELS.display_name)
    without = figures["scores"].axes[1]
    assert all(np.isnan(np.asarray(line.get_xdata(), float)).all() for line in without.lines if line.get_label() == "_pooled")
    nothing = found[:0] if absent else found.assign(score=np.nan)
    scores.plot(in_tables(nothing, ["VISp", "VISl"]), method="rsa_pearson").draw_without_rendering()


def test_titles_say_what_is_scored_and_name_what_is_unusual():
    found = scores_of(["LGNd"], ["all"])
    for unusual, shown in (
        ({}, []),
        ({"differs": "layers blocks"}, ["with layers blocks"]),
        ({"selection": "mine"}, ["selection mine"]),
        ({"selection": "given"}, []),
    ):
        figures, _ = shown_in_all(found.assign(**unusual), ["VISp", "VISl"])
        for name, figure in figures.items():
            n = ["7 networks"] * (name == "scores")
            assert figure.get_suptitle().split("\n")[1:] == [", ".join(shown + n)] * bool(shown + n)
    assert figures["scores"].get_suptitle() == f"test: {PEARSON['axis']}\n7 networks"
    other = of_own_row(found)
    assert other.get_suptitle() == "test: cosine\n7 networks"
    assert len(drawn(other.axes[0])["_pooled"]) == len(MODELS)
    assert not [line for line in other.axes[0].lines if list(line.get_xdata()) == [0, 0]]  # its null score is not known


def of_own_row(found, **row):
    """Draw the scores of a method of a user's."""
    mine = found[found.method == "rsa_pearson"].assign(method="mine")
    tables = tables_of(["VISp"], {"mine": {"null_score": None} | row}, best_layers=mine, models=MODELS, **NOTHING)
    return scores.plot(tables, method="mine")


def test_a_ceiling_belongs_to_the_target_and_the_selection_of_the_method():
    found, own = scores_of(["LGNd"], ["all"]), {"area": "VISp", "cortical_layer": "all", "neuron": None, "inter_animal": 0.4}
    rows = [
        own | {"target": "rdm", "selection": "paper", "ceiling": 0.9},
        own | {"target": "rdm_zscored", "selection": "paper", "ceiling": 0.8},
        own | {"target": "responses", "selection": "paper", "ceiling": 0.7, "inter_animal": np.nan},
        own | {"target": "rdm", "selection": "strict", "ceiling": 0.6},
        own | {"target": "rdm", "selection": "every", "ceiling": np.nan},  # of too few trials
    ]
    best, limits = found[found.layer_index == 1], pd.DataFrame(rows)
    for changed, expected, others in (
        ({}, [0.9], [0.4]),
        ({"target": "rdm_zscored"}, [0.8], [0.4]),
        ({"target": "responses"}, [0.7], []),
        ({"selection": "strict"}, [0.6], [0.4]),
        ({"selection": "every"}, [], [0.4]),
        ({"images": ["image_1", "image_2"]}, [], []),  # whose ceiling is not known
    ):
        scored = {"best_layers": best, "models": MODELS, "ceilings": limits}
        tables = tables_of(["VISp"], {"rsa_pearson": PEARSON | changed}, **scored, **empty("intervals", "permutation_tests"))
        figure = scores.plot(tables, method="rsa_pearson")
        for label, values in (("noise ceiling", expected), ("other animals", others)):
            assert [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_label() == label] == values
        table = score_tables(best, limits, MODELS, ["VISp"], {"rsa_pearson": method_row(tables, "rsa_pearson")})
        shown = table["rsa_pearson"].set_index("network").VISp
        assert [shown["noise ceiling"]] == expected if expected else "noise ceiling" not in shown.index


def test_units_of_all_seeds_form_one_distribution_beside_the_neurons():
    values = {"": [0.1, 0.2], "net0": [0.3], "net1": [0.5], "end": [0.4, np.nan]}
    quantities = ("lifetime_sparseness", "image_selectivity", "signal_correlation", "orientation_selectivity")
    table = pd.DataFrame(
        [
            {"model": model, "area": "VISp", **dict.fromkeys(quantities, value)}
            for model, own in values.items()
            for value in own
        ]
    )
    figure = units.plot(tables_of(["VISl", "VISp"], {"mine": {}}, units=table, models=MODELS))
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
    table = pd.DataFrame(rows).assign(split_half_r=0.5, split_half_sem=0.01, selection="paper")
    figure = thresholds.plot(tables_of(areas, {"mine": {}}, thresholds=table))
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    others = [figure._suptitle, *(text for ax in figure.axes for text in (ax.title, ax.xaxis.label))]
    assert not any(box.overlaps(other.get_window_extent()) for other in others if other.get_text())
    assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)
