"""Images to train on: digits, CIFAR-10 and folders; what is read, and what is refused."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from training_runs import RECIPE, make_folder, small

from dormouse.errors import InputError
from dormouse.models.specification import NORMALISATIONS
from dormouse.stimuli.preprocessing import preprocess
from dormouse.training.images import read_images
from dormouse.training.loop import train
from dormouse.training.training_key import images_hash

MEAN, SD, CIFAR_MEAN, CIFAR_SD = (
    torch.tensor(NORMALISATIONS[name][key]) for name in ("imagenet", "cifar10") for key in ("mean", "std")
)


def test_grey_images_of_cifar_are_the_same_in_training_and_scoring(cifar):
    grey = np.random.default_rng(0).integers(256, size=(4, 32, 32), dtype=np.uint8)
    pixels = np.broadcast_to(grey[:, None], (4, 3, 32, 32)).reshape(4, -1)
    np.concatenate([np.zeros((4, 1), np.uint8), pixels], axis=1).tofile(cifar / "test_batch.bin")
    for size, tolerance in ((32, 1e-5), (20, 1 / 255 / 0.19), (64, 1 / 255 / 0.19)):  # scenes are rounded to 8 bits twice
        recipe = {"size": size, "range": 1, "interpolation": "bilinear"} | NORMALISATIONS["cifar10"]
        seen = torch.stack([image for image, _ in read_images("cifar10", str(cifar), size)[1]])
        assert np.abs(preprocess(grey, recipe) - seen.numpy()).max() < tolerance


def test_digits_are_all_there_and_none_twice(digits):
    train_images, test_images = (part.tensors[0] for part in digits)
    assert (len(train_images), len(test_images)) == (1437, 360)
    assert train_images.shape[1:] == (3, 16, 16)
    raw = torch.cat([train_images, test_images]) * SD[:, None, None] + MEAN[:, None, None]
    assert torch.equal(raw[:, 0].round(decimals=4), raw[:, 2].round(decimals=4))
    assert -1e-6 <= raw.min() <= raw.max() <= 1 + 1e-6
    counts = torch.bincount(digits[1].tensors[1])
    assert counts.min() >= 34


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
        InputError, match=r"data_batch_3.bin: (not found|3 bytes, no multiple of 3073|class 10 of 10, counted from 0); exp"
    ):
        read_images("cifar10", str(cifar), 32)


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
        (lambda path: Image.new("I;16", (40, 50)).save(path), r"pixels of mode I;16B; expected up to 8 bits a channel"),
        (
            lambda path: Image.new("L", (9, 9)).save(path, save_all=True, append_images=[Image.new("L", (9, 9), 1)]),
            "2 frames or pages",
        ),
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
