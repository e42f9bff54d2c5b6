"""Neurons and scores of a network for many images, by the rows of both presets: how seconds and memory grow.

python tests/benchmarks/many_scores.py [--assess] [--layers N] [--neurons N] [N_IMAGES ...]

Kernels are of made-up features, and neurons are mixtures of these and noise. Each row of the presets `paper` and `strict` runs
in a process of its own, and reads kernels from their files. So do the jobs that measure neurons, which have two trials of each
image. The exponent is that of a line through the logarithms of images and seconds. With `--assess`, the rows choose layers on
halves of the images, and make intervals and permuted orders, as `config.yaml` sets them; instead of scores and neurons.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from extraction import seconds_of
from measure import contest, print_machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from kernel_files import write

from dormouse.inference.assessment import assess
from dormouse.inference.scorers import scorers
from dormouse.methods.scores import read_model, score_rdms, score_responses
from dormouse.methods.table import RDMS
from dormouse.neurons.ceilings import rdm_reliability
from dormouse.neurons.populations import site_rdms
from dormouse.neurons.reliability_table import measure_reliability
from dormouse.neurons.thresholds import sweep
from dormouse.recordings.session import scene_names
from dormouse.recordings.trials import Recording
from dormouse.tables import WHOLE

SIZES, N_LAYERS, N_NEURONS, N_SPLITS, THREADS = [350, 700, 1400, 2800], 6, 10_000, 100, 2
METHODS = yaml.safe_load((Path(__file__).resolve().parents[2] / "resources/methods.yaml").read_text())
CONFIG = yaml.safe_load((Path(__file__).resolve().parents[2] / "config.yaml").read_text())
ROWS = {name: METHODS["rows"][name] for preset in ("paper", "strict") for name in METHODS["presets"][preset]}


def prepare(folder: Path, n_images: int, n_layers: int, n_neurons: int) -> None:
    """Write the kernels of made-up layers, and the responses of neurons."""
    rng = np.random.default_rng(0)
    known = {"block_depth": np.linspace(0, 1, n_layers), "n_features": np.full(n_layers, 6000)}
    arrays = {key: np.array([f"{key}-{k}" for k in range(n_layers)]) for key in ("layer", "path", "block")} | known
    arrays |= {"effective_dimension": np.ones(n_layers), "row_sum": np.zeros((n_layers, n_images))}
    kernels = []
    for _ in range(n_layers):
        X = rng.standard_normal((n_images, 6000), np.float32) * np.geomspace(1, 0.03, 6000, dtype=np.float32)
        kernels.append((X @ X.T).astype(np.float64))
    write(folder, arrays | {"centred": np.stack(kernels), "srp": np.stack(kernels)}, ["centred", "srp"])
    signal = X[:, :100] @ rng.standard_normal((100, n_neurons), np.float32)
    np.save(folder / "responses.npy", signal + 10 * rng.standard_normal((2, *signal.shape), np.float32))


def population_of(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays of `populations.pool` for one area and one animal."""
    Y = np.load(folder / "responses.npy").mean(axis=0, dtype=np.float64)
    named = {"recording": "one", "animal": "a", "area": "VISp", "cortical_layer": ""}
    arrays = {key: np.full(Y.shape[1], value) for key, value in named.items()}
    arrays |= dict(zip(("odd", "even"), np.load(folder / "responses.npy").astype(np.float64), strict=True))
    return arrays | {"mean": Y, "neuron": np.arange(Y.shape[1]).astype(str), "reliability": np.full(Y.shape[1], 0.5)}


def score(folder: Path, method: str) -> dict:
    """Score all layers by one method."""
    row, population = ROWS[method], population_of(folder)
    n_images = len(population["mean"])
    stimuli = {f"scene_{k}": f"{k:064x}" for k in range(n_images)}
    targets = {row["selection"]: site_rdms(population, 3) if row["target"] == "rdm" else population}
    file = folder / f"{'srp' if row['kernels'] == ['srp'] else 'centred'}.npz"

    def work() -> None:
        layers, kernels = read_model([file], stimuli)
        if row["target"] == "rdm":
            score_rdms(layers, kernels, targets, {method: row}, list(stimuli))
        else:
            score_responses(layers, kernels, targets, {method: row}, list(stimuli), 3)

    return {"seconds": seconds_of(work)}


