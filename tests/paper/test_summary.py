"""The page in words: each kind of sentence, and the row of a table that it comes from."""

import numpy as np
import pandas as pd
import pytest
from report_tables import small_run

from dormouse.paper.facts import run_facts, shown_methods
from dormouse.paper.summary import replicated, summary


def said(tables):
    """Return all sentences of the page in words, each with where it stands."""
    told = summary(tables, run_facts(tables["run"]), shown_methods(tables))
    found = [("asked", told["asked"]), *(("questions", question) for question in told["questions"])]
    for part in ("first", "found", "open", "lacking", "in_areas", "sure", "sure_of_others"):
        found += [(part, f"{line['about']}: {sentence}") for line in told[part] for sentence in line["said"]]
    replication = replicated(tables["replication"], is_study=True) or {"score": []}
    return found + [("replication", sentence) for sentence in replication["score"]]


SENTENCES = [
    (
        "asked",
        "How similar are 400 layers of 4 networks to VISp and VISl of mice, by RSA and Ridge? There are 118 images, 6 "
        "animals and 2 neurons.",
    ),
    ("questions", "Does training matter?"),
    (
        "first",
        "RSA: AlexNet scores highest in VISp (0.410, 95 % interval 0.360 to 0.460, rank 1 to 2 of 4) and VISl (0.400, 95 "
        "% interval 0.350 to 0.450, rank 1 to 2 of 4).",
    ),
    ("first", "RSA: Other networks that score lower with q < 0.05: 3 of 3 in each."),
    (
        "found",
        "Does training matter?: By RSA, on average over areas, trained score 0.200 higher than random twins (95 % "
        "interval 0.100 to 0.300, 9 pairs of 9 families of architectures, 6 animals, 118 images; q = 0.001). This is to "
        "hold for other networks, animals and images.",
    ),
    (
        "found",
        "Do methods agree?: On average over areas, RSA and Ridge order networks alike, rho = 0.70 (95 % interval 0.10 to "
        "0.30, 9 families of architectures, 6 animals, 118 images; q = 0.001). This is to hold for other networks, "
        "animals and images.",
    ),
    (
        "open",
        "Does size matter?: By RSA, on average over areas, it is open whether networks with more parameters score higher "
        "or lower: -0.020 per standard deviation (95 % interval -0.050 to 0.010, 9 families of architectures, 6 animals, "
        "118 images; q = 0.3). A difference of 0.080 would be found in four of five such studies.",
    ),
    ("lacking", "Does running matter?: Not in this run: it does not have the method rsa_running."),
    (
        "sure",
        "RSA: The 95 % interval of a score is 0.050 to either side (median over networks and areas; over animals and images).",
    ),
    ("sure", "RSA: Of 4 networks, 3 score above chance (q < 0.05, images shuffled 999 times)."),
    (
        "sure",
        "RSA: A layer that is chosen on the same data as it is scored on flatters its network: by +0.020 against other "
        "images, on average.",
    ),
    (
        "sure",
        "RSA: It named the network from which neurons were simulated 6 of 8 times (by chance: 2), and its layer 0 times.",
    ),
    ("replication", "Of 2 hard targets, 1 differs and 1 agrees."),
    ("replication", "Of 1 soft targets, 1 was not run."),
]


@pytest.fixture(scope="module")
def run():
    return small_run()


def test_every_sentence_is_made_from_rows_of_tables(run):
    found = said(run)
    for sentence in SENTENCES:
        assert sentence in found, "\n".join(f"{part}: {text}" for part, text in found)
    (of_area,) = [text for part, text in found if part == "in_areas"]
    assert of_area.startswith("Does training matter?: By RSA, in VISp, trained score 0.150 higher")


