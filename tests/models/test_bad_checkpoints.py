"""Files of weights that are refused: those that do not fit, that would run code, and that hold no weights."""

import os
import pickle
import re

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.models.build import build
from dormouse.models.checkpoints import fit, read_state

pytestmark = pytest.mark.usefixtures("one_thread")

UNREADABLE = "not a readable file of weights"
# source, name, and of the network a key, another, and the shape of the first
NETWORKS = {
    "torchvision": ("torchvision", "squeezenet1_1", "features.0.bias", "classifier.1.bias"),
    "timm": ("timm", "test_resnet", "conv1.0.weight", "fc.bias"),
    "timm, with a tag": ("timm", "test_efficientnet.r160_in1k", "conv_stem.weight", "classifier.bias"),
    "taskonomy": ("taskonomy", "encoder", "compress1.weight", "bn1.bias"),
    "vissl": ("vissl", "resnet18", "layer4.1.conv2.weight", "bn1.running_var"),
    "dino, ResNet": ("dino", "resnet18", "layer4.1.conv2.weight", "bn1.running_var"),
    "dino, ViT": ("dino", "test_vit", "blocks.0.attn.qkv.weight", "norm.bias"),
    "dino, XCiT": ("dino", "xcit_nano_12_p16_224", "blocks.0.attn.qkv.weight", "norm.bias"),
}


def spec(source, name, file=None):
    return {"source": source, "name": name, "seed": None if file else 0, "file": file and str(file)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


@pytest.fixture(scope="module")
def state():
    """Give the weights of a small network."""
    return build(spec("torchvision", "squeezenet1_1")).state_dict()


def refused(path, source="torchvision", name="squeezenet1_1"):
    """Return the message with which a file of weights is refused; it begins with the file."""
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: ") as caught:
        build(spec(source, name, path))
    return str(caught.value)


# --- weights that do not fit


@pytest.mark.parametrize("kind", NETWORKS)
def test_weights_with_a_key_too_few_too_many_or_misshapen_are_refused(kind, path):
    """One alone is enough, in every source."""
    source, name, key, other = NETWORKS[kind]
    state = build(spec(source, name)).state_dict()
    few = {k: value for k, value in state.items() if k != key}
    for wrong, named in (
        (few, [key]),
        (state | {"nonsense.weight": torch.zeros(3)}, ["nonsense.weight"]),
        (state | {key: torch.zeros(3, 5)}, [key, "3, 5"]),
        (state | {key: state[key].flatten()[None]}, [key, f"1, {state[key].numel()}"]),
        (few | {"nonsense.weight": torch.zeros(3), other: torch.zeros(2)}, [key, "nonsense.weight", other]),
    ):
        torch.save(wrong, path)
        message = refused(path, source, name)
        assert all(word in message for word in named), message


@pytest.mark.parametrize("kind", ["timm", "dino, ViT", "dino, XCiT", "dino, ResNet", "torchvision"])
def test_weights_of_another_network_are_refused(kind, path):
    source, name, *_ = NETWORKS[kind]
    torch.save(nn.Conv2d(3, 4, 3).state_dict(), path)
    assert "weight" in refused(path, source, name)


@pytest.mark.parametrize("source", ["timm", "dino"])
def test_positions_of_another_size_of_image_are_not_resized_unseen(source, path):
    options = {"num_classes": 0} if source == "dino" else {}
    build(spec("timm", "test_vit"))
    import timm

    torch.save(timm.create_model("test_vit", img_size=224, **options).state_dict(), path)
    assert "pos_embed" in refused(path, source, "test_vit")


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_keys_that_do_not_fit_are_listed_by_what_is_wrong_with_them(tmp_path, state, ending):
    wrong = dict(state)
    del wrong["features.0.weight"], wrong["features.0.bias"]
    wrong["head.weight"] = torch.zeros(3)
    wrong["classifier.1.weight"] = torch.zeros(10, 512, 1, 1)
    path = tmp_path / f"weights.{ending}"
    (safetensors.torch.save_file if ending == "safetensors" else torch.save)(wrong, path)
    assert refused(path) == (
        f"{path}: the weights do not fit SqueezeNet: 2 missing (features.0.weight, features.0.bias); "
        "1 unknown (head.weight); 1 misshapen (classifier.1.weight (10, 512, 1, 1) instead of (1000, 512, 1, 1)). "
        "Nothing was loaded."
    )


def test_of_weights_that_do_not_fit_nothing_is_loaded(state):
    network = build(spec("torchvision", "squeezenet1_1"))
    wrong = {key: value + 1 for key, value in state.items() if key != "classifier.1.bias"}
    with pytest.raises(InputError, match="1 missing"):
        fit(network, wrong)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_only_the_first_20_of_many_wrong_keys_are_named(path, state):
    torch.save({f"{key[0]}.{key}": value for key, value in state.items()}, path)
    message = refused(path)
    assert f"{len(state)} missing (features.0.weight, " in message
    assert f"{len(state)} unknown (f.features.0.weight, " in message
    assert message.count("weight,") + message.count("bias,") == 2 * 20
    assert message.count(", ...") == 2


@pytest.mark.parametrize(
    "rename",
    [
        lambda key: f"{'encoder' if key[0] == 'l' else 'trunk'}.{key}",
        lambda key: key.replace("layer", "stage"),
        lambda key: f"module.{key}" * (key[0] == "l"),
    ],
    ids=["two prefixes", "name", "prefix of some"],
)
def test_names_that_nothing_is_known_of_are_refused(rename, path):
    trunk = build(spec("vissl", "resnet18")).state_dict()
    torch.save({rename(key) or key: value for key, value in trunk.items()}, path)
    assert "do not fit ResNet: " in refused(path, "vissl", "resnet18")


@pytest.mark.parametrize(("source", "name"), [("torchvision", "squeezenet1_1"), ("timm", "test_resnet"), ("dino", "test_vit")])
@pytest.mark.parametrize("empty", [{}, {"state_dict": {}}, {"model": {}, "epoch": 3}], ids=str)
def test_a_state_dict_without_weights_is_refused_and_no_others_are_fetched(path, source, name, empty, monkeypatch):
    def fetch(*args, **keys):
        raise AssertionError("weights of the hub in the place of those of the file")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fetch)
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_url", fetch)
    torch.save(empty, path)
    refused(path, source, name)


