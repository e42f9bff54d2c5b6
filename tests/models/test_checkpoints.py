"""Files of weights as they are published: every format is loaded to the last bit, each number in its place."""

import re
from collections import OrderedDict

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from dormouse.errors import InputError
from dormouse.models.build import build, build_with_key
from dormouse.models.checkpoints import fit, read_state
from dormouse.models.loaders import make_torchvision_importable

COUNTER = "num_batches_tracked"


def spec(source, name, file=None):
    return {"source": source, "name": name, "seed": None if file else 0, "file": file and str(file)}


def drawn(network, seed=1):
    """Return the state dict of a network with random numbers in every tensor; variances are positive."""
    generator, state = torch.Generator().manual_seed(seed), network.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = 0.1 + torch.rand(value.shape, generator=generator)
        else:
            state[key] = torch.randint(1, 1000, value.shape, generator=generator)
    return state


def trained(network):
    """Return the state dict of a network with its numbers moved a little, as by training, so that outputs stay finite."""
    generator, state = torch.Generator().manual_seed(1), network.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = value + 0.02 * torch.randn(value.shape, generator=generator)
    return state


def prefixed(state, prefix):
    return OrderedDict((f"{prefix}{key}", value) for key, value in state.items())


def uncounted(state):
    """Return a state dict as torch saved it before 2018: without the steps of batch normalisation, and without versions."""
    return OrderedDict((key, value) for key, value in state.items() if not key.endswith(COUNTER))


def parallel(state):
    """Return a state dict as nn.DataParallel saves it, versions of modules included."""
    saved = prefixed(state, "module.")
    saved._metadata = {"": {"version": 1}} | {f"module.{key}".rstrip("."): value for key, value in state._metadata.items()}
    return saved


