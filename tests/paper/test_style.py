"""Figures do not depend on what surrounds a run: a notebook, matplotlib's settings, the home folder."""

import os
import re
import subprocess
import sys

import pytest

DRAW = """
import pandas as pd
from dormouse.paper.figures.style import save
from dormouse.paper.figures.training import plot
columns = ["run", "epoch", "test_loss", "test_accuracy", "train_loss", "train_accuracy"]
training = pd.DataFrame([["mine", k, 2 - k, 0.5, 2 - k, 0.5] for k in range(2)], columns=columns)
run = pd.DataFrame({"key": ["title", "areas", "config"], "value": ["test", "VISp", "{}"]})
save(plot({"run": run, "training": training}), ["a.png", "a.pdf"])
"""
SETTINGS = "text.usetex: True\nfont.family: Comic Sans\nsavefig.dpi: 30\nfigure.dpi: 30\nsavefig.bbox: tight\nno.such.key: 1\n"
AROUND = {"HOME": "matplotlibrc", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"}


def drawn(folder, **environment):
    """Draw a figure in a process of its own that works in a folder, and return the bytes of its files."""
    subprocess.run([sys.executable, "-c", DRAW], cwd=folder, env=os.environ | environment, check=True)
    return [(folder / name).read_bytes() for name in ("a.png", "a.pdf")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    ("settings", "environment"),
    [
        (SETTINGS.encode(), {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}),
        ("font.family: Müller".encode("latin-1"), {"MPLBACKEND": "nonsense", "MATPLOTLIBRC": ".", **AROUND}),
    ],
    ids=["started in a notebook", "an unreadable matplotlibrc"],
)
def test_figures_are_the_same_whatever_surrounds_a_run(plain, tmp_path, settings, environment):
    (tmp_path / "matplotlibrc").write_bytes(settings)
    assert drawn(tmp_path, **environment) == plain


def test_figures_take_matplotlib_from_the_one_place_that_keeps_settings_out(root):
    for file in (root / "src").rglob("*.py"):
        imports = re.search(r"^ *(import|from) (matplotlib|seaborn)", file.read_text(), re.MULTILINE)
        assert file.name == "style.py" or not imports, file


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    text = DRAW.replace('["mine", k', r'["$\\frac$", k')
    assert text != DRAW
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, check=True)
    assert (tmp_path / "a.png").stat().st_size > 1000
