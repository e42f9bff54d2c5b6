"""Mutated files of each kind are read, or refused with one clear line; tests/mutations.py makes more of them, by hand."""

import re
import subprocess
import sys

import pytest

INPUTS = 100  # two or three of each kind; tests/mutations.py reads 10,000
SPOILT = """
import os
import time
from pathlib import Path

import mutations
from mutators import Door
from dormouse.errors import InputError

def written(folder):
    (folder / "given.txt").write_text("valid")
    return folder / "given.txt"

def refuse(file):
    raise InputError("a file: no")

FAULTS = {
    "runs": lambda file: os.system("true"),
    "makes": lambda file: Path("../beside.txt").touch(),
    "fills": lambda file: bytearray(2 * mutations.MOST_BYTES),
    "waits": lambda file: time.sleep(60),
    "dies": lambda file: os.abort(),
    "raises": lambda file: {}["key"],
    "refuses": refuse,
    "changes": lambda file: "other",
}
for name, act in FAULTS.items():
    read = lambda file, act=act: act(file) if file.read_text() == "mutated" else "valid"
    mutations.DOORS[name] = Door(written, lambda content, rng: b"mutated", read, made=name == "changes")
mutations.LONGEST_S = 1
mutations.run(list(FAULTS), seed=0, inputs=len(FAULTS), minutes=5)
"""


def python(root, *arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root / "tests")


def test_mutated_files_are_read_or_refused(root):
    done = python(root, "mutations.py", "--inputs", str(INPUTS))
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def faults(root):
    return dict(re.findall(r"^1 x (\w+): (.*) As: ", python(root, "-c", SPOILT).stdout, re.MULTILINE))


@pytest.mark.parametrize(
    ("door", "cause"),
    [
        ("runs", r"os\.system .*"),
        ("makes", r"a file outside the working directory\."),
        ("fills", r"MemoryError in .*"),
        ("waits", r"hang\."),
        ("dies", r"death with exit code -6\."),
        ("raises", r"KeyError in .*"),
        ("refuses", r"message of .*"),
        ("changes", r"not read as it was written\."),
    ],
)
def test_what_a_door_must_not_do_is_a_fault(faults, door, cause):
    assert re.fullmatch(cause, faults[door])
