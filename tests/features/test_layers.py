"""What counts as a layer, its name, its order and its size, and the block that it lies in."""

import hashlib

import numpy as np
import pytest
import torch
from networks import (
    Apply,
    Pair,
    Scale,
    SubScale,
    make_images,
    names_of,
    random_network,
    sizes_of,
    streamed,
    with_random_normalisation,
)
from scoring import score_rsa
from torch import nn

from dormouse.features.extraction import extract
from dormouse.features.gram import reduce
from dormouse.features.layers import is_container
from dormouse.features.record import record
from dormouse.models.loaders import make_torchvision_importable

EPS = 0.9  # few projections: these tests ask nothing of them

# layers, features and SHA-256 of the lines "name n_features" of networks of torchvision with random weights at 224 pixels, in
# the table of layers that Conwell et al. published with their code
HEAVY = ("vgg16_bn", "vgg11", "densenet121", "resnext50_32x4d", "resnet50", "mnasnet1_0", "googlenet", "mobilenet_v2")
PUBLISHED = {
    "alexnet": (18, 1_075_688, "6d080dac0f09fa4076ef52f4f9fc071149e62e462bb5ae7c870834aed5713e83"),
    "vgg11": (26, 16_399_848, "ef551214da1345bc8f4580be73dc8301061e405abad1ce7a6d8d50b8b79db910"),
    "vgg16_bn": (49, 42_190_312, "f723e6be7626b6bf002d8e8c6d2390d348b37e3539dfe7d65555e6df138ec6e5"),
    "resnet18": (60, 7_477_736, "14c2b3590b5bdd5bf597b6279c3f140d1989d8af0bcab43c68dd1cfd50a8a37f"),
    "resnet50": (158, 32_040_424, "a40f847e2e7463b35095e26508d1823a34ea2a560d782dca882d25e37a945c7b"),
    "squeezenet1_0": (64, 11_945_848, "5fa82fdd273f73b0608c5111b0305ad57d10bb8e3d98eeeda3d5242fe433413c"),
    "densenet121": (369, 39_815_656, "fc18a7489e51cd9a1ba376bb1a275b55e88ac36a53a30d927433d8f179157711"),
    "googlenet": (195, 12_333_560, "0e5dffd0db6f6ec1e8c6d5af54f4b78f88e4ec20b28ef9685c4ee07d6cff1305"),
    "shufflenet_v2_x1_0": (167, 6_283_192, "40a9d83577a30dbb5dddcdc343cc86188b3eb224e53869669e7aa2f9ea99ac9e"),
    "mobilenet_v2": (151, 19_680_680, "b486cd3c7bd061a7a0213886b76f2cc3101f7909765b35629d55413d4e833fd2"),
    "resnext50_32x4d": (158, 41_900_008, "35d41d367ee3cac924b5cc9d0b29fa2029fc629253a8640b8c52449ff9abd462"),
    "mnasnet1_0": (151, 16_005_288, "225dfb57b14e76fbe05f2a99390b858f4b28c6c5448970cadda0378e031157ec"),
}
TRAINED_DENSENET = (370, 40_016_360, "9049278525bbba48c8a394017af21d0dcf6ec865eaf0cdc16065b0cfc97ac9d4")


def totals(network: nn.Module, size: int) -> tuple[int, int, str]:
    layers = sizes_of(network, make_images(3, size, seed=0))
    lines = "\n".join(f"{name} {n_features}" for name, n_features in layers)
    return len(layers), sum(n_features for _, n_features in layers), hashlib.sha256(lines.encode()).hexdigest()


# --- names and order


def test_containers_are_no_layers_and_the_network_itself_is_the_last():
    class Stem(nn.Sequential):
        pass

    parts = [nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), Stem(nn.Sequential(nn.Linear(4, 2)))]
    assert names_of(Apply(*parts)) == ["Flatten-1", "Linear-1", "Linear-2", "Apply-1"]
    assert names_of(nn.Sequential(*parts)) == ["Flatten-1", "Linear-1", "Linear-2"]


@pytest.mark.parametrize(
    ("module", "contained"),
    [
        (nn.Sequential(), True),
        (type("Stage", (nn.Sequential,), {})(), True),
        (nn.ModuleList(), True),
        (type("Heads", (nn.ModuleList,), {})(), True),
        (nn.ModuleDict(), True),
        (type("DenseBlock", (nn.ModuleDict,), {})(), False),
        (nn.Identity(), False),
    ],
)
def test_sequences_of_any_class_are_containers_and_dictionaries_of_their_own_class_are_not(module, contained):
    assert is_container(module) == contained


