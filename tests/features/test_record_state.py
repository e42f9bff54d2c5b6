"""A pass leaves hooks, gradients and precision as they were, and each batch runs as the network sets them."""

import pytest
import torch
from greenlet import getcurrent
from networks import Apply, Aside, Scale
from recorded_outputs import images, recorded
from torch import nn

from dormouse.features.record import Output, record


class Open(nn.Module):
    """Counts the batches inside and keeps the greenlets that they run in; fails for images of ones."""

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


@pytest.mark.parametrize("mode", MODES)
def test_modes_are_as_before_where_a_pass_ends_inside_a_part_with_its_own(mode):
    class Inside(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(Scale() for _ in range(3))

        def forward(self, x):
            with MODES[mode]():
                return self.layers[2](self.layers[1](self.layers[0](x)))

    def now() -> tuple:
        return torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    before, seen = now(), []
    record(Inside(), images(4).split(2), lambda output: seen.append(output.name) or output.name == "Scale-2", set())
    assert seen == ["Scale-1", "Scale-2"] and now() == before
