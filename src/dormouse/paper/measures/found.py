"""What a measure finds in the tables of a run, and what it says where the run has too little."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass


class NotRun(Exception):
    """A run has too little for a target; the message is a sentence that says what is missing."""


@dataclass(frozen=True)
class Found:
    """A number of a run, and the same in words."""

    value: float
    words: str


Networks = Mapping[str, str | Mapping]  # label, what they are called, and where, which they are, as in contrasts.yaml


def need(there: Sized, fewest: int, what: str) -> None:
    """Raise NotRun where there are too few of something."""
    if len(there) < fewest:
        few = f"it takes {fewest} {what}, and this run has {len(there)}."
        raise NotRun(few if fewest > 1 else f"this run does not have {what}.")
