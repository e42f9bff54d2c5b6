"""The recipes of docs/data.md, as they stand there, on made-up files of the published layout, and runs on what they write."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from test_docs import ROOT, blocks

from dormouse.recordings.dataset_folder import read_neurons, read_session
from dormouse.tables import read_table

RECIPES = {text.splitlines()[0]: text for text in blocks(ROOT / "docs/data.md", "python")}
MOST_LINES = 40
N_IMAGES, N_NEURONS, GREY = 26, 8, 27  # the number of the grey screen comes after those of the images
ONCE, THRICE = 5, 3  # images of `stringer` that a session shows less or more often than twice
N_TEST, TRIALS = 6, 10  # test images of `sensorium`, and how often they were shown
CONFIG = {
    "areas": ["VISp"],
    "reliability": {"n_splits": 10},
    "selection": {"min_reliability": 0.1},
    "models": {"groups": [], "include": ["pixels"]},
    "methods": {"run": ["rsa_pearson", "strict", "ridge_srp"]},
}


def run_recipe(name: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", RECIPES[f"# {name}.py"]], cwd=cwd, capture_output=True, text=True)


def answers(rng: np.random.Generator, pictures: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return responses to images in the order of their presentation, (n_presentations, N_NEURONS) float32.

    The first neuron tells the mean grey of the image, without noise, so that every response tells the image that it is of.
    """
    tuning = rng.standard_normal((len(pictures), N_NEURONS))
    response = tuning[order] + 0.3 * rng.standard_normal((len(order), N_NEURONS))
    response[:, 0] = pictures.reshape(len(pictures), -1).mean(axis=1)[order]
    return response.astype(np.float32)


def pictures_of(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, (N_IMAGES, *shape), np.uint8) // rng.integers(1, 6, (N_IMAGES, *[1] * len(shape)), np.uint8)


@pytest.fixture
def stringer(tmp_path) -> Path:
    """Write files as those of Stringer et al. 2019: two sessions, images shown twice, in other orders, and grey screens."""
    rng, folder = np.random.default_rng(0), tmp_path / "stringer"
    folder.mkdir()
    pictures = pictures_of(rng, 68, 270)
    savemat(folder / "images_natimg2800_all.mat", {"imgs": np.moveaxis(pictures, 0, -1)})
    for k, name in enumerate(("M160825_MP027_2016-12-14", "M170604_MP031_2017-06-28")):
        order = np.append(rng.permutation(np.repeat(np.arange(N_IMAGES), 2)), THRICE)
        if k:
            order = np.delete(order, np.flatnonzero(order == ONCE)[0])
        resp = answers(rng, pictures, order)
        istim = np.insert(order + 1, [0, 7], GREY)
        stim = {"resp": np.insert(resp, [0, 7], -5, axis=0), "istim": istim[:, None].astype(float), "spont": resp[:3]}
        stat = np.array([(9.0,)] * N_NEURONS, [("npix", float)])
        savemat(folder / f"natimg2800_{name}.mat", {"stim": stim, "med": np.zeros((N_NEURONS, 3)), "stat": stat})
        savemat(folder / f"natimg2800_white_{name}.mat", {"stim": {}})  # of other images
    return folder


@pytest.fixture
def sensorium(tmp_path) -> Path:
    """Write folders as those of Sensorium 2022: two mice, test images shown ten times, the others once."""
    rng, folder = np.random.default_rng(1), tmp_path / "sensorium"
    pictures = pictures_of(rng, 1, 144, 256)
    for k, name in enumerate(("21067-10-18", "22846-10-16")):
        mouse = folder / f"static{name}-GrayImageNet-0123456789abcdef"
        for part in ("data/images", "data/responses", "meta/trials", "meta/neurons"):
            (mouse / part).mkdir(parents=True)
        order = rng.permutation(np.concatenate([np.repeat(np.arange(N_TEST), TRIALS), np.arange(N_TEST, N_IMAGES)]))
        for n, (image, response) in enumerate(zip(order, answers(rng, pictures, order), strict=True)):
            np.save(mouse / f"data/images/{n}.npy", pictures[image].astype(np.float32))
            np.save(mouse / f"data/responses/{n}.npy", response)
        np.save(mouse / "meta/trials/tiers.npy", np.where(order < N_TEST, "test", np.where(order % 4, "train", "validation")))
        np.save(mouse / "meta/trials/frame_image_id.npy", 100 * order + 9)
        np.save(mouse / "meta/neurons/unit_ids.npy", 1 + np.arange(N_NEURONS))
        np.save(mouse / "meta/neurons/animal_ids.npy", np.full(N_NEURONS, 21067 + k))
        np.save(mouse / "meta/neurons/cell_motor_coordinates.npy", np.zeros((N_NEURONS, 3), int))
    return folder


def check_planted(folder: Path, counts: dict[str, int]) -> None:
    """Check the response of the first neuron to each image, and how often the images of each session were shown."""
    greys = {path.stem: np.asarray(Image.open(path)).mean() for path in sorted((folder / "stimuli").iterdir())}
    sessions = read_neurons(folder).session.unique()
    assert len(sessions) == 2 and len(set(read_neurons(folder).animal)) == 2
    for session in sessions:
        recording = read_session(folder / f"responses/{session}.npz")
        assert list(recording.stimulus) == list(greys) == list(counts) and len(recording.neuron) == N_NEURONS
        told = np.nanmean(recording.response[:, :, 0], axis=0)
        np.testing.assert_allclose(told, list(greys.values()), rtol=1e-5)
        assert np.ptp(told) > 50
        shown = recording.n_trials()
        assert (shown == shown[:, :1]).all() and list(shown[:, 0]) == list(counts.values())
        assert not np.isnan(recording.response[0]).any()


