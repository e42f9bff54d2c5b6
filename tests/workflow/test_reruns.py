"""What makes a job run again: the contents of a user's files, however they changed; and what does not."""

import os
import re
import shutil
from base64 import urlsafe_b64encode

import numpy as np
import pytest
from PIL import Image

from dormouse.content_hash import file_hash

pytestmark = pytest.mark.workflow

TARGETS = ("results/mice/populations/paper/VISp.npz", "results/mice/populations/paper/VISl.npz")
CONFIG = {"selection": {"min_reliability": 0.1}}
READ_AGAIN = {"read_recording", "measure_reliability", "select_neurons", "pool_area"}


@pytest.fixture(scope="module")
def finished(run_workflow, write_dataset, tmp_path_factory):
    """Give a folder that holds a dataset folder, mice, and its populations, in run."""
    folder = tmp_path_factory.mktemp("finished")
    write_dataset(folder / "mice")
    done = run_workflow(folder / "run", *TARGETS, config=CONFIG | {"dataset": "../mice"})
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def mice(finished, tmp_path):
    """Give a copy of the dataset folder, with its results, for a test to change."""
    shutil.copytree(finished, tmp_path / "elsewhere")
    return tmp_path / "elsewhere" / "mice"


@pytest.fixture
def planned(run_workflow):
    """Give planned(dataset): the rules that a dry run would start in the folder beside a dataset folder."""

    def run(dataset):
        done = run_workflow(dataset.parent / "run", "--dry-run", *TARGETS, config=CONFIG | {"dataset": str(dataset)})
        assert done.returncode == 0, done.stdout
        return set(re.findall(r"^rule (\w+):", done.stdout, re.MULTILINE))

    return run


def older(file):
    """Give a file the oldest possible time."""
    os.utime(file, (0, 0))


def other_image(folder):
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(folder / "stimuli/image_3.png")
    older(folder / "stimuli/image_3.png")


def renamed_images(folder):
    for file in sorted((folder / "stimuli").iterdir()):
        file.rename(file.with_name(f"scene_{file.name}"))


def other_responses(folder):
    path = folder / "responses/one.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **arrays | {"response": arrays["response"][:, ::-1]})
    older(path)


def another_layer(folder):
    path = folder / "neurons.csv"
    path.write_text(path.read_text().replace("109,one,m1,VISl,", "109,one,m1,VISl,5"))
    older(path)


def another_unit(folder):
    path = folder / "dataset.yaml"
    path.write_text(path.read_text().replace("dF/F", "spikes"))
    older(path)


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (other_image, {"read_stimuli", "measure_reliability", "select_neurons", "pool_area"}),
        (renamed_images, {"read_stimuli", *READ_AGAIN}),
        (other_responses, READ_AGAIN),
        (another_layer, READ_AGAIN),
        (another_unit, READ_AGAIN),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_changed_content_reruns_what_depends_on_it_whatever_its_time(planned, mice, change, rules):
    change(mice)
    assert planned(mice) == rules


def test_times_locations_and_descriptions_rerun_nothing(planned, mice):
    text = (mice / "dataset.yaml").read_text()
    (mice / "dataset.yaml").write_text(text.replace("nobody", "somebody") + "# a comment\n")
    for file in mice.rglob("*"):
        os.utime(file)
    assert planned(mice) == set()


def record_of(result, run):
    """Return the file in which Snakemake records what a result was made from."""
    return run / ".snakemake" / "metadata" / urlsafe_b64encode(result.encode()).decode()


def test_results_are_made_again_whose_record_is_lost_or_damaged(run_workflow, mice):
    """With another setting, too, Snakemake would take them for up to date; `--touch` says that they are."""
    run, config = mice.parent / "run", CONFIG | {"dataset": str(mice)}
    record_of(TARGETS[0], run).unlink()
    record_of("results/mice/neurons/paper.parquet", run).write_bytes(b"\xff")
    dry = run_workflow(run, "--dry-run", *TARGETS, config=config)
    lost = f"results/mice/neurons/paper.parquet, {TARGETS[0]}"
    assert f"Made again, because there is no record of what it was made from: {lost}. `--touch` would keep it." in dry.stdout
    assert set(re.findall(r"^rule (\w+):", dry.stdout, re.MULTILINE)) == {"select_neurons", "pool_area"}
    assert run_workflow(run, "--touch", *TARGETS, config=config).returncode == 0
    assert "Nothing to be done" in run_workflow(run, "--dry-run", *TARGETS, config=config).stdout


def test_results_without_any_record_are_refused(run_workflow, mice):
    shutil.rmtree(mice.parent / "run/.snakemake")
    for _ in range(2):
        done = run_workflow(mice.parent / "run", "--dry-run", *TARGETS, config=CONFIG | {"dataset": str(mice)})
        assert done.returncode == 1
        assert re.search(
            r"^Error: results: no record of what its \d+ files were made from, .* copy that too", done.stdout, re.MULTILINE
        )
        assert "Traceback" not in done.stdout


def test_similarities_replaced_by_older_ones_are_read_again(run_workflow, similarity_folder, tmp_path):
    target, config = "results/alike/rdms/given/VISp.npz", {"dataset": str(similarity_folder)}
    run_workflow(tmp_path / "run", target, config=config)
    path = similarity_folder / "similarity.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **arrays | {"VISp-4": arrays["VISp-2_3"]})
    older(path)
    assert "read_similarity" in run_workflow(tmp_path / "run", "--dry-run", target, config=config).stdout


def test_a_hash_follows_the_content_even_if_size_and_time_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dormouse.content_hash.UNSETTLED_NS", 0)
    file = tmp_path / "a.bin"
    hashes = []
    for content in (b"one", b"two", b"one"):
        file.write_bytes(content)
        older(file)
        hashes += [file_hash(file), file_hash(file)]
    assert hashes[0] == hashes[1] == hashes[4] != hashes[2] == hashes[3]
    assert (tmp_path / ".snakemake/contents.sqlite").is_file()
    (tmp_path / ".snakemake/contents.sqlite").write_bytes(b"no database")
    assert file_hash(file) == hashes[0]
