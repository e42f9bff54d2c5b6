"""Dataset folders: what is refused of responses, similarity matrices and images."""

import numpy as np
import pytest
from folders import change, describe, get, session, speeds, spoil
from PIL import Image

from dormouse.errors import InputError
from dormouse.recordings.dataset_folder import check_folder, read_session, read_similarity
from dormouse.stimuli.images import image_files, read_images


def test_an_infinite_speed_is_refused(dataset_folder):
    speeds(np.inf)(dataset_folder)
    with pytest.raises(InputError, match=r"one\.npz: running_speed is infinite in 48 trials"):
        read_session(session(dataset_folder))


def test_another_number_of_stimuli_is_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[:, :7])
    with pytest.raises(InputError, match=r"one\.npz: response has 7 stimuli, but .*stimuli has 8 images"):
        check_folder(dataset_folder)


def test_another_number_of_neurons_is_refused(dataset_folder):
    path = session(dataset_folder)
    change(path, response=get(path, "response")[..., :9], neuron=get(path, "neuron")[:9])
    with pytest.raises(InputError, match=r"one\.npz: response has 9 neurons, but neurons\.csv has 10 rows of its session"):
        check_folder(dataset_folder)


@pytest.mark.parametrize(
    "neuron", [np.arange(9), np.array(100), np.arange(20).reshape(2, 10)], ids=["short", "scalar", "table"]
)
def test_ids_that_do_not_belong_to_the_columns_of_the_response_are_refused(dataset_folder, neuron):
    change(session(dataset_folder), neuron=neuron)
    with pytest.raises(InputError, match=r"one\.npz: .*neuron"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("lacking", ["response", "neuron"])
def test_a_response_file_that_lacks_an_array_is_refused(dataset_folder, lacking):
    change(session(dataset_folder), **{lacking: None})
    with pytest.raises(InputError, match=r"one\.npz: expected response \(n_trials, n_stimuli, n_neurons\) and neuron"):
        check_folder(dataset_folder)


def test_responses_without_an_axis_of_trials_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[0])
    with pytest.raises(InputError, match=r"one\.npz: expected response .*\(8, 10\)"):
        check_folder(dataset_folder)


def test_neurons_that_the_table_does_not_have_are_named(dataset_folder):
    spoil(session(dataset_folder), "neuron", 4, 999)
    with pytest.raises(InputError, match=r"one\.npz: neuron 999 is not among the neurons of session one in neurons\.csv"):
        read_session(session(dataset_folder))


def test_neurons_of_another_session_are_named(dataset_folder):
    spoil(session(dataset_folder), "neuron", 4, 204)
    with pytest.raises(InputError, match=r"one\.npz: neuron 204 is not among the neurons of session one"):
        read_session(session(dataset_folder))


def test_a_neuron_that_stands_twice_in_a_response_file_is_named(dataset_folder):
    spoil(session(dataset_folder), "neuron", 4, 100)
    with pytest.raises(InputError, match=r"one\.npz: neuron 100 occurs 2 times"):
        read_session(session(dataset_folder))


def test_responses_without_trials_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[:0])
    with pytest.raises(InputError, match=r"one\.npz: response has no trial; expected one or more"):
        check_folder(dataset_folder)


def test_neurons_without_any_response_are_counted_and_named(dataset_folder):
    spoil(session(dataset_folder), "response", np.s_[..., [3, 6]], np.nan)
    with pytest.raises(InputError, match=r"one\.npz: 2 of 10 neurons hold nothing but NaN, first neuron 103"):
        read_session(session(dataset_folder))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_responses_are_refused(dataset_folder, value):
    spoil(session(dataset_folder), "response", (2, 3, 5), value)
    with pytest.raises(InputError, match=r"one\.npz: infinite responses, first in neuron 105"):
        read_session(session(dataset_folder))


def test_responses_that_are_not_numbers_are_refused(dataset_folder):
    change(session(dataset_folder), response=np.full((6, 8, 10), "much"))
    with pytest.raises(InputError, match=r"one\.npz: "):
        read_session(session(dataset_folder))


def test_a_truncated_response_file_is_refused(dataset_folder):
    path = session(dataset_folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"one\.npz: not a readable \.npz file"):
        check_folder(dataset_folder)
    with pytest.raises(InputError, match=r"one\.npz: not a readable \.npz file"):
        read_session(path)


def test_pickled_responses_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response").astype(object))
    with pytest.raises(InputError, match=r"one\.npz: .*"):
        read_session(session(dataset_folder))


def test_a_file_that_is_no_image_is_named(dataset_folder):
    (dataset_folder / "stimuli" / "image_3.png").write_text("no image")
    with pytest.raises(InputError, match=r"image_3\.png: not a readable image\. Replace or remove it"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_a_truncated_image_is_named(dataset_folder):
    path = dataset_folder / "stimuli" / "image_3.png"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"image_3\.png: not a readable image"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_an_image_of_another_size_is_named_with_both_sizes(dataset_folder):
    Image.fromarray(np.zeros((24, 33), np.uint8)).save(dataset_folder / "stimuli" / "image_5.png")
    with pytest.raises(InputError, match=r"image_5\.png: 24 x 33 pixels, but image_0\.png has 24 x 32"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_an_image_of_more_than_8_bits_is_refused(dataset_folder):
    """Pillow would clip it: every grey above 255 of 65535 would become white."""
    Image.fromarray(np.full((24, 32), 32768, np.uint16)).save(dataset_folder / "stimuli" / "image_5.png")
    with pytest.raises(InputError, match=r"image_5\.png"):
        read_images(image_files(dataset_folder / "stimuli"))


def test_a_folder_without_images_is_refused(dataset_folder):
    describe(dataset_folder, stimuli="elsewhere")
    with pytest.raises(InputError, match=r"dataset\.yaml: stimuli: .*elsewhere is no folder; expected that of the images"):
        check_folder(dataset_folder)


def test_a_matrix_that_is_not_symmetric_is_named(similarity_folder):
    spoil(similarity_folder / "similarity.npz", "VISp-4", (0, 1), 0.9)
    with pytest.raises(InputError, match=r"similarity\.npz: VISp-4 must be finite, symmetric"):
        read_similarity(similarity_folder / "similarity.npz", "VISp")


def test_distances_in_the_place_of_similarities_are_recognised(similarity_folder):
    path = similarity_folder / "similarity.npz"
    change(path, VISl=1 - get(path, "VISl"))
    with pytest.raises(InputError, match=r"similarity\.npz: VISl must be .*1 on the diagonal\. Are these distances\?"):
        read_similarity(path, "VISl")


def test_a_matrix_with_holes_is_named(similarity_folder):
    spoil(similarity_folder / "similarity.npz", "VISl", ([0, 1], [1, 0]), np.nan)
    with pytest.raises(InputError, match=r"similarity\.npz: VISl must be finite"):
        read_similarity(similarity_folder / "similarity.npz", "VISl")


def test_similarities_beyond_one_are_refused(similarity_folder):
    spoil(similarity_folder / "similarity.npz", "VISl", ([0, 1], [1, 0]), -1.5)
    with pytest.raises(InputError, match=r"similarity\.npz: VISl holds 1\.500; similarities lie between -1 and 1"):
        read_similarity(similarity_folder / "similarity.npz", "VISl")
