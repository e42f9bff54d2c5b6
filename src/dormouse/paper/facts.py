"""The facts of a run, read from its tables `run` and `methods`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from dormouse.errors import InputError
from dormouse.tables import read_table

Tables = Mapping[str, pd.DataFrame]  # of a run, by name; one that the run does not have is empty


def run_facts(run: pd.DataFrame) -> dict:
    """Return what the table `run` says, by key: `areas` as a list, `config` as a mapping, `config_text` as it is, texts."""
    facts = dict(zip(run.key, run.value, strict=True))
    read = {"areas": facts["areas"].split(", "), "config": _parsed(facts["config"]), "config_text": facts["config"]}
    return facts | read


@cache  # hundreds of pages ask for it
def _parsed(text: str) -> dict:
    return yaml.safe_load(text)


def areas_of(tables: Tables) -> list[str]:
    """Return the cortical areas of the run, in their order in figures."""
    return run_facts(tables["run"])["areas"]


def method_row(tables: Tables, method: str) -> dict:
    """Return the row of a method in the table `methods`; `null_score` is None where it is not known."""
    row = tables["methods"].set_index("method", drop=False).loc[method].to_dict()
    return row | {"null_score": None if pd.isna(row["null_score"]) else row["null_score"]}


def shown_methods(tables: Tables) -> list[dict]:
    """Return the rows of the methods that figures set side by side."""
    methods = tables["methods"]
    return [method_row(tables, method) for method in methods.method[methods.shown]]


def tables_of(results: str) -> tuple[list[str], list[str], list[str], list[str], list[str]]:
    """Return what a folder of tables is of: names of its tables, and of the methods, areas, models and variants of MouseNet.

    Raises InputError where tables are missing that every run has.
    """
    files = {file.stem: file for file in sorted(Path(results, "tables").glob("*.parquet"))}
    if missing := [name for name in ("run", "methods", "models", "jobs") if name not in files]:
        raise InputError(f"{results}/tables: no {missing[0]}.parquet; expected those of a run, as in results/demo.")
    run, methods, models = (read_table(name, files[name]) for name in ("run", "methods", "models"))
    variants = sorted(read_table("nodes", files["nodes"]).variant.unique()) if "nodes" in files else []
    names = [name for name in files if name not in ("jobs", "replication")]  # these are made from the others
    return names, list(methods.method), run_facts(run)["areas"], list(models.model), variants
