"""What the answers of a run of 50 models cost: questions, agreement, specificity, and what the data can decide.

python tests/benchmarks/answers.py [--models N]

Simulated neurons and networks as in inference.py: 6,619 neurons of 60 animals in six areas, and their cortical layers (21
sites), by the rows of `paper` and `strict`, on one core. The resamples of four networks stand for those of all, shifted.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from inference import AREAS, N_IMAGES, RESAMPLING, ROOT, STIMULI, network, population, rows, timed
from measure import print_machine
from scoring import layers_of
from threadpoolctl import threadpool_limits

from dormouse.files import read_arrays, write_arrays
from dormouse.inference.agreement import measure_agreement
from dormouse.inference.assessment import assess
from dormouse.inference.contrasts import list_contrasts, with_attributes
from dormouse.inference.learning_curves import learning_curves
from dormouse.inference.power import power
from dormouse.inference.questions import answer, read_scored
from dormouse.inference.recovery import candidate, recover
from dormouse.inference.scorers import scorers
from dormouse.inference.specificity import measure_specificity
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.table import RDMS
from dormouse.neurons.populations import FIRST_TRIALS
from dormouse.written import read_yaml

CONFIG = read_yaml(ROOT / "config.yaml")
N_ASSESSED, FEW = 4, {"rdm": 5, "responses": 2}
JUDGE, CHOICE = CONFIG["inference"]["judge"], CONFIG["layer_choice"]


def models(n: int) -> pd.DataFrame:
    """Return attributes of networks: each trained and random, two networks a family."""
    lines = []
    for k in range(n):
        network, random = k // 2, k % 2
        labels = {
            "model": f"m{k}",
            "family": f"f{network // 2}",
            "architecture": ("Convolutional", "Transformer")[network % 4 // 2],
        }
        labels |= {
            "source": "timm",
            "name": f"net{network}",
            "weights": "random" if random else "in1k",
            "stimulus_set": "original",
        }
        labels |= {"task": "", "group": "imagenet", "task_cluster": "", "imagenet_top1": 70.0 + network % 7}
        lines.append(labels | {"n_parameters": 10**6 * (1 + network), "n_features": 10**5 * (1 + network % 5)})
    return with_attributes(pd.DataFrame(lines))


def judged(kernels: list[dict], targets: Mapping, methods: Mapping, paths: list[Path], best: pd.DataFrame) -> None:
    """Time what the data can decide, as one job of a family of methods."""
    candidates = [
        candidate(f"m{k}", f"f{k // 4}", layers_of(own), ModelKernels.of(own), JUDGE["recovery"]["n_layers"])
        for k, own in enumerate(kernels[:8])
    ]
    data = targets, methods, STIMULI, 3
    timed("recovery and discriminability", recover, candidates, *data, CHOICE, JUDGE["recovery"], 0)
    timed("power", power, [read_arrays(path) for path in paths], *JUDGE["power"].values())
    first = best[best.model.isin(["m0", "m1"])]
    given = ((f"m{k}", ModelKernels.of(kernels[k])) for k in range(2))
    timed("learning curves", learning_curves, given, first, *data, JUDGE["curves"], 0)


@threadpool_limits.wrap(limits=1)
def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=50, help="number of models (default 50)")
    n_models = parser.parse_args().models
    print_machine("numpy", "scipy", "pandas", "statsmodels")
    rng, table, methods = np.random.default_rng(0), models(n_models), rows()
    neurons = population(rng)
    trials = np.stack([neurons["mean"] + rng.standard_normal(neurons["mean"].shape) / k for k in FIRST_TRIALS])
    neurons |= {"first": trials, "n_trials": np.full(neurons["mean"].shape[1], 50)}
    targets = dict.fromkeys(("paper", "strict"), neurons)
    kernels = [network(4, rng) for _ in range(n_models)]
    paths, best, animals = {"rsa": [], "ridge": []}, [], []
    with tempfile.TemporaryDirectory() as folder:
        for family, of_family in paths.items():
            own = {name: row for name, row in methods.items() if (row["target"] in RDMS) == (family == "rsa")}
            assessed = [
                assess(layers_of(one), scorers(one, targets, own, STIMULI, 3), {"n_halves": 2, "seed": 0}, RESAMPLING, FEW)
                for one in kernels[:N_ASSESSED]
            ]
            for k in range(n_models):
                _, single, arrays = assessed[k % N_ASSESSED]
                shift = {name: arrays[name] + rng.normal(0, 0.02) for name in ("pooled", "mean")}
                animals.append(single.assign(model=f"m{k}", score=single.score + rng.normal(0, 0.02)))
                of_family.append(Path(folder) / f"{family}{k}.npz")
                write_arrays(of_family[-1], arrays | shift)
            chosen = (
                pd.concat(animals)
                .drop(columns=["animal", "n_neurons"])
                .drop_duplicates(["method", "model", "area", "cortical_layer"])
            )
            best.append(chosen[chosen.method.isin(own)].assign(effective_dimension=10.0))
            print(
                f"\n{family}: {n_models} models, {len(AREAS)} areas, {N_IMAGES} images, one core\n\n| | seconds |\n|---|---:|"
            )
            judged(kernels, targets, own, of_family, best[-1])
            timed("specificity", measure_specificity, targets, own, STIMULI, 3)
        print("\nboth families\n\n| | seconds |\n|---|---:|")
        contrasts = list_contrasts(read_yaml(ROOT / "resources/contrasts.yaml"), CONFIG)
        scored = timed("scores read", read_scored, paths, list(table.model))
        answers = timed("questions", answer, contrasts, scored, table, pd.concat(best), list(methods))
        timed("agreement", measure_agreement, scored, pd.concat(animals), table, 100, 0)
    print(f"\n{len(answers)} answers")


if __name__ == "__main__":
    main()
