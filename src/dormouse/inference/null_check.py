"""The run's check of itself: features that know nothing of the images must score as permuted ones do."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.inference.permutation import best_scores, draw_orders, largest_z
from dormouse.inference.scorer import Scorer
from dormouse.inference.scorers import scorers
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.scores import read_model
from dormouse.stimuli.images import BLANK

FALSE_ALARMS = 0.001  # of runs without a fault
OF_ROW = ["model", "method", "area", "cortical_layer", "score", "null_mean", "null_sd", "z"]


def shuffled(kernels: ModelKernels, stimuli: Iterable[str], seed: int) -> ModelKernels:
    """Return the kernels of a model as if it had seen the images in another order; the blank keeps its place."""
    names = np.array(list(stimuli))
    # another seed than that of the orders that it is compared with
    return kernels.of_images(draw_orders(np.flatnonzero(names != BLANK), len(names), 1, seed + 1)[1])


def scorers_of_check(
    noise: Sequence[str],
    model: Sequence[str],
    targets: Mapping,
    methods: Mapping,
    stimuli: Mapping[str, str],
    min_neurons: int,
    seed: int,
) -> dict[str, list[Scorer]]:
    """Return the scorers of features that know nothing of the images, by name.

    Parameters
    ----------
    noise : kernel files of the noise baseline; none if the run has none
    model : kernel files of any other model, whose last layer is taken with its images shuffled
    targets, methods, stimuli, min_neurons : as in `scorer.scorers`, of all methods; stimuli with their hashes
    """
    of_model = read_model(model, stimuli)[1].of_layers(slice(-1, None))
    kernels = {f"{_name(model)} (images shuffled)": shuffled(of_model, stimuli, seed)}
    if noise:
        kernels[_name(noise)] = read_model(noise, stimuli)[1]
    return {name: list(scorers(found, targets, methods, list(stimuli), min_neurons)) for name, found in kernels.items()}


def _name(paths: Sequence[str]) -> str:
    return Path(paths[0]).parents[1].name


def check_nulls(scorers: Mapping[str, Iterable[Scorer]], n: int, n_neurons: int, seed: int) -> pd.DataFrame:
    """Return the table `null_check`: the score of each model at each site by each method, beside its null distribution.

    Parameters
    ----------
    scorers : of all methods, by model. The models know nothing of the images.
    n : number of permuted orders, the same for all
    n_neurons : most neurons of an area, for methods that read responses
    seed : of the orders

    One statistic is for all rows: the largest |z| of any score (see `permutation.largest_z`). The check fails where it is
    larger than in all but one in a thousand of the permuted orders.
    """
    tables, values = [], []
    for model, of_model in scorers.items():
        for scorer in of_model:
            best = best_scores(scorer, n, n_neurons, seed)
            place = scorer.tested(n_neurons)[["area", "cortical_layer"]].reset_index(drop=True)
            null = {"null_mean": best[1:].mean(axis=0), "null_sd": best[1:].std(axis=0, ddof=1)}
            tables.append(place.assign(model=model, method=scorer.name, score=best[0], **null))
            values.append(best)
    z, largest, p = largest_z(np.concatenate(values, axis=1))
    table = pd.concat(tables, ignore_index=True).assign(z=z)[OF_ROW]
    return table.assign(largest_z=largest, p=p, passed=p > FALSE_ALARMS, n_permutations=n)


def confirm(table: pd.DataFrame) -> str:
    """Return one line that says how the check of a run ended; raises InputError if it failed.

    Parameters
    ----------
    table : the table `null_check`
    """
    if table.z.isna().all():
        return "Nothing could be checked: no score of shuffled images or noise varies over permuted orders of the images."
    row = table.loc[table.z.abs().idxmax()]
    found = f"largest |z| {row.largest_z:.2f}, p = {row.p:.4f}, in {row.n_permutations} permuted orders"
    if row.passed:
        return f"Shuffled images and noise score as they should: {found}."
    raise InputError(
        f"The run's check of itself failed: {row.model} scores {row.score:.3f} in {row.area} ({row.cortical_layer}) by "
        f"{row.method}, where features without information score {row.null_mean:.3f} +- {row.null_sd:.3f} ({found}). A run "
        "without a fault fails once in a thousand. Do not trust its scores; tables/null_check.parquet says where to look."
    )
