"""Cases of response files; tests/recordings/test_folder_bad_arrays.py has the others."""

import struct
import zipfile

import numpy as np
from cases import Case
from changes import instead, pipe, written
from folders import change, get, session


def responses(changed):
    """Give what replaces the responses of session two, (n_trials, n_stimuli, n_neurons)."""

    def replace(mice, run):
        path = session(mice, "two")
        change(path, response=changed(get(path, "response")))

    return replace


def two_silent(response):
    response[..., [2, 5]] = np.nan
    return response


def header(shape, kind="<f4"):
    """Return the beginning of a .npy file."""
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def members(place, *parts):
    """Give what replaces an .npz file by an archive of these names and contents."""

    def replace(mice, run):
        with zipfile.ZipFile(mice.parent / place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts:
                archive.writestr(name, content)

    return replace


def saved(**arrays):
    return lambda mice, run: change(session(mice, "two"), **arrays)


def similar(**arrays):
    """Give what makes the data set one of similarities."""

    def replace(mice, run):
        written("mice/dataset.yaml", "{name: Mice, kind: similarity, stimuli: stimuli}")(mice, run)
        np.savez(mice / "similarity.npz", **arrays)

    return replace


OF_TWO = "mice/responses/two.npz"


CASES = [
    Case(
        "another number of stimuli",
        responses(lambda response: response[:, :5]),
        refused=r"responses/two\.npz: response has 5 stimuli, but .*stimuli has 8 images",
    ),
    Case("no trial", responses(lambda response: response[:0]), refused=r"responses/two\.npz: response has no trial"),
    Case(
        "complex responses",
        responses(lambda response: response * (1 + 1j)),
        refused=r"two\.npz: response is of type complex64; expected real numbers",
    ),
    Case(
        "neurons without any response",
        responses(two_silent),
        refused=r"responses/two\.npz: 2 of 10 neurons hold nothing but NaN, first neuron 202",
        arguments=[],
    ),
    Case(
        "an array of a petabyte",
        members(OF_TWO, ("response.npy", header((10**12, 8, 10)))),
        refused=r"two\.npz: response has 0 bytes, but its header",
    ),
    Case(
        "two arrays of one name",
        members(OF_TWO, ("response.npy", header((0,))), ("response.npy", header((0,)))),
        refused=r"two\.npz: two arrays are named 'response'",
    ),
    Case("arrays that are a pipe", instead(OF_TWO, pipe), refused=r"two\.npz: a pipe or a device; expected a file"),
    Case(
        "void as responses",
        saved(response=np.zeros((6, 8, 10), "V8")),
        refused=r"two\.npz: response is of type \|V8; expected real numbers",
    ),
    Case(
        "objects as neurons",
        saved(neuron=np.full(10, None)),
        refused=r"two\.npz: neuron is of type object; expected text or whole numbers",
    ),
    Case(
        "neurons with letters beyond Unicode",
        saved(neuron=np.full(10, 0x7FFFFFFF, "<u4").view("<U1")),
        refused=r"two\.npz: neuron holds characters that Unicode does not have",
        arguments=[],
    ),
    Case(
        "text as similarities",
        similar(VISp=np.full((8, 8), "0.5")),
        refused=r"similarity\.npz: VISp is of type <U3; expected real numbers",
    ),
]
