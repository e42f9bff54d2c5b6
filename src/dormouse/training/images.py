"""Images that networks are trained on: the digits of scikit-learn, CIFAR-10, or a folder of images such as ImageNet."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

from dormouse.errors import InputError
from dormouse.given import check_file
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.specification import NORMALISATIONS, SEEN_AS
from dormouse.stimuli.images import EIGHT_BIT, OPAQUE, open_image
from dormouse.training.image_files import CIFAR, cifar_files, class_files

CIFAR_PX, CIFAR_RECORD, CIFAR_CLASSES, CIFAR_MOST_BYTES = 32, 1 + 3 * 32 * 32, 10, 1 << 28
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # Pillow's names
COLOURS = {*EIGHT_BIT, "PA", "CMYK", "YCbCr"}  # modes of Pillow that lose nothing in RGB
TEST_SHARE = 0.2  # of the digits of every class
PADDING_PX = 4  # zeros around images of CIFAR-10 before a random crop
CROPPED = (0.4, 1.0)  # random crops of images of a folder, as a share of their area


class Augmented(Dataset):
    """Images in memory, changed at random each time one is read."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]):
        self.images, self.labels, self.change = images, labels, change

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.change(self.images[place]), self.labels[place]


class ImageFiles(Dataset):
    """Images in files, by class, each read when it is needed."""

    def __init__(self, classes: Mapping[str, Sequence[Path]], see: Callable[[Image.Image], torch.Tensor]):
        self.files = [(file, label) for label, files in enumerate(classes.values()) for file in files]
        self.see = see

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        file, label = self.files[place]
        return self.see(read_colours(file)), label


def read_images(kind: str, folder: str | None, input_px: int) -> tuple[Dataset, Dataset]:
    """Return training and test images, each a data set of pairs: an image (3, input_px, input_px) float32 and its class.

    Parameters
    ----------
    kind : one of `KINDS`
    folder : for cifar10 the folder of its binary files (data_batch_1.bin and so on), for folder one with train/CLASS/ and
        val/CLASS/, for digits None

    Raises InputError where files are missing, have another size or are no images.
    """
    return KINDS[kind](Path(folder) if folder else None, input_px)


def digits(folder: None, input_px: int) -> tuple[Dataset, Dataset]:
    """Return the 1,797 handwritten digits of scikit-learn, 8 x 8 pixels each; a fifth of every class is for testing."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    split = train_test_split(found.images, found.target, test_size=TEST_SHARE, random_state=0, stratify=found.target)
    parts = [torch.from_numpy(np.ascontiguousarray(part)) for part in split]
    seen = [_resized(part.float()[:, None].expand(-1, 3, -1, -1) / 16, input_px) for part in parts[:2]]
    train, test = (TensorDataset(normalised(part, "digits"), labels) for part, labels in zip(seen, parts[2:], strict=True))
    return train, test


def cifar10(folder: Path, input_px: int) -> tuple[Dataset, Dataset]:
    """Return CIFAR-10 from its binary files. Training images are cropped and mirrored at random, as in Shi et al."""
    read = [_read_cifar(file) for file in cifar_files(folder)]
    images, labels = (torch.cat(part) for part in zip(*read[: len(CIFAR["train"])], strict=True))
    tested, answers = read[-1]

    def change(image: torch.Tensor) -> torch.Tensor:
        padded, (top, left) = F.pad(image.float() / 255, (PADDING_PX,) * 4), torch.randint(2 * PADDING_PX + 1, (2,)).tolist()
        cropped = padded[:, top : top + CIFAR_PX, left : left + CIFAR_PX]
        return see(cropped.flip(-1) if torch.rand(()) < 0.5 else cropped)

    def see(image: torch.Tensor) -> torch.Tensor:
        return normalised(_resized(image[None], input_px), "cifar10")[0]

    return Augmented(images, labels, change), Augmented(tested, answers, lambda image: see(image.float() / 255))


def _read_cifar(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (n, 3, 32, 32) uint8 and classes (n,) from a binary file; each record is a class and its pixels."""
    check_file(path, most_bytes=CIFAR_MOST_BYTES)
    held, expected = np.fromfile(path, np.uint8), "expected a file of the binary version of CIFAR-10."
    if len(held) % CIFAR_RECORD or not len(held):
        raise InputError(f"{path}: {len(held)} bytes, no multiple of {CIFAR_RECORD}; {expected}")
    records = torch.from_numpy(held.reshape(-1, CIFAR_RECORD))
    if records[:, 0].max() >= CIFAR_CLASSES:
        raise InputError(f"{path}: class {records[:, 0].max()} of {CIFAR_CLASSES}, counted from 0; {expected}")
    return records[:, 1:].reshape(-1, 3, CIFAR_PX, CIFAR_PX), records[:, 0].long()


def image_folder(folder: Path, input_px: int) -> tuple[Dataset, Dataset]:
    """Return the images of train/CLASS and val/CLASS. Training images are cropped and mirrored at random, as in Shi et al."""
    make_torchvision_importable()
    from torchvision import transforms

    mean, sd = (NORMALISATIONS[SEEN_AS["folder"]][key] for key in ("mean", "std"))
    see = [transforms.ToTensor(), transforms.Normalize(mean, sd)]
    crop = [transforms.RandomResizedCrop(input_px, CROPPED), transforms.RandomHorizontalFlip()]
    middle = [transforms.Resize(256), transforms.CenterCrop(224), transforms.Resize((input_px, input_px))]
    train, test = class_files(folder).values()
    return ImageFiles(train, transforms.Compose([*crop, *see])), ImageFiles(test, transforms.Compose([*middle, *see]))


def read_colours(file: Path) -> Image.Image:
    """Return an image in RGB, turned upright as its EXIF data say.

    Raises InputError where `open_image` does, and for transparent pixels.
    """
    with open_image(file, FORMATS, COLOURS) as image:
        if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < OPAQUE:
            raise InputError(f"{file}: has transparent pixels, whose colour is unknown. Put it on a background.")
        return image.convert("RGB")


def normalised(images: torch.Tensor, kind: str) -> torch.Tensor:
    """Return images (n, 3, height, width) from 0 to 1, less the mean and divided by the sd of each channel for their kind."""
    mean, sd = (torch.tensor(NORMALISATIONS[SEEN_AS[kind]][key]) for key in ("mean", "std"))
    return (images - mean[:, None, None]) / sd[:, None, None]


def _resized(images: torch.Tensor, input_px: int) -> torch.Tensor:
    return F.interpolate(images, size=input_px, mode="bilinear", antialias=True)


KINDS = {"digits": digits, "cifar10": cifar10, "folder": image_folder}
