"""The key of a training run: a hash of its recipe, its network and its images. It needs no torch, and reads no pixel."""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from dormouse.content_hash import file_hash, folder_hash
from dormouse.models.specification import table_files
from dormouse.training.image_files import FILES

# Keys of a recipe that do not count: more epochs continue the same run; folder and network count by their contents.
NOT_HASHED = {"epochs", "folder", "network"}


def training_key(spec: Mapping, recipe: Mapping) -> str:
    """Return a short hash of all that changes the weights of a run, except code.

    Parameters
    ----------
    spec : of the network, from `registry.training_spec`
    recipe : the run's lines in the configuration. The number of epochs does not count; images and MouseNet's tables count by
        their contents, wherever they are.

    Raises InputError where images are missing, or where a folder of images holds something else.
    """
    told = {
        "recipe": {key: value for key, value in recipe.items() if key not in NOT_HASHED},
        "network": {**spec, "options": {key: value for key, value in spec["options"].items() if key != "tables"}},
        # tables that the workflow has yet to make count by name, until the job is about to start
        "tables": [file_hash(file) if Path(file).is_file() else file for file in table_files(spec["options"])],
        "images": images_hash(recipe["images"], recipe["folder"]),
    }
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


@cache
def images_hash(kind: str, folder: str | None) -> str:
    """Return a hash of the names and contents of training and test images; empty for digits, which come with a library."""
    if kind == "digits":
        return ""
    return folder_hash(folder, FILES[kind](Path(folder)))
