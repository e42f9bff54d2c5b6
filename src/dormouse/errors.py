"""The error for input that a user can mend, and where a job's messages go."""

import difflib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

MOST_LETTERS = 2000  # of a message, which may quote what was found


class InputError(ValueError):
    """Input that a user can mend: the message names the place, what was expected, what was found and what to do.

    It is one line of letters that can be seen, whatever it quotes.
    """

    def __init__(self, message: str):
        seen = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
        middle = MOST_LETTERS // 2
        super().__init__(seen if len(seen) <= MOST_LETTERS else f"{seen[:middle]} [...] {seen[-middle:]}")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the known words nearest to `word`, or with all of them if none is near."""
    known = sorted(map(str, known))
    near = difflib.get_close_matches(word, known, n=5, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known are: {', '.join(known)}."


def log_to(path: str) -> None:
    """Send this process's messages to the file `path`; of an InputError only its message, of other errors the traceback."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sys.stderr = open(path, "w", buffering=1, encoding="utf-8")  # noqa: SIM115, open to the end of the process

    def end(kind, error, trace):
        lines = [f"Error: {error}\n"] if kind is InputError else traceback.format_exception(kind, error, trace)
        sys.stderr.writelines(lines)

    sys.excepthook = end
