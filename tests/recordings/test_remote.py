"""A file read over the network holds what the file on the disk holds, costs little more than what is read, fails clearly."""

import io
import re
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest
from observatory import RECORDINGS
from sessions import FULL, PIPELINE, STACK, Options, scene_images, write_session
from web import Answer, File, chunked, cut, refused, stalled, told

from dormouse.download import ATTEMPTS
from dormouse.errors import InputError
from dormouse.recordings import nwb, remote
from dormouse.recordings.remote import BLOCK_BYTES, KEPT_BLOCKS, LARGE_BYTES, MOST_BLOCKS, RemoteFile

DFF = f"{PIPELINE}/DfOverF/imaging_plane_1/data"
IDS = f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"
SHOWN = "stimulus/presentation/natural_scenes_stimulus/data"
FRAMES = "stimulus/presentation/natural_scenes_stimulus/frame_duration"
FIRST, SECOND = {"ETag": '"first"'}, {"ETag": '"second"'}
CONTENT = np.random.default_rng(0).bytes(5_000_000)
PLACE = "/data.nwb"
SMALL = Options(n_cells=30)  # its dF/F is read in more than one request

pytestmark = [pytest.mark.allen, pytest.mark.usefixtures("waits")]


@pytest.fixture
def address(web):
    """Address of a file on the server; in `web.files` it is PLACE."""
    web.files[PLACE] = File(CONTENT, FIRST)
    return web.address + PLACE


@pytest.fixture(scope="module", params=["contiguous", "chunked", "gzip"])
def recording(request, tmp_path_factory):
    """Path of a small recording in each layout."""
    path = tmp_path_factory.mktemp("recordings") / f"{request.param}.nwb"
    write_session(path, RECORDINGS[0], replace(SMALL, storage=request.param))
    return path


@pytest.fixture(scope="module", params=["contiguous", "chunked"])
def large(request, tmp_path_factory):
    """Path of a recording of the usual size, of which nothing but dF/F and one image takes room on the disk."""
    path = tmp_path_factory.mktemp("large") / "large.nwb"
    write_session(path, RECORDINGS[0], replace(FULL, sparse=True, storage=request.param))
    return path


