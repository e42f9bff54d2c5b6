"""Read, check and write tables as parquet.

Each file holds its schema: every column carries its description as metadata. It also holds a digest of its content, which is
checked on reading, because parquet's checksums of pages do not cover footers and headers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

from dormouse.columns import FLOAT, INT, STRING, TABLES
from dormouse.errors import InputError
from dormouse.files import CHANGED, atomic, unreadable

WHOLE = "all"  # value of `cortical_layer` for a site that is a whole area


def optional(name: str) -> set[str]:
    """Return the columns of a table that may have missing values: those whose description says what these mean."""
    return {column for column, (_, text) in TABLES[name].items() if "missing" in text}


def schema(name: str) -> pa.Schema:
    """Return the arrow schema of the table `name`, with descriptions as field metadata."""
    return pa.schema(
        [
            pa.field(column, kind, nullable=column in optional(name), metadata={"description": text})
            for column, (kind, text) in TABLES[name].items()
        ],
        metadata={"table": name},
    )


def write_table(name: str, table: pd.DataFrame, path: str | Path, rests_on: Mapping[str, str] | None = None) -> None:
    """Write `table` to `path` as the parquet table `name`, columns in the order of its schema.

    Parameters
    ----------
    rests_on : digests of what the table was made from, by name, see `read_basis`

    Raises ValueError if columns, types or missing values do not fit the schema.
    """
    expected = list(TABLES[name])
    if set(table.columns) != set(expected):
        raise ValueError(
            f"table {name}: missing columns {sorted(set(expected) - set(table.columns))}, "
            f"unknown columns {sorted(set(table.columns) - set(expected))}"
        )
    empty = [column for column in expected if column not in optional(name) and table[column].isna().any()]
    if empty:
        raise ValueError(f"table {name}: missing values in {', '.join(empty)}")
    text = [column for column in expected if TABLES[name][column][0] in (FLOAT, INT) and not is_numeric_dtype(table[column])]
    if text and len(table):  # columns without rows have no kind of their own
        raise ValueError(f"table {name}: no numbers in {', '.join(text)}")
    try:
        arrow = pa.Table.from_pandas(table[expected], schema=schema(name), preserve_index=False)
    except pa.ArrowException as error:
        raise ValueError(f"table {name}: {error}") from error
    basis = {"rests_on": json.dumps(rests_on, sort_keys=True)} if rests_on else {}
    described = arrow.replace_schema_metadata({"table": name, "digest": _content_digest(arrow), **basis})
    with atomic(path) as temporary:
        pq.write_table(described, temporary, write_page_checksum=True)


def _content_digest(table: pa.Table) -> str:
    """Return a digest of a table's columns: name, type, values and missing values, whatever their layout in memory."""
    digest = hashlib.sha256()
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(repr((name, str(column.type), len(column))).encode())
        filled = pc.fill_null(column, pa.scalar("" if column.type == STRING else 0).cast(column.type))
        # first the lengths of all texts, then the texts; both chunk by chunk, which does not change the digest
        numbers = pc.binary_length(filled) if column.type == STRING else filled
        for part in (*pc.is_null(column).chunks, *numbers.chunks):
            digest.update(np.ascontiguousarray(part.to_numpy(zero_copy_only=False)))
        for part in filled.chunks if column.type == STRING else ():
            digest.update(_text(part))
    return digest.hexdigest()


def _text(array: pa.StringArray) -> memoryview:
    """Return the bytes of all strings of an array, one after the other."""
    _, offsets, content = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1] if len(array) else [0, 0]
    return memoryview(content or b"")[ends[0] : ends[-1]]


def write_by_area(
    name: str, table: pd.DataFrame, paths: Sequence[str | Path], rests_on: Mapping[str, str] | None = None
) -> None:
    """Write the rows of each area to a table `name` of its own; a path's folder is named after the area."""
    for path in paths:
        write_table(name, table[table.area == Path(path).parent.name], path, rests_on)


def write_tables(tables: Mapping[str, pd.DataFrame], paths: Sequence[str | Path]) -> None:
    """Write each table to the path whose folder is named after it."""
    for path in paths:
        write_table(Path(path).parent.name, tables[Path(path).parent.name], path)


def read_basis(path: str | Path) -> dict[str, str]:
    """Return digests of what a table was made from, by name; none where `write_table` was given none."""
    try:
        return json.loads((pq.read_schema(path).metadata or {}).get(b"rests_on", b"{}"))
    except Exception as error:  # damaged files make arrow raise errors of its own, of the system and of Python
        raise unreadable(path, "parquet", error) from error


def table_name(path: str | Path) -> str:
    """Return the name of the table that a parquet file holds.

    Raises InputError if the file cannot be read or holds none of `TABLES`.
    """
    try:
        name = (pq.read_schema(path).metadata or {}).get(b"table", b"").decode()
    except Exception as error:  # damaged files make arrow raise errors of its own, of the system and of Python
        raise unreadable(path, "parquet", error) from error
    if name not in TABLES:
        raise InputError(f"{path}: not a table of the workflow's.")
    return name


def read_table(name: str, path: str | Path) -> pd.DataFrame:
    """Read the parquet table `name`.

    Raises InputError if the file cannot be read, holds another table or another version of it, or was changed.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            arrow = file.read()
        told = {key: value.decode() for key, value in (arrow.schema.metadata or {}).items()}
    except Exception as error:  # damaged files make arrow raise errors of its own, of the system and of Python
        raise unreadable(path, "parquet", error) from error
    if told.get(b"table") != name or not told.get(b"digest") or not arrow.schema.equals(schema(name)):
        raise InputError(f"{path}: not a table '{name}' of this version; remove the file and run again.")
    if told[b"digest"] != _content_digest(arrow):
        raise InputError(f"{path}: {CHANGED}")
    return arrow.to_pandas()


def read_tables(name: str, paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read and stack parquet files of the table `name`, in the order of `paths`; without paths, return an empty table."""
    if not paths:
        return schema(name).empty_table().to_pandas()
    return pd.concat([read_table(name, path) for path in paths], ignore_index=True)


def read_named(names: Sequence[str], paths: Sequence[str | Path]) -> dict[str, pd.DataFrame]:
    """Read tables by name, each from the file that is named after it; one without a file is empty."""
    return {name: read_tables(name, [path for path in paths if Path(path).stem == name]) for name in names}


def whole_areas(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of whole areas; where the data set has only parts of an area, the rows of its cortical layers."""
    whole = table.cortical_layer == WHOLE
    return table[whole | ~table.area.isin(table.area[whole].unique())]  # of millions of rows, a search for each is slow


def cross(rows: pd.DataFrame, columns: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Return a matrix of scores (n_rows, n_columns) as a long table: each row of `rows` with each row of `columns`.

    Text becomes categorical, which makes tables of millions of rows fast.
    """
    places = np.indices(scores.shape).reshape(2, -1)
    parts = zip((rows, columns), places, strict=True)
    values = {name: _taken(table[name], place) for table, place in parts for name in table.columns}
    return pd.DataFrame(values | {"score": scores.ravel()})


def _taken(values: pd.Series, places: np.ndarray):
    if is_numeric_dtype(values):
        return values.array.take(places)
    codes, categories = pd.factorize(values)
    return pd.Categorical.from_codes(codes[places], categories)
