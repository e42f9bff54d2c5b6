"""State from which a training run resumes: written after each epoch, checked before it is used."""

import json
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.files import atomic, link_or_copy
from dormouse.models.checkpoints import unpickled
from dormouse.models.weights_digest import DIGEST, digest
from dormouse.training.epoch_files import anew, epoch_file

LAST, BEFORE = "resume.pt", "resume_before.pt"  # after the last epoch, and after the one before it


def write_state(network: nn.Module, path: Path) -> None:
    """Write the state dict of a network as safetensors, with its digest."""
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    with atomic(path) as temporary:
        safetensors.torch.save_file(state, temporary, metadata={DIGEST: digest(state)})


def write_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, history: list[dict], codes: Mapping[str, Mapping], folder: Path
) -> None:
    """Write the weights of the last epoch of `history`, and the state from which the run resumes after it.

    Parameters
    ----------
    codes : all versions of the code that trained epochs of `history`: name (see `code_name`) -> file -> hash
    """
    write_state(network, epoch_file(folder, history[-1]["epoch"]))
    if (folder / LAST).is_file():
        link_or_copy(folder / LAST, folder / BEFORE)
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "history": history, "codes": dict(codes)}
    with atomic(folder / LAST) as temporary:
        torch.save(state | {"digest": _digest(state)}, temporary)


def last_whole(folder: Path) -> Mapping:
    """Return the state after the last epoch whose file is whole: network, optimizer, history and codes.

    Warns of a damaged file. If no file is whole, history and codes are empty.
    """
    for path in (folder / LAST, folder / BEFORE):
        if path.is_file():
            try:
                return _read(path)
            except Exception as error:  # pickle, torch and the system each raise their own
                warn(f"{path}: damaged ({type(error).__name__}). Training resumes after the last epoch that is whole.")
    if any(folder.glob("epoch_*.safetensors")):
        warn(f"{folder}: no whole {LAST} to resume from. Training starts anew.")
    return {"history": [], "codes": {}}


def _read(path: Path) -> Mapping:
    stored = unpickled(path)
    if stored["digest"] != _digest(stored):  # torch itself does not check checksums
        raise ValueError("not what was written")
    return stored


def _digest(state: Mapping) -> str:
    """Return a hash of all that a run resumes from."""
    optimizer = state["optimizer"]
    tensors = {f"network {key}": value for key, value in state["network"].items()}
    tensors |= {f"{key} {place}": value for place, held in optimizer["state"].items() for key, value in held.items()}
    text = json.dumps([state["history"], state["codes"], optimizer["param_groups"]], sort_keys=True)
    text = {"text": np.frombuffer(text.encode(), np.uint8)}
    return digest(text | {key: value.cpu() for key, value in tensors.items() if value is not None})


def resume(network: nn.Module, optimizer: torch.optim.Optimizer, stored: Mapping, folder: Path) -> None:
    """Load the state of network and optimizer; raises InputError where today's code makes another network."""
    try:
        network.load_state_dict(stored["network"])
        optimizer.load_state_dict(stored["optimizer"])
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: its epochs do not fit the network of today's code ({reason}). {anew(folder)}") from error
    print(f"{folder}: resumes after epoch {len(stored['history']) - 1}", file=sys.stderr)


def code_name(code: Mapping[str, str]) -> str:
    """Return a short hash of code, given as file -> hash."""
    return sha256(json.dumps(dict(code), sort_keys=True).encode()).hexdigest()[:12]


def compare_code(history: Sequence[Mapping], codes: Mapping[str, Mapping], code: Mapping[str, str], folder: Path) -> None:
    """Warn where epochs were trained by other code than today's, and name the files that differ."""
    today = code_name(code)
    for name in dict.fromkeys(row["code"] for row in history if row["code"] != today):
        epochs = [row["epoch"] for row in history if row["code"] == name]
        differ = sorted(file for file in code.keys() | codes[name].keys() if code.get(file) != codes[name].get(file))
        warn(
            f"{folder}: epochs {epochs[0]} to {epochs[-1]} were trained by other code than today's. They are kept, and "
            f"further epochs build on them. Files that differ: {', '.join(differ)}. {anew(folder)}"
        )


def warn(text: str) -> None:
    """Print a warning to the log, and to the terminal of whoever started the run."""
    for stream in (sys.stderr, sys.stdout):
        print(f"Warning: {text}", file=stream, flush=True)
