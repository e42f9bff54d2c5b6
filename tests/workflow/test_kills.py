"""A few of the kills of tests/kills.py, which makes more of them, by hand."""

import kills
import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_a_run_that_was_killed_and_damaged_ends_in_the_same_tables(capsys):
    """With seed 0, number 21 damages a file."""
    assert kills.main(["--kills", "2", "--first", "21"]) == 0
    assert "by itself" in capsys.readouterr().out
