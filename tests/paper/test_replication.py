"""Every measure finds the number that was planted, tells another one, and says what a run has too little for."""

import numpy as np
import pandas as pd
import pytest
import yaml
from replicated_tables import CONFIG, DEPTHS, RANDOM, TRAINED, made_up_run

from dormouse.columns import TABLES
from dormouse.paper.replication import MEASURES, replicate
from dormouse.tables import read_table, read_tables, write_table
from dormouse.targets import READ, list_targets
from dormouse.written import read_yaml

TIMM = {"source": "timm", "state": "trained"}
ALL = {"label": "trained networks", "where": TIMM}
UNTRAINED = {"label": "untrained ones", "where": {"source": "timm", "state": "random"}}
ENCODERS = {"label": "encoders", "where": {"source": "taskonomy"}}
SEMANTIC = {"label": "semantic encoders", "where": {"task_cluster": "Semantic"}}
NET3 = {"label": "net3", "where": {**TIMM, "network": "net3"}}
GABOR = {"label": "a Gabor bank", "where": {"name": "gabor"}}
PAIRS = {"method": "rsa_pearson", "first": ALL, "second": UNTRAINED, "fewest": 10}
SITE = {"area": "VISp", "cortical_layer": "4"}
DIFFERENCES = np.array([TRAINED[name] - RANDOM[name] for name in TRAINED])
G = DIFFERENCES.mean() / DIFFERENCES.std(ddof=1) * (1 - 3 / (4 * 11 - 1))
# measure, what of, the planted number
CASES = {
    "n_neurons": [
        ({"area": "all", "cortical_layer": "all", "reliable": True}, 70),
        ({"area": "VISp", "cortical_layer": "6", "reliable": True}, 18),
        ({"area": "VISp", "cortical_layer": "5", "reliable": True}, 0),
        ({"area": "all", "cortical_layer": "all", "reliable": False}, 101),
    ],
    "reliability_of_rdm": [(SITE, 0.92)],
    "highest_reliability": [({}, 0.92)],
    "site_similarity": [
        ({**SITE, "other_area": "VISl", "other_cortical_layer": "4"}, 0.6),
        ({"area": "VISl", "cortical_layer": "4", "other_area": "VISp", "other_cortical_layer": "4"}, 0.6),
    ],
    "highest_similarity": [({"area": "VISrl", "cortical_layer": "5"}, 0.09)],
    "published_rdm": [(SITE, 0.995)],
    "projection_columns": [({"method": "ridge_srp", "n_images": 119}, 4096)],
    "size_of_network": [
        ({"source": "timm", "network": "net3", "column": "n_layers", "input_px": 224}, 18),
        ({"source": "timm", "network": "net3", "column": "n_features", "input_px": 224, "state": "trained"}, 1000),
    ],
    "n_networks": [({"group": "imagenet", "source": "timm"}, 12), ({"group": "random", "source": ["timm", "x"]}, 12)],
    "share_of_pairs": [(PAIRS, 11 / 12)],
    "effect_of_pairs": [(PAIRS, G)],
    "rank": [({"method": "rsa_pearson", "ranked": NET3, "among": ALL, "fewest": 12}, 9)],
    "ranks_gained": [
        (
            {
                **{"method": "ridge_srp", "other_method": "rsa_pearson", "fewest": 4},
                **{"networks": SEMANTIC, "among": ENCODERS},
            },
            2.0,
        )
    ],
    "difference": [({"method": "rsa_pearson", "first": NET3, "second": GABOR}, TRAINED["net3"] - 0.305)],
    "mean_score": [({"method": "rsa_pearson", "networks": NET3}, TRAINED["net3"])],
    "median_depth": [({"method": "rsa_pearson", "networks": ALL}, np.median(list(DEPTHS.values())))],
    "share_above": [({"method": "rsa_pearson", "networks": ALL, "baseline": GABOR, "fewest": 12}, 11 / 12)],
    "score_of_noise": [({"method": "ridge_srp"}, -0.04)],
}


