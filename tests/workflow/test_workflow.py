"""The workflow as a whole, on a small simulated data set: its outputs, and what makes a job run again."""

import os
import re
import shutil
from contextlib import ExitStack
from html import escape

import numpy as np
import pandas as pd
import pytest
from edits import edited, flip_a_bit, refused
from judged_tables import check_judgement
from PIL import Image
from project import SMALL, Project, merged
from snakemake_process import WORKFLOW_TIMEOUT_S, run_snakemake

from dormouse.tables import read_basis, read_table, write_table

pytestmark = pytest.mark.workflow

DIFFERS = "min_reliability -1.0, n_splits 10"
METHODS = SMALL["methods"]["run"]
TABLES = ("neurons", "selection_counts", "thresholds", "ceilings", "scores", "best_layers", "layer_choices", "models")
TABLES += ("animal_scores", "intervals", "differences", "permutation_tests", "seed_spread", "null_check")
TABLES += ("comparisons", "agreement", "specificity", "recovery", "discriminability", "power", "learning_curves")
COMPARING = ("choose_layers", "compare_models", "answer_questions", "judge_data", "gather_tables", "score_replication")
PAPER = ("list_jobs", "draw_figures", "write_report", "confirm_nulls")
COMPARING += PAPER
GATHERING = ("gather_scores", *COMPARING)
INFERENCE = ("resample_scores", "check_nulls", "measure_specificity")
SCORES = "results/demo/scores/rsa"
BETWEEN_ANIMALS = ("estimate_ceilings", "gather_tables")  # neurons are predicted from others by the same ridge


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory) -> Project:
    """Give the project after one whole run; tests leave it as they found it."""
    project = Project(root, tmp_path_factory.mktemp("finished"))
    project.run()
    return project


def test_all_tables_are_whole_and_typed(finished):
    tables = {name: read_table(name, finished.folder / f"results/demo/tables/{name}.parquet") for name in TABLES}
    assert set(tables["models"].model) == {"pixels", "small"}
    sites = {(area, layer) for area in ("VISp", "VISl") for layer in ("all", "2/3", "4")}
    for name in ("scores", "best_layers", "layer_choices"):
        found = tables[name]
        assert set(zip(found.area, found.cortical_layer, strict=True)) == sites
        assert set(found.method) == set(METHODS)
        assert not found.score.isna().any()
    check_judgement(tables, METHODS)
    n_layers = tables["models"].set_index("model").n_layers
    rows = tables["scores"].groupby(["model", "area", "cortical_layer", "method"]).size()
    assert (rows == rows.index.get_level_values("model").map(n_layers)).all()
    assert len(tables["best_layers"]) == 2 * len(sites) * 4
    neuron_scores = read_table("neuron_scores", finished.folder / "results/demo/neuron_scores/ridge/VISp/small.parquet")
    for found in (*(tables[name] for name in ("scores", "best_layers", "layer_choices", "ceilings")), neuron_scores):
        assert set(found.selection) == {"paper"} and set(found.differs) == {DIFFERS}
    shares = tables["layer_choices"].groupby(["method", "model", "area", "cortical_layer", "choice"]).frequency.sum()
    np.testing.assert_allclose(shares, 1, rtol=0, atol=1e-12)
    # of neurons, some are reliable; of RDMs from four trials, none
    assert set(tables["scores"].method[tables["scores"].corrected.notna()]) == {"ridge_srp", "ridge_zscore"}
    kept = tables["neurons"][tables["neurons"].kept]
    assert set(kept.area) == {"VISp", "VISl"}
    assert (kept.reliability >= -1).all()


def test_figures_and_report_stand_alone(finished):
    for method in METHODS:
        with Image.open(finished.folder / f"results/demo/figures/scores_{method}.png") as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 100
        assert (finished.folder / f"results/demo/figures/scores_{method}.pdf").read_bytes().startswith(b"%PDF")
    assert "These neurons are simulated" in (page := (finished.folder / "results/demo/report.html").read_text())
    index = pd.read_csv(finished.folder / "results/demo/figures/index.csv", keep_default_na=False)
    shown = [name for name, reason in zip(index.name, index.not_drawn, strict=True) if not reason]
    shown = [name for name in shown if (finished.folder / f"results/demo/figures/{name}.png").exists()]
    assert page.count('src="data:image/webp;base64,') == len(shown) and {f"scores_{name}" for name in METHODS} < set(shown)
    for reason in filter(None, index.not_drawn):
        assert escape(reason) in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page.split("<main", 1)[1].split("</main>", 1)[0])
    assert "squeezenet1_1" in page
    for method in METHODS:
        assert page.count(f"Method: {method}. Neurons: selection paper.") == 1
    assert page.count(DIFFERS) == len(METHODS)
    comparisons = read_table("comparisons", finished.folder / "results/demo/tables/comparisons.parquet")
    assert set(comparisons.verdict) == {"too few networks", "not run"}, "two networks answer no question"
    for said in (*comparisons.question, *comparisons.sentence):
        assert f"{said}</" in page


