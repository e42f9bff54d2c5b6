"""The command line: what it prints of files of every kind, and what it ends with for others."""

import importlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from job_records import made

from dormouse.cli import main
from dormouse.files import write_arrays
from dormouse.run.folder import record_run
from dormouse.stimuli.images import Stimuli, write_stimuli
from dormouse.tables import TABLES, write_table

RECORD = {"source": "timm", "seed": None, "input": {"size": 64, "mean": [0.5]}, "options": {}, "versions": {"torch": "2.13.0"}}


@pytest.fixture
def table(tmp_path):
    rows = pd.DataFrame({"neuron": ["1", "2"], "p_ns": [0.5, np.nan], "p_run_mod_ns": [0.1, 0.2]})
    write_table("cell_metrics", rows, tmp_path / "cell_metrics.parquet")
    return tmp_path / "cell_metrics.parquet"


@pytest.fixture
def refused(capsys):
    """Give refused(path), which expects that nothing is printed, and returns the one line of the error."""

    def refused(path):
        assert main(["provenance", str(path)]) == 1
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err.count("\n") == 1
        return printed.err

    return refused


def printed(capsys, path) -> list[str]:
    assert main(["provenance", str(path)]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out.splitlines()


def test_of_kernels_the_record_of_what_they_rest_on_is_printed(capsys, tmp_path):
    path = tmp_path / "kernels.npz"
    write_arrays(path, {"layer": np.array(["Conv2d-1"]), "provenance": np.array(json.dumps(RECORD))})
    assert printed(capsys, path) == [
        f"{path}: kernels of a network. The content is as it was written.",
        "source          timm",
        "seed            null",
        "input.size      64",
        "input.mean      [0.5]",
        "options         {}",
        "versions.torch  2.13.0",
        "",
        "No record was kept of its job.",
    ]


def test_of_any_result_the_record_of_its_job_is_printed_in_full(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results/demo/figures").mkdir(parents=True)
    Path("results/demo/figures/a.png").write_bytes(b"figure")
    record = made(["results/demo/figures/a.png"])
    first, *lines = printed(capsys, "results/demo/figures/a.png")
    assert first == "results/demo/figures/a.png: a result. The content is as it was written."
    told = dict(line.split(maxsplit=1) for line in lines if "  " in line)
    assert told["rule"] == "pool_area" and told["config.selection.min_reliability"] == "0.75"
    assert told["started"] == record["started"] and told["machine.name"] == record["machine"]["name"]


def test_a_run_is_described_as_a_research_object(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record_run("results/demo", {"name": "demo", "title": "the demo", "kind": "responses"})
    assert main(["crate", "results/demo"]) == 0
    assert capsys.readouterr().out == "results/demo/ro-crate-metadata.json\n"
    assert main(["crate", "results"]) == 1
    assert capsys.readouterr().err.startswith("Error: results: no run.json; expected the folder of a run")


def test_of_a_table_its_columns_and_what_they_mean_are_printed(capsys, table):
    first, *columns, _, without = printed(capsys, table)
    assert without == "No record was kept of its job."
    assert first == f"{table}: table 'cell_metrics', 2 rows. The content is as it was written."
    assert columns == [f"{name:12}  {kind}: {text}" for name, (kind, text) in TABLES["cell_metrics"].items()]


def test_of_stimuli_and_recordings_the_arrays_are_printed(capsys, tmp_path):
    write_stimuli(tmp_path / "stimuli.npz", Stimuli(np.zeros((2, 3, 4), np.uint8), np.array(["a", "b"])))
    first, *arrays, _, _ = printed(capsys, tmp_path / "stimuli.npz")
    assert first.startswith(f"{tmp_path / 'stimuli.npz'}: stimuli.")
    assert arrays == ["images  uint8: 2 x 3 x 4", "names   text: 2", "sha256  text: 2"]
    write_arrays(tmp_path / "one.npz", {"response": np.zeros((2, 3, 4), np.float32), "unit": np.array("dF/F")})
    first, *arrays, _, _ = printed(capsys, tmp_path / "one.npz")
    assert first.startswith(f"{tmp_path / 'one.npz'}: recording.")
    assert arrays == ["response  float32: 2 x 3 x 4", "unit      text: dF/F"]


def test_a_table_that_changed_is_named(refused, table):
    content = bytearray(table.read_bytes())
    content[30] ^= 1  # of the first column; what lies behind tells of columns
    table.write_bytes(content)
    assert refused(table).startswith(f"Error: {table}: not ")


def test_arrays_that_changed_are_named(refused, tmp_path):
    path = tmp_path / "one.npz"
    write_arrays(path, {"response": np.zeros(1000)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refused(path).startswith(f"Error: {path}: not ")


def test_a_file_of_others_is_not_known(refused, tmp_path):
    np.savez(tmp_path / "mine.npz", response=np.zeros(3))
    (tmp_path / "mine.txt").touch()
    for name in ("mine.npz", "mine.txt"):
        message = f"Error: {tmp_path / name}: not a file of the workflow's; expected a result, in results/ and with its"
        assert refused(tmp_path / name).startswith(message)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "mine.parquet")
    assert refused(tmp_path / "mine.parquet") == f"Error: {tmp_path / 'mine.parquet'}: not a table of the workflow's.\n"


def test_a_file_that_is_not_there_is_named(refused, tmp_path):
    assert refused(tmp_path / "gone.npz") == f"Error: {tmp_path / 'gone.npz'}: no such file.\n"


@pytest.mark.parametrize("arguments", [["--help"], ["provenance", "--help"]])
def test_help_is_printed(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "provenance" in capsys.readouterr().out


def test_the_command_is_installed_with_the_package(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["dormouse"].partition(":")
    assert getattr(importlib.import_module(module), function) is main
