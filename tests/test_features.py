"""Features of layers: whose they are, that they are as the layer put them out, and their kernels."""

import copy

import numpy as np
import pytest
import torch
from networks import Apply, Aside, Beside, make_images, random_network, streamed
from sklearn.preprocessing import StandardScaler
from torch import nn

from dormouse import features
from dormouse.errors import InputError

EPS = 0.9  # few projections: these tests ask nothing of them
FLOAT32_SUM = 1e-6  # relative error of sums in float32, by blocks
OTHER_BATCH = 1e-5  # largest difference, by the largest feature, of an image's features in a batch of another size


def outputs_by_plain_hooks(network: nn.Module, images: np.ndarray) -> list[torch.Tensor]:
    """Whole outputs in order of computation, kept by hooks of the test's own."""
    outputs = []
    layers = [module for module in network.modules() if not isinstance(module, nn.Sequential | nn.ModuleList)]
    handles = [module.register_forward_hook(lambda module, _, output: outputs.append(output.clone())) for module in layers]
    with torch.no_grad():
        network(torch.from_numpy(images))
    for handle in handles:
        handle.remove()
    return outputs


def distinct(matrices: list[np.ndarray]) -> list[np.ndarray]:
    return [X for k, X in enumerate(matrices) if not any(np.array_equal(X, other) for other in matrices[:k])]


def outputs_alone(network: nn.Module, image: np.ndarray) -> dict[str, torch.Tensor]:
    """Outputs by layer of a pass with one image, in which there is nothing to tell apart."""
    outputs = {}
    features.record(
        network, torch.from_numpy(image[None]), lambda output: outputs.update({output.name: output.values.flatten().clone()})
    )
    return outputs


def assert_each_row_is_that_of_its_image_alone(network: nn.Module, images: np.ndarray) -> None:
    together = streamed(network, images)
    for i, image in enumerate(images):
        alone = outputs_alone(network, image)
        assert set(alone) == {name for name, _, _ in together}
        for name, _, X in together:
            assert X[i].shape == alone[name].shape, name
            assert (X[i] - alone[name]).abs().max() <= OTHER_BATCH * alone[name].abs().max(), name


# --- whose features


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "levit_128", "tnt_s_patch16_224"])
def test_windows_and_tokens_go_to_the_image_that_they_are_of(name):
    """Swin lays windows of all images out in the first axis, LeViT tokens, TNT the pixels of tokens."""
    network, images = random_network(name, "timm"), make_images(3, 224, seed=0)
    lengths = []
    features.record(network, torch.from_numpy(images), lambda output: lengths.append(len(output.values)))
    assert sum(length != 3 for length in lengths) > 50
    assert_each_row_is_that_of_its_image_alone(network, images)


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
@pytest.mark.parametrize("n_images", [3, 4, 6])
def test_images_are_found_in_whatever_axis_and_order(place, n_images):
    assert_each_row_is_that_of_its_image_alone(Beside(Aside(PLACES[place])), make_images(n_images, 8, seed=1))


def test_an_inner_order_is_found_though_one_feature_is_far_larger_than_all_others():
    def with_outlier(x):
        windows = x.transpose(0, 1).reshape(-1, 8, 8).clone()
        windows[:, 0, 0] = 1e5
        return windows

    assert_each_row_is_that_of_its_image_alone(Beside(Aside(with_outlier)), make_images(4, 8, seed=2))


def test_an_output_that_is_the_same_for_all_images_is_left_out_and_named(capsys):
    network = Beside(Aside(lambda x: torch.arange(9.0).reshape(3, 3)))
    assert [name for name, _, _ in streamed(network, make_images(4, 8, seed=3))] == ["Beside-1"]
    assert "left out, because the same for all images: Aside-1\n" in capsys.readouterr().err


def test_nothing_is_said_to_be_left_out_where_nothing_is(capsys):
    streamed(nn.Sequential(nn.ReLU()), make_images(4, 8, seed=3))
    said = capsys.readouterr().err
    assert "1 outputs, 4 images, forecast of memory: 7" in said and "left out" not in said


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


class More(nn.Module):
    """Runs one layer, or two from `n_images` on."""

    def __init__(self, n_images: int):
        super().__init__()
        self.n_images, self.first, self.second = n_images, nn.ReLU(), nn.Sigmoid()

    def forward(self, x):
        return self.second(self.first(x)) if len(x) >= self.n_images else self.first(x)


@pytest.mark.parametrize("n_images", [3, 4])
def test_a_network_that_runs_other_layers_for_more_images_is_refused(n_images):
    with pytest.raises(InputError, match="the network runs other layers for"):
        streamed(More(n_images), make_images(5, 8, seed=6))