def test_tables_alone_give_the_same_figures_and_report(finished, tmp_path):
    """Their folder, copied into a clone that has neither data nor configuration; started in a notebook, with its settings."""
    folder, results = Project(finished.root, tmp_path / "clone").folder, "results/demo"
    shutil.copytree(finished.folder / results / "tables", folder / results / "tables")
    (folder / "matplotlibrc").write_text("text.usetex: True\nfont.family: Comic Sans\nsavefig.dpi: 30\n")
    words, around = ["-s", "workflow/paper.smk", "--cores", "2", "--config", f"results={results}"], {"MPLBACKEND": "nonsense"}
    planned, done = (run_snakemake([*words, *more], folder, around, WORKFLOW_TIMEOUT_S) for more in (["--dry-run"], []))
    assert planned.returncode == 0 and done.returncode == 0, planned.stdout + done.stdout
    rules = {"draw_figures", "write_report", "all", "total"}
    assert set(re.findall(r"^(\w+) +\d+$", planned.stdout, re.MULTILINE)) == rules
    for file in ("figures/index.csv", "figures/scores_rsa_pearson.png", "figures/thresholds.csv", "report.html"):
        assert (folder / results / file).read_bytes() == (finished.folder / results / file).read_bytes(), file


def test_snakemake_writes_its_own_report(finished):
    finished.run("--report", "snakemake.html")
    assert "scores_rsa_pearson" in (finished.folder / "snakemake.html").read_text()


@pytest.mark.parametrize(
    ("module", "name", "rules"),
    [
        ("methods/ridge", "score_layers", {"score_responses", *INFERENCE, *GATHERING, *BETWEEN_ANIMALS}),
        ("methods/rsa", "spearman", {"score_rdms", *INFERENCE, *GATHERING}),
        ("inference/resampling", "draw_counts", {"resample_scores", *COMPARING}),
        ("inference/null_check", "shuffled", {"check_nulls", *PAPER}),
        ("paper/figures/scores", "plot", {"draw_figures", "write_report", "confirm_nulls"}),
        ("run/provenance", "job_record", set()),  # a record changes no result
    ],
)
def test_editing_a_definition_reruns_what_uses_it_and_nothing_else(finished, module, name, rules):
    with edited(finished.folder / f"src/dormouse/{module}.py", lambda text: f"{text}\n{name} = {name}\n"):
        assert set(finished.planned()) == rules


def test_times_comments_docstrings_and_unused_definitions_rerun_nothing_of_a_finished_run(finished):
    for file in ("workflow/scripts/score_responses.py", "src/dormouse/methods/ridge.py"):
        os.utime(finished.folder / file)
    with ExitStack() as edits:
        for module in ("models/registry", "mousenet/fourier_convolution", "methods/rsa", "features/gram", "files"):
            file = finished.folder / f"src/dormouse/{module}.py"
            new = '"""Another docstring."""\n# edited\n{}\n\ndef new():\n    return 1\n'
            edits.enter_context(edited(file, new.format))
        assert finished.planned() == {}


def test_a_project_that_was_copied_elsewhere_has_nothing_to_do(finished, tmp_path):
    copy = finished.copied(tmp_path / "elsewhere" / "copy", shutil.copyfile)
    for k, file in enumerate(sorted(copy.folder.rglob("*"), reverse=True)):  # and in another order
        os.utime(file, (1e9 + k, 1e9 + k))
    assert copy.planned() == {}


