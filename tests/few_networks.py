"""Tables of a run of a few networks of every kind, with scores whose digits tell where they belong."""

import numpy as np
import pandas as pd
from example_tables import completed
from run_facts import empty, tables_of

AREAS = ["VISp", "VISl"]
METHODS = {"first": {"label": "First"}, "second": {"label": "Second", "family": "ridge", "target": "responses"}}
CLASSES = "Object classification"
LINES = [  # model, group, family, architecture, task, cluster, source, name, weights
    ("pixels", "baselines", "Baseline", "None", "", "", "baseline", "pixels", "none"),
    ("noise0", "baselines", "Baseline", "None", "", "", "baseline", "noise", "random"),
    ("a-random0", "random", "A", "Convolutional", "", "", "torchvision", "a", "random"),
    ("a-random1", "random", "A", "Convolutional", "", "", "torchvision", "a", "random"),
    ("a", "imagenet", "A", "Convolutional", CLASSES, "", "torchvision", "a", "V1"),
    ("b-random0", "random", "B", "Transformer", "", "", "timm", "b.tag", "random"),
    ("b", "imagenet", "B", "Transformer", CLASSES, "", "timm", "b.tag", "tag"),
    ("a-self", "selfsupervised", "A", "Convolutional", "SimCLR", "", "vissl", "a", "https://a"),
    ("c-self", "selfsupervised", "C", "Convolutional", "SimCLR", "", "dino", "c", "https://c"),
    ("t-random0", "taskonomy", "T", "Convolutional", "", "Random", "taskonomy", "random", "random"),
    ("t-depth", "taskonomy", "T", "Convolutional", "Depth", "3D", "taskonomy", "depth", "https://d"),
    ("t-shading", "taskonomy", "T", "Convolutional", "Shading", "3D", "taskonomy", "shading", "https://s"),
    ("t-scenes", "taskonomy", "T", "Convolutional", "Scenes", "Semantic", "taskonomy", "scenes", "https://x"),
    ("mouse-0", "mousenet", "MouseNet", "Convolutional", "", "", "mousenet", "paper", "trained:run@0"),
    ("mouse-1", "mousenet", "MouseNet", "Convolutional", "", "", "mousenet", "paper", "trained:run"),
]
NAMES = ["model", "group", "family", "architecture", "task", "task_cluster", "source", "name", "weights"]
PLACES = {model: k for k, (model, *_) in enumerate(LINES)}


def score_of(model, area=None, method="first"):
    """A score whose digits tell where it belongs; of the mean over areas without an area."""
    place = np.mean(range(len(AREAS))) if area is None else AREAS.index(area)
    return 0.01 * (PLACES[model] + 1) + 0.001 * place + 1.0 * (method == "second")


def planted(models=tuple(PLACES), methods=METHODS, layers=("all",), statistics=("mean_over_animals", "pooled"), **more):
    """Tables of a run of some models; pooled scores are 5 higher than means over animals."""
    table = pd.DataFrame(LINES, columns=NAMES).assign(stimulus_set="original", imagenet_top1=np.nan)
    table = table.assign(display_name=table.model.str.upper(), n_parameters=10 ** (1 + table.index), n_features=100)
    table["seed"] = pd.to_numeric(table.model.str.extract(r"(\d)$")[0]).where(table.weights == "random")
    rows = [
        {"method": method, "model": model, "area": area, "cortical_layer": layer, "statistic": statistic}
        | {"estimate": score_of(model, area, method) + 5 * (statistic == "pooled") + 0.1 * k}
        for method in methods
        for model in models
        for area in AREAS
        for k, layer in enumerate(layers)
        for statistic in statistics
    ]
    intervals = pd.DataFrame(rows).assign(over="images")
    intervals = intervals.assign(low=intervals.estimate - 0.002, high=intervals.estimate + 0.003)
    found = empty("comparisons", "agreement", "ceilings", "seed_spread", "best_layers")
    found |= {"models": table[table.model.isin(models)], "intervals": intervals}
    found |= {name: completed(name, pd.DataFrame(lines)) for name, lines in more.items()}
    found |= {name: completed(name, found[name]) for name in ("models", "intervals")}
    return tables_of(AREAS, methods, **found)


def answered(contrast, **line):
    """A row of the table `comparisons` with an estimate."""
    row = {"contrast": contrast, "question": "?", "kind": "pairs", "method": "first", "area": "all", "cortical_layer": "all"}
    row |= {"first": "these", "second": "those", "estimate": 0.5, "low": 0.4, "high": 0.7, "q": 0.01, "unit": "family"}
    return row | {"n_units": 6, "n_pairs": 7, "n_models": 14, "verdict": "positive"} | line
