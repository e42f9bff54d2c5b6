"""The tables of a small run that the report reads: four networks, two areas, two methods, each number planted."""

from itertools import product

import numpy as np
import pandas as pd
from example_tables import completed
from run_facts import tables_of

from dormouse.paper.report import SHOWN
from dormouse.tables import read_tables

AREAS = ("VISp", "VISl")
METHODS = {
    "rsa_mine": {"family": "rsa", "label": "RSA", "axis": "r", "description": "Similarity of RDMs.", "kernels": ["centred"]},
    "ridge_mine": {"family": "ridge", "label": "Ridge", "axis": "r", "description": "Predictions.", "kernels": ["srp"]}
    | {"target": "responses", "choice": "other_images"},
}
NAMES = {"alexnet-in1k": "AlexNet", "resnet18-in1k": "ResNet18", "resnet18-random0": "ResNet18 (random)", "pixels": "<Pixels>"}
QUALITY = dict(zip(NAMES, (0.4, 0.3, 0.2, 0.1), strict=True))
DEPTHS = np.linspace(0.01, 1, 100)


def models() -> pd.DataFrame:
    table = pd.DataFrame({"model": list(NAMES), "display_name": list(NAMES.values())})
    return table.assign(
        group=["imagenet", "imagenet", "random", "baselines"],
        family=["AlexNet", "ResNet", "ResNet", "Baseline"],
        architecture=["Convolutional"] * 3 + ["None"],
        task=["Object classification"] * 2 + [""] * 2,
        training_data=["ImageNet-1k"] * 2 + [""] * 2,
        source=["torchvision", "timm", "timm", "baseline"],
        name=["alexnet", "resnet18", "resnet18", "pixels"],
        weights=["IMAGENET1K_V1", "in1k", "random", "none"],
        weights_sha256=[f"{k}" * 64 for k in range(4)],
        fingerprint="[[0.5, 0.25]]",
        seed=[np.nan, np.nan, 0, np.nan],
        n_layers=100,
        n_parameters=[60_000_000, 11_000_000, 11_000_000, 0],
        trained_share=[0.9, 0.1, np.nan, np.nan],
        versions='{"torch": "2.13.0"}',
    )


def scores() -> pd.DataFrame:
    """Return scores of a hundred layers of each network: best at a third of its depth."""
    rows = pd.DataFrame(product(METHODS, NAMES, AREAS, range(1, 101)), columns=["method", "model", "area", "layer_index"])
    rows = rows.assign(cortical_layer="all", selection="paper", layer_depth=rows.layer_index / 100)
    rows["layer"] = [f"Conv2d-{k}" for k in rows.layer_index]
    return rows.assign(score=rows.model.map(QUALITY) - (rows.layer_depth - 0.3) ** 2 + 0.01 * (rows.area == "VISp"))


