"""What a run prints of its progress: a line for each section that ends, and on a terminal what is under way."""

import io
import logging
import re

import pytest

from dormouse.run.progress import CONSOLE, announce, follow, state

SECTIONS = {1: "stimuli", 2: "recordings", 3: "recordings", 4: "features"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=[io.StringIO, Terminal])
def stream(request):
    return request.param()


@pytest.fixture
def log(stream):
    """Give log(event, ...), which logs as Snakemake does, to a logger whose progress is printed to `stream`."""
    logger, console, sections = logging.Logger("test"), logging.StreamHandler(stream), dict(SECTIONS)
    console.name = CONSOLE
    logger.addHandler(console)
    follow(logger, lambda: sections)

    def log(event, message="routine", level=logging.INFO, **extra):
        logger.log(level, message, extra={"event": event} | extra)

    log.sections = sections
    yield log
    for handler in logger.handlers:
        handler.close()


def run(log, job, done, total=5):
    log("job_started", jobs=[job])
    log("job_info", jobid=job, rule_name="read", wildcards={"model": "small"}, log=["a.log"])
    log("shellcmd")
    log("job_finished", job_id=job)
    log("progress", None, done=done, total=total)


def lines(stream):
    """Return what is printed but for the bar."""
    text = stream.getvalue().replace("\r", "\n").split("\n")
    shown = [line[7:] if line[2:3] == ":" else line for line in text if line.strip() and "jobs |" not in line]
    return [re.sub(r"about \d\d:\d\d left", "about some time left", line) for line in shown]


def test_a_section_is_a_line_when_its_last_job_ends(log, stream):
    log(None, "Select jobs to execute...")
    for done, job in enumerate([2, 1, 3], start=1):
        run(log, job, done)
    assert lines(stream) == [
        "stimuli: 1 job done (2 of 5 in all, about some time left)",
        "recordings: 2 jobs done (3 of 5 in all, about some time left)",
    ]
    run(log, 4, 4)
    assert lines(stream)[2:] == ["features: 1 job done"]


def test_a_line_tells_how_many_jobs_run_and_have_failed(log, stream):
    for job in (2, 3, 4):
        log("job_info", jobid=job, rule_name="read", wildcards={}, log=["a.log"])
    log("job_error", "Error in rule read", logging.ERROR, jobid=3)
    run(log, 1, 1)
    assert lines(stream)[1:] == ["stimuli: 1 job done (1 of 4 in all, about some time left, 2 running, 1 failed)"]
    log("job_info", jobid=3, rule_name="read", wildcards={}, log=["a.log"])
    run(log, 3, 2)
    run(log, 2, 3)
    assert lines(stream)[2:] == ["recordings: 2 jobs done (3 of 5 in all, about some time left, 1 running)"]


def test_errors_stay_whole(log, stream):
    log("job_error", "Error in rule read:\n    log: a.log\nLogfile a.log:\nError: mend this", logging.ERROR, jobid=1)
    log(None, "Shutting down, this might take some time.")
    assert lines(stream) == [
        "Error in rule read:",
        "    log: a.log",
        "Logfile a.log:",
        "Error: mend this",
        "Shutting down, this might take some time.",
    ]


def test_jobs_that_turn_out_to_be_needed_count(log, stream):
    log.sections |= {5: "features"}
    run(log, 1, 1, total=6)
    run(log, 4, 2, total=6)
    run(log, 5, 3, total=6)
    assert [line.partition(" (")[0] for line in lines(stream)] == ["stimuli: 1 job done", "features: 2 jobs done"]


def test_a_terminal_shows_jobs_done_of_all(log, stream):
    run(log, 1, 1)
    assert ("1 of 5 jobs |" in stream.getvalue()) == stream.isatty()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "161 outputs\n 0%|  | 0/161 [00:00<?, ?layer/s]\r 21%|## | 34/161 [00:10<00:39, 3.18layer/s]",
            "small: layer 34 of 161",
        ),
        ("epoch 3: 50%|#####     | 1/2 [00:10<00:10, 10.3s/batch]", "small: batch 1 of 2"),
        (" 6%|6  | 12.3M/200M [00:01<00:20, 9.1MB/s]", "small: 12.3MB of 200MB"),
        ("2/3 of the trials [all]", ""),
        (None, ""),
    ],
)
def test_how_far_a_job_is_stands_in_its_log(tmp_path, text, shown):
    if text:
        (tmp_path / "a.log").write_text(text)
    assert state("small", [tmp_path / "a.log"]) == shown


def test_what_is_to_be_done_is_told_once_before_the_first_job(stream):
    logger, console = logging.Logger("test"), logging.StreamHandler(stream)
    console.name = CONSOLE
    logger.addHandler(console)
    announce(logger, lambda: ["To do: 3 networks", "Disk: about 2 GB"])
    assert stream.getvalue() == ""
    for event in ("run_info", "job_started", "run_info"):
        logger.info("routine", extra={"event": event})
    assert stream.getvalue().count("To do: 3 networks\nDisk: about 2 GB\n\n") == 1
