"""Tables as CSV, what their columns mean, and a description of both that programs read (Data Package of Frictionless Data).

CSV is UTF-8, with numbers of as many digits as tell them apart. All text stands in quotes, so an empty text is `""` and a
missing value nothing at all.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from dormouse.column_groups import BOOL, FLOAT, INT, STRING
from dormouse.columns import TABLES
from dormouse.files import atomic
from dormouse.tables import optional, schema

TYPES = {STRING: "string", FLOAT: "number", INT: "integer", BOOL: "boolean"}  # names in a Data Package


def write_csv(name: str, table: pd.DataFrame, path: str | Path) -> None:
    """Write the table `name` as CSV."""
    arrow = pa.Table.from_pandas(table, schema=schema(name), preserve_index=False)
    with atomic(path) as temporary:
        pa.csv.write_csv(arrow, temporary)


def columns_of(names: Sequence[str]) -> pd.DataFrame:
    """Return a row for each column of some tables: table, column, type, may_be_missing and description."""
    rows = [
        {"table": name, "column": column, "type": TYPES[kind], "may_be_missing": column in optional(name), "description": text}
        for name in names
        for column, (kind, text) in TABLES[name].items()
    ]
    return pd.DataFrame(rows)


def data_package(names: Sequence[str], facts: Mapping) -> dict:
    """Return what is said of the CSV files of some tables, tables/NAME.csv, in the terms of Data Package, version 1.

    Parameters
    ----------
    facts : of `facts.run_facts`
    """
    cited = {"sources": [{"title": facts["citation"]}]} if facts["citation"] else {}
    package = {"profile": "tabular-data-package", "name": _name(facts["name"]), "title": facts["title"]}
    return package | {"description": facts["description"], **cited, "resources": [_resource(name) for name in names]}


def _resource(name: str) -> dict:
    fields = [_field(name, column, kind, text) for column, (kind, text) in TABLES[name].items()]
    known = {"profile": "tabular-data-resource", "name": _name(name), "path": f"tables/{name}.csv"}
    return known | {"format": "csv", "encoding": "utf-8", "schema": {"fields": fields, "missingValues": [""]}}


def _field(name: str, column: str, kind: pa.DataType, text: str) -> dict:
    # an empty text counts as missing there
    whole = {"constraints": {"required": True}} if kind != STRING and column not in optional(name) else {}
    return {"name": column, "type": TYPES[kind], "description": text} | whole


def _name(text: str) -> str:
    """Return a text as names are there: lower-case letters, digits and '-', '_' or '.'."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in text.lower())


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_package(path: str | Path, names: Sequence[str], facts: Mapping) -> None:
    """Write `data_package` as JSON."""
    write_text(path, json.dumps(data_package(names, facts), indent=1, ensure_ascii=False) + "\n")
