"""Files of weights: read without running code, stripped of what training put around them, and fitted to a network exactly."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from zipfile import is_zipfile

import safetensors.torch
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.models.weights_digest import check_digest

N_SHOWN = 20  # keys of a kind named in an error

# Where a checkpoint keeps the state dict among an optimiser, a configuration and the like: VISSL, then everyone else.
WRAPPERS = (("classy_state_dict", "base_model", "model", "trunk"), ("model_state_dict",), ("state_dict",), ("model",))
OPTIMISER = "optim"  # start of keys that hold no network, though tensors in them may have the names of one
# nn.DataParallel puts the first before every key, VISSL the second before those of a trunk.
PREFIXES = ("module.", "_feature_blocks.")
AVERAGED = "n_averaged"  # beside the keys of a network in torch.optim.swa_utils.AveragedModel, which begin with module.
# What torch says of a pickle that builds more than tensors.
REFUSAL = re.compile(r"(Unsupported (global|class)|Trying to|Can only)[^\n]*")
# Steps that batch normalisation counted in training; checkpoints from before 2018 lack it, and no output depends on it.
COUNTER = "num_batches_tracked"
NOT_LEARNT = (COUNTER, "running_mean", "running_var")  # by training; averages of weights may leave them out


def read_state(path: str | Path, key: str | None = None) -> tuple[OrderedDict[str, torch.Tensor], str]:
    """Return the state dict of a checkpoint without prefixes, and its place there: keys joined by dots, empty if alone.

    The file is in safetensors' format or what `torch.load` reads with `weights_only=True`, whatever its ending. `key` is the
    place of the state dict; without it the usual ones are tried.

    Raises InputError where the file cannot be read, or could be read only by running code; where it holds no state dict, or
    none at `key`; and where without a `key` several could be meant: those of another average, or of student and teacher.
    """
    try:
        checkpoint = _load(path)
    except InputError:
        raise
    except Exception as error:  # pickle, zipfile, safetensors and torch each raise their own
        raise InputError(f"{path}: {_reason(error)}") from error
    states = {".".join(place): state for place, state in _states(checkpoint)}
    place = _usual_place(path, states) if key is None else key
    if place not in states:
        there = f"there are: {', '.join(states)}" if any(states) else "it is one itself" if states else "there is none"
        raise InputError(
            f"{path}: no state dict at key {key!r}; {there}. Mend `key` in the line of the model, or leave it out."
        )
    return _bare(states[place]), place


def _states(value, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping]]:
    """Yield every state dict of a checkpoint with its place, except those of optimisers."""
    if _is_state(value):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not str(key).startswith(OPTIMISER):
                yield from _states(inner, (*place, str(key)))


def _usual_place(path: str | Path, states: Mapping[str, Mapping]) -> str:
    """Return the usual place where a checkpoint holds a state dict; raises InputError where it holds none or several."""
    place = next((place for place in ("", *map(".".join, WRAPPERS)) if place in states), None)
    if place is None:
        named = f", or name one by `key`: {', '.join(states)}" if states else ""
        raise InputError(f"{path}: expected a state dict, names to tensors; save `network.state_dict()` alone{named}.")
    meant = [other for other, state in states.items() if _outline(state) == _outline(states[place])]
    if len(meant) > 1:
        raise InputError(
            f"{path}: {len(meant)} state dicts of the same network: {', '.join(meant)}. Say by `key` in the line of the model "
            f"which is meant, as `key: {meant[-1]}`."
        )
    return place


def _outline(state: Mapping) -> dict[str, torch.Size]:
    """Return the shapes of learnt tensors by their keys, without the prefix that all keys share."""
    shapes = {key: value.shape for key, value in _bare(state).items() if not key.endswith(NOT_LEARNT)}
    while len(first := {key.partition(".")[:2] for key in shapes}) == 1 and first.pop()[1]:
        shapes = {key.partition(".")[2]: shape for key, shape in shapes.items()}
    return shapes


def _bare(state: Mapping) -> OrderedDict:
    """Return a state dict without what averaging and training in parallel put around its keys."""
    alone = without(state, [AVERAGED])
    if len(alone) < len(state) and all(key.startswith("module.") for key in alone):
        state = without_prefix(alone, "module.")
    for prefix in PREFIXES:
        state = without_prefix(state, prefix)
    return state


def _load(path: str | Path):
    if is_safetensors(path):
        return check_digest(path, safetensors.torch.load_file(path))
    with open(path, "rb") as file:  # given a name, torch would choose the format by its ending
        return torch.load(file, map_location="cpu", weights_only=True)


def is_safetensors(path: str | Path) -> bool:
    """Return whether a file begins as safetensors do: the length of a header, and the header, which is JSON."""
    with open(path, "rb") as file:
        return file.read(9)[8:] == b"{" and not is_zipfile(path)


def _is_state(value) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(key, str) and isinstance(tensor, torch.Tensor) for key, tensor in value.items())
    )


def _reason(error: Exception) -> str:
    """Return why a file was not read, without torch's advice, which is to run its code."""
    if told := REFUSAL.search(str(error)):
        reason = told[0].partition(" was not an allowed")[0]
        return (
            f"refused, because reading it could run code of whoever made it ({reason}). If you trust it, read it elsewhere "
            "and save its state dict alone, best as .safetensors."
        )
    what = "" if "weights_only" in str(error) else f": {error}".removesuffix(": ")
    return f"not a readable file of weights ({type(error).__name__}{what})."


def without_prefix(state: Mapping, prefix: str) -> OrderedDict:
    """Return `state` with `prefix` taken from its keys if all have it; versions of modules keep their place."""
    if not state or not all(key.startswith(prefix) for key in state):
        return state
    return renamed(state, lambda key: key.removeprefix(prefix))


def renamed(state: Mapping, rename) -> OrderedDict:
    """Return `state` with every key renamed, and the versions that torch notes for each module with it."""
    result = OrderedDict((rename(key), value) for key, value in state.items())
    if hasattr(state, "_metadata"):
        result._metadata = {rename(f"{key}.").removesuffix("."): value for key, value in state._metadata.items()}
    return result


def without(state: Mapping, heads: Iterable[str]) -> OrderedDict:
    """Return `state` without the keys that begin with one of `heads`: layers that were trained on top of the network."""
    result = OrderedDict((key, value) for key, value in state.items() if not key.startswith(tuple(heads)))
    if hasattr(state, "_metadata"):
        result._metadata = state._metadata
    return result


def fit(network: nn.Module, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """Load `state` into `network` and return it; nothing is left random.

    Raises InputError listing the keys that are missing, unknown or of another shape.
    """
    expected = network.state_dict()
    wrong = {
        "missing": [key for key in expected if key not in state and not key.endswith(COUNTER)],
        "unknown": [key for key in state if key not in expected],
        "misshapen": [
            f"{key} {tuple(state[key].shape)} instead of {tuple(value.shape)}"
            for key, value in expected.items()
            if key in state and state[key].shape != value.shape
        ],
    }
    if any(wrong.values()):
        parts = [
            f"{len(keys)} {kind} ({', '.join(keys[:N_SHOWN])}{', ...' if len(keys) > N_SHOWN else ''})"
            for kind, keys in wrong.items()
            if keys
        ]
        raise InputError(f"the weights do not fit {type(network).__name__}: {'; '.join(parts)}. Nothing was loaded.")
    complete = OrderedDict(expected | dict(state))  # the counters that are not there stay at 0
    # versions of modules that a file does not tell (safetensors has no place for them) are today's
    complete._metadata = getattr(state, "_metadata", expected._metadata)
    network.load_state_dict(complete)
    return network
