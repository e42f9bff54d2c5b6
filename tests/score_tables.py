"""Tables of scores that a test made up."""

import numpy as np
import pandas as pd


def make_scores(scores: list[float], **place) -> pd.DataFrame:
    """Scores of the layers of one network at one site, in order of computation."""
    index = np.arange(1, len(scores) + 1)
    condition = {"method": "rsa_pearson", "selection": "strict", "model": "alexnet", "area": "VISp", "cortical_layer": "all"}
    condition |= {"differs": ""} | place
    return pd.DataFrame(
        {
            **condition,
            "layer": [f"Layer-{i}" for i in index],
            "path": [f"features.{i}" for i in index],
            "layer_index": index,
            "layer_depth": index / len(scores),
            "block": [f"block-{i}" for i in index],
            "block_depth": index / len(scores),
            "n_features": 100 * index,
            "effective_dimension": 10.0 * index,
            "n_neurons": 30,
            "site_dimension": 2.0,
            "score": scores,
            "corrected": np.asarray(scores) * 1.25,
            "n_uncorrected": 3,
            "corrected_by": "r / sqrt(reliability)",
        }
    )
