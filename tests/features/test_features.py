"""Features of layers: whose they are, that they are as the layer put them out, and their kernels."""

import copy

import numpy as np
import pytest
import torch
from networks import Adding, Apply, Aside, Beside, Scale, make_images, random_network, streamed
from sklearn.preprocessing import StandardScaler
from torch import nn

from dormouse.errors import InputError
from dormouse.features.extraction import extract, stream
from dormouse.features.gram import PREDICTORS
from dormouse.features.record import record
from dormouse.features.survey import survey
from dormouse.models.loaders import make_torchvision_importable

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


def small_extract(network: nn.Module, images: np.ndarray, **options) -> dict[str, np.ndarray]:
    return extract(network, images, "all", PREDICTORS, EPS, 0, threads=1, **options)


def distinct(matrices: list[np.ndarray]) -> list[np.ndarray]:
    return [X for k, X in enumerate(matrices) if not any(np.array_equal(X, other) for other in matrices[:k])]


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


# --- whose features


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
    found = small_extract(Beside(Aside(PLACES[place])), images)
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
    assert list(small_extract(network, make_images(4, 8, seed=3))["layer"]) == ["Beside-1"]
    assert "left out, because the same for all images: Aside-1\n" in capsys.readouterr().err


def test_nothing_is_said_to_be_left_out_where_nothing_is(capsys):
    small_extract(nn.Sequential(nn.ReLU()), make_images(4, 8, seed=3))
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


def test_a_network_that_ends_earlier_for_more_images_is_refused():
    network = nn.Sequential(Aside(torch.relu), Aside(torch.tanh))
    known = survey(network, torch.from_numpy(make_images(5, 8, seed=6)))
    with pytest.raises(InputError, match=r"^layer Aside-2: run for three images, but not for more"):
        stream(network[:1], [torch.from_numpy(make_images(5, 8, seed=6))], known, lambda *_: None)


@pytest.mark.parametrize("n_images", [0, 1, 2])
def test_images_too_few_to_be_found_are_refused(n_images):
    with pytest.raises(InputError, match=rf"^{n_images} images; at least 3 are needed"):
        streamed(nn.Sequential(nn.ReLU()), make_images(n_images, 8, seed=7))


def test_a_network_without_any_layer_is_refused():
    with pytest.raises(InputError):
        small_extract(nn.Sequential(), make_images(3, 8, seed=8))


# --- as the layer put them out


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, None])
def test_a_later_operation_in_place_does_not_change_an_earlier_layers_features(activation):
    torch.manual_seed(0)
    blocks = [nn.Conv2d(3, 3, 3, padding=1), activation(inplace=True) if activation else Adding(nn.Conv2d(3, 3, 1))]
    network, images = nn.Sequential(*blocks, *copy.deepcopy(blocks)).eval(), make_images(4, 12, seed=9)
    later, inputs = [], torch.from_numpy(images)
    stream(network, [inputs], survey(network, inputs), lambda layer, parts, repeats: later.append(parts[0].flatten(1)))
    at_once = [X for _, _, X in streamed(network, images)]
    assert any(not torch.equal(a, b) for a, b in zip(later, at_once, strict=True))
    pure = copy.deepcopy(network)
    for module in pure.modules():
        module.inplace = False
    for X, expected in zip(at_once, outputs_by_plain_hooks(pure, images), strict=True):
        np.testing.assert_array_equal(X, expected.flatten(1))
    for X, (_, _, in_batches) in zip(at_once, streamed(network, images, batch=2), strict=True):
        torch.testing.assert_close(in_batches, X)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "efficientnet_b0", "mobilenet_v3_small"])
def test_features_of_a_network_that_works_in_place_are_those_of_its_layers(name):
    network, images = random_network(name), make_images(3, 64, seed=10)
    pure = copy.deepcopy(network)
    for module in pure.modules():
        module.inplace = False
    outputs = streamed(network, images)
    for (layer, _, X), expected in zip(outputs, outputs_by_plain_hooks(pure, images), strict=True):
        np.testing.assert_array_equal(X, expected.flatten(1), err_msg=layer)


def test_a_network_that_writes_into_its_images_does_so_in_copies():
    torch.manual_seed(1)
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 20)]
    images, written = make_images(20, 16, seed=1), nn.Sequential(Aside(lambda x: x.mul_(3).add_(1)), *layers)
    before = images.copy()
    found = small_extract(written.eval(), images)
    np.testing.assert_array_equal(images, before)
    expected = small_extract(nn.Sequential(Aside(lambda x: 3 * x + 1), *layers).eval(), images)
    assert found["layer"].tolist() == expected["layer"].tolist()
    for name in ("centred", "row_sum"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6 * np.abs(expected[name]).max())


def test_maps_of_attention_are_features():
    maps = [X for _, _, X in streamed(random_network("vit_tiny_patch16_224", "timm"), make_images(3, 224, seed=11))]
    maps = [X.unflatten(1, (3, 197, 197)) for X in maps if X.shape[1] == 3 * 197 * 197]  # heads, tokens, tokens
    assert len(maps) == 12
    for attention in maps:
        torch.testing.assert_close(attention.sum(-1), torch.ones(3, 3, 197))