CHANGES = {  # of a row: the table, where, and its new values; and the sentences that then are others
    "layers": ("models", {"model": "pixels"}, {"n_layers": 7}, "asked"),
    "animals": ("animal_scores", {"animal": "mouse5"}, {"animal": "mouse4"}, "asked"),
    "neurons": ("neurons", {"neuron": "c"}, {"kept": True}, "asked"),
    "question": ("comparisons", {"kind": "covariates"}, {"question": "Is it size?"}, "questions open"),
    "first": ("intervals", {"model": "alexnet-in1k", "area": "VISl"}, {"estimate": 0.45}, "first"),
    "rank": ("intervals", {"model": "alexnet-in1k", "area": "VISl"}, {"rank_high": 4}, "first"),
    "below": ("differences", {"other": "pixels", "area": "VISl"}, {"q": 0.5}, "first"),
    "another": ("intervals", {"model": "alexnet-in1k", "area": "VISp"}, {"rank": 2}, "first"),
    "the other way": (
        "comparisons",
        {"kind": "pairs", "area": "VISp"},
        {"verdict": "negative", "estimate": -0.15},
        "in_areas",
    ),
    "no longer found": ("comparisons", {"kind": "agreement"}, {"verdict": "undecided"}, "found open"),
    "decided": ("comparisons", {"kind": "covariates"}, {"verdict": "negative"}, "found open"),
    "detectable": ("comparisons", {"kind": "covariates"}, {"detectable": 0.03}, "open"),
    "too few": ("comparisons", {"verdict": "too few networks"}, {"n_units": 4}, "lacking"),
    "not run": ("comparisons", {"verdict": "not run"}, {"method": "rsa_still"}, "lacking"),
    "width": ("intervals", {"method": "rsa_mine"}, {"low": 0.0, "high": 0.4}, "first sure"),
    "chance": ("permutation_tests", {"model": "resnet18-in1k", "area": "VISp"}, {"q": 0.2}, "sure"),
    "few shuffles": ("permutation_tests", {"method": "ridge_mine"}, {"n_permutations": 10}, "sure"),
    "flattery": ("layer_choices", {"method": "rsa_mine"}, {"optimism": 0.04}, "sure"),
    "recovery": ("recovery", {"model": "c"}, {"recovered": "d"}, "sure"),
    "power": ("power", {"own": True}, {"smallest": 0.09}, "sure"),
    "halves": ("agreement", {"varies": "animals"}, {"rho": 0.2}, "sure"),
    "specificity": ("specificity", {"area": "VISl"}, {"low": 0.2}, "sure"),
    "hard target": ("replication", {"target": "H2"}, {"verdict": "agrees"}, "replication"),
    "soft target": ("replication", {"target": "S1"}, {"verdict": "differs"}, "replication"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_changes_its_sentence_and_no_other(run, change):
    name, where, values, parts = CHANGES[change]
    before, table = said(run), run[name].copy()
    rows = np.logical_and.reduce([table[column] == value for column, value in where.items()])
    assert rows.any()
    for column, value in values.items():
        table.loc[rows, column] = value
    after = said(run | {name: table})
    assert {part for part, _ in set(before) ^ set(after)} == set(parts.split())


def test_where_nothing_is_known_nothing_is_said(run):
    nothing = {name: rows[:0] for name, rows in run.items() if name not in ("run", "methods", "models")}
    assert said(run | nothing) == [
        ("asked", "How similar are 400 layers of 4 networks to VISp and VISl of mice, by RSA and Ridge?")
    ]


def test_of_other_data_published_numbers_that_were_not_run_are_left_out(run):
    table = run["replication"]
    assert replicated(table, is_study=False)["score"] == ["Of 2 hard targets, 1 differs and 1 agrees."]
    found = replicated(table, is_study=False)
    assert found["targets"].target.tolist() == ["H2", "H1"] and found["differ"].target.tolist() == [
        "H2"
    ]  # what differs is first
    assert replicated(table[table.verdict == "not run"], is_study=False) is None
    assert len(replicated(table, is_study=True)["targets"]) == 3
    assert isinstance(replicated(table, is_study=True)["targets"], pd.DataFrame)
