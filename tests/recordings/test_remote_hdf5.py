"""h5py on a file that is read over the network: errors pass through the HDF5 library as they are, and damage is seen."""

import io

import h5py
import numpy as np
import pytest
from remote_file import DFF, FIRST, IDS, PLACE, SHOWN
from sessions import STACK
from web import File, refused

from dormouse.errors import InputError
from dormouse.recordings.remote import RemoteFile

pytestmark = [pytest.mark.allen, pytest.mark.usefixtures("waits")]


def summary(source):
    """What a reader of recordings does first: look for parts, read small and large ones."""
    with h5py.File(source, "r") as file:
        assert IDS in file
        assert file.get("general/nothing") is None
        file.visititems(lambda name, item: None)
        return file[IDS][()], file[SHOWN][()], file[DFF][()], file[STACK][0]


@pytest.fixture(scope="module")
def n_asked(recording):
    """Number of times that h5py asks for bytes in `summary`."""
    with CountedFile(recording) as file:
        summary(file)
    return file.n_reads


class CountedFile(io.FileIO):
    n_reads = 0

    def readinto(self, buffer):
        self.n_reads += 1
        return super().readinto(buffer)


def test_an_error_within_h5py_comes_out_as_it_is_wherever_it_happens(web, recording, n_asked, monkeypatch):
    web.files[PLACE] = File(recording, FIRST)
    readinto = RemoteFile.readinto
    with RemoteFile(web.address + PLACE) as file:
        for k in np.unique(np.geomspace(1, n_asked, 12).astype(int)):
            before = iter(range(k - 1))

            def fails_at_last(self, buffer, before=before):
                if next(before, None) is None:
                    web.always(refused(404))
                    self._blocks.clear()
                return readinto(self, buffer)

            monkeypatch.setattr(RemoteFile, "readinto", fails_at_last)
            with pytest.raises(InputError, match=rf"^{web.address}{PLACE}: 404 Not Found"):
                summary(file)
            web.always(None)
            monkeypatch.setattr(RemoteFile, "readinto", readinto)
        for ours, expected in zip(summary(file), summary(recording), strict=True):
            np.testing.assert_array_equal(ours, expected)


def test_a_truncated_file_is_not_read(web, recording):
    web.files[PLACE] = File(recording.read_bytes()[:-1000], FIRST)
    with RemoteFile(web.address + PLACE) as file, pytest.raises(OSError, match="truncated"):
        h5py.File(file)


def test_a_file_that_is_not_hdf5_is_not_read(address):
    with RemoteFile(address) as file, pytest.raises(OSError, match="signature"):
        h5py.File(file)


def test_damage_in_the_middle_of_compressed_traces_is_seen(web, recording):
    with h5py.File(recording) as file:
        if file[DFF].compression is None:
            pytest.skip("HDF5 keeps no sums of what is not compressed")
        place = file[DFF].id.get_chunk_info(3)
    damaged = bytearray(recording.read_bytes())
    damaged[place.byte_offset + 100 : place.byte_offset + 200] = bytes(100)
    web.files[PLACE] = File(bytes(damaged), FIRST)
    with RemoteFile(web.address + PLACE) as file, h5py.File(file) as opened, pytest.raises(OSError):
        opened[DFF][()]


def test_a_closed_file_keeps_nothing(address):
    file = RemoteFile(address)
    file.close()
    file.close()
    assert file.closed
    assert len(file._blocks) == 0
