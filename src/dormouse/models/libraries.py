"""What the libraries of networks, and the user's own modules, hold: read from their files, because importing takes seconds."""

import functools
import hashlib
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

from dormouse.errors import InputError

# how a library registers a network
REGISTERED = re.compile(r"^@register_model.*\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)


@functools.cache
def registered(library: str) -> set[str]:
    """Return the names of a library's networks."""
    folder = Path(importlib.util.find_spec(library).origin).parent / "models"
    return {name for file in folder.glob("*.py") for name in REGISTERED.findall(file.read_text(encoding="utf-8"))}


def user_code(name: str) -> str:
    """Return a hash of the user's code behind `module:function`; empty where the module is installed.

    A module of the working directory is hashed as a whole: its file, or all files of its package.
    """
    top = name.partition(":")[0].partition(".")[0]
    files = [Path(f"{top}.py")] if Path(f"{top}.py").is_file() else sorted(Path(top).rglob("*.py"))
    if not files and importlib.util.find_spec(top) is None:
        raise InputError(f"config: models.add: {name}: no module {top!r} in {Path.cwd()}, and none is installed.")
    return files_hash({str(file): file for file in files}) if files else ""


def files_hash(files: Mapping[str, Path]) -> str:
    """Return a hash of the names and contents of files."""
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(name.encode() + file.read_bytes())
    return digest.hexdigest()
