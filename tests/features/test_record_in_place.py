"""Outputs that are changed in place are found, and shown as their module put them out."""

from collections.abc import Callable

import pytest
import torch
from networks import Adding, Between, Scale, pass_on
from recorded_outputs import images, overwritten_by, recorded
from torch import nn
from torch.nn import functional

from dormouse.errors import InputError
from dormouse.features.extraction import stream
from dormouse.features.survey import survey


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
