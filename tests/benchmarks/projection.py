"""Sparse random projection of a layer of 3.2 million features to 4,096 columns: against scikit-learn.

python tests/benchmarks/projection.py [--repeats N]
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import contest, print_machine, print_table
from sklearn.random_projection import SparseRandomProjection

from dormouse.features.gram import BLOCK, reduce
from dormouse.features.projection import Projections

N_IMAGES, N_FEATURES, N_COLUMNS, SEED, THREADS = 119, 3_211_264, 4096, 0, 2


def ours(kept: bool, X: np.ndarray) -> tuple[float, np.ndarray]:
    """Project with a matrix that was kept, or is drawn now; the Gram matrix of all features is computed, too."""
    projections, parts = Projections(N_COLUMNS, SEED, BLOCK, torch.device("cpu")), [torch.from_numpy(X)]
    if kept:
        projections(N_FEATURES)
    start = time.perf_counter()
    projected = reduce(parts, ["srp"], projections)["projected"]
    return time.perf_counter() - start, projected


def scikit_learn(kept: bool, X: np.ndarray) -> tuple[float, np.ndarray]:
    """Do the same by scikit-learn, without the Gram matrix."""
    fitted = SparseRandomProjection(N_COLUMNS, random_state=SEED)
    if kept:
        fitted.fit(X)
    start = time.perf_counter()
    projected = fitted.transform(X) if kept else fitted.fit_transform(X)
    return time.perf_counter() - start, projected


CONTENDERS = {
    "dormouse, drawn": (ours, False),
    "scikit-learn fit_transform": (scikit_learn, False),
    "dormouse, matrix kept": (ours, True),
    "scikit-learn transform": (scikit_learn, True),
}


def one_run(contender: str, output: str, store: str) -> None:
    """Time one contender, and keep its result."""
    torch.set_num_threads(THREADS)
    X = np.maximum(np.random.default_rng(0).standard_normal((N_IMAGES, N_FEATURES), dtype=np.float32), 0)
    function, kept = CONTENDERS[contender]
    seconds, projected = function(kept, X)
    np.save(Path(store) / f"{list(CONTENDERS).index(contender)}.npy", projected)
    Path(output).write_text(json.dumps({"seconds": seconds}))


def main() -> None:
    """Run all contenders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contender; medians are printed (default 5)")
    arguments = parser.parse_args()
    print_machine("torch", "numpy", "scipy", "scikit-learn")
    with tempfile.TemporaryDirectory() as store:
        results = contest(__file__, list(CONTENDERS), [store], arguments.repeats, THREADS)
        projected = [np.load(Path(store) / f"{k}.npy") for k in range(len(CONTENDERS))]
    title = f"{N_IMAGES} images, {N_FEATURES} features to {N_COLUMNS}, {THREADS} threads; ours with the Gram matrix as well"
    print_table(title, results, "scikit-learn fit_transform")
    difference = max(np.abs(each - projected[1]).max() for each in projected) / np.abs(projected[1]).max()
    print(f"\nLargest difference, by the largest value: {difference:.1e}")


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
