"""Figures as the page shows them: the pictures in it, and what is said of each."""

import base64
import io
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
from PIL import Image

COLOURS = 128  # one pixel in a thousand of our figures is then off by a tenth of the scale


def read_figures(index: str | Path, threads: int = 1) -> dict[str, list[dict]]:
    """Return the figures of each section of the report, from the index that `drawing.draw_figures` writes beside them.

    Each has the columns of the index and what `picture` gives, which a figure that was not drawn has not. Figures that are
    pages of a PDF are left out, where there are any.
    """
    rows, found = pd.read_csv(index, dtype=str, keep_default_na=False).to_dict("records"), {}
    files = {row["name"]: Path(index).with_name(f"{row['name']}.png") for row in rows}
    drawn = [row["name"] for row in rows if not row["not_drawn"] and files[row["name"]].is_file()]
    pictures = Parallel(n_jobs=threads, backend="multiprocessing")(delayed(picture)(files[name]) for name in drawn)
    shown = dict(zip(drawn, pictures, strict=True))
    for row in rows:
        if row["not_drawn"] or row["name"] in shown:
            found.setdefault(row["section"], []).append(row | shown.get(row["name"], {}))
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
