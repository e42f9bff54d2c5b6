"""Features that wait on disk: the same kernels as in one pass, and nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from networks import make_images, random_network
from plans import MB, make_survey

from dormouse.errors import InputError
from dormouse.features import extraction, plan, rates, scratch
from dormouse.features.gram import PREDICTORS, reduce
from dormouse.features.plan import FIXED_BYTES, Rates, choose_plan
from dormouse.features.projection import Projections
from dormouse.features.scratch import HEIGHT, Scratch, Waiting, n_bytes

CPU = torch.device("cpu")
SLOW_DISK, QUICK_DISK = (Rates(image=0.1, pair=1e-11, byte=byte) for byte in (1e-3, 1e-9))


def waiting(X, folder, batch=8):
    """Return features (n_images, ...) that were put on disk batch by batch."""
    found = Waiting(folder, len(X), X[0].numel(), X.dtype, CPU)
    for first in range(0, len(X), batch):
        found.put([X[first : first + batch]], first)
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(3,), (5, 7), (HEIGHT + 3,), (2 * HEIGHT,)])
def test_kernels_of_features_on_disk_are_those_of_features_in_memory(tmp_path, shape, dtype):
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((21, *shape))).to(dtype)
    projections = Projections(30, 0, 4096, CPU)
    expected = reduce([X], PREDICTORS, projections)
    found = reduce(waiting(X, tmp_path), PREDICTORS, projections)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_views_in_another_order_and_parts_of_a_block_come_back(tmp_path):
    X = torch.arange(5 * 4 * HEIGHT, dtype=torch.float32).reshape(5, HEIGHT, 4).mT  # as of windows: not contiguous
    held = waiting(X, tmp_path, batch=2)
    for start, end in ((0, 4 * HEIGHT), (5, 9), (HEIGHT - 2, HEIGHT + 3), (4 * HEIGHT - 1, 4 * HEIGHT)):
        out = torch.empty(end - start, 5)
        held.gather(start, end, out)
        assert torch.equal(out, X.flatten(1)[:, start:end].T)


@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize("layers", ["all", "blocks"])
def test_every_group_of_layers_on_disk_gives_the_kernels_of_one_pass(tmp_path, monkeypatch, capsys, n_groups, layers):
    network, images = random_network("resnet18"), make_images(11, 64, seed=0)
    expected = extraction.extract(network, images, layers, PREDICTORS, 0.5, 0, threads=1)
    monkeypatch.setattr(plan, "_choose_passes", lambda *_: float("inf"))
    capsys.readouterr()
    known = extraction.survey(network, torch.from_numpy(images))
    sizes = [n_bytes(11, layer.n_features) for layer in known.layers if layers == "all" or layer.path == layer.block]
    room = 1e12 if n_groups == 1 else max(max(sizes), sum(sizes) / n_groups)
    found = extraction.extract(network, images, layers, PREDICTORS, 0.5, 0, threads=1, scratch=(str(tmp_path), room))
    told = capsys.readouterr().err
    assert "features wait on disk" in told and ("groups of layers" in told) == (n_groups > 1)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert list(tmp_path.iterdir()) == []


def test_the_quicker_of_passes_and_disk_is_taken():
    survey = make_survey(n_features=(100_000, 50_000, 200_000, 10_000))
    short = FIXED_BYTES + 6000 * MB  # of the 1,000 images some hundred fit at once
    passes, slow, quick, none = (
        choose_plan(survey, 1000, 4096, [], short, "cpu", scratch=scratch)
        for scratch in (None, (1e12, SLOW_DISK), (1e12, QUICK_DISK), (1e6, QUICK_DISK))
    )
    assert passes.runs > 1 and passes.scratch == slow.scratch == none.scratch == 0
    assert quick.runs == 1 and quick.scratch == 4 * 1000 * (100_352 + 50_176 + 200_704 + 10_240)  # whole pages
    assert passes.runs == slow.runs and quick.seconds < slow.seconds
    assert slow.seconds > 1000 * passes.runs * SLOW_DISK.image
    in_groups = choose_plan(survey, 1000, 4096, [], short, "cpu", scratch=(8.5e8, QUICK_DISK))
    assert in_groups.runs == len(in_groups.groups) == 2 and in_groups.scratch == 4 * 1000 * (200_704 + 10_240)
    room_for_all = choose_plan(survey, 1000, 4096, [], 1e12, "cpu", scratch=(1e12, QUICK_DISK))
    assert (room_for_all.runs, room_for_all.scratch) == (1, 0), "one pass needs no disk"


def test_memory_of_results_is_that_of_one_layer_where_layers_are_handed_on():
    survey = make_survey(n_features=(1000,) * 400, held=(1,) * 400, passing=(1,) * 401)
    one, all_of_them = (choose_plan(survey, 500, 4096, [], 1e12, "cpu", n_held=n).forecast for n in (1, 400))
    assert all_of_them - one == 399 * 2 * 8 * 500**2


def test_images_take_memory_in_passes_and_not_where_features_wait():
    """For each pass its images are copied; on their way to disk eight move at a time."""
    given = 1000, 4096, [], FIXED_BYTES + 6000 * MB, "cpu"
    surveys = [replace(make_survey(), image_bytes=size) for size in (0, 10 * MB)]
    without, with_images = (choose_plan(survey, *given, scratch=(1e12, QUICK_DISK)) for survey in surveys)
    assert without.scratch == with_images.scratch > 0
    assert with_images.forecast - without.forecast == with_images.batch * 10 * MB


def test_a_disk_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"features cannot wait there \(No space left on device\)\. Make room, or name"):
        Waiting(tmp_path, 3, 5, torch.float32, CPU)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"extraction\.scratch"):
        Waiting(tmp_path / "file/below", 3, 5, torch.float32, CPU)


def test_a_disk_that_is_full_while_features_are_written_is_named(tmp_path, monkeypatch):
    """The piece is written behind the network's back, so it is told at a later piece, or when features are asked for."""

    def full(*_):
        raise OSError(28, "No space left on device")

    X = torch.ones(20, 3 * HEIGHT)
    for n_images in (2, 20):
        found = Waiting(tmp_path, 20, 3 * HEIGHT, torch.float32, CPU)
        with monkeypatch.context() as patch, pytest.raises(InputError, match=r"cannot wait there \(No space left on device\)"):
            patch.setattr(os, "pwrite", full)
            for first in range(0, n_images, 2):
                found.put([X[first : first + 2]], first)
            found.gather(0, 3, torch.empty(3, 20))


