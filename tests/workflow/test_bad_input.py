"""Wrong input, through the command line: one message that says what to mend, before any network runs."""

import json
import re
import shutil

import h5py
import numpy as np
import pytest
import torch
from observatory import experiment
from PIL import Image

pytestmark = pytest.mark.workflow

SCREEN_LINES = 24  # of a terminal; what stands further up has scrolled away
NOWHERE = "http://127.0.0.1:9"  # the discard port, where no server answers
NOT_REACHED = {"bucket": NOWHERE, "service": NOWHERE, "keep": True}


@pytest.fixture
def run(tmp_path):
    """Working directory of the workflow."""
    return tmp_path / "run"


@pytest.fixture
def refused(snakemake, run):
    """Give refused(pattern, *arguments, dataset, config): run the workflow and expect it to fail with one clear message.

    The message is a line that matches `pattern`. It appears once, without a traceback, and no network has run. Errors found
    when the workflow starts are among the last lines; after the message of a job, other jobs may still end.
    """

    def refused(pattern, *arguments, dataset, **config):
        process = snakemake(
            *arguments, cwd=run, config={"dataset": str(dataset), "models": {"groups": ["baselines"]}} | config
        )
        lines = process.stdout.splitlines()
        places = [place for place, line in enumerate(lines) if re.search(pattern, line)]
        assert process.returncode != 0, process.stdout
        assert len(places) == 1, process.stdout
        assert "-n" not in arguments or len(lines) - places[0] <= SCREEN_LINES, process.stdout
        assert "Traceback" not in process.stdout
        assert not list(run.glob("results/kernels/*/*/*"))
        return process.stdout

    return refused


def change(path, **arrays):
    """Replace arrays of an .npz file."""
    with np.load(path) as stored:
        arrays = dict(stored) | arrays
    np.savez(path, **arrays)


def get(path, name):
    with np.load(path) as stored:
        return stored[name]


# --- configuration


@pytest.mark.parametrize(
    ("wrong", "pattern"),
    [
        ({"selecton": {"min_neurons": 3}}, r"\bselecton\b"),
        ({"selection": {"min_neuron": 3}}, r"\bselection\b.*\bmin_neuron\b"),
        ({"selection": {"min_neurons": 2}}, r"\bselection\b.*\bmin_neurons\b.*\b2\b.*\b3\b"),
    ],
    ids=["key", "key of a section", "value"],
)
def test_a_configuration_that_does_not_fit_is_named_by_key(refused, dataset_folder, wrong, pattern):
    refused(pattern, "-n", dataset=dataset_folder, **wrong)


def test_a_missing_data_set_is_named(refused, tmp_path):
    refused(r"config: dataset: .*nowhere is not a folder; expected allen, demo or", "-n", dataset=tmp_path / "nowhere")


def adding(**line):
    return {"groups": ["baselines"], "add": {"mine": {"source": "torchvision", "name": "squeezenet1_1"} | line}}


def test_an_unknown_model_is_named_with_the_nearest(refused, dataset_folder):
    pattern = r"config: models\.add\.mine: timm has no network 'resnt18'\. Did you mean resnet18 or "
    refused(pattern, "-n", dataset=dataset_folder, models=adding(source="timm", name="resnt18", weights="random"))


def test_missing_weights_are_named(refused, dataset_folder):
    refused(r"weights/mine\.pt", "-n", dataset=dataset_folder, models=adding(weights="weights/mine.pt"))


def test_weights_that_do_not_fit_are_named_by_their_first_keys(refused, dataset_folder, tmp_path):
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "mine.pt")
    torch.save({"state_dict": {"w": torch.zeros(3)}, "state_dict_ema": {"w": torch.ones(3)}}, tmp_path / "two.pt")
    models = adding(weights=str(tmp_path / "mine.pt"))
    two = models["add"]["mine"] | {"weights": str(tmp_path / "two.pt")}
    models["groups"] = []  # nothing else runs
    models["add"] |= {"two": two, "elsewhere": two | {"key": "ema"}}
    output = refused(
        r"mine\.pt: the weights do not fit SqueezeNet: \d+ missing \(features\.0\.weight, .*1 unknown \(conv1\.weight\)",
        "results/mice/tables/models.parquet",
        "--keep-going",
        dataset=dataset_folder,
        models=models,
    )
    assert "two.pt: 2 state dicts of the same network: state_dict, state_dict_ema. Say by `key`" in output
    assert "two.pt: no state dict at key 'ema'; there are: state_dict, state_dict_ema." in output


# --- dataset folders


def test_a_folder_without_neurons_is_refused(refused, dataset_folder):
    (dataset_folder / "neurons.csv").unlink()
    refused(r"mice/neurons\.csv: not found\. Expected one row per neuron", "-n", dataset=dataset_folder)


