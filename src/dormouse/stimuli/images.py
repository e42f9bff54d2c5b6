"""The images shown to the animals: which files are images, their order, reading them as grey, and the blank."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from dormouse.errors import InputError
from dormouse.files import read_arrays, write_arrays
from dormouse.given import check_file, list_files

BLANK = "blank"
ORIGINAL = "original"  # the set of the images as they are, before other sets that networks may see of them
# ASSUME the grey screen between scenes had the middle of the grey scale; the template stack does not hold it
BLANK_GREY = 127
JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
ENDINGS = (".png", ".tif", ".tiff", *JPEG)  # of images that are read, in any case
FORMATS = ("PNG", "TIFF", "JPEG")  # Pillow's names
MOST_FILE_BYTES, MOST_PIXELS = 1 << 30, 1 << 26  # of one image; the pixels of 8,192 x 8,192
# endings of other images, which are refused; a file with any other ending is not taken for an image
UNREAD = (
    *(".apng", ".avif", ".bmp", ".dcm", ".dib", ".dng", ".emf", ".eps", ".exr", ".gif", ".hdr", ".heic", ".heif", ".ico"),
    *(".j2k", ".jp2", ".jpx", ".jxl", ".pbm", ".pcx", ".pgm", ".pnm", ".ppm", ".psd", ".raw", ".svg", ".tga", ".webp", ".xcf"),
)
EIGHT_BIT = {"1", "L", "LA", "RGB", "RGBA", "P"}  # modes of Pillow, which turns one bit into 0 and 255
OPAQUE = 255  # alpha
MPO_ENTRIES = 0xB002  # tag of the list of images in a JPEG that holds several
SIGNED, SAMPLE_FORMAT = 2, 339  # value and tag by which a TIFF file says that its numbers have a sign
NUMBER = re.compile("[0-9]+")


@dataclass(frozen=True)
class Stimuli:
    """Images in the order of the response arrays."""

    images: np.ndarray  # (n_images, height, width) uint8, grey
    names: np.ndarray  # (n_images,) str


def image_hash(image: np.ndarray) -> str:
    """Return the SHA-256 of the pixels of an image (height, width) uint8, row by row."""
    return sha256(np.ascontiguousarray(image)).hexdigest()


def image_hashes(stimuli: Stimuli) -> np.ndarray:
    """Return the SHA-256 of each image, (n_images,) str."""
    return np.array([image_hash(image) for image in stimuli.images])


def with_blank(stimuli: Stimuli) -> Stimuli:
    """Return the stimuli with one uniform grey image after them."""
    grey = np.full((1, *stimuli.images.shape[1:]), BLANK_GREY, np.uint8)
    return Stimuli(np.concatenate([stimuli.images, grey]), np.append(stimuli.names, BLANK))


def image_files(folder: str | Path) -> list[Path]:
    """Return the images of a folder, sorted by name, which is the order of the stimuli.

    Raises InputError where there are none, where two names differ only in the ending, and for formats that are not read.
    """
    files, others = list_files(folder, ENDINGS)
    unread = [file.name for file in others if file.suffix.lower() in UNREAD]
    if unread:
        raise InputError(
            f"{folder}: {unread[0]} is of a format that is not read ({len(unread)} such files); expected PNG, TIFF or JPEG. "
            "Convert what was shown to PNG, and take the rest out of the folder."
        )
    if not files:
        raise InputError(
            f"{folder}: no images; expected one PNG, TIFF or JPEG file per stimulus. Is it the folder that dataset.yaml names "
            "under stimuli?"
        )
    by_stem: dict[str, Path] = {}
    for file in files:
        check_file(file, most_bytes=MOST_FILE_BYTES)
        if set("{}<>") & set(file.name):
            raise InputError(f"{file}: rename it without braces and < >, which Snakemake takes for wildcards.")
        other = by_stem.setdefault(file.stem.casefold(), file)
        if other is not file:
            raise InputError(f"{folder}: {other.name} and {file.name} would be one stimulus; take one away or rename it.")
    return files


def image_notes(folder: str | Path) -> list[str]:
    """Return notes for the user on a folder of images: files that are not images, and a warning if some are JPEG."""
    files, others = list_files(folder, ENDINGS)
    notes = [f"{folder}: no images, and not read: {listed(others)}."] if others else []
    n_jpeg = sum(file.suffix.lower() in JPEG for file in files)
    if n_jpeg:
        notes.append(
            f"{folder}: {n_jpeg} of {len(files)} images are JPEG, whose compression changes pixels. Networks see the files as "
            "they are: if the screen showed the images from before compression, give those, as PNG or TIFF."
        )
    return notes


def listed(paths: Sequence[Path], most: int = 5) -> str:
    """Return the names of files and folders as text, at most the first few."""
    names = [path.name + "/" * path.is_dir() for path in paths]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def check_order(files: Sequence[Path]) -> None:
    """Raise InputError where names sort differently as text than by number, as 1.png, 10.png, 2.png do.

    The message holds a command for each of the two orders, which renames the files so that both ways of sorting agree.
    """
    names = [file.name for file in files]
    width = max((len(number) for name in names for number in NUMBER.findall(name)), default=0)
    padded = [NUMBER.sub(lambda number: number[0].zfill(width), name) for name in names]
    wrong = [k for k in range(1, len(names)) if padded[k] < padded[k - 1]]
    if not wrong:
        return
    folder = files[0].parent
    by_number = f"re.sub('[0-9]+',lambda n:n[0].zfill({width}),f)"
    by_text = f"str(i).zfill({len(str(len(names) - 1))})+'_'+f"
    pad = (
        _rename_command(folder, by_number)
        if len({name.casefold() for name in padded}) == len(names)
        else ("rename by hand, as names that differ in leading zeros alone would become one")
    )
    raise InputError(
        f"{folder}: which row is which image? Sorted as text, {names[wrong[0] - 1]} comes before {names[wrong[0]]}; by number "
        f"it comes behind. If rows follow the numbers, pad them: {pad} - If they follow the text, number the names: "
        f"{_rename_command(folder, by_text)} - Or store the names of the images, in the order of the rows, as `stimulus` in "
        "every response file (or in similarity.npz)."
    )


def _rename_command(folder: Path, name: str) -> str:
    """Return a shell command that renames the images of a folder; `name` is Python code of the name f and the index i."""
    # shells change some characters within double quotes, but no backslash before a letter
    place = re.sub(r"[^\w./: -]", lambda found: f"\\U{ord(found[0]):08x}", folder.resolve().as_posix(), flags=re.ASCII)
    images = f"f for f in os.listdir() if f.lower().endswith({ENDINGS}) and not f.startswith('.')"
    return f"python -c \"import os,re;os.chdir('{place}');[os.rename(f,{name}) for i,f in enumerate(sorted({images}))]\""


def read_images(files: Sequence[str | Path], background: int | None = None) -> Stimuli:
    """Read image files as grey, turned as their EXIF data say.

    Parameters
    ----------
    background : grey of the screen, 0 to 255, that shows through transparent pixels; None if unknown

    Raises InputError for a file that is not an image, has another size, several images or more than 8 bits a channel, or has
    transparent pixels while `background` is None.
    """
    files = [Path(file) for file in files]
    images = [_read_grey(file, background) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            raise InputError(
                f"{file}: {image.shape[0]} x {image.shape[1]} pixels, but {files[0].name} has "
                f"{images[0].shape[0]} x {images[0].shape[1]}; all stimuli must be of one size."
            )
    return Stimuli(np.stack(images), np.array([file.stem for file in files]))


def _read_grey(file: Path, background: int | None) -> np.ndarray:
    with open_image(file, FORMATS, EIGHT_BIT) as image:
        if image.has_transparency_data:
            return _on_background(image.convert("RGBA"), background, file)
        return np.asarray(image.convert("L"))


@contextmanager
def open_image(file: Path, formats: Sequence[str], modes: Collection[str]) -> Iterator[Image.Image]:
    """Give an image that was read whole, turned as its EXIF data say.

    Parameters
    ----------
    formats, modes : those that are read, by Pillow's names; the modes have at most 8 bits a channel

    Raises InputError where the file is no such image or damaged, where it holds several images or too many pixels, and where
    Pillow would clip its values or leave out a part without a warning.
    """
    check_file(file, most_bytes=MOST_FILE_BYTES)
    try:
        # opened here: given a path, Pillow maps the file into memory and scrambles a TIFF that it has to turn
        with open(file, "rb") as opened, Image.open(opened, formats=formats) as image:
            _check_pixels(image, file, modes)
            image.load()  # turns a TIFF itself; the next line then finds nothing to do
            ImageOps.exif_transpose(image, in_place=True)
            yield image
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{file}: expected at most {MOST_PIXELS:,} pixels. Scale it down ({error}).") from error
    except Exception as error:  # Pillow's readers each raise their own
        expected = f"{', '.join(formats[:-1])} or {formats[-1]}"
        raise InputError(f"{file}: not a readable image. Replace or remove it. Expected {expected}.") from error


def _check_pixels(image: Image.Image, file: Path, modes: Collection[str]) -> None:
    """Raise InputError for images that Pillow would read only in part, or clip, without a warning, and for huge ones."""
    if image.width * image.height > MOST_PIXELS:
        raise InputError(f"{file}: {image.width} x {image.height} pixels; expected at most {MOST_PIXELS:,}. Scale it down.")
    n_images = _count_images(image)
    if n_images > 1:
        raise InputError(f"{file}: {n_images} frames or pages; expected one image. Save the one that is meant alone.")
    stored = {str(part[-1] if isinstance(part[-1], str) else part[-1][0]) for part in image.tile}  # as "RGB;16B"
    if image.mode not in modes or (image.format != "BMP" and any(";16" in kind for kind in stored)):  # 16 bits of BMP are few
        kind = ", ".join(sorted(stored)) or image.mode
        raise InputError(f"{file}: pixels of mode {kind}; expected up to 8 bits a channel, grey or RGB. Convert the image.")
    if image.format == "TIFF" and any("X" in kind for kind in stored):
        raise InputError(f"{file}: a channel beyond RGB that may be alpha; say so in the file, or save it without.")
    if SIGNED in np.atleast_1d(getattr(image, "tag_v2", {}).get(SAMPLE_FORMAT, ())):
        raise InputError(f"{file}: pixels with a sign; expected 0 to 255. Convert the image.")


def _count_images(image: Image.Image) -> int:
    """Return the number of images in a file, without the previews that cameras add to a JPEG."""
    if image.format != "MPO":
        return getattr(image, "n_frames", 1)
    kinds = [part["Attribute"]["MPType"] for part in image.mpinfo[MPO_ENTRIES]]
    return sum(not kind.startswith("Large Thumbnail") for kind in kinds)


def _on_background(image: Image.Image, background: int | None, file: Path) -> np.ndarray:
    """Return an RGBA image as grey, (height, width) uint8, on a uniform grey background."""
    grey, alpha = (np.asarray(part) for part in (image.convert("L"), image.getchannel("A")))
    if (alpha == OPAQUE).all():
        return grey
    if background is None:
        raise InputError(
            f"{file}: {(alpha < OPAQUE).sum()} of {alpha.size} pixels are transparent, and what the screen showed there is "
            "not known. Name its grey in dataset.yaml, 0 to 255, as `background: 127`; or save the images without alpha, as "
            "they looked on the screen."
        )
    over = grey * (alpha / OPAQUE) + background * (1 - alpha / OPAQUE)
    return np.rint(over).astype(np.uint8)


def write_stimuli(path: str | Path, stimuli: Stimuli) -> None:
    """Write stimuli, and the hash of each, to an .npz file."""
    write_arrays(path, {"images": stimuli.images, "names": stimuli.names, "sha256": image_hashes(stimuli)})


def read_stimuli(path: str | Path) -> Stimuli:
    """Read what `write_stimuli` wrote."""
    return Stimuli(**read_arrays(path, "images", "names"))


def read_hashes(path: str | Path) -> dict[str, str]:
    """Read the SHA-256 of each stimulus, by its name."""
    stored = read_arrays(path, "names", "sha256")
    return dict(zip(stored["names"], stored["sha256"], strict=True))


def read_names(path: str | Path) -> np.ndarray:
    """Read only the names of the stimuli, (n_images,)."""
    return read_arrays(path, "names")["names"]


def description_table(names: Sequence[str], described: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return the table `stimuli`: the images in order, with a row for each thing that is said of an image, or one for none.

    Parameters
    ----------
    described : value by property, by name of the image
    """
    rows = [
        {"stimulus": name, "number": number, "property": key, "value": value}
        for number, name in enumerate(names, start=1)
        for key, value in (described.get(name) or {None: None}).items()
    ]
    return pd.DataFrame(rows)
