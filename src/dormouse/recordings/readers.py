"""The readers of recordings by source: trials of one recording, and the images that were shown."""

from collections.abc import Sequence
from pathlib import Path

from dormouse.recordings import nwb1 as nwb
from dormouse.recordings import nwb2
from dormouse.recordings.dataset_folder import read_session
from dormouse.recordings.remote import is_address
from dormouse.recordings.session import TRACES, trials
from dormouse.recordings.trials import Recording
from dormouse.stimuli.images import Stimuli, read_images


def read_nwb(source: str | Path, response: dict, events: Sequence[str | Path] = ()) -> Recording:
    """Read the trials of a two-photon session of the Allen Brain Observatory, NWB 1.0 or 2.

    Parameters
    ----------
    source : path or address
    response : measure, window_s and baseline_s, see `session.trials`
    events : the file of events, if the measure needs them and the recording does not hold them
    """
    trace = TRACES[response["measure"]]
    if _module(source) is nwb2:  # holds its own events
        return trials(nwb2.read_session(source, trace), **response)
    return trials(nwb.read_session(source, trace, *events), **response)


def read_scenes(source: str | Path, blank: bool) -> Stimuli:
    """Read the natural scenes of such a session, followed by the blank if `blank` is true."""
    return _module(source).read_scenes(source, blank)


def session_area(path: str | Path) -> tuple[str, int]:
    """Return the cortical area of such a session, and its number of neurons."""
    return _module(path).session_area(path)


def _module(source: str | Path):
    """Return the module that reads a file; files read from an address are all NWB 1.0."""
    return nwb2 if not is_address(source) and nwb2.is_nwb2(source) else nwb


# (path or address of a recording, config: response, files of events) -> Recording
TRIALS = {"nwb": read_nwb, "folder": lambda path, response, events: read_session(path)}

# (files that hold the images, whether to add the blank, grey around the images) -> Stimuli; a dataset folder gets no blank
STIMULI = {
    "nwb": lambda files, blank, background: read_scenes(files[0], blank),
    "folder": lambda files, blank, background: read_images(files, background),
}
