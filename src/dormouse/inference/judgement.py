"""What the data can decide by the methods of one family: recovery, discriminability, power and learning curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from dormouse.files import read_arrays
from dormouse.inference.learning_curves import best_models, learning_curves
from dormouse.inference.power import power
from dormouse.inference.recovery import candidate, choose_networks, recover
from dormouse.methods.scores import read_model


def judge(
    kernels: Mapping[str, Sequence[str]],
    families: Mapping[str, str],
    resamples: Sequence[str | Path],
    best: pd.DataFrame,
    targets: Mapping[str, Mapping],
    trials: Mapping[str, Mapping],
    methods: Mapping[str, Mapping],
    stimuli: Mapping[str, str],
    min_neurons: int,
    choice: Mapping,
    settings: Mapping,
    seed: int,
    differs: Mapping[str, str],
) -> dict[str, pd.DataFrame]:
    """Return the tables `recovery`, `discriminability`, `power` and `learning_curves`.

    Parameters
    ----------
    kernels : files of the kernels of each model
    families : family of each network from which neurons may be simulated
    resamples : files of the arrays of `assessment.assess`, one for each model
    best : the table `best_layers`
    targets, methods, min_neurons : as in `scorer.scorers`
    trials : `first` of `populations.pool` for each selection; empty where the data set gives similarities
    stimuli : SHA-256 of each image, by name, in order
    choice : `n_halves` of the images and `seed`, for the choice of layers
    settings : of `recovery`, `power` and `curves`
    differs : settings that differ from the defaults, by method
    """
    of_recovery, of_curves = settings["recovery"], settings["curves"]
    candidates = [
        candidate(model, families[model], *read_model(kernels[model], stimuli), of_recovery["n_layers"])
        for model in choose_networks(families, of_recovery["n_models"])
    ]
    targets = {selection: {**target, **trials.get(selection, {})} for selection, target in targets.items()}
    data = targets, methods, list(stimuli), min_neurons
    candidates = [found for found in candidates if len(found.layers)]
    recovery, discriminability = recover(candidates, *data, choice, of_recovery, seed)
    chosen = {method: best_models(best, method, of_curves["n_models"]) for method in methods}
    best = best[[row.model in chosen.get(row.method, ()) for row in best[["method", "model"]].itertuples()]]
    models = ((model, read_model(kernels[model], stimuli)[1]) for model in best.model.unique())
    tables = {
        "recovery": recovery,
        "discriminability": discriminability,
        "power": power(list(map(read_arrays, resamples)), **settings["power"]),
        "learning_curves": learning_curves(models, best, *data, of_curves, seed),
    }
    return {name: table.assign(differs=table.method.map(differs)) for name, table in tables.items()}
