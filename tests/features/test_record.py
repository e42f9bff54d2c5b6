"""Batches in step: each output is there for all images, as its module put it out, and no longer than it is looked at."""

import weakref
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from greenlet import getcurrent
from networks import Adding, Apply, Aside, Beside, Pair, Scale, make_images, random_network
from torch import nn
from torch.nn import functional

from dormouse.errors import InputError
from dormouse.features.extraction import stream
from dormouse.features.memory import PeakMemory
from dormouse.features.record import Output, record
from dormouse.features.survey import survey
from dormouse.models.loaders import make_torchvision_importable


def images(n: int, size: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(make_images(n, size, seed))


def recorded(network: nn.Module, batches, overwritten=None) -> tuple[list[tuple], set[str]]:
    """Return name, block, whether it is the block's own, whether it repeats, and copies of the values of every output."""
    outputs = []

    def keep(output: Output) -> None:
        values = [each.clone() for each in output.values]
        outputs.append((output.name, output.block, output.is_block, output.repeats, values))

    changed = record(network, batches, keep, overwritten)
    return outputs, changed


def overwritten_by(network: nn.Module, batch: torch.Tensor) -> set[str]:
    return record(network, [batch], lambda output: None)


def by_plain_hooks(network: nn.Module, batch: torch.Tensor) -> list[torch.Tensor]:
    """Copies of outputs in order of computation, by hooks of the test's own."""
    found = []

    def hook(module: nn.Module, _, output) -> None:
        found.extend(value.clone() for value in ([output] if isinstance(output, torch.Tensor) else output))

    containers = nn.Sequential | nn.ModuleList
    handles = [each.register_forward_hook(hook) for each in network.modules() if not isinstance(each, containers)]
    with torch.no_grad():
        network(batch)
    for handle in handles:
        handle.remove()
    return found


# --- in step as alone


def timm_network(name: str, **sizes) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        make_torchvision_importable()
        import timm

        torch.manual_seed(0)
        return timm.create_model(name, **sizes).eval()

    return make


NETWORKS = {
    "resnet18": lambda: random_network("resnet18"),
    "squeezenet1_1": lambda: random_network("squeezenet1_1"),
    "densenet121": lambda: random_network("densenet121"),
    "efficientnet_b0": lambda: random_network("efficientnet_b0"),
    "mobilenetv3": timm_network("mobilenetv3_small_050"),
    "vit_tiny": timm_network("vit_tiny_patch16_224", img_size=32, depth=2),
    "swin_tiny": timm_network(
        "swin_tiny_patch4_window7_224", img_size=32, window_size=4, depths=(2, 2), num_heads=(2, 2), embed_dim=16
    ),
    "levit": timm_network("levit_128s", img_size=32, depth=(1, 1, 1)),
}
OVERWRITING = {"resnet18", "densenet121", "efficientnet_b0"}  # by functions, not by layers


@pytest.mark.parametrize("name", NETWORKS)
def test_batches_in_step_put_out_what_each_puts_out_alone(name):
    network, inputs = NETWORKS[name](), images(4, 32)
    alone, overwritten = recorded(network, [inputs])
    assert bool(overwritten) == (name in OVERWRITING)
    for sizes in ((4,), (2, 2), (1, 2, 1)):
        batches = inputs.split(sizes)
        outputs, _ = recorded(network, batches, overwritten)
        assert [output[:4] for output in outputs] == [output[:4] for output in alone]
        expected = zip(*(by_plain_hooks(network, batch) for batch in batches), strict=True)
        for (layer, *_, values), of_batches in zip(outputs, expected, strict=True):
            assert all(map(torch.equal, values, of_batches)), layer
        if sizes == (1, 2, 1):
            together = torch.cat([values.flatten(1) for values in outputs[-1][-1]])
            torch.testing.assert_close(together, alone[-1][-1][0].flatten(1))


def test_batches_move_by_turns_from_output_to_output():
    """Or else one would be far ahead, and its outputs would fill the memory."""
    order = []

    def note(x: torch.Tensor) -> torch.Tensor:
        order.append(len(x))
        return x + 1

    record(Apply(Aside(note), Aside(note)), images(6).split((1, 2, 3)), lambda output: order.append(output.name))
    assert order == [1, 2, 3, "Aside-1", 1, 2, 3, "Aside-2", "Apply-1"]


def test_a_network_without_layers_shows_nothing():
    assert recorded(nn.Sequential(), images(4).split(2)) == ([], set())


# --- passed on


class Between(nn.Module):
    """Calls two layers, and a function between them."""

    def __init__(self, first: nn.Module, function: Callable, second: nn.Module):
        super().__init__()
        self.first, self.function, self.second = first, function, second

    def forward(self, x):
        return self.second(self.function(self.first(x)))


def pass_on(x):
    return x


PASSED = {
    "by an identity": (Apply(Scale(), nn.Identity()), {"Identity-1", "Apply-1"}),
    "by a dropout": (nn.Sequential(Scale(), nn.Dropout(0.5)).eval(), {"Dropout-1"}),
    "as a copy": (Apply(Scale(), Aside(torch.clone)), {"Apply-1"}),
    "in another shape": (Apply(Scale(), nn.Flatten()), {"Apply-1"}),
    "changed in place": (Apply(Scale(), nn.ReLU(inplace=True)), {"Apply-1"}),
    "changed before": (Between(Scale(), lambda x: x.add_(1), nn.Identity()), {"Between-1"}),
    "changed behind": (Between(Scale(), pass_on, Aside(lambda x: x.mul_(2))), {"Between-1"}),
    "replaced by an equal one": (Between(Scale(), lambda x: x + 0, nn.Identity()), {"Between-1"}),
    "of several the last": (Apply(Pair(), nn.Identity()), {"Apply-1"}),
    "of no layer": (Apply(nn.Identity(), Scale()), {"Apply-1"}),
}


@pytest.mark.parametrize("way", PASSED)
def test_an_output_is_said_to_repeat_the_one_before_only_if_it_is_that_very_one_unchanged(way):
    network, repeated = PASSED[way]
    inputs = images(4)
    overwritten = overwritten_by(network, inputs)
    for batches in ([inputs], inputs.split(2)):
        for late in (None, overwritten):
            outputs, _ = recorded(network, batches, late)
            assert {name for name, _, _, repeats, _ in outputs if repeats} == repeated
            for (*_, values), (*_, repeats, more) in pairwise(outputs):
                assert not repeats or all(map(torch.equal, values, more))


def test_several_outputs_passed_on_repeat_one_by_one():
    both = Aside(lambda x: (x + 1, x + 2))
    outputs, _ = recorded(nn.Sequential(both, Aside(lambda pair: (pair[0], pair[1] + 0))), [images(3)])
    assert [(name, repeats) for name, _, _, repeats, _ in outputs] == [
        ("Aside-1-1", False),
        ("Aside-1-2", False),
        ("Aside-3-1", True),
        ("Aside-3-2", False),
    ]


# --- changed in place


def zeroed(y: torch.Tensor) -> torch.Tensor:
    y[:, 0] = 0
    return y


CHANGES = {
    "functional": lambda y: functional.relu_(y),
    "functional, by an argument": lambda y: functional.silu(y, inplace=True),
    "of some places": zeroed,
    "through a view": lambda y: (y.flatten(1)[:, 3:].mul_(2), y)[1],
    "as the result of another": lambda y: torch.add(y, 1, out=y),
    "of many at once": lambda y: (torch._foreach_mul_([y], 2), y)[1],
    "and put aside": lambda y: y.mul_(2).flatten(1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_output_that_is_changed_in_place_before_the_next_layer_is_found_and_shown_as_it_was(change):
    network, inputs = Between(Scale(), CHANGES[change], nn.Tanh()), images(5)
    known = survey(network, inputs)
    assert known.overwritten == {"Scale-1"} == overwritten_by(network, inputs)
    outputs, changed = recorded(network, inputs.split(2), known.overwritten)
    assert changed == {"Scale-1"}
    assert torch.equal(torch.cat(outputs[0][-1]), 2 * inputs)


def test_a_residual_that_is_added_in_place_is_found():
    network, inputs = nn.Sequential(Adding(Scale()), Adding(nn.Tanh())), images(5)
    assert survey(network, inputs).overwritten == {"Scale-1", "Tanh-1"}
    outputs, _ = recorded(network, inputs.split(2), {"Scale-1", "Tanh-1"})
    expected = [2 * inputs, 3 * inputs, (3 * inputs).tanh(), (3 * inputs).tanh() + 3 * inputs]
    for (*_, values), each in zip(outputs, expected, strict=True):
        assert torch.equal(torch.cat(values), each)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU, nn.Hardswish])
def test_an_output_that_the_next_layer_itself_changes_is_shown_before(activation):
    network, inputs = nn.Sequential(Scale(), activation(inplace=True), Scale(), activation(inplace=True)), images(5)
    assert overwritten_by(network, inputs) == set()
    outputs, _ = recorded(network, inputs.split(2), set())
    first = activation()(2 * inputs)
    for (*_, values), expected in zip(outputs, [2 * inputs, first, 2 * first, activation()(2 * first)], strict=True):
        assert torch.equal(torch.cat(values), expected)


class AfterThree(nn.Module):
    """Changes in place what a layer put out, of more than three images."""

    def __init__(self, head: Callable):
        super().__init__()
        self.layer, self.head = Scale(), head

    def forward(self, x):
        y = self.layer(x)
        return self.head(y.add_(1) if len(x) > 3 else y + 1)


@pytest.mark.parametrize("head", [nn.Flatten(), pass_on])
def test_a_network_that_overwrites_more_images_alone_is_refused(head):
    network, inputs = AfterThree(head), images(8)
    known = survey(network, inputs)
    assert not known.overwritten
    with pytest.raises(InputError, match=r"^layer Scale-1: changed in place in this pass, but not in the one before"):
        stream(network, inputs.split(4), known, lambda *_: None)
    stream(network, inputs.split(2), known, lambda *_: None)


def test_tensors_that_do_not_tell_of_changes_are_shown_at_once():
    class Inference(Adding):
        def forward(self, x):
            with torch.inference_mode():
                return super().forward(x)

    network, inputs = Inference(Scale()), images(4)
    overwritten = overwritten_by(network, inputs)
    assert overwritten == {"Scale-1", "Inference-1"}
    outputs, _ = recorded(network, [inputs], overwritten)
    assert torch.equal(outputs[0][-1][0], 2 * inputs)
    assert not any(repeats for _, _, _, repeats, _ in outputs)


# --- batches that part


class Moody(nn.Sequential):
    """Runs other layers for dark images, or fewer, or more; no layer itself."""

    def __init__(self, then: str):
        super().__init__()
        self.first, self.second, self.third, self.then = Scale(), nn.ReLU(), nn.Tanh(), then

    def forward(self, x):
        x = self.first(x)
        if x.mean() < 0:
            return {"other": self.third, "fewer": pass_on, "more": lambda x: self.third(self.second(x))}[self.then](x)
        return self.second(x)


@pytest.mark.parametrize("then", ["other", "fewer", "more"])
@pytest.mark.parametrize("dark", [0, 1])
def test_batches_that_run_other_layers_are_refused(then, dark):
    inputs = images(4).abs()
    inputs[2 * dark : 2 * dark + 2] *= -1
    network = Moody(then)
    recorded(network, [inputs[:2]])
    recorded(network, [inputs[2:]])
    with pytest.raises(InputError, match="the network runs other layers for some images than for others"):
        recorded(network, inputs.split(2))


# --- an end


class Open(nn.Module):
    """Counts how many are inside and keeps what they run in; fails for images of ones."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer, self.after, self.inside, self.most, self.runs = layer, nn.ReLU(), 0, 0, []

    def forward(self, x):
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.runs.append(getcurrent())
        try:
            x = self.layer(x)
            if (x == 2).all():
                raise ZeroDivisionError
            return self.after(x)
        finally:
            self.inside -= 1


@pytest.mark.parametrize("end", ["success", "visit", "last visit", "network"])
@pytest.mark.parametrize("at_once", [False, True])
def test_nothing_is_left_of_a_pass_however_it_ends(end, at_once):
    network, inputs = nn.Sequential(Open(Scale()), Open(nn.Tanh())), images(6)
    if end == "network":
        inputs[2:4] = 1

    def visit(output: Output) -> None:
        if output.name == {"visit": "Scale-1", "last visit": "Open-2"}.get(end):
            raise ZeroDivisionError

    if end == "success":
        record(network, inputs.split(2), visit, None if at_once else set())
    else:
        with pytest.raises(ZeroDivisionError):
            record(network, inputs.split(2), visit, None if at_once else set())
    assert network[0].inside == network[1].inside == 0 and network[0].most > 1
    assert len(set(network[0].runs)) > 1 and all(run.dead for run in network[0].runs)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    torch.testing.assert_close(network(images(2, seed=1)), (2 * images(2, seed=1)).relu().tanh().relu())
    assert len(recorded(network, images(6, seed=1).split(3))[0]) == 6


def test_hooks_of_others_stay():
    network, seen = Apply(Scale()), []
    network.parts[0].register_forward_hook(lambda *_: seen.append("after"))
    network.parts[0].register_forward_pre_hook(lambda *_: seen.append("before"))
    recorded(network, images(4).split(2))
    network(images(1))
    assert seen == ["before", "after"] * 3


def test_gradients_are_on_and_off_as_before():
    with torch.enable_grad():
        recorded(Apply(Scale()), images(4).split(2))
        assert torch.is_grad_enabled()
    with torch.no_grad():
        recorded(Apply(Scale()), images(4).split(2))
        assert not torch.is_grad_enabled()


class Careful(nn.Module):
    """Has a layer of its own run in float32."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        x = self.first(x)
        with torch.autocast("cpu", enabled=False):
            x = self.second(x.float())
        return self.third(x)


@pytest.mark.parametrize("at_once", [False, True])
def test_the_precision_that_a_network_sets_for_a_part_of_it_is_that_of_each_batch(at_once):
    torch.manual_seed(0)
    network, inputs = Careful().eval(), images(6)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, _ = recorded(network, inputs.split(2), None if at_once else set())
        assert torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cpu")
    kinds = [[values.dtype for values in each] for *_, each in outputs]
    assert kinds == [[kind] * 3 for kind in (torch.bfloat16, torch.float32, torch.bfloat16, torch.bfloat16)]


MODES = {
    "gradients": torch.enable_grad,
    "another precision": lambda: torch.autocast("cpu", torch.float16),
    "no other precision": lambda: torch.autocast("cpu", enabled=False),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at_once", [False, True])
def test_what_a_network_sets_for_a_part_of_it_is_set_in_that_part_of_each_batch_alone(mode, at_once):
    seen = {}

    def now() -> tuple:
        return torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def note(x: torch.Tensor) -> torch.Tensor:
        seen.setdefault(len(x), []).append(now())
        return x + 1

    class Setting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(Aside(note) for _ in range(4))

        def forward(self, x):
            x = self.layers[0](x)
            with MODES[mode]():
                x = self.layers[2](self.layers[1](x))
            return self.layers[3](x)

    network = Setting()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        network(images(4))
        before = now()
        record(
            network,
            images(6).split((1, 2, 3)),
            lambda output: seen.setdefault("visits", []).append(now()),
            None if at_once else set(),
        )
        assert now() == before
    alone = seen.pop(4)
    assert alone[0] == alone[3] == before != alone[1] == alone[2]
    assert set(seen.pop("visits")) == {before}
    assert list(seen.values()) == [alone] * 3


# --- memory


def chain(*channels: int) -> nn.Sequential:
    sizes = (3, *channels)
    return nn.Sequential(*(nn.Conv2d(a, b, 1) for a, b in pairwise(sizes))).eval()


CHANNELS = (12, 2, 30, 7)
MAP = 8 * 8 * 4  # bytes of a channel of an image


@pytest.mark.parametrize(("n_images", "batch"), [(12, 2), (12, 12), (7, 3), (5, 1)])
def test_no_more_is_alive_than_a_layer_of_all_images_and_the_next_of_those_that_move(n_images, batch):
    """Of each image either the layer that was seen or the next, of those that move both."""
    network, inputs, seen = chain(*CHANNELS), images(n_images), []
    with PeakMemory() as counted:

        def see(output: Output) -> None:
            seen.append((counted.peak, counted.alive))
            counted.peak = counted.alive

        record(network, inputs.split(batch), see, set())
    sizes = [len(part) for part in inputs.split(batch)]
    peaks = []
    for a, b in pairwise((0, *CHANNELS)):
        done = [sum(sizes[:k]) for k in range(len(sizes))]
        peaks.append(max(b * (n + size) + a * (n_images - n) for n, size in zip(done, sizes, strict=True)))
    assert [peak / MAP for peak, _ in seen] == peaks
    assert [now / MAP for _, now in seen] == [n_images * channels for channels in CHANNELS]
    assert counted.alive == 0


def test_inputs_are_alive_beside_an_output_that_is_shown_at_once():
    network, inputs, seen = chain(*CHANNELS), images(6), []
    with PeakMemory() as counted:
        record(network, inputs.split(2), lambda output: seen.append(counted.alive / MAP / 6), {"Conv2d-3"})
    assert seen == [12, 2, 2 + 30, 7]


def test_of_a_layer_nothing_is_alive_once_the_next_is_seen():
    references, dead = [], []

    def see(output: Output) -> None:
        dead.append([reference() is None for reference in references])
        references[:] = map(weakref.ref, output.values)

    record(chain(*CHANNELS), images(6).split(2), see, set())
    assert dead == [[], [True] * 3, [True] * 3, [True] * 3]
    assert all(reference() is None for reference in references)


def test_what_a_network_still_needs_is_alive():
    class Skipping(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 12, 1), nn.Conv2d(12, 2, 1)

        def forward(self, x):
            y = self.first(x)
            return torch.cat([y, self.second(y)], dim=1)

    seen = []
    with PeakMemory() as counted:
        record(Skipping().eval(), images(6).split(2), lambda output: seen.append(counted.alive / MAP / 6), set())
    assert seen == [12, 2 + 12 + 2, 12 + 2]


def test_outputs_that_nobody_takes_are_no_longer_alive_than_others():
    seen = []
    with PeakMemory() as counted:
        record(Beside(nn.Conv2d(3, 12, 1)).eval(), images(6).split(2), lambda _: seen.append(counted.alive / 6), set())
    assert seen == [12 * MAP + 4, 4]
