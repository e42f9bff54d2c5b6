"""Mutated files of each kind are read, or refused with one clear line; tests/mutations.py makes more of them, by hand."""

import subprocess
import sys

INPUTS = 350


def test_mutated_files_are_read_or_refused(root):
    command = [sys.executable, root / "tests/mutations.py", "--inputs", str(INPUTS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
