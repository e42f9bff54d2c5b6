"""The report: what its tables hold, and a whole run on a data set that has only parts of an area."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from dormouse.features.attestation import weights_sha256
from dormouse.models.build import build
from dormouse.paper.neuron_tables import distances_of_units
from dormouse.tables import read_table


def test_the_report_gives_distances_of_areas_that_both_have():
    rows = [
        ("start", "VISp", "VISp", "sparseness", 0.2),
        ("start", "VISl", "VISl", "sparseness", 0.4),
        ("start", "VISp", "VISl", "sparseness", 9.0),
        ("end", "VISp", "VISp", "sparseness", 0.1),
    ]
    table = pd.DataFrame(rows, columns=["model", "area", "recorded_area", "quantity", "wasserstein"])
    models = pd.DataFrame({"model": ["start", "end", "other"], "display_name": ["before", "after", "corrected"]})
    found = distances_of_units(table, models)
    assert found.network.tolist() == ["before", "after"]
    np.testing.assert_allclose(found.sparseness, [0.3, 0.1])


@pytest.mark.workflow
@pytest.mark.slow
def test_a_run_with_whole_areas_and_areas_in_parts_draws_every_figure(snakemake, similarity_folder, tmp_path):
    """VISl is there as a whole, VISp as two layers; one network averages weights that lie beside it in its file."""
    network = build({"source": "timm", "name": "test_resnet", "file": None, "seed": 0})
    state = {key: value * 1.3 + 0.01 if value.is_floating_point() else value for key, value in network.state_dict().items()}
    average = {"n_averaged": torch.tensor(2)} | {f"module.{key}": value for key, value in state.items()}
    early = build({"source": "timm", "name": "test_resnet", "file": None, "seed": 1}).state_dict()
    torch.save({"state_dict": network.state_dict(), "early": early, "state_dict_ema": average}, tmp_path / "both.pt")
    line = {"source": "timm", "name": "test_resnet", "input": {"size": 64}, "weights": str(tmp_path / "both.pt")}
    added = {
        "average": line | {"key": "state_dict_ema"},
        "early": line | {"key": "early", "display_name": "after <1 epoch"},
        "before": {"source": "mousenet", "name": "small", "weights": "trained:mousenet_digits"},
    }
    config = {
        "dataset": str(similarity_folder),
        "models": {"groups": ["baselines"], "exclude": ["noise-random0", "gabor"], "add": added},
        "training": {"mousenet_digits": {"epochs": 0}},
    }
    done = snakemake(config=config)
    assert done.returncode == 0, done.stdout
    results = tmp_path / "run/results" / similarity_folder.name
    for name in ("scores_rsa_pearson", "scores_rsa_spearman", "nodes_rsa_spearman", "trajectory_rsa_spearman"):
        assert (results / f"figures/{name}.png").stat().st_size > 10_000
    best = read_table("best_layers", results / "tables/best_layers.parquet")
    assert set(best.selection) == {"given"}
    assert set(best.method) == {"rsa_pearson", "rsa_pearson_strict", "rsa_spearman"}
    page = (results / "report.html").read_text()
    table = page.split("<caption>Scores at every site, RSA, Pearson</caption>", 1)[1].split("<tbody>", 1)[0]
    assert re.findall(r"<th scope=col>([^<]*)", table) == ["network", "VISp 2/3", "VISp 4", "VISl", "mean"]
    for site in best[(best.model == "pixels") & (best.method == "rsa_pearson")].itertuples():
        assert f"<td>{site.score:.3f}<" in page
    models = read_table("models", results / "tables/models.parquet").set_index("model")
    assert models.weights_key.to_dict() == {"average": "state_dict_ema", "early": "early", "before": "", "pixels": ""}
    assert "are distributed as random ones: after &lt;1 epoch.\n</p>" in page or "after &lt;1 epoch.</p>" in page
    network.load_state_dict(state)
    assert models.weights_sha256["average"] == weights_sha256(network)
