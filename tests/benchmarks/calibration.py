"""Whether intervals hold the truth and noise scores nothing, in simulated experiments: the tables of docs/methods.md.

coverage: how often 95 % intervals hold the expected score, with new images, animals, neurons and trials in each experiment.
choice: what the choice of a layer does to networks whose layers are independent noise, with 118 images and 30 neurons.
p: whether p values of such networks, with 18 layers, are uniform.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kstest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import experiments
from experiments import LEFT_OUT, RSA, coverage, experiment, kernels_of
from noise_networks import FOLDS, choices_by_ridge, choices_by_rsa, names, noise, of_area

from dormouse.inference.permutation import best_scores, p_values
from dormouse.inference.scorers import scorers

METHODS = {"RSA, Pearson": RSA, "ridge, one left out": LEFT_OUT, "ridge, five folds": experiments.FOLDS}
# numbers of animals, how they differ, and a seed of those that are the same in every experiment
CASES = (*((n, kind, None) for n in (4, 7, 14) for kind in ("uneven", "alike")), (7, "uneven", 1))
STRICT = FOLDS | {"settings": {"folds": 5, "seed": 0, "penalties": [10.0**k for k in range(-3, 4)]}}
NETWORKS = {("RSA", 18): 1, ("RSA", 160): 1, ("RSA", 600): 1, ("ridge", 18): 1, ("ridge", 160): 0.5, ("ridge", 600): 0.2}
OF_CASE = ["animals", "kind", "fixed"]


def simulate(first: int, last: int) -> Iterator[pd.DataFrame]:
    """Yield the intervals of experiments of each case, from one seed to another."""
    for seed in range(first, last):
        for n_animals, kind, animals_seed in CASES:
            table = experiment(n_animals, seed, METHODS, animals=kind, animals_seed=animals_seed)
            yield table.assign(animals=n_animals, kind=kind, fixed=animals_seed is not None)


def print_coverage(simulated: pd.DataFrame) -> None:
    """Print how often intervals hold the truth: the mean over animals where these are new, the pooled score where not."""
    print("| | animals | experiments | score | sd | sem | coverage | of another network | of their difference |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    parts = [coverage(table).assign(**dict(zip(OF_CASE, key, strict=True))) for key, table in simulated.groupby(OF_CASE)]
    table = pd.concat(parts, ignore_index=True)
    table = table[table.fixed == (table.statistic == "pooled")]
    for (method, kind, fixed, animals), rows in table.groupby(["method", "kind", "fixed", "animals"]):
        of = rows.set_index("of").reindex(["first", "second", "difference"])
        row, covered = of.loc["first"], [f"{value:.3f}" if value == value else "" for value in of.covered]
        what = f"{animals}{', alike' * (kind == 'alike')}{', pooled' * fixed}"
        numbers = f"{int(row.n)} | {row.score:.3f} | {row.sd:.3f} | {row['sem']:.3f} | {' | '.join(covered)}"
        print(f"| {method} | {what} | {numbers} |", flush=True)


def print_choice(n_networks: int) -> None:
    """Print scores of noise with layers that were chosen on the same data and on other images."""
    print("| | layers | networks | same data | other images | standard error |\n|---|---:|---:|---:|---:|---:|")
    choose = {"RSA": choices_by_rsa, "ridge": lambda features, population: choices_by_ridge(features, population, STRICT)}
    for (method, n_layers), share in NETWORKS.items():
        n = max(2, round(share * n_networks))
        made = (noise(n_layers, seed, n_neurons=30, n_images=118) for seed in range(n))
        table = pd.concat([of_area(choose[method](*network)) for network in made], ignore_index=True)
        cells = [f"{value:.4f}" for value in (table.same_data.mean(), table.score.mean(), table.score.sem())]
        print(f"| {method} | {n_layers} | {n} | {' | '.join(cells)} |", flush=True)


def print_p(n_networks: int, n_orders: int = 99) -> None:
    """Print the Kolmogorov-Smirnov test of p values of noise, and how often they are low."""
    print("| | networks | p of Kolmogorov-Smirnov | p <= .05 | p <= .1 |\n|---|---:|---:|---:|---:|")
    for method, row in list(METHODS.items())[:2]:
        p = []
        for seed in range(n_networks):
            features, population = noise(18, 10_000 + seed, n_neurons=30, n_images=118)
            given = kernels_of(features), {"strict": population}, {method: row}, names(118), 3
            p.append(p_values(best_scores(next(scorers(*given)), n_orders, 30, seed))[0])
        continuous = np.array(p) - np.random.default_rng(0).random(n_networks) / (n_orders + 1)
        low = " | ".join(f"{np.mean(np.array(p) <= level + 1e-9):.3f}" for level in (0.05, 0.1))
        print(f"| {method} | {n_networks} | {kstest(continuous, 'uniform').pvalue:.3f} | {low} |", flush=True)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="section", help="coverage, choice, p; all by default")
    parser.add_argument("--sims", type=int, default=1000, help="number of experiments, for coverage")
    parser.add_argument("--networks", type=int, default=30, help="number of networks of noise; fewer of those that take long")
    given = parser.parse_args()
    printed = {
        "coverage": lambda: print_coverage(pd.concat(simulate(0, given.sims), ignore_index=True)),
        "choice": lambda: print_choice(given.networks),
        "p": lambda: print_p(10 * given.networks),
    }
    if unknown := set(given.sections) - set(printed):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    for section in given.sections or printed:
        printed[section]()


if __name__ == "__main__":
    main()
