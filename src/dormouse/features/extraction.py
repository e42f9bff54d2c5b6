"""From a network and images to the kernels of its layers, within the memory of the job."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from dormouse.errors import InputError
from dormouse.features.gram import PREDICTORS, Kernels
from dormouse.features.kernels import stack
from dormouse.features.layers import Layer, places
from dormouse.features.memory import available_bytes, give_back_at_once
from dormouse.features.plan import Plan, choose_plan, pass_bytes
from dormouse.features.projection import n_projections
from dormouse.features.rates import measure
from dormouse.features.record import Output, record
from dormouse.features.scratch import Scratch, free_bytes
from dormouse.features.standardisation import Moments
from dormouse.features.survey import Survey, features, survey

# By the share of the memory that is forecast: bytes above which freed tensors go back to the system. The C library is quicker
# when left alone, but its fragments took half of the forecast then; with 16 MB they took a fifth.
GIVEN_BACK = {0.5: None, 0.7: 16 << 20, 1.0: 1 << 20}
PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def stream(
    network: nn.Module,
    batches: Sequence[torch.Tensor],
    known: Survey,
    visit: Callable[[Layer, list[torch.Tensor], bool], None],
    layers: str = "all",
    progress: tqdm | None = None,
    images: Sequence[int] | None = None,
    last: str | None = None,
) -> None:
    """Run batches of images through `network` in step and call visit(layer, parts, repeats) for every layer.

    Parameters
    ----------
    batches : (n_images, n_channels, height, width) each
    visit : is called with the layer; its features (n_images, ...) of every batch, valid during the call alone; and whether
        they are those of the layer visited before, passed on
    layers : all, or blocks for the outputs of blocks alone, which keep their names
    images : places of the images of all batches among those surveyed; None for all, in order
    last : name of the layer after which nothing more is wanted, and the network stops; None for all layers

    Raises InputError where the network runs other layers than in the survey, or an image has other features than there.
    """
    ahead, visited, ended = iter(known.layers), False, False
    left = iter(range(sum(map(len, batches))) if images is None else map(int, images))
    of_batches = [list(islice(left, len(batch))) for batch in batches]

    def see(output: Output) -> bool:
        nonlocal visited, ended
        layer = next(ahead, None)
        if layer is None or (layer.name, layer.path) != (output.name, output.path):
            raise InputError(f"layer {output.name}: the network runs other layers for more images than for three.")
        if progress is not None:
            progress.update()
        repeats = output.repeats and visited
        parts = [] if layer.axis is None else features(known, layer, output.values, of_batches)
        if wanted := bool(parts) and (layers == "all" or output.is_block):
            visit(layer, parts, repeats)
        visited, ended = wanted or repeats, layer.name == last
        return ended

    with _in_step(len(batches)):
        record(network, batches, see, known.overwritten)
    if not ended and (layer := next(ahead, None)):
        raise InputError(f"layer {layer.name}: run for three images, but not for more.")


@contextmanager
def _in_step(n_batches: int) -> Iterator[None]:
    """Where several batches run, add to an error of the network what may be its cause."""
    try:
        yield
    except Exception as error:
        if n_batches > 1 and not isinstance(error, InputError):
            error.add_note(
                "Batches run in step. Does the network keep something of one batch on itself? The next replaces it."
            )
        raise


def extract(
    network: nn.Module,
    inputs: np.ndarray,
    layers: str,
    kernels: Collection[str],
    eps: float,
    seed: int,
    threads: int,
    memory_mib: float | None = None,
    precision: str = "float32",
    keep: Callable[[dict], None] | None = None,
    scratch: tuple[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """Make the kernels of the layers of `network` for preprocessed images, and give each layer to `keep` once it is finished.

    The network runs on the GPU where there is one, else on `threads` cores; TensorFloat-32 is off in both.

    Parameters
    ----------
    inputs : (at least 3 images, n_channels, height, width) float32
    layers : of `LAYERS`
    kernels : of `kernels.KERNELS`; centred is made in any case
    eps, seed : of the sparse random projection
    memory_mib : of the whole process; None for no limit. A GPU may be filled.
    precision : of `PRECISIONS`, in which the network runs; products are of float32 in any case
    scratch : a folder where features may wait, and the bytes that they may take there; None for none
    keep : is called in the order of computation with what `gram.Kernels` finds of a layer, its path, block and block_depth

    Returns the same of all layers as arrays (n_layers, ...), by name, where no `keep` takes them; else nothing.
    """
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.mha.set_fastpath_enabled(False)  # it would pass over the modules inside an encoder layer
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network, images = network.to(device), torch.from_numpy(inputs)
    predictors, kept = [name for name in kernels if name in PREDICTORS], []
    with torch.autocast(device.type, PRECISIONS[precision]) if precision != "float32" else nullcontext():
        known = survey(network, images, PRECISIONS[precision], device)
        available = available_bytes(device, memory_mib)
        plan = plan_for(known, network, images, device, layers, predictors, eps, available, keep is None, scratch)
        print(describe(plan, known, available), file=sys.stderr)
        give_back_at_once(next(above for share, above in GIVEN_BACK.items() if plan.forecast <= share * available))
        place, finished = places(known.layers), keep or kept.append
        collected = Kernels(len(images), predictors, eps, seed, lambda layer: finished(layer | place[layer["layer"]]), device)
        way = run_waiting if plan.scratch else run
        way(plan, network, images, device, known, collected, layers, scratch and scratch[0])
    return {} if keep else stack(kept)


def plan_for(
    known: Survey,
    network: nn.Module,
    images: torch.Tensor,
    device: torch.device,
    layers: str,
    predictors: Collection[str],
    eps: float,
    available: float,
    held: bool,
    scratch: tuple[str, float] | None,
) -> Plan:
    """Return the plan for all images; rates are measured only where they do not fit into one pass."""
    n_columns = n_projections(len(images), eps)
    if layers != "all":
        blocks = [replace(layer, repeats=False) for layer in known.layers if layer.path == layer.block]
        known = replace(known, layers=blocks or known.layers)
    choose = partial(choose_plan, known, len(images), n_columns, predictors, available, device.type)
    n_held = len(known.layers) if held else 2  # one is written while the next is computed
    with suppress(InputError):
        plan = choose(n_held=n_held)
        if len(plan.passes) == 1 or scratch is None:
            return plan
    if scratch is None or not (room := min(scratch[1], free_bytes(scratch[0]))):
        return choose(n_held=n_held)
    fitting = images[: max(1, int(min(len(images), available / max(1, pass_bytes(known, 1, 1)))))]
    return choose(n_held=n_held, scratch=(room, measure(network, fitting, device, scratch[0], room)))


def run(
    plan: Plan,
    network: nn.Module,
    images: torch.Tensor,
    device: torch.device,
    known: Survey,
    collected: Kernels,
    layers: str,
    _folder: str | None = None,
) -> None:
    """Carry out a plan: in every round all passes, for the layers of one group."""
    again = len(plan.passes) > 1 and "zscore" in collected.names
    by_batch = np.array_split(np.arange(len(images)), -(-len(images) // plan.batch)) if again else []
    ends = _ends(plan, known)
    n_steps = (len(plan.passes) + len(by_batch)) * sum(n for *_, n in ends)
    with tqdm(total=n_steps, unit="layer", mininterval=5) as progress:
        for group, last, _ in ends:
            moments: dict[str, Moments] = {}
            for batch in by_batch:
                visit = partial(_sum_up, moments, group)
                stream(network, [images[batch].to(device)], known, visit, layers, progress, batch, last)
            for together in plan.passes:
                every = len(plan.passes) == 1
                taken = images if every and not known.changes_input else images[together]
                batches = [batch.to(device) for batch in taken.tensor_split(-(-len(together) // plan.batch))]
                visit = partial(_reduce, collected, moments, group, None if every else together)
                stream(network, batches, known, visit, layers, progress, together, last)


def run_waiting(
    plan: Plan,
    network: nn.Module,
    images: torch.Tensor,
    device: torch.device,
    known: Survey,
    collected: Kernels,
    layers: str,
    folder: str,
) -> None:
    """Carry out a plan in which the features of a group of layers wait on disk until all images have passed."""
    by_batch = np.array_split(np.arange(len(images)), -(-len(images) // plan.batch))
    ends = _ends(plan, known)
    n_steps = sum(len(by_batch) * n + len(known.layers) for *_, n in ends)
    with tqdm(total=n_steps, unit="layer", mininterval=5) as progress, Scratch(folder, len(images), device) as scratch:
        for group, last, _ in ends:
            for batch in by_batch:
                visit = partial(_put_aside, scratch, group, int(batch[0]))
                stream(network, [images[batch].to(device)], known, visit, layers, progress, batch, last)
            for layer in known.layers:
                progress.update()
                if layer.name in scratch:
                    with scratch.taken(layer.name) as waiting:
                        collected.add(layer.name, waiting)


def _ends(plan: Plan, known: Survey) -> list[tuple[Set[str], str | None, int]]:
    """Return each group of layers, the last of its layers, and how many run until then; for the last group, all run."""
    names, found = [layer.name for layer in known.layers], []
    for group in plan.groups[:-1]:
        n = 1 + max(map(names.index, group))
        found.append((group, names[n - 1], n))
    return [*found, (plan.groups[-1], None, len(names))]


def _put_aside(scratch: Scratch, group: Set[str], first: int, layer: Layer, parts: list[torch.Tensor], repeats: bool) -> None:
    if layer.name in group and not repeats:
        scratch.put(layer.name, parts, first)


def _sum_up(moments: dict[str, Moments], group: Set[str], layer: Layer, parts: list[torch.Tensor], repeats: bool) -> None:
    if layer.name in group and not repeats:
        moments.setdefault(layer.name, Moments()).add(parts[0])


def _reduce(
    collected: Kernels,
    moments: dict[str, Moments],
    group: Set[str],
    images: np.ndarray | None,
    layer: Layer,
    parts: list[torch.Tensor],
    repeats: bool,
) -> None:
    if layer.name in group and not repeats:
        found = moments[layer.name].result() if moments else None
        collected.add(layer.name, parts, images, found)


def describe(plan: Plan, known: Survey, available: float) -> str:
    """Return what the log says before the images run."""
    left_out = ""
    for why, constant in (("the same for all images", True), ("not of single images", False)):
        if names := [layer.name for layer in known.layers if layer.axis is None and layer.constant is constant]:
            left_out += f"; left out, because {why}: {', '.join(names)}"
    if known.no_numbers:
        kinds = "; ".join(f"{kind} of {', '.join(map(_said, paths))}" for kind, paths in known.no_numbers.items())
        left_out += f"\nno layers, because they hold no real or complex numbers: {kinds}"
    if known.silent:
        left_out += (
            f"\nno layers, because they put out nothing or were not called as modules: {', '.join(map(_said, known.silent))}"
        )
    n_images = 1 + max(int(images.max()) for images in plan.passes)
    limit = "no limit" if np.isinf(available) else f"{available / 2**20:.0f} MiB are free"
    limit += f", forecast {plan.forecast / 2**20:.0f} MiB"
    passes = "one pass"
    if len(plan.passes) > 1:
        passes = f"{len(plan.passes)} passes of {max(map(len, plan.passes))} images, in which every two meet"
    rounds = f", {len(plan.groups)} groups of layers" if len(plan.groups) > 1 else ""
    if plan.scratch:
        passes = f"features wait on disk, {plan.scratch / 2**20:.0f} MiB at most"
    if plan.seconds is not None:
        limit += f", about {plan.seconds:.0f} s"
    return (
        f"{len(known.layers)} outputs, {n_images} images; {limit}: {passes}{rounds}, {plan.batch} images at a time, "
        f"every image {'at most ' * (len(plan.groups) > 1)}{plan.runs:.3g} times through the network{left_out}"
    )


def _said(path: str) -> str:
    return path or "the network"
