"""The files of kernels: whole or not there, small, read in parts, and refused in one line where they are not as written."""

import io
import signal
import subprocess
import sys
import time
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from kernel_files import make_arrays, read_kernel, write

from dormouse.errors import InputError
from dormouse.features.kernels import (
    KERNELS,
    StoredKernel,
    pack,
    read_layers,
    read_provenance,
    writing_kernels,
)
from dormouse.files import DIGESTS, read_arrays, write_arrays
from dormouse.run.lock import remove_unfinished


@pytest.mark.parametrize("alike", [False, True])
def test_files_are_no_larger_than_one_of_all_kernels(tmp_path, alike):
    """As version 0.2.0 wrote it; also where layers only scale the one before."""
    arrays = make_arrays(40, 119)
    if alike:
        arrays |= {name: np.repeat(arrays[name][::2], 2, axis=0) for name in KERNELS}
    one = {name: values for name, values in arrays.items() if name not in KERNELS}
    for name in KERNELS:
        norm, ends, code = (np.stack(part) for part in zip(*map(pack, arrays[name]), strict=True))
        one |= {f"{name}_norm": norm, f"{name}_range": ends, f"{name}_code": code.swapaxes(0, 1)}
    write_arrays(tmp_path / "one.npz", one, compress=True)
    size = sum(path.stat().st_size for path in write(tmp_path, arrays).values())
    assert size < 1.05 * (tmp_path / "one.npz").stat().st_size


def test_files_of_hundreds_of_layers_are_below_50_mib(tmp_path):
    """A sixth of the 600 layers of the largest networks, of the images of the paper, with two kernels; without row sums."""
    n_layers = 100
    arrays = make_arrays(n_layers, 119) | {"row_sum": np.zeros((n_layers, 119))}
    paths = write(tmp_path, arrays, ("centred", "srp"))
    assert sum(path.stat().st_size for path in paths.values()) < 50 * 2**20 * n_layers / 600


class Counting(io.FileIO):
    n_read = 0

    def readinto(self, buffer) -> int:
        n = super().readinto(buffer)
        Counting.n_read += n
        return n

    def read(self, size=-1) -> bytes:
        content = super().read(size)
        Counting.n_read += len(content)
        return content


def bytes_read(monkeypatch, path: Path, read) -> int:
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", lambda file, mode="r", *_: Counting(file, mode))
        Counting.n_read = 0
        read(path)
    return Counting.n_read


def test_what_is_not_asked_for_is_not_read(monkeypatch, tmp_path):
    path = write(tmp_path, make_arrays(40, 119), ["srp"])["srp"]
    size = path.stat().st_size
    assert bytes_read(monkeypatch, path, read_layers) < 0.05 * size
    assert bytes_read(monkeypatch, path, read_provenance) < 0.05 * size
    assert bytes_read(monkeypatch, path, lambda path: next(iter(StoredKernel(path)))) < 0.1 * size
    assert bytes_read(monkeypatch, path, lambda path: list(islice(StoredKernel(path), 20))) < 0.6 * size
    assert bytes_read(monkeypatch, path, lambda path: list(StoredKernel(path))) > 0.9 * size


def test_no_flipped_bit_gives_another_kernel_or_another_error(tmp_path):
    path = write(tmp_path, make_arrays(3, 12), ["srp"])["srp"]
    whole, expected, n_refused = path.read_bytes(), (read_kernel(path), read_layers(path), read_provenance(path)), 0
    for place in np.random.default_rng(0).permutation(8 * len(whole))[:1000]:
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            found = read_kernel(path), read_layers(path), read_provenance(path)
            assert all(np.array_equal(found[0][key], values) for key, values in expected[0].items())
            assert found[1].equals(expected[1]) and found[2] == expected[2], f"bit {place}"
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and "Remove it and run again." in str(error)
            assert "\n" not in str(error)
            n_refused += 1
    assert n_refused > 500


def test_a_damaged_layer_is_found_when_it_is_read_and_not_before(tmp_path):
    path = write(tmp_path, make_arrays(5, 40), ["srp"])["srp"]
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("layer_3.npy").header_offset + 400
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert len(read_layers(path)) == 5
    layers = iter(StoredKernel(path))
    assert len(list(islice(layers, 3))) == 3
    with pytest.raises(InputError, match=r"srp\.npz: .*Remove it and run again\.$"):
        next(layers)