def test_features_that_cannot_be_read_back_are_told_with_their_folder(tmp_path, monkeypatch):
    found = waiting(torch.ones(4, 2 * HEIGHT), tmp_path)
    monkeypatch.setattr(os, "preadv", lambda *_: 0)
    with pytest.raises(InputError, match=rf"{re.escape(str(tmp_path))}: .*what was written is not there"):
        found.gather(0, 3, torch.empty(3, 4))


def test_a_disk_with_less_room_than_is_allowed_takes_more_groups(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "_choose_passes", lambda *_: float("inf"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4e6))
    network, images = random_network("resnet18"), make_images(5, 64, seed=0)
    extraction.extract(network, images, "all", [], 0.5, 0, threads=1, scratch=(str(tmp_path / "new"), 1e12))
    told = capsys.readouterr().err
    assert "groups of layers" in told and 0 < int(re.search(r"on disk, (\d+) MiB", told)[1]) < 4


def test_a_folder_in_memory_is_no_scratch(tmp_path, monkeypatch, capsys):
    mounts = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in (("/", "ext4"), (str(tmp_path), "tmpfs"))]
    monkeypatch.setattr(scratch, "IN_MEMORY", ("tmpfs", "ramfs"))
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    assert scratch.free_bytes(tmp_path / "new/below") == 0 < scratch.free_bytes("/")
    assert re.search(
        r"new/below: in memory \(tmpfs\), so no features wait there\. Name a folder on a disk", capsys.readouterr().err
    )
    monkeypatch.setattr(extraction, "measure", None)  # nothing is measured where nothing may wait
    short = {"memory_mib": None, "scratch": (str(tmp_path), 1e12)}
    monkeypatch.setattr(extraction, "available_bytes", lambda *_: FIXED_BYTES + 14 * MB)
    extraction.extract(random_network("resnet18"), make_images(40, 64, seed=0), "blocks", [], 0.5, 0, 1, **short)
    assert "in which every two meet" in capsys.readouterr().err


