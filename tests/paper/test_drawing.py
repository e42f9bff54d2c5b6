"""Which code each figure depends on."""

import pytest
import yaml

from dormouse.code_hash import script_code
from dormouse.content_hash import short_hash
from dormouse.paper.listing import FOLDER, figure_code


@pytest.fixture(scope="module")
def figures(root):
    return yaml.safe_load((root / "resources/figures.yaml").read_text())["figures"]


def test_a_figure_whose_parts_others_use_is_known_by_all_of_its_own_code(figures):
    """Others import single definitions of it; their hash of these must not stand in for that of the figure."""
    whole = figure_code(figures)
    assert whole.keys() == figures.keys()
    for figure in ("scores", "thresholds"):
        code = script_code(FOLDER / f"{figure}.py", "data", "plot")
        assert whole[figure] == figure_code([figure])[figure] == short_hash(code)
    users = [figure for figure in figures if "figures.scores import" in (FOLDER / f"{figure}.py").read_text()]
    assert users and len(set(whole.values())) == len(whole)
