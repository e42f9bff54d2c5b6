"""How much memory a network's pass takes, counted from the tensors that are alive at once."""

import weakref
from collections import Counter

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

PROCESS_BYTES = 700 << 20  # of Python with torch and the images, before a network
COPIES = 2  # of the largest layer that the products hold beside it, in float32


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of all tensors that operations make while the mode is on, and keeps the largest sum alive at once."""

    def __init__(self):
        super().__init__()
        self.alive = self.peak = 0
        self._tensors: Counter[int] = Counter()  # by the storage that they look at

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        """Run the operation and count the storage of what it returns."""
        given = {value.untyped_storage()._cdata for value in tree_iter((args, kwargs)) if isinstance(value, torch.Tensor)}
        result = operation(*args, **(kwargs or {}))
        for value in tree_iter(result):
            # what looks at a tensor from before the mode takes nothing
            if isinstance(value, torch.Tensor) and (self._tensors[key := value.untyped_storage()._cdata] or key not in given):
                self._count(value)
        return result

    def _count(self, value: torch.Tensor) -> None:
        storage = value.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if not self._tensors[key]:
            self.alive += size
            self.peak = max(self.peak, self.alive)
        self._tensors[key] += 1
        weakref.finalize(value, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._tensors[key] -= 1
        if not self._tensors[key]:
            self.alive -= size


def forecast_bytes(network: nn.Module, inputs: torch.Tensor, n_images: int, n_features: int) -> int:
    """Return the memory that extraction will take in one pass over `n_images`.

    Parameters
    ----------
    inputs : a few images, (n, n_channels, height, width), run to count what is alive at once
    n_features : of the largest layer
    """
    with torch.inference_mode(), PeakMemory() as memory:
        network(inputs)
    parameters = sum(value.nbytes for value in network.state_dict().values())
    return PROCESS_BYTES + parameters + n_images * (memory.peak // len(inputs) + COPIES * 4 * n_features)
