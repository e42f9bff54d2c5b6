"""Files of weights that a training run keeps, one for each epoch."""

import shutil
from pathlib import Path

from safetensors.numpy import load_file

from dormouse.errors import InputError
from dormouse.files import atomic
from dormouse.models.weights_digest import check_digest


def epoch_file(folder: str | Path, epoch: int) -> Path:
    """Return the path of the weights of an epoch."""
    return Path(folder) / f"epoch_{epoch:03}.safetensors"


def hand_out(file: str | Path, path: str | Path) -> None:
    """Copy the weights of an epoch to `path`.

    Raises InputError where they are missing or damaged.
    """
    file = Path(file)
    try:
        check_digest(file, load_file(file), made_here=True)
    except Exception as error:  # safetensors and the system each raise their own
        what = "damaged" if file.is_file() else "no such file"
        raise InputError(f"{file}: {what}; the epoch has to be trained again. {anew(file.parent)}") from error
    # no link: a change of one file must not change the other
    with atomic(path) as temporary:
        shutil.copyfile(file, temporary)


def anew(folder: Path) -> str:
    """Return a sentence that says how to train a run from the start; `folder` holds its epochs."""
    run = folder.parent
    return f"To train anew: rm -rf {folder} {run}.parquet {run}.safetensors {run}@*"