def change(tables, measure):
    """Change what a measure reads, so that it must find another number."""
    best, counts = tables["best_layers"], tables["selection_counts"]
    changes = {
        "n_neurons": ("selection_counts", {"n_neurons": counts.n_neurons + 5}),
        "reliability_of_rdm": ("ceilings", {"split_half_r": 0.5}),
        "highest_reliability": ("ceilings", {"split_half_r": 0.5}),
        "site_similarity": ("site_similarity", {"r": 0.3}),
        "highest_similarity": ("site_similarity", {"r": 0.3}),
        "published_rdm": ("published_rdms", {"r": 0.3}),
        "size_of_network": ("models", {"n_layers": 19, "n_features": 1001}),
        "n_networks": ("models", {"group": tables["models"].group.mask(tables["models"].name == "net3.tag", "other")}),
        "score_of_noise": ("scores", {"score": 0.1}),
        "median_depth": ("best_layers", {"layer_depth": best.layer_depth + 0.2}),
        # net3 becomes best of all when trained, and worst at random; a semantic encoder and the Gabor bank become worst, too
        "mean_score": ("best_layers", {"score": best.score.mask(best.model == "net3-t", 0.9)}),
    }
    up, down = best.model.isin(["net3-t"]), best.model.isin(["net3-random0", "net3-random1", "gabor", "net0-random0"])
    moved = best.score.mask(up, 0.9).mask(down, -0.5).mask((best.model == "a_encoder") & (best.method == "rsa_pearson"), -0.5)
    name, columns = changes.get(measure, ("best_layers", {"score": moved}))
    return tables | {name: tables[name].assign(**columns)}


def target(measure, of, low, high, data="any"):
    known = {"target": "S1", "kind": "soft", "statement": "a number", "source": "a test", "expected": "", "number": None}
    return known | {"measure": measure, "of": of, "low": low, "high": high, "data": data}


def verdict(measure, of, value, tables, **more):
    (row,) = replicate([target(measure, of, value - 1e-9, value + 1e-9, **more)], tables).to_dict("records")
    return row


def with_config(tables, **changes):
    """Return tables of a run of another configuration."""
    run = tables["run"].set_index("key").value.copy()
    run["config"] = yaml.safe_dump(CONFIG | changes)
    return tables | {"run": run.reset_index()}


@pytest.fixture
def tables():
    return made_up_run()


EACH = [(measure, of, value) for measure, cases in CASES.items() for of, value in cases]


def test_every_measure_is_tested():
    assert CASES.keys() == MEASURES.keys()


@pytest.mark.parametrize(("measure", "of", "value"), EACH)
def test_the_planted_number_is_found_and_agrees(tables, measure, of, value):
    row = verdict(measure, of, value, tables)
    assert row["value"] == pytest.approx(value, abs=1e-9)
    assert (row["verdict"], row["because"]) == ("agrees", "")
    assert row["found"]


@pytest.mark.parametrize(
    ("measure", "of", "value"),
    [case for case in EACH if case[0] != "projection_columns" and case[1].get("cortical_layer") != "5"],
)
def test_other_rows_of_the_tables_end_in_another_verdict(tables, measure, of, value):
    row = verdict(measure, of, value, change(tables, measure))
    assert row["verdict"] == "differs" and row["value"] != pytest.approx(value, abs=1e-6)


def test_the_projection_follows_the_configuration(tables):
    row = verdict(*EACH[[case[0] for case in EACH].index("projection_columns")], with_config(tables, projection={"eps": 0.2}))
    assert (row["verdict"], row["value"]) == ("differs", 1102)


@pytest.mark.parametrize(("measure", "of", "value"), EACH)
def test_a_run_without_the_data_says_what_is_missing(tables, measure, of, value):
    bare = {name: table if name in ("run", "models") else read_tables(name, []) for name, table in tables.items()}
    bare["models"] = bare["models"][bare["models"].model == "net0-blurred"]
    row = verdict(measure, of, value, with_config(bare, models={"groups": [], "exclude": []}))
    assert row["verdict"] == "not run" and np.isnan(row["value"]) and row["found"] == ""
    assert row["because"][0].islower() and row["because"].endswith(".")


@pytest.mark.parametrize(
    ("measure", "of", "changes", "told"),
    [
        ("share_of_pairs", {**PAIRS, "fewest": 13}, {}, "it takes 13 architectures"),
        ("rank", {"method": "rsa_pearson", "ranked": NET3, "among": ALL, "fewest": 13}, {}, "it takes 13 trained networks"),
        ("projection_columns", {"method": "ridge_srp", "n_images": 118}, {}, "for 118 images, and this run has 119"),
        ("size_of_network", CASES["size_of_network"][0][0] | {"input_px": 256}, {}, "of 224 pixels, not of 256"),
        ("size_of_network", CASES["size_of_network"][0][0], {"layers": "blocks"}, "`layers: blocks`"),
        (
            "n_networks",
            CASES["n_networks"][0][0],
            {"models": {"groups": ["imagenet"], "exclude": ["net3"]}},
            "leaves 1 networks",
        ),
        ("n_networks", CASES["n_networks"][0][0], {"models": {"groups": ["random"], "exclude": []}}, "group imagenet"),
        ("median_depth", {"method": "rsa_pearson_strict", "networks": ALL}, {}, "method rsa_pearson_strict"),
        ("n_neurons", {"area": "VISam", "cortical_layer": "4", "reliable": True}, {}, "the area VISam"),
        ("site_similarity", {**SITE, "other_area": "VISam", "other_cortical_layer": "4"}, {}, "VISam layer 4"),
    ],
)
def test_where_a_run_falls_short_the_sentence_names_it(tables, measure, of, changes, told):
    row = verdict(measure, of, 0.0, with_config(tables, **changes))
    assert row["verdict"] == "not run" and told in row["because"]


