"""What people write in dataset folders and on the command line: a fault ends in one line that names it."""

import re

import pytest

from dormouse.errors import InputError
from dormouse.recordings.dataset_folder import read_description, read_neurons

# --- dataset folders


def test_the_description_of_a_dataset_says_one_thing(dataset_folder):
    with (dataset_folder / "dataset.yaml").open("a") as file:
        file.write("kind: similarity\n")
    with pytest.raises(InputError, match=r"dataset\.yaml: line 6: key 'kind' stands in line \d already"):
        read_description(dataset_folder)


def test_a_column_of_neurons_that_stands_twice_is_named(dataset_folder):
    path = dataset_folder / "neurons.csv"
    path.write_text("\n".join(f"{row},{row.split(',')[3]}" for row in path.read_text().splitlines()))
    with pytest.raises(InputError, match=r"neurons\.csv: 2 columns are named 'area'; rename all but one"):
        read_neurons(dataset_folder)


@pytest.mark.parametrize("depth", ["nan", "inf", "-inf", "1e999", "9" * 400, "deep"])
def test_a_depth_that_is_no_finite_number_is_refused(dataset_folder, depth):
    path = dataset_folder / "neurons.csv"
    rows = path.read_text().splitlines()
    path.write_text(
        "\n".join([f"{rows[0]},depth_um", *(f"{row},175" for row in rows[1:5]), *(f"{row},{depth}" for row in rows[5:])])
    )
    with pytest.raises(InputError, match=rf"neurons\.csv: line 6: depth_um is '{depth}'; expected micrometres"):
        read_neurons(dataset_folder)


# --- the command line


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("pattern", "entries", "text"),
    [
        (
            r"overrides\.yaml: line 3: key 'dataset' stands in line 1 already",
            [],
            "dataset: demo\nareas: [VISp]\ndataset: demo\n",
        ),
        (
            r"overrides\.yaml: ceilings\.penalty: expected a finite number, got inf",
            [],
            "{dataset: demo, ceilings: {penalty: .inf}}",
        ),
        (r"overrides\.yaml: input\.size: expected a whole number, got \{\}", [], "{dataset: demo, input: {size: {}}}"),
        (
            r"--config: ceilings\.penalty: expected a finite number, got nan",
            ["--config", "ceilings={penalty: .nan}"],
            "dataset: demo",
        ),
    ],
    ids=["a key twice", "infinity", "an empty mapping", "the command line"],
)
def test_a_fault_ends_a_dry_run_in_one_line(snakemake, tmp_path, pattern, entries, text):
    process = snakemake("-n", *entries, config=text)
    assert process.returncode == 1
    assert len([line for line in process.stdout.splitlines() if re.search(pattern, line)]) == 1, process.stdout
    assert "Traceback" not in process.stdout
    assert not (tmp_path / "run/results").exists()
