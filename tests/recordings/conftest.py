"""Files for tests of what is read over the network."""

from dataclasses import replace

import pytest
from observatory import RECORDINGS
from remote_file import CONTENT, FIRST, PLACE, SMALL
from sessions import FULL, write_session
from web import File


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
