"""Cases of response files; tests/recordings/test_folder_bad_arrays.py has the others."""

import numpy as np
from cases import Case
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


CASES = [
    Case(
        "another number of stimuli",
        responses(lambda response: response[:, :5]),
        refused=r"responses/two\.npz: response has 5 stimuli, but .*stimuli has 8 images",
    ),
    Case("one trial", responses(lambda response: response[:1]), refused=r"responses/two\.npz: 1 trial.*at least 2"),
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
]