def test_a_repeated_neuron_is_named_with_its_lines(refused, dataset_folder):
    path = dataset_folder / "neurons.csv"
    path.write_text(path.read_text().replace("\n205,", "\n103,"))
    refused(r"mice/neurons\.csv: neuron 103 stands in lines 5, 17", "-n", dataset=dataset_folder)


def test_responses_to_another_number_of_stimuli_are_refused(refused, dataset_folder):
    path = dataset_folder / "responses" / "two.npz"
    change(path, response=get(path, "response")[:, :5])
    refused(r"responses/two\.npz: response has 5 stimuli, but .*stimuli has 8 images", "-n", dataset=dataset_folder)


def test_responses_of_one_trial_are_refused(refused, dataset_folder):
    path = dataset_folder / "responses" / "two.npz"
    change(path, response=get(path, "response")[:1])
    refused(r"responses/two\.npz: 1 trial.*at least 2", "-n", dataset=dataset_folder)


def test_neurons_without_any_response_are_named(refused, dataset_folder):
    path = dataset_folder / "responses" / "two.npz"
    response = get(path, "response")
    response[..., [2, 5]] = np.nan
    change(path, response=response)
    refused(r"responses/two\.npz: 2 of 10 neurons hold nothing but NaN, first neuron 202", dataset=dataset_folder)


def test_an_image_that_is_no_image_is_named(refused, dataset_folder):
    (dataset_folder / "stimuli" / "image_3.png").write_text("no image")
    refused(r"stimuli/image_3\.png: not a readable image\. Replace or remove it", dataset=dataset_folder)


def by_number(folder):
    for k in reversed(range(8)):
        (folder / "stimuli" / f"image_{k}.png").rename(folder / "stimuli" / f"image_{k + 3}.png")


def replaced(old, new):
    def replace(folder):
        text = (folder / "neurons.csv").read_text()
        (folder / "neurons.csv").write_text(text.replace(old, new))

    return replace


def complex_responses(folder):
    path = folder / "responses" / "two.npz"
    change(path, response=get(path, "response") * (1 + 1j))


@pytest.mark.parametrize(
    ("spoil", "pattern"),
    [
        (by_number, r"which row is which image\? .*If rows follow the numbers, pad them: python -c .*as `stimulus` in every"),
        (replaced("VISp,2/3", "VISp,all"), r"neurons\.csv: line 2: layer is 'all': 'all' is reserved for the whole area"),
        (replaced("VISp,2/3", "VISp ,2/3"), r"neurons\.csv: line 2: area is 'VISp ': remove the space"),
        (complex_responses, r"two\.npz: response is of type complex64; expected real numbers"),
    ],
    ids=["order of numbers", "layer all", "space", "complex"],
)
def test_what_would_give_wrong_numbers_is_refused_at_the_start(refused, dataset_folder, spoil, pattern):
    """These are examples; test_folder.py has the others."""
    spoil(dataset_folder)
    refused(pattern, "-n", dataset=dataset_folder)


def test_a_transparent_image_is_refused_where_the_screen_is_not_described(refused, dataset_folder):
    path = dataset_folder / "stimuli" / "image_3.png"
    image = Image.open(path)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(path)
    refused(
        r"image_3\.png: \d+ of 768 pixels are transparent.*`background: 127`; or save", "read_stimuli", dataset=dataset_folder
    )


# --- recordings of the Allen Brain Observatory


@pytest.fixture
def second(run, tiny_nwb):
    """Put two recordings in VISp where downloads land, and return the file of the second."""
    folder = run / "resources" / "allen"
    (folder / "ophys_experiment_data").mkdir(parents=True)
    experiments = [experiment(number) for number in (900000000, 900000001)]
    (folder / "ophys_experiments.json").write_text(json.dumps(experiments))
    for one in experiments:
        shutil.copy(tiny_nwb, folder / "ophys_experiment_data" / f"{one['id']}.nwb")
    return folder / "ophys_experiment_data" / "900000001.nwb"


def test_a_truncated_recording_is_named(refused, second):
    second.write_bytes(second.read_bytes()[: second.stat().st_size // 2])
    refused(
        r"900000001\.nwb: not a whole HDF5 file .*Remove it and fetch it again",
        dataset="allen",
        areas=["VISp"],
        allen=NOT_REACHED,
        selection={"metrics": "computed"},
    )


def test_a_recording_of_another_session_type_is_named(refused, second):
    with h5py.File(second, "r+") as file:
        del file["general/session_type"]
        file["general/session_type"] = np.bytes_("three_session_A")
    refused(
        r"900000001\.nwb: session type three_session_A; natural scenes were shown in three_session_B only",
        dataset="allen",
        areas=["VISp"],
        allen=NOT_REACHED,
        selection={"metrics": "computed"},
    )


def test_a_service_that_cannot_be_reached_is_named(refused):
    refused(
        rf"Error: {NOWHERE}/ophys_experiments\.json: .*Check the connection and run again",
        dataset="allen",
        areas=["VISp"],
        allen=NOT_REACHED,
        selection={"metrics": "computed"},
    )
