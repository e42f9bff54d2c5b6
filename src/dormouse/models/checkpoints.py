"""Files of weights: read without running code, stripped of what training put around them, and fitted to a network exactly."""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from tarfile import is_tarfile
from zipfile import ZipFile, is_zipfile

import safetensors.torch
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from dormouse.errors import InputError
from dormouse.models.weights_digest import check_digest

N_SHOWN = 20  # keys of a kind named in an error
SHOWN_LETTERS = 100  # of a key
MAX_DEPTH = 8  # of the place of a state dict in a checkpoint

# Where a checkpoint keeps the state dict among an optimiser, a configuration and the like: VISSL, then everyone else.
WRAPPERS = (("classy_state_dict", "base_model", "model", "trunk"), ("model_state_dict",), ("state_dict",), ("model",))
OPTIMISER = "optim"  # start of keys that hold no network, though tensors in them may have the names of one
# what nn.DataParallel and torch.compile put into the keys of a part of a network that they are put around
AROUND = re.compile(r"(?<=\.)(?:module|_orig_mod)\.")
AVERAGED = "n_averaged"  # beside the keys of a network in torch.optim.swa_utils.AveragedModel, which begin with module.
# What torch says of a pickle that builds more than tensors.
REFUSAL = re.compile(r"(Unsupported (global|class)|Trying to|Can only)[^\n]*")
# Steps that batch normalisation counted in training; checkpoints from before 2018 lack it, and no output depends on it.
COUNTER = "num_batches_tracked"
NOT_LEARNT = (COUNTER, "running_mean", "running_var")  # by training; averages of weights may leave them out


def read_state(path: str | Path, key: str | None = None) -> tuple[OrderedDict[str, torch.Tensor], str]:
    """Return the state dict of a checkpoint, and its place there: keys joined by dots, empty if alone.

    The file is in safetensors' format or what `torch.load` reads with `weights_only=True`, whatever its ending. `key` is the
    place of the state dict; without it the usual ones are tried.

    Raises InputError where the file cannot be read, or could be read only by running code; where it holds no state dict, or
    none at `key`; and where without a `key` several could be meant: those of another average, or of student and teacher.
    """
    try:
        states = {".".join(place): state for place, state in _states(unpickled(path))}
    except InputError:
        raise
    except Exception as error:  # pickle, zipfile, safetensors and torch each raise their own
        raise InputError(f"{path}: {_reason(error)}") from error
    place = _usual_place(path, states) if key is None else key
    if place not in states:
        there = f"there are: {_shown(states)}" if any(states) else "it is one itself" if states else "there is none"
        raise InputError(
            f"{path}: no state dict at key {key!r}; {there}. Mend `key` in the line of the model, or leave it out."
        )
    return states[place], place


def _states(value, place: tuple[str, ...] = (), seen: set[int] | None = None) -> Iterator[tuple[tuple[str, ...], Mapping]]:
    """Yield every state dict of a checkpoint with its place, except those of optimisers."""
    seen = set() if seen is None else seen  # a file may name the same container in many places
    if _is_state(value):
        yield place, _without_count(value)
    elif isinstance(value, Mapping | list | tuple) and len(place) < MAX_DEPTH and id(value) not in seen:
        seen.add(id(value))
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            if not str(key).startswith(OPTIMISER):
                yield from _states(inner, (*place, str(key)), seen)


def _usual_place(path: str | Path, states: Mapping[str, Mapping]) -> str:
    """Return the usual place where a checkpoint holds a state dict; raises InputError where it holds none or several."""
    place = next((place for place in ("", *map(".".join, WRAPPERS)) if place in states), None)
    if place is None:
        named = f", or name one by `key`: {_shown(states)}" if states else ""
        raise InputError(f"{path}: expected a state dict, names to tensors; save `network.state_dict()` alone{named}.")
    meant = [other for other, state in states.items() if _outline(state) == _outline(states[place])]
    if len(meant) > 1:
        raise InputError(
            f"{path}: {len(meant)} state dicts of the same network: {_shown(meant)}. Say by `key` in the line of the model "
            f"which is meant, as `key: {meant[-1]}`."
        )
    return place


def _outline(state: Mapping) -> dict[str, torch.Size]:
    """Return the shapes of learnt tensors by their keys, without the prefix that all keys share."""
    *_, bare = _without_shared(_without_around(state))
    return {key: value.shape for key, value in bare.items() if not key.endswith(NOT_LEARNT)}


def _without_count(state: Mapping) -> Mapping:
    """Return a state dict without the number of averaged networks."""
    alone = without(state, [AVERAGED])
    return alone if all(key.startswith("module.") for key in alone) else state


def _without_around(state: Mapping) -> Mapping:
    bare = renamed(state, lambda key: AROUND.sub("", key))
    return bare if len(bare) == len(state) else state


def _without_shared(state: Mapping, heads: Iterable[str] = ()) -> Iterator[OrderedDict]:
    """Yield a state dict, and then the same without the first part of its keys, as long as all share one.

    Keys that begin with one of `heads` are left out of each.
    """
    while True:
        state = without(state, heads)
        yield state
        first = {key.partition(".")[:2] for key in state}
        if len(first) != 1 or not all("." in part for part in first):
            return
        ((name, point),) = first
        state = without_prefix(state, f"{name}{point}")


