"""How scores depend on the depth of a layer, and how sure it is where the best layer lies."""

import numpy as np
import pandas as pd

from dormouse.methods.table import OTHER_IMAGES
from dormouse.tables import whole_areas

AT = ["method", "model", "area"]
N_BINS = 20  # of depth
SHARE = 0.95  # of splits, whose choices a range holds
ROUNDING = 1e-9


def depth_curves(scores: pd.DataFrame, n_bins: int | None = None) -> pd.DataFrame:
    """Return the score in every area over depth: `AT`, layer_depth and score, from the first layer to the last.

    Where the data set has only parts of an area, the score is the mean over these.

    Parameters
    ----------
    scores : table `scores`
    n_bins : of depth, over whose layers scores are averaged; None for each layer by itself
    """
    shown = whole_areas(scores).dropna(subset="score")
    depth = shown.layer_depth if n_bins is None else (np.ceil(shown.layer_depth * n_bins - ROUNDING) - 0.5) / n_bins
    return shown.assign(layer_depth=depth).groupby([*AT, "layer_depth"], as_index=False).score.mean()


def best_layers_at(best: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the best layer of each site, `AT`, cortical_layer, layer, layer_depth, and the score that it has on all data.

    Parameters
    ----------
    best, scores : tables `best_layers` and `scores`; the score of the former may be one on data that did not choose the layer
    """
    of_layer = [*AT, "cortical_layer", "layer_index"]
    shown = whole_areas(best)[[*of_layer, "layer", "layer_depth"]]
    return shown.merge(scores[[*of_layer, "score"]], on=of_layer, how="left").drop(columns="layer_index")


def chosen_range(choices: pd.DataFrame) -> pd.DataFrame:
    """Return between which depths the best layer lies in `SHARE` of the splits: `AT`, low, high and the number of splits.

    Layers are those that are chosen on parts of the images; of an area in parts, choices at all its sites count alike.

    Parameters
    ----------
    choices : table `layer_choices`
    """
    rows = whole_areas(choices[choices.choice == OTHER_IMAGES]).sort_values([*AT, "layer_depth"])
    share = rows.frequency / rows.groupby(AT).frequency.transform("sum")
    below = share.groupby([rows[key] for key in AT]).cumsum()  # up to and with this depth
    tail = (1 - SHARE) / 2
    low = rows[below >= tail - ROUNDING].groupby(AT).layer_depth.min()
    high = rows[below >= 1 - tail - ROUNDING].groupby(AT).layer_depth.min()
    return pd.DataFrame({"low": low, "high": high, "n_splits": rows.groupby(AT).n_splits.min()}).reset_index()
