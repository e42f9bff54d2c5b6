"""Resamples of models that a test made up, as `assessment.assess` gives them."""

import numpy as np
import pandas as pd

N_BOOT, MODELS = 40, ["a", "b", "c", "d"]
SITES = [("rsa", "VISp", "all"), ("rsa", "VISp", "4"), ("rsa", "VISl", "all"), ("other", "VISp", "all")]


def made(seed: int, n_animals: int = 6, n_images: int = 30, halved: bool = False) -> dict[str, np.ndarray]:
    """Return the arrays of a model at four sites, with a part that all models share."""
    rng, common = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((4, N_BOOT, 4))
    arrays = {key: 0.2 * (rng.standard_normal() + rng.standard_normal(4)) for key in ("pooled", "mean")}
    animals, images, both, pooled = 0.05 * (common + 0.7 * rng.standard_normal((4, N_BOOT, 4)))
    spread = {"of_animals": animals, "of_images": images, "of_both": animals + images + 0.3 * both}
    arrays |= {key: arrays["mean"] + values for key, values in spread.items()} | {"of_pooled": arrays["pooled"] + pooled}
    labels = {"method": 0, "area": 1, "cortical_layer": 2}
    arrays |= {key: np.array([site[k] for site in SITES]) for key, k in labels.items()}
    arrays |= {"selection": np.full(4, "strict"), "layer_index": np.full(4, 2)}
    return arrays | {"n_animals": np.full(4, n_animals), "n_images": np.full(4, n_images), "halved": np.full(4, halved)}


def row_of(table: pd.DataFrame, site: tuple, **key) -> pd.Series:
    rows = table[(table[["method", "area", "cortical_layer"]] == list(site)).all(axis=1)]
    for column, value in key.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, (site, key)
    return rows.iloc[0]
