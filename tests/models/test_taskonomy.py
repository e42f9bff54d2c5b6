"""The encoder of Taskonomy, against the same computation written out over its weights, and against ResNet-50."""

import pytest
import torch
from torch.nn import functional as F

from dormouse.models.build import build
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.taskonomy import TaskonomyEncoder

STAGES = ((3, 2), (4, 2), (6, 1), (3, 1))  # blocks, and the stride of the last of them
N_PARAMETERS = 23_655_504


@pytest.fixture(scope="module")
def network():
    """Give an encoder whose every number is random, as after training; variances are positive."""
    network = build({"source": "taskonomy", "name": "encoder", "file": None, "seed": 0})
    generator = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():
        if "running_var" in name:
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        elif value.ndim == 1:
            value.copy_(0.5 + 0.3 * torch.randn(value.shape, generator=generator))
    return network


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def written_out(state, x):
    """Return what the published encoder computes, from the weights by their published names."""

    def conv(x, name, **options):
        return F.conv2d(x, state[f"{name}.weight"], **options)

    def norm(x, name):
        mean, variance, scale, shift = (
            state[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * scale + shift

    x = norm(conv(F.pad(x, (3, 3, 3, 3)), "conv1", stride=2), "bn1").relu()
    x = F.max_pool2d(x, 3, stride=2, ceil_mode=True)
    for i, (depth, last) in enumerate(STAGES, start=1):
        for j in range(depth):
            block, stride = f"layer{i}.{j}", last if j == depth - 1 else 1
            y = norm(conv(x, f"{block}.conv1"), f"{block}.bn1").relu()
            y = norm(conv(y, f"{block}.conv2", stride=stride, padding=1), f"{block}.bn2").relu()
            y = norm(conv(y, f"{block}.conv3"), f"{block}.bn3")
            widened = norm(conv(x, f"{block}.downsample.0"), f"{block}.downsample.1") if j == 0 else x
            x = (y + widened[..., ::stride, ::stride]).relu()
    x = norm(conv(x, "compress1", padding=1), "compress_bn").relu()
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_the_encoder_computes_what_is_written_out(network, images):
    with torch.inference_mode():
        torch.testing.assert_close(network(images), written_out(network.state_dict(), images), rtol=1e-4, atol=1e-4)


def test_maps_are_a_sixteenth_of_the_image_and_normalised_one_by_one(network, images):
    with torch.inference_mode():
        maps = network(images)
    assert maps.shape == (2, 8, 4, 4)
    varied = maps.flatten(2).std(dim=2) > 0
    assert varied.sum() > 8, "the maps of this test are empty"
    torch.testing.assert_close(maps.mean((2, 3)), torch.zeros(2, 8), rtol=0, atol=1e-5)
    spread = maps.flatten(2).std(dim=2, correction=0)[varied]
    torch.testing.assert_close(spread, torch.ones_like(spread), rtol=0, atol=0.05)


def test_the_image_is_halved_at_the_end_of_the_first_two_stages():
    sizes = {}
    network = TaskonomyEncoder().eval()
    parts = ["conv1", "maxpool", "layer1.0", "layer1.1", "layer1.2", "layer2.2", "layer2.3", "layer3", "layer4", "groupnorm"]
    for part in parts:
        network.get_submodule(part).register_forward_hook(lambda _, __, output, part=part: sizes.update({part: output.shape}))
    with torch.inference_mode():
        network(torch.zeros(1, 3, 128, 128))
    assert [sizes[part][-1] for part in parts] == [64, 32, 32, 32, 16, 16, 8, 8, 8, 8]
    assert [sizes[part][1] for part in parts] == [64, 64, 256, 256, 256, 512, 512, 1024, 2048, 8]


def test_names_and_shapes_are_those_of_resnet50_with_a_bottleneck_for_a_classifier(network):
    make_torchvision_importable()
    from torchvision.models import resnet50

    with torch.device("meta"):
        known = resnet50().state_dict()
    shapes = {name: value.shape for name, value in known.items() if not name.startswith("fc.")}
    shapes |= {f"compress_bn.{part}": (8,) for part in ("weight", "bias", "running_mean", "running_var")}
    shapes |= {"compress1.weight": (8, 2048, 3, 3), "compress_bn.num_batches_tracked": ()}
    assert {name: value.shape for name, value in network.state_dict().items()} == shapes
    assert sum(parameter.numel() for parameter in network.parameters()) == N_PARAMETERS
