"""Published and computed numbers that a run can check: the rows of resources/targets.yaml."""

from collections.abc import Mapping, Sequence

READ = ["run", "methods", "models", "stimuli", "scores", "best_layers", "selection_counts", "ceilings", "site_similarity"]
READ += ["published_rdms"]  # tables in which the numbers of a run are found; `paper.replication` does so


def list_targets(groups: Sequence[Mapping]) -> list[dict]:
    """Return every number that a run can check.

    Parameters
    ----------
    groups : of resources/targets.yaml, which explains the keys

    Returns
    -------
    target, kind, data, measure and source, as they stand; statement, what the number is of; of, the arguments of the measure;
    expected, in words; number, the same as a number, or None; low and high, the ends of the range that agrees, or None
    """
    return [_target(group, row) for group in groups for row in group["rows"]]


def _target(group: Mapping, row: Mapping) -> dict:
    both = {**group, **row, "of": {**group.get("of", {}), **row.get("of", {})}}
    kept = {key: both[key] for key in ("target", "kind", "data", "measure", "source", "of")}
    return kept | {"number": both.get("expected"), "statement": both["what"].format(**both["of"])} | _range(both)


def _range(row: Mapping) -> dict:
    """Return the number that is expected, in words, and the ends of the range that agrees."""
    number, low, high, reach = (row.get(key) for key in ("expected", "at_least", "at_most", "tolerance"))
    if low is None and high is None:
        words = f"{in_words(number)} ± {in_words(reach)}" if reach else in_words(number)
        return {"expected": words, "low": number - (reach or 0), "high": number + (reach or 0)}
    if low is None or high is None:
        words = f"at most {in_words(high)}" if low is None else f"at least {in_words(low)}"
    else:
        words = f"{in_words(low)} to {in_words(high)}"
    return {"expected": words if number is None else f"{in_words(number)} ({words})", "low": low, "high": high}


def in_words(number: float) -> str:
    """Return a number as it was written, with commas between thousands."""
    return f"{number:,}"
