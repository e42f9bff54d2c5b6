"""Edits of the files of a finished run."""

import os
import subprocess
from contextlib import contextmanager

from project import SMALL, Project


@contextmanager
def edited(file, change):
    """Change the text of a file, and restore it at the end."""
    text = file.read_text()
    try:
        file.write_text(change(text))
        yield
    finally:
        file.write_text(text)


def flip_a_bit(path, keep_time=False):
    content, times = bytearray(path.read_bytes()), path.stat()
    content[30] ^= 1  # of the first values in a table
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def refused(project: Project, target: str) -> str:
    """Return what a run prints that ends with an error, and without a traceback."""
    done = subprocess.run(project.command(target, config=SMALL), cwd=project.folder, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in printed, printed
    return printed
