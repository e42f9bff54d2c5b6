"""Dataset folders that are valid: what is read from them."""

import numpy as np
import pytest
from folders import change, get, session, spoil
from PIL import Image

from dormouse.recordings.dataset_folder import check_folder, read_session, read_similarity
from dormouse.recordings.names import site_of
from dormouse.stimuli.images import image_files, read_images


def test_a_session_is_read_as_stored(dataset_folder):
    recording = read_session(session(dataset_folder))
    np.testing.assert_array_equal(recording.response, get(session(dataset_folder), "response"))
    assert recording.response.dtype == np.float32
    assert recording.neuron.tolist() == [str(100 + i) for i in range(10)]
    assert recording.stimulus.tolist() == [f"image_{i}" for i in range(8)]
    assert recording.area.tolist() == ["VISp"] * 5 + ["VISl"] * 5
    assert recording.cortical_layer.tolist() == ["2/3", "2/3", "4", "4", ""] * 2
    assert set(recording.animal) == {"m1"}
    assert recording.unit == "dF/F"
    assert np.isnan(recording.running_speed).all()
    assert np.isnan(recording.depth_um).all()


def test_neurons_are_matched_by_id_whatever_the_order_of_their_rows(dataset_folder):
    header, *rows = (dataset_folder / "neurons.csv").read_text().splitlines()
    expected = read_session(session(dataset_folder, "two"))
    mixed = np.random.default_rng(0).permutation(rows)
    (dataset_folder / "neurons.csv").write_text("\n".join([header, *mixed]))
    recording = read_session(session(dataset_folder, "two"))
    for field in ("response", "neuron", "animal", "area", "cortical_layer"):
        np.testing.assert_array_equal(getattr(recording, field), getattr(expected, field))


def test_neurons_of_a_response_file_may_come_in_any_order(dataset_folder):
    expected, order = read_session(session(dataset_folder)), np.arange(10)[::-1]
    path = session(dataset_folder)
    change(path, response=get(path, "response")[..., order], neuron=get(path, "neuron")[order])
    recording = read_session(path)
    for field in ("neuron", "area", "cortical_layer"):
        assert getattr(recording, field).tolist() == getattr(expected, field)[order].tolist()
    np.testing.assert_array_equal(recording.response, expected.response[..., order])


def test_ids_of_neurons_may_be_text(dataset_folder):
    change(session(dataset_folder), neuron=get(session(dataset_folder), "neuron").astype(str))
    assert read_session(session(dataset_folder)).area.tolist() == ["VISp"] * 5 + ["VISl"] * 5


def test_columns_of_neurons_csv_that_nobody_asked_for_are_allowed(dataset_folder):
    path = dataset_folder / "neurons.csv"
    path.write_text("\n".join(f"{line},{i}" for i, line in enumerate(path.read_text().splitlines())))
    assert len(check_folder(dataset_folder)) == 20


def test_missing_trials_stay_nan_and_others_as_they_are(dataset_folder):
    spoil(session(dataset_folder), "response", np.s_[4:, 2, 7], np.nan)
    expected = get(session(dataset_folder), "response")
    recording = read_session(session(dataset_folder))
    np.testing.assert_array_equal(recording.response, expected)
    assert recording.n_trials()[2, 7] == 4
    assert (recording.n_trials() == 6).sum() == 79


def test_a_valid_folder_gives_its_neurons_in_the_order_of_the_file(dataset_folder):
    neurons = check_folder(dataset_folder)
    assert neurons.neuron.tolist() == [str(i) for i in (*range(100, 110), *range(200, 210))]


def test_images_are_read_as_grey_in_the_order_of_their_names(dataset_folder):
    grey = np.asarray(Image.open(dataset_folder / "stimuli" / "image_2.png"))
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(dataset_folder / "stimuli" / "image_2.png")
    stimuli = read_images(image_files(dataset_folder / "stimuli"))
    assert stimuli.images.dtype == np.uint8
    assert stimuli.names.tolist() == [f"image_{i}" for i in range(8)]
    np.testing.assert_array_equal(stimuli.images[2], grey)


@pytest.mark.parametrize(
    ("name", "site"),
    [("VISp-2_3", ("VISp", "2/3")), ("VISl-4", ("VISl", "4")), ("VISrl", ("VISrl", "all"))],
)
def test_names_of_sites_give_area_and_cortical_layer(name, site):
    assert site_of(name) == site


def test_similarities_become_dissimilarities_of_the_sites_of_one_area(similarity_folder):
    path = similarity_folder / "similarity.npz"
    rdms = read_similarity(path, "VISp")
    np.testing.assert_allclose(rdms["rdm"], [1 - get(path, "VISp-2_3"), 1 - get(path, "VISp-4")], rtol=0, atol=1e-15)
    assert rdms["area"].tolist() == ["VISp", "VISp"]
    assert rdms["cortical_layer"].tolist() == ["2/3", "4"]
    assert rdms["n_neurons"].tolist() == [-1, -1]
