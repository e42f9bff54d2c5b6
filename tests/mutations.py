"""Mutate valid files of each kind at random, and see whether their doors read them, or refuse them with one clear line.

Anything else is a fault: another error, a process that dies, takes more than 10 seconds or asks for more than 1 GiB of memory,
code that runs, a connection, a file outside the working directory, and what a run wrote but is read otherwise.
"""

import argparse
import faulthandler
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import torch
from doors_given import GIVEN
from doors_made import MADE
from doors_written import WRITTEN
from mutators import Door, raw
from tqdm import tqdm

from dormouse.errors import MOST_LETTERS, InputError

DOORS = WRITTEN | GIVEN | MADE
LONGEST_S = 10  # to read one file
MOST_BYTES = 1 << 30  # of address space beyond that of a process that has read nothing
BATCH = 300  # files of a kind that one process reads
RUNS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "pickle.find_class",
    "ctypes.dlopen",
)
REACHES = ("socket.connect", "socket.bind", "socket.getaddrinfo")
WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
MAKE_CLASSES = ("collections", "dataclasses")  # by text of their own
FORKS = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Result:
    """What became of one mutated file."""

    kind: str
    number: int
    end: str  # read, refused or fault
    cause: str = ""  # of a fault, the same for all that have it
    told: str = ""
    seconds: float = 0.0
    memory_mb: float = 0.0  # the most that reading took, this file or another before it
    file: bytes = b""  # content, of a fault


def mutated(kind: str, content: bytes, seed: int, number: int) -> bytes:
    """Return the mutated file that seed and number stand for."""
    rng = Random(f"{seed} {kind} {number}")
    try:
        return DOORS[kind].mutate(content, rng)
    except Exception:  # what cannot be written in this format
        return raw(content, rng)


class Watch:
    """Sees code run, and files written outside the working directory."""

    def __init__(self):
        self.on, self.seen, self.content = False, [], b""
        self.here = os.path.realpath(os.getcwd()) + os.sep
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple) -> None:
        if not self.on:
            return
        self.on = False  # not what this function does itself
        if event in (*RUNS, *REACHES):
            self.seen.append(f"{event} {args[:1]}")
        elif event == "exec" and not os.path.isfile(args[0].co_filename) and "frozen" not in args[0].co_filename:
            by = sys._getframe(1).f_globals.get("__name__")
            self.seen += [f"exec by {by}"] if by not in MAKE_CLASSES else []
        elif (
            event == "import"
            and args[0] not in sys.modules
            and re.search(rb"\b%b\b" % re.escape(args[0].encode()), self.content)
        ):
            self.seen.append(f"import of {args[0]}")
        elif event == "open" and isinstance(args[0], str | bytes) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._place(event, args[0])
        elif event in WRITES:
            for place in args[:2]:
                self._place(event, place)
        self.on = True

    def _place(self, event: str, place: object) -> None:
        if not isinstance(place, str | bytes | os.PathLike) or os.fsdecode(place) == os.devnull:
            return
        if not (os.path.realpath(os.fsdecode(place)) + os.sep).startswith(self.here):
            self.seen.append(f"{event} {os.fsdecode(place)}")


def judge(door: Door, file: Path, watch: Watch, expected: object) -> tuple[str, str, str]:
    """Read a file, and return how that ended: end, cause and what was told."""
    watch.seen.clear()
    try:
        watch.on = True
        found = door.read(file)
    except InputError as error:
        watch.on = False
        line = str(error)
        if not re.search(door.named or re.escape(file.name), line) or not line.isprintable() or len(line) > MOST_LETTERS + 10:
            return "fault", f"message of {place_of(error)}", line
        end = "refused", "", line
    except BaseException as error:
        watch.on = False
        return "fault", f"{type(error).__name__} in {place_of(error)}", "".join(traceback.format_exception(error))[-3000:]
    else:
        watch.on = False
        end = ("read", "", "") if not door.made or found == expected else ("fault", "not read as it was written", "")
    return ("fault", watch.seen[0][:100], str(watch.seen)) if watch.seen else end


