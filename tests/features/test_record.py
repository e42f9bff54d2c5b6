"""Batches in step: each output is there for all images at once, as its module put it out."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from networks import Apply, Aside, Between, Pair, Scale, pass_on, random_network
from recorded_outputs import images, overwritten_by, recorded
from torch import nn

from dormouse.errors import InputError
from dormouse.features.record import record
from dormouse.models.loaders import make_torchvision_importable


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
