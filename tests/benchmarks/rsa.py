"""RDMs, their comparison, and bootstraps over stimuli: against NumPy and rsatoolbox.

python tests/benchmarks/rsa.py [--repeats N] [WORKLOAD ...]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import rsatoolbox
import torch
from measure import contest, print_machine, print_table
from rsatoolbox.inference import evaluate
from rsatoolbox.rdm import RDMs

from dormouse.features import gram
from dormouse.inference.resampling import draw_counts
from dormouse.methods import rsa
from dormouse.methods.rdms import rdm_from_centred, rdm_from_patterns, upper_triangles

N_IMAGES, N_FEATURES, N_LAYERS, N_SITES = 119, 100_352, 50, 21
N_STIMULI, N_BOOT = 118, 1000  # the blank is not among the stimuli that are drawn
N_PEARSON, N_SPEARMAN, N_CHECKED = 1000, 20, 3
THREADS, OURS = 2, "dormouse"


def features() -> Iterator[np.ndarray]:
    """Make the features of one layer after another, as behind a ReLU: what images share, and noise, above 0."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((N_IMAGES, N_FEATURES), dtype=np.float32)
    for _ in range(N_LAYERS):
        common = rng.standard_normal((N_IMAGES, 4), dtype=np.float32), rng.standard_normal((4, N_FEATURES), dtype=np.float32)
        mixture = np.einsum("ik,kj->ij", *common)  # a product by BLAS would leave threads that go on spinning for a while
        yield np.maximum(mixture + noise, 0)


