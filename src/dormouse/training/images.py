"""Images that networks are trained on: digits that scikit-learn brings, CIFAR-10, or a folder of images as ImageNet's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

from dormouse.errors import InputError
from dormouse.models.build import make_torchvision_importable

MEAN, SD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # of ImageNet, for all but CIFAR
CIFAR_MEAN, CIFAR_SD = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
CIFAR_PX, CIFAR_RECORD, CIFAR_FILES = 32, 1 + 3 * 32 * 32, 5
TEST_SHARE = 0.2  # of the digits
PADDING_PX, CROPPED = 4, (0.4, 1.0)  # of random crops of CIFAR, and of a folder, as share of the image


class Augmented(Dataset):
    """Images in memory, changed at random whenever one is asked for."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]):
        self.images, self.labels, self.change = images, labels, change

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.change(self.images[place]), self.labels[place]


def read_images(kind: str, folder: str | None, input_px: int) -> tuple[Dataset, Dataset]:
    """Return images to train on and to test on, pairs of an image (3, input_px, input_px) float32 and its class.

    Parameters
    ----------
    kind : of `KINDS`
    folder : of cifar10 the folder of its binary files (data_batch_1.bin and so on); of folder one with train/CLASS/ and
        val/CLASS/; of digits nothing

    Raises InputError where files are missing or of another size.
    """
    return KINDS[kind](Path(folder) if folder else None, input_px)


def digits(folder: None, input_px: int) -> tuple[Dataset, Dataset]:
    """Return the 1,797 handwritten digits of scikit-learn, 8 x 8 pixels each, a fifth of every class to test on."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    split = train_test_split(found.images, found.target, test_size=TEST_SHARE, random_state=0, stratify=found.target)
    parts = [torch.from_numpy(np.ascontiguousarray(part)) for part in split]
    seen = [_resized(part.float()[:, None].expand(-1, 3, -1, -1) / 16, input_px) for part in parts[:2]]
    train, test = (TensorDataset(normalised(part, MEAN, SD), labels) for part, labels in zip(seen, parts[2:], strict=True))
    return train, test


def cifar10(folder: Path, input_px: int) -> tuple[Dataset, Dataset]:
    """Return CIFAR-10 from its binary files; training images are cropped and mirrored at random, as in Shi et al."""
    train = [_read_cifar(folder / f"data_batch_{k}.bin") for k in range(1, CIFAR_FILES + 1)]
    images, labels = (torch.cat(part) for part in zip(*train, strict=True))
    tested, answers = _read_cifar(folder / "test_batch.bin")

    def change(image: torch.Tensor) -> torch.Tensor:
        padded, (top, left) = F.pad(image.float() / 255, (PADDING_PX,) * 4), torch.randint(2 * PADDING_PX + 1, (2,)).tolist()
        cropped = padded[:, top : top + CIFAR_PX, left : left + CIFAR_PX]
        return see(cropped.flip(-1) if torch.rand(()) < 0.5 else cropped)

    def see(image: torch.Tensor) -> torch.Tensor:
        return normalised(_resized(image[None], input_px), CIFAR_MEAN, CIFAR_SD)[0]

    return Augmented(images, labels, change), Augmented(tested, answers, lambda image: see(image.float() / 255))


def _read_cifar(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (n, 3, 32, 32) uint8 and classes (n,) of a binary file: records of a class and the pixels."""
    if not path.is_file() or path.stat().st_size % CIFAR_RECORD:
        what = f"{path.stat().st_size} bytes, no multiple of {CIFAR_RECORD}" if path.is_file() else "no such file"
        raise InputError(f"{path}: {what}; expected a file of the binary version of CIFAR-10.")
    records = torch.from_numpy(np.fromfile(path, np.uint8).reshape(-1, CIFAR_RECORD))
    return records[:, 1:].reshape(-1, 3, CIFAR_PX, CIFAR_PX), records[:, 0].long()


def image_folder(folder: Path, input_px: int) -> tuple[Dataset, Dataset]:
    """Return the images of train/CLASS and val/CLASS; training images are cropped and mirrored at random, as in Shi et al."""
    make_torchvision_importable()
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    see = [transforms.ToTensor(), transforms.Normalize(MEAN.tolist(), SD.tolist())]
    crop = [transforms.RandomResizedCrop(input_px, CROPPED), transforms.RandomHorizontalFlip()]
    middle = [transforms.Resize(256), transforms.CenterCrop(224), transforms.Resize((input_px, input_px))]
    try:
        train, test = (
            ImageFolder(folder / part, transforms.Compose([*steps, *see]))
            for part, steps in (("train", crop), ("val", middle))
        )
    except FileNotFoundError as error:
        raise InputError(f"{folder}: {error}; expected images in train/CLASS/ and val/CLASS/.") from error
    if train.classes != test.classes:
        raise InputError(f"{folder}: train has {len(train.classes)} classes, val {len(test.classes)}; they must be the same.")
    return train, test


def normalised(images: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
    """Return images (n, 3, height, width) from 0 to 1, less the mean and by the sd of each channel."""
    return (images - mean[:, None, None]) / sd[:, None, None]


def _resized(images: torch.Tensor, input_px: int) -> torch.Tensor:
    return F.interpolate(images, size=input_px, mode="bilinear", antialias=True)


KINDS = {"digits": digits, "cifar10": cifar10, "folder": image_folder}
