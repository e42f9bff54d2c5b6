"""Data sets as the configuration names them: what the workflow knows of each before it reads responses."""

import shutil

import h5py
import numpy as np
import pytest
from folders import change, describe, get, renamed, rewrite, session
from PIL import Image

from dormouse.errors import InputError
from dormouse.recordings.datasets import open_dataset, published_matrices
from dormouse.stimuli.images import read_stimuli
from dormouse.tables import read_table

SIX = ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]


def opened(dataset, areas=SIX):
    demo = {"n_scenes": 118, "n_trials": 20}
    return open_dataset({"dataset": str(dataset), "areas": list(areas), "exclude": [], "demo": demo})


def test_a_folder_of_responses_lists_its_sessions_images_and_areas(dataset_folder):
    dataset = opened(dataset_folder)
    assert (dataset.name, dataset.kind, dataset.reader) == ("mice", "responses", "folder")
    assert dataset.recordings == ["one", "two"]
    assert dataset.source.format(recording="two") == str(dataset_folder / "responses" / "two.npz")
    assert dataset.described_by == (str(dataset_folder / "neurons.csv"),)
    assert dataset.images == tuple(str(dataset_folder / "stimuli" / f"image_{i}.png") for i in range(8))
    assert dataset.citation == "nobody"


def test_a_folder_of_similarities_has_areas_and_borrowed_images_but_no_recordings(similarity_folder):
    dataset = opened(similarity_folder)
    assert (dataset.name, dataset.kind, dataset.recordings) == ("alike", "similarity", [])
    assert dataset.areas == ["VISp", "VISl"]
    assert dataset.described_by == (str(similarity_folder / "similarity.npz"),)
    assert len(dataset.images) == 8


def test_areas_keep_the_order_of_the_configuration_and_those_without_data_are_left_out(dataset_folder):
    assert opened(dataset_folder, ["VISal", "VISl", "VISp"]).areas == ["VISl", "VISp"]


@pytest.mark.parametrize("kind", ["dataset_folder", "similarity_folder"])
def test_areas_that_the_data_do_not_have_are_refused_where_no_other_is_left(request, kind):
    folder = request.getfixturevalue(kind)
    with pytest.raises(InputError, match=rf"{folder.name}: .*config: areas \['VISal', 'V1'\].*\['VISl', 'VISp'\]"):
        opened(folder, ["VISal", "V1"])


def test_areas_that_are_not_studied_are_told_with_their_numbers(dataset_folder, similarity_folder, capsys):
    opened(dataset_folder, ["VISp"])
    opened(similarity_folder, ["VISl"])
    opened("demo", ["VISp", "VISl", "VISal", "VISpm", "VISam"])
    assert capsys.readouterr().err.splitlines() == [
        f"{dataset_folder}: not studied, because config: areas does not name it: VISl (10 neurons).",
        f"{similarity_folder}: not studied, because config: areas does not name it: VISp (2 sites).",
        "demo: not studied, because config: areas does not name it: VISrl (2 recordings).",
    ]


def test_areas_that_no_simulated_recording_has_are_refused():
    with pytest.raises(InputError, match=r"demo: .*\['V1'\].*'VISp'"):
        opened("demo", ["V1"])


def test_the_demo_has_twelve_recordings_and_says_that_they_are_simulated():
    dataset = opened("demo")
    assert dataset.trials == dict.fromkeys(SIX, 20)
    assert (dataset.kind, dataset.reader, dataset.areas) == ("responses", "nwb", SIX)
    assert len(set(dataset.recordings)) == 12
    assert len(set(opened("demo", ["VISp", "VISl"]).recordings)) == 4  # those of other areas are not read
    assert "simulated" in dataset.description.lower()


@pytest.mark.parametrize(
    ("access", "keep", "place"),
    [("stream", False, "http://bucket/2p"), ("stream", True, "resources/allen"), ("sdk", False, "resources/allen")],
)
@pytest.mark.parametrize("measure", ["dff", "events"])
def test_the_list_of_allen_recordings_is_left_to_the_service_and_they_are_read_in_place_or_kept(access, keep, place, measure):
    allen = {"access": access, "keep": keep, "bucket": "http://bucket/2p", "manifest": "none.json"}
    dataset = open_dataset({"dataset": "allen", "areas": ["VISp"], "allen": allen, "response": {"measure": measure}})
    assert (dataset.recordings, dataset.areas, dataset.reader) == (None, ["VISp"], "nwb")
    assert dataset.source.format(recording=501559087) == f"{place}/ophys_experiment_data/501559087.nwb"
    assert len(dataset.events) == (measure == "events")