def pairs(n_stimuli: int) -> tuple[np.ndarray, np.ndarray]:
    """Make upper triangles of layers and sites that are correlated."""
    rng = np.random.default_rng(0)
    common = rng.random((5, n_stimuli * (n_stimuli - 1) // 2))
    return tuple(rng.random((n, 5)) @ common + rng.random((n, common.shape[1])) for n in (N_LAYERS, N_SITES))


def timed(work: Callable[..., np.ndarray], *inputs: object) -> tuple[float, np.ndarray]:
    """Return the seconds that the work took, and its result."""
    start = time.perf_counter()
    result = work(*inputs)
    return time.perf_counter() - start, result


def rdms(calculate: Callable[[np.ndarray], np.ndarray], dtype: type = np.float32) -> tuple[float, np.ndarray]:
    """Time the RDMs of all layers, without making features; the upper triangles of the first layers are kept."""
    results = [timed(calculate, X.astype(dtype, copy=False)) for X in features()]
    return sum(seconds for seconds, _ in results), np.stack([triangle for _, triangle in results[:N_CHECKED]])


def from_gram(X: np.ndarray) -> np.ndarray:
    """Compute the RDM from the centred Gram matrix."""
    found = gram.reduce([torch.from_numpy(X)])
    return upper_triangles(rdm_from_centred(found["centred"], found["row_sum"], X.shape[1])[0])


def from_rsatoolbox(X: np.ndarray) -> np.ndarray:
    """Do the same by rsatoolbox, in the precision of the features."""
    return rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(X), method="correlation").dissimilarities[0]


def comparisons(compare: Callable[..., np.ndarray], prepare: Callable, n: int) -> tuple[float, np.ndarray]:
    """Time `n` comparisons of all layers with all sites, after a warm-up."""
    A, B = map(prepare, pairs(N_IMAGES))
    compare(A, B)
    return timed(lambda: [compare(A, B) for _ in range(n)][-1])


def by_rsatoolbox(method: str, n: int) -> tuple[float, np.ndarray]:
    """Do the same by rsatoolbox."""
    return comparisons(lambda A, B: rsatoolbox.rdm.compare(A, B, method=method), RDMs, n)


def bootstrap(resample: Callable[..., np.ndarray]) -> tuple[float, np.ndarray]:
    """Time a bootstrap over stimuli; every contender is given the same draws. The mean over sites is kept."""
    layers, sites = pairs(N_STIMULI)
    return timed(lambda: resample(layers, sites, draw_counts(N_BOOT, N_STIMULI, seed=0)))


def weighted(layers: np.ndarray, sites: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Compute all resamples as weighted products, of one site at a time with all layers."""
    every = np.arange(len(layers))
    r = [rsa.resampled_pearson(layers, np.repeat(site[None], len(layers), axis=0), every, counts) for site in sites]
    return np.mean(r, axis=0)


def evaluated(layers: np.ndarray, sites: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Do the same by rsatoolbox's evaluation, with its draws replaced by ours."""
    drawn = iter(counts)

    def sample(data: RDMs, descriptor: str) -> tuple[RDMs, np.ndarray]:
        stimuli = np.repeat(np.arange(N_STIMULI), next(drawn))
        return data.subsample_pattern(descriptor, stimuli), stimuli

    evaluate.bootstrap_sample_pattern = sample
    models = [rsatoolbox.model.ModelFixed(str(i), layer) for i, layer in enumerate(layers)]
    options = {"method": "corr", "N": len(counts), "boot_noise_ceil": False}
    return evaluate.eval_bootstrap_pattern(models, RDMs(sites), **options).evaluations


def looped(layers: np.ndarray, sites: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Do the same by rsatoolbox's functions in a loop over resamples, all layers at once."""
    parts = []
    for drawn in counts:
        stimuli = np.repeat(np.arange(N_STIMULI), drawn)
        A, B = (RDMs(part).subsample_pattern("index", stimuli) for part in (layers, sites))
        parts.append(rsatoolbox.rdm.compare(A, B, method="corr").mean(axis=1))
    return np.stack(parts)


WORKLOADS = {
    "rdms": (
        f"RDMs of {N_LAYERS} layers, {N_IMAGES} images x {N_FEATURES} features made on the fly",
        {
            OURS: lambda: rdms(from_gram),
            "numpy corrcoef": lambda: rdms(lambda X: upper_triangles(1 - np.corrcoef(X))),
            "numpy corrcoef, float32": lambda: rdms(lambda X: upper_triangles(1 - np.corrcoef(X, dtype=np.float32))),
            "rsatoolbox, float32": lambda: rdms(from_rsatoolbox),
            "rsatoolbox, float64": lambda: rdms(from_rsatoolbox, np.float64),
        },
    ),
    "pearson": (
        f"{N_PEARSON} times Pearson r of {N_LAYERS} layers x {N_SITES} sites, {N_IMAGES} images",
        {
            OURS: lambda: comparisons(rsa.pearson, np.asarray, N_PEARSON),
            "rsatoolbox corr": lambda: by_rsatoolbox("corr", N_PEARSON),
        },
    ),
    "spearman": (
        f"{N_SPEARMAN} times Spearman rho of {N_LAYERS} layers x {N_SITES} sites, {N_IMAGES} images",
        {
            OURS: lambda: comparisons(rsa.spearman, np.asarray, N_SPEARMAN),
            "rsatoolbox spearman": lambda: by_rsatoolbox("spearman", N_SPEARMAN),
            "rsatoolbox rho-a": lambda: by_rsatoolbox("rho-a", N_SPEARMAN),
        },
    ),
    "bootstrap": (
        f"{N_BOOT} resamples of {N_STIMULI} stimuli, {N_LAYERS} layers x {N_SITES} sites, Pearson r",
        {
            OURS: lambda: bootstrap(weighted),
            "rsatoolbox eval_bootstrap_pattern": lambda: bootstrap(evaluated),
            "rsatoolbox compare in a loop": lambda: bootstrap(looped),
        },
    ),
}
CONTENDERS = {contender for _, contenders in WORKLOADS.values() for contender in contenders}


def reference() -> np.ndarray:
    """Return the upper triangles of the first layers in float64."""
    return np.stack([upper_triangles(rdm_from_patterns(X)) for X in islice(features(), N_CHECKED)])


def one_run(contender: str, output: str, workload: str) -> None:
    """Time one contender."""
    seconds, numbers = WORKLOADS[workload][1][contender]()
    Path(output).write_text(json.dumps({"seconds": seconds, "numbers": numbers.astype(float).tolist()}))


def main() -> None:
    """Run all contenders of all workloads and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contender; medians are printed (default 5)")
    parser.add_argument("workload", nargs="*", help=f"of {', '.join(WORKLOADS)} (default: all)")
    arguments = parser.parse_args()
    print_machine("numpy", "scipy", "torch", "rsatoolbox")
    for workload in arguments.workload or WORKLOADS:
        title, contenders = WORKLOADS[workload]
        results = contest(__file__, list(contenders), [workload], arguments.repeats, THREADS)
        print_table(f"{title}, {THREADS} threads", results, OURS)
        exact = reference() if workload == "rdms" else np.array(results[OURS]["numbers"])
        differences = {name: np.abs(np.array(result["numbers"]) - exact).max() for name, result in results.items()}
        print(f"\nLargest difference from {'float64' if workload == 'rdms' else OURS}:", end=" ")
        print(", ".join(f"{name} {difference:.1e}" for name, difference in differences.items()))


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
