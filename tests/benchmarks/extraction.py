"""A network's kernels, streamed during the forward pass: against the pass alone, the bare products, and keeping all features.

python tests/benchmarks/extraction.py [--repeats N] [NETWORK ...]

The code of Conwell et al. keeps all features: hooks keep every output for all images, then scikit-learn projects each one and
numpy.corrcoef computes its RDM. Here, matrices of one size are drawn only once. This contender runs once per network.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch
from measure import contest, print_machine
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from kernel_files import read_kernel

from dormouse.features.extraction import extract
from dormouse.features.gram import BLOCK
from dormouse.features.kernels import writing_kernels
from dormouse.features.layers import is_container
from dormouse.features.projection import in_blocks, n_projections
from dormouse.features.record import tensors
from dormouse.methods.rdms import rdm_from_centred, upper_triangles
from dormouse.models.build import build
from dormouse.recordings.simulation import simulate_scenes
from dormouse.stimuli.preprocessing import preprocess

NETWORKS = {
    "resnet50": "torchvision",
    "vgg16": "torchvision",
    "vit_small_patch16_224": "timm",
    "mobilenet_v2": "torchvision",
    "densenet201": "torchvision",
}
INPUT = {
    "size": 224,
    "range": 1,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "channels": "rgb",
    "interpolation": "bilinear",
}
N_IMAGES, THREADS, EPS, SEED, ROWS = 119, 2, 0.1, 0, 120


def load(name: str) -> tuple[nn.Module, np.ndarray]:
    """Return a network with random weights, and images."""
    inputs = preprocess(simulate_scenes(N_IMAGES, 128, seed=0), INPUT)
    return build({"source": NETWORKS[name], "name": name, "file": None, "seed": 0}), inputs


def streamed(name: str, store: Path) -> dict:
    """Extract Gram and SRP kernels, and write the files."""
    network, inputs = load(name)
    paths = [store / f"{kernel}.npz" for kernel in ("centred", "srp")]
    start = time.perf_counter()
    with writing_kernels(paths, np.array(["image"] * N_IMAGES), np.array("{}")) as keep:
        extract(network, inputs, "all", ["srp"], EPS, SEED, THREADS, keep=keep)
    seconds = time.perf_counter() - start
    stored = read_kernel(paths[0])
    rdms, _ = rdm_from_centred(stored["kernel"], stored["row_sum"], stored["n_features"])
    np.savez(store / "streamed.npz", rdms=upper_triangles(rdms), n_features=stored["n_features"])
    return {"seconds": seconds, "disk_mb": sum(path.stat().st_size for path in paths) / 1e6, "n_layers": len(rdms)}


def forward(name: str, store: Path, batch: int) -> dict:
    """Run the network alone, in batches of one size."""
    network, inputs = load(name)
    images = torch.from_numpy(inputs)
    with torch.inference_mode():
        network(images[:2])
        start = time.perf_counter()
        for part in images.split(batch):
            network(part)
        return {"seconds": time.perf_counter() - start}


def products(name: str, store: Path) -> dict:
    """Compute the bare products of all layers: X X' of random numbers, and sparse matrix by dense block, both in cache."""
    sizes = Counter(np.load(store / "streamed.npz")["n_features"].tolist())
    numbers, block = torch.randn(N_IMAGES, max(sizes)), torch.randn(BLOCK, ROWS)
    projected = torch.zeros(n_projections(N_IMAGES, EPS), ROWS)
    gram, sparse = 0.0, 0.0
    for size, count in sizes.items():
        X, matrix = numbers[:, :size].contiguous(), in_blocks(size, len(projected), SEED, BLOCK, torch.device("cpu"))
        gram += count * seconds_of(lambda X=X: X @ X.T)
        sparse += count * seconds_of(lambda matrix=matrix: [projected.addmm_(part, block) for part in matrix])
    return {"seconds": gram + sparse, "gram_seconds": gram}


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def kept(name: str, store: Path) -> dict:
    """Keep all features until the network has run; then project each, and compute its RDM."""
    from sklearn.random_projection import SparseRandomProjection  # not in the memory of the others

    network, inputs = load(name)
    features: list[torch.Tensor] = []

    def keep(module: nn.Module, _, output) -> None:
        for tensor in tensors(output):
            X = tensor.flatten(1)
            if len(X) == N_IMAGES and not any(X.shape == other.shape and torch.equal(X, other) for other in features[-3:]):
                features.append(X.clone())  # later layers may write in place

    start = time.perf_counter()
    for module in network.modules():
        if not is_container(module):
            module.register_forward_hook(keep)
    with torch.inference_mode():
        network(torch.from_numpy(inputs))
    fitted, rdms, (rows, columns) = {}, [], np.triu_indices(N_IMAGES, k=1)
    for X in map(torch.Tensor.numpy, features):
        if (size := X.shape[1]) not in fitted:
            fitted[size] = SparseRandomProjection(n_projections(N_IMAGES, EPS), random_state=SEED).fit(X)
        fitted[size].transform(X)
        rdms.append(1 - np.corrcoef(X)[rows, columns])
    seconds = time.perf_counter() - start
    np.savez(store / "kept.npz", rdms=np.stack(rdms))
    return {"seconds": seconds}


