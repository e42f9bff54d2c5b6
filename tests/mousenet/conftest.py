"""Anatomies that the tests of MouseNet share."""

from pathlib import Path

import pandas as pd
import pytest
from mousenets import SMALL

from dormouse.mousenet.anatomy import read_anatomy


@pytest.fixture(scope="module")
def tables(root):
    return root / "resources/mousenet"


@pytest.fixture(scope="module")
def anatomy():
    return read_anatomy()


@pytest.fixture(scope="module")
def small():
    return read_anatomy(SMALL)


@pytest.fixture(scope="module")
def published():
    """The convolutions of the network that was published with the paper, in the order in which masks are drawn."""
    return pd.read_csv(Path(__file__).parents[1] / "data/mousenet_connections.tsv", sep="\t")
