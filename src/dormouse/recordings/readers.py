"""The readers of each source of data, by name: trials of one recording, and the images."""

from dormouse.recordings.folder import read_session
from dormouse.recordings.nwb import read_nwb, read_scenes
from dormouse.stimuli import read_images

# (path of a recording, response window in seconds) -> Recording; sessions of a folder hold responses already
TRIALS = {"nwb": read_nwb, "folder": lambda path, window_s: read_session(path)}

# (files that hold the images, whether to add the blank) -> Stimuli; a folder holds all that was shown
STIMULI = {"nwb": lambda files, blank: read_scenes(files[0], blank), "folder": lambda files, blank: read_images(files)}
