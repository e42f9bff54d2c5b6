"""Methods that a user adds, and runs side by side, through the command line, on a small dataset folder."""

import os
import re
import shutil

import numpy as np
import pytest
import yaml
from kernel_files import read_kernel
from PIL import Image
from scipy.ndimage import gaussian_filter

from dormouse.features.kernels import read_provenance
from dormouse.files import read_arrays
from dormouse.tables import read_table

pytestmark = pytest.mark.workflow

CONFIG = {
    "dataset": "../mice",
    "areas": ["VISp"],
    "reliability": {"n_splits": 5},
    "thresholds": {"values": [0.0], "n_splits": 2},
    "selection": {"min_reliability": 0.1},
    "models": {"groups": [], "include": ["pixels"]},
    "methods": {"run": ["rsa_pearson"]},
}
SCORES = "results/mice/tables/scores.parquet"
NO_FIGURES = ("--omit-from", "draw_figures")  # nor the report, which the tests here do not read


@pytest.fixture(scope="module")
def finished(root, run_workflow, write_dataset, tmp_path_factory):
    """Give a folder that holds a dataset folder, mice, and the results of a run up to all tables, in run."""
    folder = tmp_path_factory.mktemp("finished")
    write_dataset(folder / "mice")
    done = run_workflow(folder / "run", *NO_FIGURES, config=CONFIG)
    assert done.returncode == 0, done.stdout
    (folder / "run/my_methods.py").write_text(example(root)[0])
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """Give a copy of the run's folder, for a test to change."""
    shutil.copytree(finished, tmp_path / "elsewhere")
    return tmp_path / "elsewhere" / "run"


def example(root):
    """Return the Python and the configuration that docs/methods.md shows for a method that a user adds."""
    text = (root / "docs/methods.md").read_text().split("## A method of your own", 1)[1].split("\n## ", 1)[0]
    python, configuration = (text.split(f"```{kind}", 1)[1].split("```", 1)[0] for kind in ("python", "yaml"))
    return python, yaml.safe_load(configuration)["methods"]["add"]


def merged(change):
    """Return the configuration with sections laid over it."""
    return CONFIG | {key: CONFIG.get(key, {}) | value if isinstance(value, dict) else value for key, value in change.items()}


PAPER = ("describe_run", "score_replication", "list_jobs", "draw_figures", "write_report")


def planned(output):
    """Return the rules that a dry run would start, with the values of their wildcards."""
    jobs = {}
    for block in re.split(r"\n(?=(?:rule|localrule) )", output):
        if match := re.match(r"(?:local)?rule (\w+):\n", block):
            wildcards = re.search(r"^ +wildcards: (.*)$", block, re.MULTILINE)
            jobs.setdefault(match[1], []).append(wildcards[1] if wildcards else "")
    jobs.pop("all", None)
    return jobs


def test_a_method_added_in_three_lines_runs_only_its_own_jobs(root, run_workflow, copied):
    added = example(root)[1]
    ((name, line),) = added.items()
    assert len(line) == 3
    config = merged({"methods": {"add": added}})
    dry = run_workflow(copied, "--dry-run", config=config)
    assert dry.returncode == 0, dry.stdout
    jobs = planned(dry.stdout)
    own = {"score_responses": [f"family={name}, model=pixels"]}
    own |= {"resample_scores": own["score_responses"]}
    of_family = ("gather_scores", "choose_layers", "compare_models", "measure_specificity", "judge_data")
    own |= {rule: [f"family={name}"] for rule in of_family}
    whole_run = {rule: [""] for rule in ("check_nulls", "confirm_nulls", "answer_questions", *PAPER)}
    assert jobs | {"gather_tables": 0} == own | whole_run | {"gather_tables": 0}
    compared = {"animal_scores", "best_layers", "differences", "intervals", "layer_choices", "permutation_tests", "scores"}
    compared |= {"seed_spread", "specificity", "recovery", "discriminability", "power", "learning_curves"}
    assert {job.removeprefix("table=") for job in jobs["gather_tables"]} == compared

    done = run_workflow(copied, SCORES, config=config)
    assert done.returncode == 0, done.stdout
    scores = read_table("scores", copied / SCORES)
    assert set(scores.method) == {"rsa_pearson", name}
    (kernels,) = copied.glob("results/kernels/pixels/*/centred.npz")
    stored = read_kernel(kernels)
    s = stored["row_sum"]
    K = stored["kernel"] + s[:, :, None] * s[:, None] / stored["n_features"][:, None, None]
    population = read_arrays(copied / "results/mice/populations/paper/VISp.npz")
    for site, score in scores[scores.method == name].set_index("cortical_layer").score.items():
        Y = population["mean"][:, (population["cortical_layer"] == site) | (site == "all")]
        H = np.eye(len(Y)) - 1 / len(Y)
        A, B = H @ K[0] @ H, H @ Y @ Y.T @ H
        assert score == pytest.approx(np.vdot(A, B) / np.linalg.norm(A) / np.linalg.norm(B), abs=1e-9)

    assert planned(run_workflow(copied, "--dry-run", SCORES, config=config).stdout) == {}
    module = copied / "my_methods.py"
    module.write_text(module.read_text() + "\nCHANGED = 1\n")
    os.utime(module, (0, 0))
    again = planned(run_workflow(copied, "--dry-run", SCORES, config=config).stdout)
    assert again == {rule: own[rule] for rule in ("score_responses", "gather_scores")} | {"gather_tables": ["table=scores"]}


