"""Training: that it learns, that what was stopped ends as what was not, and what images it takes."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import psutil
import pytest
import safetensors.torch
import torch
import yaml
from PIL import Image
from project import Project
from torch import nn
from torch.nn import functional as F

from dormouse.errors import InputError
from dormouse.files import read_arrays
from dormouse.models import sources
from dormouse.models.build import build, native_input
from dormouse.models.checkpoints import read_state
from dormouse.models.registry import list_models, training_spec
from dormouse.models.specification import NORMALISATIONS
from dormouse.stimuli.preprocessing import preprocess
from dormouse.tables import read_table
from dormouse.training.epochs import epoch_file, hand_out
from dormouse.training.images import read_images
from dormouse.training.loop import train
from dormouse.training.recipe import images_hash, training_key
from dormouse.training.resume import last_whole, write_state

MEAN, SD, CIFAR_MEAN, CIFAR_SD = (
    torch.tensor(NORMALISATIONS[name][key]) for name in ("imagenet", "cifar10") for key in ("mean", "std")
)

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
        while not list(tmp_path.glob("run/results/trained/*/*/epoch_001.safetensors")) and not first.done():
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


def equal(a, b):
    first, second = (read_state(path)[0] for path in (a, b))
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_fewer_epochs_hand_out_theirs_and_more_go_on(digits, tmp_path, capsys):
    few = [torch.utils.data.TensorDataset(*(part[:64] for part in images.tensors)) for images in digits]
    whole = train(small(), few, RECIPE | {"epochs": 6}, tmp_path / "whole", threads=1).drop(columns="seconds")
    for epochs, told in ((4, "epoch 4: "), (1, "epoch 1 is there"), (4, "epoch 4 is there"), (6, "goes on after epoch 4")):
        history = train(small(), few, RECIPE | {"epochs": epochs}, tmp_path / "run", threads=1)
        assert told in capsys.readouterr().err
        assert history.drop(columns="seconds").equals(whole[: epochs + 1])
        hand_out(epoch_file(tmp_path / "run", epochs), tmp_path / "weights.safetensors")
        assert equal(tmp_path / "weights.safetensors", epoch_file(tmp_path / "whole", epochs))
    assert len(list((tmp_path / "run").glob("epoch_*.safetensors"))) == 7


@pytest.mark.parametrize(
    ("spoilt", "told"), [(["resume.pt"], "on after epoch 2"), (["resume.pt", "resume_before.pt"], "anew")]
)
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_damaged_file_to_go_on_from_is_said_and_the_end_is_the_same(digits, tmp_path, capsys, spoilt, told, how):
    few = [torch.utils.data.TensorDataset(*(part[:64] for part in images.tensors)) for images in digits]
    train(small(), few, RECIPE | {"epochs": 3}, tmp_path / "run", threads=1)
    for name in spoilt:
        content = bytearray((tmp_path / "run" / name).read_bytes())
        content[len(content) // 2] ^= 4
        (tmp_path / "run" / name).write_bytes(content if how == "flipped" else content[: len(content) // 2])
    history = train(small(), few, RECIPE | {"epochs": 4}, tmp_path / "run", threads=1)
    said = capsys.readouterr()
    assert f"{spoilt[0]}: damaged" in said.out
    assert told in said.err
    whole = train(small(), few, RECIPE | {"epochs": 4}, tmp_path / "whole", threads=1)
    assert history.drop(columns="seconds").equals(whole.drop(columns="seconds"))
    assert equal(epoch_file(tmp_path / "run", 4), epoch_file(tmp_path / "whole", 4))


def flips(path, n):
    """Flip one bit after the other in a file."""
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.choice(len(content), n, replace=False):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        yield


def test_no_flipped_bit_passes_for_what_was_written(tmp_path, digits):
    few = [torch.utils.data.TensorDataset(*(part[:2] for part in images.tensors)) for images in digits]
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(768, 2), nn.BatchNorm1d(2), nn.Linear(2, 10))
    train(network, few, RECIPE | {"epochs": 1}, tmp_path, threads=1)
    (tmp_path / "resume_before.pt").unlink()
    weights, stored = read_state(epoch_file(tmp_path, 1))[0], last_whole(tmp_path)
    for _ in flips(epoch_file(tmp_path, 1), 200):
        try:
            read = read_state(epoch_file(tmp_path, 1))[0]
        except InputError:
            continue
        assert all(torch.equal(read[key], weights[key]) for key in weights)
    for _ in flips(tmp_path / "resume.pt", 200):
        read = last_whole(tmp_path)
        if read["history"]:
            assert read["history"] == stored["history"]
            assert all(torch.equal(read["network"][key], value) for key, value in stored["network"].items())


def test_epochs_of_other_code_are_kept_with_a_warning(digits, tmp_path, capsys):
    few = [torch.utils.data.TensorDataset(*(part[:64] for part in images.tensors)) for images in digits]
    code, folder = {"a.py": "1", "b.py": "1"}, tmp_path / "run/key"
    first = train(small(), few, RECIPE, folder, threads=1, code=code)
    assert "Warning" not in capsys.readouterr().out
    history = train(small(), few, RECIPE | {"epochs": 3}, folder, threads=1, code=code | {"b.py": "2", "c.py": "1"})
    said = capsys.readouterr().out
    assert "epochs 0 to 2 were trained by other code than today's" in said
    assert "Files that differ: b.py, c.py. To train anew: rm -rf" in said
    assert history[:3].equals(first)
    assert history.code.nunique() == 2
    with pytest.raises(InputError, match="do not fit the network of today's code"):
        train(nn.Linear(2, 2), few, RECIPE | {"epochs": 5}, folder, threads=1, code=code)


def test_a_damaged_epoch_is_not_handed_out(digits, tmp_path):
    write_state(small(), tmp_path / "run/key/epoch_000.safetensors")
    content = bytearray((tmp_path / "run/key/epoch_000.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "run/key/epoch_000.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"epoch_000.safetensors: damaged; .* To train anew: rm -rf .*run/key .*run.parquet"):
        hand_out(tmp_path / "run/key/epoch_000.safetensors", tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"^\S+epoch_000.safetensors: damaged, its numbers are not those that were written"):
        read_state(tmp_path / "run/key/epoch_000.safetensors")


def test_a_run_is_known_by_all_that_changes_its_weights_and_by_nothing_else(config, cifar, root, tmp_path):
    tables = tmp_path / "tables"
    shutil.copytree(root / "resources/mousenet", tables)
    preset = config["mousenet"]["presets"]["small"] | {"tables": str(tables)}
    run = config["training"]["mousenet_digits"] | {"images": "cifar10", "folder": str(cifar)}

    def key(preset=preset, **recipe):
        images_hash.cache_clear()
        changed = {"training": {"run": run | recipe}, "mousenet": {"presets": {"small": preset}}}
        return training_key(training_spec("run", config | changed), changed["training"]["run"])

    known = key()
    shutil.copytree(tables, tmp_path / "moved")
    shutil.copytree(cifar, tmp_path / "moved", dirs_exist_ok=True)
    same = [key(epochs=100), key(preset | {"tables": str(tmp_path / "moved")}), key(folder=str(tmp_path / "moved"))]
    assert same == [known] * 3
    other = [key(seed=1), key(drops=[1]), key(batch=16), key(preset | {"mask_seed": 1}), key(preset | {"clip": True})]
    for file in (tables / "projections.tsv", cifar / "test_batch.bin"):
        file.write_bytes(file.read_bytes()[:-1] + b"0")
        os.utime(file, (0, 0))
        other.append(key())
    assert len({known, *other}) == 8


@pytest.mark.workflow
def test_a_run_keeps_its_epochs_whatever_is_asked_for(root, tmp_path, dataset_folder, cifar):
    """Fewer epochs under edited code, more epochs, an image replaced by an older one."""
    project = Project(root, tmp_path / "project")
    make_folder(project.folder / "pictures", {"train": ["cat", "dog"], "val": ["cat", "dog"]})
    recipe = yaml.safe_load((root / "config.yaml").read_text())["training"]["mousenet_digits"]
    run = recipe | {"images": "folder", "folder": "pictures", "classes": 2, "batch": 2}
    of_cifar = recipe | {"images": "cifar10", "folder": str(cifar), "epochs": 0, "network": {"source": "torchvision"}}
    of_cifar["network"]["name"], of_cifar["input_px"] = "squeezenet1_1", 32
    seen = of_cifar["network"] | {"weights": "trained:of_cifar"}
    config = {
        **{"dataset": str(dataset_folder), "transform": "native", "input": {"mean": [0, 0, 0], "std": [1, 1, 1]}},
        "models": {"groups": ["baselines"], "add": {"seen": seen}},
    }
    weights, epoch_1, table = (f"results/trained/run{ending}" for ending in (".safetensors", "@1.safetensors", ".parquet"))
    features, targets = "results/mice/grams/seen.npz", (weights, epoch_1)

    def asked(epochs):
        return config | {"training": {"run": run | {"epochs": epochs}, "of_cifar": of_cifar}}

    def trained(epochs, *others):
        said = project.run(*targets, *others, config=asked(epochs))
        (folder,) = (project.folder / "results/trained/run").iterdir()
        assert equal(project.folder / weights, epoch_file(folder, epochs))
        assert equal(project.folder / epoch_1, epoch_file(folder, 1))
        assert read_table("training", project.folder / table).epoch.tolist() == list(range(epochs + 1))
        return said, (project.folder / "results/trained/logs/train_network/run.log").read_text()

    trained(4, features)
    made = json.loads(str(read_arrays(project.folder / features, "provenance")["provenance"]))["input"]
    assert made == {"size": 32, "range": 1, "interpolation": "bilinear"} | NORMALISATIONS["cifar10"]
    loop = project.folder / "src/dormouse/training/loop.py"
    loop.write_text(loop.read_text().replace("DROP = 0.1", "DROP = 0.2"))
    said, log = trained(1)
    assert "Files that differ: dormouse/training/loop.py. To train anew: rm -rf results/trained/run/" in said
    assert "epoch 1 is there" in log
    before = os.stat(project.folder / epoch_1).st_mtime_ns
    assert "goes on after epoch 4" in trained(5)[1]
    assert os.stat(project.folder / epoch_1).st_mtime_ns == before
    image = project.folder / "pictures/train/cat/1.png"
    image.write_bytes(image.read_bytes()[:-1] + b"0")
    os.utime(image, (0, 0))
    said = project.run("--dry-run", *targets, config=asked(5))
    assert "rule train_network:" in said
    assert "rule keep_epoch:" in said


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


def test_grey_images_of_cifar_are_the_same_in_training_and_scoring(cifar):
    grey = np.random.default_rng(0).integers(256, size=(4, 32, 32), dtype=np.uint8)
    pixels = np.broadcast_to(grey[:, None], (4, 3, 32, 32)).reshape(4, -1)
    np.concatenate([np.zeros((4, 1), np.uint8), pixels], axis=1).tofile(cifar / "test_batch.bin")
    for size, tolerance in ((32, 1e-5), (20, 1 / 255 / 0.19), (64, 1 / 255 / 0.19)):  # scenes are rounded to 8 bits twice
        recipe = {"size": size, "range": 1, "interpolation": "bilinear"} | NORMALISATIONS["cifar10"]
        seen = torch.stack([image for image, _ in read_images("cifar10", str(cifar), size)[1]])
        assert np.abs(preprocess(grey, recipe) - seen.numpy()).max() < tolerance


def test_a_network_of_google_that_is_trained_here_takes_its_input_as_it_is(tmp_path):
    spec = {"source": "torchvision", "name": "googlenet", "file": None, "seed": 0, "options": {"num_classes": 3}}
    write_state(build(spec), tmp_path / "weights.safetensors")
    assert not build(spec | {"file": str(tmp_path / "weights.safetensors")}).transform_input


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


@pytest.mark.parametrize("spoil", ["missing", "short", "of CIFAR-100"])
def test_a_spoilt_file_of_cifar_is_named(cifar, spoil):
    path = cifar / "data_batch_3.bin"
    path.unlink() if spoil == "missing" else path.write_bytes(b"123" if spoil == "short" else b"\n" * 3073)
    with pytest.raises(
        InputError, match=r"data_batch_3.bin: (no such file|3 bytes, no multiple of 3073|class 10 of 10, counted from 0); exp"
    ):
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


def test_hidden_files_and_folders_are_no_images(tmp_path):
    make_folder(tmp_path, {"train": ["cat", "dog", ".ipynb_checkpoints"], "val": ["cat", "dog"]})
    before = images_hash("folder", str(tmp_path))
    for name in ("train/cat/._1.png", "train/._cat", "val/.DS_Store"):
        (tmp_path / name).write_bytes(b"\0")
    images_hash.cache_clear()
    assert images_hash("folder", str(tmp_path)) == before
    train_images, test = read_images("folder", str(tmp_path), 8)
    assert [label for _, label in train_images] == [label for _, label in test] == [0, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train/cat/notes.txt", r"notes.txt: no image by its name; expected .bmp, .jpeg"),
        ("train/more/notes", r"more/notes: no image by its name"),
        ("val/2.png", r"val/2.png: not in the folder of a class"),
        ("train/empty", r"train/empty: no image; expected those of a class"),
        ("val", r"val: no such folder; expected images in train/CLASS/ and val/CLASS/"),
        ("val/dog", r"train has 2 classes, val 1; they must be the same. In one alone: dog\."),
    ],
)
def test_what_a_folder_of_images_lacks_or_holds_besides_is_named(tmp_path, name, message):
    make_folder(tmp_path, {"train": ["cat", "dog"], "val": ["cat", "dog"]})
    path = tmp_path / name
    if path.exists():
        shutil.rmtree(path)
    elif path.suffix or path.name == "notes":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    else:
        path.mkdir()
    with pytest.raises(InputError, match=f"^{tmp_path}.*{message}"):
        read_images("folder", str(tmp_path), 64)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"x"), "not a readable image"),
        (lambda path: Image.new("RGB", (40, 50)).save(path) or path.write_bytes(path.read_bytes()[:-40]), "not a readable"),
        (lambda path: Image.new("RGBA", (40, 50), (9, 9, 9, 254)).save(path), "has transparent pixels"),
        (lambda path: Image.new("P", (40, 50)).save(path, transparency=0), "has transparent pixels"),
        (lambda path: Image.new("I;16", (40, 50)).save(path), r"an image of mode I;16; expected 8 bits a channel"),
        (lambda path: Image.new("L", (9, 9)).save(path, save_all=True, append_images=[Image.new("L", (9, 9), 1)]), "2 pages"),
    ],
)
def test_an_image_that_rgb_does_not_hold_is_refused_by_whoever_reads_it(tmp_path, make, message):
    make_folder(tmp_path, {"train": ["cat", "dog"], "val": ["cat", "dog"]})
    make(tmp_path / "val/dog/1.png")
    images = read_images("folder", str(tmp_path), 16)
    with pytest.raises(InputError, match=rf"^{tmp_path}/val/dog/1.png: .*{message}"):
        train(small(), images, RECIPE | {"epochs": 0}, tmp_path / "run", threads=1)


def test_an_image_is_learned_from_as_it_is_seen(tmp_path):
    make_folder(tmp_path, {"train": ["a"], "val": ["a", "b", "c", "d"], "nothing": []})
    shutil.copytree(tmp_path / "val", tmp_path / "train", dirs_exist_ok=True)
    half = Image.fromarray(np.repeat(np.repeat(np.uint8([[0, 255]]), 300, axis=0), 150, axis=1))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    half.save(tmp_path / "val/a/1.png")
    half.rotate(180).save(tmp_path / "val/b/1.png", exif=exif)
    half.convert("RGBA").save(tmp_path / "val/c/1.png")
    half.convert("RGB").save(tmp_path / "val/d/1.png")
    images = [image for image, _ in read_images("folder", str(tmp_path), 16)[1]]
    assert all(torch.equal(images[0], image) for image in images)


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
    monkeypatch.setattr(sources, "FOLDER", tmp_path / "tables")
    assert training_spec("mousenet_digits", config)["code"] == before
    (tmp_path / "tables/laminar.tsv").write_text("changed")
    assert training_spec("mousenet_digits", config)["code"] != before
    assert training_spec("vgg16_imagenet", config)["code"] is None
