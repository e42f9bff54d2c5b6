"""Statistics of recorded neurons, the same as for network units."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dormouse.stimuli.images import BLANK
from dormouse.unit_statistics import measure


def measure_neurons(population: Mapping[str, np.ndarray], stimuli: np.ndarray, seed: int, negative: str) -> pd.DataFrame:
    """Return area, layer, unit and every quantity of recorded neurons, one row per neuron.

    Parameters
    ----------
    population : from `populations.pool`, for any areas. A neuron's signal correlation is with a neuron of the same area and
        cortical layer, as a unit's is with a unit of the same node; unknown counts as a layer
    stimuli : (n_stimuli,), their names; the blank is left out
    negative : see `measure`
    """
    rng, scenes, parts = np.random.default_rng(seed), population["mean"][stimuli != BLANK], []
    sites = pd.DataFrame({"area": population["area"], "layer": population["cortical_layer"]})
    for (area, layer), inside in sites.groupby(["area", "layer"], sort=False).indices.items():
        place = {"area": area, "layer": layer, "unit": inside}
        parts.append(measure(scenes[:, inside], None, rng, negative).assign(**place))
    return pd.concat(parts).sort_values("unit", ignore_index=True)