def test_a_method_that_opens_an_unnamed_file_is_refused(run_workflow, copied):
    np.save(copied / "weights.npy", np.ones(1))
    (copied / "my_methods.py").write_text(
        "import numpy as np\n\n\ndef score(kernels, target, settings):\n    return np.load('weights.npy') * np.ones(1)\n"
    )
    line = {"source": "python", "name": "my_methods:score", "target": "rdm"}
    done = run_workflow(copied, SCORES, config=merged({"methods": {"add": {"mine": line}}}))
    assert done.returncode == 1
    assert re.search(
        r"my_methods:score: opens weights\.npy, which the configuration does not name.* files: \[weights\.npy\]", done.stdout
    )
    assert "Traceback" not in done.stdout
    line["files"] = ["weights.npy"]
    done = run_workflow(copied, SCORES, config=merged({"methods": {"add": {"mine": line}}}))
    assert done.returncode == 0, done.stdout
    assert (read_table("scores", copied / SCORES).query("method == 'mine'").score == 1).all()


BLURRED = {"stimuli": {"sets": {"mouse": {"acuity_cpd": 0.5, "degrees": 20, "models": []}}}}


def test_a_set_of_images_runs_only_its_own_networks_and_scores(run_workflow, copied):
    jobs = planned(run_workflow(copied, "--dry-run", config=merged(BLURRED)).stdout)
    assert len(jobs["extract_features"]) == 1 and jobs["extract_features"][0].startswith("model=pixels_mouse")
    assert jobs["score_rdms"] == jobs["resample_scores"] == ["family=rsa, model=pixels_mouse"]
    assert not {"read_recording", "read_stimuli", "measure_reliability", "pool_area"} & jobs.keys()


@pytest.mark.slow
def test_what_a_network_sees_of_a_set_of_images_is_blurred_and_the_table_of_models_says_so(run_workflow, copied):
    done = run_workflow(copied, "results/mice/tables/models.parquet", SCORES, config=merged(BLURRED))
    assert done.returncode == 0, done.stdout
    models = read_table("models", copied / "results/mice/tables/models.parquet").set_index("model")
    assert models.stimulus_set.to_dict() == {"pixels": "original", "pixels_mouse": "mouse"}
    assert '"blur": {"acuity_cpd": 0.5, "degrees": 20}' in models.input["pixels_mouse"]
    assert models.transform_sha256.nunique() == 2 and models.weights_sha256.nunique() == 1
    files = sorted((copied.parent / "mice/stimuli").glob("*.png"))
    sd = np.sqrt(np.log(2) / 2) / np.pi * 32 / (0.5 * 20)  # pixels, of images 32 pixels wide
    blurred = [np.rint(gaussian_filter(np.asarray(Image.open(file), float), sd, mode="nearest")) for file in files]
    size = read_provenance(next(copied.glob("results/kernels/pixels_mouse/*/centred.npz")))["input"]["size"]
    squashed = [Image.fromarray(image.astype(np.uint8)).resize((size, size), Image.Resampling.BILINEAR) for image in blurred]
    X = np.stack([np.asarray(image, float).ravel() / 255 for image in squashed])
    X -= X.mean(axis=1, keepdims=True)
    (kernels,) = copied.glob("results/kernels/pixels_mouse/*/centred.npz")
    np.testing.assert_allclose(read_kernel(kernels)["kernel"][0], X @ X.T, rtol=1e-4, atol=1e-3)
    assert read_table("scores", copied / SCORES).groupby("model").score.first().nunique() == 2


def test_a_run_of_another_name_extracts_nothing_and_leaves_the_first_alone(run_workflow, copied):
    before = (copied / SCORES).read_bytes()
    other = merged({"run": "second", "selection": {"min_reliability": 0.985}})
    done = run_workflow(copied, "results/second/tables/scores.parquet", config=other)
    assert done.returncode == 0, done.stdout
    assert not (copied / "results/second/logs/extract_features").exists()
    assert (copied / SCORES).read_bytes() == before
    first, second = (read_table("scores", copied / f"results/{run}/tables/scores.parquet") for run in ("mice", "second"))
    assert second.n_neurons.max() < first.n_neurons.max()
    assert set(second.differs) == {"min_reliability 0.985, n_splits 5"}
    assert planned(run_workflow(copied, "--dry-run", *NO_FIGURES, config=CONFIG).stdout) == {}  # the first run does not notice


def test_a_name_that_belongs_to_another_data_set_is_refused(run_workflow, copied):
    done = run_workflow(copied, "--dry-run", config={"dataset": "demo", "run": "mice"})
    assert done.returncode == 1
    assert re.search(r"results/mice holds a run of another data set or version \(.*mice.*\), and this is .*demo", done.stdout)
    assert "Traceback" not in done.stdout


def test_results_of_another_version_are_refused(run_workflow, copied):
    (copied / "results/mice/run.json").unlink()
    done = run_workflow(copied, "--dry-run", config=CONFIG)
    assert done.returncode == 1
    assert "results/mice has no run.json: another version made it, or it is of something else. Move it away" in done.stdout
    reserved = run_workflow(copied, "--dry-run", config=CONFIG | {"run": "Kernels"})
    assert "config: run: 'Kernels' is reserved" in reserved.stdout
