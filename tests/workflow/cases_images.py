"""Cases of images; tests/stimuli/test_stimuli.py has the others."""

from cases import Case
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


CASES = [
    Case(
        "names that sort otherwise by number",
        by_number,
        refused=r"which row is which image\? .*If rows follow the numbers, pad them: python -c .*as `stimulus` in every",
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
]
