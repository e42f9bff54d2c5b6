"""Training of a network to name images, epoch by epoch; what was stopped goes on after the last whole epoch."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dormouse.files import atomic

DROP = 0.1  # of the learning rate, at every epoch of `drops`
SEEDS_APART = 100_003  # between the seeds of two epochs


def train(
    network: nn.Module, images: tuple[Dataset, Dataset], recipe: Mapping, folder: str | Path, threads: int
) -> pd.DataFrame:
    """Train `network` by stochastic gradient descent on cross-entropy, and return what came of each epoch.

    Parameters
    ----------
    network : is changed
    images : to train on and to test on
    recipe : epochs, batch, learning_rate, drops (epochs after which it is a tenth), momentum, weight_decay, seed; whatever
        else it holds has to be the same for a run to go on
    folder : gets epoch_000.safetensors, the weights before training, one for each epoch, and resume.pt, from which a
        run with the same recipe and network goes on
    threads : of a processor; on a GPU products are of bfloat16

    Returns
    -------
    Rows of the table `training`, from epoch 0, without `run`. The order of the images and their random changes depend on seed
    and epoch alone, so that a run that was stopped ends as one that was not.
    """
    torch.set_num_threads(threads)
    device, folder = torch.device("cuda" if torch.cuda.is_available() else "cpu"), Path(folder)
    network = network.to(device, memory_format=torch.channels_last).requires_grad_(True)
    options = {key: recipe[key] for key in ("momentum", "weight_decay")}
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe["learning_rate"], **options)
    history = resume(network, optimizer, recipe, folder / "resume.pt")
    for epoch in range(len(history), recipe["epochs"] + 1):
        start = time.perf_counter()
        torch.manual_seed(recipe["seed"] + SEEDS_APART * epoch)
        for group in optimizer.param_groups:
            group["lr"] = recipe["learning_rate"] * DROP ** sum(epoch > drop for drop in recipe["drops"])
        learned = _epoch(network, _batches(images[0], recipe["batch"], True, device), optimizer, epoch) if epoch else None
        tested = _epoch(network, _batches(images[1], recipe["batch"], False, device), None, epoch)
        history.append(
            {"epoch": epoch, "learning_rate": optimizer.param_groups[0]["lr"], "seconds": time.perf_counter() - start}
            | {f"train_{key}": learned[key] if learned else None for key in tested}
            | {f"test_{key}": value for key, value in tested.items()}
        )
        print(f"epoch {epoch}: {tested['accuracy']:.1%} of the test images named", file=sys.stderr)
        write_state(network, folder / f"epoch_{epoch:03}.safetensors")
        state = {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "history": history,
            "recipe": _told(recipe),
        }
        with atomic(folder / "resume.pt") as temporary:
            torch.save(state, temporary)
    return pd.DataFrame(history).astype({"train_loss": float, "train_accuracy": float})


def resume(network: nn.Module, optimizer: torch.optim.Optimizer, recipe: Mapping, path: Path) -> list[dict]:
    """Bring network and optimizer to where a run of the same recipe was, and return its epochs; none where there was none."""
    if not path.is_file():
        return []
    stored = torch.load(path, map_location="cpu", weights_only=True)
    if stored["recipe"] != _told(recipe) or not _same_network(stored["network"], network.state_dict()):
        print(f"{path}: of another recipe or network; training starts anew", file=sys.stderr)
        return []
    network.load_state_dict(stored["network"])
    optimizer.load_state_dict(stored["optimizer"])
    print(f"{path}: goes on after epoch {len(stored['history']) - 1}", file=sys.stderr)
    return stored["history"]


def _same_network(stored: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    """Return whether all shapes are the same, and what never learns: masks, which are of bool."""
    shapes = [{key: value.shape for key, value in state.items()} for state in (stored, own)]
    return shapes[0] == shapes[1] and all(
        torch.equal(stored[key], own[key].cpu()) for key in own if own[key].dtype == torch.bool
    )


def write_state(network: nn.Module, path: Path) -> None:
    """Write the state dict of a network as safetensors."""
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    with atomic(path) as temporary:
        safetensors.torch.save_file(state, temporary)


def _told(recipe: Mapping) -> str:
    """Return what of a recipe has to be the same for a run to go on; more epochs may be asked for."""
    return json.dumps({key: value for key, value in recipe.items() if key != "epochs"}, sort_keys=True)


def _batches(images: Dataset, batch: int, shuffled: bool, device: torch.device) -> DataLoader:
    in_memory = hasattr(images, "tensors") or hasattr(images, "images")
    # images that lie in files are read by as many processes as there are threads
    workers = {"num_workers": 0 if in_memory else torch.get_num_threads(), "pin_memory": device.type == "cuda"}
    return DataLoader(images, batch, shuffle=shuffled, **workers)


def _epoch(network: nn.Module, batches: DataLoader, optimizer: torch.optim.Optimizer | None, epoch: int) -> dict[str, float]:
    """Run all images once, learn from them where there is an optimizer, and return mean loss and accuracy."""
    network.train(optimizer is not None)
    device = next(network.parameters()).device
    n, loss, right = 0, torch.zeros((), device=device), torch.zeros((), device=device)
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in _shown(batches, f"epoch {epoch}, {'training' if optimizer else 'test'}"):
            images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
            labels = labels.to(device, non_blocking=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(images)
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
    return tqdm(batches, desc=title, unit="batch", mininterval=5)
