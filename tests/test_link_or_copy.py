"""A file gets a second name, or is copied to another disk."""

import os

import pytest
from downloads import CONTENT, DIGEST, arrived

from dormouse.download import sha256_of
from dormouse.errors import InputError
from dormouse.files import link_or_copy


def test_a_file_gets_a_second_name(tmp_path):
    (tmp_path / "cached").write_bytes(CONTENT)
    (tmp_path / "link").symlink_to(tmp_path / "cached")
    link_or_copy(tmp_path / "link", tmp_path / "deep" / "weights.pth")
    assert arrived(tmp_path / "deep" / "weights.pth")
    assert os.path.samefile(tmp_path / "cached", tmp_path / "deep" / "weights.pth")
    assert not (tmp_path / "deep" / "weights.pth").is_symlink()


def test_a_second_name_replaces_an_older_file(tmp_path):
    (tmp_path / "cached").write_bytes(CONTENT)
    for _ in range(2):  # the second time it is the same file already
        link_or_copy(tmp_path / "cached", tmp_path / "weights.pth")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["cached", "weights.pth"]
    assert sha256_of(tmp_path / "weights.pth") == DIGEST


def test_a_file_of_another_disk_is_copied(tmp_path, small_disk):
    (tmp_path / "cached").write_bytes(CONTENT[:1000])
    link_or_copy(tmp_path / "cached", small_disk / "weights.pth")
    assert arrived(small_disk / "weights.pth", CONTENT[:1000])


def test_a_copy_that_does_not_fit_leaves_nothing(tmp_path, small_disk):
    (tmp_path / "cached").write_bytes(CONTENT)
    with pytest.raises(InputError, match=rf"{small_disk / 'weights.pth'}: .*Make room and run again"):
        link_or_copy(tmp_path / "cached", small_disk / "weights.pth")
    assert list(small_disk.iterdir()) == []
