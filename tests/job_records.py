"""A job as Snakemake gives it to a script, and its record."""

import time
from pathlib import Path
from types import SimpleNamespace

from dormouse.run.provenance import job_record, keep_record


class Named(list):
    """A list some of whose items have names, as Snakemake's."""

    def __init__(self, *values, **named):
        super().__init__((*values, *named.values()))
        self.named = named

    def items(self):
        return self.named.items()

    def get(self, name, default=None):
        return self.named.get(name, default)


def job(outputs, inputs=(), **changed) -> SimpleNamespace:
    parts = {
        "rule": "pool_area",
        "wildcards": Named(area="VISp"),
        "output": Named(*outputs),
        "input": Named(*inputs),
        "params": Named(settings={"min": 3}, code={"pool_area.py": "abc"}, path=Path("a/b")),
        "config": {"dataset": "demo", "selection": {"min_reliability": 0.75}},
        "threads": 1,
        "resources": Named(mem_mb=500),
        "log": ["job.log"],
    }
    return SimpleNamespace(**parts | changed)


def made(outputs, inputs=(), **changed) -> dict:
    """Keep the record of a job that made some files, which exist, and return it."""
    record = job_record(job(outputs, inputs, **changed), time.time())
    keep_record(record)
    return record
