"""How certain scores are: the tables of the page, and its first line, which tells whether the run passed its own check."""

import re

import numpy as np
import pandas as pd
import pytest
from example_tables import completed, example
from run_facts import tables_of

from dormouse.paper.evidence import chance_table, choice_table, interval_table, own_check, seed_table
from dormouse.paper.report import SHOWN, read_shown
from dormouse.tables import read_tables, write_table

MODELS = pd.DataFrame({"model": ["a", "b"], "display_name": ["Net A", "Net B"]})
AREAS = ["VISp", "VISl"]
COLUMNS = {
    "intervals": "method model area cortical_layer statistic over estimate low high rank rank_low rank_high",
    "permutation_tests": "method model area cortical_layer q n_permutations n_neurons",
    "layer_choices": "method model area cortical_layer choice layer score optimism selection_loss",
    "seed_spread": "method area cortical_layer network n_seeds mean sd lowest highest",
    "null_check": "model method area cortical_layer score null_mean null_sd z largest_z p passed n_permutations",
}
INTERVALS = [
    ("mine", "a", "VISp", "all", "pooled", "images", 0.5, 0.4, 0.6, 1, 1, 1),
    ("mine", "a", "VISp", "all", "mean_over_animals", "animals and images", 0.3, 0.1, 0.45, 2, 1, 2),
    ("mine", "a", "VISp", "4", "pooled", "images", 0.9, 0.8, 1.0, 1, 1, 1),
    ("mine", "b", "VISp", "all", "pooled", "images", 0.45, 0.4, 0.5, 2, 2, 2),
    ("mine", "b", "VISp", "all", "mean_over_animals", "animals and images", 0.35, 0.2, 0.5, 1, 1, 2),
    ("mine", "a", "VISl", "all", "pooled", "images", 0.25, 0.2, 0.3, 2, 1, 2),
    ("mine", "b", "VISl", "all", "pooled", "images", 0.26, None, None, 1, None, None),
    ("other", "a", "VISp", "all", "pooled", "images", 0.7, 0.6, 0.8, 1, 1, 1),
]
TESTS = [
    ("mine", "a", "VISl", "all", 0.2, 999, None),
    ("mine", "a", "VISp", "all", 0.01, 999, 300),
    ("mine", "b", "VISp", "all", 0.049, 999, 200),
    ("mine", "b", "VISp", "4", 0.01, 999, 50),
]
CHOICES = [
    ("mine", "a", "VISp", "all", "other_images", "x", 0.40, 0.10, -0.02),
    ("mine", "a", "VISp", "all", "other_images", "y", 0.40, 0.10, -0.02),  # another layer, of other splits
    ("mine", "a", "VISl", "all", "other_images", "x", 0.20, 0.05, -0.01),
    ("mine", "a", "VISp", "4", "other_images", "x", 0.99, 0.99, -0.99),
    ("mine", "b", "VISp", "all", "other_images", "x", 0.10, 0.30, -0.03),
    ("mine", "a", "VISp", "all", "other_animals", "x", 0.35, 0.15, -0.04),
]
SEEDS = [("mine", area, layer, "net", 3, 0.1, 0.02, 0.08, 0.12) for area in AREAS for layer in ("all", "4")]
CHECK = [
    ("noise-random", "mine", "VISp", "all", 0.01, 0.0, 0.02, 0.5, 3.5, 0.004, True, 999),
    ("pixels (images shuffled)", "mine", "VISl", "4", -0.07, 0.0, 0.02, -3.5, 3.5, 0.004, True, 999),
]
ROWS = dict(zip(COLUMNS, (INTERVALS, TESTS, CHOICES, SEEDS, CHECK), strict=True))


def table(name, rows=None):
    return pd.DataFrame(ROWS[name] if rows is None else rows, columns=COLUMNS[name].split())


def test_intervals_and_ranks_are_those_of_the_main_statistic_of_whole_areas():
    found = interval_table(table("intervals"), MODELS, AREAS, "mine").set_index("network")
    assert found.index.tolist() == ["Net B", "Net A"]  # by mean rank
    assert list(found) == ["VISp, mean over animals", "VISl, all neurons"]
    assert found.loc["Net A"].tolist() == ["0.300 [0.100, 0.450], rank 2 [1, 2]", "0.250 [0.200, 0.300], rank 2 [1, 2]"]
    assert found["VISl, all neurons"]["Net B"] == "0.260 [no interval], rank 1 [no interval]"


