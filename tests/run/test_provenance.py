"""Records of jobs: what they hold, where they lie, and that they are of the files beside them."""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from job_records import job, made

from dormouse.errors import InputError
from dormouse.run.provenance import commit, read_record, read_records, record_path

FILES = ["results/demo/a/one.npz", "results/demo/two.parquet"]
OF_AREAS = ["results/demo/VISp/a.npz", "results/demo/VISl/a.npz"]
BEGIN = """
import sys
sys.path.insert(0, sys.argv[1])
from job_records import job
from dormouse.run.job import begin
begin(job(["results/demo/one.npz"]))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DORMOUSE_COMMIT", "0123abcd")
    for name in (*FILES, *OF_AREAS, "given.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    return tmp_path


def test_a_record_tells_what_was_made_from_what_by_which_code_where_and_when(folder):
    made(FILES, ["given.csv", "https://somewhere/file"])
    for file in FILES:
        record = read_record(file)
        assert record["outputs"] == {name: sha256(name.encode()).hexdigest() for name in FILES}
        assert record["inputs"] == {"given.csv": sha256(b"given.csv").hexdigest()}
        assert record["params"] == {"settings": {"min": 3}, "code": {"pool_area.py": "abc"}, "path": "a/b"}
        assert record["config"]["selection"] == {"min_reliability": 0.75}
        assert record["asked"] == {"threads": 1, "mem_mb": 500, "runtime": None, "gpu": None}
        assert record["commit"] == "0123abcd" and record["versions"]["numpy"][0].isdigit()
        assert record["machine"]["name"] and record["machine"]["python"].startswith("3.")
        assert record["peak_mib"] > 10 and 0 <= record["seconds"] < 100 and record["started"].endswith("+00:00")


def test_records_of_all_results_of_a_job_are_one(folder):
    made(FILES)
    assert [record["rule"] for record in read_records(["results/demo", "results/none"])] == ["pool_area"]
    shutil.copytree("results/demo", "copy")  # which makes two files of one
    assert [record["rule"] for record in read_records(["copy"])] == ["pool_area"]


def test_a_damaged_record_is_left_out_and_named(folder, capsys):
    made(FILES[:1])
    made(FILES[1:])
    path = record_path(FILES[0])
    path.write_bytes(path.read_bytes()[:-20])
    assert [list(record["outputs"]) for record in read_records(["results/demo"])] == [FILES[1:]]
    assert re.search(rf"^Record left out: {path}: not a readable JSON file", capsys.readouterr().err)


def test_a_record_is_found_from_elsewhere_and_in_a_copy(folder, monkeypatch):
    made(FILES)
    assert record_path(FILES[0]) == Path("results/demo/provenance/a/one.npz.json")
    os.rename("results/demo", "copy")
    for place in (Path("copy/a/one.npz"), folder / "copy/a/one.npz"):
        assert read_record(place)["rule"] == "pool_area"


def test_a_result_that_is_not_as_it_was_written_is_named(folder):
    made(FILES)
    Path(FILES[0]).write_text("other")
    with pytest.raises(
        InputError, match=r"one\.npz: not as its job wrote it; its record, .*one\.npz\.json, tells another SHA"
    ):
        read_record(FILES[0])


def test_results_of_one_job_that_changed_places_are_named(folder):
    made(OF_AREAS)
    os.rename("results/demo/VISp", "results/demo/other")
    os.rename("results/demo/VISl", "results/demo/VISp")
    with pytest.raises(InputError, match=r"VISp/a\.npz: not as its job wrote it"):
        read_record("results/demo/VISp/a.npz")


def test_a_damaged_record_is_named_and_a_missing_one_is_none(folder):
    made(FILES[:1])
    assert read_record(FILES[1]) is None
    path = record_path(FILES[0])
    path.write_bytes(path.read_bytes().replace(b"pool_area", b"pool_arex"))
    with pytest.raises(InputError, match=r"one\.npz\.json: not as it was written"):
        read_record(FILES[0])


@pytest.mark.parametrize("ends", ["open('results/demo/one.npz', 'w').close()", "raise ValueError"])
def test_a_job_keeps_a_record_if_it_made_its_results(folder, root, ends):
    done = subprocess.run([sys.executable, "-c", BEGIN + ends, root / "tests"], capture_output=True, text=True)
    assert (done.returncode == 0) == ("open" in ends) == record_path("results/demo/one.npz").is_file()


def test_what_cannot_be_kept_is_told_in_the_log(folder, root):
    Path("results/demo/provenance").write_text("in the way")
    ends = "open('results/demo/one.npz', 'w').close()"
    done = subprocess.run([sys.executable, "-c", BEGIN + ends, root / "tests"], capture_output=True, text=True)
    assert done.returncode == 0 and "No record was kept of this job: " in Path("job.log").read_text()


def test_the_commit_is_that_of_the_project_and_says_whether_files_differ(folder):
    assert commit(folder) == "unknown"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "given.csv"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    told = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert commit(folder) == told and len(told) == 40
    Path("given.csv").write_text("other")
    assert commit(folder) == f"{told}-dirty"


def test_params_that_json_cannot_hold_become_text(folder):
    made(FILES, params=job(FILES).params.__class__(path=Path("a"), names={"b"}))
    assert json.loads(json.dumps(read_record(FILES[0])["params"])) == {"path": "a", "names": "{'b'}"}
