"""The workflow on real recordings and a trained network, where DORMOUSE_REAL names them.

Networks take time, so only those that a test needs run, on small images, and only their blocks are scored. The whole of the
recordings takes minutes, so those tests are slow; two of the fourteen sessions are always run.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from dormouse.stimuli.images import image_files, read_images
from dormouse.stimuli.preprocessing import preprocess

pytestmark = [pytest.mark.real, pytest.mark.workflow]

AREAS = ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]
INPUT = {"size": 64}  # less than a third of the usual: a twelfth of the work
N_TRIALS = 50
N_SPLITS = 20  # of ours, of populations; of single neurons five times as many
PIXELS = {"size": 64, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey", "interpolation": "bilinear"}


def trained_squeezenet(real):
    return {
        "source": "torchvision",
        "name": "squeezenet1_0",
        "weights": str(real / "weights" / "squeezenet1_0_trained.pt"),
        "input": INPUT | {"range": 255, "mean": [104, 117, 123], "std": [1, 1, 1], "channels": "bgr"},
    }


def scores_of(folder, method):
    """Return the best score of each model (rows) at each site (columns)."""
    best = pd.read_parquet(folder / "tables/best_layers.parquet")
    best = best[best.method == method]
    return best.pivot(index="model", columns=["area", "cortical_layer"], values="score")


@pytest.fixture(scope="module")
def results(real, run_workflow, tmp_path_factory):
    """Give results(name): the folder of results of a whole run on one of the data sets, all in the same working directory."""
    cwd = tmp_path_factory.mktemp("real")

    def run(name, *models):
        config = {
            "dataset": str(real / name),
            "models": {"groups": [], "include": list(models), "add": {"trained": trained_squeezenet(real)}},
            "input": INPUT,
            "layers": "blocks",
            "methods": {"run": ["paper", "mousenet", "zscored"]},
        }
        done = run_workflow(cwd, config=config)
        assert done.returncode == 0, done.stdout
        return cwd / "results" / name

    return run


@pytest.fixture(scope="module")
def responses(results):
    """Give the results on Neuropixels recordings."""
    return results("allen-neuropixels", "pixels", "noise-random0", "squeezenet1_0-random0")


@pytest.fixture(scope="module")
def similarities(results):
    """Give the results on similarity matrices of calcium imaging."""
    return results("allen-2p-similarity", "pixels", "squeezenet1_0-random0")


@pytest.mark.slow
@pytest.mark.parametrize(("method", "target"), [("rsa_pearson", "rdm"), ("ridge_srp", "responses")])
def test_scores_of_all_six_areas_make_sense(responses, method, target):
    scores = scores_of(responses, method).xs("all", axis=1, level=1)[AREAS]
    ceilings = pd.read_parquet(responses / "tables/ceilings.parquet")
    sites = ceilings[(ceilings.target == target) & ceilings.neuron.isna() & (ceilings.cortical_layer == "all")]
    limit = sites.set_index("area").ceiling[AREAS]
    assert (scores.loc["pixels"] > 0).all()
    assert (scores.loc["trained"] > scores.loc["squeezenet1_0-random0"]).sum() >= 4
    assert (scores.loc["trained"] > scores.loc["noise-random0"]).all()
    assert (scores < limit).all().all()
    assert (limit <= 1).all()


@pytest.mark.slow
def test_kept_units_are_the_reliable_ones(responses):
    neurons = pd.read_parquet(responses / "tables/neurons.parquet")
    assert len(neurons) == 2539
    assert (neurons.kept == (neurons.reliability >= 0.75)).all()
    assert neurons.groupby("area").kept.sum().between(100, 629).all()


@pytest.fixture(scope="module")
def raw(real):
    """Give for each session its trials (n_trials, n_stimuli, n_neurons) and the ids of its neurons, from the files alone."""
    sessions = {}
    for path in sorted((real / "allen-neuropixels/responses").glob("*.npz")):
        with np.load(path) as stored:
            sessions[path.stem] = stored["response"].astype(np.float64), stored["neuron"].astype(str)
    return sessions


def deal(n_splits):
    """Return weights that average random halves of the trials, (2, n_splits, N_TRIALS), by a seed of our own."""
    rng, weights = np.random.default_rng(20240607), np.zeros((2, n_splits, N_TRIALS))
    for split in range(n_splits):
        dealt = rng.permutation(N_TRIALS)
        weights[0, split, dealt[:25]] = weights[1, split, dealt[25:]] = 1 / 25
    return weights


@pytest.fixture(scope="module")
def halves(responses, raw):
    """Give the means of random halves of the trials, (2, N_SPLITS, n_stimuli, n_neurons).

    Neurons are in the order of the table `neurons`. One deal serves all sessions, as in the workflow.
    """
    neurons = pd.read_parquet(responses / "tables/neurons.parquet")
    assert [*zip(neurons.recording, neurons.neuron, strict=True)] == [(key, one) for key in raw for one in raw[key][1]]
    return np.concatenate([np.tensordot(deal(N_SPLITS), response, axes=1) for response, _ in raw.values()], axis=-1)


def correlation(A, B):
    """Correlate two arrays along their last axis."""
    A, B = (X - X.mean(axis=-1, keepdims=True) for X in (A, B))
    return (A * B).sum(axis=-1) / np.sqrt((A**2).sum(axis=-1) * (B**2).sum(axis=-1))


def split_half(X):
    """Correlate the RDMs, and single images, of halves (2, N_SPLITS, n_stimuli, n_neurons), each (N_SPLITS,)."""
    unit = X - X.mean(axis=-1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    first, second = np.triu_indices(X.shape[2], k=1)
    rdms = (1 - unit @ unit.swapaxes(-1, -2))[..., first, second]
    return {"matrix": correlation(*rdms), "image": correlation(*X).mean(axis=1)}


def sem(r):
    return r.std(axis=0, ddof=1) / np.sqrt(len(r))


@pytest.mark.slow
def test_reliability_of_every_neuron_agrees_with_other_splits(responses, raw):
    neurons = pd.read_parquet(responses / "tables/neurons.parquet").set_index(["recording", "neuron"])
    distances, ratios = [], []
    for session, (response, ids) in raw.items():
        rows = neurons.loc[session].loc[ids]
        ours = correlation(*np.tensordot(deal(5 * N_SPLITS), response, axes=1).swapaxes(-1, -2))  # (n_splits, n_neurons)
        corrected, joint = 2 * ours / (1 + ours), np.hypot(sem(ours), rows.scored_r_sem)
        assert (np.abs(rows.reliability - corrected.mean(axis=0)) < 5 * np.sqrt(2) * sem(corrected)).all()  # 100 splits each
        for column in ("split_half_r", "scored_r"):
            distances.append((rows[column] - ours.mean(axis=0)) / joint)
        ratios.append(rows.scored_r_sem / sem(ours))
    distances = pd.concat(distances).abs()
    assert len(distances) == 2 * 2539 and distances.max() < 5
    assert 0.4 < distances.median() < 1.0  # .67 for a normal distribution: the tolerance is not loose
    assert pd.concat(ratios).median() == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_oracle_of_every_neuron_equals_that_from_the_files(responses, raw):
    neurons = pd.read_parquet(responses / "tables/neurons.parquet").set_index(["recording", "neuron"])
    for session, (response, ids) in raw.items():
        others = (response.sum(axis=0) - response) / (N_TRIALS - 1)
        with np.errstate(invalid="ignore"):  # of a trial without any spike
            expected = correlation(response.swapaxes(1, 2), others.swapaxes(1, 2)).mean(axis=0)
        np.testing.assert_allclose(neurons.oracle_r[session][ids], expected, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_ceilings_of_all_sites_agree_with_other_splits(responses, halves):
    neurons = pd.read_parquet(responses / "tables/neurons.parquet")
    ceilings = pd.read_parquet(responses / "tables/ceilings.parquet")
    sites = ceilings[ceilings.neuron.isna() & (ceilings.target == "rdm")]
    assert set(sites.area[sites.cortical_layer == "all"]) == set(AREAS) and len(sites) == 30
    for site in sites.itertuples():
        inside = neurons.kept & (neurons.area == site.area)
        inside &= (neurons.cortical_layer == site.cortical_layer) | (site.cortical_layer == "all")
        assert inside.sum() == site.n_neurons
        r = split_half(halves[..., inside])["matrix"]
        assert abs(r.mean() - site.split_half_r) < 5 * np.hypot(sem(r), site.split_half_sem)
        assert site.ceiling == pytest.approx(np.sqrt(2 * site.split_half_r / (1 + site.split_half_r)), abs=1e-9)


@pytest.mark.slow
def test_thresholds_of_all_areas_agree_with_other_splits(responses, halves):
    neurons = pd.read_parquet(responses / "tables/neurons.parquet")
    thresholds = pd.read_parquet(responses / "tables/thresholds.parquet")
    whole = thresholds[thresholds.cortical_layer == "all"]
    assert set(whole.area) == set(AREAS) and whole.threshold.nunique() == 11 and len(whole) == 6 * 11 * 2
    for (area, limit), rows in whole.groupby(["area", "threshold"]):
        inside = (neurons.area == area) & (neurons.reliability >= limit)
        assert set(rows.n_neurons) == {inside.sum()}
        if limit in (0, 0.5, 0.75, 0.9):
            ours = split_half(halves[..., inside])
            for row in rows.itertuples():
                r = ours[row.instance]
                assert abs(r.mean() - row.split_half_r) < 5 * np.hypot(sem(r), row.split_half_sem)


@pytest.mark.slow
def test_thresholds_are_drawn(responses):
    for ending in ("png", "pdf"):
        assert (responses / f"figures/thresholds_paper.{ending}").stat().st_size > 10_000


@pytest.fixture(scope="module")
def two_sessions(real, tmp_path_factory) -> Path:
    """Give a data set of two of the sessions, with its images and responses where they are."""
    source, folder = real / "allen-neuropixels", tmp_path_factory.mktemp("part") / "two"
    (folder / "responses").mkdir(parents=True)
    description = yaml.safe_load((source / "dataset.yaml").read_text())
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description | {"stimuli": str(source / description["stimuli"])}))
    neurons = pd.read_csv(source / "neurons.csv", dtype=str)
    chosen = list(dict.fromkeys(neurons.session[neurons.area == "VISp"]))[:2]
    neurons[neurons.session.isin(chosen)].to_csv(folder / "neurons.csv", index=False)
    for session in chosen:
        (folder / f"responses/{session}.npz").symlink_to(source / f"responses/{session}.npz")
    return folder


def means_by_hand(real, neurons, trials):
    """Return the means over some trials of the neurons that are kept, (n_stimuli, n_neurons), from the files alone."""
    means = []
    for session, rows in neurons[neurons.kept].groupby("recording"):
        with np.load(real / f"allen-neuropixels/responses/{session}.npz") as stored:
            inside = np.isin(stored["neuron"].astype(str), rows.neuron)
            means.append(stored["response"][trials][:, :, inside].astype(np.float64).mean(axis=0))
    return np.concatenate(means, axis=1)


def test_scores_equal_those_computed_by_hand_from_the_files(real, two_sessions, run_workflow, tmp_path):
    """Pixels against VISp, from the raw files, without any code of the workflow but the image preprocessing."""
    config = {"dataset": str(two_sessions), "areas": ["VISp"], "models": {"groups": [], "include": ["pixels"]}, "input": INPUT}
    config["methods"] = {"run": ["paper", "strict"]}
    tables = ("neurons", "best_layers", "layer_choices", "scores")
    done = run_workflow(tmp_path, *(f"results/two/tables/{name}.parquet" for name in tables), config=config)
    assert done.returncode == 0, done.stdout
    neurons, best, choices, scores = (pd.read_parquet(tmp_path / f"results/two/tables/{name}.parquet") for name in tables)
    names = image_files(real / "allen-neuropixels/stimuli")
    images = read_images(names).images
    grey = preprocess(images, PIXELS).reshape(len(images), -1).astype(np.float64)

    def rsa(means, part):
        return pearsonr(pdist(grey[part], "correlation"), pdist(means[part], "correlation"))[0]

    def found(table, method):
        return table[(table.method == method) & (table.cortical_layer == "all")].iloc[0]

    of_paper = neurons[(neurons.selection == "paper") & (neurons.area == "VISp")]
    assert of_paper[of_paper.kept].recording.nunique() == 2
    expected = rsa(means_by_hand(real, of_paper, slice(None)), slice(None))
    assert found(best, "rsa_pearson").score == pytest.approx(expected, abs=1e-5)  # float32 products of the pixels
    # strict: neurons selected on the 1st, 3rd, ... trial and scored on the others; halves of the images
    of_strict = neurons[(neurons.selection == "strict") & (neurons.area == "VISp")]
    means, scenes = means_by_hand(real, of_strict, slice(1, None, 2)), np.arange(len(names))  # there is no blank
    rng, r = np.random.default_rng(0), []
    for _ in range(20):
        half = rng.permutation(len(scenes)) < len(scenes) // 2
        r.append(rsa(means, scenes[~half]))
    strict = found(best, "rsa_pearson_strict")
    assert strict.score == pytest.approx(np.mean(r), abs=1e-5) and strict.choice == "other_images"
    assert found(scores, "rsa_pearson_strict").score == pytest.approx(rsa(means, scenes), abs=1e-5)
    assert found(choices, "rsa_pearson_strict").selection_loss == 0  # there is one layer
    assert found(best, "ridge_strict").corrected > found(best, "ridge_strict").score > 0.05


@pytest.mark.slow
def test_two_data_sets_of_the_same_images_share_their_kernels(responses, similarities):
    made = [folder / "logs/extract_features" for folder in (responses, similarities)]
    assert sum(bool(list(folder.glob("*pixels*"))) for folder in made) == 1


def test_all_21_calcium_sites_are_scored_by_rsa_alone(similarities):
    scores = scores_of(similarities, "rsa_pearson")
    assert scores.shape[1] == 21
    assert set(scores.columns.get_level_values("area")) == set(AREAS)
    assert not list(similarities.glob("scores/ridge"))
    # larger sites, without those of a handful of cells (published split-half reliability below .6)
    noisy = [("VISrl", "4"), ("VISrl", "5"), ("VISp", "6"), ("VISpm", "6")]
    sound = scores.drop(columns=noisy)
    assert (sound.loc["pixels"] > 0).all()
    assert (sound.loc["trained"] > sound.loc["squeezenet1_0-random0"]).mean() > 0.8
    page = (similarities / "report.html").read_text()
    assert "These neurons are simulated" not in page


def test_published_similarity_to_pixels_is_reproduced(similarities):
    """Correlations of scenes in pixels and calcium responses computed elsewhere: .116 in VISp 2/3, .157 in VISl 4."""
    scores = scores_of(similarities, "rsa_pearson").loc["pixels"]
    assert scores["VISp", "2/3"] == pytest.approx(0.116, abs=0.02)
    assert scores["VISl", "4"] == pytest.approx(0.157, abs=0.02)