# --- files that would run code


class Call:
    """Calls a function with a path when it is unpickled."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


def save_legacy(value, path):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def save_pickle(value, path):
    path.write_bytes(pickle.dumps(value, protocol=2))


@pytest.mark.parametrize("save", [torch.save, save_legacy, save_pickle])
@pytest.mark.parametrize("function", [os.mkdir, exec, np.savetxt], ids=lambda function: function.__name__)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda call, state: call,
        lambda call, state: {**state, "head.weight": call},
        lambda call, state: {"model": state, "x": call},
    ],
    ids=["alone", "among weights", "beside weights"],
)
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(path, save, function, wrap):
    trace = path.with_name("trace")
    arguments = {"mkdir": [str(trace)], "exec": [f"open({str(trace)!r}, 'w')"], "savetxt": [str(trace), [1.0]]}
    value = wrap(Call(function, *arguments[function.__name__]), {"weight": torch.zeros(3)})
    save(value, path)
    if save is save_pickle:
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert trace.exists(), "the pickle of this test is harmless"
    trace.rmdir() if trace.is_dir() else trace.unlink()
    message = refused(path)
    assert not trace.exists()
    assert "Re-running" not in message, "advice of torch, which is to run the code"
    if save is not save_pickle:
        assert "refused, because reading it could run code of whoever made it (" in message
        assert "If you trust it, read it elsewhere and save its state dict alone, best as .safetensors." in message


@pytest.mark.parametrize("save", [torch.save, save_legacy])
def test_a_whole_network_in_the_place_of_its_weights_is_refused(path, save):
    save(nn.Linear(2, 2), path)
    assert "refused, because reading it could run code of whoever made it (" in refused(path)
    assert "torch.nn.modules.linear.Linear" in refused(path)


def test_what_a_file_would_need_to_be_read_is_named(path):
    torch.save({"model": {"weight": torch.zeros(2)}, "loss": np.float64(2)}, path)
    assert "scalar" in refused(path)


# --- files that hold no weights

TEXTS = {
    "empty": b"",
    "text": b"no weights, honestly\n",
    "page": b"<!DOCTYPE html>\n<html><title>404</title></html>\n",
    "pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    "JSON": b'{"weights": [1, 2, 3], "more": null}',
    "zip": b"PK\x03\x04 half a zip",
    "header of safetensors": (2**40).to_bytes(8, "little") + b"{",
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_of_something_else_is_not_readable(tmp_path, text, ending):
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(TEXTS[text])
    message = refused(path)
    assert UNREADABLE in message
    assert not any(misleading in message for misleading in ("run code", "Re-running", "()"))


@pytest.mark.parametrize("save", [torch.save, save_legacy, lambda state, path: safetensors.torch.save_file(state, path)])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.9999])
def test_a_file_that_was_cut_off_is_not_readable(path, state, save, share):
    save(state, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert UNREADABLE in refused(path)


def test_a_file_or_folder_that_cannot_be_opened_is_named(tmp_path):
    assert UNREADABLE in refused(tmp_path / "gone.pth")
    assert UNREADABLE in refused(tmp_path)


@pytest.mark.parametrize(
    "saved",
    [
        torch.zeros(3),
        [torch.zeros(3)],
        "weights",
        {"weight": torch.zeros(3), "heads": {}},
        {"epoch": 3, "weight": torch.zeros(3)},
        {"state_dict": [torch.zeros(3)]},
        {"state_dict": {"weight": torch.zeros(3), "epoch": 3}},
        {"optimizer": {"state": {"weight": torch.zeros(3)}}},
        {1: torch.zeros(3)},
    ],
    ids=str,
)
def test_what_is_no_state_dict_is_refused_with_advice(path, saved):
    torch.save(saved, path)
    with pytest.raises(InputError) as caught:
        read_state(path)
    assert str(caught.value) == f"{path}: expected a state dict, names to tensors; save `network.state_dict()` alone."


@pytest.mark.parametrize(
    ("saved", "places"),
    [
        ({"classy_state_dict": {"base_model": {"model": {"heads": {"weight": torch.zeros(3)}}}}}, ".base_model.model.heads."),
        ({"model": {"trunk": {"weight": torch.zeros(3)}, "heads": {}}}, " model.trunk."),
        ({"student": {"weight": torch.zeros(3)}, "teacher": {"weight": torch.zeros(3)}}, " student, teacher."),
        ({"epoch": 3, 0: {"weight": torch.zeros(3)}}, " 0."),
    ],
    ids=str,
)
def test_what_lies_in_no_usual_place_is_offered_by_its_key(path, saved, places):
    torch.save(saved, path)
    with pytest.raises(
        InputError, match=r"expected a state dict, names to tensors; .* alone, or name one by `key`: "
    ) as caught:
        read_state(path)
    assert str(caught.value).endswith(places)
    key = places.strip(" .").split(", ")[-1]
    assert "weight" in read_state(path, "classy_state_dict." * key.startswith("base") + key)[0]
