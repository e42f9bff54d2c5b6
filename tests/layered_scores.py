"""Scores of all layers of the networks of `few_networks`, with best layers where a test puts them."""

import pandas as pd
from few_networks import AREAS, METHODS, planted

N_LAYERS = 10
PEAKS = {"a": 3, "b": 8, "a-random0": 5, "a-random1": 7, "mouse-1": 2}  # the best layer of some networks; of others the last


def peak_score(model: str, area: str, method: str, cortical_layer: str = "all") -> float:
    """Return the score of the best layer of a network."""
    own = 0.3 + 0.01 * list(PEAKS).index(model) if model in PEAKS else 0.2
    return own + 0.001 * AREAS.index(area) + 0.1 * (method == "second") + 0.02 * (cortical_layer == "4")


def layered(models=tuple(PEAKS), layers=("all",), choices=(), areas=AREAS, **more):
    """Tables of a run whose scores fall by .01 with each layer away from the best one.

    Parameters
    ----------
    choices : (model, layer_index, frequency) of layers that are chosen on other images, at every site by each method
    """
    sites = [(method, area, layer) for method in METHODS for area in areas for layer in layers]
    rows = [
        {"method": method, "area": area, "cortical_layer": layer, "model": model, "layer": f"Conv-{k}", "layer_index": k}
        | {"layer_depth": k / N_LAYERS, "n_neurons": 50}
        | {"score": peak_score(model, area, method, layer) - 0.01 * abs(k - PEAKS.get(model, N_LAYERS))}
        for method, area, layer in sites
        for model in models
        for k in range(1, N_LAYERS + 1)
    ]
    best = [row for row in rows if row["layer_index"] == PEAKS.get(row["model"], N_LAYERS)]
    chosen = [
        {"method": method, "area": area, "cortical_layer": layer, "model": model, "layer_index": k, "frequency": share}
        | {"layer_depth": k / N_LAYERS, "choice": "other_images", "n_splits": 20}
        for method, area, layer in sites
        for model, k, share in choices
    ]
    given = {"scores": rows, "best_layers": best, "layer_choices": chosen} | more
    return planted(models, layers=layers, **{name: pd.DataFrame(lines) for name, lines in given.items()})