def test_rates_are_measured_with_no_more_images_than_fit(tmp_path, monkeypatch):
    taken = []

    def measured(network, images, *_):
        taken.append(len(images))
        return QUICK_DISK

    monkeypatch.setattr(extraction, "measure", measured)
    monkeypatch.setattr(extraction, "pass_bytes", lambda *_: 10 * MB)
    for mib in (35, 5):
        monkeypatch.setattr(extraction, "available_bytes", lambda *_, mib=mib: mib * MB)
        with pytest.raises(InputError, match=r"even two images at a time"):
            extraction.extract(
                random_network("resnet18"), make_images(40, 64, seed=0), "all", [], 0.5, 0, 1, scratch=(str(tmp_path), 1e12)
            )
    assert taken == [3, 1]


@pytest.mark.parametrize("n_moved", [1, 3])
def test_images_of_a_batch_are_copied_some_at_a_time(tmp_path, monkeypatch, n_moved):
    monkeypatch.setattr(scratch, "MOVED", n_moved)
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((7, HEIGHT + 3))).float()
    out = torch.empty(HEIGHT + 3, 7)
    waiting(X, tmp_path, batch=4).gather(0, HEIGHT + 3, out)
    assert torch.equal(out, X.T)


@pytest.mark.parametrize("room", [0, 1e5, 3e6])
def test_measuring_a_disk_takes_no_more_than_is_allowed(tmp_path, monkeypatch, room):
    taken, allocate = [0], os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate", lambda file, start, size: taken.append(size) or allocate(file, start, size))
    seconds = rates._byte(tmp_path, room)
    assert max(taken) <= room and (seconds > 0) == (room > 1e6)


def test_doubles_take_no_more_disk_than_is_forecast(tmp_path):
    X = torch.rand(4, HEIGHT, dtype=torch.float64)
    with scratch.Scratch(tmp_path, 4, CPU) as kept:
        kept.put("a", [X], 0)
        assert os.fstat(kept._waiting["a"]._file.fileno()).st_size == scratch.n_bytes(4, HEIGHT)
        with kept.taken("a") as found:
            found.gather(0, HEIGHT, out := torch.empty(HEIGHT, 4))
    assert torch.equal(out.T, X.float())


def test_a_folder_that_cannot_be_looked_for_is_named(tmp_path):
    with pytest.raises(
        InputError, match=r"features cannot wait there \(File name too long\)\. Make room, or name another folder"
    ):
        scratch.free_bytes(tmp_path / ("x" * 300))


def test_a_context_that_ends_gives_the_room_back(tmp_path):
    with Scratch(tmp_path, 4, CPU) as layers:
        layers.put("a", [torch.ones(2, 3)], 0)
        layers.put("a", [torch.ones(2, 3)], 2)
        layers.put("b", [torch.ones(2, 3)], 0)
        with layers.taken("a") as found:
            assert found.columns(torch.arange(3)).shape == (4, 3) and "a" not in layers and "b" in layers
    with pytest.raises(ValueError, match="closed"):
        found.gather(0, 3, torch.empty(3, 4))


KILLED = """
import sys, time, torch
from dormouse.features.scratch import Waiting
found = Waiting(sys.argv[1], 8, 100_000, torch.float32, torch.device("cpu"))
found.put([torch.ones(8, 100_000)], 0)
print("put", flush=True)
time.sleep(60)
"""


def test_a_process_that_is_killed_leaves_nothing_on_disk(tmp_path, root):
    folder = tmp_path / "scratch"
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    process = subprocess.Popen([sys.executable, "-c", KILLED, folder], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "put\n"
    assert list(Path(folder).iterdir()) == [], "the file has no name even while it is in use"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert list(Path(folder).iterdir()) == []
