"""Let only one run of the workflow at a time work in a folder."""

import re
from contextlib import nullcontext
from pathlib import Path

from filelock import FileLock, Timeout

from dormouse.errors import InputError
from dormouse.files import UNFINISHED

_held: list[FileLock] = []  # held until the process ends, however it ends; the operating system then releases them


def lock_results(folder: str | Path) -> None:
    """Lock a folder of results for this process, and remove unfinished files that killed processes left in it.

    Raises InputError while another run holds the lock, and where there can be none.
    """
    folder = Path(folder)
    lock = FileLock(folder / "run.lock", blocking=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{folder.resolve()}: another run of the workflow works in this folder. Wait until it ends, or stop it, and start "
            "again. Runs in different working directories do not disturb each other."
        ) from error
    except OSError as error:
        raise InputError(
            f"{folder.resolve() / 'run.lock'}: cannot be written ({error.strerror}). Let this user write there, and run again."
        ) from error
    _held.append(lock)
    remove_unfinished(folder)


def is_locked(folder: str | Path) -> bool:
    """Return whether a run works in a folder of results."""
    file = Path(folder) / "run.lock"
    try:
        with FileLock(file, blocking=False) if file.exists() else nullcontext():
            return False
    except Timeout:
        return True
    except OSError:  # which is told when a run starts
        return False


def remove_unfinished(folder: Path) -> None:
    """Remove files that were being written when their process was killed."""
    for file in folder.rglob(".*"):
        if re.fullmatch(UNFINISHED, file.name):
            file.unlink(missing_ok=True)
