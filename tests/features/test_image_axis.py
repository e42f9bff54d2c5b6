"""The features of each image are found in whatever axis of an output the images lie, or the network is refused."""

import numpy as np
import pytest
import torch
from networks import Aside, Beside, extracted, make_images, streamed
from torch import nn

from dormouse.errors import InputError
from dormouse.features.extraction import stream
from dormouse.features.gram import PREDICTORS
from dormouse.features.record import record
from dormouse.features.survey import survey
from dormouse.models.loaders import make_torchvision_importable

OTHER_BATCH = 1e-5  # largest difference, by the largest feature, of an image's features in a batch of another size


def outputs_alone(network: nn.Module, image: np.ndarray) -> dict[str, torch.Tensor]:
    """Outputs by layer of a pass with one image, in which there is nothing to tell apart."""
    outputs = {}
    record(
        network,
        [torch.from_numpy(image[None])],
        lambda output: outputs.update({output.name: output.values[0].flatten().clone()}),
    )
    return outputs


def assert_each_row_is_that_of_its_image_alone(network: nn.Module, images: np.ndarray, batch: int | None = None) -> None:
    together = streamed(network, images, batch=batch)
    for i, image in enumerate(images):
        alone = outputs_alone(network, image)
        assert set(alone) == {name for name, _, _ in together}
        for name, _, X in together:
            assert X[i].shape == alone[name].shape, name
            assert (X[i] - alone[name]).abs().max() <= OTHER_BATCH * alone[name].abs().max(), name


WINDOWS = {
    "swin_tiny_patch4_window7_224": {"img_size": 64, "window_size": 4, "depths": (2, 2), "num_heads": (2, 2), "embed_dim": 16},
    "levit_128s": {"img_size": 64, "depth": (1, 1, 1)},
    "tnt_s_legacy_patch16_224": {"img_size": 64, "depth": 2},
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_and_tokens_go_to_the_image_that_they_are_of(name):
    """Swin lays windows of all images out in the first axis, LeViT tokens, TNT the pixels of tokens."""
    make_torchvision_importable()
    import timm

    torch.manual_seed(0)
    network, images = timm.create_model(name, **WINDOWS[name]).eval(), make_images(3, 64, seed=0)
    lengths = []
    record(network, [torch.from_numpy(images)], lambda output: lengths.append(len(output.values[0])))
    assert sum(length != 3 for length in lengths) > 10
    assert_each_row_is_that_of_its_image_alone(network, images)
    assert_each_row_is_that_of_its_image_alone(network, images, batch=2)


PLACES = {
    "images": lambda x: x.flatten(1),
    "images, windows": lambda x: x.reshape(-1, 8, 8),
    "windows, images": lambda x: x.transpose(0, 1).reshape(-1, 8, 8),
    "features, images": lambda x: x.flatten(1).T,
    "rows, images and channels": lambda x: x.permute(2, 0, 1, 3).reshape(8, -1, 8),
    "rows, channels and images": lambda x: x.permute(2, 1, 0, 3).reshape(8, -1, 8),
    "rows, columns, channels, images": lambda x: x.permute(2, 3, 1, 0),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("n_images", "batch"), [(3, None), (4, None), (6, None), (6, 3), (5, 2)])
def test_images_are_found_in_whatever_axis_and_order(place, n_images, batch):
    assert_each_row_is_that_of_its_image_alone(Beside(Aside(PLACES[place])), make_images(n_images, 8, seed=1), batch)


@pytest.mark.parametrize("place", PLACES)
def test_kernels_are_those_of_the_images_in_whatever_axis_and_order_they_lie(place):
    images = make_images(9, 8, seed=1)
    found = extracted(Beside(Aside(PLACES[place])), images, PREDICTORS)
    X = np.stack([outputs_alone(Beside(Aside(PLACES[place])), image)["Aside-1"].numpy() for image in images]).astype(
        np.float64
    )
    np.testing.assert_allclose(found["centred"][0], X.shape[1] * np.cov(X, bias=True), rtol=0, atol=1e-4)


def test_an_inner_order_is_found_though_one_feature_is_far_larger_than_all_others():
    def with_outlier(x):
        windows = x.transpose(0, 1).reshape(-1, 8, 8).clone()
        windows[:, 0, 0] = 1e5
        return windows

    assert_each_row_is_that_of_its_image_alone(Beside(Aside(with_outlier)), make_images(4, 8, seed=2))


def test_an_output_that_is_the_same_for_all_images_is_left_out_and_named(capsys):
    network = Beside(Aside(lambda x: torch.arange(9.0).reshape(3, 3)))
    assert [name for name, _, _ in streamed(network, make_images(4, 8, seed=3))] == ["Beside-1"]
    assert list(extracted(network, make_images(4, 8, seed=3), PREDICTORS)["layer"]) == ["Beside-1"]
    assert "left out, because the same for all images: Aside-1\n" in capsys.readouterr().err


def test_nothing_is_said_to_be_left_out_where_nothing_is(capsys):
    extracted(nn.Sequential(nn.ReLU()), make_images(4, 8, seed=3), PREDICTORS)
    said = capsys.readouterr().err
    assert said.startswith("1 outputs, 4 images; no limit, forecast ") and "left out" not in said


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: torch.cat([x, x[:1]]), r"\(3, 3, 8, 8\) for 2 images, \(4, 3, 8, 8\) for 3"),
        (lambda x: x.flatten(1) @ x.flatten(1).T, r"\(2, 2\) for 2 images, \(3, 3\) for 3"),
        (lambda x: x.flatten(1)[:, : 10 - len(x)], r"\(2, 8\) for 2 images, \(3, 7\) for 3"),
        (lambda x: x[0] if len(x) > 2 else x, r"\(2, 3, 8, 8\) for 2 images, \(3, 8, 8\) for 3"),
    ],
)
def test_an_output_without_an_axis_of_images_is_refused_by_layer_and_shapes(function, shapes):
    with pytest.raises(InputError, match=rf"^layer Aside-1: output of shape {shapes}; expected one axis to grow"):
        streamed(Beside(Aside(function)), make_images(3, 8, seed=4))


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(3),  # in training: statistics of the batch
        nn.Dropout(0.5),
        Aside(lambda x: x.flip(0)),
        Aside(lambda x: x - x.mean(0)),
        Aside(torch.rand_like),
    ],
)
def test_a_layer_that_depends_on_the_other_images_or_on_chance_is_refused(layer):
    name = f"{type(layer).__name__}-1"
    with pytest.raises(InputError, match=rf"^layer {name}: an image's features depend on the other images of the pass, or on"):
        streamed(Beside(layer).train(), make_images(4, 8, seed=5))


