"""What both presets and their inference cost: one large network, and 50 models compared.

python tests/benchmarks/inference.py [--models N]

One network of 158 layers against 6,619 simulated neurons of 60 animals, in six areas and their cortical layers (21 sites), by
the rows of `paper` and `strict`, on one core: scores, then what inference does. Then 50 models are compared by RSA.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measure import print_machine
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scoring import layers_of

from dormouse.files import write_arrays
from dormouse.inference.assessment import assess
from dormouse.inference.comparison import compare
from dormouse.inference.layer_choice import CONDITION
from dormouse.inference.permutation import best_scores
from dormouse.inference.resampling import resample
from dormouse.inference.scorers import scorers
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.methods.table import RDMS
from dormouse.neurons.populations import site_rdms
from dormouse.written import read_yaml

ROOT = Path(__file__).resolve().parents[2]
AREAS = ("VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl")
LAYERS = {"VISp": 4, "VISl": 3, "VISal": 2, "VISpm": 3, "VISam": 2, "VISrl": 1}  # 15, with whole areas 21 sites
N_IMAGES, N_NEURONS, N_LAYERS, N_ANIMALS, N_BOOT = 119, 6619, 158, 60, 1000
STIMULI = [*(f"scene_{k:03}" for k in range(N_IMAGES - 1)), "blank"]
RESAMPLING = {"n_boot": N_BOOT, "n_halves": 100, "n_neurons": 50, "seed": 0}


def rows() -> dict[str, dict]:
    """Return the rows of both presets."""
    table = read_yaml(ROOT / "resources/methods.yaml")
    return {name: table["rows"][name] for preset in ("paper", "strict") for name in table["presets"][preset]}


def population(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return simulated neurons; an animal has neurons of one area, in one or two of its layers."""
    animal = np.sort(np.resize(np.arange(N_ANIMALS), N_NEURONS))
    area = np.resize(AREAS, N_ANIMALS)[animal]
    layer = np.array([("4", "2/3", "5", "6")[neuron % LAYERS[name]] for neuron, name in enumerate(area)])
    shared = rng.standard_normal((N_IMAGES, 20)) @ rng.standard_normal((20, N_NEURONS))
    arrays = {name: shared + 2 * rng.standard_normal((N_IMAGES, N_NEURONS)) for name in ("mean", "odd", "even")}
    text = {"animal": animal.astype(str), "area": area, "cortical_layer": layer, "neuron": np.arange(N_NEURONS).astype(str)}
    return arrays | text | {"recording": animal.astype(str), "reliability": rng.uniform(0.3, 0.95, N_NEURONS)}


def network(n_layers: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the kernels of a simulated network, in which neighbouring layers are similar."""
    X, kernels = rng.standard_normal((N_IMAGES, 2000)) * np.arange(1, 2001) ** -0.5, []
    for _ in range(n_layers):
        X = X + 0.2 * rng.standard_normal(X.shape)
        Z, C = (X - X.mean(axis=0)) / X.std(axis=0), X - X.mean(axis=1, keepdims=True)
        kernels.append({"srp": Z @ Z.T, "centred": C @ C.T, "row_sum": X.sum(axis=1), "n_features": 2000})
    return {name: np.stack([of[name] for of in kernels]) for name in kernels[0]}


def timed(what: str, call, *given):
    """Call a function, print how long it took, and return what it returns."""
    start = time.perf_counter()
    found = call(*given)
    print(f"| {what} | {time.perf_counter() - start:.1f} |", flush=True)
    return found


def resamples(kernels: dict, targets: dict, methods: dict, at: np.ndarray) -> None:
    """Resample the scores of one model, layers held fixed: those on which the choice fell are given."""
    for scorer in scorers(kernels, targets, methods, STIMULI, 3):
        layers = np.resize(at, scorer.n_pooled)
        estimates = np.zeros(len(scorer.sites))
        resample(scorer, layers, estimates, np.zeros((len(kernels["row_sum"]), len(estimates))), N_BOOT, 100, 0)


def permutations(kernels: dict, targets: dict, methods: dict, n: int) -> None:
    """Score the best layer in permuted orders of the images, at most 50 neurons of an area."""
    for scorer in scorers(kernels, targets, methods, STIMULI, 3):
        best_scores(scorer, n, 50, 0)


@threadpool_limits.wrap(limits=1)
def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=50, help="that are compared (default 50)")
    n_models = parser.parse_args().models
    print_machine("numpy", "scipy", "pandas")
    rng, methods = np.random.default_rng(0), rows()
    of = {
        name: {key: row for key, row in methods.items() if (row["target"] in RDMS) == rdms}
        for name, rdms in (("rsa", 1), ("ridge", 0))
    }
    neurons = population(rng)
    targets = dict.fromkeys(("paper", "strict"), neurons)
    areas = [{key: values[..., neurons["area"] == area] for key, values in neurons.items()} for area in AREAS]
    parts = [site_rdms(part, 3) for part in areas]
    rdms = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    kernels = network(N_LAYERS, rng)
    layers = layers_of(kernels)
    print(f"\n{N_LAYERS} layers, {N_NEURONS} neurons, {len(rdms['area'])} sites, {N_ANIMALS} animals, one core\n")
    print("| | seconds |\n|---|---:|")
    timed("scores, RSA, both presets", score_rdms, layers, kernels, dict.fromkeys(targets, rdms), of["rsa"], STIMULI)
    timed("scores, ridge, both presets", score_responses, layers, kernels, targets, of["ridge"], STIMULI, 3)
    for name in of:
        given = layers, scorers(kernels, targets, of[name], STIMULI, 3), {"n_halves": 20, "seed": 0}
        none = {"rdm": 0, "responses": 0}
        timed(f"layers chosen elsewhere, and {N_BOOT} resamples, {name}", assess, *given, RESAMPLING, none)
        timed(f"{N_BOOT} resamples alone, {name}", resamples, kernels, targets, of[name], np.arange(0, N_LAYERS, 8))
    for name, n in (("rsa", 1000), ("ridge", 20)):
        timed(f"{n} permutations, {name}", permutations, kernels, targets, of[name], n)
    compared(of["rsa"], targets, n_models, rng)


def compared(methods: dict, targets: dict, n_models: int, rng: np.random.Generator) -> None:
    """Time what one model more costs: the comparison of all of them."""
    with tempfile.TemporaryDirectory() as folder:
        paths, best = [], []
        for k in range(n_models):
            kernels = network(2, rng)
            given = scorers(kernels, targets, methods, STIMULI, 3), {"n_halves": 2, "seed": 0}, RESAMPLING
            _, animals, arrays = assess(layers_of(kernels), *given, {"rdm": 20, "responses": 20})
            best.append(animals.assign(model=f"m{k}").drop_duplicates(CONDITION))
            paths.append(Path(folder) / f"m{k}.npz")
            write_arrays(paths[-1], arrays)
        names = [path.stem for path in paths]
        differs = dict.fromkeys(methods, "")
        found = timed(f"{n_models} models compared", compare, paths, names, pd.concat(best), {}, differs)
    print(f"\n{len(found['differences'])} differences, {len(found['intervals'])} intervals")


if __name__ == "__main__":
    main()
