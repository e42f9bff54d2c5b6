"""What modules put out is a layer, or is named in the log; nothing vanishes."""

from collections import OrderedDict, UserDict, deque, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from networks import Apply, Aside, Beside, Scale, extracted, make_images, names_of, streamed
from torch import nn

from dormouse.errors import InputError
from dormouse.features import extraction
from dormouse.features.attestation import attest
from dormouse.features.plan import Plan
from dormouse.features.record import record
from dormouse.features.survey import survey

N_IMAGES = 7
Two = namedtuple("Two", ["first", "second"])


@dataclass
class Result:
    first: torch.Tensor
    second: object
    never: object = field(init=False)


@dataclass
class Both(OrderedDict):
    """A mapping and a dataclass, as the outputs of Hugging Face's models."""

    first: torch.Tensor = None
    second: torch.Tensor = None

    def __post_init__(self):
        self.update(first=self.first, second=self.second)


class Holder:
    """Holds tensors as attributes, of which nobody knows the order."""

    def __init__(self, value):
        self.value = value


def knotted(x: torch.Tensor) -> list:
    knot = [x]
    knot.append(knot)
    return knot


def centred(X: np.ndarray) -> np.ndarray:
    X = X.reshape(len(X), -1).astype(np.float64)
    return X.shape[1] * np.cov(X, bias=True)


# --- read

HOLDING = {
    "tuple": lambda a, b: (a, b),
    "list": lambda a, b: [a, b],
    "named tuple": Two,
    "deque": lambda a, b: deque([a, b]),
    "dictionary": lambda a, b: {"a": a, "b": b},
    "ordered dictionary": lambda a, b: OrderedDict(a=a, b=b),
    "other mapping": lambda a, b: UserDict(a=a, b=b),
    "dataclass": Result,
    "mapping and dataclass": Both,
    "nested": lambda a, b: Result({"a": [a]}, Two(Result(b, None), None)),
}


@pytest.mark.parametrize("kind", HOLDING)
def test_every_tensor_that_an_output_holds_is_a_layer(kind):
    images = make_images(N_IMAGES, 8, seed=0)
    found = extracted(Beside(Aside(lambda x: HOLDING[kind](2 * x, x.flatten(1)[:, :50].exp()))), images)
    assert found["layer"].tolist() == ["Aside-1-1", "Aside-1-2", "Beside-1"]
    assert found["n_features"].tolist() == [192, 50, 1]
    for K, X in zip(found["centred"], (2 * images, np.exp(images.reshape(N_IMAGES, -1)[:, :50])), strict=False):
        np.testing.assert_allclose(K, centred(X), rtol=0, atol=1e-5 * np.abs(K).max())


@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize("batch", [1, 3, 7])
def test_complex_outputs_are_real_and_imaginary_parts(monkeypatch, conjugate, batch):
    def spectrum(x: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft2(x).conj() if conjugate else torch.fft.rfft2(x)

    images = make_images(N_IMAGES, 8, seed=0)
    plan = Plan([np.arange(N_IMAGES)], [frozenset(["Aside-1", "Aside-2", "Identity-1"])], batch, 0, 0)
    monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: plan)
    found = extracted(nn.Sequential(Aside(spectrum), nn.Identity(), Aside(lambda z: z.abs())), images)
    assert found["layer"].tolist() == ["Aside-1", "Aside-2"]
    Z = np.fft.rfft2(images).conj() if conjugate else np.fft.rfft2(images)
    assert found["n_features"].tolist() == [2 * 3 * 8 * 5, 3 * 8 * 5]
    np.testing.assert_allclose(found["centred"][0], centred(np.stack([Z.real, Z.imag], -1)), rtol=0, atol=1e-2)
    np.testing.assert_allclose(found["centred"][1], centred(np.abs(Z)), rtol=0, atol=1e-2)


@pytest.mark.parametrize("spectrum", [torch.fft.fft2, lambda x: torch.fft.fft2(x).conj()])
def test_complex_outputs_that_are_passed_on_or_changed_in_place_are_told(spectrum):
    passed = [(output.name, output.repeats) for output in outputs_of(nn.Sequential(Aside(spectrum), nn.Identity()))]
    assert passed == [("Aside-1", False), ("Identity-1", True)]
    images = torch.from_numpy(make_images(N_IMAGES, 8, seed=0))
    network = nn.Sequential(Beside(Aside(spectrum)), nn.Identity())
    network[0].forward = lambda x: network[0].layer(x).mul_(2)
    known, seen = survey(network, images), {}
    assert known.overwritten == {"Aside-1"}
    extraction.stream(
        network, images.split(3), known, lambda layer, parts, _: seen.update({layer.name: torch.cat(parts).clone()})
    )
    expected = torch.view_as_real(spectrum(images).resolve_conj())
    torch.testing.assert_close(seen["Aside-1"].reshape(expected.shape), expected)
    torch.testing.assert_close(seen["Beside-1"], 2 * seen["Aside-1"])


def outputs_of(network: nn.Module) -> list:
    outputs = []
    record(network, torch.from_numpy(make_images(4, 8, seed=0)).split(2), outputs.append, set())
    return outputs


def test_an_element_of_an_input_that_is_passed_on_is_no_new_layer():
    network = nn.Sequential(Aside(lambda x: Result(x + 1, [x + 2, x + 3])), Aside(lambda result: result.second[1]))
    assert extracted(network)["layer"].tolist() == ["Aside-1-1", "Aside-1-2", "Aside-1-3"]


# --- named

