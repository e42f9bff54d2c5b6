"""A network whose output is not a function of the image alone is refused, whatever the plan; one of which it is never is."""

import numpy as np
import pytest
import torch
from networks import Apply, Aside, Scale, make_images, random_network, with_random_normalisation
from torch import nn
from torch.nn import functional

from dormouse.errors import InputError
from dormouse.features import extraction
from dormouse.features.layers import LAYERS
from dormouse.features.plan import Plan, designs
from dormouse.features.survey import N_PROBES, survey
from dormouse.models.loaders import make_torchvision_importable

N_IMAGES = 10
PLANS = [(1, 10), (1, 4), (3, 2), (7, 3), (45, 1)]  # passes, images at a time


def extracted(monkeypatch, network: nn.Module, images: np.ndarray, plan: tuple[int, int], layers="all", **options) -> dict:
    """Return the kernels of a plan of so many passes, with so many images at a time."""
    n_passes, batch = plan
    passes = next(passes for passes in designs(len(images)) if len(passes) == n_passes)

    def choose(known, *_, **_named) -> Plan:
        return Plan(passes, [frozenset(layer.name for layer in known.layers)], batch, 0, 0)

    monkeypatch.setattr(extraction, "choose_plan", choose)
    return extraction.extract(network, images, layers, ["srp", "zscore"], 0.9, 0, threads=1, **options)


# --- refused


class Odd(nn.Module):
    """Gives images, and the number of this call, to a function."""

    def __init__(self, function):
        super().__init__()
        self.function, self.calls = function, 0

    def forward(self, x):
        self.calls += 1
        return self.function(x, self.calls)


def drawn(x: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))


def mixed(x: torch.Tensor) -> torch.Tensor:
    return x + 0.5 * x.roll(1, 0)


ODD = {
    "a generator seeded in forward": lambda x, calls: x + 0.1 * drawn(x, 0),
    "a generator seeded in forward, noise alone": lambda x, calls: drawn(x, 0),
    "numbers of the process's own generator": lambda x, calls: x + 0.1 * torch.randn_like(x),
    "calls counted": lambda x, calls: x + 0.1 * calls,
    "calls counted, of which the first are equal": lambda x, calls: x + (calls > 2),
    "every other call": lambda x, calls: x + calls % 2,
    "the size of the batch": lambda x, calls: x * len(x),
    "the size of the batch, of more than three": lambda x, calls: x if len(x) < 4 else 2 * x,
    "the place in the batch": lambda x, calls: x + torch.arange(len(x))[:, None, None, None],
    "the place in the batch, from the fourth on": lambda x, calls: x + (torch.arange(len(x)) > 2)[:, None, None, None],
    "the mean of the batch": lambda x, calls: x - x.mean(0),
    "the mean of the batch, of more than three": lambda x, calls: x - (len(x) > 3) * x.mean(0),
    "the largest of the batch": lambda x, calls: x / x.abs().max(),
    "dropout": lambda x, calls: functional.dropout(x, 0.1),
    "neighbours": lambda x, calls: mixed(x),
    "neighbours, in batches of more than three": lambda x, calls: mixed(x) if len(x) > 3 else x,
    "order reversed": lambda x, calls: x.flip(0),
    "attention to the other images": lambda x, calls: torch.softmax(x.flatten(1) @ x.flatten(1).T / 100, 1) @ x.flatten(1),
}
# plans in which an image that is looked at meets what depends on large batches
LARGE = {
    name: PLANS[:1] if "the fourth" in name else PLANS[:2] for name in ODD if "more than three" in name or "fourth" in name
}
MESSAGE = "an image's features depend on the other images of the pass, or on chance, on the call or on the image's place"


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("way", ODD)
def test_what_depends_on_call_batch_place_or_other_images_is_refused_by_every_plan(monkeypatch, way, layers):
    images = make_images(N_IMAGES, 8, seed=0)
    for plan in LARGE.get(way, PLANS):
        network = nn.Sequential(Scale(), Apply(Odd(ODD[way])), nn.Flatten())
        with pytest.raises(InputError, match=f"^layer Odd-1: {MESSAGE}"):
            extracted(monkeypatch, network, images, plan, layers)


@pytest.mark.parametrize("way", LARGE)
def test_what_depends_on_batches_that_do_not_come_is_harmless(monkeypatch, way):
    """The kernels are the ones of each image alone."""
    images = make_images(N_IMAGES, 8, seed=0)
    found = extracted(monkeypatch, nn.Sequential(Odd(ODD[way])), images, (3, 2))["centred"][0]
    np.testing.assert_allclose(found, 192 * np.cov(images.reshape(N_IMAGES, -1), bias=True), rtol=0, atol=1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(0.05), Odd(ODD["neighbours, in batches of more than three"])])