def test_a_folder_of_recordings_of_the_observatory_needs_nothing_else(tmp_path, tiny_nwb, capsys):
    folder = tmp_path / "mine"
    (folder / "recordings").mkdir(parents=True)
    (folder / "dataset.yaml").write_text("{name: Mine, kind: nwb}")
    with pytest.raises(InputError, match=r"recordings: no \*\.nwb, but dataset\.yaml says kind: nwb"):
        opened(folder)
    tiny_nwb.rename(folder / "recordings" / "First.NWB")
    with pytest.raises(InputError, match=r"First\.NWB: rename it to First\.nwb"):
        opened(folder)
    (folder / "recordings" / "First.NWB").rename(folder / "recordings" / "first.nwb")
    for name in ("._first.nwb", ".DS_Store", "notes.txt"):
        (folder / "recordings" / name).write_text("x")
    dataset = opened(folder)
    assert (dataset.kind, dataset.reader, dataset.areas, dataset.recordings) == ("responses", "nwb", ["VISp"], ["first"])
    assert dataset.source.format(recording="first") == str(folder / "recordings" / "first.nwb")
    assert f"{folder}/recordings: no *.nwb, and not read: notes.txt." in capsys.readouterr().err
    shutil.copy(folder / "recordings" / "first.nwb", folder / "recordings" / "First.nwb")
    with pytest.raises(InputError, match=r"recordings: recording 'first' and 'First' differ only in spelling"):
        opened(folder)
    with h5py.File(folder / "recordings" / "first.nwb", "r+") as file:
        del file["general/optophysiology/imaging_plane_1/location"]
        file["general/optophysiology/imaging_plane_1/location"] = np.bytes_("VISp ")
    (folder / "recordings" / "First.nwb").rename(folder / "recordings" / "second.nwb")
    with pytest.raises(
        InputError, match=r"mine: area 'VISp ' of the data and 'VISp' of config: areas differ only in spelling"
    ):
        opened(folder)
    with h5py.File(folder / "recordings" / "first.nwb", "r+") as file:
        file["general/optophysiology/imaging_plane_1/location"][()] = np.bytes_("VISx")
    assert opened(folder).areas == ["VISp"]
    assert "config: areas does not name it: VISx (5 neurons)." in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"config: dataset: .*nowhere is not a folder; expected allen, demo or a dataset folder"
    ):
        opened(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["allen", "demo", "zoo", "Demo", "mousenet", "trained"])
def test_a_folder_with_the_name_of_other_results_is_refused_as_reserved(dataset_folder, name):
    folder = dataset_folder.rename(dataset_folder.with_name(name))
    with pytest.raises(InputError, match=rf"config: dataset: .*'{name}'.*reserved"):
        opened(folder)


def test_a_folder_whose_name_cannot_be_a_path_of_the_results_is_refused(dataset_folder):
    folder = dataset_folder.rename(dataset_folder.with_name("my mice"))
    with pytest.raises(InputError, match=r"config: dataset: .*my mice: rename the folder: .my mice. cannot be a file name"):
        opened(folder)


def test_a_relative_path_has_the_name_of_its_folder(dataset_folder, monkeypatch):
    monkeypatch.chdir(dataset_folder)
    assert opened(".").name == "mice"


def test_a_folder_that_is_not_described_is_refused(dataset_folder):
    (dataset_folder / "dataset.yaml").unlink()
    with pytest.raises(InputError, match=r"dataset\.yaml: not found"):
        opened(dataset_folder)


def test_a_folder_without_images_is_refused(dataset_folder):
    for image in (dataset_folder / "stimuli").iterdir():
        image.unlink()
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


