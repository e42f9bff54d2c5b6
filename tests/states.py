"""State dicts with numbers to tell apart, as training saves them."""

from collections import OrderedDict

import torch
from torch import nn

COUNTER = "num_batches_tracked"


def spec(source, name, file=None):
    return {"source": source, "name": name, "seed": None if file else 0, "file": file and str(file)}


def drawn(network, seed=1):
    """Return the state dict of a network with random numbers in every tensor; variances are positive."""
    generator, state = torch.Generator().manual_seed(seed), network.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = 0.1 + torch.rand(value.shape, generator=generator)
        else:
            state[key] = torch.randint(1, 1000, value.shape, generator=generator)
    return state


def trained(network):
    """Return the state dict of a network with its numbers moved a little, as by training, so that outputs stay finite."""
    generator, state = torch.Generator().manual_seed(1), network.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = value + 0.02 * torch.randn(value.shape, generator=generator)
    return state


def prefixed(state, prefix):
    return OrderedDict((f"{prefix}{key}", value) for key, value in state.items())


def uncounted(state):
    """Return a state dict as torch saved it before 2018: without the steps of batch normalisation, and without versions."""
    return OrderedDict((key, value) for key, value in state.items() if not key.endswith(COUNTER))


def parallel(state):
    """Return a state dict as nn.DataParallel saves it, versions of modules included."""
    saved = prefixed(state, "module.")
    saved._metadata = {"": {"version": 1}} | {f"module.{key}".rstrip("."): value for key, value in state._metadata.items()}
    return saved


def assert_exact(network, expected):
    """Assert that a network holds the numbers of a state dict; counters that the state dict lacks are 0."""
    found = network.state_dict()
    lacking = [key for key in found if key not in expected]
    assert all(key.endswith(COUNTER) and found[key] == 0 for key in lacking)
    assert expected.keys() <= found.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
        assert not found[key].isnan().any(), key


def averaged(state):
    """Return a state dict as AveragedModel saves it, versions of modules included."""
    saved = parallel(state)
    saved["n_averaged"] = torch.tensor(5)
    return saved


LAYOUTS = {
    "alone": lambda state: state,
    "model": lambda state: {"epoch": 3, "model": state, "optimizer": {"state": {}}, "args": {"lr": 0.1}},
    "state_dict": lambda state: {"epoch": 3, "state_dict": state, "best": 71.2},
    "DataParallel": parallel,
    "state_dict of DataParallel": lambda state: {"state_dict": parallel(state), "arch": "net"},
    "AveragedModel": averaged,
    "AveragedModel of DataParallel": lambda state: {"model": averaged(parallel(state)), "optimizer": {"state": {}}},
    "DataParallel without versions": lambda state: prefixed(state, "module."),
    "without versions": dict,
    "without counters and versions": uncounted,
    "parameters": lambda state: {
        key: nn.Parameter(value, requires_grad=value.is_floating_point()) for key, value in state.items()
    },
}
