"""What the scores of one model are worth, by all methods of a family: the rows and resamples that models are compared by."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from dormouse.inference.layer_choice import (
    OF_CHOICE,
    OF_LAYER,
    choice_rows,
    draw_halves,
    splits_of,
)
from dormouse.inference.permutation import best_scores
from dormouse.inference.resampling import chosen_layers, entry_scores, resample
from dormouse.inference.scorer import POOLED, Scorer
from dormouse.methods.table import FEWEST_IMAGES, OTHER_IMAGES

OF_SITE = ["method", "selection", "area", "cortical_layer"]
CHOICES = [*OF_SITE, *OF_LAYER, *OF_CHOICE, "choice"]
ANIMALS = [*OF_SITE, *OF_LAYER, "animal", "n_neurons", "score", "choice"]


def assess(
    layers: pd.DataFrame, scorers: Iterable[Scorer], choice: Mapping, resampling: Mapping, n_permutations: Mapping[str, int]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """Return the layers that are chosen, the scores in each animal, and the resamples of one model.

    Parameters
    ----------
    layers : from `scores.read_model`
    scorers : one for each method
    choice : `n_halves` of the images and `seed`
    resampling : `n_boot`, `n_halves`, `n_neurons` that are tested in an area, and `seed`
    n_permutations : by target, rdm or responses

    Returns
    -------
    choices, animals : the tables `layer_choices` and `animal_scores`, without `model` and `differs`
    arrays : those of `resampling.resample`, for the sites of all methods, named by `method`, `selection`, `area`,
        `cortical_layer` and `layer_index` (0 where no layer could be chosen); and `best` (n + 1, n_tested), from
        `permutation.best_scores`, for the sites named by the same with `tested_` before
    """
    named = layers[OF_LAYER].to_dict("records")
    choices, animals, resamples, tested = [], [], [], []
    for scorer in scorers:
        place = {"method": scorer.name, "selection": scorer.row["selection"]}
        whole, parts = scorer.scores(), _parts(scorer, **choice)
        splits = {(site, found.choice): found for site, found in splits_of(scorer, whole, parts)}
        pooled = scorer.sites[: scorer.n_pooled][["area", "cortical_layer"]].to_dict("records")
        choices += [place | pooled[site] | row for (site, _), found in splits.items() for row in choice_rows(found, named)]
        chosen = chosen_layers(scorer, whole, splits)
        scores = entry_scores(scorer, chosen, whole, parts, splits)
        single = scorer.sites.assign(score=scores, layer=chosen[scorer.sites.site], choice=scorer.row["choice"])
        single = single[(single.animal != POOLED) & single.score.notna()].drop(columns="site").to_dict("records")
        animals += [place | row | named[row["layer"]] for row in single]
        given = {key: resampling[key] for key in ("n_boot", "n_halves", "seed")}
        arrays = resample(scorer, chosen, scores, whole, **given)
        resamples.append(arrays | _labels(pd.DataFrame(pooled), place) | {"layer_index": chosen + 1})
        n = n_permutations["responses" if scorer.row["target"] == "responses" else "rdm"]
        sites = scorer.tested(resampling["n_neurons"])
        best = best_scores(scorer, n, resampling["n_neurons"], resampling["seed"])
        labels = _labels(sites[["area", "cortical_layer"]], place) | {"n_neurons": sites.n_neurons.fillna(-1).to_numpy(int)}
        tested.append({f"tested_{key}": values for key, values in labels.items()} | {"best": best})
    tables = pd.DataFrame(choices, columns=CHOICES), pd.DataFrame(animals, columns=ANIMALS)
    return *tables, _joined(resamples) | _joined(tested)


def _parts(scorer: Scorer, n_halves: int, seed: int) -> tuple[np.ndarray, ...] | None:
    """Return the scores on parts of the images; those of single animals only for methods that choose layers by them."""
    if scorer.n_images < FEWEST_IMAGES:
        return None
    n = len(scorer.sites) if scorer.row["choice"] == OTHER_IMAGES else scorer.n_pooled
    return scorer.splits(draw_halves(scorer.n_images, n_halves, seed), n)


def _labels(sites: pd.DataFrame, place: Mapping[str, str]) -> dict[str, np.ndarray]:
    return {key: values.to_numpy(str) for key, values in sites.assign(**place).items()}


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return arrays joined along sites, which are their last axis; resamples in single precision."""
    joined = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
    return {name: values.astype(np.float32) if name.startswith("of_") else values for name, values in joined.items()}