def test_what_was_tested_is_counted_by_site():
    found = chance_table(table("permutation_tests"), AREAS, "mine")
    assert found.to_numpy().tolist() == [["VISp", 2, 2, "999", "200 to 300"], ["VISl", 1, 0, "999", ""]]


def test_choices_are_means_over_whole_areas_and_networks():
    found = choice_table(table("layer_choices"), MODELS, "mine").set_index("network")
    parts = ("score", "optimism", "selection loss")
    assert list(found) == [f"{choice}: {part}" for choice in ("other images", "other animals") for part in parts]
    np.testing.assert_allclose(found.loc["Net A"], [0.3, 0.075, -0.015, 0.35, 0.15, -0.04])
    np.testing.assert_allclose(found.loc["Net B"], [0.1, 0.3, -0.03, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(found.loc["mean over networks"], [0.2, 0.1875, -0.0225, 0.35, 0.15, -0.04])


def test_seeds_of_a_random_network_have_one_row():
    found = seed_table(table("seed_spread"), AREAS, "mine")
    assert found.to_numpy().tolist() == [["net", 3, *["0.100, sd 0.020 [0.080, 0.120]"] * 2]]


def test_the_check_of_a_run_names_the_score_that_is_farthest_off():
    found = own_check(table("null_check"))
    assert (found["passed"], found["p"], found["n"]) == (True, 0.004, 2)
    assert found["worst"]["model"] == "pixels (images shuffled)"
    assert not own_check(table("null_check").assign(passed=[True, False]))["passed"]
    assert own_check(table("null_check").assign(z=np.nan, p=np.nan, passed=False)) is None  # nothing could be checked


@pytest.fixture
def page(write_page):
    """Return a function that writes the page of a run of one method from some of its tables, and returns its text."""
    given = {"display_name": ["Net A", "Net B"], "model": ["a", "b"], "trained_share": 1.0, "versions": "{}"}
    best = {"method": "mine", "selection": "paper", "differs": "", "area": AREAS, "cortical_layer": "all", "score": 0.123}
    whole = {"models": example("models").assign(**given), "best_layers": example("best_layers").assign(**best, model="a")}
    facts = tables_of(AREAS, {"mine": {"label": "My method", "description": "Mine."}})

    def write(**tables):
        empty = {name: read_tables(name, []) for name in SHOWN}
        return write_page(empty | facts | whole | {name: completed(name, rows) for name, rows in tables.items()}).read_text()

    return write


def first_line(text):
    """Return the first paragraph of a page, without marks."""
    body = text.split('tabindex="-1">', 1)[1].strip()
    assert body.startswith("<p ")
    return " ".join(re.sub("<.*?>", "", body.split("</p>", 1)[0]).split())


def test_the_first_line_of_the_page_says_whether_the_run_passed_its_own_check(page):
    told = first_line(page(null_check=table("null_check")))
    assert told == (
        "Shuffled images and noise score where they should (p = 0.004, 999 permutations). The run checked itself with "
        "noise-random, pixels (images shuffled). Farthest from what was expected, of 2 scores: pixels (images shuffled) by "
        "mine in VISl 4, score -0.070 where 0.000 was expected (sd 0.020, z = -3.5)."
    )
    text = page(null_check=table("null_check").assign(passed=False))
    assert 'class="failed"' in text and 'class="passed"' not in text
    failed = first_line(text)
    assert failed.startswith("THIS RUN FAILED ITS CHECK OF ITSELF") and "(p = 0.004, 999 permutations)" in failed
    assert "z = -3.5" in failed and "score where they should" not in failed


def test_a_page_of_empty_tables_says_what_is_not_known(page):
    text = page()
    assert first_line(text).startswith("This run did not check itself.")
    for words in ("No intervals: none", "Nothing was tested against chance", "on the same data alone", "No spread over seeds"):
        assert words in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text.split("<main")[1].split("</main>")[0])


def test_the_page_has_the_tables_of_each_method(page):
    text = page(**{name: table(name) for name in COLUMNS})
    for words in ("rank 2 [1, 2]", "200 to 300", "other animals: optimism", "sd 0.020 [0.080, 0.120]"):
        assert re.search(f">[^<]*{re.escape(words)}<t", text), words
    assert "No intervals" not in text and "No spread" not in text
    assert "0.900" not in text  # a cortical layer


def test_tables_of_the_page_are_read_by_name_and_may_have_no_file(tmp_path):
    write_table("models", example("models"), tmp_path / "models.parquet")
    found = read_shown([tmp_path / "models.parquet"])
    assert list(found) == list(SHOWN) and len(found["models"]) == 2
    assert all(len(found[name]) == 0 for name in SHOWN if name != "models")
