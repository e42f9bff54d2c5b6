"""A file appears whole under its name, or not at all."""

import numpy as np
import pandas as pd
import pytest

from dormouse.errors import InputError
from dormouse.files import atomic, write_arrays, write_json
from dormouse.tables import write_table


def test_a_file_appears_whole_under_its_name_and_nothing_else_is_left(tmp_path):
    with atomic(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text() == "whole"


def test_the_temporary_name_keeps_the_ending_and_the_folder(tmp_path):
    with atomic(tmp_path / "a.tar.npz") as temporary:
        temporary.touch()
    assert (temporary.suffix, temporary.parent) == (".npz", tmp_path)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_nothing(tmp_path, error):
    with pytest.raises(error), atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_an_existing_file_as_it_was(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_an_existing_file_is_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("kind", ["arrays", "table", "text"])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(small_disk, kind):
    rng = np.random.default_rng(0)
    path = small_disk / {"arrays": "a.npz", "table": "a.parquet", "text": "a.json"}[kind]
    cells = pd.DataFrame(
        {"neuron": map(str, range(300_000)), "p_ns": rng.random(300_000), "p_run_mod_ns": rng.random(300_000)}
    )
    write = {
        "arrays": lambda: write_arrays(path, {"x": rng.random(300_000)}),
        "table": lambda: write_table("cell_metrics", cells, path),
        "text": lambda: write_json(path, "x" * 2_000_000),
    }[kind]
    with pytest.raises(InputError, match=rf"{path}: cannot be written, the disk is full .*Make room and run again"):
        write()
    assert list(small_disk.iterdir()) == []
