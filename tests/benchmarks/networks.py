"""Extraction from networks with random weights, each in a process of its own: seconds, peak memory, and how busy a GPU is.

python tests/benchmarks/networks.py                        the largest of the zoo, within 6000 MB on CPU
python tests/benchmarks/networks.py --zoo                  every network of resources/models.tsv, on a GPU where there is one
python tests/benchmarks/networks.py NAME[:SIZE] ...        of timm or torchvision
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from extraction import EPS, INPUT, N_IMAGES, SEED
from measure import print_machine

from dormouse.features.extraction import extract
from dormouse.features.survey import survey
from dormouse.models.build import build, native_input
from dormouse.models.registry import list_models
from dormouse.models.specification import architecture
from dormouse.recordings.simulation import simulate_scenes
from dormouse.stimuli.preprocessing import preprocess

LARGEST = ["nasnetalarge:224", "nasnetalarge:331", "vit_large_patch16_224", "swin_large_patch4_window7_224", "vgg19"]


class Busy(threading.Thread):
    """Asks every fifth of a second how busy the GPU is, in percent."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.over = [], threading.Event()

    def run(self) -> None:
        while torch.cuda.is_available() and not self.over.wait(0.2):
            question = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
            self.seen.append(float(subprocess.run(question, capture_output=True, text=True).stdout.splitlines()[0]))


def one_run(spec: str, output: str, memory_mb: str, threads: str) -> None:
    """Measure one network: the pass alone, and extraction."""
    spec = json.loads(spec)
    torch.set_num_threads(int(threads))
    recipe = native_input(spec)
    inputs = preprocess(simulate_scenes(N_IMAGES, 128, seed=0), recipe)
    network = build(spec)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    result = {} if device.type == "cpu" else {"forward": time_forward(network.to(device), torch.from_numpy(inputs).to(device))}
    busy, start = Busy(), time.perf_counter()
    busy.start()
    kernels = extract(network, inputs, "all", ["srp"], EPS, SEED, int(threads), int(memory_mb) * 1e6 / 2**20)
    result |= {"seconds": time.perf_counter() - start, "n_layers": len(kernels["layer"])}
    busy.over.set()
    busy.join()
    peak = Path("/proc/self/status").read_text()
    result["peak_mb"] = int(re.search(r"VmHWM:\s+(\d+) kB", peak)[1]) * 1024 / 1e6
    result["busy"] = float(np.mean(busy.seen)) if busy.seen else None
    Path(output).write_text(json.dumps(result))


def time_forward(network: torch.nn.Module, images: torch.Tensor) -> float:
    """Return the seconds of a pass on the GPU, in batches of 64, after a warm-up; as in extraction, without TensorFloat-32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    survey(network, images[:3])
    with torch.inference_mode():
        for part in images.split(64):
            network(part)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for part in images.split(64):
            network(part)
        torch.cuda.synchronize()
    return time.perf_counter() - start


def named(text: str) -> dict:
    """Return the specification of a network NAME or NAME:SIZE."""
    name, _, size = text.partition(":")
    source = "torchvision" if re.match(r"vgg|resnet|densenet|alexnet|squeezenet|mobilenet_v2", name) else "timm"
    recipe = INPUT | {"size": int(size or 224)}
    return {"source": source, "name": name, "file": None, "seed": 0, "input": recipe, "weights": "random"}


def zoo() -> dict[str, dict]:
    """Return the networks of the zoo, each architecture once, with random weights."""
    rows = pd.read_csv("resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
    groups = ["imagenet", "random", "taskonomy", "selfsupervised", "baselines"]
    models = {"groups": groups, "include": [], "exclude": [], "seeds": [0], "add": {}}
    specs = list_models(rows, {"models": models, "transform": "paper", "input": INPUT})
    distinct = {json.dumps(architecture(spec), sort_keys=True): (name, spec) for name, spec in specs.items()}
    return {name: architecture(spec) | {"file": None, "seed": 0} for name, spec in distinct.values()}


def main() -> None:
    """Measure every network once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NAME[:SIZE]", help="of timm or torchvision (default: the largest)")
    parser.add_argument("--zoo", action="store_true", help="every network of the zoo")
    parser.add_argument("--memory-mb", type=int, default=6000, help="of a job (default 6000)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="(default: all)")
    arguments = parser.parse_args()
    print_machine("torch", "torchvision", "timm")
    print(f"GPU: {torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'}\n")
    specs = zoo() if arguments.zoo else {name: named(name) for name in arguments.networks or LARGEST}
    print("| | layers | seconds | by the pass alone | GPU busy | peak MB | plan |\n|---|---:|---:|---:|---:|---:|---|")
    for name, spec in specs.items():
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "result.json"
            words = [json.dumps(spec), str(output), str(arguments.memory_mb), str(arguments.threads)]
            done = subprocess.run([sys.executable, __file__, "--one", *words], capture_output=True, text=True)
            if done.returncode:
                print(f"| {name} | {done.stderr.strip().splitlines()[-1]} |", flush=True)
                continue
            result = json.loads(output.read_text())
        plan = re.search(r"MiB: (.*)", done.stderr)[1].split(", every image")[0]
        ratio = f"{result['seconds'] / result['forward']:.2f}" if "forward" in result else ""
        busy = f"{result['busy']:.0f} %" if result["busy"] is not None else ""
        cells = [name, result["n_layers"], f"{result['seconds']:.1f}", ratio, busy, f"{result['peak_mb']:.0f}", plan]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    one_run(*sys.argv[2:]) if sys.argv[1:2] == ["--one"] else main()
