"""Which networks figures show, and their scores."""

import numpy as np
import pytest
from few_networks import PLACES, planted, score_of

from dormouse.paper.networks import BASELINE, MOUSENET, OVER_AREAS, SELF, TASKS, TRAINED, UNTRAINED, network_scores, networks


def test_networks_have_kinds_and_seeds_of_random_weights_are_one():
    known = networks(planted()["models"]).set_index("model")
    kinds = [
        *[BASELINE] * 2,
        *[UNTRAINED] * 2,
        TRAINED,
        UNTRAINED,
        TRAINED,
        *[SELF] * 2,
        UNTRAINED,
        *[TASKS] * 3,
        *[MOUSENET] * 2,
    ]
    assert known.kind.to_dict() == dict(zip(PLACES, kinds, strict=True))
    assert known.network[["a-random0", "a-random1", "a"]].tolist() == ["A-RANDOM0", "A-RANDOM0", "A"]
    assert known.n_seeds["a-random1"] == 2 and known.n_seeds["mouse-0"] == 1
    assert known.state[["mouse-0", "mouse-1"]].tolist() == ["random", "trained"]


def test_scores_of_networks_are_means_over_seeds_and_areas_and_only_single_ones_have_intervals():
    scores = network_scores(planted(), "first").set_index(["model", "area"])
    assert scores.score["b", "VISl"] == pytest.approx(score_of("b", "VISl"))
    assert scores.low["b", "VISl"] == pytest.approx(score_of("b", "VISl") - 0.002)
    both = np.mean([score_of("a-random0", "VISp"), score_of("a-random1", "VISp")])
    assert scores.score["a-random0", "VISp"] == pytest.approx(both) and np.isnan(scores.low["a-random0", "VISp"])
    assert scores.score["b", OVER_AREAS] == pytest.approx(score_of("b")) and np.isnan(scores.low["b", OVER_AREAS])
    assert "a-random1" not in scores.index and set(scores.statistic) == {"mean over animals"}


def test_a_statistic_that_one_area_lacks_is_shown_nowhere_and_a_missing_area_leaves_no_mean():
    tables = planted()
    rows = tables["intervals"]
    tables["intervals"] = rows[(rows.area == "VISp") | (rows.statistic == "pooled")]
    assert network_scores(tables, "first").score.min() > 5
    tables["intervals"] = rows[(rows.area == "VISp") | (rows.model != "b")]
    scores = network_scores(tables, "first")
    assert scores.area[scores.model == "b"].tolist() == ["VISp"]


def test_areas_in_parts_are_means_over_their_layers():
    scores = network_scores(planted(["b"], layers=("4", "5")), "first").set_index("area")
    assert scores.score["VISl"] == pytest.approx(score_of("b", "VISl") + 0.05) and np.isnan(scores.low["VISl"])