def scored(snakemake, folder: Path, *names: str, **config) -> tuple[str, dict]:
    """Run the workflow on a folder to tables; return what was printed, in logs, too, and the tables."""
    results = f"results/{folder.name}"
    wanted = [f"{results}/tables/{name}.parquet" for name in names]
    done = snakemake(*wanted, config=CONFIG | {"dataset": str(folder)} | config)
    assert done.returncode == 0, done.stdout
    run = folder.parent / "run"
    told = done.stdout + "".join(log.read_text() for log in (run / results).rglob("*.log"))
    assert "Warning" not in told and "Traceback" not in told
    return told, {name: read_table(name, run / path) for name, path in zip(names, wanted, strict=True)}


@pytest.mark.parametrize("recipe", ["# stringer.py", "# sensorium.py"])
def test_recipes_are_short(recipe):
    assert len(RECIPES[recipe].splitlines()) <= MOST_LINES


@pytest.fixture
def stringer_mice(stringer, tmp_path) -> Path:
    done = run_recipe("stringer", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "stringer-mice"


@pytest.fixture
def sensorium_mice(sensorium, tmp_path) -> Path:
    done = run_recipe("sensorium", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "sensorium-mice"


def test_responses_arrive_at_the_image_that_was_shown_twice(stringer_mice):
    check_planted(stringer_mice, {f"{k + 1:04}": 2 for k in range(N_IMAGES) if k != ONCE})


def test_responses_arrive_at_the_image_that_was_shown_once_or_ten_times(sensorium_mice):
    check_planted(sensorium_mice, {f"{100 * k + 9:07}": TRIALS if k < N_TEST else 1 for k in range(N_IMAGES)})


def test_files_that_are_not_as_described_end_in_one_line(stringer, sensorium, tmp_path):
    spoilt = sorted(sensorium.glob("static*/data/responses/0.npy"))[0].parent
    for path in spoilt.iterdir():
        np.save(path, np.zeros(N_NEURONS))
    savemat(stringer / "natimg2800_M1_2017-01-01.mat", {"stim": {"resp": np.ones((3, 2)), "istim": np.ones((4, 1))}})
    told = {"sensorium": "are withheld. Leave out this mouse.", "stringer": "expected a row of resp for each of istim"}
    for name, words in told.items():
        done = run_recipe(name, tmp_path)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and words in done.stderr
        assert not (tmp_path / f"{name}-mice/neurons.csv").exists()


@pytest.mark.workflow
def test_of_images_shown_twice_all_but_strict_is_scored(stringer_mice, snakemake):
    told, tables = scored(snakemake, stringer_mice, "scores", "ceilings")
    lines = [line for line in told.splitlines() if line.startswith("Methods left out: ")]
    assert lines == [
        "Methods left out: rsa_pearson_strict, ridge_strict "
        "(2 trials of each image in VISp, and the selection strict needs 4)."
    ]
    scores = tables["scores"]
    assert set(scores.method) == {"rsa_pearson", "ridge_srp"} and scores.score.notna().all()
    assert tables["ceilings"].ceiling.between(0.5, 1).all() and scores.corrected.notna().all()


@pytest.mark.workflow
def test_of_images_shown_once_or_ten_times_all_methods_are_scored(sensorium_mice, snakemake):
    told, tables = scored(snakemake, sensorium_mice, "scores", "ceilings", "neurons")
    once, mouse = N_IMAGES - N_TEST, "static21067-10-18"
    assert f"{mouse}: {once} of {N_IMAGES} images were shown once; reliability is that of the other {N_TEST}." in told
    assert f"{mouse}: no noise ceiling of RDMs, because {once} images have a single trial." in told
    scores = tables["scores"]
    assert set(scores.method) == {"rsa_pearson", "rsa_pearson_strict", "ridge_srp", "ridge_strict"}
    assert scores.score.notna().all() and tables["neurons"].kept.all()
    of_responses = scores.method.str.startswith("ridge")
    assert scores.corrected[of_responses].notna().all() and scores.corrected[~of_responses].isna().all()
    ceilings = tables["ceilings"]
    assert (ceilings.ceiling.notna() == (ceilings.target == "responses")).all()


@pytest.mark.workflow
def test_of_images_shown_once_methods_are_scored_that_ask_for_no_reliability(sensorium, snakemake, tmp_path):
    recipe = RECIPES["# sensorium.py"].replace('["train", "validation", "test"]', '["train", "validation"]')
    subprocess.run([sys.executable, "-c", recipe], cwd=tmp_path, check=True)
    folder = tmp_path / "sensorium-mice"
    refused = snakemake("-n", config=CONFIG | {"dataset": str(folder)})
    assert refused.returncode == 1 and "Traceback" not in refused.stdout
    assert "1 trial of each image in VISp, and the selection paper needs 2" in refused.stdout
    methods = CONFIG["methods"] | {"selection": "every"}
    told, tables = scored(snakemake, folder, "scores", "ceilings", "neurons", methods=methods)
    assert "static21067-10-18: 20 of 20 images were shown once; no neuron has a reliability or a noise ceiling." in told
    scores = tables["scores"]
    assert set(scores.method) == {"rsa_pearson", "rsa_pearson_strict", "ridge_srp", "ridge_strict"}
    assert scores.score.notna().all() and scores.corrected.isna().all()
    assert tables["neurons"].kept.all() and tables["neurons"].reliability.isna().all()
    assert tables["ceilings"].ceiling.isna().all()
