"""The highest-scoring layer is chosen; in a tie, the earlier one."""

import numpy as np
import pandas as pd
import pytest

from dormouse import tables
from dormouse.inference.layer_choice import choose_layers


def make_scores(scores: list[float], **place) -> pd.DataFrame:
    """Scores of the layers of one network at one site, in order of computation."""
    index = np.arange(1, len(scores) + 1)
    condition = {"method": "rsa_pearson", "selection": "strict", "model": "alexnet", "area": "VISp", "cortical_layer": "all"}
    condition |= {"differs": ""} | place
    return pd.DataFrame(
        {
            **condition,
            "layer": [f"Layer-{i}" for i in index],
            "path": [f"features.{i}" for i in index],
            "layer_index": index,
            "layer_depth": index / len(scores),
            "block": [f"block-{i}" for i in index],
            "block_depth": index / len(scores),
            "n_features": 100 * index,
            "effective_dimension": 10.0 * index,
            "n_neurons": 30,
            "site_dimension": 2.0,
            "score": scores,
        }
    )


def test_the_layer_with_the_highest_score_is_chosen_with_all_its_columns():
    best = choose_layers(make_scores([0.1, 0.3, 0.2]))
    assert len(best) == 1
    row = best.iloc[0]
    assert (row.layer, row.layer_index, row.layer_depth, row.n_features, row.score) == ("Layer-2", 2, 2 / 3, 200, 0.3)


def test_a_negative_score_is_the_best_where_all_are_negative():
    assert list(choose_layers(make_scores([-0.3, -0.1, -0.2])).layer) == ["Layer-2"]


@pytest.mark.parametrize("column", ["method", "selection", "model", "area", "cortical_layer"])
def test_a_layer_is_chosen_for_each_value_of_every_condition(column):
    both = pd.concat([make_scores([0.1, 0.3, 0.2], **{column: "b"}), make_scores([0.9, 0.3, 0.2], **{column: "a"})])
    best = choose_layers(both)
    assert list(best[column]) == ["a", "b"]
    assert list(best.layer) == ["Layer-1", "Layer-2"]
    assert list(best.score) == [0.9, 0.3]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]])
def test_the_earlier_layer_wins_a_tie_whatever_the_order_of_rows(order):
    best = choose_layers(make_scores([0.1, 0.4, 0.4, 0.4]).iloc[order])
    assert list(best.layer) == ["Layer-2"]


def test_ties_among_many_layers_go_to_the_earliest():
    """Sorting that is not stable keeps the order of short tables by chance."""
    scores = make_scores([0.1, 0.5, 0.5, 0.3] * 500)
    assert list(choose_layers(scores.sample(frac=1, random_state=0)).layer) == ["Layer-2"]


def test_an_undefined_score_never_wins():
    assert list(choose_layers(make_scores([np.nan, -0.9, np.nan])).layer) == ["Layer-2"]


def test_a_network_without_any_defined_score_keeps_its_row_with_the_score_missing():
    best = choose_layers(pd.concat([make_scores([np.nan, np.nan]), make_scores([0.1, 0.2], model="resnet18")]))
    assert list(best.model) == ["alexnet", "resnet18"]
    assert list(best.layer) == ["Layer-1", "Layer-2"]
    assert np.isnan(best.score[0]) and best.score[1] == 0.2


def test_every_row_says_that_the_choice_rests_on_the_reported_data(tmp_path):
    best = choose_layers(pd.concat([make_scores([0.1, 0.3]), make_scores([0.2, 0.1], area="VISl")]))
    assert list(best.choice) == ["same_data"] * 2
    tables.write_table("best_layers", best, tmp_path / "best.parquet")
    read = tables.read_table("best_layers", tmp_path / "best.parquet")
    assert list(read.choice) == ["same_data"] * 2


def test_the_table_of_scores_is_not_changed():
    scores = make_scores([0.1, 0.3, 0.2])
    before = scores.copy()
    choose_layers(scores)
    pd.testing.assert_frame_equal(scores, before)
