"""How much memory a network's pass takes, counted from the tensors that are alive at once, and how much there is."""

import ctypes
import sys
import weakref
from collections import Counter
from contextlib import suppress

import psutil
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

RESERVED = 0.05  # share of the memory of a job that no forecast may use
# a process holds some pages more or fewer from run to run; with this rounding up the same job gets the same plan
ROUND_BYTES = 64 << 20
M_MMAP_THRESHOLD = -3  # of mallopt(3)


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of the tensors that operations make while the mode is on, and the most that were alive at once."""

    def __init__(self):
        super().__init__()
        self.alive = self.peak = 0
        self._tensors: Counter[int] = Counter()  # by the storage that they look at

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spare every process torch's compiler, which takes two seconds to import: nothing is compiled here."""
        return False

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        """Run the operation and count the storage of what it returns."""
        given = {value.untyped_storage()._cdata for value in tree_iter((args, kwargs)) if _has_storage(value)}
        result = operation(*args, **(kwargs or {}))
        for value in tree_iter(result):
            # a view of a tensor from before the mode takes no memory
            if _has_storage(value) and (self._tensors[key := value.untyped_storage()._cdata] or key not in given):
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


def _has_storage(value) -> bool:
    """Return whether a value is a tensor that can be asked for its storage; a sparse one cannot, and is not counted."""
    return isinstance(value, torch.Tensor) and (value.layout == torch.strided or value.is_nested)


def available_bytes(device: torch.device, memory_mib: float | None) -> float:
    """Return the bytes free for a pass: of a GPU all unused, else what a job of `memory_mib` has left (None: no limit)."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] * (1 - RESERVED)
    if memory_mib is None:
        return float("inf")
    return memory_mib * 2**20 * (1 - RESERVED) - -(-resident_bytes() // ROUND_BYTES) * ROUND_BYTES


def resident_bytes() -> int:
    """Return what this process holds in memory."""
    return psutil.Process().memory_info().rss


def give_back_at_once(above: int | None) -> None:
    """Make freed tensors of more than `above` bytes go back to the system; with None the C library may keep fragments."""
    if above and sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library than GNU's
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, above)
