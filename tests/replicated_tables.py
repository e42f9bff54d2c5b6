"""Tables of a made-up run whose numbers are known: 12 architectures, trained and random, encoders and baselines."""

import json

import pandas as pd
import yaml

AREAS = ["VISp", "VISl"]
CONFIG = {
    "dataset": "allen",
    "layers": "all",
    "projection": {"eps": 0.1},
    "models": {"groups": ["imagenet", "random", "baselines"], "exclude": []},
}
N_IMAGES = 119
TASKS = {"Semantic": ["a_encoder", "b_encoder"], "2D": ["c_encoder", "d_encoder"]}
# mean scores over areas by rsa_pearson; by ridge_srp, tasks stand in the opposite order
TRAINED = {f"net{k}": 0.30 + 0.01 * k for k in range(12)}
RANDOM = {f"net{k}": 0.20 + 0.005 * k for k in range(1, 12)} | {"net0": 0.31}  # net0 alone scores higher without training
BY_TASK = {"a_encoder": 0.4, "b_encoder": 0.3, "c_encoder": 0.2, "d_encoder": 0.1}
BASELINES = {"gabor": 0.305, "noise": 0.0}
DEPTHS = {f"net{k}": (k + 1) / 20 for k in range(12)}


def _network(model, source, name, weights, score, **more):
    known = {"group": "imagenet", "family": "", "task": "", "task_cluster": "", "stimulus_set": "original", "seed": None}
    known |= {"input": json.dumps({"size": 224}), "n_layers": 18, "n_features": 1000, "depth": 0.5}
    return known | {"model": model, "source": source, "name": name, "weights": weights, "score": score} | more


def networks() -> pd.DataFrame:
    """Return the table `models`, with the columns score and depth besides."""
    task = "Object classification"
    rows = [_network(f"{n}-t", "timm", f"{n}.tag", "tag", s, task=task, depth=DEPTHS[n]) for n, s in TRAINED.items()]
    # two seeds, whose mean is the score
    for seed, off in ((0, 0.02), (1, -0.02)):
        at = {"group": "random", "seed": seed, "depth": 0.9}
        rows += [_network(f"{n}-random{seed}", "timm", f"{n}.tag", "random", s + off, **at) for n, s in RANDOM.items()]
    for cluster, names in TASKS.items():
        at = {"group": "taskonomy", "task_cluster": cluster, "task": "x"}
        rows += [_network(name, "taskonomy", "encoder", name, BY_TASK[name], **at) for name in names]
    rows += [_network(name, "baseline", name, "none", s, group="baselines") for name, s in BASELINES.items()]
    # what sees other images has no part in any target
    rows += [_network("net0-blurred", "timm", "net0.tag", "tag", 9.0, task=task, depth=1.0, stimulus_set="mouse")]
    return pd.DataFrame(rows)


def made_up_run() -> dict[str, pd.DataFrame]:
    """Return the tables that the score of a replication reads; tests change copies of them."""
    known = networks()
    best, scores = [], []
    for method in ("rsa_pearson", "ridge_srp"):
        for row in known.to_dict("records"):
            value = row["score"] if method == "rsa_pearson" or row["source"] != "taskonomy" else 0.5 - row["score"]
            for area, off in zip(AREAS, (0.1, -0.1), strict=True):
                at = {"method": method, "model": row["model"], "area": area, "differs": ""}
                best.append(at | {"cortical_layer": "all", "score": value + off, "layer_depth": row["depth"] + off})
                best.append(at | {"cortical_layer": "4", "score": 7.0, "layer_depth": 7.0})
                scores += [at | {"cortical_layer": "all", "score": s} for s in (-0.06, -0.02) if row["model"] == "noise"]
    config = yaml.safe_dump(CONFIG)
    facts = {"name": "allen", "title": "allen", "kind": "responses", "areas": ", ".join(AREAS), "config": config}
    return {
        "run": pd.DataFrame(facts.items(), columns=["key", "value"]),
        "methods": pd.DataFrame({"method": ["rsa_pearson", "ridge_srp"]}),
        "models": known.drop(columns=["score", "depth"]),
        "stimuli": pd.DataFrame({"stimulus": [f"s{k}" for k in range(N_IMAGES)]}),
        "scores": pd.DataFrame(scores),
        "best_layers": pd.DataFrame(best),
        "selection_counts": counts(),
        "ceilings": ceilings(),
        "site_similarity": similarity(),
        "published_rdms": pd.DataFrame(
            [("paper", "VISp", "4", 0.995, 200), ("paper", "VISl", "4", 0.5, 20)],
            columns=["selection", "area", "cortical_layer", "r", "n_neurons"],
        ),
    }


def counts() -> pd.DataFrame:
    """Return counts in which the filters running and reliable, by Spearman-Brown, agree with most published numbers."""
    columns = [
        "selection",
        "excitatory",
        "running",
        "responsive",
        "reliable",
        "area",
        "cortical_layer",
        "n_neurons",
        "at_least",
        "at_most",
        "agrees",
    ]
    sb, rows = "spearman-brown", []
    for running, reliable, whole, site in ((True, sb, 70, 18), (False, sb, 80, 18), (True, "plain", 40, 9)):
        rows += [
            ("paper", False, running, False, reliable, "all", "all", whole, 70, 70, whole == 70),
            ("paper", False, running, False, reliable, "VISp", "6", site, 18, 18, site == 18),
        ]
    for excitatory, n in ((False, 110), (True, 101)):
        rows.append(("paper", excitatory, False, False, "", "all", "all", n, 100, 100, False))
    rows.append(("strict", False, False, False, sb, "VISp", "6", 99, 18, 18, False))
    return pd.DataFrame(rows, columns=columns)


def ceilings() -> pd.DataFrame:
    """Return split-half reliabilities of sites, of whole areas, of single neurons, and of another selection."""
    columns = ["selection", "area", "cortical_layer", "neuron", "target", "split_half_r", "n_neurons"]
    rows = [
        ("paper", "VISp", "4", None, "rdm", 0.92, 130),
        ("paper", "VISl", "4", None, "rdm", 0.6, 60),
        ("paper", "VISp", "all", None, "rdm", 0.99, 300),
        ("paper", "VISp", "4", None, "rdm_zscored", 0.1, 130),
        ("paper", "VISp", "4", "n1", "responses", 0.3, 1),
        ("strict", "VISp", "4", None, "rdm", 0.2, 130),
    ]
    return pd.DataFrame(rows, columns=columns)


def similarity() -> pd.DataFrame:
    """Return how alike three sites are."""
    columns = ["area", "cortical_layer", "other_area", "other_cortical_layer", "r", "n_neurons", "other_n_neurons"]
    rows = [
        ("VISp", "4", "VISl", "4", 0.6, 100, 50),
        ("VISp", "4", "VISrl", "5", 0.05, 100, 4),
        ("VISl", "4", "VISrl", "5", 0.09, 50, 4),
    ]
    return pd.DataFrame(rows, columns=columns).assign(selection="paper")