def test_layers_that_look_at_other_images_or_draw_are_refused_in_half_precision_too(monkeypatch, layer, precision):
    contrast = np.linspace(0.3, 3, N_IMAGES, dtype=np.float32)[:, None, None, None]
    images, network = contrast * make_images(N_IMAGES, 12, seed=1), nn.Sequential(nn.Conv2d(3, 3, 3), layer).train()
    with pytest.raises(InputError, match=f"^layer {type(layer).__name__}-1: {MESSAGE}"):
        extracted(monkeypatch, network, images, (1, 8), precision=precision)


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(0.05), nn.Dropout2d(0.5), nn.InstanceNorm2d(3)], ids=repr)
@pytest.mark.parametrize("layers", LAYERS)
def test_layers_left_in_training_are_refused_where_they_look_at_other_images_or_draw(monkeypatch, layer, layers):
    network, images = nn.Sequential(nn.Conv2d(3, 3, 3), layer).train(), make_images(N_IMAGES, 12, seed=1)
    for plan in PLANS:
        if isinstance(layer, nn.InstanceNorm2d):  # in any mode of each image alone
            assert extracted(monkeypatch, network, images, plan, layers)["layer"].tolist() == ["Conv2d-1", "InstanceNorm2d-1"]
        else:
            with pytest.raises(InputError, match=MESSAGE):
                extracted(monkeypatch, network, images, plan, layers)


def test_an_output_of_another_size_for_more_images_is_refused(monkeypatch):
    network = nn.Sequential(Aside(lambda x: x if len(x) < 4 else x[:, :, :4]), nn.Flatten(2))
    shape = r"output of shape \(4, 3, 4, 8\) for 4 images, expected 192 features of each, as for three"
    with pytest.raises(InputError, match=f"^layer Aside-1: {shape}"):
        extracted(monkeypatch, network, make_images(8, 8, seed=0), (1, 4))


# --- the images that are looked at


def test_three_different_images_are_looked_at_spread_over_all():
    images = torch.from_numpy(make_images(11, 8, seed=0))
    seen = []
    network = Aside(lambda x: (seen.append(x.clone()), x)[1])
    assert survey(network, images).images == (0, 5, 10)
    assert torch.equal(seen[0], images[[0, 5, 10]])
    assert torch.equal(seen[1], images[[5, 0]])
    images[[5, 6, 10]] = images[0].clone()  # the blank, shown several times
    assert survey(network, images).images == (0, 7, 1)
    images[:] = images[0].clone()
    assert sorted(survey(network, images).images) == [0, 5, 10]


def test_windows_are_found_where_the_first_images_are_equal(monkeypatch):
    images = make_images(9, 8, seed=1)
    images[:4] = images[0]
    windows = nn.Sequential(Aside(lambda x: x.transpose(0, 1).reshape(-1, 8, 8)))
    found = extracted(monkeypatch, windows, images, (1, 4))["centred"][0]
    np.testing.assert_allclose(found, 192 * np.cov(images.reshape(9, -1), bias=True), rtol=0, atol=1e-4)


def test_what_is_kept_for_comparison_is_small():
    known = survey(random_network("resnet18"), torch.from_numpy(make_images(4, 32, seed=0)))
    sizes = [layer.probes.nbytes for layer in known.layers]
    assert max(sizes) == 3 * N_PROBES * 4
    assert all(layer.probes.base is None for layer in known.layers)


# --- not refused


def vit() -> nn.Module:
    make_torchvision_importable()
    import timm

    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2).eval()


HONEST = {
    "resnet18": lambda: with_random_normalisation(random_network("resnet18")),
    "squeezenet1_1": lambda: random_network("squeezenet1_1"),
    "vit_tiny": vit,
}


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("precision", extraction.PRECISIONS)
def test_networks_of_the_zoo_are_not_refused(monkeypatch, name, precision):
    network, images = HONEST[name](), make_images(N_IMAGES, 32, seed=2)
    plans = PLANS[:4] if precision == "float32" else PLANS[1:2]
    found = [extracted(monkeypatch, network, images, plan, precision=precision)["layer"].tolist() for plan in plans]
    assert len(found[0]) > 20
    assert all(layers == found[0] for layers in found)
