"""Made-up tables of neurons, their selection, and filters and cells by loops over rows."""

import numpy as np
import pandas as pd

from dormouse.neurons import selection

LIMITS = {"correction": "spearman-brown", "min_reliability": 0.75, "max_p": 0.05}
FILTERS = ("excitatory", "running", "responsive", "reliable")
COMBINATION = ["excitatory", "running", "responsive", "reliable"]
AREAS = ["VISp", "VISl"]


def make_table(rows: list[dict]) -> pd.DataFrame:
    """Rows of the table `reliability`; a row tells what differs from a neuron that passes all filters."""
    good = {
        "recording": "r1",
        "animal": "m1",
        "area": "VISp",
        "cortical_layer": "4",
        "depth_um": 275.0,
        "cre_line": "Cux2-CreERT2",
        "excitatory": True,
        "select_on": "all",
        "score_on": "all",
        "n_trials": 50,
        "reliability": 0.9,
        "split_half_r": 0.8,
        "oracle_r": 0.5,
        "scored_reliability": 0.9,
        "scored_r": 0.8,
        "scored_r_sem": 0.01,
        "p_ns": 0.001,
        "p_run_mod_ns": 0.5,
        "metrics": "computed",
    }
    table = pd.DataFrame([good | {"neuron": f"n{i}"} | row for i, row in enumerate(rows)])
    return table.astype({"excitatory": "boolean"})


def select(table: pd.DataFrame, areas=("VISp",), filters=FILTERS, min_neurons=0, **limits) -> pd.DataFrame:
    return selection.select(table, areas=areas, filters=filters, min_neurons=min_neurons, **(LIMITS | limits))


def random_table(n_rows: int, seed: int) -> pd.DataFrame:
    """Neurons of all kinds, values unknown here and there, every third cell in two recordings."""
    rng = np.random.default_rng(seed)

    def some(values, share=0.2):
        return np.where(rng.random(n_rows) < share, np.nan, values)

    r = rng.uniform(-0.2, 1, n_rows)
    table = make_table([{}] * n_rows).assign(
        neuron=[f"c{i - i % 3 // 2}" for i in range(n_rows)],  # the second and third of three are one cell
        recording=[f"r{k}" for k in rng.permutation(n_rows)],
        area=rng.choice(["VISp", "VISl", "VISam"], n_rows),
        cortical_layer=rng.choice(["2/3", "4", "6", ""], n_rows),
        split_half_r=some(r),
        p_ns=some(rng.choice([0.001, 0.01, 0.05, 0.3], n_rows)),
        p_run_mod_ns=some(rng.choice([0.001, 0.05, 0.3], n_rows), 0.4),
    )
    table["reliability"] = 2 * table.split_half_r / (1 + table.split_half_r)
    table["excitatory"] = pd.array(rng.choice([True, False, None], n_rows), dtype="boolean")
    return table


def passes_by_hand(row, name: str, correction="spearman-brown", min_reliability=0.75, max_p=0.05) -> bool:
    value = row.split_half_r if correction == "plain" else row.reliability
    return {
        "excitatory": row.excitatory is pd.NA or bool(row.excitatory),
        "running": np.isnan(row.p_run_mod_ns) or row.p_run_mod_ns > max_p,
        "responsive": not np.isnan(row.p_ns) and row.p_ns < max_p,
        "reliable": not np.isnan(value) and value >= min_reliability,
    }[name]


def representatives(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row of each cell: of the first recording in which it can be used, or without any of the first."""
    rows = {}
    for index, row in table.sort_values("recording").iterrows():
        bad = row.area not in AREAS or np.isnan(row.reliability) or np.isnan(row.scored_reliability)
        if row.neuron not in rows or (rows[row.neuron][0] and not bad):
            rows[row.neuron] = bad, index
    return table.loc[sorted(index for _, index in rows.values())]
