"""The tables of a made-up run, with values of the right types, as files."""

from pathlib import Path

import pandas as pd
from example_tables import example

from dormouse.columns import TABLES
from dormouse.tables import write_table

ROOT = Path(__file__).parents[1]
FACTS = {"name": "My mice", "title": "My mice", "description": "Made up.", "citation": "nobody", "kind": "responses"}


def write_run(folder: Path) -> list[Path]:
    """Write every table but `jobs`, and return their files, sorted by name."""
    config = (ROOT / "config.yaml").read_text(encoding="utf-8").replace("dataset: allen", "dataset: mice", 1)
    run = FACTS | {"areas": "VISp", "config": config}
    for name in TABLES.keys() - {"jobs"}:
        table = pd.DataFrame(run.items(), columns=["key", "value"]) if name == "run" else example(name)
        write_table(name, table, folder / f"{name}.parquet")
    return sorted(folder.glob("*.parquet"))
