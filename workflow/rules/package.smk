"""The package beside this workflow, and what ties a job to its code and to the files of users."""

import logging
import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

# a job runs on the cores that it declares; without this, numpy would take all of them
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# on a full disk, Snakemake would print a traceback for each message that its own log has no room for
logging.raiseExceptions = False

# two folders above this file, also where another workflow imports this one as a module
ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).parents[1]
if not ROOT.is_dir():
    raise WorkflowError(f"{ROOT}: not on this machine. Clone dormouse, and import workflow/Snakefile of the clone.")
# use the package beside this workflow, here and in every job, even if another one is installed, which a profile may have loaded
sys.path.insert(0, str(ROOT / "src"))
if "dormouse" in sys.modules and not Path(sys.modules["dormouse"].__file__).is_relative_to(ROOT / "src"):
    for name in [name for name in sys.modules if name.partition(".")[0] == "dormouse"]:
        del sys.modules[name]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT / "src"), os.getenv("PYTHONPATH")])))

from dormouse.code_hash import script_code
from dormouse.content_hash import file_hash, is_made
from dormouse.errors import InputError
from dormouse.recordings.datasets import SIMULATED
from dormouse.recordings.remote import is_address
from dormouse.schemas import check, read_schema
from dormouse.written import read_yaml


@contextmanager
def in_one_line():
    """Let the message of an InputError in this block or function stand alone; Snakemake would put a traceback around it."""
    try:
        yield
    except InputError as error:
        sys.exit(f"Error: {error}")


# A job runs again if its parameters change: settings, the code of its script, and the contents of a user's files. Times and
# locations of these files do not matter, so they are `ancient`; between results, too, contents count (see the profiles).
# Snakemake does not compare parameters that are functions of `input`, so there are none.
def code(script):
    """Return a function for `params` that gives a hash of the code that a script depends on."""
    found = cache(script_code)  # once for all jobs of a rule
    return lambda wildcards: found(ROOT / f"workflow/scripts/{script}.py")


# Nor does Snakemake run a job again because an input has another path. So the keys in paths, of images, kernels and simulated
# recordings, are parameters too.
@in_one_line()
def contents(files):
    """Return name and hash of each of a user's files, and the path of each simulated one; others are left out."""
    given = [file for file in files if not is_address(file) and not is_made(file)]
    return [(Path(file).name, file_hash(file)) for file in given] + [file for file in files if file.startswith(SIMULATED)]


def timeless(files):
    """Return files as inputs, a user's files without their times; addresses are left out."""
    return [file if is_made(file) else ancient(file) for file in files if not is_address(file)]


@in_one_line()
def own_table(name):
    """Return a table of resources/NAME.yaml, as its schema says that it is."""
    schema = read_schema(ROOT / f"workflow/schemas/{name}.schema.yaml")
    table = read_yaml(ROOT / f"resources/{name}.yaml")
    check(table, schema, f"resources/{name}.yaml")
    return table
