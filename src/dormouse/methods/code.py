"""What the scores of a family rest on: the code of its module, or that of a user's function."""

from collections.abc import Mapping
from pathlib import Path

from dormouse.code import script_code
from dormouse.contents import file_hash
from dormouse.methods.table import USER
from dormouse.models.user import user_code


def family_code(methods: Mapping[str, Mapping]) -> dict[str, str]:
    """Return hashes of the code, and of files that the user names, behind the methods of one family."""
    found: dict[str, str] = {}
    for row in methods.values():
        if row.get("source") == USER:
            found |= user_code(row["name"]) | {name: file_hash(name) for name in row["files"]}
        else:
            found |= script_code(Path(__file__).with_name(f"{row['family']}.py"), "score")
    return found