def assessed(folder: Path, method: str) -> dict:
    """Find out what the scores by one method are worth."""
    row, population = ROWS[method], population_of(folder)
    stimuli = {f"scene_{k}": f"{k:064x}" for k in range(len(population["mean"]))}
    file, settings = folder / f"{'srp' if row['kernels'] == ['srp'] else 'centred'}.npz", CONFIG["inference"]
    resampling = {key: settings[key] for key in ("n_boot", "n_halves", "n_neurons", "seed")}

    def work() -> None:
        layers, kernels = read_model([file], stimuli)
        given = scorers(kernels, {row["selection"]: population}, {method: row}, list(stimuli), 3)
        assess(layers, given, CONFIG["layer_choice"], resampling, settings["n_permutations"])

    return {"seconds": seconds_of(work)}


def recording_of(folder: Path) -> Recording:
    """Return the trials."""
    response = np.load(folder / "responses.npy")
    _, n_images, n_neurons = response.shape
    text = dict.fromkeys(("animal", "area", "cortical_layer", "cre_line"), np.full(n_neurons, ""))
    names = {"stimulus": scene_names(n_images, blank=False), "neuron": np.arange(n_neurons).astype(str), "unit": ""}
    of_trials = {"response": response, "running_speed": np.full(response.shape[:2], np.nan, np.float32)}
    return Recording(**of_trials, **names, **text, image_sha256=np.full(n_images, ""), depth_um=np.full(n_neurons, np.nan))


def reliability(folder: Path) -> dict:
    """Measure the reliability of every neuron, and its tuning."""
    recording = recording_of(folder)
    given = "one", recording, recording.stimulus, N_SPLITS, 0, [("all", "all")]
    return {"seconds": seconds_of(lambda: measure_reliability(*given))}


def ceilings(folder: Path) -> dict:
    """Measure the reliability of the RDMs of an area."""
    recording = recording_of(folder)
    kept = pd.DataFrame({"recording": "one", "neuron": recording.neuron})
    given = [("one", recording)], kept, [WHOLE], RDMS, len(recording.stimulus), N_SPLITS, 0
    return {"seconds": seconds_of(lambda: rdm_reliability(*given))}


def thresholds(folder: Path) -> dict:
    """Measure the reliability of populations at eleven thresholds."""
    recording, limits = recording_of(folder), np.linspace(0, 0.9, 11)
    value = np.random.default_rng(0).random(len(recording.neuron))
    given = pd.DataFrame({"recording": "one", "neuron": recording.neuron, "cortical_layer": "", "value": value})
    return {
        "seconds": seconds_of(lambda: sweep("VISp", [("one", recording)], given, limits, 3, len(recording.stimulus), 20, 0))
    }


WORTH = ", what it is worth"
ASSESSED = [name + WORTH for name in ROWS]
JOBS = {"reliability": reliability, "ceilings": ceilings, "thresholds": thresholds}


def one_run(name: str, output: str, folder: str) -> None:
    """Measure one method, or one job."""
    if name in JOBS:
        found = JOBS[name](Path(folder))
    else:
        found = (assessed if name in ASSESSED else score)(Path(folder), name.removesuffix(WORTH))
    Path(output).write_text(json.dumps(found))


def main() -> None:
    """Run all methods at all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, metavar="N_IMAGES", help=f"default: {SIZES}")
    parser.add_argument("--assess", action="store_true", help="layers chosen on halves, intervals and permuted orders")
    parser.add_argument("--layers", type=int, default=N_LAYERS)
    parser.add_argument("--neurons", type=int, default=N_NEURONS)
    arguments = parser.parse_args()
    print_machine("numpy", "scipy")
    sizes = arguments.sizes or SIZES
    print(f"\n{arguments.layers} layers, {arguments.neurons} neurons; seconds (of scores: a layer), peak MiB\n")
    print(f"| | {' | '.join(f'{n} images' for n in sizes)} | exponent |\n|---|{'---:|' * (len(sizes) + 1)}")
    found: dict[str, list[dict]] = {name: [] for name in (ASSESSED if arguments.assess else (*JOBS, *ROWS))}
    for n_images in sizes:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), n_images, arguments.layers, arguments.neurons)
            for name, result in contest(__file__, list(found), [folder], 1, THREADS).items():
                found[name].append(result)
    for name, results in found.items():
        seconds = [result["seconds"] / (1 if name in JOBS else arguments.layers) for result in results]
        exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0] if len(sizes) > 1 else np.nan
        cells = [f"{s:.2f}, {result['peak_mib']:.0f}" for s, result in zip(seconds, results, strict=True)]
        print(f"| {name} | {' | '.join(cells)} | {exponent:.1f} |")


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in (*JOBS, *ROWS, *ASSESSED) else main()
