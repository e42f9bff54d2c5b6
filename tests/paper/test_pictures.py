"""Figures look as they did; where one is meant to look otherwise, `python tests/pictures.py` draws the pictures anew."""

import numpy as np
import pytest
from pictures import FIGURES, FOLDER, MOST, blocks, changed, picture, read

from dormouse.paper.figures.style import panels, plt

KNOWN = sorted(path.stem for path in FOLDER.glob("*.png"))


@pytest.mark.parametrize("name", KNOWN)
def test_a_figure_looks_as_it_did(name):
    assert changed(picture(name), read(name)) <= MOST


def test_most_figures_have_a_picture():
    assert set(KNOWN) <= set(FIGURES) and len(KNOWN) >= 12


def drawn(places, colour="black", words="a title of usual length", size=7):
    figure, ((ax,),) = panels(1, 1, height=2)
    ax.plot(range(len(places)), places, "o-", color=colour)
    figure.suptitle(words, fontsize=size)
    found = blocks(figure)
    plt.close(figure)
    return found


def test_a_mark_that_moves_is_seen_and_a_font_that_differs_a_little_is_not():
    places = np.random.default_rng(0).random(12)
    known = drawn(places)
    assert changed(drawn(places), known) == 0
    assert changed(drawn(places, size=7.1), known) <= MOST
    assert changed(drawn(np.append(places[:-3], places[-3:] / 3)), known) > MOST
    assert changed(drawn(places, colour="red"), known) > MOST
    assert changed(drawn(places)[:-5], known) == 1
