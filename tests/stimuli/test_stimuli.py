"""Images as they are read: formats, what is transparent, turned, or of more than 8 bits, and what lies beside them."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dormouse.errors import InputError
from dormouse.stimuli import images
from dormouse.stimuli.images import image_files, image_notes, read_images

SHAPE = (5, 7)
N_CHANNELS = {2: 3, 4: 2, 6: 4}  # by PNG's type of colour: RGB, LA, RGBA


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(1, 255, SHAPE, np.uint8)


@pytest.fixture
def rgb():
    return np.random.default_rng(1).integers(1, 255, (*SHAPE, 3), np.uint8)


def saved(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def read(path, background=None):
    return read_images([path], background).images[0]


def with_alpha(pixels, alpha):
    return np.concatenate([np.atleast_3d(pixels), alpha[..., None]], axis=2).astype(np.uint8)


def luma(rgb):
    """Grey of ITU-R 601-2, in the whole numbers of Pillow."""
    return (rgb.astype(int) @ [19595, 38470, 7471] + 0x8000) >> 16


def oriented(k):
    exif = Image.Exif()
    exif[0x0112] = k
    return exif


# how a viewer shows what is stored with each orientation
TURNED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.T,
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].T,
    8: np.rot90,
}


def png16(path, colour):
    """Write a PNG of 16 bits a channel, which Pillow cannot."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", SHAPE[1], SHAPE[0], 16, colour, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(b"\0" + bytes(2 * N_CHANNELS[colour] * SHAPE[1]) for _ in range(SHAPE[0]))),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with Image.open(path) as image:
        assert image.mode in ("RGB", "RGBA")  # as if of 8 bits
    return path


@pytest.mark.parametrize("ending", ["png", "PNG", "tif", "TIFF", "Tif"])
@pytest.mark.parametrize("orientation", TURNED)
def test_grey_images_are_read_to_the_bit_and_turned_as_a_viewer_shows_them(tmp_path, grey, ending, orientation):
    """Uncompressed TIFF too, which Pillow scrambles where it opens the file by its name."""
    path = saved(tmp_path / f"image.{ending}", grey, exif=oriented(orientation))
    if ending.lower() != "png":
        saved(path, grey, tiffinfo={0x0112: orientation})
    np.testing.assert_array_equal(read(path), TURNED[orientation](grey))


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "jpe", "jfif"])
def test_jpeg_is_read_near_the_original_and_turned(tmp_path, ending):
    grey = np.linspace(0, 255, 35).reshape(SHAPE).astype(np.uint8)
    path = saved(tmp_path / f"image.{ending}", grey, format="JPEG", quality=95, exif=oriented(6))
    np.testing.assert_allclose(read(path).astype(int), TURNED[6](grey).astype(int), atol=16)


def test_colours_palettes_and_opaque_alpha_are_the_same_grey(tmp_path, rgb, grey):
    opaque = np.full(SHAPE, 255)
    for path, expected in (
        (saved(tmp_path / "rgb.png", rgb), luma(rgb)),
        (saved(tmp_path / "rgb.tif", rgb, compression="tiff_lzw"), luma(rgb)),
        (saved(tmp_path / "rgba.png", with_alpha(rgb, opaque)), luma(rgb)),
        (saved(tmp_path / "rgba.tif", with_alpha(rgb, opaque)), luma(rgb)),
        (saved(tmp_path / "la.png", with_alpha(grey, opaque)), grey),
        (saved(tmp_path / "palette.png", grey, "P"), grey),
        (saved(tmp_path / "opaque.png", grey, "P", transparency=bytes([255] * 256)), grey),
        (saved(tmp_path / "key.png", grey, transparency=255), grey),  # a grey that does not occur
        (saved(tmp_path / "bits.png", grey > 99), 255 * (grey > 99)),
        (saved(tmp_path / "bits.tif", grey > 99), 255 * (grey > 99)),
    ):
        np.testing.assert_array_equal(read(path), expected, err_msg=path.name)


def test_transparent_pixels_lie_on_the_grey_of_the_screen(tmp_path, rgb, grey):
    """An aperture, soft at its edge, in every way that a file can tell it."""
    alpha = np.random.default_rng(2).choice([0, 51, 128, 255], SHAPE)
    key = grey[2, 3]
    hard = np.where(grey == key, 0, 255)
    table = np.full(256, 255)
    table[[grey[0, 0], grey[1, 1]]] = 0, 100
    shown = {
        "rgba.png": (saved(tmp_path / "rgba.png", with_alpha(rgb, alpha)), luma(rgb), alpha),
        "rgba.tif": (saved(tmp_path / "rgba.tif", with_alpha(rgb, alpha)), luma(rgb), alpha),
        "la.png": (saved(tmp_path / "la.png", with_alpha(grey, alpha)), grey, alpha),
        "key.png": (saved(tmp_path / "key.png", grey, transparency=int(key)), grey, hard),
        "palette.png": (saved(tmp_path / "palette.png", grey, "P", transparency=bytes(table.tolist())), grey, table[grey]),
    }
    one = tuple(map(int, rgb[4, 4]))
    of_one = np.where((rgb == one).all(axis=2), 0, 255)
    shown["colour.png"] = saved(tmp_path / "colour.png", rgb, transparency=one), luma(rgb), of_one
    shown["bit.png"] = saved(tmp_path / "bit.png", grey > 99, transparency=0), 255 * (grey > 99), 255 * (grey > 99)
    for name, (path, pixels, opacity) in shown.items():
        for background in (0, 127, 255):
            expected = pixels * opacity / 255 + background * (1 - opacity / 255)
            np.testing.assert_allclose(read(path, background), expected, atol=0.5 + 1e-9, err_msg=name)
            np.testing.assert_array_equal(read(path, background)[opacity == 0], background)
        n = (opacity < 255).sum()
        with pytest.raises(
            InputError, match=rf"{name}: {n} of 35 pixels are transparent.*`background: 127`; or save.*without"
        ):
            read(path)