def as_people_have_them(folder, images):
    """Change a data set to images of several kinds, one turned and one transparent, with other files beside them.

    Return the images as they are shown, (8, 24, 32), and where the fourth is opaque, (24, 32).
    """
    renamed(folder, images)
    shown = [np.asarray(Image.open(folder / "stimuli" / name)) for name in images]
    Image.fromarray(shown[0]).save(folder / "stimuli" / "1.TIF")
    Image.fromarray(np.full((24, 32), 200, np.uint8)).save(folder / "stimuli" / "2.JPG", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(shown[2][::-1, ::-1]).save(folder / "stimuli" / "3.png", exif=exif)
    alpha = np.where(np.arange(32) < 16, 255, 0).astype(np.uint8) * np.ones((24, 1), np.uint8)
    Image.fromarray(np.stack([shown[3], alpha], axis=2)).save(folder / "stimuli" / "4.png")
    for name in ("stimuli/1.png", "stimuli/2.png"):
        (folder / name).unlink()
    for name in ("stimuli/._3.png", "stimuli/.DS_Store", "responses/._one.npz", "stimuli/read me.txt", "responses/one.mat"):
        (folder / name).write_text("x")
    return shown, alpha


@pytest.mark.workflow
def test_what_people_have_runs_to_the_end(dataset_folder, snakemake, tmp_path):
    """Images of several kinds, transparent and turned; rows by name; files beside; three neurons that answer alike."""
    folder = dataset_folder
    images = [f"{k}.png" for k in (1, 2, 3, 4, 5, 6, 7, 10)]
    shown, alpha = as_people_have_them(folder, images)
    describe(folder, background=60)
    expected = {}
    for seed, name in enumerate(("one", "two")):
        order, path = np.random.default_rng(seed).permutation(8), session(folder, name)
        response = get(path, "response")
        response[:, 2, :2] = 0  # of layer 2/3 of VISp
        expected[name] = response
        change(path, response=response[:, order], stimulus=np.array(images)[order])
    rewrite(folder, "201,two,m2,VISp,2/3", "201,two,m2,VISp,")

    process = snakemake(
        "results/mice/tables/thresholds.parquet",
        config={
            "dataset": str(folder),
            "areas": ["VISp"],
            "selection": {"min_reliability": -1.0},
            "thresholds": {"values": [-1]},
        },
    )
    assert process.returncode == 0, process.stdout
    for line in (
        "stimuli: no images, and not read: read me.txt.",
        "stimuli: 1 of 8 images are JPEG, whose compression",
        "responses: no *.npz, and not read: one.mat.",
        "not studied, because config: areas does not name it: VISl (10 neurons).",
    ):
        assert process.stdout.count(line) == 1, line
    results = tmp_path / "run" / "results" / "mice"
    stimuli = read_stimuli(next(results.parent.glob("stimuli/*.npz")))
    assert stimuli.names.tolist() == ["1", "10", "2", "3", "4", "5", "6", "7"]
    seen = dict(zip(stimuli.names.tolist(), stimuli.images, strict=True))
    for name, image in zip(("1", "3", "5", "6", "7", "10"), (shown[k] for k in (0, 2, 4, 5, 6, 7)), strict=True):
        np.testing.assert_array_equal(seen[name], image)
    np.testing.assert_allclose(seen["2"], 200, atol=2)
    np.testing.assert_array_equal(seen["4"], np.where(alpha == 255, shown[3], 60))
    rows = [images.index(f"{name}.png") for name in stimuli.names]
    for name, response in expected.items():
        np.testing.assert_array_equal(get(results / "recordings" / f"{name}.npz", "response"), response[:, rows])
    table = read_table("thresholds", results / "tables" / "thresholds.parquet").set_index(["cortical_layer", "instance"])
    assert table.n_neurons.to_dict() == {
        (layer, instance): n for layer, n in (("2/3", 3), ("4", 4), ("all", 10)) for instance in ("image", "matrix")
    }
    assert table.index[table.split_half_r.isna()].tolist() == [("2/3", "image")]
    log = (results / "logs" / "sweep_thresholds" / "paper" / "VISp.log").read_text()
    assert "VISp, cortical layer 2/3, limit -1: r of image is missing for 3 neurons, because in 20 of 20 splits all" in log


@pytest.mark.real
@pytest.mark.parametrize(("name", "n_recordings"), [("allen-neuropixels", 14), ("allen-2p-similarity", 0)])
def test_the_real_folders_have_all_six_areas_and_118_images(real, name, n_recordings):
    dataset = opened(real / name)
    assert dataset.areas == SIX
    assert len(dataset.recordings) == n_recordings
    assert len(dataset.images) == 118


@pytest.mark.parametrize("n_images", [8, 9])
def test_published_matrices_are_a_folder_of_similarities_of_the_images_of_the_run(similarity_folder, n_images):
    assert published_matrices(None, SIX, n_images, 8) == []
    assert published_matrices(str(similarity_folder), SIX, n_images, 8) == [str(similarity_folder / "similarity.npz")]


def test_other_data_are_refused_as_published_matrices(similarity_folder, dataset_folder, tmp_path):
    for folder, areas, n, told in (
        (dataset_folder, SIX, 8, "kind responses; expected one of kind similarity"),
        (similarity_folder, SIX, 7, "of 8 images, this run of 7"),
        (similarity_folder, ["VISam"], 8, "none of the areas VISam of this run; it has VISl, VISp"),
        (tmp_path / "nowhere", SIX, 8, "dataset.yaml: not found"),
    ):
        with pytest.raises(InputError, match=told):
            published_matrices(str(folder), areas, n, n)
