"""From the scores of all layers to one score per model: the choice of a layer.

A layer that is chosen on the data on which it is then scored flatters, the more so the more layers a network has. So each
model is also scored with layers that were chosen on other images, other trials and other animals: nested cross-validation
(Varma & Simon 2006, BMC Bioinformatics 7:91).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dormouse.inference.scorer import POOLED, Scorer
from dormouse.methods.table import OTHER_IMAGES

CONDITION = ["method", "selection", "model", "area", "cortical_layer"]
SAME_DATA, OTHER_TRIALS, OTHER_ANIMALS = "same_data", "other_trials", "other_animals"
OF_LAYER = ["layer", "path", "layer_index", "layer_depth"]
OF_CHOICE = ["frequency", "n_splits", "score", "corrected", "same_data", "optimism", "selection_loss"]


@dataclass(frozen=True)
class Splits:
    """Scores of all layers of a model at one site, on the data that choose a layer and on those that score it."""

    choice: str
    choose: np.ndarray  # (n_splits, n_layers) float64
    score: np.ndarray  # the same on data that have no part in `choose`
    corrected: np.ndarray  # the same, corrected for noise; NaN where that is not known yet
    fixed: np.ndarray  # (n_layers,), by which the layer is chosen that is best on the same data
    same_data: float  # its score on these

    def chosen(self) -> tuple[np.ndarray, np.ndarray]:
        """Return what `chosen_in` returns for these splits."""
        return chosen_in(self.choose, self.score)


def chosen_in(choose: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the splits with scores on both parts, and the layer chosen in each; in a tie, the earlier one.

    Parameters
    ----------
    choose, score : (n_splits, n_layers), scores on the part that chooses and on the other
    """
    choose = np.where(np.isnan(score), np.nan, choose)
    usable = np.flatnonzero(~np.isnan(choose).all(axis=1))
    return usable, np.array([np.nanargmax(choose[split]) for split in usable], int)


def same_data(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the highest-scoring layer of each model for each method and site; the earlier one in a tie.

    The layer is chosen on the same data on which its score is reported, as in Conwell et al. 2021. Such a score is optimistic,
    especially for a network with many layers; the column `choice` says so in every row.
    """
    ordered = scores.sort_values("layer_index", kind="stable").sort_values("score", ascending=False, kind="stable")
    best = ordered.groupby(CONDITION, sort=False).head(1)
    return best.sort_values(CONDITION, ignore_index=True).assign(choice=SAME_DATA)


def draw_halves(n_images: int, n_halves: int, seed: int) -> np.ndarray:
    """Return random halves of the images, (n_halves, n_images) bool; of an odd number, the greater part is False."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(n_images) < n_images // 2 for _ in range(n_halves)])


def splits_of(scorer: Scorer, whole: np.ndarray, parts: tuple[np.ndarray, ...] | None) -> Iterator[tuple[int, Splits]]:
    """Yield the splits of each pooled site: by images, by trials and by animals, as far as the data allow.

    Parameters
    ----------
    whole : (n_layers, n_entries), scores on all data
    parts : from `Scorer.splits`; None where there are too few images
    """
    n = scorer.n_pooled
    missing = np.full((2, len(whole)), np.nan)
    trials = [scorer.scores(trials=half, first=n) for half in ("odd", "even")] if scorer.has_trials else []
    for site in range(n):
        fixed = whole[:, site]
        if parts:
            yield site, split_by_images(whole, parts, site)
        if trials:
            halves = np.stack([half[:, site] for half in trials])
            if not np.isnan(halves).all(axis=1).any():
                same = np.mean([_largest(half) for half in halves])
                yield site, Splits(OTHER_TRIALS, halves, halves[::-1], missing, fixed, same)
        own = np.flatnonzero((scorer.sites.site == site) & (scorer.sites.animal != POOLED))
        if len(own) > 1:
            by_animal = whole[:, own].T
            others = np.stack([np.delete(by_animal, k, axis=0).mean(axis=0) for k in range(len(own))])
            mean = by_animal.mean(axis=0)
            yield site, Splits(OTHER_ANIMALS, others, by_animal, np.full(others.shape, np.nan), mean, _largest(mean))


def split_by_images(whole: np.ndarray, parts: tuple[np.ndarray, ...], site: int) -> Splits:
    """Return the splits of one pooled site by images; see `splits_of`."""
    fixed = whole[:, site]
    return Splits(OTHER_IMAGES, *(values[:, :, site] for values in parts), fixed, _largest(fixed))


def _largest(scores: np.ndarray) -> float:
    return float(np.fmax.reduce(scores))


def choice_rows(splits: Splits, layers: list[dict]) -> list[dict]:
    """Return the rows of the table `layer_choices` of one site: each layer that is chosen in any split.

    Parameters
    ----------
    layers : the columns `OF_LAYER` of each layer
    """
    usable, chosen = splits.chosen()
    if not len(usable) or np.isnan(splits.fixed).all():
        return []
    score, corrected = (values[usable] for values in (splits.score, splits.corrected))
    nested, adjusted = (values[np.arange(len(chosen)), chosen].mean() for values in (score, corrected))
    found = {
        "choice": splits.choice,
        "n_splits": len(usable),
        "score": nested,
        "corrected": adjusted,
        "same_data": splits.same_data,
        "optimism": splits.same_data - nested,
        "selection_loss": nested - score[:, np.nanargmax(splits.fixed)].mean(),
    }
    numbers, counts = np.unique(chosen, return_counts=True)
    return [layers[k] | found | {"frequency": count / len(chosen)} for k, count in zip(numbers, counts, strict=True)]


def most_often(splits: Splits) -> int | None:
    """Return the layer that is chosen most often, the earlier one in a tie; None where there is nothing to choose by."""
    _, chosen = splits.chosen()
    return int(np.bincount(chosen).argmax()) if len(chosen) else None


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
    often = choices[choices.choice == OTHER_IMAGES]
    often = often.sort_values(["frequency", "layer_index"], ascending=[False, True], kind="stable")
    often = often.groupby(CONDITION, sort=False).head(1)[[*CONDITION, "layer_index", "score", "corrected", "choice"]]
    of_layers = scores.drop(columns=["score", "corrected"]).merge(often, on=[*CONDITION, "layer_index"])
    parts = [best[~best.method.isin(nested)], of_layers[of_layers.method.isin(nested)][best.columns]]
    return pd.concat(parts, ignore_index=True).sort_values(CONDITION, ignore_index=True)
