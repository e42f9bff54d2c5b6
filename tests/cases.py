"""A case: something comes from outside, and the workflow accepts or refuses it (tests/workflow/test_cases.py)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


def unchanged(mice: Path, run: Path) -> None:
    """Leave everything as it is."""


@dataclass(frozen=True)
class Case:
    """A situation that the workflow accepts or refuses, beginning with a valid dataset folder and one model, the pixels."""

    title: str
    # change(mice, run) changes files before the start: in the folder of `examples.write_dataset`, and in the working directory
    # beside it, which is called `run`
    change: Callable[[Path, Path], None] = unchanged
    # a pattern that one line matches, and no network runs; None: the workflow accepts it
    refused: str | None = None
    says: Sequence[str] = ()  # patterns of further lines
    # laid over the configuration, key by key; paths count from `run`. Or the text, or the bytes, of a file that is named
    # by --configfile
    config: Mapping | str | bytes = field(default_factory=dict)
    arguments: Sequence[str] = ("-n",)  # of the command line; a dry run takes a second or two, a job five more
    slow: bool = False  # left to `make test-all`
    environment: Mapping[str, str] = field(default_factory=dict)
