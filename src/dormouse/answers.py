"""Published files of JSON, such as answers of the Allen service: read whole, and checked against a schema."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dormouse.errors import InputError
from dormouse.schemas import check
from dormouse.written import given_text

MOST_BYTES = 1 << 28


def items(**properties: Mapping) -> dict:
    """Return the schema of a list of mappings that have these keys, and maybe others."""
    return {"type": "array", "items": mapping(**properties)}


def mapping(**properties: Mapping) -> dict:
    """Return the schema of a mapping that has these keys, and maybe others."""
    return {"type": "object", "required": list(properties), "properties": properties}


def read_answer(path: str | Path, what: str, schema: Mapping) -> Any:
    """Read a file of JSON; raises InputError, which says `what` it should be, where it is none or does not fit the schema."""
    try:
        answer = json.loads(given_text(path, most_bytes=MOST_BYTES))
        check(answer, schema, "JSON")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not {what} ({error}). Remove it and run again.") from error
    return answer
