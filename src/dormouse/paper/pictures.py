"""Figures as the page shows them: the pictures in it, and what is said of each."""

import base64
import io
from pathlib import Path

import pandas as pd
from PIL import Image

COLOURS = 128  # one pixel in a thousand of our figures is then off by a tenth of the scale


def read_figures(index: str | Path) -> dict[str, list[dict]]:
    """Return the figures of each section of the report, from the index that `drawing.draw_figures` writes beside them.

    Each has the columns of the index and what `picture` gives, which a figure that was not drawn has not. Figures that are
    pages of a PDF are left out, where there are any.
    """
    found: dict[str, list[dict]] = {}
    for row in pd.read_csv(index, dtype=str, keep_default_na=False).to_dict("records"):
        drawn = Path(index).with_name(f"{row['name']}.png")
        if row["not_drawn"] or drawn.is_file():
            found.setdefault(row["section"], []).append(row | ({} if row["not_drawn"] else picture(drawn)))
    return found


def picture(path: str | Path) -> dict[str, str | int]:
    """Return an image file as an address that holds the `picture`, and its `width` and `height` in pixels.

    It becomes WebP, without loss but for a palette of `COLOURS`, which takes a quarter of what the file does.
    """
    small = io.BytesIO()
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
        few.save(small, "webp", lossless=True, method=4)
        width, height = image.size
    address = "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
    return {"picture": address, "width": width, "height": height}
