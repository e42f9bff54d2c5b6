"""Small pictures of the figures of a made-up run, held against those of before: python tests/pictures.py draws them anew.

A picture is so small that a word is a grey bar: another version of a font changes little of it, a mark that moves much.
"""

import sys
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from zoos import made_up_run  # noqa: E402

from dormouse.paper.drawing import FACTS  # noqa: E402
from dormouse.paper.facts import areas_of  # noqa: E402
from dormouse.paper.figures.style import NotDrawn, plt  # noqa: E402
from dormouse.tables import read_tables  # noqa: E402
from dormouse.written import read_yaml  # noqa: E402

FOLDER = ROOT / "tests/data/figures"
FIGURES = read_yaml(ROOT / "resources/figures.yaml")["figures"]
DPI, BLOCK = 60, 4  # of the drawing, and pixels on the side of a block that becomes one pixel
CHANGED = 0.12  # difference of the colours of a block, of 1, above which it counts as another
MOST = 0.01  # share of such blocks in a figure


def picture(name: str) -> np.ndarray | None:
    """Return a figure of the made-up run as blocks (height, width, 3) from 0 to 1; None where it has too little for it."""
    tables = made_up_run(n_models=30)
    row = FIGURES[name]
    of = {"method": tables["methods"].method.iloc[-1], "area": areas_of(tables)[0], "model": tables["models"].model.iloc[0]}
    given = {table: tables[table] if table in tables else read_tables(table, []) for table in (*FACTS, *row["reads"])}
    if row.get("of") == "variant":  # of MouseNet, which this run does not have
        return None
    keyword = {row["of"]: of[row["of"]]} if "of" in row else {}
    try:
        return blocks(import_module(f"dormouse.paper.figures.{name}").plot(given, **keyword))
    except NotDrawn:
        return None
    finally:
        plt.close("all")


def blocks(figure: plt.Figure) -> np.ndarray:
    """Return the mean colours of the blocks of a figure."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    pixels = np.asarray(Image.open(file).convert("RGB"), float) / 255
    height, width = (size // BLOCK for size in pixels.shape[:2])
    return pixels[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK, 3).mean(axis=(1, 3))


def changed(found: np.ndarray, known: np.ndarray) -> float:
    """Return the share of blocks that are of another colour; 1 where the figure is of another size."""
    if any(abs(a - b) > 1 for a, b in zip(found.shape, known.shape, strict=True)):
        return 1.0
    height, width = np.minimum(found.shape[:2], known.shape[:2])
    return float((np.abs(found[:height, :width] - known[:height, :width]).max(axis=2) > CHANGED).mean())


def read(name: str) -> np.ndarray:
    """Return the picture of before."""
    return np.asarray(Image.open(FOLDER / f"{name}.png"), float) / 255


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in FIGURES:
        (FOLDER / f"{name}.png").unlink(missing_ok=True)
        if (drawn := picture(name)) is not None:
            Image.fromarray(np.rint(255 * drawn).astype(np.uint8)).save(FOLDER / f"{name}.png", optimize=True)
