"""From the scores of all layers to one score per model: the choice of a layer.

A layer that is chosen on the data on which it is then scored flatters, the more so the more layers a network has. So each
model is also scored with layers that were chosen on other images: nested cross-validation (Varma & Simon 2006, BMC
Bioinformatics 7:91).
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from dormouse.methods.splits import Splits

CONDITION = ["method", "selection", "model", "area", "cortical_layer"]
SAME_DATA, OTHER_IMAGES = "same_data", "other_images"
OF_LAYER = ["layer", "path", "layer_index", "layer_depth"]
OF_CHOICE = ["frequency", "n_splits", "score", "corrected", "same_data", "optimism", "selection_loss"]


def same_data(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the highest-scoring layer of each model for each method and site; the earlier one in a tie.

    The layer is chosen on the same data on which its score is reported, as in Conwell et al. 2021. Such a score is optimistic,
    especially for a network with many layers; the column `choice` says so in every row.
    """
    ordered = scores.sort_values("layer_index", kind="stable").sort_values("score", ascending=False, kind="stable")
    best = ordered.groupby(CONDITION, sort=False).head(1)
    return best.sort_values(CONDITION, ignore_index=True).assign(choice=SAME_DATA)


def other_images(scores: pd.DataFrame, splits: Iterable[Splits]) -> pd.DataFrame:
    """Return the layers of one model that are chosen on other images than they are scored on, and what that changes.

    Parameters
    ----------
    scores : rows of the table `scores` of the model
    splits : scores of its layers on two parts of the images, see `methods.splits`

    The table `layer_choices`: for each method and site, each layer that was chosen in any split; in a tie, the earlier one is.
    Sites without a score in any split are left out.
    """
    best = {(row.method, row.area, row.cortical_layer): row for row in same_data(scores).itertuples()}
    layers = scores.drop_duplicates("layer_index").sort_values("layer_index")[OF_LAYER].to_dict("records")
    rows = []
    for part in splits:
        for k, site in enumerate(part.sites.itertuples(index=False)):
            known = best.get((part.method, site.area, site.cortical_layer))
            if known and (found := _nested(part, k, known.layer_index - 1)):
                frequency, of_site = found
                of_site |= {"optimism": known.score - of_site["score"], "same_data": known.score, "n_splits": len(part.choose)}
                of_site |= {"selection": part.selection, "model": known.model, "method": part.method, **site._asdict()}
                rows += [layers[layer] | of_site | {"frequency": share} for layer, share in frequency.items()]
    return pd.DataFrame(rows, columns=[*CONDITION, *OF_LAYER, *OF_CHOICE]).assign(choice=OTHER_IMAGES)


def _nested(part: Splits, site: int, fixed: int) -> tuple[dict[int, float], dict[str, float]] | None:
    """Return the share of splits in which each layer is chosen, by its index, and the columns of the table that follow.

    Parameters
    ----------
    fixed : index of the layer that is best on all images

    None where no split has a score to choose by.
    """
    usable = ~np.isnan(part.choose[:, :, site]).all(axis=1)
    if not usable.any():
        return None
    choose, score, corrected = (values[usable, :, site] for values in (part.choose, part.score, part.corrected))
    chosen = np.nanargmax(choose, axis=1)
    nested, adjusted = (values[np.arange(len(chosen)), chosen].mean() for values in (score, corrected))
    layers, counts = np.unique(chosen, return_counts=True)
    loss = nested - score[:, fixed].mean()
    return dict(zip(layers, counts / len(chosen), strict=True)), {
        "score": nested,
        "corrected": adjusted,
        "selection_loss": loss,
    }


def choose_layers(scores: pd.DataFrame, choices: pd.DataFrame, methods: Mapping[str, Mapping]) -> pd.DataFrame:
    """Return the table `best_layers`: one layer of each model for each method and site, chosen as the row of the method says.

    Parameters
    ----------
    scores, choices : tables `scores` and `layer_choices` of any models
    methods : `choice` of each method, by name

    Of layers that are chosen on other images, the row has the one that is chosen most often, the earlier one in a tie. The
    score is the mean over splits of whichever was chosen.
    """
    best = same_data(scores)
    nested = {method for method, row in methods.items() if row["choice"] == OTHER_IMAGES}
    often = choices.sort_values(["frequency", "layer_index"], ascending=[False, True], kind="stable")
    often = often.groupby(CONDITION, sort=False).head(1)[[*CONDITION, "layer_index", "score", "corrected", "choice"]]
    of_layers = scores.drop(columns=["score", "corrected"]).merge(often, on=[*CONDITION, "layer_index"])
    parts = [best[~best.method.isin(nested)], of_layers[of_layers.method.isin(nested)][best.columns]]
    return pd.concat(parts, ignore_index=True).sort_values(CONDITION, ignore_index=True)