def assert_exact(network, expected):
    """Assert that a network holds the numbers of a state dict; counters that the state dict lacks are 0."""
    found = network.state_dict()
    lacking = [key for key in found if key not in expected]
    assert all(key.endswith(COUNTER) and found[key] == 0 for key in lacking)
    assert expected.keys() <= found.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
        assert not found[key].isnan().any(), key


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """To copy numbers is no faster in several threads, and far slower on a busy machine."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


# --- a network without its classifier, as self-supervised learning leaves it


@pytest.fixture(scope="module")
def trunk():
    return drawn(build(spec("vissl", "resnet18")))


def vissl(trunk, heads):
    """Return a whole checkpoint of VISSL, of what its training saved."""
    model = {"trunk": prefixed(trunk, "_feature_blocks."), "heads": heads}
    momentum = {0: {"momentum_buffer": torch.rand(3)}, 1: {"momentum_buffer": None}}
    optimizer = {"optim": {"state": momentum, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}, "parameters": OrderedDict()}
    state = {"train": True, "base_model": {"model": model}, "meters": [{}], "optimizer": optimizer, "losses": [0.5]}
    progress = {"phase_idx": 104, "iteration": 525000, "iteration_num": 5004, "train_phase_idx": 104}
    return progress | {"loss": {"centers": torch.rand(2, 3)}, "classy_state_dict": state}


def with_head(state, head, prefix):
    return prefixed(state, prefix) | {f"{prefix}{key}": torch.rand(4, 3) for key in head}


TRUNKS = {
    "VISSL": lambda trunk: vissl(trunk, OrderedDict({"0.clf.0.weight": torch.rand(4, 3), "0.clf.0.bias": torch.rand(4)})),
    "VISSL without heads": lambda trunk: vissl(trunk, {}),
    "VISSL, converted from Caffe2": lambda trunk: {"model_state_dict": prefixed(uncounted(trunk), "_feature_blocks.")},
    "VISSL, converted to its own": lambda trunk: vissl(uncounted(trunk), {}),
    "VISSL, converted to torchvision": uncounted,
    "SwAV": lambda trunk: with_head(trunk, ["projection_head.0.weight", "prototypes.weight"], "module."),
    "DeepCluster": lambda trunk: with_head(trunk, ["projection_head.3.bias", "prototypes.prototypes0.weight"], "module."),
    "DINO": lambda trunk: trunk,
    "torchvision": lambda trunk: with_head(trunk, ["fc.weight", "fc.bias"], ""),
}


@pytest.mark.parametrize(("source", "layout"), [*(("vissl", layout) for layout in TRUNKS), ("dino", "DINO")])
def test_a_trunk_is_loaded_from_every_published_layout(trunk, path, source, layout):
    torch.save(TRUNKS[layout](trunk), path)
    assert_exact(build(spec(source, "resnet18", path)), uncounted(trunk) if "converted" in layout else trunk)


def test_a_trunk_computes_the_features_before_the_classifier(path):
    make_torchvision_importable()
    from torchvision.models import resnet18

    whole = resnet18().eval()
    whole.load_state_dict(trained(whole))
    torch.save(prefixed(whole.state_dict(), "module."), path)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = build(spec("vissl", "resnet18", path))(images)
        assert torch.equal(whole.fc(features), whole(images))
        assert features.isfinite().all()


# --- transformers of DINO


def test_a_vit_of_dino_is_loaded_by_the_names_of_timm(path):
    import timm

    state = drawn(build(spec("dino", "vit_tiny_patch16_224")))
    torch.save(state, path)
    network = build(spec("dino", "vit_tiny_patch16_224", path))
    assert_exact(network, state)
    assert_exact(timm.create_model("vit_tiny_patch16_224", num_classes=0, checkpoint_path=path), network.state_dict())


@pytest.mark.parametrize("name", ["xcit_nano_12_p16_224", "xcit_nano_12_p8_224"])
def test_an_xcit_of_dino_is_loaded_by_the_names_of_its_authors(name, path):
    """There the positions are called otherwise, and class attention has its three projections in one."""
    state = drawn(build(spec("dino", name)))
    published = OrderedDict()
    for key, value in state.items():
        if found := re.match(r"(cls_attn_blocks\.\d\.attn\.)q\.(weight|bias)$", key):
            parts = [state[f"{found[1]}{part}.{found[2]}"] for part in "qkv"]
            published[f"{found[1]}qkv.{found[2]}"] = torch.cat(parts)
        elif not re.match(r"cls_attn_blocks\.\d\.attn\.[kv]\.", key):
            published[key.replace("pos_embed.", "pos_embeder.")] = value
    names = {"pos_embeder.token_projection.weight", "cls_attn_blocks.0.attn.qkv.bias", "cls_attn_blocks.1.attn.qkv.weight"}
    assert names <= published.keys()
    torch.save(published, path)
    assert_exact(build(spec("dino", name, path)), state)


# --- Taskonomy


def test_an_encoder_of_taskonomy_is_loaded(path):
    state = drawn(build(spec("taskonomy", "encoder")))
    torch.save({"state_dict": state, "epoch": 0}, path)
    assert_exact(build(spec("taskonomy", "encoder", path)), state)


# --- torchvision and timm


def old_names(state):
    """Return the state dict of a DenseNet by the names of its published files, which are of before 2018."""
    old = OrderedDict((re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key), v) for key, v in state.items())
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    return uncounted(old)


def test_a_trained_densenet_is_loaded_by_its_old_names_as_torchvision_loads_it(path):
    make_torchvision_importable()
    from torchvision.models import densenet

    state = trained(build(spec("torchvision", "densenet121")))
    torch.save(old_names(state), path)

    class Published:
        def get_state_dict(self, progress, check_hash):
            return torch.load(path)

    theirs, ours = densenet.densenet121().eval(), build(spec("torchvision", "densenet121", path))
    densenet._load_state_dict(theirs, Published(), progress=False)
    assert_exact(ours, uncounted(theirs.state_dict()))
    assert_exact(ours, uncounted(state))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output = ours(images)
        assert torch.equal(output, theirs(images))
        assert output.isfinite().all()


def test_a_densenet_is_loaded_by_its_new_names(path):
    state = drawn(build(spec("torchvision", "densenet121")))
    torch.save(state, path)
    assert_exact(build(spec("torchvision", "densenet121", path)), state)


def averaged(state):
    """Return a state dict as AveragedModel saves it, versions of modules included."""
    saved = parallel(state)
    saved["n_averaged"] = torch.tensor(5)
    return saved


LAYOUTS = {
    "alone": lambda state: state,
    "model": lambda state: {"epoch": 3, "model": state, "optimizer": {"state": {}}, "args": {"lr": 0.1}},
    "state_dict": lambda state: {"epoch": 3, "state_dict": state, "best": 71.2},
    "DataParallel": parallel,
    "state_dict of DataParallel": lambda state: {"state_dict": parallel(state), "arch": "net"},
    "AveragedModel": averaged,
    "AveragedModel of DataParallel": lambda state: {"model": averaged(parallel(state)), "optimizer": {"state": {}}},
    "DataParallel without versions": lambda state: prefixed(state, "module."),
    "without versions": dict,
    "without counters and versions": uncounted,
    "parameters": lambda state: {
        key: nn.Parameter(value, requires_grad=value.is_floating_point()) for key, value in state.items()
    },
}


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
        if key != "ema":  # which is found, and does not fit
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


def test_heads_are_no_second_network(trunk, path):
    torch.save(vissl(trunk, {"0.clf.weight": torch.rand(4, 3)}), path)
    assert read_state(path)[1] == "classy_state_dict.base_model.model.trunk"
    assert_exact(build(spec("vissl", "resnet18", path)), trunk)


@pytest.mark.parametrize("save", [torch.save, safetensors.torch.save_file])
def test_a_key_in_a_file_that_is_a_state_dict_itself_is_refused(save, path):
    save({"weight": torch.rand(3, 2)}, path)
    with pytest.raises(InputError, match=r"no state dict at key 'ema'; it is one itself\. Mend `key`"):
        read_state(path, "ema")


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
