"""Files of weights as each source publishes them: every layout is loaded to the last bit, each number in its place."""

import re
from collections import OrderedDict

import pytest
import torch
from states import assert_exact, drawn, prefixed, spec, trained, uncounted

from dormouse.models.build import build
from dormouse.models.checkpoints import read_state
from dormouse.models.loaders import make_torchvision_importable

pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_heads_are_no_second_network(trunk, path):
    torch.save(vissl(trunk, {"0.clf.weight": torch.rand(4, 3)}), path)
    assert read_state(path)[1] == "classy_state_dict.base_model.model.trunk"
    assert_exact(build(spec("vissl", "resnet18", path)), trunk)


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
