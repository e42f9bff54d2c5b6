"""What is made from tables, by request or from published matrices, as rules make it."""

from pathlib import Path

import numpy as np
import pytest
from example_tables import example
from made_up_tables import write_run
from project import Project
from scipy.stats import pearsonr
from snakemake_process import WORKFLOW_TIMEOUT_S, run_snakemake

from dormouse.columns import TABLES
from dormouse.tables import read_table, write_table

pytestmark = pytest.mark.workflow

SITES = "results/alike/tables/site_similarity.parquet"
PUBLISHED = "results/alike/tables/published_rdms.parquet"
ROW, COLUMN = np.triu_indices(8, k=1)


def similarities(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "similarity.npz") as stored:
        return {name: stored[name] for name in stored.files}


def test_sites_are_compared_with_each_other_and_with_published_matrices_of_the_same_sites(
    snakemake, similarity_folder, tmp_path
):
    """Of the published matrices, one is that of the run, one is another, and one is missing."""
    published = tmp_path / "published"
    published.mkdir()
    (published / "dataset.yaml").write_text((similarity_folder / "dataset.yaml").read_text())
    own = similarities(similarity_folder)
    other = np.corrcoef(np.random.default_rng(7).standard_normal((8, 20)))
    np.savez(published / "similarity.npz", **{"VISp-2_3": own["VISp-2_3"], "VISp-4": other})
    config = {"dataset": str(similarity_folder), "models": {"groups": [], "include": ["pixels"]}}
    done = snakemake(SITES, PUBLISHED, config=config | {"replication": {"matrices": str(published)}})
    assert done.returncode == 0, done.stdout
    table = read_table("published_rdms", tmp_path / "run" / PUBLISHED)
    expected = pearsonr(own["VISp-4"][ROW, COLUMN], other[ROW, COLUMN]).statistic
    found = table.set_index("cortical_layer")
    assert set(found.area) == {"VISp"} and set(found.selection) == {"given"}
    assert found.r.to_dict() == pytest.approx({"2/3": 1.0, "4": expected}, abs=1e-12)
    (pair,) = read_table("site_similarity", tmp_path / "run" / SITES).to_dict("records")
    expected = pearsonr(own["VISp-2_3"][ROW, COLUMN], own["VISp-4"][ROW, COLUMN]).statistic
    assert (pair["cortical_layer"], pair["other_cortical_layer"]) == ("2/3", "4") and pair["r"] == pytest.approx(expected)

    planned = snakemake("-n", "write_exports", config=config)
    assert planned.returncode == 0 and "results/alike/exports/rdms.hdf5" in planned.stdout
    assert "compare_published" not in planned.stdout  # no matrices are named


def test_exports_are_made_from_tables_alone(root, tmp_path):
    folder = Project(root, tmp_path / "clone").folder
    write_run(folder / "results/mine/tables")
    write_table("jobs", example("jobs"), folder / "results/mine/tables/jobs.parquet")
    words = ["write_exports", "-s", "workflow/paper.smk", "--cores", "2", "--config", "results=results/mine"]
    done = run_snakemake(words, folder, {}, WORKFLOW_TIMEOUT_S)
    assert done.returncode == 0, done.stdout
    made = {path.name for path in (folder / "results/mine/exports").iterdir()}
    assert made == {"README.md", "columns.csv", "datapackage.json", "numbers.tex", "tables"}
    assert {path.stem for path in (folder / "results/mine/exports/tables").iterdir()} == TABLES.keys() - {"jobs"}
