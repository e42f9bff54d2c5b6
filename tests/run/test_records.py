"""Which results are to be made again: those without a record that can be read, and those that are not as they were written."""

import json
import os
import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from job_records import made

from dormouse.errors import InputError
from dormouse.run.provenance import record_path
from dormouse.run.records import DAMAGED, UNKNOWN, to_make_again

PATTERNS = [re.compile(r"results/mice/(?P<name>\w+)\.npz$"), re.compile(r"results/mice/report\.html$")]
RECORD = {"rule": "pool_area", "params": ["1"], "record_format_version": 6, "endtime": 1000.25}
LONG = "x" * 240  # in base 64 longer than the name of a file may be


def write_record(file, content=None):
    """Write the record of a file as Snakemake does, or else other bytes in its place."""
    name = urlsafe_b64encode(file.encode()).decode()
    parts = [name[k : k + 254] for k in range(0, len(name), 254)]
    path = Path("records", *(f"@{part}" for part in parts[:-1]), parts[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(RECORD).encode() if content is None else content)
    return path


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Work in a folder with three results, each with its record, and two other files; give their paths."""
    monkeypatch.chdir(tmp_path)
    files = ["results/mice/one.npz", f"results/mice/{LONG}.npz", "results/mice/report.html"]
    for file in (*files, "results/mice/notes.txt", "results/mice/logs/one.npz"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(file)
        os.utime(file, (1, RECORD["endtime"]))
    for file in files:
        write_record(file)
    return files


def test_results_with_a_record_and_other_files_are_left_as_they_are(results):
    assert to_make_again("results", PATTERNS, "records") == {}


def test_a_result_whose_record_is_gone_is_named(results):
    for file in results[:2]:
        write_record(file).unlink()
    assert to_make_again("results", PATTERNS, "records") == {UNKNOWN: results[:2]}


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 50, b"\xff", b"{", b"[1]", b"{}", b"null", json.dumps(RECORD | {"params": None}).encode()]
)
def test_a_damaged_record_is_none_and_is_removed(results, content):
    path = write_record(results[1], content)
    assert to_make_again("results", PATTERNS, "records") == {UNKNOWN: [results[1]]}
    assert not path.exists()


def test_without_any_records_nothing_is_made_again(results):
    message = r"results: no record of what its 3 files were made from, such as results/mice/one\.npz\. It lies beside results"
    with pytest.raises(InputError, match=message):
        to_make_again("results", PATTERNS, "nowhere")


def test_a_result_that_is_not_as_its_job_wrote_it_is_named(results):
    made(results[::2])
    Path(results[0]).write_text("other")
    assert to_make_again("results", PATTERNS, "records") == {DAMAGED: results[:1]}
    record_path(results[2]).unlink()
    os.utime(results[2])  # it may have changed, and nothing tells what it was
    assert to_make_again("results", PATTERNS, "records") == {DAMAGED: results[::2]}


def test_a_copy_with_other_times_is_whole(results):
    made(results[::2])
    for file in results[::2]:
        os.utime(file)
    assert to_make_again("results", PATTERNS, "records") == {}
    assert to_make_again("nowhere", PATTERNS, "records") == {}


def test_a_result_that_is_a_link_to_nothing_is_made_again(results):
    made(results[:1])
    Path(results[0]).unlink()
    Path(results[0]).symlink_to("gone")
    assert to_make_again("results", PATTERNS, "records") == {DAMAGED: results[:1]}
