"""Pages of the report, written from made-up tables."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dormouse.paper.report import write_report
from dormouse.written import read_yaml


@pytest.fixture
def write_page(root: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the report of a run from its tables, and maybe figures, and returns its path."""

    def write(tables: Mapping, figures: Mapping = {}) -> Path:
        headings = {"rankings": "Which networks score highest", "mousenet": "MouseNet", "neurons": "Neurons"}
        citations = read_yaml(root / "resources/citations.yaml")
        write_report(root / "workflow/report/report.html", tmp_path / "report.html", tables, headings, figures, citations)
        return tmp_path / "report.html"

    return write
