"""Weights that torchvision and timm publish, by the names that they give them."""

import pytest
from weight_sources import AT_HUB, DIGEST, arrived

from dormouse.errors import InputError
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.weights import fetch_weights, resolve

pytestmark = pytest.mark.usefixtures("waits", "machine")


@pytest.mark.parametrize(
    ("name", "url", "digits"),
    [
        ("alexnet.IMAGENET1K_V1", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"),
        ("resnet18.IMAGENET1K_V1", "https://download.pytorch.org/models/resnet18-f37072fd.pth", "f37072fd"),
        ("resnet50.IMAGENET1K_V2", "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "11ad3fa6"),
        ("resnet50.DEFAULT", "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "11ad3fa6"),
        ("vgg16.IMAGENET1K_FEATURES", "https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth", "88682ab5"),
        (
            "shufflenet_v2_x1_0.IMAGENET1K_V1",
            "https://download.pytorch.org/models/shufflenetv2_x1-5666bf0f80.pth",
            "5666bf0f80",
        ),
    ],
)
def test_torchvision_tells_the_address_and_the_first_digits_of_the_digest(name, url, digits):
    assert resolve(f"torchvision:{name}") == (url, digits)


def test_every_network_of_torchvision_has_an_address_with_digits():
    make_torchvision_importable()
    from torchvision import models

    for network in models.list_models(module=models):
        for weights in models.get_model_weights(network):
            address, digits = resolve(f"torchvision:{network}.{weights.name}")
            assert (address, len(digits) >= 8) == (weights.url, True)


@pytest.mark.parametrize("name", ["convnext_tiny.fb_in1k", "resnet50.a1_in1k", "vit_base_patch16_224.dino"])
def test_timm_names_a_repository_of_the_hub(name):
    assert resolve(f"timm:{name}") == (f"hf-hub:timm/{name}", "")


def test_timm_names_an_address_where_the_hub_has_no_file():
    release = "https://github.com/rwightman/pytorch-image-models/releases/download"
    assert resolve("timm:legacy_xception.tf_in1k")[0] == f"{release}/v0.1-cadene/xception-43020ad28.pth"


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("timm:convnext_tiny.nonsense", ["convnext_tiny.fb_in1k", "convnext_tiny.in12k"]),
        ("timm:convnext_tiny", ["convnext_tiny.fb_in1k", "convnext_tiny.in12k"]),
        ("torchvision:resnet50.NONSENSE", ["IMAGENET1K_V1", "IMAGENET1K_V2"]),
        ("torchvision:resnet50", ["IMAGENET1K_V1", "IMAGENET1K_V2"]),
    ],
)
def test_unknown_weights_are_named_with_those_that_there_are(address, known):
    with pytest.raises(InputError, match=r"publishes no weights .*[Tt]here are: ") as error:
        resolve(address)
    assert all(name in str(error.value) for name in known)


@pytest.mark.parametrize("address", ["timm:convnext_tny.fb_in1k", "torchvision:resnet5.IMAGENET1K_V1"])
def test_weights_of_an_unknown_network_are_an_input_error(address):
    library, _, name = address.partition(":")
    with pytest.raises(InputError, match=rf"{library} .*{name.partition('.')[0]}.*\w[.?]$"):
        resolve(address)


def test_what_a_library_publishes_is_fetched_from_the_hub(at_hub, path):
    at_hub.web.files["/timm/convnext_tiny.fb_in1k/resolve/main/model.safetensors"] = at_hub.web.files[AT_HUB]
    fetch_weights("timm:convnext_tiny.fb_in1k", "", path)
    assert arrived(path)


def test_a_digest_that_the_caller_knows_is_checked_also_where_a_library_tells_the_address(at_hub, path):
    at_hub.web.files["/timm/convnext_tiny.fb_in1k/resolve/main/model.safetensors"] = at_hub.web.files[AT_HUB]
    with pytest.raises(InputError, match=f"SHA-256 {DIGEST}, expected {'0' * 64}"):
        fetch_weights("timm:convnext_tiny.fb_in1k", "0" * 64, path)
    assert list(path.parent.iterdir()) == []
