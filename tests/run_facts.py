"""The tables `run` and `methods` of a run that a test made up."""

from collections.abc import Mapping, Sequence

import pandas as pd

from dormouse.run.description import method_table, run_table
from dormouse.tables import read_tables

METHOD = {"family": "own", "label": "cosine", "axis": "cosine", "description": "", "target": "rdm", "selection": "paper"}
METHOD |= {"choice": "same_data", "kernels": ["gram"], "images": "all", "settings": {}, "null_score": 0.0}


def tables_of(areas: Sequence[str], methods: Mapping[str, Mapping], config: Mapping | None = None, **tables) -> dict:
    """Return the tables of a run by name: its facts, its methods (rows by name), and those given."""
    dataset = {"name": "mice", "title": "test", "kind": "responses", "description": "", "citation": "", "simulated": ""}
    facts = run_table(dataset | {"areas": areas, "left_out": ""}, config or {"selection": {"min_reliability": 0.75}})
    rows = {name: METHOD | dict(row) for name, row in methods.items()}
    return {"run": facts, "methods": method_table(rows, {}, list(rows)[:2])} | tables


def empty(*names: str) -> dict[str, pd.DataFrame]:
    """Return tables without rows, by name."""
    return {name: read_tables(name, []) for name in names}