@pytest.mark.parametrize("n_images", [0, 1, 2])
def test_images_too_few_to_be_found_are_refused(n_images):
    with pytest.raises(InputError, match=rf"^{n_images} images; at least 3 are needed"):
        streamed(nn.Sequential(nn.ReLU()), make_images(n_images, 8, seed=7))


def test_a_network_without_any_layer_is_refused():
    with pytest.raises(InputError):
        features.extract(nn.Sequential(), make_images(3, 8, seed=8), "all", EPS, 0, threads=1)


# --- as the layer put them out


class Adding(nn.Module):
    """Residual block that adds in place to what a layer put out."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        y = self.layer(x)
        y += x
        return y


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, None])
def test_a_later_operation_in_place_does_not_change_an_earlier_layers_features(activation):
    torch.manual_seed(0)
    blocks = [nn.Conv2d(3, 3, 3, padding=1), activation(inplace=True) if activation else Adding(nn.Conv2d(3, 3, 1))]
    network, images = nn.Sequential(*blocks, *copy.deepcopy(blocks)).eval(), make_images(4, 12, seed=9)
    later = []
    features.stream(network, torch.from_numpy(images), lambda name, block, X: later.append(X), "all")
    at_once = [X for _, _, X in streamed(network, images)]
    assert any(not torch.equal(a, b) for a, b in zip(later, at_once, strict=True))
    pure = copy.deepcopy(network)
    for module in pure.modules():
        module.inplace = False
    for X, expected in zip(at_once, outputs_by_plain_hooks(pure, images), strict=True):
        np.testing.assert_array_equal(X, expected.flatten(1))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "efficientnet_b0", "mobilenet_v3_small"])
def test_features_of_a_network_that_works_in_place_are_those_of_its_layers(name):
    network, images = random_network(name), make_images(3, 64, seed=10)
    pure = copy.deepcopy(network)
    for module in pure.modules():
        module.inplace = False
    outputs = streamed(network, images)
    for (layer, _, X), expected in zip(outputs, outputs_by_plain_hooks(pure, images), strict=True):
        np.testing.assert_array_equal(X, expected.flatten(1), err_msg=layer)


def test_maps_of_attention_are_features():
    maps = [X for _, _, X in streamed(random_network("vit_tiny_patch16_224", "timm"), make_images(3, 224, seed=11))]
    maps = [X.unflatten(1, (3, 197, 197)) for X in maps if X.shape[1] == 3 * 197 * 197]  # heads, tokens, tokens
    assert len(maps) == 12
    for attention in maps:
        torch.testing.assert_close(attention.sum(-1), torch.ones(3, 3, 197))


@pytest.mark.parametrize("layer", [nn.Identity(), Aside(lambda x: (_ for _ in ()).throw(InputError("stop")))])
def test_hooks_are_removed_afterwards_and_after_an_error(layer):
    network = Apply(nn.ReLU(), layer)
    try:
        streamed(network, make_images(3, 8, seed=12))
    except InputError:
        assert isinstance(layer, Aside)
    assert all(not module._forward_hooks for module in network.modules())


# --- kernels


def test_streamed_kernels_are_those_of_whole_feature_matrices():
    network, images = random_network("squeezenet1_1"), make_images(10, 64, seed=13)
    expected = distinct([output.flatten(1).numpy() for output in outputs_by_plain_hooks(network, images)])
    arrays = features.extract(network, images, "all", EPS, 0, threads=1)
    assert len(expected) > 50
    assert list(arrays["n_features"]) == [X.shape[1] for X in expected]
    for i, X in enumerate(expected):
        X = X.astype(np.float64)
        Z = StandardScaler().fit_transform(X)
        sums = X.sum(axis=1)
        K = arrays["centred"][i] + np.outer(arrays["row_sum"][i], arrays["row_sum"][i]) / X.shape[1]
        np.testing.assert_allclose(K, X @ X.T, rtol=0, atol=FLOAT32_SUM * (X**2).sum(axis=1).max())
        np.testing.assert_allclose(arrays["row_sum"][i], sums, rtol=0, atol=FLOAT32_SUM * np.abs(X).sum(axis=1).max())
        np.testing.assert_allclose(arrays["zscore"][i], Z @ Z.T, rtol=0, atol=FLOAT32_SUM * (Z**2).sum(axis=1).max())


def test_operations_in_place_do_not_change_kernels():
    images = make_images(6, 12, seed=14)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3), nn.ReLU(inplace=True)).eval()
    pure = copy.deepcopy(network)
    pure[1].inplace = pure[3].inplace = False
    arrays = [features.extract(each, images, "all", EPS, 0, threads=1) for each in (network, pure)]
    assert list(arrays[0]["layer"]) == list(arrays[1]["layer"]) == ["Conv2d-1", "ReLU-1", "Conv2d-2", "ReLU-2"]
    for name in ("centred", "row_sum", "zscore", "srp"):
        np.testing.assert_array_equal(arrays[0][name], arrays[1][name])