NUMBERLESS = {
    "tensor of int64": lambda x: x.flatten(1).argmax(1),
    "tensor of bool": lambda x: x > 0,
    "tensor of sparse_coo float32": lambda x: x.flatten(1).to_sparse(),
    "tensor of sparse_csr float32": lambda x: x.flatten(1).to_sparse_csr(),
    "tensor of nested float32": lambda x: torch.nested.as_nested_tensor(list(x.flatten(1))),
    "tensor of nested float64": lambda x: torch.nested.as_nested_tensor(list(x.double().flatten(1)), layout=torch.jagged),
    "tensor of quint8": lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8),
    "None": lambda x: None,
    "int": len,
    "float": lambda x: float(x.mean()),
    "bool": lambda x: bool(x.mean() > 0),
    "str": lambda x: "cat",
    "list": lambda x: [],
    "dict": lambda x: {},
    "set": lambda x: {x},
    "ndarray": lambda x: x.numpy(),
    "generator": lambda x: (row for row in x),
    "Holder": Holder,
    "type": lambda x: Result,
}


@pytest.mark.parametrize("kind", NUMBERLESS)
@pytest.mark.filterwarnings("ignore")
def test_an_output_that_holds_no_numbers_is_named_with_its_module(kind, capsys):
    network = nn.Sequential(nn.Tanh(), Beside(Aside(NUMBERLESS[kind])))
    assert extracted(network)["layer"].tolist() == ["Tanh-1", "Beside-1"]
    assert f"\nno layers, because they hold no real or complex numbers: {kind} of 1.layer\n" in capsys.readouterr().err


def test_outputs_without_numbers_are_named_by_kind_beside_those_with_some(capsys):
    parts = [Aside(lambda x: (x + 1, None)), Aside(lambda x: Result(x + 2, [len(x), None])), Aside(knotted)]
    assert names_of(Apply(*parts)) == ["Aside-1", "Aside-2", "Aside-3", "Apply-1"]
    extracted(Apply(*parts))
    said = capsys.readouterr().err
    assert "numbers: None of parts.0, parts.1; int of parts.1; list of parts.2\n" in said
    extracted(nn.Sequential(nn.ReLU(), nn.Flatten()))
    assert "no layers" not in capsys.readouterr().err


def test_a_generator_is_left_to_the_network():
    network = nn.Sequential(Aside(lambda x: (row for row in x)), Aside(lambda rows: torch.stack(list(rows))))
    assert extracted(network)["layer"].tolist() == ["Aside-1"]


@pytest.mark.parametrize("empty", [lambda x: x[:, :0], lambda x: x[:0], lambda x: x.flatten(1)[:, :0]])
def test_an_empty_output_is_left_out_and_named(empty, capsys):
    assert extracted(Beside(Aside(empty)))["layer"].tolist() == ["Beside-1"]
    assert "left out, because the same for all images: Aside-1\n" in capsys.readouterr().err


def test_an_output_of_all_images_together_is_not_called_the_same_for_all(capsys):
    together, constant = Aside(lambda x: x.mean(0)), Aside(lambda x: torch.ones(5))
    network = nn.Sequential(Beside(together), Aside(lambda x: x + 1), Beside(constant))
    assert extracted(network)["layer"].tolist() == ["Beside-1", "Aside-2"]
    said = "; left out, because the same for all images: Aside-3; left out, because not of single images: Aside-1\n"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("output", [lambda x: x.mean(), lambda x: torch.ones(3)])
def test_a_network_of_which_no_layer_holds_anything_of_single_images_is_refused(output):
    with pytest.raises(InputError, match=r"no output of the network holds anything of single images \(Aside-1, Aside-2\)"):
        extracted(nn.Sequential(Aside(output), Aside(lambda x: x + 1)))


class Direct(nn.Module):
    """Calls the forward of a part, past hooks, and never another part."""

    def __init__(self):
        super().__init__()
        self.seen, self.passed = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.block = Apply(nn.Conv2d(3, 3, 1))
        self.head = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        self.heads = nn.ModuleList([nn.Sequential(nn.Linear(4, 4))])
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(1))])

    def forward(self, x):
        return self.block.forward(self.passed.forward(self.seen(x)))


def test_modules_with_parameters_that_put_out_nothing_are_named(capsys):
    assert extracted(nn.Sequential(Direct()))["layer"].tolist() == ["Conv2d-1", "Conv2d-2"]  # Direct passes the second on
    said = "\nno layers, because they put out nothing or were not called as modules: 0.passed, 0.block, 0.head, 0.heads\n"
    assert said in capsys.readouterr().err


def test_a_network_that_puts_out_no_numbers_itself_is_attested_and_scored():
    recipe = {"size": 8, "mean": [0], "std": [1], "range": 1, "channels": "grey", "interpolation": "bilinear"}
    for output in (lambda x: x.flatten(1).argmax(1), lambda x: [x.sum()]):
        network = nn.Sequential(nn.Tanh(), Aside(output))
        assert attest(network, recipe, None)["fingerprint"] == "[]"
        assert extracted(network)["layer"].tolist() == ["Tanh-1"]


def test_a_module_used_twice_has_one_path():
    scale = Scale()
    network = Apply(scale, nn.ReLU(), scale)
    known = survey(network, torch.from_numpy(make_images(4, 8, seed=0)))
    assert [(layer.name, layer.path) for layer in known.layers] == [
        ("Scale-1", "parts.0"),
        ("ReLU-1", "parts.1"),
        ("Scale-2", "parts.0"),
        ("Apply-1", ""),
    ]
    assert len(streamed(network, make_images(4, 8, seed=0), batch=2)) == 4
