"""How far a run is: a line as each section of the workflow ends, and on a terminal a bar that shows what is under way."""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TextIO

from tqdm import tqdm
from tqdm.contrib import DummyTqdmFile

CONSOLE = "DefaultStreamHandler"  # Snakemake's name of the handler that prints
# what Snakemake says of each job, and what the lines of sections say instead
ROUTINE = {"job_info", "job_started", "job_finished", "group_info", "shellcmd", "progress"}
SELECTING = "Select jobs to execute..."
BAR = "{n_fmt} of {total_fmt} jobs |{bar:20}| {elapsed}, {remaining} left{postfix}"
LOOK_S = 2  # between two looks at the logs of running jobs
TAIL_BYTES = 500  # of a log, more than the last state of a bar
UNDER_WAY = re.compile(r"([\d.]+\w?)/([\d.]+\w?) \[[^]\r]*?(?:s/|[\d.? kMGT])([A-Za-z]+)(?:/s)?\]")  # a bar of tqdm's


def follow(logger: logging.Logger, sections: Callable[[], Mapping[int, str]]) -> None:
    """Print the progress of a run in the place of Snakemake's lines on every job that starts or ends, which its log keeps.

    Parameters
    ----------
    logger : of Snakemake
    sections : returns the section of every job that is to be done, by the job's number
    """
    for console in [handler for handler in logger.handlers if handler.name == CONSOLE]:
        logger.addHandler(Progress(sections, console.stream))
        console.addFilter(lambda record: getattr(record, "event", None) not in ROUTINE and record.msg != SELECTING)
        console.setStream(DummyTqdmFile(console.stream))  # above the bar


def announce(logger: logging.Logger, lines: Callable[[], Sequence[str]]) -> None:
    """Print lines once it is known which jobs are to be done, before the first of them starts, or in a dry run."""
    for console in [handler for handler in logger.handlers if handler.name == CONSOLE]:
        logger.addHandler(Announcement(lines, console.stream))


class Announcement(logging.Handler):
    """Waits for what Snakemake logs of all jobs, see `announce`."""

    def __init__(self, lines: Callable[[], Sequence[str]], stream: TextIO):
        super().__init__()
        self.lines, self.stream, self.over = lines, stream, False

    def emit(self, record: logging.LogRecord) -> None:
        """Print the lines, the first time that Snakemake tells how many jobs there are."""
        if getattr(record, "event", None) == "run_info" and not self.over:
            self.over = True
            print(*self.lines(), sep="\n", end="\n\n", file=self.stream)


class Progress(logging.Handler):
    """Reads what Snakemake logs, see `follow`; there is a bar only if `stream` is a terminal."""

    def __init__(self, sections: Callable[[], Mapping[int, str]], stream: TextIO):
        super().__init__()
        self.sections, self.stream, self.start = sections, stream, time.monotonic()
        self.left, self.over, self.n_done, self.failed = dict(sections()), set(), Counter(), set()
        self.running: dict[int, tuple[str, str, Sequence[str]]] = {}  # by number: rule, what it is about, and logs of a job
        self.bar = tqdm(total=len(self.left), file=stream, bar_format=BAR, disable=None, leave=False)
        self.ended = Event()
        if not self.bar.disable:
            Thread(target=self._look, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a job that starts or ends."""
        event = getattr(record, "event", None)
        if event == "job_info":
            self.running[record.jobid] = record.rule_name, next(iter(record.wildcards.values()), ""), record.log
        elif event in ("job_finished", "job_error"):
            job = record.job_id if event == "job_finished" else record.jobid
            self.running.pop(job, None)
            if event == "job_finished":
                self.failed.discard(job)
                self._finish(job)
            else:  # it may be tried again
                self.failed.add(job)
        elif event == "progress":
            if record.total != self.bar.total:  # more jobs turned out to be needed
                self.left = {job: section for job, section in self.sections().items() if job not in self.over}
            self.bar.total, self.bar.n = record.total, record.done
            self.bar.refresh()
            if record.done == record.total:
                self.bar.close()

    def _finish(self, job: int) -> None:
        self.over.add(job)
        section = self.left.pop(job, None)
        self.n_done[section] += 1
        if section is not None and section not in self.left.values():
            n = self.n_done[section]
            elapsed = time.monotonic() - self.start
            line = f"{tqdm.format_interval(elapsed)}  {section}: {n} job{'s' * (n > 1)} done"
            if self.left:  # ASSUME what is left takes as long as what is done, job by job
                left = tqdm.format_interval(elapsed * len(self.left) / len(self.over))
                line += f" ({len(self.over)} of {self.bar.total} in all, about {left} left{self._counts()})"
            tqdm.write(line, file=self.stream)

    def _counts(self) -> str:
        counts = {"running": len(self.running), "failed": len(self.failed)}
        return "".join(f", {n} {what}" for what, n in counts.items() if n)

    def _look(self) -> None:
        while not self.ended.wait(LOOK_S):
            with self.lock:
                running = list(self.running.values())
            states = list(filter(None, (state(about, logs) for _, about, logs in running)))
            others = [f"{rule} {about}".strip() for rule, about, _ in running[:1]]
            with self.lock:
                self.bar.set_postfix_str(self._counts().removeprefix(", ") + "".join(f"; {told}" for told in states or others))

    def close(self) -> None:
        """Remove the bar."""
        self.ended.set()
        with self.lock:
            self.bar.close()
        super().close()


def state(about: str, logs: Sequence[str]) -> str:
    """Return how far a job is by the last bar in its logs, such as "resnet50: layer 34 of 161", or nothing."""
    for path in logs:
        with suppress(OSError):
            text = Path(path).read_bytes()[-TAIL_BYTES:].decode(errors="replace")
            if found := UNDER_WAY.findall(text):
                done, total, unit = found[-1]
                return f"{about}: {done}B of {total}B" if unit.endswith("B") else f"{about}: {unit} {done} of {total}"
    return ""
