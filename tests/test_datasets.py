"""Data sets as the configuration names them: what the workflow knows of each before it reads responses."""

import shutil

import numpy as np
import pytest

from dormouse.errors import InputError
from dormouse.recordings.datasets import open_dataset

SIX = ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]


def opened(dataset, areas=SIX):
    return open_dataset({"dataset": str(dataset), "areas": list(areas)})


def test_a_folder_of_responses_lists_its_sessions_images_and_areas(dataset_folder):
    dataset = opened(dataset_folder)
    assert (dataset.name, dataset.kind, dataset.reader) == ("mice", "responses", "folder")
    assert dataset.recordings == ["one", "two"]
    assert dataset.source.format(recording="two") == str(dataset_folder / "responses" / "two.npz")
    assert dataset.described_by == (str(dataset_folder / "dataset.yaml"), str(dataset_folder / "neurons.csv"))
    assert dataset.images == tuple(str(dataset_folder / "stimuli" / f"image_{i}.png") for i in range(8))
    assert dataset.citation == "nobody"


def test_a_folder_of_similarities_has_areas_and_borrowed_images_but_no_recordings(similarity_folder):
    dataset = opened(similarity_folder)
    assert (dataset.name, dataset.kind, dataset.recordings) == ("alike", "similarity", [])
    assert dataset.areas == ["VISp", "VISl"]
    assert dataset.described_by == (str(similarity_folder / "dataset.yaml"), str(similarity_folder / "similarity.npz"))
    assert len(dataset.images) == 8


def test_areas_keep_the_order_of_the_configuration_and_those_without_data_are_left_out(dataset_folder):
    assert opened(dataset_folder, ["VISal", "VISl", "VISp"]).areas == ["VISl", "VISp"]


@pytest.mark.parametrize("kind", ["dataset_folder", "similarity_folder"])
def test_areas_that_the_data_do_not_have_are_refused_where_no_other_is_left(request, kind):
    folder = request.getfixturevalue(kind)
    with pytest.raises(InputError, match=rf"{folder.name}: .*config: areas \['VISal', 'V1'\].*\['VISl', 'VISp'\]"):
        opened(folder, ["VISal", "V1"])


def test_areas_that_no_simulated_recording_has_are_refused():
    with pytest.raises(InputError, match=r"demo: .*\['V1'\].*'VISp'"):
        opened("demo", ["V1"])


def test_the_demo_has_twelve_recordings_and_says_that_they_are_simulated():
    dataset = opened("demo")
    assert (dataset.kind, dataset.reader, dataset.areas) == ("responses", "nwb", SIX)
    assert len(set(dataset.recordings)) == 12
    assert "simulated" in dataset.description.lower()


@pytest.mark.parametrize(
    ("access", "keep", "place"),
    [("stream", False, "http://bucket/2p"), ("stream", True, "resources/allen"), ("sdk", False, "resources/allen")],
)
@pytest.mark.parametrize("measure", ["dff", "events"])
def test_the_list_of_allen_recordings_is_left_to_the_service_and_they_are_read_in_place_or_kept(access, keep, place, measure):
    allen = {"access": access, "keep": keep, "bucket": "http://bucket/2p"}
    dataset = open_dataset({"dataset": "allen", "areas": ["VISp"], "allen": allen, "response": {"measure": measure}})
    assert (dataset.recordings, dataset.areas, dataset.reader) == (None, ["VISp"], "nwb")
    assert dataset.source.format(recording=501559087) == f"{place}/ophys_experiment_data/501559087.nwb"
    assert len(dataset.events) == (measure == "events")


def test_a_folder_of_recordings_of_the_observatory_needs_nothing_else(tmp_path, tiny_nwb):
    folder = tmp_path / "mine"
    (folder / "recordings").mkdir(parents=True)
    (folder / "dataset.yaml").write_text("{name: Mine, kind: nwb}")
    with pytest.raises(InputError, match=r"recordings: no \*\.nwb, but dataset\.yaml says kind: nwb"):
        opened(folder)
    tiny_nwb.rename(folder / "recordings" / "first.nwb")
    dataset = opened(folder)
    assert (dataset.kind, dataset.reader, dataset.areas, dataset.recordings) == ("responses", "nwb", ["VISp"], ["first"])
    assert dataset.source.format(recording="first") == str(folder / "recordings" / "first.nwb")


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"config: dataset: .*nowhere is not a folder; expected allen, demo or a dataset folder"
    ):
        opened(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["allen", "demo", "zoo"])
def test_a_folder_with_the_name_of_other_results_is_refused_as_reserved(dataset_folder, name):
    folder = dataset_folder.rename(dataset_folder.with_name(name))
    with pytest.raises(InputError, match=rf"config: dataset: .*'{name}'.*reserved"):
        opened(folder)


def test_a_folder_whose_name_cannot_be_a_path_of_the_results_is_refused(dataset_folder):
    folder = dataset_folder.rename(dataset_folder.with_name("my mice"))
    with pytest.raises(InputError, match=r"config: dataset: .*my mice: rename the folder; its name may hold letters"):
        opened(folder)


def test_a_relative_path_has_the_name_of_its_folder(dataset_folder, monkeypatch):
    monkeypatch.chdir(dataset_folder)
    assert opened(".").name == "mice"


def test_a_folder_that_is_not_described_is_refused(dataset_folder):
    (dataset_folder / "dataset.yaml").unlink()
    with pytest.raises(InputError, match=r"dataset\.yaml: not found"):
        opened(dataset_folder)


def test_a_folder_without_images_is_refused(dataset_folder):
    shutil.rmtree(dataset_folder / "stimuli")
    with pytest.raises(InputError, match=r"stimuli: no images; expected one PNG, TIFF or JPEG file per stimulus"):
        opened(dataset_folder)


def test_what_is_wrong_with_responses_is_found_without_reading_them(dataset_folder):
    path = dataset_folder / "responses" / "two.npz"
    with np.load(path) as stored:
        np.savez(path, neuron=stored["neuron"], response=stored["response"][:, :5])
    with pytest.raises(InputError, match=r"two\.npz: response has 5 stimuli"):
        opened(dataset_folder)


def test_a_folder_without_similarities_is_refused(similarity_folder):
    (similarity_folder / "similarity.npz").unlink()
    with pytest.raises(InputError, match=r"similarity\.npz: not found, but dataset\.yaml says kind: similarity"):
        opened(similarity_folder)


@pytest.mark.parametrize("shape", [(7, 7), (8, 7), (8,), (8, 8, 2)])
def test_a_matrix_of_another_shape_is_named(similarity_folder, shape):
    path = similarity_folder / "similarity.npz"
    with np.load(path) as stored:
        np.savez(path, **dict(stored) | {"VISl": np.ones(shape)})
    with pytest.raises(InputError, match=r"similarity\.npz: VISl has shape .*; expected \(8, 8\), one row per image"):
        opened(similarity_folder)


def test_truncated_similarities_are_refused(similarity_folder):
    path = similarity_folder / "similarity.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"similarity\.npz: not a readable \.npz file"):
        opened(similarity_folder)


@pytest.mark.real
@pytest.mark.parametrize(("name", "n_recordings"), [("allen-neuropixels", 14), ("allen-2p-similarity", 0)])
def test_the_real_folders_have_all_six_areas_and_118_images(real, name, n_recordings):
    dataset = opened(real / name)
    assert dataset.areas == SIX
    assert len(dataset.recordings) == n_recordings
    assert len(dataset.images) == 118