def test_gathered_tables_follow_the_requested_models_and_areas(finished):
    fewer = finished.planned(merged(SMALL, {"models": {"include": []}}))
    # the run's check of itself has shuffled the images of pixels
    assert set(fewer) == {"gather_models", "check_nulls", "describe_run", *GATHERING}
    one = finished.planned(merged(SMALL, {"areas": ["VISp"]}))
    assert {"select_neurons", "gather_tables", *GATHERING} <= set(one)
    assert not set(one) & {"read_recording", "measure_reliability", "extract_features"}


def test_another_reliability_threshold_reads_no_recording(finished):
    planned = finished.planned(merged(SMALL, {"selection": {"min_reliability": 0.1}}))
    assert "select_neurons" in planned
    assert not set(planned) & {
        "simulate_recordings",
        "read_recording",
        "read_stimuli",
        "measure_reliability",
        "extract_features",
    }


def test_another_row_runs_only_the_jobs_of_its_family(finished):
    strong = {"family": "ridge", "kernels": ["srp"], "target": "responses", "settings": {"penalty": 100.0}}
    planned = finished.planned(merged(SMALL, {"methods": {"add": {"ridge_strong": strong}}}))
    assert set(planned) == {"score_responses", "describe_run", *INFERENCE, *GATHERING}
    assert {job["family"] for job in planned["score_responses"]} == {"ridge"}


def test_another_selection_is_measured_in_the_same_jobs_and_has_no_thresholds(finished):
    planned = finished.planned(merged(SMALL, {"methods": {"run": [*METHODS, "rsa_pearson_strict"]}}))
    recordings = {job["recording"] for job in planned["measure_reliability"]}
    assert len(planned["measure_reliability"]) == len(recordings) == 4  # two in each of two areas
    assert {"paper", "strict"} == {job["selection"] for job in planned["estimate_ceilings"]}
    assert {job["selection"] for job in planned["sweep_thresholds"]} == {"paper"}
    assert not {"read_recording", "extract_features"} & set(planned)


def test_another_choice_of_layers_extracts_and_scores_again(finished):
    planned = finished.planned(merged(SMALL, {"layers": "blocks"}))
    assert {"extract_features", "extract_zscored_features", "gather_models", "score_rdms", "score_responses"} <= set(planned)
    assert not {"read_stimuli", "measure_reliability", "pool_area"} & set(planned)


def test_other_scenes_are_read_measured_and_scored_again(finished):
    planned = finished.planned(merged(SMALL, {"demo": {"seed": 1}}))
    reading = {"simulate_recordings", "read_recording", "read_stimuli", "measure_reliability", "pool_area"}
    scoring = {"extract_features", "score_rdms", "score_responses", "sweep_thresholds", "estimate_ceilings"}
    assert reading | scoring <= set(planned)


def test_another_kernel_is_extracted_without_the_others(finished):
    row = {"family": "ridge", "kernels": ["zscore"], "target": "responses", "settings": {"penalty": 100.0}}
    (kernel,) = (finished.folder / "results/kernels/small").glob("*/zscore.npz")
    hidden = kernel.rename(kernel.with_name("hidden"))
    try:
        planned = finished.planned(merged(SMALL, {"methods": {"add": {"ridge_strong": row}}}))
    finally:
        hidden.rename(kernel)
    assert [job["model"] for job in planned["extract_zscored_features"]] == ["small"]
    assert not {"extract_features", "score_rdms"} & set(planned)


def test_another_penalty_between_animals_reruns_ceilings_and_what_is_corrected_by_them(finished):
    planned = finished.planned(merged(SMALL, {"ceilings": {"penalty": 2.0}}))
    assert set(planned) == {*BETWEEN_ANIMALS, *GATHERING, "describe_run"}


def test_a_run_of_another_name_extracts_nothing_and_leaves_the_first_alone(finished):
    planned = finished.planned(merged(SMALL, {"run": "second", "selection": {"min_reliability": 0.0}}))
    assert {"measure_reliability", "score_rdms", "score_responses", "write_report"} <= set(planned)
    assert not {"simulate_recordings", "read_stimuli", "extract_features", "extract_zscored_features"} & set(planned)


def test_adding_a_model_runs_its_own_jobs(finished):
    new = {"source": "torchvision", "name": "squeezenet1_1", "weights": "random", "seed": 1, "input": {"size": 64}}
    planned = finished.planned(merged(SMALL, {"models": {"add": {"new": new}}}))
    own = ("extract_features", "extract_zscored_features", "score_rdms", "score_responses", "resample_scores")
    for rule in own:
        assert {job["model"] for job in planned[rule]} == {"new"}
    assert set(planned) == {*own, *GATHERING, "gather_models", "describe_run"}  # the run's check of itself is of other models


