"""Mutations of arrays, HDF5 files and images, by their structure."""

import io
import struct
import zipfile
from functools import cache
from random import Random
from zlib import crc32

import h5py
import numpy as np
from mutators import NAMES
from PIL import Image

BOMB_BYTES, BOMB_SHARE = 5 << 28, 0.01  # few, because each takes a second
TYPES = [
    "f2",
    "f4",
    "f8",
    "i1",
    "i8",
    "u1",
    "u8",
    "c8",
    "c16",
    "?",
    "S5",
    "U5",
    "M8[s]",
    "m8[D]",
    "V3",
    "O",
    ">f8",
    "f4,i2",
    "(2,)f4",
]
SHAPES = [(), (0,), (1,), (3,), (0, 0), (2, 0, 3), (1, 1, 1, 1), (6, 8, 10), (5, 8, 10), (8, 8), (7, 7), (8, 10)]
NUMBERS = [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, 1.0, -1.0, 2.0, 1e-320]


def odd_array(array: np.ndarray, rng: Random) -> np.ndarray:
    """Return an array of another type, shape or content."""
    array = np.array(array)
    match rng.choice(["type", "type", "shape", "cut", "number", "number", "all", "turn", "text", "axis"]):
        case "type":
            kind = np.dtype(rng.choice(TYPES))
            return (
                np.zeros(array.shape, kind)
                if kind.kind in "MmV" or array.dtype.kind in "US"
                else array.astype(kind, casting="unsafe")
            )
        case "shape":
            return np.zeros(rng.choice(SHAPES), rng.choice([array.dtype, np.dtype("f4"), np.dtype("i8")]))
        case "cut" if array.ndim:
            return array[tuple(slice(rng.choice([0, 0, 1]), rng.choice([None, None, -1])) for _ in array.shape)]
        case "number" if array.size and array.dtype.kind in "fiu":
            array = array.astype(rng.choice([array.dtype, np.dtype("f8")]))
            with np.errstate(all="ignore"):
                array[tuple(rng.choice([slice(None), rng.randrange(n)]) for n in array.shape)] = np.array(
                    rng.choice(NUMBERS)
                ).astype(array.dtype)
            return array
        case "all":
            return np.full(array.shape, rng.choice(NUMBERS))
        case "turn":
            return array.T
        case "text":
            return np.full(array.shape, rng.choice(NAMES)[:500])
    return array[None]


