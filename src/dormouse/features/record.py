"""Recording what the layers of a network put out: batches run in step, so that each layer is seen for all images at once.

Each batch runs until it has an output to show, and waits there for the others; between two layers only one batch moves. So
memory holds one layer of all images and what the network still needs at that point, and batches can have the size at which
the machine is fastest.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial

import torch
from greenlet import GreenletExit, getcurrent, greenlet
from torch import nn

from dormouse.errors import InputError
from dormouse.features.layers import Names, block_paths, is_container


@dataclass(frozen=True)
class Output:
    """What a module put out."""

    name: str  # of the layer: its class and a running number, or what its module calls itself
    path: str  # of its module in the network
    block: str  # path of the outermost module that is no container and holds the layer
    is_block: bool  # whether the layer is that module's own output
    repeats: bool  # whether it is the output before it, passed on unchanged
    values: list[torch.Tensor]  # of each batch; valid during the visit alone


def record(
    network: nn.Module,
    batches: Sequence[torch.Tensor],
    visit: Callable[[Output], bool | None],
    overwritten: Set[str] | None = None,
    leave_out: Callable[[str, str], None] = lambda path, kind: None,
) -> set[str]:
    """Run batches of images through `network` in step and call `visit` for every output of all of them.

    Parameters
    ----------
    batches : each (n_images, n_channels, height, width)
    visit : says by True that the rest of the network need not run
    overwritten : names of the outputs that are changed in place before the next module starts. They are visited at once, all
        others only when it starts, because their inputs are out of memory by then; if None, all are visited at once
    leave_out : is called with a module's path and a word for what it put out, where that holds no real or complex numbers

    Returns the names of the outputs that were changed in place.

    Raises InputError where batches run different layers, where an output that was left for later was changed, or where the
    network hides its layers (`check_open`).
    """
    check_open(network)
    blocks = list(block_paths(network))
    handles, changed = [], set()
    runs = [_Run(network, batch, overwritten, changed, leave_out) for batch in batches]
    for path, module in network.named_modules():
        if not is_container(module):
            block = next((name for name in blocks if f"{path}.".startswith(f"{name}.")), "")
            handles.append(module.register_forward_pre_hook(partial(_before, path)))
            handles.append(module.register_forward_hook(partial(_after, path, block)))
    try:
        # in inference mode tensors do not count their changes; on leaving, the modes from before are on again
        with torch.inference_mode(False), torch.no_grad():
            while shown := list(filter(None, [_in_own_modes(run.switch) for run in runs])):
                _check_same(shown, len(runs))
                together = replace(shown[0], values=[output.values for output in shown])
                del shown  # nothing here may outlive the visit
                ended = visit(together)
                del together
                if ended:
                    break
    finally:
        for handle in handles:
            handle.remove()
        for run in runs:
            if run:  # started and not ended
                _in_own_modes(run.throw, GreenletExit)
    return changed


def _check_same(shown: Sequence[Output], n_batches: int) -> None:
    if len(shown) < n_batches or len({(output.name, output.path) for output in shown}) > 1:
        ran = list(dict.fromkeys(f"{output.name} ({output.path or 'the network'})" for output in shown))
        ran += ["none"] if len(shown) < n_batches else []
        raise InputError(
            f"the network runs other layers for some images than for others; they cannot be compared: here {' or '.join(ran)}."
        )


def _before(path: str, *_) -> None:
    _run_of(path).show()


def _after(path: str, block: str, module: nn.Module, _, output) -> None:
    _run_of(path).put_out(module, path, block, output)


def _run_of(path: str) -> "_Run":
    run = getcurrent()
    if not isinstance(run, _Run):
        raise InputError(
            f"{path or 'the network'}: called in a thread of its own, where its place among the layers is not known."
        )
    return run


@dataclass(frozen=True)
class _Taken:
    """An output of one batch, and how it was when it was put out."""

    output: Output
    whole: torch.Tensor  # as its module put it out: complex where the values of the output are real and imaginary parts
    version: int | None

    def changed(self) -> bool:
        """Return whether the output was changed since, or may have been."""
        return self.version is None or version(self.whole) != self.version


class _Run(greenlet):
    """One batch on its way through the network. Switching to it runs it to its next output, which is returned, or None."""

    def __init__(
        self,
        network: nn.Module,
        batch: torch.Tensor,
        overwritten: Set[str] | None,
        changed: set[str],
        leave_out: Callable[[str, str], None],
    ):
        super().__init__()
        self.network, self.batch, self.overwritten, self.changed = network, batch, overwritten, changed
        self.leave_out = leave_out
        self.names = Names()
        self.block = ""  # of the last output; the output of the whole network counts as part of it
        self.waiting: list[_Taken] = []  # not yet shown
        self.shown: list[_Taken] = []  # of the module before
        self.unchecked: list[_Taken] = []  # of these, what may be changed before the next module starts

    def run(self) -> None:
        try:
            self.network(self.batch)
        except SystemExit as error:
            raise InputError("the network calls sys.exit, which would end the job without a word. Take it out.") from error
        self.show()

    def put_out(self, module: nn.Module, path: str, block: str, output) -> None:
        """Take the output of a module."""
        self.show()
        before, self.shown = {id(taken.whole): taken.version for taken in self.shown}, []
        self.block = block or self.block
        held = [(part, as_numbers(part)) for part in parts_of(output)]
        for part, numbers in held:
            if numbers is None:
                self.leave_out(path, _kind(part))
        held = [(part, numbers) for part, numbers in held if numbers is not None]
        stem = self.names.next(module, len(held))
        for k, (part, numbers) in enumerate(held, start=1):
            name = stem if len(held) == 1 else f"{stem}-{k}"
            repeats = before.get(id(part)) == version(part) is not None
            self.waiting.append(_Taken(Output(name, path, self.block, path == block, repeats, numbers), part, version(part)))
        if self.overwritten is None or not self.overwritten.isdisjoint(taken.output.name for taken in self.waiting):
            self._stop()
            self.unchecked = self.shown

    def show(self) -> None:
        """Stop at every output that waits, before another module starts."""
        self.changed.update(taken.output.name for taken in self.unchecked if taken.changed())
        self.unchecked = []
        for taken in self.waiting:
            if taken.changed():
                raise InputError(f"layer {taken.output.name}: changed in place in this pass, but not in the one before.")
        self._stop()

    def _stop(self) -> None:
        while self.waiting:
            self.shown.append(self.waiting.pop(0))
            _in_own_modes(self.parent.switch, self.shown[-1].output)


def _in_own_modes(switch: Callable, *output):
    """Switch, and restore the modes on return: torch keeps them per thread, and a network may set them for a part of it."""
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


def check_open(network: nn.Module) -> None:
    """Raise InputError for a network, or a part of it, that runs as one piece and shows nothing of the modules inside."""
    for path, module in network.named_modules():
        scripted = isinstance(module, torch.jit.ScriptModule)
        # what torch.compile leaves: a module around the network, another call, or another forward
        compiled = hasattr(module, "_orig_mod") or module._compiled_call_impl
        compiled = compiled or (
            hasattr(module.forward, "_torchdynamo_orig_callable") and not hasattr(module.forward, "_torchdynamo_disable")
        )
        if scripted or compiled:
            raise InputError(
                f"{path or 'the network'}: {'TorchScript' if scripted else 'compiled by torch.compile'}, which runs as one "
                "piece and hides the layers inside. Give the original module, neither scripted nor traced nor compiled."
            )


def tensors(output) -> Iterator[torch.Tensor]:
    """Yield the numbers that a module's output holds, as floating-point tensors, in order."""
    return (numbers for each in parts_of(output) if (numbers := as_numbers(each)) is not None)