def arrays_of(source):
    """All arrays of an HDF5 file, by name."""
    found = {}
    with h5py.File(source, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def read(file, start, n_bytes):
    file.seek(start)
    return file.read(n_bytes)


def spans(web):
    """First and last byte of each request."""
    return [tuple(map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", asked).groups())) for asked in web.ranges()]


# --- what is read


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


# --- what goes wrong and passes


def longer(answer):
    """Send a byte more than was asked for, and say so."""
    return replace(answer, headers=answer.headers | {"Content-Length": str(len(answer.body) + 1)}, body=answer.body + b"x")


def longer_than_told(answer):
    """Send more than is announced."""
    return replace(answer, body=answer.body + b"more")


def less(answer):
    """Send less than was asked for, as RFC 9110 allows, where it is a part at all."""
    first = re.match(r"bytes (\d+)-", answer.headers["Content-Range"])[1]
    place = f"bytes {first}-{int(first) + 999}/{len(CONTENT)}"
    return Answer(206, answer.headers | {"Content-Range": place, "Content-Length": "1000"}, answer.body[:1000])


def beside(answer):
    """Send as many bytes from the next place on."""
    first, rest = re.match(r"bytes (\d+)(-.*)", answer.headers["Content-Range"]).groups()
    headers = answer.headers | {"Content-Range": f"bytes {int(first) + 1}{rest}"}
    return replace(answer, headers=headers, body=answer.body[1:] + b"x")


PASSING = {
    "500": refused(500),
    "503": refused(503),
    "503, wait": refused(503, Retry_After="7"),
    "429": refused(429),
    "closed at once": cut(0),
    "closed in the middle": cut(30_000),
    "stalled": stalled(30_000),
    "in chunks": chunked,
    "length not told": told(Content_Length=None),
    "length not told, closed": lambda answer: told(Content_Length=None)(cut(30_000)(answer)),
    "longer": longer,
    "longer than told": longer_than_told,
    "length too small": told(Content_Length="1000"),
    "length too large": lambda answer: told(Content_Length=str(len(answer.body) + 1000))(answer),
    "another place": told(Content_Range=f"bytes 5-65540/{len(CONTENT)}"),
    "the next place": beside,
    "less": less,
}


@pytest.mark.parametrize("stays", [False, True], ids=["closed", "left open"])
@pytest.mark.parametrize("trick", PASSING.values(), ids=PASSING)
def test_what_goes_wrong_once_ends_in_the_right_bytes(web, address, monkeypatch, trick, stays):
    monkeypatch.setattr(remote, "TIMEOUT_S", 0.3)
    web.stays = stays
    web.will(trick)
    with RemoteFile(address) as file:
        assert read(file, 10, 10) == CONTENT[10:20]
        for start, stop in ((2_000_000, 4_000_000), (4_300_000, 4_400_000)):  # one large read, one in blocks
            web.will(trick)
            assert read(file, start, stop - start) == CONTENT[start:stop]
        assert read(file, 0, -1) == CONTENT


def test_the_wait_that_a_server_asks_for_is_kept(web, address, waits):
    web.will(refused(503, Retry_After="7"), refused(500))
    RemoteFile(address).close()
    assert waits == [7, 2]


def test_a_recording_is_read_right_while_every_other_answer_fails(web, recording, monkeypatch):
    monkeypatch.setattr(remote, "TIMEOUT_S", 0.3)
    web.files[PLACE] = File(recording, FIRST)
    web.will(
        *[trick for pair in zip([refused(503), cut(0), cut(1000), longer] * 9, [None] * 36, strict=True) for trick in pair]
    )
    with RemoteFile(web.address + PLACE) as file:
        ours, expected = arrays_of(file), arrays_of(recording)
    for name, array in expected.items():
        np.testing.assert_array_equal(ours[name], array)


# --- what goes wrong for good


def whole(answer):
    """Ignore that a part was asked for."""
    return Answer(200, FIRST | {"Content-Length": str(len(CONTENT))}, CONTENT)


LASTING = {  # what the server does, how often it is asked, what the error says
    "404": (refused(404), 1, "404 Not Found"),
    "403": (refused(403), 1, "403 Forbidden"),
    "416": (refused(416), 1, "416"),
    "503": (refused(503), ATTEMPTS, f"503 Service Unavailable, {ATTEMPTS} times"),
    "closed": (cut(1000), ATTEMPTS, f"{ATTEMPTS} times"),
    "stalled": (stalled(1000), ATTEMPTS, f"timed out.*{ATTEMPTS} times"),
    "shorter": (lambda answer: longer(cut(1000)(answer)), ATTEMPTS, f"only 1001 of .* bytes arrived, {ATTEMPTS} times"),
    "whole": (whole, 1, "whole files.*allen.keep"),
    "another place": (told(Content_Range=f"bytes 5-65540/{len(CONTENT)}"), ATTEMPTS, f"bytes 5-65540.*{ATTEMPTS} times"),
}


@pytest.mark.parametrize(("trick", "n_requests", "said"), LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("when", ["opened", "a small read", "a large read"])
def test_what_goes_wrong_for_good_ends_in_one_error(web, address, monkeypatch, when, trick, n_requests, said):
    monkeypatch.setattr(remote, "TIMEOUT_S", 0.1)
    file = None if when == "opened" else RemoteFile(address)
    web.requests.clear()
    web.always(trick)
    with pytest.raises(InputError, match=rf"^{address}: .*{said}.*[Rr]un again|allen\.keep"):
        _ = (
            RemoteFile(address)
            if file is None
            else read(file, 2_000_000, {"a small read": 10, "a large read": LARGE_BYTES}[when])
        )
    assert len(web.requests) == n_requests
    if file:  # and goes on where the server does
        web.always(None)
        assert read(file, 2_000_000, 10) == CONTENT[2_000_000:2_000_010]


@pytest.mark.parametrize("place", [None, "", "pages 1-2", f"bytes 0-{BLOCK_BYTES - 1}/*"])
@pytest.mark.parametrize("version", [FIRST, {}], ids=["version told", "not told"])
def test_a_server_that_does_not_tell_which_part_it_sends_is_one_error(web, address, place, version):
    web.files[PLACE].headers = version
    web.always(told(Content_Range=place))
    with pytest.raises(InputError, match=rf"^{address}: .* bytes 0-{BLOCK_BYTES - 1}, {ATTEMPTS} times"):
        RemoteFile(address)


@pytest.mark.parametrize("place", [None, f"bytes 5-65540/{len(CONTENT)}", "bytes 5-65540/99"])
def test_an_answer_that_is_not_what_was_asked_for_says_nothing_of_the_file(web, address, place):
    web.will(told(Content_Range=place, ETag='"other"'))
    with RemoteFile(address) as file:
        assert read(file, 0, -1) == CONTENT


def test_an_empty_file_is_one_error(web, address):
    web.files[PLACE].content = b""
    with pytest.raises(InputError, match=rf"^{address}: "):
        RemoteFile(address)


def test_a_server_that_cannot_be_reached_is_one_error():
    unused = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{unused.server_port}{PLACE}"
    unused.server_close()
    with pytest.raises(InputError, match=rf"^{address}: .*refused.*Check the connection and run again"):
        RemoteFile(address)


@pytest.mark.parametrize(
    ("content", "version"),
    [(CONTENT[::-1], SECOND), (CONTENT[1:], FIRST), (CONTENT[1:], SECOND), (CONTENT[::-1], {})],
    ids=["version", "size", "both", "version not told any more"],
)
@pytest.mark.parametrize("n_bytes", [10, LARGE_BYTES])
def test_versions_of_a_file_are_not_mixed(web, address, content, version, n_bytes):
    with RemoteFile(address) as file:
        web.files[PLACE] = File(content, version)
        with pytest.raises(InputError, match=rf"^{address}: the file changed on the server.*Run again"):
            read(file, 2_000_000, n_bytes)


def test_a_file_that_changed_between_two_attempts_is_not_mixed(web, address):
    with RemoteFile(address) as file:

        def change(answer):
            web.files[PLACE] = File(CONTENT[::-1], SECOND)
            return cut(1000)(answer)

        web.will(change)
        with pytest.raises(InputError, match="changed on the server"):
            read(file, 2_000_000, LARGE_BYTES)


# --- behind h5py, which calls from within the HDF5 library


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
