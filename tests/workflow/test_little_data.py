"""Whole runs on data that lack something: they end well, give what can be given, and say what not."""

import json
import re

import numpy as np
import pytest
from folders import change, everywhere, get, session

from dormouse.stimuli.images import read_images
from dormouse.stimuli.preprocessing import preprocess
from dormouse.tables import read_table

PIXELS = {"size": 64, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey", "interpolation": "bilinear"}
pytestmark = pytest.mark.workflow

CONFIG = {
    "areas": ["VISp"],
    "reliability": {"n_splits": 5},
    "thresholds": {"values": [0.0], "n_splits": 2},
    "selection": {"min_reliability": 0.1},
    "layer_choice": {"n_halves": 2},
    "inference": {"n_boot": 20, "n_halves": 20, "n_permutations": {"rdm": 10, "responses": 10}, "n_neurons": 5},
    "models": {"groups": [], "include": ["pixels"]},
    "methods": {"run": ["rsa_pearson", "strict", "ridge_srp"]},
}


@pytest.fixture
def ended(snakemake, tmp_path):
    """Return a function that runs the workflow on a data set, and gives what it left out, and its tables and report."""

    def run(dataset, **config):
        done = snakemake(config=CONFIG | {"dataset": str(dataset)} | config)
        assert done.returncode == 0, done.stdout
        results = tmp_path / "run/results" / dataset.name
        told = [*done.stdout.splitlines(), *(line for log in results.rglob("*.log") for line in log.read_text().splitlines())]
        assert not [line for line in told if "Warning" in line or "Traceback" in line]
        assert json.loads((results / "null_check.json").read_text())["value"].startswith("Shuffled images and noise score as")
        (left_out,) = (line for line in told if line.startswith("Methods left out: "))
        report = (results / "report.html").read_text()
        assert left_out.removeprefix("Methods left out: ") in report
        names = ("intervals", "differences", "animal_scores", "layer_choices", "permutation_tests", "seed_spread")
        names += ("recovery", "discriminability", "power", "learning_curves")
        return left_out, {name: read_table(name, results / f"tables/{name}.parquet") for name in names}, report

    return run


@pytest.mark.slow
def test_one_model_one_animal_one_area_and_two_trials(ended, dataset_folder, tmp_path):
    everywhere(",m2,", ",m1,")(dataset_folder)
    for name in ("one", "two"):
        change(session(dataset_folder, name), response=get(session(dataset_folder, name), "response")[:2])
    kinds = ["plant"] * 5 + ["house"] * 2 + [""]
    lines = ["stimulus,kind", *(f"image_{k},{kind}" for k, kind in enumerate(kinds))]
    (dataset_folder / "stimuli.csv").write_text("\n".join(lines) + "\n")
    row = {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
    added = {f"of_{kind}s": row | {"images": {"kind": kind}} for kind in ("plant", "house")}
    left_out, tables, report = ended(dataset_folder, methods=CONFIG["methods"] | {"add": added})
    assert left_out == (
        "Methods left out: rsa_pearson_strict, ridge_strict "
        "(2 trials of each image in VISp, and the selection strict needs 4); "
        "of_houses (2 such images, and a method needs 4)."
    )
    stimuli = read_table("stimuli", tmp_path / "run/results/mice/tables/stimuli.parquet")
    assert list(stimuli.value.fillna("")) == kinds and list(stimuli.number) == list(range(1, 9))
    n_images = tables["intervals"].groupby("method").n_images.unique().map(list).to_dict()
    assert n_images == {"rsa_pearson": [8], "ridge_srp": [8], "of_plants": [5]}
    assert set(tables["permutation_tests"].method) == set(n_images)
    assert set(tables["intervals"].statistic) == {"pooled"} and set(tables["intervals"].n_animals) == {1}
    assert set(tables["layer_choices"].choice) == {"other_images", "other_trials"}
    assert tables["differences"].empty and tables["seed_spread"].empty and tables["power"].empty
    assert set(tables["recovery"].recovered) == {"pixels"} and tables["discriminability"].auc.isna().all()
    curves = tables["learning_curves"]
    assert set(curves.axis) == {"images", "neurons", "trials"} and set(curves.n[curves.axis == "trials"]) == {1, 2}
    assert "no random network was run with several seeds" in report
    assert not re.search(r"mean over animals<(?!/dd)", report)  # but for what a column means


@pytest.mark.slow
def test_trials_of_running_mice_by_the_preset_running(snakemake, dataset_folder, tmp_path):
    """Session two has no running speed, so its animal has no part in it."""
    rng = np.random.default_rng(0)
    speed = np.where(np.arange(6)[:, None] % 2 == rng.integers(0, 2, 8), 10.0, 0.0)
    change(session(dataset_folder, "one"), running_speed=speed)
    config = CONFIG | {"dataset": str(dataset_folder), "methods": {"run": ["running"]}, "selection": {"min_reliability": -1.0}}
    tables = "results/mice/tables"
    done = snakemake(f"{tables}/scores.parquet", f"{tables}/neurons.parquet", config=config)
    assert done.returncode == 0, done.stdout
    logs = tmp_path / "run/results/mice/logs/select_neurons"
    assert "\ntwo: left out, because its neurons, selected on all and scored on running" in (logs / "running.log").read_text()
    neurons = read_table("neurons", tmp_path / "run" / tables / "neurons.parquet")
    assert set(neurons.recording[neurons.kept]) == {"one"} and set(neurons.score_on) == {"running", "still"}
    scores = read_table("scores", tmp_path / "run" / tables / "scores.parquet")
    seen = preprocess(read_images(sorted((dataset_folder / "stimuli").glob("*.png"))).images, PIXELS).reshape(8, -1)
    upper = np.triu_indices(8, 1)
    response = get(session(dataset_folder, "one"), "response")[:, :, :5].astype(float)  # of VISp
    for kind, fast in (("running", True), ("still", False)):
        Y = np.stack([response[(speed[:, k] > 1) == fast, k].mean(axis=0) for k in range(8)])
        expected = np.corrcoef(np.corrcoef(seen)[upper], np.corrcoef(Y)[upper])[0, 1]
        found = scores[(scores.method == f"rsa_pearson_{kind}") & (scores.cortical_layer == "all")]
        assert list(found.score) == pytest.approx([expected], abs=1e-5) and set(found.n_neurons) == {5}


@pytest.mark.slow
def test_similarities_of_seven_images(ended, similarity_folder, dataset_folder):
    rows = slice(0, 7)
    (dataset_folder / "stimuli/image_7.png").unlink()
    for name in ("VISp-2_3", "VISp-4", "VISl"):
        change(similarity_folder / "similarity.npz", **{name: get(similarity_folder / "similarity.npz", name)[rows, rows]})
    left_out, tables, report = ended(similarity_folder)
    assert left_out == (
        "Methods left out: rsa_pearson_strict (7 images, and layers chosen on other images need 8); "
        "ridge_strict, ridge_srp (the data set gives similarity)."
    )
    assert set(tables["intervals"].method) == {"rsa_pearson"} and tables["intervals"].n_animals.isna().all()
    assert tables["animal_scores"].empty and tables["layer_choices"].empty and tables["differences"].empty
    assert all(tables[name].empty for name in ("recovery", "discriminability", "power"))
    assert set(tables["learning_curves"].axis) == {"images"} and set(tables["learning_curves"].n) == {7}
    assert "those of the given similarities; none were selected" in report
