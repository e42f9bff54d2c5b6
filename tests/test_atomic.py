"""A file appears whole under its name, or not at all."""

import errno

import numpy as np
import pandas as pd
import pytest
import torch

from dormouse.errors import InputError
from dormouse.files import atomic, write_arrays, write_json, write_tsv
from dormouse.paper.figures.style import plt, save
from dormouse.recordings.simulated_sites import simulated_sites
from dormouse.recordings.simulation import presentation_order, write_nwb
from dormouse.tables import write_table
from dormouse.training.resume import write_state


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


NUMBERS = np.random.default_rng(0).random(300_000)
CELLS = pd.DataFrame({"neuron": map(str, range(300_000)), "p_ns": NUMBERS, "p_run_mod_ns": NUMBERS})


def write_checkpoint(path):
    with atomic(path) as temporary:
        torch.save({"weight": torch.rand(600, 600)}, temporary)


def write_recording(path):
    order, start = presentation_order(n_scenes=6, n_trials=4, seed=[0, 1])
    noise = np.resize(NUMBERS, (300, 2 * start[-1]))
    write_nwb(path, simulated_sites()[0], np.zeros((6, 32, 41), np.uint8), noise, order, start, seed=[0, 3])


def write_figure(path):
    figure = plt.figure()
    figure.figimage(np.resize(NUMBERS, (1200, 1200)))
    save(figure, [path])


WRITERS = {  # a kind of file that a run writes, by its ending
    "npz": lambda path: write_arrays(path, {"x": NUMBERS}),
    "parquet": lambda path: write_table("cell_metrics", CELLS, path),
    "json": lambda path: write_json(path, "x" * 2_000_000),
    "tsv": lambda path: write_tsv(path, CELLS),
    "safetensors": lambda path: write_state(torch.nn.Linear(600, 600), path),
    "pt": write_checkpoint,
    "nwb": write_recording,
    "png": write_figure,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(small_disk, ending):
    path = small_disk / f"a.{ending}"
    with pytest.raises(InputError, match=rf"{path}: cannot be written, the disk is full .*Make room and run again"):
        WRITERS[ending](path)
    assert list(small_disk.iterdir()) == []


def test_a_disk_without_room_for_a_folder_is_the_same_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with (
        pytest.raises(InputError, match=r"deep/a\.txt: cannot be written, the disk is full .*quota"),
        atomic(tmp_path / "deep/a.txt"),
    ):
        pass