def small_run(name: str = "mice", **changed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the tables of `SHOWN`; those that are not made up here have no rows."""
    layers = scores()
    best = layers[layers.layer_index == 30].assign(choice="same_data")
    sites = best[["method", "model", "area", "cortical_layer", "selection", "layer", "score"]].reset_index(drop=True)
    ranked = sites.assign(rank=sites.groupby(["method", "area"]).score.rank(ascending=False))
    pairs = sites.merge(sites, on=["method", "area", "cortical_layer", "selection"], suffixes=("", "_other"))
    pairs = pairs[pairs.model < pairs.model_other].rename(columns={"model_other": "other"})
    over = {"statistic": "mean_over_animals", "over": "animals and images"}
    tables = tables_of(list(AREAS), METHODS) | {
        "models": models(),
        "scores": layers,
        "best_layers": best,
        "intervals": ranked.assign(**over, estimate=ranked.score, low=ranked.score - 0.05, high=ranked.score + 0.05)
        .assign(rank_low=ranked["rank"], rank_high=ranked["rank"] + 1, n_animals=6, n_images=118)
        .astype({"rank": int}),
        "differences": pairs.assign(**over, difference=pairs.score - pairs.score_other, q=0.01),
        "animal_scores": pd.concat([sites.assign(animal=f"mouse{k}") for k in range(6)]),
        "permutation_tests": sites.assign(q=np.where(sites.model == "pixels", 0.4, 0.001), n_permutations=999),
        "layer_choices": sites.assign(choice="other_images", optimism=0.02, selection_loss=-0.01),
        "seed_spread": sites[:2].assign(network="timm:resnet18", n_seeds=3, mean=0.2, sd=0.01, lowest=0.19, highest=0.21),
        "null_check": sites[:2].assign(score=[0.01, -0.07], null_sd=0.02, z=[0.5, -3.5], largest_z=3.5, p=0.02, passed=True),
        "neurons": pd.DataFrame(
            {
                "neuron": list("abc"),
                "area": "VISp",
                "selection": "paper",
                "kept": [True, True, False],
                "reason": ["", "", "dim"],
            }
        ),
        "ceilings": sites.drop_duplicates("area").assign(target="rdm", ceiling=0.9, estimator="halves", n_neurons=2),
        "recovery": pd.DataFrame(
            {"method": "rsa_mine", "model": list("abcd") * 2, "recovered": list("abcdabaa"), "n_models": 4}
        ),
        "power": pd.DataFrame({"method": "rsa_mine", "own": True, "smallest": [0.04], "over": "animals and images"}),
        "agreement": pd.DataFrame({"method": "rsa_mine", "varies": "animals", "rho": [0.8], "n_networks": 6}),
        "specificity": pd.DataFrame({"method": "rsa_mine", "area": AREAS, "low": [0.1, -0.1]}),
        "comparisons": comparisons(),
        "replication": replication(),
        "jobs": pd.DataFrame({"job": ["score_rdms a", "score_rdms b"], "seconds": [20.0, 3.0], "peak_mib": [500.0, 400.0]}),
    }
    run = tables["run"]
    tables["run"] = run.assign(value=run.value.mask(run.key == "name", name))
    known = {table: completed(table, rows) for table, rows in (tables | changed).items()}
    return {table: known.get(table, read_tables(table, [])) for table in SHOWN}


def comparisons() -> pd.DataFrame:
    """Return an answer of each kind: one way and the other, open, too few networks, not run."""
    common = {
        "first": "",
        "second": "",
        "method": "rsa_mine",
        "area": "all",
        "cortical_layer": "all",
        "statistic": "mean_over_animals",
    }
    common |= {
        "over": "networks, animals and images",
        "unit": "family",
        "n_units": 9,
        "n_pairs": 9,
        "n_animals": 6,
        "n_images": 118,
    }
    pairs = common | {"kind": "pairs", "question": "Does training matter?", "first": "trained", "second": "random twins"}
    more = common | {"kind": "covariates", "question": "Does size matter?", "first": "n_parameters", "n_pairs": None}
    alike = common | {"kind": "agreement", "question": "Do methods agree?", "first": "RSA", "second": "Ridge", "n_pairs": None}
    found = {"low": 0.1, "high": 0.3, "q": 0.001}
    return pd.DataFrame(
        [
            pairs | found | {"estimate": 0.2, "verdict": "positive"},
            pairs | found | {"estimate": 0.15, "verdict": "positive", "area": "VISp"},
            more | {"estimate": -0.02, "low": -0.05, "high": 0.01, "q": 0.3, "verdict": "undecided", "detectable": 0.08},
            alike | found | {"estimate": 0.7, "verdict": "positive"},
            common
            | {"kind": "groups", "question": "Which architecture?", "verdict": "too few networks"}
            | {"first": "Convolutional", "second": "Transformer", "n_units": 1},
            common | {"kind": "pairs", "question": "Does running matter?", "verdict": "not run", "method": "rsa_running"},
        ]
    )


def replication() -> pd.DataFrame:
    rows = [
        ("H1", "hard", "Columns of the projection.", "4096", "4096", 4096, 4096, 4096, "agrees", ""),
        ("H2", "hard", "Reliable neurons.", "6619", "2", 2, 6553, 6685, "differs", "other recordings"),
        ("S1", "soft", "Trained above random, Hedges g.", "2.36", "", None, None, None, "not run", "it takes five pairs"),
    ]
    columns = ["target", "kind", "statement", "expected", "found", "value", "low", "high", "verdict", "because"]
    return pd.DataFrame(rows, columns=columns).assign(source="a paper")
