"""Files of weights as training leaves them: every format is loaded to the last bit, each number in its place."""

import re
from collections import OrderedDict

import pytest
import safetensors.torch
import torch
from states import LAYOUTS, assert_exact, averaged, drawn, parallel, prefixed, spec, uncounted
from torch import nn
from torch.optim.swa_utils import AveragedModel

from dormouse.errors import InputError
from dormouse.models.build import build, build_with_key
from dormouse.models.checkpoints import fit, read_state

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("source", "name"),
    [("torchvision", "mnasnet0_5"), ("torchvision", "shufflenet_v2_x0_5"), ("timm", "test_resnet")],
)
def test_weights_are_found_in_every_layout_of_training(source, name, layout, path):
    """MNASNet is the network of torchvision that asks a file for versions."""
    state = drawn(build(spec(source, name)))
    torch.save(LAYOUTS[layout](state), path)
    expected = uncounted(state) if "counters" in layout else state
    assert_exact(build(spec(source, name, path)), expected)


def test_data_parallel_of_this_test_is_that_of_torch():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    saved, made = nn.DataParallel(network).state_dict(), parallel(network.state_dict())
    assert saved.keys() == made.keys()
    assert dict(saved._metadata) == made._metadata


def test_averaged_model_of_this_test_is_that_of_torch():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    assert AveragedModel(network).state_dict().keys() == averaged(network.state_dict()).keys()


@pytest.mark.parametrize("layout", ["alone", "model", "state_dict", "DataParallel", "state_dict of DataParallel"])
def test_weights_of_timm_are_loaded_as_timm_loads_them(layout, path):
    import timm

    torch.save(LAYOUTS[layout](drawn(build(spec("timm", "test_vit")))), path)
    assert_exact(build(spec("timm", "test_vit", path)), timm.create_model("test_vit", checkpoint_path=path).state_dict())


@pytest.mark.parametrize(
    ("source", "name"),
    [("torchvision", "mnasnet0_5"), ("timm", "test_resnet"), ("timm", "test_vit"), ("timm", "test_efficientnet.r160_in1k")],
)
def test_weights_in_the_format_of_safetensors_are_loaded(source, name, path):
    state = drawn(build(spec(source, name)))
    safetensors.torch.save_file(state, path)
    assert_exact(build(spec(source, name, path)), state)


@pytest.mark.parametrize(("layout", "version"), [("alone", 1), ("DataParallel", 1), ("without versions", 2)])
def test_a_module_is_told_the_version_of_the_file_and_without_one_todays(layout, version, path):
    class Versioned(nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state, prefix, local_metadata, *others):
            self.told = local_metadata["version"]
            super()._load_from_state_dict(state, prefix, local_metadata, *others)

    state = Versioned(2, 3).state_dict()
    state._metadata[""]["version"] = 1
    torch.save(LAYOUTS[layout](state), path)
    assert fit(Versioned(2, 3), read_state(path)[0]).told == version


def test_weights_in_half_precision_are_loaded_as_they_are(path):
    state = {key: value.half() for key, value in drawn(build(spec("torchvision", "squeezenet1_1"))).items()}
    torch.save(state, path)
    assert_exact(build(spec("torchvision", "squeezenet1_1", path)), {key: value.float() for key, value in state.items()})


def save_legacy(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".pth.tar", ".torch", ".bin", ".safetensors", ".zip", ""])
@pytest.mark.parametrize("save", [torch.save, save_legacy, safetensors.torch.save_file])
def test_a_file_is_read_by_its_content_whatever_its_ending(tmp_path, ending, save):
    state = {"weight": torch.rand(3, 2), "steps": torch.tensor(7)}
    save(state, tmp_path / f"weights{ending}")
    found, key = read_state(tmp_path / f"weights{ending}")
    assert key == ""
    assert found.keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in found.items())


# --- files that hold more than one network


def moved(state):
    """Return a state dict with other numbers, as of another average."""
    other = OrderedDict((key, value + 1) for key, value in state.items())
    other._metadata = state._metadata
    return other