def aligned(state: Mapping[str, torch.Tensor], known: Collection[str], heads: Iterable[str] = ()) -> Mapping:
    """Return a state dict without what stands in or before its keys and not in those of its network, `known`.

    Training puts a network into others, as their `module`, `backbone` or `_orig_mod`. Such a prefix goes if all keys share it;
    of all the ways to take them off, that with most known keys is taken. Keys that begin with one of `heads` are left out.
    """
    ways = [way for start in (_without_around(state), state) for way in _without_shared(start, heads)]
    return max(ways, key=lambda way: len(way.keys() & known))


def unpickled(path: str | Path) -> object:
    """Return what a file of torch or safetensors holds; no code runs, and nothing is unpacked to disk."""
    if not Path(path).is_file():  # a pipe would be waited for
        raise FileNotFoundError("no such file")
    if is_zipfile(path):
        _check_archive(path)
    elif is_tarfile(path):  # the first versions of torch wrote these; it would unpack them to a folder
        raise ValueError("a tar archive")
    if is_safetensors(path):
        return check_digest(path, safetensors.torch.load_file(path))
    with open(path, "rb") as file:  # given a name, torch would choose the format by its ending
        return torch.load(file, map_location="cpu", weights_only=True)


def _check_archive(path: str | Path) -> None:
    """Raise InputError where an archive unpacks to more than it holds, as none of torch's does, or holds a TorchScript."""
    with ZipFile(path) as archive:
        parts = archive.infolist()
    unpacked, size = sum(part.file_size for part in parts), Path(path).stat().st_size
    if unpacked > size:
        raise InputError(f"{path}: unpacks to {unpacked} bytes, more than its {size}. Save it uncompressed, by torch.save.")
    if any(part.filename.endswith("/constants.pkl") for part in parts):
        raise InputError(f"{path}: TorchScript. Read it with torch.jit.load, and save its `state_dict()` alone.")


def is_safetensors(path: str | Path) -> bool:
    """Return whether a file begins as safetensors do: the length of a header, and the header, which is JSON."""
    with open(path, "rb") as file:
        return file.read(9)[8:] == b"{" and not is_zipfile(path)


def _is_state(value) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(key, str) and _has_shape(tensor) for key, tensor in value.items())
    )


def _has_shape(value) -> bool:
    return isinstance(value, torch.Tensor) and not value.is_nested


def _shown(keys: Iterable[str]) -> str:
    """Return the first of some keys of a file on one line."""
    keys = [key if key.isprintable() and len(key) <= SHOWN_LETTERS else f"{key[:SHOWN_LETTERS]!r}..." for key in keys]
    return ", ".join(keys[:N_SHOWN]) + ", ..." * (len(keys) > N_SHOWN)


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


def fit(network: nn.Module, state: Mapping[str, torch.Tensor], heads: Iterable[str] = (), classes: bool = False) -> nn.Module:
    """Load `state` into `network` and return it; nothing is left random.

    Parameters
    ----------
    heads, state : see `aligned`
    classes : whether the line of the model can say another number of classes

    Raises InputError listing the keys that are missing, unknown, of another shape, or that hold no numbers or others.
    """
    expected = network.state_dict()
    state = aligned(state, expected.keys(), heads)
    shaped = {key: value for key, value in expected.items() if isinstance(value, torch.Tensor) and not is_lazy(value)}
    pairs = {key: (state[key], value) for key, value in shaped.items() if key in state}
    misshapen = {key: (a.shape, b.shape) for key, (a, b) in pairs.items() if a.shape != b.shape}
    wrong = {
        "missing": [key for key in expected if key not in state and not key.endswith(COUNTER)],
        "unknown": [key for key in state if key not in expected],
        "misshapen": [f"{key} {tuple(found)} instead of {tuple(wanted)}" for key, (found, wanted) in misshapen.items()],
        "without real numbers": [key for key, (a, b) in pairs.items() if a.is_meta or a.is_complex() > b.is_complex()],
    }
    if any(wrong.values()):
        parts = [f"{len(keys)} {kind} ({_shown(keys)})" for kind, keys in wrong.items() if keys]
        advice = _classes_advice(misshapen.values()) if classes and len(parts) == 1 else ""
        raise InputError(f"the weights do not fit {type(network).__name__}: {'; '.join(parts)}. Nothing was loaded.{advice}")
    complete = OrderedDict(expected | {key: dense(value) for key, value in state.items()})  # counters not there stay at 0
    # versions of modules that a file does not tell (safetensors has no place for them) are today's
    complete._metadata = getattr(state, "_metadata", expected._metadata)
    network.load_state_dict(complete)
    return network


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that may be quantised or sparse as plain numbers."""
    tensor = tensor.dequantize() if tensor.is_quantized else tensor
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def _classes_advice(misshapen: Iterable[tuple[torch.Size, torch.Size]]) -> str:
    """Return what to do where all that is misshapen has another first axis, as classifiers of other classes have."""
    numbers = {(a[0], b[0]) if a and b and a[1:] == b[1:] else None for a, b in misshapen}
    found, wanted = numbers.pop() or (0, 0) if len(numbers) == 1 else (0, 0)
    if not found:
        return ""
    return f" If its classes are {found} and not {wanted}, add `classes: {found}` to the line of the model."
