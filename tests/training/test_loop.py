"""The training loop: it learns, takes the steps of gradient descent, and does not depend on who reads the images."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from training_runs import RECIPE, equal, mousenet, small

from dormouse.errors import InputError
from dormouse.training.epoch_files import epoch_file
from dormouse.training.images import read_images
from dormouse.training.loop import train


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mousenet_learns_digits_in_two_epochs(config, digits, tmp_path, seed):
    history = train(mousenet(config, seed), digits, RECIPE | {"seed": seed}, tmp_path, threads=1)
    assert history.epoch.tolist() == [0, 1, 2]
    assert history.test_accuracy[0] < 0.3
    assert history.test_accuracy[2] > 0.85
    assert history.train_loss.isna().tolist() == [True, False, False]


@pytest.mark.slow
def test_with_labels_of_others_nothing_is_learnt(config, digits, tmp_path):
    images, labels = digits[0].tensors
    shuffled = torch.utils.data.TensorDataset(
        images, labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    )
    history = train(mousenet(config), (shuffled, digits[1]), RECIPE, tmp_path, threads=1)
    assert history.test_accuracy[2] < 0.3


def test_a_step_is_that_of_stochastic_gradient_descent(digits, tmp_path):
    """By hand: one batch, with momentum and weight decay, the learning rate a tenth after the first epoch."""
    images, labels = (part[:32] for part in digits[0].tensors)
    recipe = RECIPE | {"drops": [1], "weight_decay": 0.01}
    network, by_hand = small(), small()
    one = torch.utils.data.TensorDataset(images, labels)
    history = train(network, (one, one), recipe, tmp_path, threads=1)
    weight, bias = (value.detach().double() for value in by_hand.parameters())
    velocity = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for rate in (0.05, 0.005):
        X = images.flatten(1).double()
        error = (X @ weight.T + bias).softmax(dim=1) - F.one_hot(labels, 10)
        gradients = error.T @ X / 32 + 0.01 * weight, error.mean(dim=0) + 0.01 * bias
        velocity = [0.9 * v + g for v, g in zip(velocity, gradients, strict=True)]
        weight, bias = weight - rate * velocity[0], bias - rate * velocity[1]
    torch.testing.assert_close(network[1].weight.double(), weight, rtol=1e-4, atol=1e-6)
    assert history.learning_rate.tolist() == pytest.approx([0.05, 0.05, 0.005])
    right = ((images.flatten(1).double() @ weight.T + bias).argmax(dim=1) == labels).double().mean()
    assert history.test_accuracy[2] == pytest.approx(float(right))


def test_a_run_that_diverges_ends_in_its_first_such_epoch(digits, tmp_path):
    with pytest.raises(InputError, match=r"^epoch 1: the loss is not finite\. Lower `learning_rate` .* 1e\+38 is too high"):
        train(small(), digits, RECIPE | {"learning_rate": 1e38}, tmp_path, threads=1)
    assert [file.name for file in tmp_path.glob("epoch_*")] == ["epoch_000.safetensors"]


@pytest.mark.parametrize("kind", ["cifar10", "folder"])
def test_what_is_learned_does_not_depend_on_who_reads_the_images(cifar, tmp_path, kind):
    rng, pictures = np.random.default_rng(0), tmp_path / "pictures"
    for part in ("train/cat", "train/dog", "val/cat", "val/dog"):
        (pictures / part).mkdir(parents=True)
        for k in range(4):
            Image.fromarray(rng.integers(256, size=(30, 40, 3), dtype=np.uint8)).save(pictures / part / f"{k}.jpg")
    images = read_images(kind, str({"cifar10": cifar, "folder": pictures}[kind]), 16)
    torch.manual_seed(0)
    for workers in (0, 1, 3):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(3 * 16 * 16, 10))
        recipe = RECIPE | {"epochs": 1, "batch": 4}
        train(network, images, recipe, tmp_path / str(workers), threads=1, workers=workers)
        assert equal(epoch_file(tmp_path / "0", 1), epoch_file(tmp_path / str(workers), 1))
