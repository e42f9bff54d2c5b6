"""A job of the workflow: where its messages go, and the record of what it made."""

import atexit
import os
import sys

from psutil import Process

from dormouse.errors import InputError, log_to
from dormouse.run.provenance import job_record, keep_record


def begin(job) -> None:
    """Send the messages of this process, a job, to its log, and keep a record of its results once it has made all of them.

    Parameters
    ----------
    job : what Snakemake gives a script
    """
    log_to(job.log[0])
    atexit.register(_end, job, Process().create_time())  # before anything was imported


def _end(job, start: float) -> None:
    if all(map(os.path.exists, job.output)):  # a job that fails makes none
        try:
            keep_record(job_record(job, start))
        except (OSError, InputError) as error:
            sys.stderr.write(f"No record was kept of this job: {error}\n")