def in_npz(content: bytes, rng: Random) -> bytes:
    """Change arrays of an .npz file, their names, or what the archive says of them."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = dict(stored)
    if rng.random() < BOMB_SHARE:
        first, *_ = arrays
        return _archive({name: array for name, array in arrays.items() if name != first}, rng, bomb(first))
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice([*arrays, "new"])
        match rng.choice(["array", "array", "array", "array", "remove", "rename", "add", "lie", "member"]):
            case "array" if name in arrays:
                arrays[name] = odd_array(arrays[name], rng)
            case "remove":
                arrays.pop(name, None)
            case "rename":
                arrays[rng.choice([*NAMES, *arrays])] = arrays.pop(name, np.zeros(3))
            case "add":
                arrays[rng.choice([*NAMES, "running_speed", "stimulus"])] = odd_array(arrays.get(name, np.zeros(3)), rng)
            case "lie":
                arrays[name] = _lying(rng)
            case "member":
                arrays[name] = rng.randbytes(100)
    return _archive(arrays, rng)


def _lying(rng: Random) -> bytes:
    """Return an array whose header says something else."""
    shape = rng.choice([(2**40,), (10**6, 10**6), (2**62, 4), (-1,), (8, 8, 2**33)])
    odd = rng.choice(["", "", "", "__import__('os').system('touch ran')", "(" * 5000, "{'descr': 'f4'}"])
    return _header(shape, rng.choice(["<f4", "<f8", "|u1", "|O", "<U9", "|S1000000"]), odd) + bytes(64)


def _header(shape: tuple, kind: str, odd: str = "") -> bytes:
    text = odd or f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@cache  # takes seconds
def bomb(name: str) -> bytes:
    """Return an .npz file of a megabyte that holds an array of more memory than a reader may take."""
    file, header = io.BytesIO(), _header((BOMB_BYTES // 4,), "<f4")
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        member.write(header)
        for _ in range(BOMB_BYTES >> 20):
            member.write(bytes(1 << 20))
    return file.getvalue()


def _archive(arrays: dict, rng: Random, first: bytes = b"") -> bytes:
    """Write arrays, and bytes in the place of arrays, as an .npz file, behind those of another one."""
    file = io.BytesIO(first)
    ending = rng.choice([".npy"] * 8 + ["", ".NPY", ".npy.npy"])
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            part = array
            if not isinstance(array, bytes):
                held = io.BytesIO()
                np.save(held, array, allow_pickle=True)
                part = held.getvalue()
            archive.writestr(f"{name}{ending}"[:60000], part, compresslevel=1)
    return file.getvalue()


def in_hdf5(content: bytes, rng: Random) -> bytes:
    """Change, remove or rename a part of an HDF5 file."""
    held = io.BytesIO(content)
    with h5py.File(held, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        match rng.choice(["array", "array", "array", "remove", "move", "group", "attribute", "link"]):
            case "array" if isinstance(file[name], h5py.Dataset):
                _put(file, name, rng)
            case "remove":
                del file[name]
            case "move":
                file.move(name, rng.choice([f"{name}_", "x"]))
            case "group":
                del file[name]
                file.create_group(name)
            case "attribute":
                at = file[rng.choice([name, "/"])].attrs
                at[rng.choice([*at, "nwb_version"])] = rng.choice(["2.0", "", 3, np.nan, "x" * 300, b"\xff"])
            case "link":
                del file[name]
                file[name] = rng.choice(
                    [h5py.SoftLink("/nowhere"), h5py.SoftLink(f"/{name}"), h5py.ExternalLink("none.h5", "/x")]
                )
    return held.getvalue()


def _put(file: h5py.File, name: str, rng: Random) -> None:
    value = file[name][()]
    if isinstance(value, bytes | str | h5py.Empty) or file[name].dtype.kind == "O":
        new = rng.choice(
            [
                b"\xff\xfe",
                "",
                "x",
                "175",
                "-1 microns",
                "nan um",
                3,
                np.nan,
                np.zeros(2),
                "three_session_B",
                "x" * 5000,
                ["a", "b"],
            ]
        )
    else:
        new = odd_array(np.asarray(value), rng)
    del file[name]
    try:
        file[name] = new
    except (TypeError, ValueError):  # what HDF5 cannot hold
        file[name] = np.zeros(3)


# --- images

MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F", "HSV", "LAB"]


def in_image(kind: str):
    """Return what saves an image in another mode, size or with other frames, or changes what a PNG says of its size."""

    def mutate(content: bytes, rng: Random) -> bytes:
        image = Image.open(io.BytesIO(content))
        size = rng.choice([image.size, image.size, (1, 1), (32, 25), (3000, 2), (33, 24)])
        options = rng.choice([{}, {"save_all": True, "append_images": [image.copy()]}, {"exif": _exif(rng)}, {"dpi": (0, 0)}])
        held = io.BytesIO()
        try:
            image.convert(rng.choice(MODES)).resize(size).save(
                held, rng.choice([kind, kind, "PNG", "TIFF", "JPEG", "GIF"]), **options
            )
        except (OSError, ValueError, KeyError, TypeError):  # a format that cannot hold it
            image.save(held, "PNG")
        content = bytearray(held.getvalue())
        if content[1:4] == b"PNG" and rng.random() < 0.3:
            content[16:24] = struct.pack(">II", *(rng.choice([0, 1, 24, 20_000, 100_000, 2**31 - 1]) for _ in range(2)))
            content[29:33] = struct.pack(">I", crc32(content[12:29]))
        return bytes(content)

    return mutate


def _exif(rng: Random) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = rng.choice([0, 1, 3, 6, 8, 9, 255])  # orientation
    return exif.tobytes()
