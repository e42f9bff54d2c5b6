"""The error for input that a user can mend, and where a job's messages go."""

import difflib
import errno
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO, TextIOWrapper
from pathlib import Path
from types import TracebackType

MOST_LETTERS = 2000  # of a line of a message, which may quote what was found


class InputError(ValueError):
    """Input that a user can mend: the message names the place, what was expected, what was found and what to do.

    It is one line, or several that are given one by one, of letters that can be seen, whatever they quote.
    """

    def __init__(self, *lines: str):
        super().__init__("\n".join(map(_line, lines)))


def _line(text: str) -> str:
    seen = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    middle = MOST_LETTERS // 2
    return seen if len(seen) <= MOST_LETTERS else f"{seen[:middle]} [...] {seen[-middle:]}"


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the known words nearest to `word`, or with all of them if none is near."""
    known = sorted(map(str, known))
    near = difflib.get_close_matches(word, known, n=5, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known are: {', '.join(known)}."


def is_full(error: BaseException) -> bool:
    """Return whether an error says that there is no room on a disk, or within what a user may use of it."""
    # not all libraries raise an OSError
    return any(getattr(error, "errno", None) == n or os.strerror(n) in str(error) for n in (errno.ENOSPC, errno.EDQUOT))


def no_room(path: str | Path, error: BaseException) -> InputError:
    """Return the error for a file that has no room on its disk."""
    reason = " ".join(str(error).split())
    return InputError(f"{path}: cannot be written, the disk is full ({reason}). Make room and run again.")


def log_to(path: str) -> None:
    """Send this process's messages to the file `path`, of an InputError only its message, of other errors the traceback.

    What has no room in the file goes to standard error.
    """
    with suppress(OSError):  # no room for an empty file either
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        sys.stderr = TextIOWrapper(_Log(path, "w"), encoding="utf-8", errors="backslashreplace", write_through=True)
    sys.excepthook = _explain


class _Log(FileIO):
    def write(self, text: bytes) -> int:
        """Write a text to the file, or else the whole of it to standard error."""
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError:
            os.write(2, text)
        return len(text)


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if is_full(error) and not isinstance(error, InputError):
        error = no_room(getattr(error, "filename", None) or "a file", error)
    if isinstance(error, InputError):
        sys.stderr.write(f"Error: {error}\n")
    else:
        _end(kind, error, trace)


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if kind is KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
    else:
        sys.__excepthook__(kind, error, trace)


# Scripts import this module first, so Ctrl-C leaves no traceback either while they import others, which takes seconds.
sys.excepthook = _end