def test_every_array_has_a_digest(tmp_path):
    for path in write(tmp_path, make_arrays(3, 12)).values():
        with np.load(path) as file:
            lines = dict(line.split(" ") for line in file[DIGESTS])
            assert lines.keys() == set(file.files) - {DIGESTS}


def test_layers_of_another_file_are_found_out(tmp_path):
    """Each whole by itself: a layer in the place of another."""
    path = write(tmp_path, make_arrays(3, 12), ["srp"])["srp"]
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | {"layer_1": arrays["layer_2"]})
    with pytest.raises(InputError, match=r"srp\.npz: not as it was written"):
        read_kernel(path)


OLD = {"layer": np.array(["Conv2d-1"]), "block": np.array(["stem"]), "centred_norm": np.ones((1, 4))}
FOREIGN = {
    "of the version before": lambda path: write_arrays(path, OLD, compress=True),
    "of another program": lambda path: np.savez(path, **OLD),
    "text": lambda path: path.write_text("nothing"),
    "empty": lambda path: path.touch(),
    "a folder": lambda path: path.mkdir(),
    "absent": lambda path: None,
    "cut off": lambda path: path.write_bytes(write(path.parent / "x", make_arrays(3, 12), ["srp"])["srp"].read_bytes()[:3000]),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("read", [read_kernel, read_layers, read_provenance, lambda path: next(iter(StoredKernel(path)))])
def test_what_is_no_such_file_is_refused_in_one_line(tmp_path, kind, read):
    path = tmp_path / "srp.npz"
    FOREIGN[kind](path)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ") and str(error.value).endswith("Remove it and run again.")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["norm", "range", "layer_0", "row_sum", "image_sha256"])
def test_a_file_without_an_array_that_is_needed_is_refused_by_its_name_and_that_of_the_array(tmp_path, name):
    path = write(tmp_path, make_arrays(1, 4), ["srp"])["srp"]
    write_arrays(path, {key: values for key, values in read_arrays(path).items() if key != name})
    with pytest.raises(InputError, match=rf"srp\.npz: no array named {name}; the file holds"):
        read_kernel(path)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_between_layers_leaves_nothing_and_files_as_they_were(tmp_path, error):
    paths = write(tmp_path, make_arrays(2, 5), ["srp"])
    before = paths["srp"].read_bytes()
    with pytest.raises(error), writing_kernels([tmp_path / "srp.npz", tmp_path / "centred.npz"], [], []) as keep:
        keep({name: values[0] for name, values in make_arrays(2, 5).items()})
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["srp.npz"]
    assert paths["srp"].read_bytes() == before


WRITER = """
import sys, time
import numpy as np
from dormouse.features.kernels import writing_kernels
rng = np.random.default_rng(0)
layer = {"layer": "a", "path": "", "block": "", "block_depth": 1.0, "n_features": 1, "effective_dimension": 1.0}
with writing_kernels(sys.argv[1:], np.array(["x"]), np.array("{}")) as keep:
    while True:
        keep(layer | {"row_sum": np.ones(50), "srp": np.cov(rng.random((50, 9))), "zscore": np.eye(50)})
"""


def test_a_writer_that_is_killed_leaves_nothing_under_the_names_and_the_next_run_removes_the_rest(tmp_path):
    names = [tmp_path / "model" / f"{name}.npz" for name in ("srp", "zscore")]
    process = subprocess.Popen([sys.executable, "-c", WRITER, *names])
    while not any(path.stat().st_size > 1e5 for path in tmp_path.rglob(".*.npz")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not any(path.exists() for path in names)
    remove_unfinished(tmp_path)
    assert list((tmp_path / "model").iterdir()) == []


def test_a_disk_that_fills_up_is_one_clear_error_and_leaves_nothing(small_disk):
    arrays = make_arrays(20, 119)
    with pytest.raises(InputError, match=r"npz: cannot be written, the disk is full .*Make room and run again"):
        write(small_disk, arrays)
    assert list(small_disk.iterdir()) == []
