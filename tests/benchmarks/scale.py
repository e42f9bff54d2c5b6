"""What the whole zoo costs besides its networks: a dry run when all results exist, an empty job, and the scores.

python tests/benchmarks/scale.py [--repeats N]

The size is that of the paper: 400 recordings, every row of resources/models.tsv. Results are empty files, kernels simulated.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measure import print_machine
from threadpoolctl import threadpool_limits

from dormouse.features.kernels import writing_kernels
from dormouse.methods import rdms, ridge
from dormouse.methods.scores import read_model, score_rdms, score_responses
from dormouse.tables import write_by_area, write_table

ROOT = Path(__file__).parents[2]
PARTS = (
    "Snakefile",
    "config.yaml",
    "src",
    "workflow",
    "profiles",
    "envs",
    "resources/methods.yaml",
    "resources/contrasts.yaml",
    "resources/models.tsv",
    "resources/mousenet",
    "resources/targets.yaml",
    "resources/figures.yaml",
    "resources/citations.yaml",
)
AREAS = ("VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl")
N_RECORDINGS, N_MODELS, N_LAYERS, N_NEURONS, N_IMAGES, N_FOLDS, SHARE = 400, 230, 35_000, 6619, 119, 5, 10
PENALTIES = np.logspace(-1, 5, 7)
STIMULI = {f"scene_{k}": f"{k:064x}" for k in range(N_IMAGES)}
OF_ALL = {"selection": "paper", "images": "all"}
BY_RSA = {
    name: OF_ALL | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": name}}
    for name in ("pearson", "spearman")
}
BY_RIDGE = {"ridge": OF_ALL | {"family": "ridge", "kernels": ["srp"], "target": "responses", "settings": {"penalty": 1.0}}}


def copy_project(folder: Path) -> None:
    """Copy what a run reads, and list made-up recordings."""
    for part in PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, folder / part)
    k = np.arange(N_RECORDINGS)
    recordings = pd.DataFrame(
        {"recording": (500_000_000 + k).astype(str), "container": k.astype(str), "animal": (k // 2).astype(str)}
    )
    recordings = recordings.assign(area=np.resize(AREAS, N_RECORDINGS), depth_um=175.0, cre_line="Cux2-CreERT2")
    write_table(
        "recordings", recordings.assign(failed=False, used=True, reason=""), folder / "results/allen/tables/recordings.parquet"
    )


def snakemake(folder: Path, *arguments: str) -> str:
    """Run the workflow's command line and return what it printed."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"})
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout + done.stderr