class Other(nn.Module):
    """Runs two layers, or more, fewer or others from `n_images` on."""

    def __init__(self, n_images: int, then: str):
        super().__init__()
        self.n_images, self.then = n_images, then
        self.first, self.second, self.third = nn.ReLU(), nn.Sigmoid(), nn.Tanh()

    def forward(self, x):
        x = self.first(x)
        if len(x) < self.n_images:
            return self.second(x)
        return {"more": lambda x: self.third(self.second(x)), "fewer": torch.sigmoid, "other": self.third}[self.then](x)


@pytest.mark.parametrize(
    ("n_images", "then", "message"),
    [(3, then, "^the network runs other layers for three images than for two") for then in ("more", "fewer", "other")]
    + [
        (4, "more", r"^layer Tanh-1: the network runs other layers for more images than for three"),
        (4, "other", r"^layer Tanh-1: the network runs other layers for more images than for three"),
        (4, "fewer", r"^layer Other-1: the network runs other layers for more images than for three"),
    ],
)
def test_a_network_that_runs_other_layers_for_more_images_is_refused(n_images, then, message):
    with pytest.raises(InputError, match=message):
        streamed(Other(n_images, then), make_images(5, 8, seed=6))


@pytest.mark.parametrize("last", [None, "Aside-2"])
def test_a_network_that_ends_earlier_for_more_images_is_refused(last):
    network = nn.Sequential(Aside(torch.relu), Aside(torch.tanh), Aside(torch.abs))
    known = survey(network, torch.from_numpy(make_images(5, 8, seed=6)))
    with pytest.raises(InputError, match=r"^layer Aside-2: run for three images, but not for more"):
        stream(network[:1], [torch.from_numpy(make_images(5, 8, seed=6))], known, lambda *_: None, last=last)


@pytest.mark.parametrize("n_images", [0, 1, 2])
def test_images_too_few_to_be_found_are_refused(n_images):
    with pytest.raises(InputError, match=rf"^{n_images} images; at least 3 are needed"):
        streamed(nn.Sequential(nn.ReLU()), make_images(n_images, 8, seed=7))


def test_a_network_without_any_layer_is_refused():
    with pytest.raises(InputError):
        extracted(nn.Sequential(), make_images(3, 8, seed=8), PREDICTORS)