def test_another_label_runs_no_network(finished):
    planned = finished.planned(merged(SMALL, {"models": {"add": {"small": {"display_name": "Small"}}}}))
    assert set(planned) == {"gather_models", "answer_questions", "describe_run", "score_replication", *PAPER}


@pytest.mark.slow
def test_other_weights_rerun_their_model_even_if_they_are_older(finished, tmp_path):
    import torch

    from dormouse.models.build import build

    weights, elsewhere, copy = tmp_path / "weights.pt", tmp_path / "elsewhere.pt", finished.copied(tmp_path / "copy")
    config = merged(SMALL, {"models": {"add": {"small": {"weights": str(weights)}}}})
    target = "results/demo/tables/models.parquet"
    for seed in (1, 2):
        spec = {"source": "torchvision", "name": "squeezenet1_1", "file": None, "seed": seed}
        trained = {key: value * 1.3 + 0.01 for key, value in build(spec).state_dict().items()}
        torch.save(trained, weights)
        os.utime(weights, (0, 0))  # of the same size, too
        assert "extract_features" in copy.planned(config)
        copy.run(target, config=config)
        assert "extract_features" not in copy.planned(config)
    os.utime(weights)
    assert "extract_features" not in copy.planned(config)
    weights.rename(elsewhere)
    assert "extract_features" not in copy.planned(merged(config, {"models": {"add": {"small": {"weights": str(elsewhere)}}}}))


def test_results_that_are_not_as_their_jobs_wrote_them_are_made_again(finished, tmp_path):
    """Tables that nothing reads, figures, kernels: whatever changed since its job."""
    copy = finished.copied(tmp_path / "copy")
    results = copy.folder / "results/demo"
    (kernels,) = copy.folder.glob("results/kernels/pixels/*/centred.npz")
    others = ("tables/scores.parquet", "figures/scores_rsa_pearson.png", "null_check.json")
    damaged = [kernels, *(results / name for name in others)]
    whole = {path: path.read_bytes() for path in damaged[:3]}
    for path in damaged:
        flip_a_bit(path)
    printed = copy.run()
    names = [str(path.relative_to(copy.folder)) for path in sorted(damaged)]
    assert f"Made again, because it is not as its job wrote it: {', '.join(names[:3])} and 1 more." in printed
    assert {path: path.read_bytes() for path in whole} == whole
    assert re.search(r"^Slowest jobs: \w+ .* \d\.\d s(; |$)", printed, re.MULTILINE)
    assert re.search(r"^Peak memory: \d+ MiB, \w+", printed, re.MULTILINE)
    assert "Nothing to be done" in copy.run()


def test_a_dry_run_tells_what_is_to_be_done_and_what_it_costs(finished):
    printed = finished.run("--dry-run", "--forcerun", "extract_features")
    time = r"([\d.]+ s|\d+ min) of"
    forecast = rf"^To do: 2 networks, \d+ other jobs\nDisk: about .*\nTime: {time} jobs with a GPU, {time} others, one after"
    assert re.search(forecast, printed, re.MULTILINE)


def test_scores_made_by_different_code_do_not_meet(finished, tmp_path):
    copy = finished.copied(tmp_path / "copy")
    path = copy.folder / SCORES / "VISp/pixels.parquet"
    times = path.stat()
    write_table("scores", read_table("scores", path), path, read_basis(path) | {"code": "0" * 12})
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    (copy.folder / f"{SCORES}.parquet").unlink()
    error = r"^ *Error: results/demo/scores/rsa/VIS\S+: made from other code than results/demo/\S+\. Remove"
    assert re.search(error, refused(copy, f"{SCORES}.parquet"), re.MULTILINE)


def test_a_flipped_bit_of_a_score_ends_in_one_line_that_says_what_to_do(finished, tmp_path):
    copy = finished.copied(tmp_path / "copy")
    scores, target = f"{SCORES}/VISp/pixels.parquet", f"{SCORES}.parquet"
    flip_a_bit(copy.folder / scores, keep_time=True)  # or else the start would notice
    (copy.folder / target).unlink()
    printed = refused(copy, target)
    assert re.search(rf"^ *Error: {scores}: not .*[Rr]emove (it|the file) and run again\.$", printed, re.MULTILINE), printed
