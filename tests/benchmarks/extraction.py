"""RDMs of all layers of a network: streamed, against keeping all features and calling numpy.corrcoef.

python tests/benchmarks/extraction.py [--repeats N]
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
from torch import nn

from dormouse.features import extract, is_container, stream, tensors
from dormouse.gram import centred
from dormouse.models.build import build
from dormouse.recordings.simulated import simulate_scenes
from dormouse.rsa import rdm_from_centred, upper_triangles
from dormouse.stimuli import preprocess

NETWORKS = ("resnet50", "mobilenet_v2")
INPUT = {
    "size": 224,
    "range": 1,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "channels": "rgb",
    "interpolation": "bilinear",
}
N_IMAGES, THREADS = 118, 2


def streamed_rdms(network: nn.Module, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return the upper triangles of every layer's RDM, each layer reduced as it comes."""
    rdms = {}

    def reduce(name: str, block: str, X: torch.Tensor) -> None:
        rdm, _ = rdm_from_centred(*(part.numpy() for part in centred(X)), X.shape[1])
        rdms[name] = upper_triangles(rdm)

    stream(network, torch.from_numpy(inputs), reduce, "all")
    return rdms


def kept_rdms(network: nn.Module, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same from all features, kept until the network has run, by numpy.corrcoef."""
    kept: list[torch.Tensor] = []

    def keep(module: nn.Module, _, output) -> None:
        kept.extend(tensor.clone().flatten(1) for tensor in tensors(output))  # later layers may write in place

    for module in network.modules():
        if not is_container(module):
            module.register_forward_hook(keep)
    with torch.inference_mode():
        network(torch.from_numpy(inputs))
    rows, columns = np.triu_indices(len(inputs), k=1)
    return {str(k): 1 - np.corrcoef(X.numpy())[rows, columns] for k, X in enumerate(kept)}


def all_kernels(network: nn.Module, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return the RDMs from what the workflow stores: three kernels a layer, duplicate layers dropped."""
    kernels = extract(network, inputs, "all", eps=0.1, seed=0, threads=THREADS)
    rdms, _ = rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    return dict(zip(kernels["layer"], upper_triangles(rdms), strict=True))


def forward(network: nn.Module, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run the network alone."""
    with torch.inference_mode():
        network(torch.from_numpy(inputs))
    return {}


CONTENDERS = {
    "forward pass alone": forward,
    "streamed RDMs": streamed_rdms,
    "streamed: RDMs, SRP and z-score kernels": all_kernels,
    "keep all features, then numpy.corrcoef": kept_rdms,
}


def one_run(contender: str, output: str, name: str, store: str) -> None:
    """Time one contender on one network and store its RDMs."""
    torch.set_num_threads(THREADS)
    inputs = preprocess(simulate_scenes(N_IMAGES, 128, seed=0), INPUT)
    network = build({"source": "torchvision", "name": name, "file": None, "seed": 0})
    start = time.perf_counter()
    rdms = CONTENDERS[contender](network, inputs)
    seconds = time.perf_counter() - start
    np.savez(Path(store) / f"{list(CONTENDERS).index(contender)}.npz", np.array(list(rdms.values())))
    Path(output).write_text(json.dumps({"seconds": seconds}))


def main() -> None:
    """Run all contenders on all networks and print a table each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender; medians are printed (default 3)")
    arguments = parser.parse_args()
    print_machine("torch", "torchvision", "numpy")
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as store:
            results = contest(__file__, list(CONTENDERS), [name, store], arguments.repeats, THREADS)
            ours, peer = (np.load(Path(store) / f"{k}.npz")["arr_0"] for k in (1, 3))
        print_table(f"{name}, {N_IMAGES} images, {len(ours)} layers, {THREADS} threads", results, list(CONTENDERS)[3])
        print(f"\nLargest difference of an RDM entry: {np.abs(ours - peer).max():.1e}")


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
