"""Cases of recordings of the Allen Brain Observatory."""

import json
import shutil

import h5py
import numpy as np
from cases import Case
from examples import write_recording
from observatory import experiment

NOWHERE = "http://127.0.0.1:9"  # the discard port, where no server answers
ALLEN = {
    "dataset": "allen",
    "areas": ["VISp"],
    "allen": {"bucket": NOWHERE, "service": NOWHERE, "keep": True},
    "selection": {"metrics": "computed"},
}


def spoilt(spoil):
    """Give what puts two recordings in VISp where downloads land, and spoils the file of the second."""

    def put(mice, run):
        folder = run / "resources" / "allen"
        (folder / "ophys_experiment_data").mkdir(parents=True)
        experiments = [experiment(number) for number in (900000000, 900000001)]
        (folder / "ophys_experiments.json").write_text(json.dumps(experiments))
        first, second = (folder / "ophys_experiment_data" / f"{one['id']}.nwb" for one in experiments)
        shutil.copy(write_recording(first), second)
        spoil(second)

    return put


def truncate(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def truncated_session(mice, run):
    truncate(mice / "responses/one.npz")


def another_session(file):
    with h5py.File(file, "r+") as nwb:
        del nwb["general/session_type"]
        nwb["general/session_type"] = np.bytes_("three_session_A")


CASES = [
    Case(
        "a session to leave out that is not there",
        config={"exclude": ["tow"]},
        refused=r"config: exclude: 'tow' is no recording of \.\./mice\. Did you mean two\?",
    ),
    Case("a session that cannot be read, left out", truncated_session, config={"exclude": ["one"]}),
    Case(
        "running trials of sessions without running speed",
        config={"methods": {"run": ["rsa_pearson", "running"]}},
        says=[
            r"Methods left out: rsa_pearson_running \(running speed is not known, and the selection running needs it\); "
            r"rsa_pearson_still \("
        ],
    ),
    Case(
        "nothing but running trials of sessions without running speed",
        config={"methods": {"run": ["running"]}},
        refused=r"config: methods: no method that this data set allows: .*running speed is not known",
    ),
    Case(
        "truncated recording",
        spoilt(truncate),
        refused=r"900000001\.nwb: not a whole HDF5 file .*Remove it and fetch it again",
        config=ALLEN,
        arguments=[],
    ),
    Case(
        "recording of another session type",
        spoilt(another_session),
        slow=True,
        refused=r"900000001\.nwb: session type three_session_A; natural scenes were shown in three_session_B only",
        config=ALLEN,
        arguments=[],
    ),
    Case(
        "service that cannot be reached",
        slow=True,
        refused=rf"Error: {NOWHERE}/ophys_experiments\.json: .*Check the connection and run again",
        config=ALLEN,
        arguments=[],
    ),
]