def animation(path, grey, **options):
    frames = [Image.fromarray(grey), Image.fromarray(255 - grey)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


@pytest.mark.parametrize(
    ("name", "make", "pattern"),
    [
        ("pages.tif", animation, "2 frames or pages; expected one image"),
        ("frames.png", animation, "2 frames or pages; expected one image"),
        ("phone.jpg", lambda path, grey: animation(path, grey, format="MPO"), "2 frames or pages; expected one image"),
        ("grey16.png", lambda path, grey: saved(path, grey.astype(np.uint16)), "mode I;16.*expected up to 8 bits"),
        ("grey16.tif", lambda path, grey: saved(path, grey.astype(np.uint16)), "mode I;16.*expected up to 8 bits"),
        ("rgb16.png", lambda path, grey: png16(path, 2), "mode RGB;16B; expected up to 8 bits"),
        ("la16.png", lambda path, grey: png16(path, 4), "mode LA;16B; expected up to 8 bits"),
        ("rgba16.png", lambda path, grey: png16(path, 6), "mode RGBA;16B; expected up to 8 bits"),
        ("int32.tif", lambda path, grey: saved(path, grey.astype(np.int32)), "expected up to 8 bits"),
        ("float.tif", lambda path, grey: saved(path, grey.astype(np.float32)), "mode F;32F; expected up to 8 bits"),
        ("cmyk.tif", lambda path, grey: saved(path, grey, "CMYK"), "mode CMYK; expected up to 8 bits a channel, grey or RGB"),
        ("cmyk.jpg", lambda path, grey: saved(path, grey, "CMYK"), "mode CMYK.*; expected up to 8 bits"),
        ("lab.tif", lambda path, grey: Image.new("LAB", SHAPE).save(path), "mode LAB; expected up to 8 bits"),
        ("fourth.tif", lambda path, grey: Image.new("RGBX", SHAPE).save(path), "a channel beyond RGB that may be alpha"),
        ("signed.tif", lambda path, grey: saved(path, grey, tiffinfo={339: 2}), "pixels with a sign; expected 0 to 255"),
        ("gif.png", lambda path, grey: saved(path, grey, format="GIF"), "not a readable image.*Expected PNG, TIFF or JPEG"),
        ("empty.tif", lambda path, grey: path.write_bytes(b""), "not a readable image"),
        ("folder.png", lambda path, grey: path.mkdir(), "a folder; expected a file"),
    ],
)
def test_what_would_be_read_in_part_or_clipped_is_refused(tmp_path, grey, name, make, pattern):
    make(tmp_path / name, grey)
    with pytest.raises(InputError, match=rf"{name}: .*{pattern}"):
        read(tmp_path / name, background=127)


def test_previews_of_a_camera_are_no_further_images(tmp_path, grey):
    path = animation(tmp_path / "phone.jpg", grey, format="MPO", quality=95)
    content = bytearray(path.read_bytes())
    first = content.rindex(struct.pack("<I", 0x030000), 0, 200)  # the primary image; an entry has 16 bytes
    content[first + 16 : first + 20] = struct.pack("<I", 0x010001)  # a preview, Large Thumbnail
    path.write_bytes(content)
    np.testing.assert_allclose(read(path).astype(int), grey.astype(int), atol=60)


def test_an_image_has_no_more_pixels_than_it_may(tmp_path, grey, monkeypatch):
    path = saved(tmp_path / "image.png", grey)
    monkeypatch.setattr(images, "MOST_PIXELS", 35)
    np.testing.assert_array_equal(read(path), grey)
    monkeypatch.setattr(images, "MOST_PIXELS", 34)
    with pytest.raises(InputError, match=r"image\.png: 7 x 5 pixels; expected at most 34\. Scale it down\."):
        read(path)
    monkeypatch.setattr(images, "MOST_FILE_BYTES", path.stat().st_size - 1)
    for refuses in (image_files, lambda folder: read(path)):
        with pytest.raises(InputError, match=r"image\.png: \d+ bytes; expected at most \d+\. Replace it\."):
            refuses(tmp_path)


@pytest.mark.parametrize(("name", "message"), [("a{x}.png", "rename it without braces"), ("a\nb.png", "no name in one line")])
def test_names_that_no_rule_or_message_can_carry_are_refused(tmp_path, grey, name, message):
    saved(tmp_path / name, grey)
    with pytest.raises(InputError, match=message):
        image_files(tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("gone.png")])
def test_what_is_no_file_is_refused_at_the_start(tmp_path, grey, make):
    saved(tmp_path / "a.png", grey)
    make(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"b\.png(: a pipe|: a folder| is a link that leads nowhere)"):
        image_files(tmp_path)


def test_a_folder_may_hold_several_formats_and_what_is_no_image_is_named(tmp_path, grey):
    for name in ("a.PNG", "b.tif", "c.jpg", "d.JPEG"):
        saved(tmp_path / name, grey)
    assert image_notes(tmp_path) == [
        f"{tmp_path}: 2 of 4 images are JPEG, whose compression changes pixels. Networks see the files as they are: if the "
        "screen showed the images from before compression, give those, as PNG or TIFF."
    ]
    for name in (".DS_Store", "._a.PNG", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "old").mkdir()
    files = image_files(tmp_path)
    assert [file.name for file in files] == ["a.PNG", "b.tif", "c.jpg", "d.JPEG"]
    assert read_images(files).images.shape == (4, *SHAPE)
    assert image_notes(tmp_path)[0] == f"{tmp_path}: no images, and not read: notes.txt, old/."
