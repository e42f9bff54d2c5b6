"""Mutations of files of weights, by their structure."""

import io
import json
import os
import pickle
from random import Random

import safetensors.torch
import torch
from mutators import NAMES
from torch import nn


class Runs:
    """Pickles as a call that leaves a file behind."""

    def __reduce__(self):
        return os.system, ("touch ran",)


def odd_values(key: str, value: torch.Tensor) -> list:
    """Return what may stand in the place of a tensor, and what may not."""
    odd = [
        value.double(),
        value.half(),
        value.bfloat16(),
        value.to(torch.complex64),
        value[None],
        value[:0],
        value.flatten(),
        value * torch.nan,
    ]
    odd += [
        value.to_sparse(),
        value.to(torch.int8),
        value.long(),
        torch.zeros(()),
        value > 0,
        value.numpy(),
        None,
        3,
        "x",
        [value],
        {key: value},
        Runs(),
    ]
    odd += [
        torch.empty(value.shape, device="meta"),
        nn.Parameter(value),
        torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8),
        value.expand(2, *value.shape),
    ]
    return odd


def odd_state(content: bytes, rng: Random) -> dict:
    """Return a state dict with odd tensors, keys or layers around it."""
    state = torch.load(io.BytesIO(content), weights_only=True)
    key = rng.choice(list(state))
    value = state[key]
    match rng.choice(["value", "value", "value", "key", "remove", "around", "deep", "twice"]):
        case "value":
            state[key] = rng.choice(odd_values(key, value))
        case "key":
            state[rng.choice([*NAMES, 0, None, ("a", "b"), b"x", 1.5, f"module.{key}"])] = state.pop(key)
        case "remove":
            del state[key]
        case "around":
            state = {
                rng.choice(["state_dict", "model", "x", 0, None, "optimizer"]): state,
                "epoch": rng.choice([1, Runs(), value]),
            }
        case "deep":
            for _ in range(rng.choice([3, 50, 400])):
                state = {rng.choice(["model", "a"]): state}
        case "twice":
            state = {"state_dict": state, "ema": dict(state), "list": [state]}
    return state


def in_checkpoint(content: bytes, rng: Random) -> bytes:
    """Change a file of `torch.save`, and write it in one of the formats that there are."""
    state, held = odd_state(content, rng), io.BytesIO()
    match rng.choice(["zip", "zip", "zip", "old", "pickle", "script"]):
        case "zip":
            torch.save(state, held)
        case "old":
            torch.save(state, held, _use_new_zipfile_serialization=False) if "meta" not in str(state) else torch.save({}, held)
        case "pickle":
            pickle.dump(Runs(), held)
        case "script":
            torch.jit.save(torch.jit.script(nn.Linear(2, 2)), held)
    return held.getvalue()


def in_safetensors(content: bytes, rng: Random) -> bytes:
    """Change the header of a safetensors file, or its tensors."""
    size = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    key = rng.choice(list(header))
    match rng.choice(["type", "shape", "offsets", "remove", "key", "metadata", "size", "tensors"]):
        case "type":
            header[key] |= {"dtype": rng.choice(["F64", "F8_E4M3", "BF16", "BOOL", "X", "", 3, None, "I64"])}
        case "shape":
            header[key] |= {"shape": rng.choice([[], [0], [-1], [2**40], [2**62, 8], ["a"], None, [1.5], [1] * 100])}
        case "offsets":
            header[key] |= {"data_offsets": rng.choice([[0, 0], [0, 2**62], [-4, 4], [8, 0], [0], None, [0, len(body)]])}
        case "remove":
            del header[key]
        case "key":
            header[rng.choice(NAMES)] = header.pop(key)
        case "metadata":
            header["__metadata__"] = rng.choice([{"dormouse_sha256": "x"}, {"a": 1}, [], None, {"dormouse_sha256": ""}])
        case "size":
            return rng.choice([0, 1, size + 1, 2**40, 2**63]).to_bytes(8, "little") + content[8:]
        case "tensors":
            tensors = safetensors.torch.load(content)
            return safetensors.torch.save(
                {name: rng.choice([t, t.half(), t.flatten(), t.contiguous()]) for name, t in tensors.items()}
            )
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body
