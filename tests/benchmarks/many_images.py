"""A network's kernels for many images: against the pass alone in batches of eight, and the bare products.

python tests/benchmarks/many_images.py [--network NAME] [--scratch FOLDER] [--scratch-gb N] [N_IMAGES ...]

Two cores and 6 GB, as in `config.yaml`; kernels `centred` and `srp`. Bare products are X X' of all layers, of random numbers
in memory (of parts of layers of more than 2 GB); the sparse projections, in cache; and the products of their z-scored
columns. Features that wait on disk are counted as they are written.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from extraction import EPS, INPUT, NETWORKS, SEED, THREADS, seconds_of
from measure import contest, print_machine

from dormouse.features import extraction, scratch
from dormouse.features.gram import BLOCK
from dormouse.features.kernels import read_layers, writing_kernels
from dormouse.features.projection import in_blocks, n_projections
from dormouse.models.build import build
from dormouse.recordings.simulation import simulate_scenes
from dormouse.stimuli.preprocessing import preprocess

SIZES, MEMORY_MIB, LEAST_S = [119, 500, 1000, 2800], 6000 * 1e6 / 2**20, 1.0
REPEATS = 5  # of which medians are printed, to 300 images; one of more
LARGEST_BYTES = 2 << 30
NAMES = NETWORKS | {"resnet18": "torchvision", "alexnet": "torchvision"}


def load(name: str, n_images: int) -> tuple[torch.nn.Module, np.ndarray]:
    """Return a network with random weights, and images."""
    inputs = preprocess(simulate_scenes(n_images, 128, seed=0), INPUT)
    return build({"source": NAMES[name], "name": name, "file": None, "seed": 0}), inputs


def kernels(name: str, n_images: int, store: Path, folder: str, room: float) -> dict:
    """Extract the kernels, and write the files; say what waited on disk."""
    network, inputs = load(name, n_images)
    waiting, plans, put_aside = [0, 0], [], scratch.Waiting.__init__

    def counted(self, *given) -> None:
        put_aside(self, *given)
        waiting[0] += scratch.n_bytes(self.n_images, self.n_features)
        waiting[1] = max(waiting)

    def closed(self) -> None:
        waiting[0] -= scratch.n_bytes(self.n_images, self.n_features)
        self._file.close()

    def planned(*given):
        plans.append(plan_for(*given))
        return plans[-1]

    plan_for, extraction.plan_for = extraction.plan_for, planned
    scratch.Waiting.__init__, scratch.Waiting.close = counted, closed
    paths = [store / f"{kernel}.npz" for kernel in ("centred", "srp")]
    # what a process does once is not measured: reading compiled code, and what the first images take, as in the pass alone
    in_blocks(1000, 100, SEED, BLOCK, torch.device("cpu"))
    with torch.inference_mode():
        network(torch.from_numpy(inputs[:2]))
    start = time.perf_counter()
    with writing_kernels(paths, np.array(["image"] * n_images), np.array("{}")) as keep:
        given = network, inputs, "all", ["srp"], EPS, SEED, THREADS, MEMORY_MIB, "float32", keep, (folder, room)
        extraction.extract(*given)
    seconds, (plan,) = time.perf_counter() - start, plans
    np.save(store / "n_features.npy", read_layers(paths[0]).n_features)
    return {
        "seconds": seconds,
        "forecast_s": plan.seconds,
        "forecast_mib": plan.forecast / 2**20,
        "groups": len(plan.groups),
        "passes": len(plan.passes),
        "scratch_gb": waiting[1] / 1e9,
        "forecast_gb": plan.scratch / 1e9,
    }


def forward(name: str, n_images: int, *_) -> dict:
    """Run the network alone, eight images at a time."""
    network, inputs = load(name, n_images)
    images = torch.from_numpy(inputs)
    with torch.inference_mode():
        network(images[:2])
        return {"seconds": seconds_of(lambda: [network(part) for part in images.split(8)])}


def products(name: str, n_images: int, store: Path, *_) -> dict:
    """Return the seconds of the bare products of all layers."""
    sizes = np.load(store / "n_features.npy")
    block, n_columns = torch.randn(BLOCK, n_images), n_projections(n_images, EPS)
    numbers = torch.randn(n_images, min(int(sizes.max()), LARGEST_BYTES // (4 * n_images)))
    projected = torch.zeros(n_columns, n_images)
    gram = sparse = 0.0
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        X = numbers[:, :size].contiguous()
        gram += count * size / X.shape[1] * rate(lambda X=X: X @ X.T)
        matrix = in_blocks(int(size), n_columns, SEED, BLOCK, torch.device("cpu"))
        sparse += count * len(matrix) * rate(lambda matrix=matrix: projected.addmm_(matrix[0], block))
    columns = torch.randn(1024, n_images, dtype=torch.float64)
    scaled = len(sizes) * n_columns / 1024 * rate(lambda: columns.T @ columns)
    return {"seconds": gram + sparse + scaled, "gram": gram, "sparse": sparse, "scaled": scaled}


def rate(work) -> float:
    """Return the seconds of one repeat, over as many as take `LEAST_S`."""
    work()
    n, start = 0, time.perf_counter()
    while not n or time.perf_counter() - start < LEAST_S:
        work()
        n += 1
    return (time.perf_counter() - start) / n


CONTENDERS = {"kernels": kernels, "pass, 8 at a time": forward, "bare products": products}


def one_run(contender: str, output: str, name: str, n_images: str, store: str, folder: str, room: str) -> None:
    """Measure one contender."""
    torch.set_num_threads(THREADS)
    Path(output).write_text(json.dumps(CONTENDERS[contender](name, int(n_images), Path(store), folder, float(room))))


def main() -> None:
    """Run all contenders at all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, metavar="N_IMAGES", help=f"default: {SIZES}")
    parser.add_argument("--network", choices=NAMES, default="resnet18")
    parser.add_argument("--scratch", default=tempfile.gettempdir(), help="folder where features may wait")
    parser.add_argument("--scratch-gb", type=float, default=1000, help="most that may wait there (default: what is free)")
    arguments = parser.parse_args()
    print_machine("torch", "numpy")
    print("\n| images | kernels | pass | X X' + sparse + Z Z' | ratio | forecast s | passes | MiB, forecast | GB, forecast |")
    print("|---:|" + "---:|" * 5 + "---|---:|---:|")
    for n in arguments.sizes or SIZES:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as store:
            given = [arguments.network, str(n), store, arguments.scratch, str(1e9 * arguments.scratch_gb)]
            results = contest(__file__, list(CONTENDERS), given, REPEATS if n <= 300 else 1, THREADS)
        ours, forward_only, bare = results.values()
        cells = [
            f"{n}",
            f"{ours['seconds']:.1f}",
            f"{forward_only['seconds']:.1f}",
            f"{bare['gram']:.1f} + {bare['sparse']:.1f} + {bare['scaled']:.1f}",
            f"{ours['seconds'] / (forward_only['seconds'] + bare['seconds']):.2f}",
            f"{ours['forecast_s']:.0f}" if ours["forecast_s"] else "",
            f"waiting, {ours['groups']} groups"
            if ours["forecast_gb"]
            else f"{ours['passes']} passes, {ours['groups']} groups",
            f"{ours['peak_mib']:.0f}, {ours['forecast_mib']:.0f}",
            f"{ours['scratch_gb']:.1f}, {ours['forecast_gb']:.1f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
