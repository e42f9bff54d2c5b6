"""What a user wrote, held against a JSON schema."""

from jsonschema import Draft202012Validator

from dormouse.errors import InputError, suggest


def check(value, schema: dict, place: str) -> None:
    """Raise InputError for the first thing in `value` that `schema` does not allow.

    The message names `place`, the key, what is wrong with it, and for an unknown key the nearest known ones.
    """
    for error in Draft202012Validator(schema).iter_errors(value):
        key = ".".join(map(str, error.absolute_path))
        what = error.message
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = next(name for name in error.instance if name not in known)
            what = f"unknown key {unknown!r}. {suggest(unknown, known)}"
        raise InputError(": ".join(part for part in (place, key, what) if part))
