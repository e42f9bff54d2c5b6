"""Made-up zoos of networks, and their resampled scores."""

import numpy as np
import pandas as pd

from dormouse.inference.contrasts import with_attributes
from dormouse.inference.resampled import Resamples

TRAINING = {
    "kind": "pairs",
    "first": {"label": "trained", "where": {"state": "trained"}},
    "second": {"label": "random", "where": {"state": "random"}},
    "pair_by": ["source", "network"],
    "unit": "family",
}


def zoo(n_families: int = 8, seed: int = 0) -> pd.DataFrame:
    """Return the table of models: families of one to three networks, each trained once and random with two seeds."""
    rng, rows = np.random.default_rng(seed), []
    for family in range(n_families):
        for network in range(1 + family % 3):
            name = f"net{family}{network}"
            labels = {"family": f"f{family}", "architecture": "AB"[family % 2], "source": "timm", "name": f"{name}.tag"}
            labels |= {
                "task": "",
                "group": "added",
                "stimulus_set": "original",
                "n_parameters": int(10 ** rng.uniform(6, 8)),
                "n_features": 10,
            }
            labels |= {
                "task_cluster": "",
                "stimulus_set": "original",
                "imagenet_top1": 70.0,
                "training_data": "",
                "method": "rsa",
            }
            rows += [labels | {"model": name, "weights": "in1k"}]
            rows += [labels | {"model": f"{name}-random{seed}", "weights": "random", "name": name} for seed in range(2)]
    return with_attributes(pd.DataFrame(rows))


def resamples(n: int, seed: int = 0, n_boot: int = 400, **sd: float) -> Resamples:
    """Return scores of n models, with noise of animals and images that they share in part."""
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(0, 0.02, (n_boot, n)) + rng.normal(0, 0.02, (n_boot, 1)) for _ in range(2)]
    counts = np.full(n, 6), np.full(n, 118), np.zeros(n, bool)
    return Resamples("mean_over_animals", rng.uniform(0, 0.5, n), drawn[0] + drawn[1], tuple(drawn), *counts)
