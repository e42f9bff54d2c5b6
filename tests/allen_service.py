"""Queries of the Allen service, answered from tables."""

import json
import re
from urllib.parse import parse_qs

from web import Answer

DEFAULT_ROWS, MOST_ROWS = 50, 2000  # of an answer, where 'all' is not asked for


def answered(tables: dict[str, list[dict]], query: str) -> Answer:
    """Answer a query as the service does: also what it does not understand has the status 200."""
    try:
        rows, start = _selected(tables, parse_qs(query)["q"][0])
        told = {"success": True, "id": 0, "start_row": start, "num_rows": len(rows), "total_rows": len(rows), "msg": rows}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        told = {"success": False, "id": 0, "start_row": 0, "num_rows": 0, "total_rows": 0, "msg": repr(error)}
    content = json.dumps(told).encode()
    return Answer(200, {"Content-Type": "application/json;charset=utf-8", "Content-Length": str(len(content))}, content)


def _selected(tables: dict[str, list[dict]], text: str) -> tuple[list[dict], int]:
    """Return the rows that a query asks for and the number of the first; ValueError for what is not known here."""
    model, *stages = re.split(r",(?=rma::)", text)
    rows, asked, included = tables[model.removeprefix("model::")], {}, set()
    for stage in stages:
        kind, what = re.fullmatch(r"rma::(\w+),?(.*)", stage).groups()
        if kind == "include":
            included = set(re.findall(r"\w+", what))
        elif kind == "criteria":
            for condition in what.split(","):
                rows = _meeting(rows, condition)
        elif kind == "options" and re.fullmatch(r"(\[\w+\$eq[^\]]*\])*", what):
            asked = {key: value.strip("'") for key, value in re.findall(r"\[(\w+)\$eq([^\]]*)\]", what)}
        else:
            raise ValueError(f"not understood: {stage}")
    if order := asked.get("order"):
        rows = sorted(rows, key=lambda row: row[order])
    start, most = int(asked.get("start_row", 0)), asked.get("num_rows", str(DEFAULT_ROWS))
    stop = None if most == "all" else start + min(int(most), MOST_ROWS)
    return [_pruned(row, included) for row in rows[start:stop]], start


def _meeting(rows: list[dict], condition: str) -> list[dict]:
    """Return the rows that meet a condition, such as [id$eq7] or targeted_structure[acronym$eqVISp]."""
    found = re.fullmatch(r"(\w*)((?:\[\w+\$eq[^\]]+\])+)", condition)
    if not found:
        raise ValueError(f"not understood: {condition}")
    for key, value in re.findall(r"\[(\w+)\$eq([^\]]+)\]", found[2]):
        rows = [row for row in rows if str((row[found[1]] if found[1] else row)[key]) == value.strip("'")]
    return rows


def _pruned(value, included: set[str]):
    """Leave out the parts that come only where they are included."""
    if isinstance(value, list):
        return [_pruned(item, included) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _pruned(item, included) for key, item in value.items() if key in included or not isinstance(item, dict | list)
    }
