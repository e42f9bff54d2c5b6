"""Training runs and models in the configuration: which network is trained, and how a trained network sees images."""

import pandas as pd
import pytest
import torch

from dormouse.errors import InputError
from dormouse.models.build import build, native_input
from dormouse.models.registry import list_models, training_spec
from dormouse.models.specification import NORMALISATIONS
from dormouse.training.resume import write_state


@pytest.mark.parametrize("network", [{"source": "mousenet", "name": "small"}, {"source": "torchvision", "name": "resnet18"}])
@pytest.mark.parametrize(("images", "normalisation"), [("digits", "imagenet"), ("folder", "imagenet"), ("cifar10", "cifar10")])
@pytest.mark.parametrize("transform", ["paper", "native"])
def test_a_network_that_is_trained_here_is_scored_on_images_as_it_learned_from(
    config, network, images, normalisation, transform
):
    run = config["training"]["mousenet_digits"] | {"network": network, "images": images, "folder": "somewhere"}
    models = {"groups": [], "include": [], "exclude": [], "seeds": [0]}
    models["add"] = {"a": network | {"weights": "trained:run"}, "b": network | {"weights": "trained:run@0"}}
    models["add"]["b"]["input"] = {"interpolation": "bicubic", "mean": [0.1, 0.2, 0.3]}
    other = {"input": config["input"] | {"std": [9, 9, 9], "range": 255}, "transform": transform}
    rows = pd.DataFrame(columns=["model", "weights"])
    specs = list_models(rows, config | {"training": {"run": run}, "models": models} | other)
    own = {"size": 16, "range": 1, "interpolation": "bilinear"} | NORMALISATIONS[normalisation]
    assert native_input(specs["a"]) == own
    assert native_input(specs["b"]) == own | models["add"]["b"]["input"]


def test_a_network_of_google_that_is_trained_here_takes_its_input_as_it_is(tmp_path):
    spec = {"source": "torchvision", "name": "googlenet", "file": None, "seed": 0, "options": {"num_classes": 3}}
    write_state(build(spec), tmp_path / "weights.safetensors")
    assert not build(spec | {"file": str(tmp_path / "weights.safetensors")}).transform_input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_px": 32}, r"^config: training.mousenet_digits.input_px: 32, but its network is for 16 pixels\.$"),
        ({"network": {"source": "mousenet", "name": "tiny"}}, r"mousenet.variants has no 'tiny'"),
        (
            {"network": {"source": "torchvision", "name": "vgg61"}},
            r"torchvision has no network 'vgg61'\. Did you mean .*vgg16",
        ),
    ],
)
def test_a_run_that_does_not_fit_together(config, change, message):
    changed = config["training"]["mousenet_digits"] | change
    with pytest.raises(InputError, match=message):
        training_spec("mousenet_digits", config | {"training": {"mousenet_digits": changed}})


def test_every_run_of_the_configuration_has_a_network(config):
    for run, recipe in config["training"].items():
        spec = training_spec(run, config)
        with torch.device("meta"):
            network = build(spec)
        assert list(network.parameters())[-1].shape == (recipe["classes"],)
