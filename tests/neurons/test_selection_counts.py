"""Numbers of neurons for every combination of filters, against loops over rows and against published numbers."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from neuron_tables import AREAS, COMBINATION, FILTERS, make_table, passes_by_hand, random_table, representatives

from dormouse import tables
from dormouse.neurons import selection
from dormouse.paper.neuron_tables import combination_counts


def count_by_hand(table: pd.DataFrame, areas: list[str], **limits) -> dict[tuple, int]:
    """Number of cells by combination, area and cortical layer, one row at a time."""
    first = representatives(table[table.area.isin(areas)])
    sites = {("all", "all")} | {(area, "all") for area in first.area}
    sites |= {(row.area, row.cortical_layer) for row in first.itertuples() if row.cortical_layer}
    counts = {}
    for *wanted, reliable in product((False, True), (False, True), (False, True), ("", "spearman-brown", "plain")):
        names = [name for name, is_wanted in zip(FILTERS, wanted, strict=False) if is_wanted]
        counts |= {(*wanted, reliable, *site): 0 for site in sites}
        for row in first.itertuples():
            limit = {"correction": reliable, **limits}
            if all(passes_by_hand(row, name, **limits) for name in names) and (
                not reliable or passes_by_hand(row, "reliable", **limit)
            ):
                own = {("all", "all"), (row.area, "all")} | ({(row.area, row.cortical_layer)} if row.cortical_layer else set())
                for site in own:
                    counts[*wanted, reliable, *site] += 1
    return counts


@pytest.mark.parametrize("limits", [{"min_reliability": 0.75, "max_p": 0.05}, {"min_reliability": 0.4, "max_p": 0.2}])
def test_all_24_combinations_are_counted_as_by_hand(limits):
    table = random_table(300, seed=6)
    counts = selection.count(table, AREAS, **limits)
    assert len(counts[COMBINATION].drop_duplicates()) == 24
    keys = [*COMBINATION, "area", "cortical_layer"]
    assert not counts.duplicated(keys).any()
    expected = count_by_hand(table, AREAS, **limits)
    assert counts.set_index(keys).n_neurons.to_dict() == expected
    assert len(set(expected.values())) > 30


def test_counts_without_published_numbers_agree_with_nothing(tmp_path):
    counts = selection.count(random_table(60, seed=7), AREAS, 0.75, 0.05)
    assert counts[["at_least", "at_most", "agrees"]].isna().all().all()
    tables.write_table("selection_counts", counts.assign(selection="paper"), tmp_path / "counts.parquet")
    read = tables.read_table("selection_counts", tmp_path / "counts.parquet")
    assert read.agrees.isna().all() and list(read.n_neurons) == list(counts.n_neurons)
    assert len(combination_counts(read)) == 0


def test_sites_none_of_whose_neurons_pass_count_as_zero():
    table = make_table([{}, {"cortical_layer": "6", "reliability": 0.1, "split_half_r": 0.1}])
    counts = selection.count(table, ["VISp"], 0.75, 0.05)
    deep = counts[counts.cortical_layer == "6"]
    assert len(deep) == 24
    assert list(deep.n_neurons) == list((deep.reliable == "").astype(int))


PUBLISHED = pd.DataFrame(
    [
        ("all", "all", False, 7, 7),
        ("VISp", "2/3", True, 2, np.nan),  # two or more
        ("VISp", "4", True, 1, 1),
        ("VISp", "6", True, 0, 0),
        ("VISl", "4", True, np.nan, 2),  # two or fewer
        ("VISl", "5", True, np.nan, np.nan),
    ],
    columns=["area", "cortical_layer", "reliable", "at_least", "at_most"],
)


def agreement(bad: list[dict], **wanted) -> dict[tuple[str, str], bool | None]:
    """Whether a combination's counts, of neurons that pass all filters and of `bad` ones, agree with PUBLISHED."""
    rows = [{"cortical_layer": "2/3"}] * 2 + [{}] + [{"area": "VISl"}] * 2 + [{"area": "VISl", "cortical_layer": "5"}]
    unreliable = {"cortical_layer": "6", "reliability": 0.1, "split_half_r": 0.1}
    counts = selection.count(make_table([*rows, unreliable, *bad]), AREAS, 0.75, 0.05, PUBLISHED)
    wanted = {"excitatory": False, "running": False, "responsive": False, "reliable": "plain"} | wanted
    for column, value in wanted.items():
        counts = counts[counts[column] == value]
    agrees = counts.set_index(["area", "cortical_layer"]).agrees
    return {site: None if pd.isna(value) else bool(value) for site, value in agrees.items()}


KNOWN = {("VISp", "2/3"): True, ("VISp", "4"): True, ("VISp", "6"): True, ("VISl", "4"): True}
UNKNOWN = dict.fromkeys([("all", "all"), ("VISp", "all"), ("VISl", "all"), ("VISl", "5")])


def test_counts_agree_with_published_ones_exactly_or_within_their_bounds():
    assert agreement([]) == UNKNOWN | KNOWN
    assert agreement([{"cortical_layer": "2/3"}]) == UNKNOWN | KNOWN


