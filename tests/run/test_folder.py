"""A folder of results belongs to one data set; what tells which is damaged as seldom as other files, and then named."""

from pathlib import Path

import pytest

from dormouse.errors import InputError
from dormouse.run.folder import record_run, run_folder

MICE = {"name": "mice", "kind": "responses"}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]"])
def test_a_damaged_record_of_the_run_is_refused_with_what_helps(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    record_run("results/mice", MICE)
    assert run_folder({"run": None}, MICE) == "results/mice"
    Path("results/mice/run.json").write_bytes(content)
    with pytest.raises(
        InputError, match=r"^results/mice/run\.json: .*\. Move results/mice away, or give this run another name"
    ):
        run_folder({"run": None}, MICE)
