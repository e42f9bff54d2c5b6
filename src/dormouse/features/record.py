"""What the layers of a network put out, while it runs: several batches in step, so that a layer is there for all images.

A layer is the output of any module that is not a plain container, in the order of computation, named by its class and a
running number (the convention of Conwell et al. 2021). Each batch runs until it has an output to show and waits there for the
others; between two layers only one of them moves. So a layer of all images takes no more memory than itself and what else of
the network is alive at that moment, and batches are of the size at which the machine is fastest.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

import torch
from greenlet import GreenletExit, getcurrent, greenlet
from torch import nn

from dormouse.errors import InputError

LAYER_NAME = "layer_name"  # attribute by which a module names its output itself, as MouseNet's populations do


@dataclass(frozen=True)
class Output:
    """What a module put out."""

    name: str  # of the layer: its class and a running number, or what its module calls itself
    block: str  # path of the outermost module that is no container and holds the layer
    is_block: bool  # whether the layer is that module's own output
    repeats: bool  # whether it is the very output before it, passed on
    values: list[torch.Tensor]  # of each batch; valid during the visit alone


def record(
    network: nn.Module,
    batches: Sequence[torch.Tensor],
    visit: Callable[[Output], None],
    overwritten: Set[str] | None = None,
) -> set[str]:
    """Run batches of images through `network` in step and call `visit` for every output of all of them.

    Parameters
    ----------
    batches : each (n_images, n_channels, height, width)
    overwritten : names of the outputs that are changed in place before the next module starts. The others are visited then,
        when their inputs are free again; if None, all are visited at once

    Returns the names of outputs that were so changed.

    Raises InputError where batches run different layers, or where an output that was left for later was changed.
    """
    blocks = list(block_paths(network))
    handles, changed = [], set()
    runs = [_Run(network, batch, overwritten, changed) for batch in batches]
    for path, module in network.named_modules():
        if not is_container(module):
            block = next((name for name in blocks if f"{path}.".startswith(f"{name}.")), "")
            handles.append(module.register_forward_pre_hook(lambda *_: getcurrent().show()))
            handles.append(module.register_forward_hook(_hook(block, path == block)))
    try:
        # outside inference mode, in which tensors do not tell whether they were changed; and back to what was on before
        with torch.inference_mode(False), torch.no_grad():
            while shown := list(filter(None, [_in_own_modes(run.switch) for run in runs])):
                if len(shown) < len(runs) or len({output.name for output in shown}) > 1:
                    raise InputError("the network runs other layers for some images than for others; they cannot be compared.")
                together = replace(shown[0], values=[output.values for output in shown])
                del shown  # nothing here may outlive the visit
                visit(together)
                del together
    finally:
        for handle in handles:
            handle.remove()
        for run in runs:
            if run:  # started and not ended
                run.throw(GreenletExit)
    return changed


def _hook(block: str, is_block: bool) -> Callable:
    return lambda module, _, output: getcurrent().put_out(module, block, is_block, output)


class _Run(greenlet):
    """One batch on its way through the network; switched to, it returns at its next output, or None at the end."""

    def __init__(self, network: nn.Module, batch: torch.Tensor, overwritten: Set[str] | None, changed: set[str]):
        super().__init__()
        self.network, self.batch, self.overwritten, self.changed = network, batch, overwritten, changed
        self.named: Counter[str] = Counter()  # outputs by the kind of their module
        self.called: Counter[str] = Counter()  # outputs by the name that their module gives itself
        self.block = ""  # of the last output; that of the whole network counts to it
        self.waiting: list[tuple[Output, int | None]] = []  # not yet shown, with the versions of their values
        self.shown: list[tuple[Output, int | None]] = []  # of the module before
        self.unchecked: list[tuple[Output, int | None]] = []  # of these, what may be changed before the next module starts

    def run(self) -> None:
        self.network(self.batch)
        self.show()

    def put_out(self, module: nn.Module, block: str, is_block: bool, output) -> None:
        """Take the output of a module."""
        self.show()
        before, self.shown = {id(last.values): then for last, then in self.shown}, []
        self.block = block or self.block
        values = list(tensors(output))
        stem = self._name(module, len(values))
        for k, value in enumerate(values, start=1):
            name = stem if len(values) == 1 else f"{stem}-{k}"
            repeats = before.get(id(value)) == version(value) is not None
            self.waiting.append((Output(name, self.block, is_block, repeats, value), version(value)))
        if self.overwritten is None or not self.overwritten.isdisjoint(output.name for output, _ in self.waiting):
            self._stop()
            self.unchecked = self.shown

    def _name(self, module: nn.Module, n_values: int) -> str:
        """Return the name of a module's output, and count it."""
        if own := getattr(module, LAYER_NAME, ""):
            self.called[own] += 1
            return own if self.called[own] == 1 else f"{own}-{self.called[own]}"
        kind = type(module).__name__
        number = 1 + sum(n for other, n in self.named.items() if kind in other)
        self.named[kind] += n_values
        return f"{kind}-{number}"

    def show(self) -> None:
        """Stop at every output that waits, before another module starts."""
        self.changed.update(output.name for output, then in self.unchecked if then is None or version(output.values) != then)
        self.unchecked = []
        for output, then in self.waiting:
            if then is None or version(output.values) != then:
                raise InputError(f"layer {output.name}: changed in place in this pass, but not in the one before.")
        self._stop()

    def _stop(self) -> None:
        while self.waiting:
            self.shown.append(self.waiting.pop(0))
            _in_own_modes(self.parent.switch, self.shown[-1][0])


def _in_own_modes(switch: Callable, *output):
    """Switch, and come back to the modes that were on, which torch keeps for the thread and a network may set for a part."""
    grad = torch.is_grad_enabled()
    autocast = [(kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")]
    result = switch(*output)
    torch.set_grad_enabled(grad)
    for kind, enabled, dtype in autocast:
        torch.set_autocast_enabled(kind, enabled)
        torch.set_autocast_dtype(kind, dtype)
    return result


def version(tensor: torch.Tensor) -> int | None:
    """Return how often a tensor was changed in place, or None where that is not known."""
    return None if tensor.is_inference() else tensor._version


def is_container(module: nn.Module) -> bool:
    """Return whether a module only holds others: a sequence, also of a class of its own, a list or a dictionary."""
    # a dictionary of a class of its own computes something, as the dense blocks of DenseNet
    return isinstance(module, nn.Sequential | nn.ModuleList) or type(module) is nn.ModuleDict


def block_paths(module: nn.Module, prefix: str = "") -> Iterator[str]:
    """Yield the paths of a network's blocks: its outermost modules that are no containers."""
    for name, child in module.named_children():
        if is_container(child):
            yield from block_paths(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def tensors(output) -> Iterator[torch.Tensor]:
    """Yield the floating-point tensors of a module's output: a tensor, or a tuple, list or mapping of outputs."""
    if isinstance(output, torch.Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from tensors(value)