@pytest.mark.parametrize(
    ("row", "site"),
    [
        ({"cortical_layer": "4"}, ("VISp", "4")),
        ({"cortical_layer": "6"}, ("VISp", "6")),
        ({"area": "VISl", "cortical_layer": "4"}, ("VISl", "4")),
    ],
)
def test_a_neuron_too_many_does_not_agree(row, site):
    assert agreement([row]) == UNKNOWN | KNOWN | {site: False}


def test_neurons_too_few_do_not_agree():
    running = {"p_run_mod_ns": 0.01}
    rows = [{"cortical_layer": "2/3"}, {"cortical_layer": "2/3"} | running, running, {"cortical_layer": "6"} | running]
    rows += [{"area": "VISl"} | running, {"area": "VISl", "cortical_layer": "5"}]
    counts = selection.count(make_table(rows), AREAS, 0.75, 0.05, PUBLISHED)
    counts = counts[counts.running & ~counts.excitatory & ~counts.responsive & (counts.reliable == "plain")]
    agrees = counts.set_index(["area", "cortical_layer"]).agrees
    assert agrees.dropna().to_dict() == {
        ("VISp", "2/3"): False,
        ("VISp", "4"): False,
        ("VISp", "6"): True,
        ("VISl", "4"): True,
    }


@pytest.mark.parametrize(("n_more", "agrees"), [(0, True), (1, False)])
def test_published_numbers_of_all_neurons_count_only_without_a_reliability_threshold(n_more, agrees):
    found = agreement([{"area": "VISl", "cortical_layer": "5", "reliability": 0.1}] * n_more, reliable="")
    assert found == dict.fromkeys([*KNOWN, *UNKNOWN]) | {("all", "all"): agrees}


def test_counts_beside_published_ones_survive_writing_and_reading(tmp_path):
    counts = selection.count(random_table(60, seed=8), AREAS, 0.75, 0.05, PUBLISHED)
    tables.write_table("selection_counts", counts.assign(selection="paper"), tmp_path / "counts.parquet")
    read = tables.read_table("selection_counts", tmp_path / "counts.parquet")
    for column in ("agrees", "at_least", "at_most"):
        assert list(read[column].notna()) == list(counts[column].notna())
    assert (read.agrees.dropna().astype(bool) == counts.agrees.dropna().astype(bool)).all()


def test_published_counts_are_those_of_the_paper_and_of_its_matrices(root):
    published = selection.read_published([root / "resources/published_counts.tsv"])
    assert set(published.columns) == {"area", "cortical_layer", "reliable", "at_least", "at_most"}
    rows = published.set_index(["area", "cortical_layer", "reliable"])
    assert len(rows) == 26 and not rows.index.duplicated().any()
    exact = rows.at_least[rows.at_least == rows.at_most].astype(int).to_dict()
    sites = {
        ("VISp", "6"): 18,
        ("VISl", "6"): 45,
        ("VISpm", "5"): 104,
        ("VISpm", "6"): 42,
        ("VISam", "2/3"): 109,
        ("VISam", "4"): 87,
        ("VISam", "5"): 25,
        ("VISrl", "2/3"): 47,
        ("VISrl", "4"): 29,
        ("VISrl", "5"): 4,
        ("VISal", "6"): 0,
        ("VISam", "6"): 0,
        ("VISrl", "6"): 0,
    }
    assert exact == {(*site, True): n for site, n in sites.items()} | {
        ("all", "all", True): 6619,
        ("all", "all", False): 37398,
    }
    others = rows[rows.at_least != rows.at_most]
    assert len(others) == 11 and (others.at_least == 120).all() and others.at_most.isna().all()


def test_without_a_file_nothing_is_published():
    assert selection.read_published([]) is None


@pytest.mark.parametrize("truth", [(True, True, False, "spearman-brown"), (False, True, True, "plain")])
def test_the_combination_that_made_the_published_numbers_is_found(truth):
    """Counts of simulated cells under one combination serve as published ones; it alone must come out best."""
    table = random_table(3000, seed=9)
    blind = selection.count(table, AREAS, 0.75, 0.05)
    keys = ["area", "cortical_layer"]
    mine = blind[(blind[COMBINATION] == pd.Series(truth, COMBINATION)).all(axis=1)].assign(reliable=True)
    everything = blind[(blind.reliable == "") & ~blind.excitatory & ~blind.running & ~blind.responsive].assign(reliable=False)
    known = pd.concat([mine, everything[everything.area == "all"]])
    published = known[[*keys, "reliable"]].assign(at_least=known.n_neurons, at_most=known.n_neurons)
    published.loc[published.cortical_layer == "2/3", "at_most"] = np.nan
    best = combination_counts(selection.count(table, AREAS, 0.75, 0.05, published).assign(selection="paper"))
    assert len(best) == 24
    assert tuple(best.loc[0, COMBINATION]) == truth
    assert best.agrees[0] == len(mine)
    assert list(best.published) == [1 if reliable == "" else len(mine) for reliable in best.reliable]
    assert (best.agrees[1:] < len(mine)).all()
    assert best.neurons[0] == mine[(mine.area == "all")].n_neurons.item()
    assert list(best.agrees) == sorted(best.agrees, reverse=True)
