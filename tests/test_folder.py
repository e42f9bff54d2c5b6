"""Dataset folders: what is read from them, and the one message for each thing that can be wrong with them."""

import numpy as np
import pytest
import yaml
from PIL import Image

from dormouse.errors import InputError
from dormouse.recordings.folder import check_folder, read_description, read_neurons, read_session, read_similarity
from dormouse.recordings.names import site_of
from dormouse.stimuli import image_files, read_images


def session(folder, name="one"):
    return folder / "responses" / f"{name}.npz"


def change(path, **arrays):
    """Replace arrays of an .npz file; None removes one."""
    with np.load(path) as stored:
        arrays = dict(stored) | arrays
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def get(path, name):
    with np.load(path) as stored:
        return stored[name]


def describe(folder, **keys):
    """Replace keys of dataset.yaml; None removes one."""
    path = folder / "dataset.yaml"
    description = yaml.safe_load(path.read_text()) | keys
    path.write_text(yaml.safe_dump({key: value for key, value in description.items() if value is not None}))


def rewrite(folder, old, new):
    """Replace a text that stands once in neurons.csv."""
    path = folder / "neurons.csv"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))


def spoil(path, name, place, value):
    """Set a part of one array of an .npz file."""
    array = get(path, name)
    array[place] = value
    change(path, **{name: array})


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


def test_a_folder_without_description_is_refused(dataset_folder):
    (dataset_folder / "dataset.yaml").unlink()
    with pytest.raises(InputError, match=r"dataset\.yaml: not found"):
        check_folder(dataset_folder)


def test_a_misspelt_key_of_the_description_is_named_with_the_known_ones(dataset_folder):
    describe(dataset_folder, respons_unit="Hz")
    with pytest.raises(InputError, match=r"dataset\.yaml: unknown key 'respons_unit'. Did you mean response_unit\?"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("key", ["name", "kind", "stimuli"])
def test_a_key_that_the_description_lacks_is_named(dataset_folder, key):
    describe(dataset_folder, **{key: None})
    with pytest.raises(InputError, match=rf"dataset\.yaml: '{key}' is a required property"):
        read_description(dataset_folder)


def test_another_kind_of_data_set_is_refused(dataset_folder):
    describe(dataset_folder, kind="spikes")
    with pytest.raises(InputError, match=r"dataset\.yaml: kind: 'spikes'.*'responses', 'similarity'"):
        read_description(dataset_folder)


@pytest.mark.parametrize("text", ["", "name: [", "- a list"], ids=["empty", "not YAML", "a list"])
def test_a_description_that_holds_no_keys_is_refused(dataset_folder, text):
    (dataset_folder / "dataset.yaml").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.yaml: "):
        read_description(dataset_folder)


def test_a_folder_without_neurons_is_refused(dataset_folder):
    (dataset_folder / "neurons.csv").unlink()
    with pytest.raises(InputError, match=r"neurons\.csv: not found.*neuron, session, animal, area, layer"):
        check_folder(dataset_folder)


def test_a_missing_column_is_named(dataset_folder):
    rewrite(dataset_folder, "session,animal", "session,mouse")
    with pytest.raises(InputError, match=r"neurons\.csv: no column animal"):
        check_folder(dataset_folder)


def test_a_repeated_neuron_is_named_with_its_lines(dataset_folder):
    rewrite(dataset_folder, "\n205,", "\n103,")
    with pytest.raises(InputError, match=r"neurons\.csv: neuron 103 stands in lines 5, 17"):
        check_folder(dataset_folder)


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("neuron", ",two,m2,VISp,2/3"),
        ("session", "200,,m2,VISp,2/3"),
        ("animal", "200,two,,VISp,2/3"),
        ("area", "200,two,m2,,2/3"),
    ],
)
def test_an_empty_cell_is_named_by_line_and_column(dataset_folder, column, row):
    rewrite(dataset_folder, "200,two,m2,VISp,2/3", row)
    with pytest.raises(InputError, match=rf"neurons\.csv: line 12 has no {column}"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"], ids=["empty", "binary"])
def test_a_table_of_neurons_that_cannot_be_read_is_refused(dataset_folder, content):
    (dataset_folder / "neurons.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"neurons\.csv: "):
        read_neurons(dataset_folder)


def test_a_row_with_more_cells_than_columns_is_refused(dataset_folder):
    rewrite(dataset_folder, "200,two,m2,VISp,2/3", "200,two,m2,VISp,2,3")
    with pytest.raises(InputError, match=r"neurons\.csv: .*line 12"):
        read_neurons(dataset_folder)


def test_a_session_without_response_file_is_named(dataset_folder):
    session(dataset_folder, "two").unlink()
    with pytest.raises(InputError, match=r"two\.npz: not found, but neurons\.csv has 10 neurons of session two"):
        check_folder(dataset_folder)


def test_a_response_file_without_rows_is_named(dataset_folder):
    session(dataset_folder, "three").write_bytes(session(dataset_folder, "two").read_bytes())
    with pytest.raises(InputError, match=r"three\.npz: neurons\.csv has no neuron of session three"):
        check_folder(dataset_folder)


@pytest.mark.parametrize("name", ["../x", "..", "sub/x", ".hidden"])
def test_a_session_that_would_leave_its_folder_is_refused(dataset_folder, name):
    rewrite(dataset_folder, "200,two,", f"200,{name},")
    with pytest.raises(InputError, match=r"neurons\.csv: session .* cannot be a file name"):
        check_folder(dataset_folder)


def test_a_session_whose_name_the_workflow_cannot_carry_is_refused(dataset_folder):
    """Names of recordings are wildcards of the workflow, which allow letters, digits, point, underscore and hyphen."""
    path = dataset_folder / "neurons.csv"
    path.write_text(path.read_text().replace(",two,", ",day 2,"))
    session(dataset_folder, "two").rename(session(dataset_folder, "day 2"))
    with pytest.raises(InputError, match=r"neurons\.csv: session 'day 2'"):
        check_folder(dataset_folder)


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


def test_fewer_than_two_trials_are_refused(dataset_folder):
    change(session(dataset_folder), response=get(session(dataset_folder), "response")[:1])
    with pytest.raises(InputError, match=r"one\.npz: 1 trial.*at least 2"):
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


def test_images_are_read_as_grey_in_the_order_of_their_names(dataset_folder):
    grey = np.asarray(Image.open(dataset_folder / "stimuli" / "image_2.png"))
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(dataset_folder / "stimuli" / "image_2.png")
    stimuli = read_images(image_files(dataset_folder / "stimuli"))
    assert stimuli.images.dtype == np.uint8
    assert stimuli.names.tolist() == [f"image_{i}" for i in range(8)]
    np.testing.assert_array_equal(stimuli.images[2], grey)


def test_a_folder_without_images_is_refused(dataset_folder):
    describe(dataset_folder, stimuli="elsewhere")
    with pytest.raises(InputError, match=r"elsewhere: no images; expected one PNG, TIFF or JPEG"):
        check_folder(dataset_folder)


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
