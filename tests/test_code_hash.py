"""Hashes of code: what is kept of a module for the next process changes none, and is made anew where it is out of date."""

import json
import os
import shutil
import subprocess
import sys

import pytest

HASH = "import sys; from dormouse.code_hash import script_code; print(script_code(sys.argv[1]))"


@pytest.fixture
def project(root, tmp_path):
    """Give a copy of the package, with a script, and hashed(): the hashes of its code, by another process."""
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "script.py").write_text("from dormouse.run.job import begin\nfrom dormouse.files import read_arrays\n")
    kept = tmp_path / "src/dormouse/__pycache__/files.statements.json"

    def hashed(**environment):
        known = {"PYTHONPATH": str(tmp_path / "src"), "PYTHONDONTWRITEBYTECODE": ""}
        words = [sys.executable, "-c", HASH, str(tmp_path / "script.py")]
        return subprocess.run(words, env=os.environ | known | environment, capture_output=True, text=True, check=True).stdout

    return tmp_path / "src/dormouse", kept, hashed


def test_what_is_kept_changes_no_hash(project):
    _, kept, hashed = project
    expected = hashed(PYTHONDONTWRITEBYTECODE="1")
    assert "dormouse/files.py" in expected and not kept.exists()
    assert hashed() == expected and kept.exists()
    assert hashed() == expected
    for damage in (b"", b"{}", b"\xff", kept.read_bytes()[:-9]):
        kept.write_bytes(damage)
        assert hashed() == expected


def test_a_module_that_changed_has_another_hash_whatever_is_kept_of_it(project):
    package, kept, hashed = project
    before, times = hashed(), (package / "files.py").stat()
    (package / "files.py").write_text(
        (package / "files.py").read_text().replace("another version wrote it", "another one wrote it")
    )
    os.utime(package / "files.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert hashed() != before
    assert json.loads(kept.read_bytes())[0]


def test_what_sees_to_records_of_jobs_is_no_part_of_a_result(project):
    package, _, hashed = project
    before = hashed()
    (package / "run/provenance.py").write_text("job_record = keep_record = None\n")
    assert "run/job.py" not in before and hashed() == before
