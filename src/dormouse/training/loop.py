"""Train a network to classify images, epoch by epoch. A run that was stopped resumes after its last whole epoch."""

import math
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dormouse.errors import InputError
from dormouse.training.images import ImageFiles
from dormouse.training.resume import code_name, compare_code, last_whole, resume, write_epoch

DROP = 0.1  # factor of the learning rate after each epoch of `drops`
SEEDS_APART = 100_003  # difference between the seeds of successive epochs


class Seeded(Dataset):
    """Images whose random changes depend only on seeds and their place, not on the process or the order of reading."""

    def __init__(self, images: Dataset, *seeds: int):
        self.images, self.seeds = images, seeds

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple:
        (seed,) = np.random.SeedSequence([*self.seeds, place]).generate_state(1)
        before = torch.get_rng_state()
        torch.default_generator.manual_seed(int(seed))  # the generator of a GPU, from which dropout draws, stays as it is
        try:
            return self.images[place]
        finally:
            torch.set_rng_state(before)


def train(
    network: nn.Module,
    images: tuple[Dataset, Dataset],
    recipe: Mapping,
    folder: str | Path,
    threads: int,
    code: Mapping[str, str] | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Train `network` by stochastic gradient descent on cross-entropy, and return loss and accuracy of each epoch.

    Parameters
    ----------
    network : is changed in place
    images : for training and for testing
    recipe : epochs, batch, learning_rate, drops (epochs after which it falls to a tenth), momentum, weight_decay, seed
    folder : for this run alone (see `run_key.training_key`). Holds the weights of each epoch, from epoch_000.safetensors
        before training, and resume.pt and resume_before.pt, from which a run resumes. Epochs that exist are not trained
        again, and not removed where fewer are wanted.
    threads : of the processor; on a GPU, products are computed in bfloat16
    code : file -> hash of the code that trains; a warning says where existing epochs were trained by other code
    workers : processes that read images; None: as many as threads where images are in files, else none

    Returns
    -------
    Rows of the table `training`, from epoch 0 to the last of the recipe, without `run`. The order of the images and their
    random changes depend only on seed and epoch, so a run that was stopped ends with the same weights.

    Raises InputError where existing epochs do not fit the network.
    """
    torch.set_num_threads(threads)
    device, folder, code = torch.device("cuda" if torch.cuda.is_available() else "cpu"), Path(folder), code or {}
    stored = last_whole(folder)
    history, codes = stored["history"], stored["codes"] | {code_name(code): dict(code)}
    compare_code(history[: recipe["epochs"] + 1], codes, code, folder)
    network = network.to(device, memory_format=torch.channels_last).requires_grad_(True)
    options = {key: recipe[key] for key in ("momentum", "weight_decay")}
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe["learning_rate"], **options)
    if len(history) > recipe["epochs"]:
        print(f"{folder}: epoch {recipe['epochs']} exists already", file=sys.stderr)
    elif history:
        resume(network, optimizer, stored, folder)
    for epoch in range(len(history), recipe["epochs"] + 1):
        row = _learn(network, optimizer, images, recipe, epoch, workers)
        history.append(row | {"code": code_name(code)})
        write_epoch(network, optimizer, history, codes, folder)
    return pd.DataFrame(history[: recipe["epochs"] + 1]).astype({"train_loss": float, "train_accuracy": float})


def _learn(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: tuple[Dataset, Dataset],
    recipe: Mapping,
    epoch: int,
    workers: int | None,
) -> dict[str, float | None]:
    """Run one epoch (in epoch 0 nothing is learned), and return its row of the table."""
    start = time.perf_counter()
    torch.manual_seed(recipe["seed"] + SEEDS_APART * epoch)
    rate = recipe["learning_rate"] * DROP ** sum(epoch > drop for drop in recipe["drops"])
    for group in optimizer.param_groups:
        group["lr"] = rate
    changed, batch = Seeded(images[0], recipe["seed"], epoch), recipe["batch"]
    learned = _epoch(network, _batches(changed, batch, True, workers), optimizer, epoch) if epoch else None
    tested = _epoch(network, _batches(images[1], batch, False, workers), None, epoch)
    if not all(math.isfinite(found["loss"]) for found in (learned or tested, tested)):
        raise InputError(f"epoch {epoch}: the loss is not finite. Lower `learning_rate` of this run; {rate:g} is too high.")
    print(f"epoch {epoch}: test accuracy {tested['accuracy']:.1%}", file=sys.stderr)
    return (
        {"epoch": epoch, "learning_rate": rate, "seconds": time.perf_counter() - start}
        | {f"train_{key}": learned[key] if learned else None for key in tested}
        | {f"test_{key}": value for key, value in tested.items()}
    )


def _batches(images: Dataset, batch: int, shuffled: bool, workers: int | None) -> DataLoader:
    in_files = isinstance(getattr(images, "images", images), ImageFiles)
    workers = (torch.get_num_threads() if in_files else 0) if workers is None else workers
    return DataLoader(images, batch, shuffle=shuffled, num_workers=workers, pin_memory=torch.cuda.is_available())


def _epoch(network: nn.Module, batches: DataLoader, optimizer: torch.optim.Optimizer | None, epoch: int) -> dict[str, float]:
    """Run all images once, learn from them if there is an optimizer, and return mean loss and accuracy."""
    network.train(optimizer is not None)
    device = next(network.parameters()).device
    n, loss, right = 0, torch.zeros((), device=device), torch.zeros((), device=device)
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in _shown(batches, f"epoch {epoch}, {'training' if optimizer else 'test'}"):
            images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
            labels = labels.to(device, non_blocking=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                output = network(images)
                logits = getattr(output, "logits", output)  # Inception and GoogLeNet also have auxiliary classifiers
                cost = F.cross_entropy(logits.float(), labels)
            if optimizer:
                optimizer.zero_grad()
                cost.backward()
                optimizer.step()
            n += len(labels)
            loss += cost.detach() * len(labels)
            right += (logits.argmax(dim=1) == labels).sum()
    return {"loss": float(loss) / n, "accuracy": float(right) / n}


def _shown(batches: DataLoader, title: str) -> Iterator:
    try:
        yield from tqdm(batches, desc=title, unit="batch", mininterval=5)
    except InputError as error:  # from a worker it comes with a traceback in front
        raise InputError(str(error).strip().rpartition("InputError: ")[2]) from error
