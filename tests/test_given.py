"""Files from elsewhere: only regular files of a size are opened, and arrays only where their headers tell the truth."""

import os
import struct
import zipfile

import numpy as np
import pytest

from dormouse import given
from dormouse.errors import InputError
from dormouse.given import array_headers, check_file, list_files, read_given

ARRAYS = {"numbers": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "bc"])}


def header(shape, kind="<f8"):
    """Return the beginning of a .npy file."""
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.fixture
def archive(tmp_path):
    """Give archive(*(name, content)), which writes an archive and returns its path."""

    def archive(*members):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members:
                file.writestr(name, content)
        return tmp_path / "a.npz"

    return archive


# --- any file


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "a: not found, but wanted."),
        (lambda path: path.mkdir(), "a: a folder; expected a file. Replace it."),
        (os.mkfifo, "a: a pipe or a device; expected a file. Replace it."),
        (lambda path: path.symlink_to("/dev/zero"), "a: a pipe or a device; expected a file. Replace it."),
        (lambda path: path.symlink_to("gone"), "a is a link that leads nowhere, but wanted."),
        (lambda path: path.symlink_to("a"), "a: cannot be read (Too many levels of symbolic links). Rename or mend it."),
        (lambda path: path.write_bytes(b"1234"), "a: 4 bytes; expected at most 3. Replace it."),
    ],
)
def test_what_is_no_file_to_read_is_refused(tmp_path, make, message):
    make(tmp_path / "a")
    with pytest.raises(InputError) as caught:
        check_file(tmp_path / "a", ", but wanted.", most_bytes=3)
    assert str(caught.value) == f"{tmp_path}/{message}"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_system_has_is_refused(name):
    with pytest.raises(InputError, match="cannot be read"):
        check_file(name)


def test_a_link_to_a_file_is_a_file(tmp_path):
    (tmp_path / "b").write_bytes(b"123")
    (tmp_path / "a").symlink_to("b")
    assert check_file(tmp_path / "a").st_size == 3


@pytest.mark.parametrize("name", [b"a\n.png", b"\xe9.png"])
def test_names_that_break_lines_or_are_no_text_are_refused(tmp_path, name):
    (tmp_path / os.fsdecode(name)).touch()
    with pytest.raises(InputError, match=r"is no name in one line of UTF-8\. Rename it") as caught:
        list_files(tmp_path, [".png"])
    assert str(caught.value).isprintable()


# --- arrays


def test_headers_are_those_of_the_arrays_however_they_are_stored(tmp_path):
    stored = {**ARRAYS, "turned": np.asfortranarray(np.eye(3)), "swapped": np.arange(3, dtype=">i2"), "none": np.zeros((0, 4))}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **stored)
        assert array_headers(tmp_path / "a.npz") == {name: (array.shape, array.dtype) for name, array in stored.items()}
        for name, array in read_given(tmp_path / "a.npz").items():
            np.testing.assert_array_equal(array, stored[name])


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.npy", header((10**15,)))], r"a has 0 bytes, but its header says float64 of shape \(1000000000000000,\)"),
        ([("a.npy", header((-1,)) + bytes(8))], r"a has 8 bytes, but its header says float64 of shape \(-1,\)"),
        ([("a.npy", header((2,)) + bytes(17))], "a has 17 bytes, but"),
        ([("a.npy", header((2,)) + bytes(15))], "a has 15 bytes, but"),
        ([("a.npy", header((1000,)) + bytes(8000))], "a has 8,000 bytes; expected at most 4,000"),
        ([("a.npy", header((0,))), ("a.npy", header((1,)) + bytes(8))], "two arrays are named 'a'"),
        ([("a.npy", header((0,))), ("a", header((0,)))], "two arrays are named 'a'"),
        ([("a.npy", b"\x93NUMPY\x09\x00")], r"a is of version 9 of NumPy's format; expected 1 or 2"),
        ([("a.npy", b"no array")], "not a readable .npz file"),
        ([("a.npy", header((1,), "<x9"))], "not a readable .npz file"),
        ([("a.npy", header("(" * 5000))], "not a readable .npz file"),
        ([(f"{k}.npy", header((0,))) for k in range(4)], "4 arrays; expected at most 3"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_headers_that_do_not_fit_what_is_there_are_refused_before_anything_is_read(archive, monkeypatch, members, message):
    monkeypatch.setattr(given, "MOST_ARRAYS", 3)
    monkeypatch.setattr(given, "MOST_ARRAY_BYTES", 4000)
    path = archive(*members)
    for read in (array_headers, read_given):
        with pytest.raises(InputError, match=rf"a\.npz: {message}.*Replace it\.$"):
            read(path)


@pytest.mark.parametrize("place", ["compression", "encryption", "name"])
def test_archives_of_another_kind_are_refused(archive, place):
    path = archive(("a.npy", header((2,)) + bytes(16)))
    content = bytearray(path.read_bytes())
    local, central = 0, content.index(b"PK\x01\x02")
    if place == "compression":
        content[local + 8], content[central + 10] = 99, 99
    elif place == "encryption":
        content[local + 6], content[central + 8] = 1, 1
    else:
        content[central + 46] = ord("b")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file"):
        array_headers(path)


def test_names_that_would_leave_a_folder_are_names_like_any_other(archive):
    assert list(read_given(archive(("../a.npy", header((0,))), ("/b.npy", header((0,)))))) == ["../a", "/b"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def denied(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(given.os, "listdir", denied)
    with pytest.raises(InputError, match=rf"^{tmp_path}: cannot be read \(Permission denied\)\. Let this user read it"):
        list_files(tmp_path, [".png"])
