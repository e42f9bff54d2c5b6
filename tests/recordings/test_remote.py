"""A file read over the network holds what the file on the disk holds, and costs little more than what is read."""

import io
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest
from remote_file import CONTENT, DFF, FIRST, FRAMES, IDS, PLACE, SHOWN, arrays_of, read
from sessions import FULL, STACK, scene_images
from web import Answer, File

from dormouse.recordings import nwb1 as nwb
from dormouse.recordings import remote
from dormouse.recordings.remote import BLOCK_BYTES, KEPT_BLOCKS, LARGE_BYTES, MOST_BLOCKS, RemoteFile

pytestmark = [pytest.mark.allen, pytest.mark.usefixtures("waits")]


def spans(web):
    """First and last byte of each request."""
    return [tuple(map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", asked).groups())) for asked in web.ranges()]


def test_every_array_equals_that_of_the_file_on_the_disk(web, recording):
    web.files[PLACE] = File(recording, FIRST)
    with RemoteFile(web.address + PLACE) as file:
        ours, expected = arrays_of(file), arrays_of(recording)
    assert ours.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(ours[name], array, strict=True)


def test_rows_of_the_traces_equal_those_of_the_file_on_the_disk(web, recording):
    web.files[PLACE] = File(recording, FIRST)
    with RemoteFile(web.address + PLACE) as file, h5py.File(file) as ours, h5py.File(recording) as expected:
        for rows in ([0], [1, 3, 20], slice(None, None, 7), slice(-1, None)):
            np.testing.assert_array_equal(ours[DFF][rows], expected[DFF][rows])
            np.testing.assert_array_equal(ours[DFF][rows, 1000:1010], expected[DFF][rows, 1000:1010])


@pytest.mark.parametrize("stays", [False, True], ids=["closed", "left open"])
def test_any_place_can_be_read_in_any_order(web, address, stays):
    web.stays = stays
    rng = np.random.default_rng(0)
    edges = [
        0,
        1,
        BLOCK_BYTES - 1,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        len(CONTENT) - 1,
        len(CONTENT) - 2 * BLOCK_BYTES,
        len(CONTENT),
    ]
    lengths = [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, len(CONTENT)]
    places = [(start, n_bytes) for start in edges for n_bytes in lengths]
    places += zip(rng.integers(0, len(CONTENT), 200).tolist(), rng.geometric(1e-5, 200).tolist(), strict=True)
    with RemoteFile(address) as file:
        for i in rng.permutation(len(places)):
            start, n_bytes = places[i]
            assert read(file, start, n_bytes) == CONTENT[start : start + n_bytes]
            assert file.tell() == min(start + n_bytes, len(CONTENT))


@pytest.mark.parametrize("n_bytes", [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, LARGE_BYTES])
def test_a_file_of_any_size_is_read_whole(web, n_bytes):
    web.files[PLACE] = File(CONTENT[:n_bytes], FIRST)
    with RemoteFile(web.address + PLACE) as file:
        assert file.seek(0, io.SEEK_END) == n_bytes
        assert file.read(1) == b""
        assert read(file, 0, -1) == CONTENT[:n_bytes]


def test_places_are_told_from_the_beginning_from_here_and_from_the_end(address):
    with RemoteFile(address) as file:
        assert (file.seek(100), file.seek(-10, io.SEEK_CUR), file.seek(-7, io.SEEK_END)) == (100, 90, len(CONTENT) - 7)
        assert file.read() == CONTENT[-7:]
        assert file.seek(7, io.SEEK_END) == len(CONTENT) + 7
        assert file.read(1) == b""


def test_a_redirect_is_followed(web, other_web):
    web.files["/link"] = Answer(302, {"Location": f"{other_web.address}{PLACE}", "Content-Length": "0"})
    other_web.files[PLACE] = File(CONTENT, FIRST)
    with RemoteFile(f"{web.address}/link") as file:
        assert read(file, 3_000_000, 9) == CONTENT[3_000_000:3_000_009]


@pytest.mark.parametrize("version", [{}, {"ETag": 'W/"weak"'}, {"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}])
def test_a_file_whose_version_is_told_otherwise_or_not_is_read(web, version):
    web.files[PLACE] = File(CONTENT, version)
    with RemoteFile(web.address + PLACE) as file:
        assert read(file, 0, -1) == CONTENT


# --- what it costs


def test_reading_a_recording_moves_a_tenth_of_it(web, large):
    web.files[PLACE] = File(large, FIRST)
    streamed, whole = nwb.read_session(web.address + PLACE, "dff"), nwb.read_session(large, "dff")
    np.testing.assert_array_equal(streamed.trace, whole.trace)
    np.testing.assert_array_equal(streamed.start, whole.start)
    assert web.sent() <= 0.15 * large.stat().st_size
    assert web.sent() <= expected_bytes(large, DFF) + 4_000_000
    assert len(web.requests) <= 60


def test_the_traces_of_a_recording_cost_little_more_than_their_bytes(web, large):
    web.files[PLACE] = File(large, FIRST)
    names = (IDS, SHOWN, FRAMES, DFF)
    with RemoteFile(web.address + PLACE) as file, h5py.File(file) as ours, h5py.File(large) as expected:
        for name in names:
            np.testing.assert_array_equal(file.whole(ours[name]), expected[name][()])
        image = ours[STACK][0]
        fetched = web.sent()
    np.testing.assert_array_equal(image, scene_images(replace(FULL, n_scenes=1))[0])
    assert fetched <= 0.15 * large.stat().st_size
    wanted = sum(expected_bytes(large, name) for name in names) + image.nbytes
    assert fetched <= wanted + 2_000_000
    assert len(web.requests) <= 60


def expected_bytes(path, name):
    with h5py.File(path) as file:
        return file[name].id.get_storage_size()


def test_a_large_read_is_one_request_of_its_own_bytes(web, address):
    with RemoteFile(address) as file:
        web.requests.clear()
        read(file, 1_234_567, LARGE_BYTES)
    assert spans(web) == [(1_234_567, 1_234_567 + LARGE_BYTES - 1)]


def test_what_was_read_is_not_asked_for_again(web, address):
    with RemoteFile(address) as file:
        read(file, 10 * BLOCK_BYTES + 5, 3 * BLOCK_BYTES)
        web.requests.clear()
        assert read(file, 11 * BLOCK_BYTES, 2 * BLOCK_BYTES) == CONTENT[11 * BLOCK_BYTES : 13 * BLOCK_BYTES]
        assert read(file, 0, 10) == CONTENT[:10]
    assert web.requests == []


def test_a_small_read_asks_for_the_blocks_that_hold_it_at_once(web, address):
    with RemoteFile(address) as file:
        web.requests.clear()
        read(file, 10 * BLOCK_BYTES + 5, 3 * BLOCK_BYTES)
    assert spans(web) == [(10 * BLOCK_BYTES, 14 * BLOCK_BYTES - 1)]


def test_reads_that_follow_each_other_ask_ahead_up_to_a_limit(web, monkeypatch):
    web.files[PLACE] = File(bytes(20_000_000), FIRST)
    with RemoteFile(web.address + PLACE) as file:
        while file.read(10_000):
            pass
    sizes = [(last + 1 - first) // BLOCK_BYTES for first, last in spans(web)]
    assert sizes[:7] == [1, 2, 4, 8, 16, 32, 64]
    assert max(sizes) == MOST_BLOCKS
    assert web.sent() == 20_000_000


def test_reads_here_and_there_do_not_ask_ahead(web, address):
    with RemoteFile(address) as file:
        web.requests.clear()
        for k in (70, 3, 40, 5, 60):
            read(file, k * BLOCK_BYTES, 10)
    assert [last + 1 - first for first, last in spans(web)] == [BLOCK_BYTES] * 5


def test_few_blocks_are_kept_and_those_read_last(web, address, monkeypatch):
    monkeypatch.setattr(remote, "KEPT_BLOCKS", 3)
    assert KEPT_BLOCKS * BLOCK_BYTES <= 1 << 26
    with RemoteFile(address) as file:
        for k in (20, 30, 0, 40, 50):  # 0 came with the opening
            read(file, k * BLOCK_BYTES, 1)
        assert len(file._blocks) == 3
        web.requests.clear()
        for k in (0, 40, 50):
            read(file, k * BLOCK_BYTES, 1)
        assert web.requests == []
        assert read(file, 20 * BLOCK_BYTES, 9) == CONTENT[20 * BLOCK_BYTES :][:9]


def test_a_server_is_asked_for_the_bytes_as_they_are(web, address):
    RemoteFile(address).close()
    assert web.requests[0].headers["Accept-Encoding"] == "identity"