def parts_of(output, within: tuple[int, ...] = ()) -> Iterator:
    """Yield what an output holds, in order: the elements of a tuple, list, mapping or dataclass, else the output itself.

    A container that is empty or holds itself is yielded as it is; `within` are the ids of the containers around the output.
    """
    if isinstance(output, Mapping):  # before the dataclasses, since outputs of Hugging Face's models are both
        held = list(output.values())
    elif isinstance(output, list | tuple | deque):
        held = list(output)
    elif is_dataclass(output) and not isinstance(output, type):
        held = [getattr(output, field.name, None) for field in fields(output)]
    else:
        held = []
    if not held or id(output) in within:
        yield output
    for each in held if id(output) not in within else ():
        yield from parts_of(each, (*within, id(output)))


def as_numbers(output) -> torch.Tensor | None:
    """Return a tensor as floating-point numbers, complex ones as real and imaginary parts in a last axis, or None."""
    if not isinstance(output, torch.Tensor) or output.layout != torch.strided or output.is_nested:
        return None
    if output.is_complex():
        return torch.view_as_real(output.resolve_conj())
    return output if output.is_floating_point() else None


def _kind(output) -> str:
    """Return a word for an output that holds no numbers."""
    if not isinstance(output, torch.Tensor):
        return "None" if output is None else type(output).__name__
    layout = "nested" if output.is_nested else str(output.layout)
    words = [word.removeprefix("torch.") for word in (layout, str(output.dtype)) if word != "torch.strided"]
    return f"tensor of {' '.join(words)}"