def test_a_module_called_twice_gives_two_layers():
    scale = Scale()
    images = make_images(3, 8, seed=1)
    outputs = streamed(Apply(scale, nn.ReLU(), scale), images)
    assert [name for name, _, _ in outputs] == ["Scale-1", "ReLU-1", "Scale-2", "Apply-1"]
    flat = images.reshape(3, -1)
    np.testing.assert_array_equal(outputs[0][2], 2 * flat)
    np.testing.assert_array_equal(outputs[2][2], 4 * np.maximum(flat, 0))


def test_layers_are_numbered_in_order_of_computation_not_of_definition():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(5, 2), nn.Linear(192, 5)

        def forward(self, x):
            return self.first(self.second(x.flatten(1)))

    outputs = streamed(Backwards(), make_images(3, 8, seed=2))
    assert [(name, X.shape[1]) for name, _, X in outputs] == [("Linear-1", 5), ("Linear-2", 2), ("Backwards-1", 2)]


def test_the_number_of_a_layer_counts_every_earlier_name_that_holds_its_class_name():
    """The convention of the reference implementation, kept so that layers bear the names of published scores."""
    assert names_of(Apply(SubScale(), Scale(), SubScale(), Scale()))[:-1] == ["SubScale-1", "Scale-2", "SubScale-2", "Scale-4"]


def test_each_tensor_of_a_compound_output_is_a_layer():
    images = make_images(3, 8, seed=3)
    outputs = streamed(Apply(Pair(), Pair()), images)
    assert [name for name, _, _ in outputs] == ["Pair-1-1", "Pair-1-2", "Pair-3-1", "Pair-3-2", "Apply-1"]
    np.testing.assert_array_equal(outputs[0][2], images.reshape(3, -1))
    np.testing.assert_array_equal(outputs[1][2], images[:, 0].reshape(3, -1))


def test_layers_inside_an_encoder_of_torch_are_seen_too():
    """In evaluation mode torch computes them in one piece, past the modules inside, unless it is kept from it."""
    torch.backends.mha.set_fastpath_enabled(True)
    encoder = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
    arrays = extract(nn.Sequential(nn.Flatten(2), encoder).eval(), make_images(3, 8, 4)[..., :1], "all", [], EPS, 0, 1)
    inside = ["MultiheadAttention-1", "LayerNorm-1", "Linear-1", "Dropout-2", "Linear-2", "LayerNorm-2"]
    assert list(arrays["layer"]) == ["Flatten-1", *inside]
    assert not torch.backends.mha.get_fastpath_enabled()


def test_attention_and_the_perceptron_behind_it_are_layers_of_a_vit_of_torchvision():
    make_torchvision_importable()
    from torchvision.models.vision_transformer import VisionTransformer

    network = VisionTransformer(32, 16, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=3).eval()
    block = ["LayerNorm", "MultiheadAttention", "Dropout", "LayerNorm", "Linear", "GELU", "Dropout", "Linear", "Dropout"]
    names = [name.partition("-")[0] for name, _, _ in streamed(network, make_images(3, 32, seed=0))]
    assert names[2:-4] == [*block, "EncoderBlock"] * 2
    assert names[:2] + names[-4:] == ["Conv2d", "Dropout", "LayerNorm", "Encoder", "Linear", "VisionTransformer"]


# --- reference networks


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in HEAVY)) for name in PUBLISHED])
def test_a_network_of_torchvision_has_the_published_layers(name):
    assert totals(random_network(name), 224) == PUBLISHED[name]


@pytest.mark.slow
def test_a_trained_densenet_has_one_more_layer_because_none_is_a_duplicate_by_chance():
    assert totals(with_random_normalisation(random_network("densenet121")), 224) == TRAINED_DENSENET


def test_an_encoder_of_taskonomy_has_the_published_layers_at_the_size_of_others_and_at_its_own():
    network = random_network("encoder", "taskonomy")
    layers = sizes_of(network, make_images(3, 224, seed=0))
    assert (len(layers), sum(n_features for _, n_features in layers)) == (162, 32_043_648)
    sizes = {}
    record(network, [torch.zeros(1, 3, 256, 256)], lambda output: sizes.update({output.name: output.values[0].numel()}))
    assert sum(sizes[name] for name, _ in layers) == 41_852_928


