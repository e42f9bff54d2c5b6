"""Check what people wrote in YAML or JSON against a JSON schema.

Whatever the schema says, these are refused: keys that are not text, values that JSON does not have (dates, sets), NaN and
infinity, texts of more than 10,000 letters, and lists and mappings more than 40 deep.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from dormouse.errors import InputError, suggest
from dormouse.given import UNSEEN
from dormouse.written import MOST_LEVELS, SHOWN_LETTERS, cut

TYPES = {  # types of a schema, in words
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
OF_JSON = (str, int, float, list, Mapping, type(None))  # types of values
MOST = {"maxItems": "values", "maxProperties": "keys", "maxLength": "letters"}  # keywords of a schema, and what they count
MOST_LETTERS = 10_000  # of a text
MOST_NAME_BYTES, MOST_PART_BYTES, MOST_PATH_BYTES = 100, 255, 4000  # of a name, a part of a path, a path


# --- formats of text that a schema names


def is_name(text: str) -> bool:
    """Return whether a text can be a name that becomes that of files, with endings behind it, and a wildcard of rules."""
    return bool(re.fullmatch(r"\w[\w.-]*", text)) and len(text.encode()) <= MOST_NAME_BYTES


def is_path(text: str) -> bool:
    """Return whether a text can be a path or an address in a single line; Snakemake fills in what braces or < > hold."""
    if not text or UNSEEN.search(text) or set("{}<>") & set(text) or len(text.encode()) > MOST_PATH_BYTES:
        return False
    return "://" in text or all(len(part.encode()) <= MOST_PART_BYTES for part in text.split("/"))


FORMATS = {
    "name": (
        is_name,
        f"a file name; use letters, digits and '_.-', the first a letter or digit, in {MOST_NAME_BYTES} bytes at most",
    ),
    "path": (is_path, f"a path; use one line without braces and < >, in {MOST_PART_BYTES} bytes at most between slashes"),
}
NAME = {"type": "string", "format": "name"}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # that in C saves every start of the workflow a tenth of a second


def _format(_validator, name: str, value: Any, _schema) -> Iterator[ValidationError]:
    fits, expected = FORMATS[name]
    if isinstance(value, str) and not fits(value):
        yield ValidationError(f"{cut(value)} cannot be {expected}")


def _pattern(_validator, pattern: str, value: Any, _schema) -> Iterator[ValidationError]:
    """As JSON Schema means it: `$` is the end, while Python's also stands before a last newline."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{cut(value)} does not match {pattern!r}")


# JSON schemas accept 2.0 as an integer; loops and random generators do not
Validator = validators.extend(
    Draft202012Validator,
    {"format": _format, "pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


# --- checks


def read_schema(file: Path) -> dict:
    """Return one of our own schemas, written in YAML."""
    return LOADER(file.read_text()).get_single_data()


def check_layers(layers: Sequence[tuple[str, Any]], schema: dict) -> None:
    """Check each layer of a configuration against the schema of the whole; no layer needs to have all keys.

    Layers are merged key by key. An empty mapping laid over a value thus changes nothing, which the merged configuration does
    not show. Raises InputError that names the layer.
    """
    optional = _without_required(schema)
    for number, (place, layer) in enumerate(layers):
        check(layer, optional, place)
        for path, value in _walk(layer):
            if path and value == {} and any(_at(lower, path) for _, lower in layers[:number]):
                raise InputError(
                    f"{_join(place, path)}: an empty mapping takes nothing away from what it is laid over. "
                    "Name the keys to change, or leave it out."
                )


def _without_required(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_required(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_required(part) for key, part in schema.items() if key != "required" or isinstance(part, dict)}


def _at(value: Any, path: tuple) -> Any:
    """Return what a mapping of mappings holds at a path, or None if the path leads nowhere."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def check(value: Any, schema: dict, place: str) -> None:
    """Raise InputError for the first thing in `value` that `schema` does not allow.

    The message names `place`, the key, what was expected and what was found; for an unknown key, the nearest known ones.
    """
    for path, part in _walk(value):
        if problem := _problem(path, part):
            raise InputError(f"{_join(place, path[:MOST_LEVELS])}: {problem}")
    for error in Validator(schema).iter_errors(value):
        raise InputError(f"{_join(place, error.absolute_path)}: {_describe(error)}{_advice(error)}")


def _problem(path: tuple, part: Any) -> str:
    """Return what is wrong with a value whatever the schema, or nothing."""
    texts = [part] if isinstance(part, str) else list(part) if isinstance(part, Mapping) else []
    if odd := [key for key in texts if not isinstance(key, str)]:
        return f"expected text as a key, got {_shown(odd[0])}. Put the key in quotes."
    if long := [text for text in texts if len(text) > MOST_LETTERS]:
        return f"expected text of at most {MOST_LETTERS:,} letters, got {len(long[0]):,}: {cut(long[0])}."
    if half := [text for text in texts if not text.isascii() and re.search("[\ud800-\udfff]", text)]:
        return f"expected characters, got half of one in {cut(half[0])}. Write it anew."
    if not isinstance(part, OF_JSON):
        kind = type(part).__name__
        return (
            f"expected text, a number, true, false, a list or a mapping, got a {kind}, {cut(str(part))}. Put text in quotes."
        )
    if isinstance(part, int | float) and not _is_finite(part):
        return f"expected a finite number, got {_shown(part)}."
    return f"nested too deeply; expected at most {MOST_LEVELS} levels." if len(path) > MOST_LEVELS else ""


def _walk(value: Any) -> Iterator[tuple[tuple, Any]]:
    """Yield a value and everything in it, each with its path; a part that several aliases refer to is entered once."""
    todo, entered = [((), value)], set()
    while todo:
        path, part = todo.pop()
        yield path, part
        if isinstance(part, Mapping | list) and id(part) not in entered:
            entered.add(id(part))
            inner = part.items() if isinstance(part, Mapping) else enumerate(part)
            todo += [((*path, key), value) for key, value in inner][::-1]


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond all floating-point numbers
        return False


def _join(place: str, path: Iterable) -> str:
    key = ".".join(map(str, path))
    return f"{place}: {key}" if key else place


def _describe(error: ValidationError) -> str:
    """Return what is wrong, in a user's words where the schema's are technical."""
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = next(name for name in error.instance if name not in known)
        return f"unknown key {cut(unknown)}. {suggest(unknown[:SHOWN_LETTERS], known)}"
    if error.validator == "type":
        types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        return f"expected {' or '.join(TYPES[name] for name in types)}, got {_shown(error.instance)}."
    if error.validator in MOST:
        return f"expected at most {error.validator_value:,} {MOST[error.validator]}, got {len(error.instance):,}."
    return f"{error.message.replace(repr(error.instance), cut(error.instance))}."


def _advice(error: ValidationError) -> str:
    """Return what to do about text that was meant as a number."""
    meant = isinstance(error.instance, str) and error.validator in ("type", "enum")
    if not meant or not re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", error.instance, re.IGNORECASE):
        return ""
    return " A number stands without quotes, and in YAML with a point before an exponent: 1.0e-4."


def _shown(value: Any) -> str:
    if isinstance(value, int) and not _is_finite(value):
        return "one too large for a computer"
    if value is None:
        return "null"
    return f"the text {cut(value)}" if isinstance(value, str) else cut(value)
