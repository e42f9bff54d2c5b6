"""Files of weights in other forms: keys with something before or in them, other classes, and numbers of other kinds."""

import pytest
import torch
from states import assert_exact, drawn, prefixed, spec
from torch import nn

from dormouse.errors import InputError
from dormouse.models.build import build
from dormouse.models.checkpoints import fit, read_state

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


# --- what stands in and before keys

PREFIXES = ["model.", "net.", "encoder.", "backbone.", "_orig_mod.", "module._orig_mod.", "model._orig_mod.module.", "a.b."]
SOURCES = [("torchvision", "mnasnet0_5"), ("timm", "test_resnet"), ("timm", "test_vit"), ("dino", "test_vit")]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("source", "name"), SOURCES)
def test_what_stands_before_all_keys_is_taken_off(source, name, prefix, path):
    state = drawn(build(spec(source, name)))
    torch.save({"state_dict": prefixed(state, prefix), "epoch": 3}, path)
    assert_exact(build(spec(source, name, path)), state)


@pytest.mark.parametrize("prefix", ["", "model.", "module._orig_mod."])
def test_a_head_goes_with_what_stands_before_it(prefix, path):
    state = drawn(build(spec("vissl", "resnet18")))
    torch.save(prefixed(state | {"fc.weight": torch.rand(10, 512), "fc.bias": torch.rand(10)}, prefix), path)
    assert_exact(build(spec("vissl", "resnet18", path)), state)


@pytest.mark.parametrize("part", ["module", "_orig_mod"])
def test_what_stands_around_a_part_of_a_network_is_taken_off(part, path):
    state = drawn(build(spec("torchvision", "squeezenet1_1")))
    torch.save({key.replace("features.", f"features.{part}."): value for key, value in state.items()}, path)
    assert_exact(build(spec("torchvision", "squeezenet1_1", path)), state)


def test_keys_that_a_network_has_itself_are_kept():
    network = nn.ModuleDict({"model": nn.ModuleDict({"module": nn.Linear(2, 3)})})
    state = drawn(network)
    for prefix in ("", "module.", "model."):
        for value in network.parameters():
            nn.init.zeros_(value)
        assert_exact(fit(network, prefixed(state, prefix)), state)


def test_two_keys_that_would_become_one_are_not_loaded():
    state = {"0.weight": torch.ones(3, 2), "0.bias": torch.ones(3), "0._orig_mod.weight": torch.zeros(3, 2)}
    with pytest.raises(InputError, match=r"1 unknown \(0\._orig_mod\.weight\)"):
        fit(nn.Sequential(nn.Linear(2, 3)), state)


# --- other classes


@pytest.mark.parametrize(("source", "name"), [("torchvision", "squeezenet1_1"), ("timm", "test_resnet")])
def test_weights_of_other_classes_fit_a_network_that_is_told_their_number(source, name, path):
    with_classes = {"options": {"classes": 7}}
    state = drawn(build(spec(source, name) | with_classes))
    torch.save(state, path)
    assert_exact(build(spec(source, name, path) | with_classes), state)
    advice = r"2 misshapen \(.*\)\. Nothing was loaded\. If its classes are 7 and not {}, add `classes: 7` to the line of"
    with pytest.raises(InputError, match=advice.format(1000)):
        build(spec(source, name, path))
    with pytest.raises(InputError, match=advice.format(8)):
        build(spec(source, name, path) | {"options": {"classes": 8}})


def test_a_network_of_google_with_classes_of_its_own_scales_its_input_with_weights_alone(path):
    of_line = spec("torchvision", "inception_v3") | {"options": {"classes": 3}}
    network = build(of_line)
    assert not network.transform_input
    torch.save(network.state_dict(), path)
    assert build(of_line | {"file": str(path)}).transform_input


# --- numbers of other kinds


MEMORY = torch.arange(8.0)
KINDS = {
    "sparse": lambda state: {key: value.to_sparse() for key, value in state.items()},
    "compressed": lambda state: state | {"weight": state["weight"].to_sparse_csr()},
    "quantised": lambda state: {key: torch.quantize_per_tensor(value, 0.25, 0, torch.qint8) for key, value in state.items()},
    "8 bits": lambda state: {key: value.to(torch.float8_e4m3fn) for key, value in state.items()},
    "64 bits": lambda state: {key: value.double() for key, value in state.items()},
    "of one memory": lambda state: {"weight": MEMORY[:6].view(3, 2), "bias": MEMORY[5:]},
    "expanded": lambda state: state | {"bias": torch.ones(1).expand(3)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor", "ignore:Sparse CSR")
def test_numbers_of_other_kinds_are_loaded_as_they_are(kind, path):
    state = KINDS[kind]({"weight": torch.tensor([[0, 0.5], [1, 0], [-1, 2]]), "bias": torch.tensor([0, 1, 0.25])})
    torch.save(state, path)
    expected = {key: (value.dequantize() if value.is_quantized else value).to_dense().float() for key, value in state.items()}
    assert_exact(fit(nn.Linear(2, 3), read_state(path)[0]), expected)


def test_a_mask_of_infinity_is_no_reason_to_refuse_weights(module, path):
    module("masked", MASKED)
    state = build(spec("python", "masked:make")).state_dict()
    assert state["mask"].isinf().any()
    torch.save({**state, "0.weight": state["0.weight"] + 1}, path)
    assert (build(spec("python", "masked:make", path))[0].weight == state["0.weight"] + 1).all()


MASKED = """
import torch
from torch import nn


def make():
    network = nn.Sequential(nn.Linear(2, 3))
    network.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))
    return network
"""


def test_a_state_dict_in_a_list_is_loaded_by_its_place(path):
    state = drawn(nn.Linear(2, 3))
    torch.save({"epoch": 3, "networks": [dict.fromkeys(state, torch.zeros(3)), state]}, path)
    with pytest.raises(InputError, match=r"or name one by `key`: networks\.0, networks\.1"):
        read_state(path)
    assert_exact(fit(nn.Linear(2, 3), read_state(path, "networks.1")[0]), state)