# --- blocks

FIRES = [f"Fire-{k}" for k in range(1, 9)]
BLOCKS = {
    "resnet18": [
        *("Conv2d-1", "BatchNorm2d-1", "ReLU-1", "MaxPool2d-1"),
        *(f"BasicBlock-{k}" for k in range(1, 9)),
        *("AdaptiveAvgPool2d-1", "Linear-1"),
    ],
    "squeezenet1_1": [
        *("Conv2d-1", "ReLU-1", "MaxPool2d-1", *FIRES[:2], "MaxPool2d-2", *FIRES[2:4], "MaxPool2d-3", *FIRES[4:]),
        *("Conv2d-26", "ReLU-26", "AdaptiveAvgPool2d-1"),
    ],
    "vit_tiny_patch16_224": [
        *("PatchEmbed-1", "Dropout-1"),
        *(f"Block-{k}" for k in range(1, 13)),
        *("LayerNorm-25", "Identity-100", "Linear-49"),
    ],
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_the_outermost_modules_and_keep_their_names(name):
    source, size = ("timm", 224) if name.startswith("vit") else ("torchvision", 64)
    network, images = random_network(name, source), make_images(3, size, seed=5)
    outputs, distinct = {layer: (block, X) for layer, block, X in streamed(network, images)}, {}
    for layer, block, X in streamed(network, images, "blocks"):
        assert block == outputs[layer][0]
        assert torch.equal(X, outputs[layer][1])
        distinct.setdefault(reduce([X])["identity"].tobytes(), layer)
    assert list(distinct.values()) == BLOCKS[name]


def test_the_block_of_a_layer_is_its_path_in_the_network():
    outputs = streamed(random_network("resnet18"), make_images(3, 64, seed=6))
    blocks = list(dict.fromkeys(block for _, block, _ in outputs))
    stages = [f"layer{i}.{j}" for i in (1, 2, 3, 4) for j in (0, 1)]
    assert blocks == ["conv1", "bn1", "relu", "maxpool", *stages, "avgpool", "fc"]
    inside = {name: block for name, block, _ in outputs}
    assert {inside[name] for name in ("Conv2d-8", "BatchNorm2d-8", "BasicBlock-3")} == {"layer2.0"}
    assert inside["ResNet-1"] == "fc"  # the network's own output counts to the last block


def block_depths(network: nn.Module, layers: str) -> dict[str, float]:
    kernels = extract(network, make_images(4, 64, seed=7), layers, [], EPS, 0, threads=1)
    targets = {"rdm": 1 - np.eye(4)[None], "area": ["VISp"], "cortical_layer": ["all"], "n_neurons": np.array([9])}
    return score_rsa(kernels, targets).groupby("block", sort=False).block_depth.first().to_dict()


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "gernet_s"])
def test_a_block_has_the_same_depth_whichever_layers_are_asked_for(name):
    """In gernet_s with random weights whole blocks put out what they are given, because their last scales begin at 0."""
    network = random_network(name, "timm" if name == "gernet_s" else "torchvision")
    every, blocks = (block_depths(network, layers) for layers in ("all", "blocks"))
    assert len(blocks) > 5 and every.keys() >= blocks.keys()
    assert {block: every[block] for block in blocks} == blocks
    assert list(every.values()) == sorted(every.values()) and max(every.values()) == 1.0


def test_extraction_by_blocks_stores_their_kernels_alone():
    network, images = random_network("squeezenet1_1"), make_images(4, 64, seed=8)
    every, blocks = (extract(network, images, layers, [], EPS, 0, threads=1) for layers in ("all", "blocks"))
    assert list(blocks["layer"]) == BLOCKS["squeezenet1_1"]
    for k, block in enumerate(blocks["block"]):
        own = np.flatnonzero(every["block"] == block)[-1]
        np.testing.assert_array_equal(blocks["centred"][k], every["centred"][own])


def test_a_network_without_parts_is_its_own_block():
    assert [layer[:2] for layer in streamed(Scale(), make_images(3, 8, seed=9), "blocks")] == [("Scale-1", "")]
    kernels = extract(Scale(), make_images(3, 8, seed=9), "all", [], EPS, 0, threads=1)
    assert [list(kernels[name]) for name in ("block", "path", "block_depth")] == [[""], [""], [1.0]]
