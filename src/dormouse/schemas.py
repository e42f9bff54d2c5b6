"""Read what people write in YAML or JSON, and check it against a JSON schema.

Repeated keys, keys that are not text, NaN and infinity are refused whatever the schema says.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from dormouse.errors import InputError, suggest

COMMAND_LINE = "--config"
TYPES = {  # types of a schema, in words
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
SHOWN_LETTERS = 60  # how much of a value a message shows

# JSON schemas accept 2.0 as an integer; loops and random generators do not
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class _Unique:
    """Refuses a repeated key in a mapping. A key beside `<<: *other` overrides the other's and is not a repetition."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node, lines = super().compose_mapping_node(anchor), {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if (key.tag, key.value) in lines:
                raise InputError(
                    f"{self.name}: line {line}: key {key.value!r} stands in line {lines[key.tag, key.value]} already. "
                    "Keep one of the two."
                )
            lines[key.tag, key.value] = line
        return node


class _Values(_Unique, yaml.SafeLoader):
    """Reads numbers, true, false and null as such."""


class _Texts(_Unique, yaml.BaseLoader):
    """Reads all values as text."""


def read_yaml(path: str | Path) -> Any:
    """Read a file of YAML or JSON; raises InputError if it is neither, or if a mapping repeats a key."""

    def unique(pairs: list[tuple[str, Any]]) -> dict:
        keys = [key for key, _ in pairs]
        if double := [key for key in keys if keys.count(key) > 1]:
            raise InputError(f"{path}: key {double[0]!r} stands twice in one mapping. Keep one of the two.")
        return dict(pairs)

    try:
        text = Path(path).read_text(encoding="utf-8")
        try:  # as Snakemake does: not all JSON is YAML, and 1e-4 is a number only in JSON
            return json.loads(text, object_pairs_hook=unique)
        except json.JSONDecodeError:
            return _parse(text, str(path), _Values)
    except InputError:
        raise
    except (yaml.YAMLError, OSError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        what = f"line {mark.line + 1}: {error.problem}" if mark else " ".join(str(error).split())
        raise InputError(f"{path}: not readable as YAML ({what}).") from error


def _parse(text: str, place: str, kind: type) -> Any:
    loader = kind(text)
    loader.name = place
    return loader.get_single_data()


def read_layers(files: Sequence[str | Path], entries: Sequence[str]) -> list[tuple[str, Any]]:
    """Read the layers of a configuration, the lowest first, each with the name of its source.

    Parameters
    ----------
    files : see `read_yaml`
    entries : `key=value`, as given after `--config`. Values inside {} and [] are text, as in Snakemake.

    Raises InputError if a mapping repeats a key.
    """
    layers = [(str(file), read_yaml(file)) for file in files]
    for key, _, text in (entry.partition("=") for entry in entries):
        try:
            value = _parse(text, COMMAND_LINE, _Texts)
        except yaml.YAMLError:
            value = text
        layers.append((COMMAND_LINE, {key: value}))
    return layers


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
        odd = [key for key in part if not isinstance(key, str)] if isinstance(part, Mapping) else []
        if odd:
            raise InputError(f"{_join(place, path)}: expected text as a key, got {_shown(odd[0])}. Put the key in quotes.")
        if isinstance(part, int | float) and not _is_finite(part):
            raise InputError(f"{_join(place, path)}: expected a finite number, got {_shown(part)}.")
    for error in Validator(schema).iter_errors(value):
        raise InputError(f"{_join(place, error.absolute_path)}: {_describe(error)}{_advice(error, place)}")


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
        return f"unknown key {unknown!r}. {suggest(unknown, known)}"
    if error.validator == "type":
        types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        return f"expected {' or '.join(TYPES[name] for name in types)}, got {_shown(error.instance)}."
    return f"{error.message}."


def _advice(error: ValidationError, place: str) -> str:
    """Return what to do about text that was meant as a number or another value."""
    if not isinstance(error.instance, str) or error.validator not in ("type", "enum"):
        return ""
    number = re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", error.instance, re.IGNORECASE)
    if place == COMMAND_LINE and (number or error.instance in ("true", "false", "null")):
        return (
            f" Behind {COMMAND_LINE}, values inside {{}} and [] are text; write them to a file, and name it with --configfile."
        )
    return " A number stands without quotes, and in YAML with a point before an exponent: 1.0e-4." if number else ""


def _shown(value: Any) -> str:
    if isinstance(value, int) and not _is_finite(value):
        return "one too large for a computer"
    if value is None:
        return "null"
    text = repr(value)
    text = text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}..."
    return f"the text {text}" if isinstance(value, str) else text
