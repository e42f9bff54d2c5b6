"""Arrays and JSON are read as they were written, without pickle, and damaged files are refused by name."""

import json

import numpy as np
import pytest

from dormouse.errors import InputError
from dormouse.files import (
    read_arrays,
    read_joined,
    read_json,
    reading_arrays,
    write_arrays,
    write_json,
    writing_arrays,
)
from dormouse.given import read_given

ARRAYS = {"numbers": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "bc"]), "scalar": np.array(3)}


def test_arrays_are_read_as_they_were_written(tmp_path):
    write_arrays(tmp_path / "a.npz", ARRAYS)
    stored = read_arrays(tmp_path / "a.npz")
    assert stored.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert stored[name].dtype == array.dtype
        np.testing.assert_array_equal(stored[name], array)


@pytest.mark.parametrize("compress", [False, True])
def test_arrays_written_one_by_one_make_the_file_of_all_at_once(tmp_path, compress):
    write_arrays(tmp_path / "at-once.npz", ARRAYS, compress)
    with writing_arrays(tmp_path / "one-by-one.npz", compress) as write:
        for name, array in ARRAYS.items():
            write(name, array)
            assert not (tmp_path / "one-by-one.npz").exists()
    assert (tmp_path / "one-by-one.npz").read_bytes() == (tmp_path / "at-once.npz").read_bytes()
    with np.load(tmp_path / "at-once.npz") as stored:
        assert stored.files == [*ARRAYS, "digests"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_between_two_arrays_leaves_nothing(tmp_path, error):
    with pytest.raises(error), writing_arrays(tmp_path / "a.npz") as write:
        write("numbers", ARRAYS["numbers"])
        raise error
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_read_and_verified_one_by_one(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS | {"last": np.arange(1000.0)})
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(500).tobytes())] ^= 1
    path.write_bytes(content)
    with reading_arrays(path) as read:
        assert same(read("names", "scalar"), {name: ARRAYS[name] for name in ("names", "scalar")})
        assert same(read("numbers"), {"numbers": ARRAYS["numbers"]})
        with pytest.raises(InputError, match=r"a\.npz: "):
            read("last")
        with pytest.raises(InputError, match=r"a\.npz: no array named colour; the file holds numbers, names, scalar, last"):
            read("colour")


def test_only_the_arrays_asked_for_are_read(tmp_path):
    write_arrays(tmp_path / "a.npz", ARRAYS)
    assert list(read_arrays(tmp_path / "a.npz", "scalar", "names")) == ["scalar", "names"]


def test_an_array_that_is_not_there_is_named_with_those_that_are(tmp_path):
    write_arrays(tmp_path / "a.npz", ARRAYS)
    with pytest.raises(InputError, match=r"a\.npz: no array named colour; the file holds numbers, names, scalar"):
        read_arrays(tmp_path / "a.npz", "names", "colour")


def test_arrays_of_objects_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_arrays(tmp_path / "a.npz", {"things": np.array([{}, []], object)})
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_another_program_pickled_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", things=np.array([{}, []], object))
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file .*Replace it"):
        read_given(tmp_path / "a.npz")


def single(path):
    """Write one array without an archive around it."""
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").rename(path)


def damaged(path):
    """Write arrays, then change one byte of the numbers: the checksum of the archive no longer fits."""
    write_arrays(path, {"numbers": np.zeros(1000)})
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: None,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no arrays"),
        single,
        lambda path: path.mkdir(),
        damaged,
    ],
    ids=["absent", "empty", "text", "a single array", "a folder", "damaged"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, spoil):
    spoil(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file"):
        read_arrays(tmp_path / "a.npz", "numbers")


def test_a_truncated_file_of_arrays_is_named(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, {"numbers": np.random.default_rng(0).random(10_000)})
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file"):
        read_arrays(path, "numbers")


VALUE = {"error": "", "n_layers": 60, "seconds": 1.25, "runs": None}
# what a run writes of each kind, and how it is read again
KINDS = {
    ".npz": (lambda path: write_arrays(path, ARRAYS), read_arrays),
    "compressed .npz": (lambda path: write_arrays(path, ARRAYS, compress=True), read_arrays),
    "JSON": (lambda path: write_json(path, VALUE), read_json),
}
every_kind = pytest.mark.parametrize(("write", "read"), KINDS.values(), ids=KINDS)


def same(found, expected) -> bool:
    if isinstance(expected, dict) and isinstance(next(iter(expected.values())), np.ndarray):
        types = [{name: (array.dtype, array.shape) for name, array in arrays.items()} for arrays in (found, expected)]
        return types[0] == types[1] and all(np.array_equal(found[name], expected[name]) for name in expected)
    return found == expected


@every_kind
def test_no_flipped_bit_gives_other_values_or_another_error(tmp_path, write, read):
    path = tmp_path / "a.npz"  # numpy would add the ending
    write(path)
    whole, expected, n_refused = path.read_bytes(), read(path), 0
    for place in np.random.default_rng(0).permutation(8 * len(whole))[:2000]:
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            assert same(read(path), expected), f"bit {place}"  # dates in an archive, for instance, tell nothing
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and "Remove it and run again." in str(error)
            n_refused += 1
    assert n_refused > 1000


@every_kind
def test_a_file_that_was_cut_off_anywhere_is_refused(tmp_path, write, read):
    path = tmp_path / "a.npz"  # numpy would add the ending
    write(path)
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 50).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"Remove it and run again\."):
            read(path)


