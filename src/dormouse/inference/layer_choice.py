"""From the scores of all layers to one score per model: the choice of a layer."""

import pandas as pd

CONDITION = ["method", "selection", "model", "area", "cortical_layer"]


def choose_layers(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the highest-scoring layer of each model for each method and site; the earlier one in a tie.

    The layer is chosen on the same data on which its score is reported, as in Conwell et al. 2021. Such a score is optimistic,
    especially for a network with many layers; the column `choice` says so in every row.
    """
    ordered = scores.sort_values("layer_index", kind="stable").sort_values("score", ascending=False, kind="stable")
    best = ordered.groupby(CONDITION, sort=False).head(1)
    return best.sort_values(CONDITION, ignore_index=True).assign(choice="same_data")