def test_networks_without_a_score_in_some_area_are_left_out(tables):
    best = tables["best_layers"]
    missing = best.score.mask((best.model == "net0-t") & (best.area == "VISl") & (best.cortical_layer == "all"))
    row = verdict("share_of_pairs", PAIRS, 1.0, tables | {"best_layers": best.assign(score=missing)})
    assert row["verdict"] == "agrees" and "11 of 11" in row["found"]


@pytest.mark.parametrize(
    ("data", "dataset", "kind", "is_run"),
    [
        ("allen", "allen", "responses", True),
        ("allen", "mine", "responses", False),
        ("allen", "mine", "similarity", False),
        ("matrices", "allen", "responses", True),
        ("matrices", "mine", "responses", False),
        ("matrices", "mine", "similarity", True),
        ("any", "mine", "responses", True),
        ("none", "mine", "responses", True),
    ],
)
def test_a_number_of_some_data_is_held_against_these_or_says_that_they_are_others(tables, data, dataset, kind, is_run):
    tables = with_config(tables, dataset=dataset)
    run = tables["run"].set_index("key")
    run.loc[["kind", "title"], "value"] = kind, "Mine"
    row = verdict("highest_reliability", {}, 0.92, tables | {"run": run.reset_index()}, data=data)
    assert (row["verdict"] == "agrees") == is_run
    assert ("dataset: allen" in row["because"]) == (not is_run)
    assert ("this run of Mine" in row["because"]) == (is_run and dataset != "allen" and data != "none")


def test_settings_that_differ_from_those_of_the_method_are_told(tables):
    best = tables["best_layers"].copy()
    best.loc[best.method == "ridge_srp", "differs"] = "projection.eps 0.2"
    tables["best_layers"] = best
    of = {"method": "rsa_pearson", "networks": NET3}
    assert "differ" not in verdict("mean_score", of, 0.33, tables)["because"]
    assert "projection.eps 0.2" in verdict("mean_score", {**of, "method": "ridge_srp"}, 0.33, tables)["because"]


def test_limits_may_be_open_and_count_as_inside(tables):
    of, value = {}, 0.92
    for low, high, expected in ((value, None, "agrees"), (None, value, "agrees"), (value + 1e-6, None, "differs")):
        assert replicate([target("highest_reliability", of, low, high)], tables).verdict.tolist() == [expected]


def test_all_targets_are_held_against_a_run_and_the_table_survives_writing(root, tables, tmp_path):
    targets = list_targets(read_yaml(root / "resources/targets.yaml"))
    assert {row["measure"] for row in targets} == MEASURES.keys()
    table = replicate(targets, tables)
    write_table("replication", table, tmp_path / "replication.parquet")
    read = read_table("replication", tmp_path / "replication.parquet")
    assert list(read.columns) == list(TABLES["replication"]) and len(read) == len(targets)
    assert set(read.verdict) == {"agrees", "differs", "not run"}
    assert (read.because != "").sum() >= (read.verdict == "not run").sum()
    assert set(tables) == set(READ)


@pytest.mark.real
def test_the_published_matrices_agree_with_the_correlations_that_were_computed_from_them(root, real, tables):
    from dormouse.neurons.site_similarity import compare_sites, read_published

    areas = ["VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl"]
    sites = read_published(real / "allen-2p-similarity/similarity.npz", areas)
    run = tables["run"].set_index("key")
    run.loc["kind", "value"] = "similarity"
    tables |= {"run": run.reset_index(), "site_similarity": compare_sites(sites)}
    tables = with_config(tables, dataset=str(real / "allen-2p-similarity"))
    targets = [row for row in list_targets(read_yaml(root / "resources/targets.yaml")) if row["target"] == "H7"]
    assert len(targets) == 13
    assert set(replicate(targets, tables).verdict) == {"agrees"}
    shuffled = tables["site_similarity"].assign(r=np.roll(tables["site_similarity"].r, 1))
    found = replicate(targets, tables | {"site_similarity": shuffled}).verdict
    assert (found == "differs").sum() >= 10


def test_numbers_are_columns_of_floats_even_where_nothing_is_run(tables):
    table = replicate([target("published_rdm", SITE, 0.9, None)], tables | {"published_rdms": pd.DataFrame()})
    assert table[["value", "low", "high"]].dtypes.eq(float).all() and table.verdict.tolist() == ["not run"]
