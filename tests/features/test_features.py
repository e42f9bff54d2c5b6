"""Features are as the layer put them out, and their kernels are those of whole feature matrices."""

import copy

import numpy as np
import pytest
import torch
from networks import Adding, Apply, Aside, Beside, Scale, extracted, make_images, random_network, streamed
from sklearn.preprocessing import StandardScaler
from torch import nn

from dormouse.errors import InputError
from dormouse.features.extraction import extract, stream
from dormouse.features.gram import PREDICTORS
from dormouse.features.survey import survey

EPS = 0.9  # few projections: these tests ask nothing of them
FLOAT32_SUM = 1e-6  # relative error of sums in float32, by blocks


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
    found = extracted(written.eval(), images, PREDICTORS)
    np.testing.assert_array_equal(images, before)
    expected = extracted(nn.Sequential(Aside(lambda x: 3 * x + 1), *layers).eval(), images, PREDICTORS)
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
    arrays = extracted(network, images, PREDICTORS)
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
    arrays = [extracted(each, images, PREDICTORS) for each in (network, pure)]
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
    centred = extracted(network, images, PREDICTORS)["centred"][0]
    np.testing.assert_allclose(centred, X.shape[1] * np.cov(X, bias=True), rtol=FLOAT32_SUM, atol=FLOAT32_SUM * X.var() * 192)


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_features_that_are_not_finite_are_refused_by_layer(value, precision):
    def spoiled(x: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(192).reshape(3, 8, 8) == 150, value, x)

    network = nn.Sequential(nn.Conv2d(3, 3, 1), Aside(spoiled), nn.ReLU()).eval()
    with pytest.raises(InputError, match=r"^layer Aside-1: features are not finite"):
        extracted(network, make_images(4, 8, seed=16), PREDICTORS, precision=precision)


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
    whole, half = extracted(network, images, PREDICTORS), extracted(network, images, PREDICTORS, precision=precision)
    handle.remove()
    assert kinds == {torch.float32, getattr(torch, precision)}
    assert not torch.is_autocast_enabled("cpu")
    assert set(half["layer"]) >= set(whole["layer"])
    kept = np.isin(half["layer"], whole["layer"])
    for name in ("centred", *PREDICTORS):
        for a, b in zip(correlations(whole[name]), correlations(half[name][kept]), strict=True):
            assert not np.array_equal(a, b)
            assert np.corrcoef(a, b)[0, 1] > 0.99
    for name, values in extracted(network, images, PREDICTORS, precision="float32").items():
        np.testing.assert_array_equal(values, whole[name])
