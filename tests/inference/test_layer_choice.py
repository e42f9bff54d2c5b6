"""The highest-scoring layer is chosen; in a tie, the earlier one."""

import numpy as np
import pandas as pd
import pytest
from score_tables import make_scores

from dormouse import tables
from dormouse.inference.layer_choice import same_data


def test_the_layer_with_the_highest_score_is_chosen_with_all_its_columns():
    best = same_data(make_scores([0.1, 0.3, 0.2]))
    assert len(best) == 1
    row = best.iloc[0]
    assert (row.layer, row.layer_index, row.layer_depth, row.n_features, row.score) == ("Layer-2", 2, 2 / 3, 200, 0.3)


def test_a_negative_score_is_the_best_where_all_are_negative():
    assert list(same_data(make_scores([-0.3, -0.1, -0.2])).layer) == ["Layer-2"]


@pytest.mark.parametrize("column", ["method", "selection", "model", "area", "cortical_layer"])
def test_a_layer_is_chosen_for_each_value_of_every_condition(column):
    both = pd.concat([make_scores([0.1, 0.3, 0.2], **{column: "b"}), make_scores([0.9, 0.3, 0.2], **{column: "a"})])
    best = same_data(both)
    assert list(best[column]) == ["a", "b"]
    assert list(best.layer) == ["Layer-1", "Layer-2"]
    assert list(best.score) == [0.9, 0.3]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]])
def test_the_earlier_layer_wins_a_tie_whatever_the_order_of_rows(order):
    best = same_data(make_scores([0.1, 0.4, 0.4, 0.4]).iloc[order])
    assert list(best.layer) == ["Layer-2"]


def test_ties_among_many_layers_go_to_the_earliest():
    """Sorting that is not stable keeps the order of short tables by chance."""
    scores = make_scores([0.1, 0.5, 0.5, 0.3] * 500)
    assert list(same_data(scores.sample(frac=1, random_state=0)).layer) == ["Layer-2"]


def test_an_undefined_score_never_wins():
    assert list(same_data(make_scores([np.nan, -0.9, np.nan])).layer) == ["Layer-2"]


def test_a_network_without_any_defined_score_keeps_its_row_with_the_score_missing():
    best = same_data(pd.concat([make_scores([np.nan, np.nan]), make_scores([0.1, 0.2], model="resnet18")]))
    assert list(best.model) == ["alexnet", "resnet18"]
    assert list(best.layer) == ["Layer-1", "Layer-2"]
    assert np.isnan(best.score[0]) and best.score[1] == 0.2


def test_every_row_says_that_the_choice_rests_on_the_reported_data(tmp_path):
    best = same_data(pd.concat([make_scores([0.1, 0.3]), make_scores([0.2, 0.1], area="VISl")]))
    assert list(best.choice) == ["same_data"] * 2
    tables.write_table("best_layers", best, tmp_path / "best.parquet")
    read = tables.read_table("best_layers", tmp_path / "best.parquet")
    assert list(read.choice) == ["same_data"] * 2


def test_the_table_of_scores_is_not_changed():
    scores = make_scores([0.1, 0.3, 0.2])
    before = scores.copy()
    same_data(scores)
    pd.testing.assert_frame_equal(scores, before)
