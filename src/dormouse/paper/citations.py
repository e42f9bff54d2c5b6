"""What a run rests on: the entries of resources/citations.yaml that it used."""

from collections.abc import Mapping, Sequence

from dormouse.paper.facts import Tables


def used(citations: Mapping[str, Mapping], tables: Tables) -> list[dict]:
    """Return the entries whose `when` holds for the tables of a run, each with its name as `key`."""
    return [{"key": key, **entry} for key, entry in citations.items() if holds(entry["when"], tables)]


def holds(when: Mapping[str, Sequence[str]] | Sequence[str], tables: Tables) -> bool:
    """Return whether a condition holds: see the head of resources/citations.yaml."""
    if not isinstance(when, Mapping):
        return any(len(tables[name]) for name in when)
    return any(_has(tables, place, values) for place, values in when.items())


def _has(tables: Tables, place: str, values: Sequence[str]) -> bool:
    """Return whether a column has one of the values, alone or among others."""
    name, column = place.split(".")
    found = {part for text in tables[name][column].dropna().unique() for part in str(text).split(", ")}
    return not found.isdisjoint(values)