# --- kernels


def test_streamed_kernels_are_those_of_whole_feature_matrices():
    network, images = random_network("squeezenet1_1"), make_images(10, 64, seed=13)
    expected = distinct([output.flatten(1).numpy() for output in outputs_by_plain_hooks(network, images)])
    arrays = small_extract(network, images)
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


def test_the_kernel_that_is_made_in_any_case_may_be_named_and_changes_neither_plan_nor_result(capsys):
    network, images = random_network("squeezenet1_1"), make_images(5, 32, seed=12)
    found = [extract(network, images, "all", names, EPS, 0, threads=1) for names in (("srp",), ("centred", "srp"))]
    said = [line for line in capsys.readouterr().err.splitlines() if "forecast" in line]
    assert len(said) == 2 and said[0] == said[1]
    assert found[0].keys() == found[1].keys()
    for name, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][name])


def test_operations_in_place_do_not_change_kernels():
    images = make_images(6, 12, seed=14)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3), nn.ReLU(inplace=True)).eval()
    pure = copy.deepcopy(network)
    pure[1].inplace = pure[3].inplace = False
    arrays = [small_extract(each, images) for each in (network, pure)]
    assert list(arrays[0]["layer"]) == list(arrays[1]["layer"]) == ["Conv2d-1", "ReLU-1", "Conv2d-2", "ReLU-2"]
    for name in ("centred", "row_sum", "zscore", "srp"):
        np.testing.assert_array_equal(arrays[0][name], arrays[1][name])


def test_a_block_that_passes_on_what_its_last_layer_put_out_is_kept_and_one_that_passes_on_a_block_is_not():
    network = nn.Sequential(Apply(Scale(), nn.Tanh()), Apply(nn.Identity()), nn.Dropout(0.5), Apply(Scale()), nn.Identity())
    images, reduced = make_images(4, 8, seed=15), []

    def see(layer, parts, repeats: bool) -> None:
        reduced.append((layer.name, repeats))

    known = survey(network.eval(), torch.from_numpy(images))
    stream(network, [torch.from_numpy(images)], known, see, "blocks")
    assert reduced == [("Apply-1", False), ("Apply-2", True), ("Dropout-1", True), ("Apply-3", False), ("Identity-2", True)]
    reduced.clear()
    stream(network, [torch.from_numpy(images)], known, see)
    assert [name for name, repeats in reduced if not repeats] == ["Scale-1", "Tanh-1", "Scale-2"]
    kernels = extract(network, images, "blocks", PREDICTORS, EPS, 0, threads=1)
    assert kernels["layer"].tolist() == ["Apply-1", "Apply-3"]


@pytest.mark.parametrize("n_images", [4, 9, 17])
def test_kernels_do_not_depend_on_how_many_images_move_at_once(n_images):
    """Up to eight do."""
    network, images = Beside(Aside(lambda x: x.transpose(0, 1).exp())), make_images(n_images, 8, seed=15)
    X = np.exp(images.astype(np.float64)).reshape(n_images, -1)
    centred = small_extract(network, images)["centred"][0]
    np.testing.assert_allclose(centred, X.shape[1] * np.cov(X, bias=True), rtol=FLOAT32_SUM, atol=FLOAT32_SUM * X.var() * 192)


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_features_that_are_not_finite_are_refused_by_layer(value, precision):
    def spoiled(x: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(192).reshape(3, 8, 8) == 150, value, x)

    network = nn.Sequential(nn.Conv2d(3, 3, 1), Aside(spoiled), nn.ReLU()).eval()
    with pytest.raises(InputError, match=r"^layer Aside-1: features are not finite"):
        small_extract(network, make_images(4, 8, seed=16), precision=precision)


# --- precision


def correlations(kernels: np.ndarray) -> np.ndarray:
    """Return the correlations of every two images, of all layers."""
    norm = np.sqrt(np.einsum("lii->li", kernels))
    rows, columns = np.triu_indices(kernels.shape[1], k=1)
    return (kernels / (norm[:, None] * norm[:, :, None]))[:, rows, columns]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_in_half_precision_a_network_gives_about_the_same_kernels(precision):
    network, images, kinds = random_network("squeezenet1_1"), make_images(10, 64, seed=17), set()
    handle = network.features[0].register_forward_hook(lambda module, inputs, output: kinds.add(output.dtype))
    whole, half = small_extract(network, images), small_extract(network, images, precision=precision)
    handle.remove()
    assert kinds == {torch.float32, getattr(torch, precision)}
    assert not torch.is_autocast_enabled("cpu")
    assert set(half["layer"]) >= set(whole["layer"])
    kept = np.isin(half["layer"], whole["layer"])
    for name in ("centred", *PREDICTORS):
        for a, b in zip(correlations(whole[name]), correlations(half[name][kept]), strict=True):
            assert not np.array_equal(a, b)
            assert np.corrcoef(a, b)[0, 1] > 0.99
    for name, values in small_extract(network, images, precision="float32").items():
        np.testing.assert_array_equal(values, whole[name])
