"""Tables of every name, with values of the right types."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa

from dormouse.columns import BOOL, FLOAT, INT, STRING, TABLES
from dormouse.tables import WHOLE, optional, schema

VALUES = {pa.string(): ["a", "b"], pa.float64(): [0.25, -1.5], pa.int64(): [1, 2], pa.bool_(): [True, False]}


def example(name):
    """Two rows of a table, with values of the right types."""
    return pd.DataFrame({column: VALUES[kind] for column, (kind, _) in TABLES[name].items()})


def judged(best: pd.DataFrame, methods: Mapping, areas: Sequence[str], rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Return the tables of what data can decide, of few numbers each."""
    places = [
        {"method": name, "selection": row["selection"], "area": area, "cortical_layer": WHOLE}
        for name, row in methods.items()
        for area in areas
    ]
    models = list(best.model.unique())
    power, curves, recovery, apart = [], [], [], []
    for place in places:
        for n, (images, own) in product((3, 6, 20), ((30, False), (118, True), (500, False))):
            smallest = 0.3 / np.sqrt(n * images / 10)
            at = {"n_animals": n, "n_images": images, "own": own and n == 6, "statistic": "mean_over_animals"}
            power.append(
                place
                | at
                | {
                    "over": "animals and images",
                    "smallest": smallest,
                    "lowest": smallest / 2,
                    "highest": 2 * smallest,
                    "n_pairs": 100,
                }
            )
        for axis, numbers in {"images": (15, 30, 60, 118), "neurons": (10, 30, 100, 300), "trials": (5, 10, 25, 50)}.items():
            for model, n in product(models[:: max(1, len(models) // 5)], numbers):
                mean, at = 0.3 * n / (n + numbers[0]), {"axis": axis, "n": n, "equal": axis == "neurons" and n == 100}
                curves.append(place | at | {"model": model, "layer": "Conv2d-1", "mean": mean, "sd": 0.02, "n_draws": 10})
        for share, (k, model) in product((0.1, 0.5, 1.0), enumerate(models[:: max(1, len(models) // 8)])):
            told = rng.uniform() < share
            names = {"model": model, "recovered": model if told else models[rng.integers(len(models))], "layer": "Conv2d-1"}
            depths = {"layer_depth": 0.4, "recovered_depth": 0.4 if told else rng.uniform(0, 1), "simulation": k}
            numbers = {"score": 0.5 * share, "best_score": 0.5 * share + 0.01, "n_models": len(models), "share": share}
            recovery.append(place | names | depths | numbers | {"recovered_layer": "Conv2d-1", "recovered_index": 1})
        apart += [place | {"share": share, "d_prime": 2 * share, "auc": 0.5 + share / 3} for share in (0.1, 0.5, 1.0)]
    specific = [
        place | {"same": 0.4, "other": 0.3, "specificity": 0.1, "low": 0.02, "high": 0.18, "p": 0.02, "n_animals": 6}
        for place in places
    ]
    lines = {
        "power": power,
        "learning_curves": curves,
        "recovery": recovery,
        "discriminability": apart,
        "specificity": specific,
    }
    return {name: pd.DataFrame(rows) for name, rows in lines.items()}


def ceilings(methods: Mapping, sites: pd.DataFrame) -> pd.DataFrame:
    targets = pd.DataFrame([{key: row[key] for key in ("selection", "target")} for row in methods.values()]).drop_duplicates()
    return targets.merge(sites, how="cross").assign(n_neurons=100, split_half_r=0.6, inter_animal=0.7, ceiling=0.9)


def completed(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all its columns, in their types: what is not given is empty, 0 or missing."""
    columns = TABLES[name]
    empty = {kind: value for kind, value in ((STRING, ""), (INT, 0), (BOOL, False), (FLOAT, 0.0))}
    for column in columns:
        if column not in table:
            table = table.assign(**{column: None if column in optional(name) else empty[columns[column][0]]})
    arrow = pa.Table.from_pandas(table[list(columns)], schema=schema(name), preserve_index=False)
    return arrow.to_pandas()


def layer_choices(best: pd.DataFrame) -> pd.DataFrame:
    """Return the table of choices: the layers that represent networks, chosen on other images in most of the splits."""
    told = {"choice": "other_images", "frequency": 0.6, "n_splits": 20, "optimism": 0.02, "selection_loss": -0.01}
    return best.assign(**told, same_data=best.score + 0.02)
