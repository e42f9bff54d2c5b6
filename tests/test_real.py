"""The workflow on real recordings and a trained network, where DORMOUSE_REAL names them."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from dormouse.stimuli import image_files, preprocess, read_images

pytestmark = [pytest.mark.real, pytest.mark.workflow]

AREAS = ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]
MODELS = {"groups": ["baselines"], "include": ["squeezenet1_0-random0"]}
PIXELS = {"size": 64, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey", "interpolation": "bilinear"}


def trained_squeezenet(real):
    return {
        "source": "torchvision",
        "name": "squeezenet1_0",
        "weights": str(real / "weights" / "squeezenet1_0_trained.pt"),
        "input": {"size": 227, "range": 255, "mean": [104, 117, 123], "std": [1, 1, 1], "channels": "bgr"},
    }


def scores_of(folder, metric, variant):
    """Return the best score of each model (rows) at each site (columns)."""
    best = pd.read_parquet(folder / "tables/best_layers.parquet")
    best = best[(best.metric == metric) & (best.variant == variant)]
    return best.pivot(index="model", columns=["area", "cortical_layer"], values="score")


@pytest.fixture(scope="module")
def results(real, run_workflow, tmp_path_factory):
    """Give results(name): the folder of results of a whole run on one of the data sets."""

    def run(name):
        cwd = tmp_path_factory.mktemp(name)
        models = MODELS | {"add": {"trained": trained_squeezenet(real)}}
        done = run_workflow(cwd, config={"dataset": str(real / name), "models": models})
        assert done.returncode == 0, done.stdout
        return cwd / "results" / name

    return run


@pytest.fixture(scope="module")
def responses(results):
    """Give the results on Neuropixels recordings."""
    return results("allen-neuropixels")


@pytest.fixture(scope="module")
def similarities(results):
    """Give the results on similarity matrices of calcium imaging."""
    return results("allen-2p-similarity")


@pytest.mark.parametrize(("metric", "variant"), [("rsa", "pearson"), ("ridge", "srp")])
def test_scores_of_all_six_areas_make_sense(responses, metric, variant):
    scores = scores_of(responses, metric, variant).xs("all", axis=1, level=1)[AREAS]
    ceilings = pd.read_parquet(responses / "tables/ceilings.parquet")
    sites = ceilings[(ceilings.metric == metric) & ceilings.neuron.isna() & (ceilings.cortical_layer == "all")]
    limit = sites.set_index("area").ceiling[AREAS]
    assert (scores.loc["pixels"] > 0).all()
    assert (scores.loc["trained"] > scores.loc["squeezenet1_0-random0"]).sum() >= 4
    assert (scores.loc["trained"] > scores.loc["noise-random0"]).all()
    assert (scores < limit).all().all()
    assert (limit <= 1).all()


def test_kept_units_are_the_reliable_ones(responses):
    neurons = pd.read_parquet(responses / "tables/neurons.parquet")
    assert len(neurons) == 2539
    assert (neurons.kept == (neurons.reliability >= 0.75)).all()
    assert neurons.groupby("area").kept.sum().between(100, 629).all()


def test_one_number_by_hand_from_the_files(real, responses):
    """Pixels against VISp, from the raw files, without any code of the workflow but the image preprocessing."""
    neurons = pd.read_parquet(responses / "tables/neurons.parquet")
    kept = neurons[neurons.kept & (neurons.area == "VISp")]
    means = []
    for session, rows in kept.groupby("recording"):
        with np.load(real / f"allen-neuropixels/responses/{session}.npz") as stored:
            inside = np.isin(stored["neuron"].astype(str), rows.neuron)
            means.append(stored["response"][:, :, inside].astype(np.float64).mean(axis=0))
    images = read_images(image_files(real / "allen-neuropixels/stimuli")).images
    grey = preprocess(images, PIXELS).reshape(len(images), -1).astype(np.float64)
    expected = pearsonr(pdist(grey, "correlation"), pdist(np.concatenate(means, axis=1), "correlation"))[0]
    found = scores_of(responses, "rsa", "pearson").loc["pixels", ("VISp", "all")]
    assert found == pytest.approx(expected, abs=1e-5)  # float32 products of the pixels


def test_all_21_calcium_sites_are_scored_by_rsa_alone(similarities):
    scores = scores_of(similarities, "rsa", "pearson")
    assert scores.shape[1] == 21
    assert set(scores.columns.get_level_values("area")) == set(AREAS)
    assert not list(similarities.glob("scores/ridge"))
    # sites of some size, that is without those of a handful of cells (published split-half reliability below .6)
    noisy = [("VISrl", "4"), ("VISrl", "5"), ("VISp", "6"), ("VISpm", "6")]
    sound = scores.drop(columns=noisy)
    assert (sound.loc["pixels"] > 0).all()
    assert (sound.loc["trained"] > sound.loc["squeezenet1_0-random0"]).mean() > 0.8
    page = (similarities / "report.html").read_text()
    assert page.count('src="data:image/png') == 1
    assert not re.search("simulated", page.split("<h2>Tables", 1)[0])


def test_published_similarity_to_pixels_is_met(similarities):
    """Correlations of scenes in pixels and calcium responses computed elsewhere: .116 in VISp 2/3, .157 in VISl 4."""
    scores = scores_of(similarities, "rsa", "pearson").loc["pixels"]
    assert scores["VISp", "2/3"] == pytest.approx(0.116, abs=0.02)
    assert scores["VISl", "4"] == pytest.approx(0.157, abs=0.02)
