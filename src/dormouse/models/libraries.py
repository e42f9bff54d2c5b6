"""What the libraries of networks hold: read from their files, because importing takes seconds."""

import functools
import importlib.util
import re
from pathlib import Path

# how a library registers a network
REGISTERED = re.compile(r"^@register_model.*\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)


@functools.cache
def registered(library: str) -> set[str]:
    """Return the names of a library's networks."""
    folder = Path(importlib.util.find_spec(library).origin).parent / "models"
    return {name for file in folder.glob("*.py") for name in REGISTERED.findall(file.read_text(encoding="utf-8"))}
