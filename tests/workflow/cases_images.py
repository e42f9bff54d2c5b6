"""Cases of images, those of a data set and those to train on; tests/stimuli/test_stimuli.py has the others."""

import shutil
import struct
import zlib

from cases import Case
from changes import both, instead, pipe, written
from PIL import Image


def by_number(mice, run):
    for k in reversed(range(8)):
        (mice / "stimuli" / f"image_{k}.png").rename(mice / "stimuli" / f"image_{k + 3}.png")


def no_image(mice, run):
    (mice / "stimuli" / "image_3.png").write_text("no image")


def transparent(mice, run):
    path = mice / "stimuli" / "image_3.png"
    image = Image.open(path)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(path)


def png(width, height, pixels=b""):
    """Return a PNG of 8 bits, grey, with these pixels whatever its header says."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(pixels),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def animated(form):
    def replace(mice, run):
        path = mice / "stimuli/image_3.png"
        frames = [Image.open(path), Image.new("L", (32, 24))]
        frames[0].save(path, format=form, save_all=True, append_images=frames[1:])

    return replace


def of_one_pixel(mice, run):
    for k in range(8):
        Image.new("L", (1, 1), 30 * k).save(mice / f"stimuli/image_{k}.png")


def photos(mice, run):
    for part in ("train", "val"):
        for name in ("a", "b"):
            shutil.copytree(mice / "stimuli", run / "photos" / part / name)


def in_photos(make):
    def change(mice, run):
        photos(mice, run)
        make(run / "photos/val/b/image_9.png")

    return change


TRAINED = {
    "training": {
        "mine": {
            "network": {"source": "mousenet", "name": "small"},
            "images": "folder",
            "folder": "photos",
            "classes": 2,
            "input_px": 16,
            "epochs": 0,
            "batch": 2,
            "learning_rate": 0.05,
            "drops": [],
            "momentum": 0.9,
            "weight_decay": 0.0,
            "seed": 0,
        }
    },
    "models": {"add": {"net": {"source": "mousenet", "name": "small", "weights": "trained:mine"}}},
}
READ_STIMULI = ["read_stimuli"]


CASES = [
    Case(
        "names that sort otherwise by number",
        by_number,
        refused=r"which row is which image\? .*If rows follow the numbers, pad them: python -c .*as `stimulus` in every",
    ),
    Case(
        "dataset.yaml names a folder without images",
        written("mice/dataset.yaml", "{name: Mice, kind: responses, stimuli: responses}"),
        refused=r"responses: no images; expected .*Is it the folder that dataset\.yaml names under stimuli\?",
    ),
    Case(
        "text in an image",
        no_image,
        refused=r"stimuli/image_3\.png: not a readable image\. Replace or remove it",
        arguments=[],
    ),
    Case(
        "transparent image on an unknown screen",
        transparent,
        refused=r"image_3\.png: \d+ of 768 pixels are transparent.*`background: 127`; or save",
        arguments=["read_stimuli"],
    ),
    Case(
        "braces in the name of an image",
        lambda mice, run: (mice / "stimuli/image_3.png").rename(mice / "stimuli/image_3{x}.png"),
        refused=r"image_3{x}\.png: rename it without braces",
    ),
    Case(
        "angle brackets in the name of an image",
        lambda mice, run: (mice / "stimuli/image_3.png").rename(mice / "stimuli/image_3<results>.png"),
        refused=r"image_3<results>\.png: rename it without braces and < >",
    ),
    Case(
        "an image that is a pipe",
        instead("mice/stimuli/image_3.png", pipe),
        refused=r"image_3\.png: a pipe or a device; expected a file",
    ),
    Case(
        "an image of ten billion pixels",
        written("mice/stimuli/image_3.png", png(100_000, 100_000)),
        refused=r"image_3\.png: expected at most 67,108,864 pixels\. Scale it down",
        arguments=READ_STIMULI,
    ),
    Case(
        "an animated image",
        animated("PNG"),
        refused=r"image_3\.png: 2 frames or pages; expected one image",
        arguments=READ_STIMULI,
    ),
    Case("images of one pixel", of_one_pixel, arguments=READ_STIMULI),
    Case("images to train on", photos, config=TRAINED),
    Case(
        "a pipe among images to train on",
        in_photos(pipe),
        config=TRAINED,
        refused=r"b/image_9\.png: a pipe or a device; expected a file",
    ),
    Case(
        "a link from a folder into itself",
        both(photos, lambda mice, run: (run / "photos/train/a/again").symlink_to("..")),
        config=TRAINED,
        refused=r"photos/train/a/again.*: a link to a folder that is read already",
    ),
    Case(
        "a huge image to train on",
        in_photos(lambda path: path.write_bytes(png(100_000, 100_000))),
        config=TRAINED,
        refused=r"b/image_9\.png: expected at most 67,108,864 pixels",
        arguments=["results/trained/mine.safetensors"],
    ),
]
