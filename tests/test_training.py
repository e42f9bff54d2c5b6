"""Training: that it learns, that what was stopped ends as what was not, and what images it takes."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import safetensors.torch
import torch
import yaml
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from dormouse.errors import InputError
from dormouse.models import registry
from dormouse.models.build import build
from dormouse.models.registry import training_spec
from dormouse.mousenet.anatomy import Options, read_anatomy
from dormouse.mousenet.network import MouseNet
from dormouse.tables import read_table
from dormouse.training.images import CIFAR_MEAN, CIFAR_SD, MEAN, SD, read_images
from dormouse.training.loop import train

RECIPE = {
    **{"epochs": 2, "batch": 32, "learning_rate": 0.05, "drops": [], "momentum": 0.9},
    **{"weight_decay": 0.0, "seed": 0},
}


@pytest.fixture(scope="module")
def digits():
    return read_images("digits", None, 16)


@pytest.fixture(scope="module")
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def mousenet(config, seed=0):
    changed = config["training"]["mousenet_digits"] | {"seed": seed}
    return build(training_spec("mousenet_digits", config | {"training": {"mousenet_digits": changed}}))


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mousenet_learns_digits_in_two_epochs(config, digits, tmp_path, seed):
    history = train(mousenet(config, seed), digits, RECIPE | {"seed": seed}, tmp_path, threads=1)
    assert history.epoch.tolist() == [0, 1, 2]
    assert history.test_accuracy[0] < 0.3
    assert history.test_accuracy[2] > 0.85
    assert history.train_loss.isna().tolist() == [True, False, False]


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


def stopped_after(n_batches, images):
    """Give images that are no more to be had after some batches of training."""

    class Stopping(torch.utils.data.Dataset):
        tensors, left = images.tensors, n_batches * 32

        def __len__(self):
            return len(images)

        def __getitem__(self, place):
            Stopping.left -= 1
            if Stopping.left < 0:
                raise KeyboardInterrupt
            return images[place]

    return Stopping()


def test_a_run_that_was_stopped_within_an_epoch_ends_as_one_that_was_not(config, digits, tmp_path, capsys):
    whole = train(mousenet(config), digits, RECIPE, tmp_path / "whole", threads=1)
    first = -(-len(digits[0]) // 32)
    with pytest.raises(KeyboardInterrupt):  # in the middle of the second epoch
        train(mousenet(config), (stopped_after(first + 10, digits[0]), digits[1]), RECIPE, tmp_path / "stopped", threads=1)
    assert not [path for path in (tmp_path / "stopped").iterdir() if path.name.startswith(".")]
    again = train(mousenet(config), digits, RECIPE, tmp_path / "stopped", threads=1)
    assert "goes on after epoch 1" in capsys.readouterr().err
    assert again.drop(columns="seconds").equals(whole.drop(columns="seconds"))
    for epoch in range(3):
        a, b = (safetensors.torch.load_file(tmp_path / run / f"epoch_{epoch:03}.safetensors") for run in ("whole", "stopped"))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.workflow
def test_a_training_job_that_was_killed_goes_on_after_its_last_epoch(run_workflow, tmp_path):
    target, config = "results/trained/mousenet_digits.parquet", {"dataset": "demo", "models": {"groups": ["baselines"]}}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run_workflow, tmp_path / "run", target, config=config)
        while not list(tmp_path.glob("run/results/trained/*/epoch_001.safetensors")) and not first.done():
            time.sleep(0.02)
        time.sleep(0.3)  # into the second epoch
        for process in psutil.Process().children(recursive=True):
            if "train_network.py" in " ".join(process.cmdline()):
                process.kill()
    assert first.result().returncode != 0, "it ended before it could be killed"
    assert not (tmp_path / "run" / target).exists()
    again = run_workflow(tmp_path / "run", target, config=config)
    assert again.returncode == 0, again.stdout
    log = next(tmp_path.glob("run/results/trained/logs/train_network/*.log")).read_text()
    assert "goes on after epoch 1" in log
    assert "epoch 1, training" not in log
    history = read_table("training", tmp_path / "run" / target)
    assert history.epoch.tolist() == [0, 1, 2]
    assert history.test_accuracy[2] > 0.85


def test_another_anatomy_starts_anew(digits, tmp_path, capsys):
    few = [TensorDataset(*(part[:32] for part in images.tensors)) for images in digits]
    for seed, told in ((0, ""), (0, "goes on after epoch 1"), (1, "training starts anew")):
        options = Options(input_px=16, neuron_fraction=1 / 16, mask_seed=seed)
        train(MouseNet(read_anatomy(options), 10), few, RECIPE | {"epochs": 1}, tmp_path, threads=1)
        assert told in capsys.readouterr().err


def test_more_epochs_go_on_and_another_recipe_starts_anew(digits, tmp_path, capsys):
    train(small(), digits, RECIPE | {"epochs": 1}, tmp_path, threads=1)
    assert len(train(small(), digits, RECIPE, tmp_path, threads=1)) == 3
    assert "goes on after epoch 1" in capsys.readouterr().err
    train(small(), digits, RECIPE | {"learning_rate": 0.01}, tmp_path, threads=1)
    assert "of another recipe or network; training starts anew" in capsys.readouterr().err


def test_digits_are_all_there_and_none_twice(digits):
    train_images, test_images = (part.tensors[0] for part in digits)
    assert (len(train_images), len(test_images)) == (1437, 360)
    assert train_images.shape[1:] == (3, 16, 16)
    raw = torch.cat([train_images, test_images]) * SD[:, None, None] + MEAN[:, None, None]
    assert torch.equal(raw[:, 0].round(decimals=4), raw[:, 2].round(decimals=4))
    assert -1e-6 <= raw.min() <= raw.max() <= 1 + 1e-6
    counts = torch.bincount(digits[1].tensors[1])
    assert counts.min() >= 34


@pytest.fixture
def cifar(tmp_path):
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]:
        records = rng.integers(256, size=(3, 3073), dtype=np.uint8)
        records[:, 0] = [0, 9, 4]
        records.tofile(tmp_path / name)
    return tmp_path


def test_cifar_is_read_record_by_record(cifar):
    _, test = read_images("cifar10", str(cifar), 32)
    image, label = test[1]
    record = np.fromfile(cifar / "test_batch.bin", np.uint8)[3073:6146]
    raw = torch.from_numpy(record[1:].reshape(3, 32, 32)).float() / 255
    assert label == record[0] == 9
    torch.testing.assert_close(image, (raw - CIFAR_MEAN[:, None, None]) / CIFAR_SD[:, None, None])


def test_cifar_for_training_is_cropped_and_mirrored(cifar):
    images, test = read_images("cifar10", str(cifar), 64)
    assert (len(images), len(test), *images[0][0].shape) == (15, 3, 3, 64, 64)
    torch.manual_seed(0)
    seen = [images[0][0] for _ in range(20)]
    assert len({tuple(image.flatten()[:50].tolist()) for image in seen}) > 10


@pytest.mark.parametrize("spoil", ["missing", "short"])
def test_a_spoilt_file_of_cifar_is_named(cifar, spoil):
    path = cifar / "data_batch_3.bin"
    path.unlink() if spoil == "missing" else path.write_bytes(b"123")
    with pytest.raises(InputError, match=r"data_batch_3.bin: (no such file|3 bytes, no multiple of 3073); expected"):
        read_images("cifar10", str(cifar), 32)


def make_folder(folder, parts):
    for part, classes in parts.items():
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            Image.fromarray(np.full((40, 50, 3), 128, np.uint8)).save(folder / part / name / "1.png")


def test_a_folder_of_images(tmp_path):
    make_folder(tmp_path, {"train": ["cat", "dog"], "val": ["cat", "dog"]})
    train_images, test = read_images("folder", str(tmp_path), 64)
    assert [label for _, label in test] == [0, 1]
    for image, _ in (train_images[0], test[0]):
        torch.testing.assert_close(image, ((128 / 255 - MEAN) / SD)[:, None, None].expand(3, 64, 64))


@pytest.mark.parametrize("parts", [{"train": ["cat"]}, {"train": ["cat", "dog"], "val": ["cat"]}])
def test_a_folder_that_lacks_something_is_named(tmp_path, parts):
    make_folder(tmp_path, parts)
    with pytest.raises(InputError, match=str(tmp_path)):
        read_images("folder", str(tmp_path), 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_px": 32}, r"^config: training.mousenet_digits.input_px: 32, but its network is for 16 pixels\.$"),
        ({"network": {"source": "mousenet", "name": "tiny"}}, r"mousenet.presets has no 'tiny'"),
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


def test_a_network_of_other_tables_is_another_run(config, root, tmp_path, monkeypatch):
    before = training_spec("mousenet_digits", config)["code"]
    shutil.copytree(root / "resources/mousenet", tmp_path / "tables")
    monkeypatch.setattr(registry, "FOLDER", tmp_path / "tables")
    assert training_spec("mousenet_digits", config)["code"] == before
    (tmp_path / "tables/laminar.tsv").write_text("changed")
    assert training_spec("mousenet_digits", config)["code"] != before
    assert training_spec("vgg16_imagenet", config)["code"] is None
