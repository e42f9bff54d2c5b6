"""Networks as they are built: a loader for each source, seeds, the user's own functions, the input that a library wants."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.features.extraction import stream
from dormouse.features.survey import survey
from dormouse.models.build import build, native_input, random_twin
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.user import user_code

pytestmark = pytest.mark.usefixtures("one_thread")

PX = 64
RANDOM = [
    ("torchvision", "squeezenet1_1"),
    ("timm", "test_resnet.r160_in1k"),
    ("taskonomy", "encoder"),
    ("vissl", "resnet18"),
    ("dino", "xcit_nano_12_p16_224"),
    ("baseline", "noise"),
]


def spec(source, name, seed=0, file=None, **keys):
    return {"source": source, "name": name, "seed": seed, "file": file} | keys


def numbers(network):
    return torch.cat([value.flatten().double() for value in network.state_dict().values()])


# --- sources


@pytest.mark.parametrize(
    ("source", "name", "px", "shape"),
    [
        ("torchvision", "squeezenet1_1", PX, (1000,)),
        ("timm", "test_resnet.r160_in1k", PX, (1000,)),
        ("timm", "test_vit", 160, (1000,)),
        ("taskonomy", "encoder", PX, (8, 4, 4)),
        ("vissl", "resnet18", PX, (512,)),
        ("dino", "resnet18", PX, (512,)),
        ("dino", "vit_tiny_patch16_224", 224, (192,)),
        ("dino", "xcit_nano_12_p16_224", PX, (128,)),
        ("baseline", "pixels", PX, (1, PX, PX)),
        ("baseline", "gabor", PX, (40, 16, 16)),
        ("baseline", "noise", PX, (1_000_000,)),
        ("python", "torch.nn:Flatten", PX, (3 * PX * PX,)),
    ],
)
def test_every_source_gives_a_network_ready_to_run(source, name, px, shape):
    network = build(spec(source, name))
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    images = torch.rand(2, 1 if source == "baseline" else 3, px, px, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output = network(images)
    assert output.shape == (2, *shape)
    assert output.isfinite().all()


def test_an_unknown_tag_of_timm_is_refused():
    with pytest.raises(InputError, match=r"^resnet18\.nonsense: timm: resnet18\.nonsense: "):
        build(spec("timm", "resnet18.nonsense"))


# --- seeds


@pytest.mark.parametrize(("source", "name"), RANDOM)
def test_weights_depend_on_the_seed_alone_and_leave_the_random_numbers_of_torch_where_they_were(source, name):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = numbers(build(spec(source, name, seed=1)))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    assert torch.equal(first, numbers(build(spec(source, name, seed=1))))
    assert not torch.equal(first, numbers(build(spec(source, name, seed=2))))


def test_random_weights_are_those_that_the_library_draws_from_the_seed():
    make_torchvision_importable()
    import timm
    import torchvision

    torch.manual_seed(4)
    assert torch.equal(numbers(build(spec("torchvision", "resnet18", 4))), numbers(torchvision.models.resnet18()))
    torch.manual_seed(4)
    assert torch.equal(numbers(build(spec("timm", "test_vit", 4))), numbers(timm.create_model("test_vit")))


def test_a_twin_is_the_network_with_the_seed_0_and_only_trained_ones_have_one(tmp_path):
    assert random_twin(spec("torchvision", "squeezenet1_1")) is None
    assert random_twin(spec("baseline", "pixels", seed=None)) is None
    torch.save(build(spec("torchvision", "squeezenet1_1", seed=1)).state_dict(), tmp_path / "a.pt")
    trained = spec("torchvision", "squeezenet1_1", seed=None, file=str(tmp_path / "a.pt"))
    assert torch.equal(numbers(random_twin(trained)), numbers(build(spec("torchvision", "squeezenet1_1", seed=0))))
    assert torch.equal(numbers(build(trained)), numbers(build(spec("torchvision", "squeezenet1_1", seed=1))))


# --- peculiarities


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_of_google_scale_their_input_with_trained_weights_alone(name, tmp_path, monkeypatch):
    monkeypatch.setattr(nn.init, "trunc_normal_", lambda tensor, *args, **keys: tensor)  # it takes seconds
    network = build(spec("torchvision", name))
    assert not network.transform_input
    torch.save(network.state_dict(), tmp_path / "a.pth")
    trained = build(spec("torchvision", name, seed=None, file=str(tmp_path / "a.pth")))
    assert trained.transform_input
    make_torchvision_importable()
    from torchvision.models import get_model

    published = get_model(name, weights=None, init_weights=False, transform_input=True).eval()
    published.load_state_dict(network.state_dict())
    images = torch.rand(1, 3, 80, 80, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(trained(images), published(images))
        assert not torch.equal(trained(images), network(images))


@pytest.mark.parametrize(("source", "name"), [("timm", "test_vit"), ("dino", "vit_tiny_patch16_224")])
def test_attention_maps_of_timm_are_layers(source, name):
    network = build(spec(source, name))
    n_heads, n_tokens, n_blocks = network.blocks[0].attn.num_heads, network.pos_embed.shape[1], len(network.blocks)
    maps = []

    def visit(layer, parts, repeats):
        if layer.n_features == n_heads * n_tokens**2:
            maps.append(parts[0].reshape(3, -1, n_tokens).sum(dim=2))

    images = torch.zeros(3, 3, *network.patch_embed.img_size)
    stream(network, [images], survey(network, images), visit)
    assert len(maps) >= n_blocks
    for row_sums in maps:
        torch.testing.assert_close(row_sums, torch.ones_like(row_sums))


@pytest.mark.parametrize(
    ("source", "name", "weights", "own"),
    [
        ("timm", "test_vit.r160_in1k", "r160_in1k", (160, "bicubic", 0.5)),
        ("timm", "vit_tiny_patch16_224", "random", (224, "bicubic", 0.5)),
        ("timm", "resnet18", "random", (224, "bicubic", 0.485)),
        ("torchvision", "resnet18", "random", (224, "bilinear", 0.485)),
        ("torchvision", "inception_v3", "IMAGENET1K_V1", (299, "bilinear", 0.485)),
        ("torchvision", "efficientnet_b1", "random", (240, "bilinear", 0.485)),
        ("torchvision", "efficientnet_b1", "IMAGENET1K_V1", (240, "bicubic", 0.485)),
        ("torchvision", "vit_b_16", "IMAGENET1K_V1", (224, "bilinear", 0.485)),
        ("torchvision", "vit_b_16", "IMAGENET1K_SWAG_E2E_V1", (384, "bicubic", 0.485)),
    ],
)
def test_what_an_input_leaves_open_is_that_of_the_weights_in_their_library(source, name, weights, own):
    recipe = native_input(spec(source, name, weights=weights, input={}))
    assert (recipe["size"], recipe["interpolation"], recipe["mean"][0]) == own
    assert (recipe["range"], recipe["channels"], len(recipe["std"])) == (1, "rgb", 3)
    assert native_input(spec(source, name, weights=weights, input={"size": 96})) == recipe | {"size": 96}


def test_an_input_that_leaves_nothing_open_is_kept():
    whole = {"size": 8, "range": 255, "mean": [1], "std": [2], "channels": "grey", "interpolation": "bicubic"}
    assert native_input(spec("baseline", "pixels", weights="none", input=whole)) == whole


# --- functions of the user

MAKE = "from torch import nn\n\n\ndef make():\n    return nn.Conv2d(3, {n}, 3)\n"


def test_a_function_of_the_working_directory_gives_a_network(module, tmp_path):
    module("net_of_mine", MAKE.format(n=4))
    network = build(spec("python", "net_of_mine:make", seed=1))
    torch.manual_seed(1)
    assert torch.equal(numbers(network), numbers(nn.Conv2d(3, 4, 3)))
    assert not network.training
    torch.save({"model": network.state_dict()}, tmp_path / "a.pt")
    again = build(spec("python", "net_of_mine:make", seed=None, file=str(tmp_path / "a.pt")))
    assert torch.equal(numbers(network), numbers(again))


def test_a_function_of_a_package_of_the_working_directory_gives_a_network(module):
    module("nets_of_mine/small", MAKE.format(n=2))
    assert build(spec("python", "nets_of_mine.small:make")).out_channels == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:make", "cannot be called (No module named 'no_such_module'). Is no_such_module in "),
        ("faulty:gone", "cannot be called (faulty has no gone)."),
        ("faulty:number", "cannot be called ("),
        ("faulty:text", "gave str, expected a torch.nn.Module."),
        ("faulty:nn.Conv2d", "cannot be called ("),
    ],
)
def test_a_function_that_gives_no_network_is_refused(module, tmp_path, name, message):
    module("faulty", "from torch import nn\n\nnumber = 3\n\n\ndef text():\n    return 'network'\n")
    with pytest.raises(InputError, match=rf"^{re.escape(name)}: ") as caught:
        build(spec("python", name))
    assert message in str(caught.value)


def test_weights_that_do_not_fit_a_function_of_the_user_are_refused(module, tmp_path):
    module("net_of_mine", MAKE.format(n=4))
    torch.save(nn.Conv2d(3, 5, 3).state_dict(), tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt: the weights do not fit Conv2d: 2 misshapen \(weight "):
        build(spec("python", "net_of_mine:make", seed=None, file=str(tmp_path / "a.pt")))


def test_the_users_code_is_what_its_module_imports_at_any_depth(module):
    module("net_of_mine", "import parts.blocks as b\n\n\ndef make():\n    from parts import deep\n    return b, deep\n")
    module("parts/__init__", "")
    module("parts/blocks", "from . import relative\nfrom .relative import x\n")
    module("parts/relative", "import numpy\n\nx = 1\n")
    module("parts/deep", "from parts.deeper import *\n")
    module("parts/deeper", "y = 1\n")
    module("parts/unused", "z = 1\n")
    module("others", "x = 1\n")
    first = user_code("net_of_mine:make")
    assert set(first) == {"net_of_mine", "parts", *(f"parts.{name}" for name in ("blocks", "relative", "deep", "deeper"))}
    module("parts/unused", "z = 2\n")
    module("parts/deep", '"""A docstring."""\nfrom parts.deeper import *  # a comment\n')
    assert user_code("net_of_mine:make") == first
    module("parts/deeper", "y = 2\n")
    changed = user_code("net_of_mine:make")
    assert {name for name in first if changed[name] != first[name]} == {"parts.deeper"}


def test_a_module_of_the_user_that_cannot_be_parsed_is_named(module):
    module("net_of_mine", "import broken\n")
    module("broken", "def make(:\n")
    with pytest.raises(InputError, match=r"broken\.py: not readable as Python \(invalid syntax"):
        user_code("net_of_mine:make")


@pytest.mark.parametrize("text", ["1 + ", "-"])
def test_a_module_of_the_user_may_nest_as_deep_as_python_reads(module, text):
    first, other = [], []
    for digit, code in ((1, first), (2, other)):
        module("deep", f"x = {text * 450}{digit}\n")
        compile(Path("deep.py").read_text(), "deep.py", "exec")
        code.append(user_code("deep:x"))
    assert first != other


@pytest.mark.parametrize("n", [5000, 50_000])
@pytest.mark.parametrize("text", ["1 + ", "-", "(", "f()."])
def test_a_module_of_the_user_that_nests_too_deep_is_named(module, text, n):
    module("deep", f"x = {text * n}1\n")
    with pytest.raises(InputError, match=r"deep\.py: not readable as Python \(.+\)\.$"):
        user_code("deep:make")


def test_what_is_installed_is_told_by_the_record_of_its_files(module):
    assert list(user_code("torch.nn:Flatten")) == ["torch, as installed"]
