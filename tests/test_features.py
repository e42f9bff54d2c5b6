import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

from dormouse import features
from dormouse.errors import InputError
from dormouse.models.build import build

EPS = 0.9  # few projections: these tests ask nothing of them
FLOAT32_SUM = 1e-6  # relative error of sums in float32, by blocks


class Scale(nn.Module):
    def forward(self, x):
        return 2 * x


class SubScale(Scale):
    pass


class Pair(nn.Module):
    def forward(self, x):
        return x.flatten(1), {"rest": [x[:, :1], x.argmax(1)]}  # an index is no feature


class Transposed(nn.Module):
    def forward(self, x):
        return x.flatten(1).T


class Apply(nn.Module):
    """Calls its modules one after the other, each as often as it is named."""

    def __init__(self, *calls: nn.Module):
        super().__init__()
        self.calls = calls  # a tuple, which torch does not register
        self.parts = nn.ModuleList(calls)

    def forward(self, x):
        for module in self.calls:
            y = module(x)
            x = y if isinstance(y, torch.Tensor) else x
        return x


def make_images(n_images: int, size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n_images, 3, size, size)).astype(np.float32)


def make_network(seed: int, inplace: bool) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.Conv2d(4, 5, 3), nn.ReLU(inplace)).eval()


def random_network(name: str, source: str = "torchvision", seed: int = 0) -> nn.Module:
    return build({"source": source, "name": name, "weights": "random", "seed": seed})


def streamed(network: nn.Module, images: np.ndarray) -> list[tuple[str, torch.Tensor]]:
    outputs = []
    features.stream(network, torch.from_numpy(images), lambda name, X: outputs.append((name, X.clone())))
    return outputs


def names_of(network: nn.Module) -> list[str]:
    return [name for name, _ in streamed(network, make_images(3, 8, seed=0))]


def outputs_by_plain_hooks(network: nn.Module, images: np.ndarray) -> list[np.ndarray]:
    """Whole feature matrices in order of computation, kept by hooks of the test's own; equal ones once."""
    outputs = []

    def keep(module, inputs, output):
        outputs.append(output.clone().numpy().reshape(len(images), -1))

    handles = [module.register_forward_hook(keep) for module in network.modules() if not isinstance(module, nn.Sequential)]
    with torch.no_grad():
        network(torch.from_numpy(images))
    for handle in handles:
        handle.remove()
    distinct = []
    for X in outputs:
        if not any(np.array_equal(X, other) for other in distinct):
            distinct.append(X)
    return distinct


def test_containers_are_no_layers_and_the_network_itself_is_the_last():
    parts = [nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), nn.Sequential(nn.Sequential(nn.Linear(4, 2)))]
    assert names_of(Apply(*parts)) == ["Flatten-1", "Linear-1", "Linear-2", "Apply-1"]
    assert names_of(nn.Sequential(*parts)) == ["Flatten-1", "Linear-1", "Linear-2"]


def test_a_subclass_of_a_container_is_a_layer():
    class Block(nn.Sequential):
        pass

    assert names_of(nn.Sequential(Block(nn.ReLU()))) == ["ReLU-1", "Block-1"]


def test_a_module_called_twice_gives_two_layers():
    scale = Scale()
    images = make_images(3, 8, seed=1)
    outputs = streamed(Apply(scale, nn.ReLU(), scale), images)
    assert [name for name, _ in outputs] == ["Scale-1", "ReLU-1", "Scale-2", "Apply-1"]
    flat = images.reshape(3, -1)
    np.testing.assert_array_equal(outputs[0][1], 2 * flat)
    np.testing.assert_array_equal(outputs[2][1], 4 * np.maximum(flat, 0))


def test_layers_are_numbered_in_order_of_computation_not_of_definition():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(5, 2), nn.Linear(192, 5)

        def forward(self, x):
            return self.first(self.second(x.flatten(1)))

    outputs = streamed(Backwards(), make_images(3, 8, seed=2))
    assert [(name, X.shape[1]) for name, X in outputs] == [("Linear-1", 5), ("Linear-2", 2), ("Backwards-1", 2)]


