"""The published list of recordings, and their download, from a server of this test."""

import gzip
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from dormouse.errors import InputError
from dormouse.recordings.allen import download, list_recordings

CONTENT = np.random.default_rng(0).bytes(3_000_000)  # more than one chunk


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, content, length=None, **headers):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (CONTENT[:1_000_000], CONTENT[1_000_000:]):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def compressed(self):
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.answer(gzip.compress(CONTENT), Content_Encoding="gzip")
        else:
            self.answer(CONTENT)

    def do_GET(self):
        answers: dict[str, Callable] = {
            "/whole.nwb": lambda: self.answer(CONTENT),
            "/empty.nwb": lambda: self.answer(b""),
            "/cut.nwb": lambda: self.answer(CONTENT[:1_500_000], length=len(CONTENT)),
            "/chunked.nwb": self.chunked,
            "/compressed.json": self.compressed,
        }
        answers.get(self.path, lambda: self.send_error(404))()

    def log_message(self, *_):
        """Keep the output of the tests free of requests."""


@pytest.fixture(scope="module")
def address():
    """Address of a server that holds the files of `Handler.do_GET`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["whole.nwb", "chunked.nwb", "compressed.json"])
def test_what_is_published_arrives_byte_for_byte(address, tmp_path, name):
    download(f"{address}/{name}", tmp_path / "deep" / name)
    assert (tmp_path / "deep" / name).read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "deep").iterdir()] == [name]


def test_a_file_that_is_there_is_replaced(address, tmp_path):
    (tmp_path / "whole.nwb").write_text("old")
    download(f"{address}/whole.nwb", tmp_path / "whole.nwb")
    assert (tmp_path / "whole.nwb").read_bytes() == CONTENT


@pytest.mark.parametrize(("name", "reason"), [("absent.nwb", "404"), ("cut.nwb", "1500000")])
def test_what_does_not_arrive_whole_is_an_input_error_and_leaves_nothing(address, tmp_path, name, reason):
    with pytest.raises(InputError, match=rf"(?i){address}/{name}: .*{reason}.*run again"):
        download(f"{address}/{name}", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_leaves_an_older_file_as_it_was(address, tmp_path):
    (tmp_path / "cut.nwb").write_text("old")
    with pytest.raises(InputError):
        download(f"{address}/cut.nwb", tmp_path / "cut.nwb")
    assert (tmp_path / "cut.nwb").read_text() == "old"


def test_a_service_that_cannot_be_reached_is_an_input_error_and_leaves_nothing(tmp_path):
    unused = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{unused.server_port}"
    unused.server_close()
    with pytest.raises(InputError, match=rf"{address}/a\.nwb: .*Check the connection and config: allen\.address"):
        download(f"{address}/a.nwb", tmp_path / "a.nwb")
    assert list(tmp_path.iterdir()) == []


def experiment(number, area="VISp", stimulus="three_session_B", failed=False, depth_um=175):
    """One entry of ophys_experiments.json, with the keys that are read and one that is not."""
    return {
        "id": number,
        "stimulus_name": stimulus,
        "targeted_structure": {"acronym": area, "id": 385},
        "imaging_depth": depth_um,
        "experiment_container": {"failed": failed},
    }


@pytest.fixture
def listed(tmp_path):
    """Give a function that writes ophys_experiments.json and lists the recordings in VISp and VISl."""

    def listed(*experiments):
        path = tmp_path / "ophys_experiments.json"
        path.write_text(json.dumps(experiments))
        return list_recordings(path, ["VISp", "VISl"])

    return listed


def test_recordings_are_listed_in_order_with_area_and_depth(listed):
    table = listed(experiment(502, "VISl", depth_um=275), experiment(501))
    assert table.to_dict("list") == {"recording": ["501", "502"], "area": ["VISp", "VISl"], "depth_um": [175.0, 275.0]}


@pytest.mark.parametrize(
    "other", [{"stimulus": "three_session_A"}, {"stimulus": "three_session_C2"}, {"failed": True}, {"area": "VISrl"}]
)
def test_recordings_of_other_stimuli_or_areas_and_failed_ones_are_left_out(listed, other):
    assert listed(experiment(501), experiment(502, **other), experiment(503)).recording.tolist() == ["501", "503"]


def test_a_list_without_any_recording_in_the_areas_is_refused(listed):
    with pytest.raises(InputError, match=r"ophys_experiments\.json: no three_session_B recording in VISp, VISl among 2 exp"):
        listed(experiment(501, "VISrl"), experiment(502, stimulus="three_session_A"))


@pytest.mark.parametrize("key", ["id", "stimulus_name", "targeted_structure", "imaging_depth", "experiment_container"])
def test_a_list_that_lacks_a_key_is_refused(listed, key):
    lacking = experiment(501)
    del lacking[key]
    with pytest.raises(InputError, match=rf"ophys_experiments\.json: not the service's list of experiments .*{key}"):
        listed(lacking)


@pytest.mark.parametrize("text", ["<html>Service unavailable</html>", "", '{"success": true}', "3"])
def test_what_is_not_a_list_of_experiments_is_refused(tmp_path, text):
    (tmp_path / "ophys_experiments.json").write_text(text)
    with pytest.raises(InputError, match=r"ophys_experiments\.json: not the service's list of experiments"):
        list_recordings(tmp_path / "ophys_experiments.json", ["VISp"])
