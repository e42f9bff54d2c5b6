"""What the choice of a layer does to networks that know nothing of the images: the table of docs/methods.md.

118 images, 30 neurons; the layers of a network are independent noise, so that each is a chance to be lucky.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from noise_networks import FOLDS, choices_by_ridge, choices_by_rsa, noise, of_area

STRICT = FOLDS | {"settings": {"folds": 5, "seed": 0, "penalties": [10.0**k for k in range(-3, 4)]}}
N_LAYERS = (18, 160, 600)


def simulate(method: str, n_layers: int, n_networks: int) -> pd.DataFrame:
    """Return a row of `layer_choices` for each of some networks, at an area."""
    made = (noise(n_layers, seed, n_neurons=30, n_images=118) for seed in range(n_networks))
    choose = {"RSA": choices_by_rsa, "ridge": lambda features, population: choices_by_ridge(features, population, STRICT)}
    return pd.concat([of_area(choose[method](*network)) for network in made], ignore_index=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=50)
    n_networks = parser.parse_args().networks
    print("| | layers | same data | other images | standard error |\n|---|---:|---:|---:|---:|")
    for method in ("RSA", "ridge"):
        for n_layers in N_LAYERS:
            table = simulate(method, n_layers, n_networks)
            cells = [f"{value:.4f}" for value in (table.same_data.mean(), table.score.mean(), table.score.sem())]
            print(f"| {method} | {n_layers} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
