"""Read what people write: text, tables, YAML and JSON.

The files are in UTF-8, and of a size that people write. Repeated keys are refused, and aliases that stand for too much.
"""

import argparse
import csv
import io
import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from dormouse.errors import InputError
from dormouse.files import unreadable
from dormouse.given import REPLACE, check_file

COMMAND_LINE = "--config"
TEMPLATE = "__use_yte__"  # a key by which Snakemake runs code that stands in a file
MOST_TEXT_BYTES = 1 << 18  # of YAML and JSON, which PyYAML reads in three seconds; config.yaml has 20,000
MOST_TABLE_BYTES = 1 << 28  # two million neurons
MOST_COLUMNS = 1000
MOST_VALUES = 100_000  # of YAML, where every alias counts as all that it stands for
MOST_LEVELS = 40  # of lists and mappings within each other
SHOWN_LETTERS = 60  # how much of a value a message shows


def cut(value: Any) -> str:
    """Return a value as code, short enough for a message."""
    text = repr(value)
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}..."


# --- text and tables


def given_text(path: str | Path, missing: str = ".", most_bytes: int = MOST_TEXT_BYTES) -> str:
    """Return the text of a file in UTF-8, without a byte order mark; see `check_file`.

    Raises InputError where the file cannot be read or is not UTF-8.
    """
    check_file(path, missing, most_bytes)
    try:
        content = Path(path).read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: not UTF-8 (byte {content[error.start]:#x}). Save the file as UTF-8."
        ) from error
    except OSError as error:
        raise unreadable(path, "text", error, REPLACE) from error


def given_table(path: str | Path, separator: str = ",", missing: str = ".") -> pd.DataFrame:
    """Return a table, all cells as text, indexed by line; see `check_file`.

    Columns without a name or content at the end, of separators behind each row, are left out. Raises InputError for rows of
    unequal length, and for two columns of one name.
    """
    reader = csv.reader(io.StringIO(given_text(path, missing, MOST_TABLE_BYTES), newline=""), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if len(row) > 1 or "".join(row).strip()]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: not readable as a table ({error}). Mend the line.") from error
    lines, (columns, *cells) = [line for line, _ in rows[1:]], _without_empty_end([row for _, row in rows] or [[]])
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{path}: {len(columns):,} columns; expected at most {MOST_COLUMNS:,}. {REPLACE}")
    for line, row in zip(lines, cells, strict=True):
        if len(row) != len(columns):
            raise InputError(f"{path}: line {line} has {len(row)} cells, the first has {len(columns)}.")
    name, count = max(Counter(columns).items(), key=itemgetter(1), default=("", 0))
    if count > 1:
        raise InputError(f"{path}: {count} columns are named {name!r}; rename all but one.")
    return pd.DataFrame(cells, index=lines, columns=columns, dtype=str)


def given_numbers(path: str | Path, **how) -> pd.DataFrame:
    """Return a table as `pandas.read_csv` reads it; raises InputError where it cannot, and see `check_file`."""
    text = given_text(path, most_bytes=MOST_TABLE_BYTES)
    try:
        table = pd.read_csv(io.StringIO(text, newline=""), **how)
    except ValueError as error:
        raise InputError(f"{path}: not readable as a table ({' '.join(str(error).split())}). Mend or replace it.") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes what is too much for labels
        raise InputError(f"{path}: rows have more cells than the first line. Mend or replace it.")
    return table


def _without_empty_end(rows: list[list[str]]) -> list[list[str]]:
    """Return rows without the cells behind the last column that has a name, if all rows are of one length and these empty."""
    n_named = max((place for place, name in enumerate(rows[0], start=1) if name), default=0)
    lengths = {len(row) for row in rows[1:]}
    if len(lengths) > 1 or min(lengths, default=n_named) < n_named or any(chain(*(row[n_named:] for row in rows))):
        return rows
    return [row[:n_named] for row in rows]


# --- YAML and JSON


class _Loader(yaml.SafeLoader):
    """Refuses a repeated key in a mapping, and aliases that stand for too much.

    A key beside `<<: *other` overrides the other's and is not a repetition.
    """

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node, lines = super().compose_mapping_node(anchor), {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if (key.tag, key.value) in lines:
                raise InputError(
                    f"{self.name}: line {line}: key {cut(key.value)} stands in line {lines[key.tag, key.value]} already. "
                    "Keep one of the two."
                )
            lines[key.tag, key.value] = line
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            self._count(node, {})
        return node

    def _count(self, node: yaml.Node, known: dict[int, float]) -> float:
        """Return the number of values that a node stands for."""
        if isinstance(node, yaml.ScalarNode) or id(node) in known:
            return known.get(id(node), 1)
        known[id(node)] = math.inf  # until it is counted: an alias within what it stands for has no end
        pairs = node.value if isinstance(node, yaml.MappingNode) else zip(node.value, strict=True)
        known[id(node)] = 1 + sum(self._count(part, known) for pair in pairs for part in pair)
        if known[id(node)] > MOST_VALUES:
            line = node.start_mark.line + 1
            raise InputError(
                f"{self.name}: line {line}: more than {MOST_VALUES:,} values, with all that aliases (*name) stand for. "
                "Write fewer."
            )
        return known[id(node)]


def read_yaml(path: str | Path, missing: str = ".") -> Any:
    """Read a file of YAML or JSON.

    Parameters
    ----------
    missing : what a message says behind "not found"

    Raises InputError if the file is neither, or is refused by `given_text`, or if a mapping repeats a key.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict:
        if double := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
            raise InputError(f"{path}: key {cut(double[0])} stands twice in one mapping. Keep one of the two.")
        return dict(pairs)

    text = given_text(path, missing)
    try:
        try:  # as Snakemake does: not all JSON is YAML, and 1e-4 is a number only in JSON
            return json.loads(text, object_pairs_hook=unique)
        except json.JSONDecodeError:
            return _parse(text, str(path))
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply; expected at most {MOST_LEVELS} levels.") from error
    except Exception as error:  # PyYAML lets through what Python's types raise
        mark = getattr(error, "problem_mark", None)
        what = f"line {mark.line + 1}: {error.problem}" if mark else " ".join(str(error).partition(";")[0].split())
        raise InputError(f"{path}: not readable as YAML ({what}).") from error


def _parse(text: str, place: str) -> Any:
    loader = _Loader(text)
    loader.name = place
    return loader.get_single_data()


def check_configfiles(arguments: Sequence[str]) -> None:
    """Read the files that a command line of Snakemake names by --configfile, and end in one line where they are refused.

    The project's profiles call this before Snakemake reads them: there, a file that is not YAML would end in a traceback,
    aliases of aliases would take for ever, and the code of a template would run.

    Parameters
    ----------
    arguments : of the command line, without the name of the program
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--config", nargs="*")  # which would be taken for the beginning of the other
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    try:
        for file in parser.parse_known_args(arguments)[0].configfile:
            content = read_yaml(file)
            if not isinstance(content, Mapping):
                got = "nothing" if content is None else cut(content)
                raise InputError(f"{file}: expected keys and values, as `dataset: demo`; got {got}.")
            if TEMPLATE in content:
                raise InputError(f"{file}: key {TEMPLATE}: Dormouse runs no code of a configuration. Leave the key out.")
    except InputError as error:
        sys.exit(f"Error: {error}")


def read_layers(files: Sequence[str | Path], entries: Sequence[str], schema: Mapping) -> list[tuple[str, Any]]:
    """Read the layers of a configuration, the lowest first, each with the name of its source.

    Parameters
    ----------
    files : see `read_yaml`
    entries : `key=value`, as given after `--config`; a value is read as YAML, except where the schema wants text
    schema : of the whole configuration

    Raises InputError where `read_yaml` does.
    """
    layers = [(str(file), read_yaml(file)) for file in files]
    for key, _, text in (entry.partition("=") for entry in entries):
        wanted = schema["properties"].get(key, {}).get("type", ())
        value = text if "string" in wanted and not (text in ("", "null") and "null" in wanted) else _read_value(text)
        layers.append((COMMAND_LINE, {key: value}))
    return layers


def _read_value(text: str) -> Any:
    try:
        return _parse(text, COMMAND_LINE)
    except InputError:
        raise
    except Exception:  # as in `read_yaml`; the schema then refuses it as text
        return text
