"""Responses of single units of a MouseNet to scenes and gratings, and their statistics."""

import sys
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from dormouse.mousenet.anatomy import split_name
from dormouse.mousenet.network import MouseNet
from dormouse.stimuli.gratings import gratings
from dormouse.stimuli.images import BLANK, Stimuli
from dormouse.stimuli.preprocessing import preprocess
from dormouse.unit_statistics import measure, varying

BATCH = 16


def measure_network(
    network: MouseNet, stimuli: Stimuli, recipe: Mapping, n_units: int, seed: int, negative: str
) -> pd.DataFrame:
    """Return area, layer, unit and every quantity (`unit_statistics.measure`) of some units of every node, one row per unit.

    Units that do not vary over the scenes are left out, as unreliable neurons are; the log says how many.

    Parameters
    ----------
    stimuli : the blank is left out
    recipe : preprocessing of images
    n_units : number drawn from each node, at most
    negative : see `unit_statistics.measure`
    """
    rng, scenes = np.random.default_rng(seed), stimuli.images[stimuli.names != BLANK]
    bars = gratings(recipe["size"])
    inputs = torch.from_numpy(preprocess(scenes, recipe))
    units = draw_units(network, inputs, n_units, rng)
    to_scenes = unit_activity(network, inputs, units)
    to_bars = unit_activity(network, torch.from_numpy(preprocess(bars.reshape(-1, *bars.shape[-2:]), recipe)), units)
    parts = []
    for name, places in units.items():
        varies = varying(to_scenes[name])
        responses = to_bars[name][:, varies].reshape(*bars.shape[:3], -1)
        area, layer = split_name(name)
        place = {"area": area, "layer": layer, "unit": places.numpy()[varies]}
        parts.append(measure(to_scenes[name][:, varies], responses, rng, negative).assign(**place))
        print(
            f"{name}: {(~varies).sum()} of {len(varies)} units do not vary over the scenes, and are left out.", file=sys.stderr
        )
    return pd.concat(parts, ignore_index=True)


def draw_units(network: MouseNet, inputs: torch.Tensor, n_units: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Return the places of at most `n_units` units of every node, drawn at random from its flattened map."""
    with torch.no_grad():
        sizes = {name: values[0].numel() for name, values in network.activity(inputs[:1]).items()}
    return {name: torch.from_numpy(rng.permutation(size)[:n_units]) for name, size in sizes.items()}


def unit_activity(network: MouseNet, inputs: torch.Tensor, units: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Return the activity of some units of every node, name -> (n_images, n_units) float64.

    Parameters
    ----------
    network : in evaluation mode
    inputs : (n_images, 3, input_px, input_px), preprocessed
    units : their places, from `draw_units`
    """
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in units}
    with torch.no_grad():
        for batch in inputs.split(BATCH):
            for name, values in network.activity(batch).items():
                parts[name].append(values.flatten(1)[:, units[name]])
    return {name: torch.cat(part).double().numpy() for name, part in parts.items()}