OURS, AT_ONCE, BY_EIGHT, BARE, KEPT = (
    "streamed",
    "pass, 119 at once",
    "pass, 8 at a time",
    "bare products",
    "keep all features",
)
CONTENDERS = {
    OURS: streamed,
    AT_ONCE: lambda name, store: forward(name, store, N_IMAGES),
    BY_EIGHT: lambda name, store: forward(name, store, 8),
    BARE: products,
    KEPT: kept,
}


def one_run(contender: str, output: str, name: str, store: str) -> None:
    """Measure one contender on one network."""
    torch.set_num_threads(THREADS)
    Path(output).write_text(json.dumps(CONTENDERS[contender](name, Path(store))))


def row(name: str, results: dict[str, dict], difference: float, need: int) -> str:
    """Return the line of a network in the table; keeping all features takes at least `need` bytes."""
    seconds = {key: result["seconds"] for key, result in results.items()}
    ours, gram = results[OURS], results[BARE]["gram_seconds"]
    least = min(seconds[AT_ONCE], seconds[BY_EIGHT])
    cells = [
        f"{name}, {ours['n_layers']} layers",
        *(f"{seconds[key]:.1f}" for key in (OURS, AT_ONCE, BY_EIGHT)),
        f"{gram:.1f} + {seconds[BARE] - gram:.1f}",
        f"{seconds[OURS] / (seconds[AT_ONCE] + seconds[BARE]):.2f}",
        f"{seconds[OURS] / (least + seconds[BARE]):.2f}",
        *([f"{seconds[KEPT]:.0f}", f"{seconds[KEPT] / seconds[OURS]:.1f}"] if KEPT in results else ["does not fit", ""]),
        f"{ours['peak_mib']:.0f}",
        f"{results[KEPT]['peak_mib'] / ours['peak_mib']:.1f}"
        if KEPT in results
        else f"> {need / 2**20 / ours['peak_mib']:.1f}",
        f"{ours['disk_mb']:.1f}",
        f"{difference:.0e}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run all contenders on all networks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)} (default: all)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; medians are printed (default 5)")
    arguments = parser.parse_args()
    print_machine("torch", "torchvision", "timm", "numpy", "scikit-learn")
    print(f"\n{N_IMAGES} images, {THREADS} threads; seconds. Ratios: streamed / (pass + products), streamed / (quicker pass +")
    print("products), keep all / streamed (time), keep all / streamed (peak memory); largest difference of an RDM entry\n")
    print("| | streamed | pass at once | by 8 | X X' + sparse | ratio | ratio | keep all | times | MiB | times | MB disk | |")
    print("|---|" + "---:|" * 12)
    for name in arguments.networks or NETWORKS:
        with tempfile.TemporaryDirectory() as store:
            results = contest(__file__, [OURS, AT_ONCE, BY_EIGHT, BARE], [name, store], arguments.repeats, THREADS)
            found = np.load(Path(store) / "streamed.npz")
            # features in float32, and of the largest layer the copies in float64 that numpy.corrcoef makes
            need = N_IMAGES * (4 * int(found["n_features"].sum()) + 16 * int(found["n_features"].max()))
            difference = float("nan")
            if need < psutil.virtual_memory().available:
                results |= contest(__file__, [KEPT], [name, store], 1, THREADS)
                peer = np.load(Path(store) / "kept.npz")["rdms"]
                difference = np.abs(found["rdms"] - peer).max() if found["rdms"].shape == peer.shape else difference
        print(row(name, results, difference, need), flush=True)


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
