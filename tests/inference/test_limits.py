"""What the data can decide, said from the tables that judge it."""

import pandas as pd
import pytest

from dormouse.inference.limits import JUDGED, limits

LABELS = {"rsa": "RSA", "ridge": "Ridge"}


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """Return tables of RSA, which names the right network in six of eight cases, twice with its layer."""
    recovered = ["a", "b", "c", "d", "a", "b", "a", "a"]
    recovery = pd.DataFrame({"method": "rsa", "model": list("abcdabcd"), "recovered": recovered, "n_models": 4})
    layers = {"layer": "l", "recovered_layer": ["l", "l", *"mmmmmm"]}
    power = {"method": "rsa", "area": ["VISp", "VISl", "VISp"], "own": [True, True, False], "smallest": [0.02, 0.04, 0.5]}
    halves = {"method": "rsa", "varies": ["animals", "areas"], "rho": [0.8, 0.1], "n_networks": 6}
    specificity = {"method": "rsa", "area": ["VISp", "VISl"], "low": [0.1, -0.1]}
    tables = {"recovery": recovery.assign(**layers), "power": pd.DataFrame(power).assign(over="animals and images")}
    return tables | {"agreement": pd.DataFrame(halves), "specificity": pd.DataFrame(specificity)}


def test_every_number_that_is_said_is_one_of_a_table(tables):
    (found,) = limits(tables, LABELS)
    assert found["label"] == "RSA", "of ridge nothing is known"
    assert found["said"] == [
        "It named the network from which neurons were simulated 6 of 8 times (by chance: 2), and its layer 2 times.",
        "Four of five such studies would find a difference of 0.030 between two networks, 0.020 to 0.040 by area "
        "(over animals and images).",
        "Two halves of the animals order 6 networks with a rank correlation of 0.80 (median over sites).",
        "It tells 1 of 2 areas from others in other animals (VISp).",
    ]


def test_a_changed_row_changes_what_is_said(tables):
    before = limits(tables, LABELS)[0]["said"]
    tables["recovery"].loc[:3, "recovered"] = "d"
    tables["power"].loc[0, "smallest"] = 0.06
    tables["specificity"].loc[1, "low"] = 0.2
    after = limits(tables, LABELS)[0]["said"]
    assert after[0].startswith("It cannot tell these networks apart: it named") and "3 of 8" in after[0]
    assert "0.050" in after[1] and after[2] == before[2] and "(VISp, VISl)" in after[3]


def test_empty_tables_say_nothing(tables):
    assert limits({name: tables[name].iloc[:0] for name in JUDGED}, LABELS) == []
