"""Pages of the report, written from made-up tables."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dormouse.paper.report import write_report
from dormouse.written import read_yaml


@pytest.fixture(scope="session")
def write_page(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes the report of a run from its tables, and maybe figures, and returns its path."""

    def write(tables: Mapping, figures: Mapping = {}) -> Path:
        path = tmp_path_factory.mktemp("report") / "report.html"
        headings = read_yaml(root / "resources/figures.yaml")["sections"]
        citations = read_yaml(root / "resources/citations.yaml")
        write_report(root / "workflow/report/report.html", path, tables, headings, figures, citations)
        return path

    return write