def place_of(error: BaseException) -> str:
    """Return the last line of the package, and of a library if that is another, that an error passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/dormouse/" in frame.filename]
    return " and ".join(dict.fromkeys(f"{Path(frame.filename).name}:{frame.lineno}" for frame in [*ours[-1:], *frames[-1:]]))


def work(kind: str, folder: Path, numbers: Connection) -> None:
    """Write a valid file and send its path; then read it each time that a number arrives, in a process that can do no harm."""
    torch.set_num_threads(1)
    silence = os.open(folder / "printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(silence, stream)
    traces = open(folder / "trace", "w")  # noqa: SIM115, open to the end of the process
    faulthandler.enable(traces)
    sys.dont_write_bytecode = True
    os.chdir(folder / "run")
    door = DOORS[kind]
    file = door.write(Path.cwd())
    expected = door.read(file)
    numbers.send(file)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_BYTES,) * 2)
    watch, before, around = Watch(), peak_mb(), set(folder.iterdir())
    while (number := numbers.recv()) is not None:
        watch.content = file.read_bytes()
        faulthandler.dump_traceback_later(LONGEST_S, exit=True, file=traces)
        began = time.monotonic()
        result = Result(kind, number, *judge(door, file, watch, expected))
        faulthandler.cancel_dump_traceback_later()
        if beside := set(folder.iterdir()) - around:
            around |= beside
            result = Result(kind, number, "fault", "a file outside the working directory", str(beside))
        numbers.send(replace(result, seconds=time.monotonic() - began, memory_mb=peak_mb() - before))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_all(kind: str, seed: int, todo: Sequence[int]) -> Iterator[Result]:
    """Yield the result of each mutated file. A process that dies is replaced."""
    todo = list(todo)
    while todo:
        with tempfile.TemporaryDirectory() as place:
            folder, changed = Path(place), b""
            (folder / "run").mkdir()
            ours, theirs = FORKS.Pipe()
            process = FORKS.Process(target=work, args=(kind, folder, theirs))
            process.start()
            theirs.close()
            try:
                file = ours.recv()
                content = file.read_bytes()
                while todo:
                    changed = mutated(kind, content, seed, todo[0])
                    file.write_bytes(changed)
                    ours.send(todo[0])
                    result = ours.recv()
                    yield replace(result, file=changed if result.end == "fault" else b"")
                    del todo[0]
                ours.send(None)
                process.join()
            except (EOFError, ConnectionError):
                process.join()
                told = "".join((folder / name).read_text(errors="replace")[-3000:] for name in ("trace", "printed"))
                if not changed:
                    raise RuntimeError(f"{kind}: the valid file is not read. {told}") from None
                cause = "hang" if "Timeout" in told else f"death with exit code {process.exitcode}"
                where = re.search(r'dormouse/([^"]+)", line (\d+)', told)
                cause += f" in {':'.join(where.groups())}" if where else ""
                yield Result(kind, todo.pop(0), "fault", cause, told, file=changed)


def run(kinds: Sequence[str], seed: int, inputs: int, minutes: float) -> list[Result]:
    """Read so many files of some kinds, batch by batch, and print what became of each kind and why there are faults."""
    results, end = [], time.monotonic() + 60 * minutes
    of_kind = -(-inputs // len(kinds))
    with tqdm(total=of_kind * len(kinds), unit="file", mininterval=5) as shown:
        for first, kind in product(range(0, of_kind, BATCH), kinds):
            for result in read_all(kind, seed, range(first, min(first + BATCH, of_kind))) if time.monotonic() < end else ():
                results.append(result)
                shown.update()
    print(f"{'kind':24} {'files':>7} {'refused':>7} {'read':>7} {'faults':>7} {'seconds':>8} {'MB':>6}")
    for kind in (*kinds, "all"):
        found = [result for result in results if kind in (result.kind, "all")]
        ends = Counter(result.end for result in found)
        seconds, memory = sum(result.seconds for result in found), max((result.memory_mb for result in found), default=0)
        counts = " ".join(f"{count:7}" for count in (len(found), *(ends[end] for end in ("refused", "read", "fault"))))
        print(f"{kind:24} {counts} {seconds:8.1f} {memory:6.0f}")
    causes = Counter((result.kind, result.cause) for result in results if result.end == "fault")
    for (kind, cause), count in causes.most_common():
        first = next(result for result in results if (result.kind, result.cause) == (kind, cause))
        print(f"{count} x {kind}: {cause}. As: --seed {seed} --only '{kind}' --number {first.number}")
        print("   ", first.told.strip().splitlines()[-1][:200] if first.told.strip() else "")
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and return 1 where there are faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; with it and its number a file is made again")
    parser.add_argument("--inputs", type=int, default=10_000, metavar="N", help="number of files, all kinds together")
    parser.add_argument("--minutes", type=float, default=60, help="begin nothing after so many minutes")
    parser.add_argument("--only", choices=list(DOORS), metavar="KIND", help=f"one kind: {', '.join(DOORS)}")
    parser.add_argument("--number", type=int, help="with --only: one file alone, and all that is told of it")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="save the files of faults there")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # of what is odd in the files that are made
    if given.number is None:
        results = run([given.only] if given.only else list(DOORS), given.seed, given.inputs, given.minutes)
    else:
        results = list(read_all(given.only, given.seed, [given.number]))
        print(results[0].end, results[0].cause, results[0].told, sep="\n")
    faults = [result for result in results if result.end == "fault"]
    for result in faults if given.keep else ():
        given.keep.mkdir(parents=True, exist_ok=True)
        (given.keep / f"{result.number} {result.kind}").write_bytes(result.file)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
