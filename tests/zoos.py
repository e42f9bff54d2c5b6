"""Made-up zoos of networks, and their resampled scores; and the tables of a whole run of such a zoo."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from example_tables import ceilings, completed, judged, layer_choices

from dormouse.columns import TABLES
from dormouse.inference.agreement import measure_agreement
from dormouse.inference.comparison import intervals, permutation_tests, seed_spread
from dormouse.inference.contrasts import list_contrasts, with_attributes
from dormouse.inference.layer_choice import CONDITION
from dormouse.inference.questions import EVERYWHERE, Scored, answer
from dormouse.inference.resampled import OF_SITE, Resamples, at_each_site, mean_of
from dormouse.inference.wording import sentences
from dormouse.methods.table import by_family, list_methods, set_side_by_side
from dormouse.run.description import method_table, run_table
from dormouse.tables import WHOLE, whole_areas
from dormouse.written import read_yaml

ROOT = Path(__file__).parents[1]
AREAS = ("VISp", "VISl", "VISal", "VISpm", "VISam", "VISrl")
GROUPS = ("imagenet", "random", "taskonomy", "selfsupervised", "baselines", "mousenet")
N_BOOT = 60
BASELINE = {"group": "baselines", "family": "Baseline", "architecture": "None", "source": "baseline", "weights": "none"}
MOUSENET = {"group": "mousenet", "family": "MouseNet", "architecture": "Convolutional", "source": "mousenet", "name": "paper"}
MORE = [  # networks that resources/models.tsv does not have
    BASELINE | {"model": "gist", "name": "gist", "display_name": "Gist"},
    BASELINE | {"model": "fourier", "name": "fourier", "display_name": "Random Fourier features"},
    MOUSENET | {"model": "mousenet-0", "display_name": "MouseNet before digits", "weights": "trained:digits@0"},
    MOUSENET | {"model": "mousenet-1", "display_name": "MouseNet, digits, 1 epoch", "weights": "trained:digits@1"},
    MOUSENET | {"model": "mousenet-8", "display_name": "MouseNet, digits, 8 epochs", "weights": "trained:digits"},
]
FACTS = {"name": "made-up", "title": "Made up", "kind": "responses", "description": "Scores by chance.", "citation": ""}
FACTS |= {"simulated": "", "left_out": ""}
LEVELS = {  # scores by kind of network, and their standard deviation over families and networks
    "rsa": {"trained": 0.36, "random": 0.24, "pixels": 0.12, "gabor": 0.2, "gist": 0.25, "noise": 0.0, "fourier": 0.01}
    | {"2D": 0.25, "3D": 0.28, "Geometric": 0.27, "Semantic": 0.35, "Other": 0.26, "Random": 0.22, "sd": 0.02},
    "ridge": {"trained": 0.17, "random": 0.155, "pixels": 0.05, "gabor": 0.07, "gist": 0.06, "noise": 0.0, "fourier": -0.01}
    | {"2D": 0.18, "3D": 0.165, "Geometric": 0.16, "Semantic": 0.16, "Other": 0.17, "Random": 0.15, "sd": 0.01},
}
TRAINING = {
    "kind": "pairs",
    "first": {"label": "trained", "where": {"state": "trained"}},
    "second": {"label": "random", "where": {"state": "random"}},
    "pair_by": ["source", "network"],
    "unit": "family",
}


def zoo(n_families: int = 8, seed: int = 0) -> pd.DataFrame:
    """Return the table of models: families of one to three networks, each trained once and random with two seeds."""
    rng, rows = np.random.default_rng(seed), []
    for family in range(n_families):
        for network in range(1 + family % 3):
            name = f"net{family}{network}"
            labels = {"family": f"f{family}", "architecture": "AB"[family % 2], "source": "timm", "name": f"{name}.tag"}
            labels |= {
                "task": "",
                "group": "added",
                "stimulus_set": "original",
                "n_parameters": int(10 ** rng.uniform(6, 8)),
                "n_features": 10,
            }
            labels |= {
                "task_cluster": "",
                "stimulus_set": "original",
                "imagenet_top1": 70.0,
                "training_data": "",
                "method": "rsa",
            }
            rows += [labels | {"model": name, "weights": "in1k"}]
            rows += [labels | {"model": f"{name}-random{seed}", "weights": "random", "name": name} for seed in range(2)]
    return with_attributes(pd.DataFrame(rows))


def resamples(n: int, seed: int = 0, n_boot: int = 400, **sd: float) -> Resamples:
    """Return scores of n models, with noise of animals and images that they share in part."""
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(0, 0.02, (n_boot, n)) + rng.normal(0, 0.02, (n_boot, 1)) for _ in range(2)]
    counts = np.full(n, 6), np.full(n, 118), np.zeros(n, bool)
    return Resamples("mean_over_animals", rng.uniform(0, 0.5, n), drawn[0] + drawn[1], tuple(drawn), *counts)


@cache
def made_up_run(
    n_models: int = 60,
    areas: tuple[str, ...] = AREAS[:2],
    seed: int = 0,
    groups: tuple[str, ...] = GROUPS,
    cortical_layers: tuple[str, ...] = (WHOLE, "4"),
    n_animals: int = 6,
    presets: tuple[str, ...] = ("paper", "strict"),
) -> dict[str, pd.DataFrame]:
    """Return the tables of a run that never was, by name, for what reads tables alone.

    Networks are those of resources/models.tsv, spread over their groups, and `MORE`. By RSA, training adds much to scores, by
    regression little. Intervals, ranks, tests, answers and agreement follow from the scores by the functions of inference.

    Parameters
    ----------
    n_models : in all of models.tsv there are 235; each group has one at least
    groups : of models.tsv that are there
    cortical_layers : of every area; without "all", areas are there in parts
    n_animals : fewer than three, and there are no means over animals
    presets : of methods; all there are, with all areas and networks, take a minute or two
    """
    rng, known = np.random.default_rng(seed), read_yaml(ROOT / "resources/methods.yaml")
    config = read_yaml(ROOT / "config.yaml")
    config |= {"dataset": "made-up", "areas": list(areas)}
    config["methods"]["run"] = list(presets)
    methods = list_methods(known, config, "responses")
    models = with_attributes(_models(n_models, groups, rng))
    sites = pd.DataFrame(product(areas, cortical_layers), columns=["area", "cortical_layer"])
    arrays, scores = {}, []
    for family, rows in by_family(methods).items():
        of_family = pd.DataFrame.from_dict(rows, orient="index")[["selection", "choice"]].rename_axis("method").reset_index()
        of_family = of_family.merge(sites, how="cross")
        truth = _truth(models, LEVELS[family], of_family, rng)
        scores.append(_layers(models, of_family, truth, rng))
        arrays[family] = _arrays(truth, of_family, n_animals, rng)
    layers = pd.concat(scores, ignore_index=True)
    best = layers.loc[layers.groupby(CONDITION, sort=False).score.idxmax()]
    tables = {
        "run": run_table(FACTS | {"areas": list(areas)}, config),
        "methods": method_table(methods, known["presets"], set_side_by_side(methods, [])),
        "models": models,
        "scores": layers,
        "best_layers": best,
        "layer_choices": layer_choices(best[best.cortical_layer == cortical_layers[0]]),
        "ceilings": ceilings(methods, sites),
    }
    tables |= _compared(arrays, models, best, methods, n_animals) | judged(best, methods, areas, rng)
    return {name: completed(name, table) for name, table in tables.items()}


def _models(n_models: int, groups: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return the table of models: of each group as many as is its share; three random networks have three seeds."""
    table = pd.read_csv(ROOT / "resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
    table = pd.concat([table, pd.DataFrame(MORE)], ignore_index=True).fillna("")
    table = table[table.group.isin(groups)]
    share = min(1, n_models / len(table))
    kept = [
        own.iloc[np.linspace(0, len(own) - 1, max(1, round(share * len(own)))).astype(int)]
        for _, own in table.groupby("group", sort=False)
    ]
    first = pd.concat(kept, ignore_index=True)
    random = first.weights == "random"
    again = [first[first.group == "random"].iloc[1:4].assign(seed=seed) for seed in (1, 2)]
    models = pd.concat([first.assign(seed=np.where(random, 0, np.nan)), *again], ignore_index=True)
    seeded = models.seed.map(lambda seed: "" if np.isnan(seed) else f"{seed:.0f}")
    return models.assign(
        model=models.model + seeded,
        display_name=models.display_name + (" " + seeded).where(models.seed > 0, ""),
        imagenet_top1=pd.to_numeric(models.imagenet_top1),
        n_parameters=pd.to_numeric(models.n_parameters).fillna(4.5e6).astype(int),
        n_features=(10 ** rng.uniform(5.5, 7.5, len(models))).astype(int),
        n_layers=rng.integers(20, 300, len(models)),
        stimulus_set="original",
    ).drop(columns=set(models) - set(TABLES["models"]))


def _truth(models: pd.DataFrame, levels: Mapping, sites: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return scores (n_models, n_sites): of a network's kind, its family, itself, and each method, times that of the area."""
    kind = models.task_cluster.where(models.task_cluster != "", models.state.where(models.source != "baseline", models.name))
    family, network = (
        models[column].map(dict(zip(models[column].unique(), rng.normal(0, levels["sd"], len(models)), strict=False)))
        for column in ("family", "network")
    )
    quality = kind.map(levels).fillna(levels["trained"]) + (family + network).where(models.source != "baseline", 0)
    quality = quality.to_numpy() + rng.normal(0, levels["sd"] / 2, len(models)) * (models.name != "noise").to_numpy()
    of_method = rng.normal(1, 0.05, (len(models), sites.method.nunique()))[:, pd.factorize(sites.method)[0]]
    of_area = np.linspace(1.15, 0.8, sites.area.nunique())[pd.factorize(sites.area)[0]]
    of_layer = np.where(sites.cortical_layer == WHOLE, 1, rng.uniform(0.6, 0.9, len(sites)))
    own = rng.normal(1, 0.07, (len(models), sites.area.nunique()))[:, pd.factorize(sites.area)[0]]
    return quality[:, None] * of_method * of_area * of_layer * own


def _layers(models: pd.DataFrame, sites: pd.DataFrame, truth: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table of scores: four layers of each network, of which that at a third of its depth is best in most."""
    depth = np.array([0.1, 0.35, 0.6, 1.0])
    index = np.ceil(depth * models.n_layers.to_numpy()[:, None]).astype(int)
    peak = rng.choice(depth, p=[0.2, 0.5, 0.2, 0.1], size=truth.shape)
    shares = 1 - np.abs(depth - peak[..., None]) ** 1.5
    shape = (*truth.shape, len(depth))
    model, site, layer = (part.ravel() for part in np.indices(shape))
    layers = pd.DataFrame(
        {"layer_index": index[model, layer], "layer_depth": depth[layer], "score": (truth[..., None] * shares).ravel()}
    )
    layers["layer"] = [f"Conv2d-{k}" for k in layers.layer_index]
    dimension = rng.uniform(2, 60, (len(models), len(depth)))[model, layer]
    layers = layers.assign(model=models.model.to_numpy()[model], block=layers.layer, block_depth=layers.layer_depth)
    layers = layers.assign(
        path=layers.layer, n_features=1000, effective_dimension=dimension, n_neurons=100, site_dimension=10.0
    )
    layers = layers.assign(corrected=layers.score / 0.9, corrected_by="r / sqrt(reliability)")
    return pd.concat([layers, sites.iloc[site].reset_index(drop=True)], axis=1)


def _arrays(truth: np.ndarray, sites: pd.DataFrame, n_animals: int, rng: np.random.Generator) -> list[dict]:
    """Return for each model what `assessment.assess` gives: resamples whose noise models share in part, and permutations."""
    n, n_sites = truth.shape

    def drawn(sd: float) -> np.ndarray:
        shared = rng.normal(0, sd, (N_BOOT, 1, n_sites)) * truth / truth.mean()
        return shared + rng.normal(0, sd / 3, (N_BOOT, n, n_sites))

    animals, images, null = drawn(0.02), drawn(0.015), rng.normal(0, 0.015, (N_BOOT, n, n_sites))
    places = {key: sites[key].to_numpy(str) for key in OF_SITE}
    numbers = {"n_animals": np.full(n_sites, n_animals), "n_images": np.full(n_sites, 118), "halved": np.zeros(n_sites, bool)}
    return [
        places
        | numbers
        | {"pooled": truth[k] + 0.02, "of_pooled": truth[k] + 0.02 + images[:, k], "mean": truth[k]}
        | {"of_both": truth[k] + (animals + images)[:, k], "of_animals": truth[k] + animals[:, k]}
        | {"of_images": truth[k] + images[:, k], "best": np.concatenate([truth[k][None], null[:, k]])}
        | {f"tested_{key}": value for key, value in (places | {"n_neurons": np.full(n_sites, 50)}).items()}
        for k in range(n)
    ]


def _compared(arrays: Mapping, models: pd.DataFrame, best: pd.DataFrame, methods: Mapping, n_animals: int) -> dict:
    """Return the tables that follow from resamples."""
    names, labels = list(models.model), {name: row["label"] for name, row in methods.items()}
    networks = (models.source + ":" + models.name)[models.weights == "random"]
    found = {"intervals": [intervals(parts, names) for parts in arrays.values()]}
    found["permutation_tests"] = [permutation_tests(parts, names) for parts in arrays.values()]
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    tables["seed_spread"] = seed_spread(tables["intervals"], dict(zip(models.model[networks.index], networks, strict=True)))
    of_layer = best.drop_duplicates(CONDITION)[[*CONDITION, "layer", "choice"]]
    tables["intervals"] = tables["intervals"].merge(of_layer, on=CONDITION, how="left")
    scored = [
        Scored(place, [names[k] for k in own], parts) for given in arrays.values() for place, own, parts in at_each_site(given)
    ]
    shown = whole_areas(pd.DataFrame([part.place for part in scored])).index
    scored = [scored[k] for k in shown]
    for method in methods:
        own = [part for part in scored if part.place["method"] == method]
        means = [mean_of(same) for same in zip(*(part.statistics for part in own), strict=True)]
        scored += [Scored(own[0].place | EVERYWHERE, names, means)] * (len(own) > 1)
    rows = list_contrasts(read_yaml(ROOT / "resources/contrasts.yaml"), {"contrasts": {"add": {}, "exclude": []}})
    comparisons = answer(rows, scored, models, best, methods)
    whole = best[best.cortical_layer == WHOLE]
    animals = [whole.assign(animal=f"mouse{k}", score=whole.score * (0.9 + 0.05 * k)) for k in range(n_animals)]
    animals = pd.concat(animals) if animals else whole[:0].assign(animal="")
    agreement = measure_agreement(scored, animals, models, n_halves=4, seed=0)
    return tables | {
        "comparisons": comparisons.assign(sentence=sentences(comparisons, labels)),
        "agreement": agreement,
        "animal_scores": animals,
    }