def learnt(state):
    """Return a state dict without what batch normalisation measured."""
    return OrderedDict((key, value) for key, value in uncounted(state).items() if "running" not in key)


def beside(state, other):
    """Return checkpoints as training leaves them, by their kinds: what is in them, and the keys of two state dicts."""
    rest = {"epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}, "by_name": dict(state)}, "rng": torch.zeros(8)}
    return {
        "EMA of timm": (rest | {"state_dict": state, "state_dict_ema": other}, ["state_dict", "state_dict_ema"]),
        "EMA of torchvision": (rest | {"model": state, "model_ema": averaged(other)}, ["model", "model_ema"]),
        "EMA of others": (rest | {"model": parallel(state), "ema": {"model": other}}, ["model", "ema.model"]),
        "prefix": (rest | {"model": state, "ema": prefixed(other, "ema_model.net.")}, ["model", "ema"]),
        "without counters": (rest | {"state_dict": state, "shadow": uncounted(other)}, ["state_dict", "shadow"]),
        "weights alone": (rest | {"model": state, "ema": learnt(other)}, ["model", "ema"]),
        "two usual places": (rest | {"state_dict": state, "model": other}, ["state_dict", "model"]),
    }


KINDS = list(beside(*[nn.Linear(1, 1).state_dict()] * 2))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_two_averages_is_loaded_by_its_key_and_refused_without(kind, path):
    state = drawn(build(spec("timm", "test_resnet")))
    checkpoint, keys = beside(state, moved(state))[kind]
    torch.save(checkpoint, path)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: 2 state dicts of the same network: ") as caught:
        build(spec("timm", "test_resnet", path))
    assert f": {', '.join(keys)}. Say by `key`" in str(caught.value)
    for key, expected in zip(keys, (state, moved(state)), strict=True):
        if (kind, key) != ("weights alone", "ema"):  # which is found, and does not fit
            network, read = build_with_key(spec("timm", "test_resnet", path) | {"key": key})
            assert read == key
            assert_exact(network, uncounted(expected) if key == "shadow" else expected)
    with pytest.raises(InputError, match="no state dict at key 'nowhere'; there are: ") as caught:
        build(spec("timm", "test_resnet", path) | {"key": "nowhere"})
    assert all(key in str(caught.value) for key in keys) and "optimizer" not in str(caught.value)


@pytest.mark.parametrize(("source", "name"), [("dino", "test_vit"), ("dino", "resnet18")])
def test_student_and_teacher_of_dino_are_told_apart_by_their_key(source, name, path):
    teacher = drawn(build(spec(source, name)))
    head = {"head.mlp.0.weight": torch.rand(4, 3), "head.last_layer.weight_g": torch.rand(4, 1)}
    of_both = [prefixed(state, "backbone.") | head for state in (teacher, moved(teacher))]
    torch.save({"teacher": of_both[0], "student": prefixed(of_both[1], "module."), "epoch": 3}, path)
    with pytest.raises(InputError, match="name one by `key`: teacher, student"):
        build(spec(source, name, path))
    for key, expected in (("teacher", teacher), ("student", moved(teacher))):
        assert_exact(build(spec(source, name, path) | {"key": key}), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_place_of_weights_in_their_file_is_said(layout, path):
    torch.save(LAYOUTS[layout](nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)).state_dict()), path)
    with_others = {"model": "model", "state_dict": "state_dict"}
    with_others |= {"AveragedModel of DataParallel": "model", "state_dict of DataParallel": "state_dict"}
    assert read_state(path)[1] == with_others.get(layout, "")


@pytest.mark.parametrize("save", [torch.save, safetensors.torch.save_file])
def test_a_key_in_a_file_that_is_a_state_dict_itself_is_refused(save, path):
    save({"weight": torch.rand(3, 2)}, path)
    with pytest.raises(InputError, match=r"no state dict at key 'ema'; it is one itself\. Mend `key`"):
        read_state(path, "ema")
