"""MouseNet at 64 pixels, against one convolution for each of its 49 connections; and how long training on ImageNet would take.

python tests/benchmarks/mousenet.py [--repeats N] [--threads N]
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measure import contest, print_machine, print_table
from torch import nn
from torch.nn import functional as F

from dormouse.mousenet.anatomy import read_anatomy
from dormouse.mousenet.network import MouseNet

BATCH, STEPS, IMAGENET, EPOCHS = {"cpu": 16, "cuda": 256}, {"cpu": 3, "cuda": 50}, 1_281_167, 70
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
OURS, PLAIN, LAST = "MouseNet", "49 convolutions", "49 convolutions, channels last"


def load(fused: bool, layout: torch.memory_format) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Return a network, images and classes."""
    torch.manual_seed(0)
    network = MouseNet(read_anatomy(), fused=fused).to(DEVICE, memory_format=layout)
    images = torch.randn(BATCH[DEVICE.type], 3, 64, 64, device=DEVICE).to(memory_format=layout)
    return network, images, torch.randint(1000, (len(images),), device=DEVICE)


def forward(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Callable:
    """Return a function that runs the network once."""
    network.eval().requires_grad_(False)
    return lambda: network(images)


def step(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Callable:
    """Return a function that trains the network on one batch, on a GPU in bfloat16."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def learn() -> None:
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda"):
            cost = F.cross_entropy(network(images).float(), labels)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()

    return learn


CONTENDERS = {
    OURS: (True, torch.contiguous_format),
    PLAIN: (False, torch.contiguous_format),
    LAST: (False, torch.channels_last),
}
WORKLOADS = {"forward": forward, "training step": step}


def one_run(contender: str, output: str, workload: str, threads: str) -> None:
    """Time some passes or steps with a batch, after a warm-up."""
    torch.set_num_threads(int(threads))
    work = WORKLOADS[workload](*load(*CONTENDERS[contender]))
    work()
    wait()
    start = time.perf_counter()
    for _ in range(STEPS[DEVICE.type]):
        work()
    wait()
    seconds = (time.perf_counter() - start) / STEPS[DEVICE.type]
    Path(output).write_text(json.dumps({"seconds": seconds}))


def wait() -> None:
    """Wait until the GPU, if any, has finished its work."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; medians are printed (default 5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="(default: all)")
    arguments = parser.parse_args()
    print_machine("torch")
    print(f"GPU: {torch.cuda.get_device_name() if DEVICE.type == 'cuda' else 'none'}; batches of {BATCH[DEVICE.type]}")
    for workload in WORKLOADS:
        words = [workload, str(arguments.threads)]
        results = contest(__file__, list(CONTENDERS), words, arguments.repeats, arguments.threads)
        print_table(f"{workload}, a batch, {arguments.threads} threads", results, OURS)
    rate = BATCH[DEVICE.type] / results[OURS]["seconds"]
    print(f"\n{rate:.0f} images a second; {EPOCHS} epochs of ImageNet: {IMAGENET * EPOCHS / rate / 3600:.0f} hours")


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