def test_the_number_of_a_layer_counts_every_earlier_name_that_holds_its_class_name():
    """The convention of the reference implementation, kept so that layers bear the names of published scores."""
    assert names_of(Apply(SubScale(), Scale(), SubScale(), Scale()))[:-1] == ["SubScale-1", "Scale-2", "SubScale-2", "Scale-4"]


def test_each_tensor_of_a_compound_output_is_a_layer():
    images = make_images(3, 8, seed=3)
    outputs = streamed(Apply(Pair(), Pair()), images)
    assert [name for name, _ in outputs] == ["Pair-1-1", "Pair-1-2", "Pair-3-1", "Pair-3-2", "Apply-1"]
    np.testing.assert_array_equal(outputs[0][1], images.reshape(3, -1))
    np.testing.assert_array_equal(outputs[1][1], images[:, 0].reshape(3, -1))


def test_a_later_operation_in_place_does_not_change_an_earlier_layers_kernel():
    images = make_images(6, 12, seed=4)
    arrays = [features.extract(make_network(0, inplace), images, EPS, 0, threads=2) for inplace in (True, False)]
    assert list(arrays[0]["layer"]) == list(arrays[1]["layer"]) == ["Conv2d-1", "ReLU-1", "Conv2d-2", "ReLU-2"]
    for name in ("centred", "row_sum", "zscore", "srp"):
        np.testing.assert_array_equal(arrays[0][name], arrays[1][name])


def test_an_output_whose_first_axis_is_not_the_images_is_refused_by_layer():
    with pytest.raises(
        InputError, match=r"^layer Transposed-1: output of shape \(192, 3\), whose first axis is not the 3 images\."
    ):
        streamed(Apply(nn.ReLU(), Transposed()), make_images(3, 8, seed=5))


def test_hooks_are_removed_afterwards():
    network = make_network(0, inplace=True)
    streamed(network, make_images(3, 8, seed=6))
    assert all(not module._forward_hooks for module in network.modules())


def test_hooks_are_removed_after_an_error():
    network = Apply(nn.ReLU(), Transposed())
    with pytest.raises(InputError):
        streamed(network, make_images(3, 8, seed=7))
    assert all(not module._forward_hooks for module in network.modules())


def test_streamed_kernels_are_those_of_whole_feature_matrices():
    network, images = random_network("squeezenet1_1"), make_images(10, 64, seed=8)
    expected = outputs_by_plain_hooks(network, images)
    arrays = features.extract(network, images, EPS, 0, threads=2)
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


@pytest.mark.parametrize(
    ("name", "n_layers", "n_features", "first", "last"),
    [
        ("alexnet", 18, 1_075_688, ("Conv2d-1", 193_600), ("Linear-3", 1000)),
        ("resnet18", 60, 7_477_736, ("Conv2d-1", 802_816), ("Linear-1", 1000)),
    ],
)
def test_a_known_network_has_its_known_layers(name, n_layers, n_features, first, last):
    arrays = features.extract(random_network(name), make_images(2, 224, seed=9), EPS, 0, threads=2)
    layers = list(zip(arrays["layer"], arrays["n_features"], strict=True))
    assert (layers[0], layers[-1]) == (first, last)
    assert (len(layers), arrays["n_features"].sum()) == (n_layers, n_features)


def test_random_weights_and_kernels_do_not_depend_on_what_ran_before():
    images = make_images(4, 64, seed=10)
    torch.manual_seed(1)
    first = features.extract(random_network("squeezenet1_1"), images, EPS, 0, threads=2)
    torch.manual_seed(2)
    np.random.seed(3)  # noqa: NPY002, the state that a careless reader of it would share
    random_network("squeezenet1_1", seed=5)
    again = features.extract(random_network("squeezenet1_1"), images, EPS, 0, threads=2)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    other = random_network("squeezenet1_1", seed=5).state_dict()["features.0.weight"]
    assert not torch.equal(other, random_network("squeezenet1_1").state_dict()["features.0.weight"])


def test_building_a_network_leaves_the_state_of_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    random_network("squeezenet1_1", seed=4)
    assert torch.equal(torch.rand(3), expected)


def test_a_built_network_is_in_evaluation_mode():
    """Otherwise dropout and batch statistics would make layers depend on chance and on the other images."""
    network = random_network("alexnet")
    assert not any(module.training for module in network.modules())
