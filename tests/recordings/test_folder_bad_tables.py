"""Dataset folders: what is refused of dataset.yaml and neurons.csv, and of sessions that one has and the other has not."""

import pytest
from folders import describe, rewrite, session

from dormouse.errors import InputError
from dormouse.recordings.dataset_folder import check_folder, read_description, read_neurons


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
    with pytest.raises(InputError, match=r"neurons\.csv: session: '.*' cannot be a file name; use letters, digits"):
        check_folder(dataset_folder)


def test_a_session_whose_name_the_workflow_cannot_carry_is_refused(dataset_folder):
    """Names of recordings are wildcards of the workflow, which allow letters, digits, point, underscore and hyphen."""
    path = dataset_folder / "neurons.csv"
    path.write_text(path.read_text().replace(",two,", ",day 2,"))
    session(dataset_folder, "two").rename(session(dataset_folder, "day 2"))
    with pytest.raises(InputError, match=r"neurons\.csv: session: 'day 2' cannot be a file name; use letters, digits"):
        check_folder(dataset_folder)