def dry_runs(repeats: int) -> None:
    """Time dry runs of the default configuration when every result exists."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        snakemake(folder, "--touch", "results/allen/tables/recordings.parquet")
        lines = snakemake(folder, "--summary").splitlines()
        files = [line.split("\t")[0] for line in lines if "\t" in line][1:]
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
        snakemake(folder, "--touch")
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            said = snakemake(folder, "-n")
            seconds.append(time.perf_counter() - start)
            assert "Nothing to be done" in said, said[-3000:]
    print(f"Dry run, {len(files)} files, nothing to be done: {statistics.median(seconds):.1f} s")


def simulate(folder: Path, n_layers: int, rng: np.random.Generator) -> dict[str, Path]:
    """Write the kernels of a simulated network, in which neighbouring layers are similar."""
    X = rng.standard_normal((N_IMAGES, 2000)) @ np.diag(np.arange(1, 2001) ** -0.5)
    sizes = {"n_features": 2000, "effective_dimension": 50.0, "row_sum": np.zeros(N_IMAGES)}
    paths = {name: folder / f"kernels/{name}.npz" for name in ("centred", "srp")}
    with writing_kernels(list(paths.values()), np.array(list(STIMULI.values())), np.array("{}")) as keep:
        for k in range(1, n_layers + 1):
            X = X + 0.2 * rng.standard_normal(X.shape)
            Z = (X - X.mean(axis=0)) / X.std(axis=0)
            place = {"layer": f"Conv2d-{k}", "path": f"features.{k}", "block": f"features.{k}", "block_depth": k / n_layers}
            keep(place | sizes | dict.fromkeys(paths, Z @ Z.T))
    return paths


@threadpool_limits.wrap(limits=1)
def scores() -> None:
    """Time the scores of a tenth of the zoo on one core, as jobs compute them."""
    rng = np.random.default_rng(0)
    sizes = rng.multinomial(N_LAYERS // SHARE, np.full(N_MODELS // SHARE, SHARE / N_MODELS))
    neurons = {key: np.array([f"{key}{k}" for k in range(N_NEURONS)]) for key in ("recording", "neuron", "animal")}
    neurons |= {"area": np.resize(AREAS, N_NEURONS), "cortical_layer": np.resize(["2/3", "4", "5", ""], N_NEURONS)}
    population = neurons | {"mean": rng.standard_normal((N_IMAGES, N_NEURONS))}
    sites = {
        "area": np.repeat(AREAS, 4)[:21],
        "cortical_layer": np.resize(["all", "2/3", "4", "5"], 21),
        "n_neurons": np.full(21, 9),
    }
    sites["rdm"] = np.stack([rdms.rdm_from_patterns(rng.standard_normal((N_IMAGES, 50))) for _ in range(21)])
    sites["rdm_dimension"] = np.full(21, 10.0)
    folds = ridge.make_folds(N_IMAGES, N_FOLDS, seed=0)
    spent = dict.fromkeys(("RSA", "ridge, leave one out", "ridge, five folds, seven penalties"), 0.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = {"model": "simulated", "differs": ""}
        for n_layers in sizes:
            paths = simulate(folder, int(n_layers), rng)
            start = time.process_time()
            model = read_model([paths["centred"]], STIMULI)
            table = score_rdms(*model, {"paper": sites}, BY_RSA, list(STIMULI))
            write_by_area("scores", table.assign(**run), [folder / f"rsa/{area}/x.parquet" for area in AREAS])
            ended = time.process_time()
            spent["RSA"] += ended - start
            layers, kernels = read_model([paths["srp"]], STIMULI)
            targets = {"paper": population}
            of_neurons, of_sites = score_responses(layers, kernels, targets, BY_RIDGE, list(STIMULI), min_neurons=3)
            write_by_area("neuron_scores", of_neurons.assign(**run), [folder / f"neurons/{area}/x.parquet" for area in AREAS])
            write_by_area("scores", of_sites.assign(**run), [folder / f"ridge/{area}/x.parquet" for area in AREAS])
            spent["ridge, leave one out"] += time.process_time() - ended
            ended = time.process_time()
            ridge.nested(kernels["srp"], population["mean"], PENALTIES, folds)
            spent["ridge, five folds, seven penalties"] += time.process_time() - ended
    print(f"\nScores of {N_MODELS} models, {N_LAYERS} layers, {N_NEURONS} neurons, 21 sites: from a {SHARE}th, on two cores")
    print("\n| | hours | ms a layer and core |\n|---|---:|---:|")
    for name, seconds in (spent | {"all": sum(spent.values())}).items():
        print(f"| {name} | {seconds * SHARE / 3600 / 2:.2f} | {seconds * SHARE / N_LAYERS * 1000:.0f} |")


def empty_job(repeats: int) -> None:
    """Time jobs that score next to nothing, as Snakemake runs them again in a finished demo of one baseline."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        (folder / "tiny.yaml").write_text(
            "dataset: demo\nareas: [VISp]\ndemo: {n_scenes: 4, n_trials: 4, n_neurons: 8, height: 16}\n"
            "selection: {min_reliability: -1.0}\nreliability: {n_splits: 2}\nmodels: {groups: [], include: [pixels]}\n"
        )
        target = ["results/demo/scores/rsa/VISp/pixels.parquet", "--configfile", "tiny.yaml"]
        snakemake(folder, *target)
        seconds = {}
        for kind, forced in (("with", ["--forcerun", "score_rdms"]), ("without", [])):
            seconds[kind] = []
            for _ in range(repeats):
                start = time.perf_counter()
                snakemake(folder, target[0], *forced, *target[1:])
                seconds[kind].append(time.perf_counter() - start)
    job = statistics.median(seconds["with"]) - statistics.median(seconds["without"])
    print(f"A scoring job with nothing to score: {job:.2f} s, from one command with it and one without")


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="dry runs and jobs; medians are printed (default 5)")
    arguments = parser.parse_args()
    print_machine("snakemake", "numpy", "pandas", "pyarrow")
    print()
    dry_runs(arguments.repeats)
    empty_job(arguments.repeats)
    scores()


if __name__ == "__main__":
    main()
