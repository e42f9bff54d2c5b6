"""Kill a small run at random moments, damage a file after every third kill, start it again, and compare its tables.

A run that was killed must end in the same tables when it is started again, or when the one command that its message names was
given before. The file is any of results or .snakemake: truncated, with one bit flipped, or removed.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
from project import SMALL, Project, merged
from tqdm import tqdm
from warm_python import warm_python

ROOT = Path(__file__).parent.parent
CONFIG = merged(SMALL, {"methods": {"run": ["rsa_pearson", "ridge_srp"]}, "reliability": {"n_splits": 4}})
TOLD = re.compile(r"^Error: (\S+): .*Remove it and run again\.|Move (\S+) away", re.MULTILINE)
MOST_STARTS = 3  # until a run ends that was killed once
TIMEOUT_S = 600
# Snakemake as `python -m snakemake` runs it; jobs are forked from a process that has imported the libraries
START = "import sys; sys.argv[0], sys.executable = 'snakemake', sys.argv.pop(1); from snakemake.cli import main; main()"


def start(project: Project) -> subprocess.Popen:
    """Start a run in a process group of its own."""
    _, _, _, *words = project.command(config=CONFIG)
    return subprocess.Popen(
        [sys.executable, "-c", START, warm_python(), *words],
        cwd=project.folder,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "SNAKEMAKE_PROFILE": "none"},
    )


def tables(project: Project) -> dict[str, bytes]:
    """Return the digest of each table of a run, read from the file, with which its content agrees or reading it fails."""
    return {
        path.name: pq.read_schema(path).metadata[b"digest"] + repr(pq.read_table(path).to_pydict()).encode()
        for path in sorted(project.folder.glob("results/demo/tables/*.parquet"))
    }


def damage(project: Project, random: Random) -> str:
    """Damage one file of results or .snakemake, and return what was done to which."""
    files = [path for top in ("results", ".snakemake") for path in sorted((project.folder / top).rglob("*")) if path.is_file()]
    path, kind = random.choice(files), random.choice(["truncated", "flipped", "removed"])
    content = path.read_bytes()
    if kind == "removed":
        path.unlink()
    elif kind == "truncated":
        path.write_bytes(content[: random.randrange(len(content))] if content else b"")
    elif content:
        place = random.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << random.randrange(8)]) + content[place + 1 :])
    return f"{kind} {path.relative_to(project.folder)}"


def finish(project: Project) -> tuple[str, str]:
    """Start a run until it ends, doing what its messages say; return how it ended, and what it printed last."""
    how = "by itself"
    for _ in range(MOST_STARTS):
        process = start(project)
        printed, _ = process.communicate(timeout=TIMEOUT_S)
        if process.returncode == 0:
            return how, printed
        for file, folder in (named := TOLD.findall(printed)):
            (project.folder / (file or folder)).rename(project.folder / f"moved-{time.time_ns()}")
        how = "after the command that was named" if named else "after another start"
    return "not at all", printed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and return 1 where a run did not end in the same tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first kill; with the seed, it decides the moment")
    given = parser.parse_args(arguments)
    ends, faults = Counter(), []
    with tempfile.TemporaryDirectory() as place:
        whole, began = Project(ROOT, Path(place, "whole")), time.monotonic()
        assert finish(whole)[0] == "by itself"
        seconds, expected = time.monotonic() - began, tables(whole)
        for k in tqdm(range(given.first, given.first + given.kills), unit="kill"):
            random = Random(f"{given.seed} {k}")
            project, moment = Project(ROOT, Path(place, "killed")), random.uniform(0, seconds)
            process = start(project)
            time.sleep(moment)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            done = damage(project, random) if k % 3 == 0 and (project.folder / "results").is_dir() else ""
            how, printed = finish(project)
            same = how != "not at all" and tables(project) == expected
            ends["damaged" if done else "killed", how if same else "other tables" if how != "not at all" else how] += 1
            if not same or how != "by itself":
                faults += [k] * (not same)
                tqdm.write(f"kill {k} after {moment:.1f} s of {seconds:.1f}, {done or 'nothing damaged'}: {how}, same: {same}")
                tqdm.write("" if same else printed[-3000:])
            shutil.rmtree(project.folder)
    for (what, how), count in sorted(ends.items()):
        print(f"{what:8} {how:34} {count:4}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