@every_kind
def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path, write, read):
    with pytest.raises(InputError, match=r"Remove it and run again\."):
        read(tmp_path)


@pytest.mark.parametrize("read", [read_arrays, read_given, read_json])
def test_a_file_that_may_not_be_read_is_refused_with_what_to_do(tmp_path, monkeypatch, read):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").touch()
    for name in ("builtins.open", "io.open"):
        monkeypatch.setattr(name, refuse)  # who is root may read anything
    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    with pytest.raises(InputError, match=r"a: may not be read \(Permission denied\)\. Change its permissions and run again\."):
        read(tmp_path / "a")


def test_arrays_of_the_version_before_which_had_no_digests_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    with pytest.raises(InputError, match=r"a\.npz: holds no digest: another version wrote it, .*Remove it and run again"):
        read_arrays(tmp_path / "a.npz", "numbers")


def test_json_of_the_version_before_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(VALUE))
    with pytest.raises(InputError, match=r"a\.json: holds no digest: another version wrote it, .*Remove it and run again"):
        read_json(tmp_path / "a.json")


def test_arrays_that_a_user_gives_need_no_digest(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    assert same(read_given(tmp_path / "a.npz"), ARRAYS)
    assert list(read_given(tmp_path / "a.npz", "scalar")) == ["scalar"]


def test_one_array_is_verified_though_another_is_damaged(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, {"numbers": np.zeros(1000), "names": np.array(["a", "bc"])})
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    assert read_arrays(path, "names")["names"].tolist() == ["a", "bc"]
    with pytest.raises(InputError):
        read_arrays(path, "numbers")


@pytest.mark.parametrize("name", ["numbers", "scalar"])
def test_arrays_that_were_exchanged_are_found_out_though_each_is_whole(tmp_path, name):
    """As a checksum of bytes alone would not: a number of the same size, an array of another name."""
    write_arrays(tmp_path / "a.npz", ARRAYS)
    with np.load(tmp_path / "a.npz") as stored:
        arrays = dict(stored)
    arrays[name] = {"numbers": arrays["numbers"].reshape(3, 2), "scalar": arrays["scalar"].astype(float)}[name]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=r"a\.npz: not as it was written"):
        read_arrays(tmp_path / "a.npz")


def test_arrays_of_several_files_are_joined_by_name(tmp_path):
    rng = np.random.default_rng(0)
    parts = [{"mean": rng.random((4, n)), "neuron": np.array([f"{n}-{k}" for k in range(n)])} for n in (2, 0, 3)]
    paths = [tmp_path / f"{k}.npz" for k in range(3)]
    for path, part in zip(paths, parts, strict=True):
        write_arrays(path, part)
    joined = read_joined(paths, axis=-1)
    np.testing.assert_array_equal(joined["mean"], np.hstack([part["mean"] for part in parts]))
    assert joined["neuron"].tolist() == ["2-0", "2-1", "3-0", "3-1", "3-2"]


def test_compressed_arrays_are_read_as_they_were_written(tmp_path):
    write_arrays(tmp_path / "a.npz", {"x": np.zeros(10_000), "name": np.array(["a", "b"])}, compress=True)
    assert (tmp_path / "a.npz").stat().st_size < 1000
    stored = read_arrays(tmp_path / "a.npz")
    assert not stored["x"].any() and stored["x"].shape == (10_000,) and stored["name"].tolist() == ["a", "b"]
