"""Which neurons are kept and why not, and the counts of every combination of filters, against loops over rows."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from dormouse import tables
from dormouse.errors import InputError
from dormouse.neurons import selection
from dormouse.neurons.selection import UNRELIABLE
from dormouse.paper.report import combination_counts

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


BAD = {
    "excitatory": {"excitatory": False},
    "running": {"p_run_mod_ns": 0.01},
    "responsive": {"p_ns": 0.2},
    "reliable": {"reliability": 0.7},
}
REASONS = {
    "excitatory": "not excitatory",
    "running": "response changes with running (p_run_mod_ns up to 0.05)",
    "responsive": "not responsive (p_ns from 0.05)",
    "reliable": "reliability below 0.75",
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_alone_leaves_out_what_fails_it_and_nothing_else(name):
    selected = select(make_table([{}, *BAD.values()]), filters=[name])
    assert list(selected.kept) == [True] + [bad != name for bad in BAD]
    assert list(selected.reason) == [""] + [REASONS[name] * (bad == name) for bad in BAD]


@pytest.mark.parametrize("filters", [chosen for n in range(5) for chosen in combinations(FILTERS, n)], ids="+".join)
def test_filters_together_keep_what_passes_all_of_them(filters):
    table = random_table(600, seed=0).drop_duplicates("neuron").dropna(subset="reliability")
    selected = select(table, AREAS, filters=filters)
    expected = [row.area in AREAS and all(passes_by_hand(row, name) for name in filters) for row in table.itertuples()]
    assert list(selected.kept) == expected
    assert 5 < sum(expected) < len(table)
    assert ((selected.reason == "") == selected.kept).all()


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("excitatory", [True, False, pd.NA], [True, False, True]),
        ("p_run_mod_ns", [0.051, 0.05, 0.049, np.nan], [True, False, False, True]),
        ("p_ns", [0.049, 0.05, 0.051, np.nan], [True, False, False, False]),
        ("reliability", [0.76, 0.75, 0.7499, -0.3], [True, True, False, False]),
    ],
)
def test_values_on_the_limit_and_unknown_ones(column, values, kept):
    assert list(select(make_table([{column: value} for value in values])).kept) == kept


def test_limits_are_those_asked_for():
    table = make_table([{"reliability": 0.5}, {"p_ns": 0.2}, {"p_run_mod_ns": 0.2}])
    assert list(select(table, min_reliability=0.5).kept) == [True, False, True]
    assert list(select(table, max_p=0.3).kept) == [False, True, False]
    assert list(select(table, max_p=0.3, min_reliability=0.4).reason) == [
        "",
        "",
        "response changes with running (p_run_mod_ns up to 0.3)",
    ]


@pytest.mark.parametrize(("correction", "kept"), [("spearman-brown", [True, True, False]), ("plain", [True, False, True])])
def test_the_limit_is_for_the_reliability_asked_for(correction, kept):
    rows = [{}, {"reliability": 0.8, "split_half_r": 0.67}, {"reliability": 0.7, "split_half_r": 0.8}]
    assert list(select(make_table(rows), correction=correction).kept) == kept


def test_the_first_reason_counts_and_reliability_is_the_last():
    order = [
        ({"area": "VISam"}, "area not studied"),
        ({"n_trials": 1}, "fewer than 2 trials of a stimulus"),
        ({"scored_reliability": np.nan}, "reliability undefined"),
        ({"recording": "r2", "neuron": "seen"}, "same cell as in an earlier recording"),
        *[(BAD[name], REASONS[name]) for name in FILTERS],
    ]
    rows, reasons = [{"neuron": "seen"}], [""]
    for first in range(len(order)):
        row = {}
        for bad, _ in order[first:]:
            row = row | bad
        rows.append(row)
        reasons.append(order[first][1])
    assert list(select(make_table(rows)).reason) == reasons


@pytest.mark.parametrize("column", ["reliability", "scored_reliability"])
@pytest.mark.parametrize("filters", [FILTERS, ()], ids=["all filters", "none"])
def test_a_neuron_whose_reliability_is_undefined_is_never_kept(column, filters):
    selected = select(make_table([{column: np.nan}, {}]), filters=filters)
    assert list(selected.reason) == ["reliability undefined", ""]


def test_a_neuron_of_too_few_trials_is_left_out_whatever_its_reliability():
    selected = select(make_table([{"n_trials": 1, "reliability": np.nan}, {"n_trials": 1}, {"n_trials": 2}]), filters=())
    assert list(selected.reason) == ["fewer than 2 trials of a stimulus"] * 2 + [""]


def test_a_cell_of_several_recordings_is_kept_once_in_the_first_by_name():
    rows = [("b", "cell"), ("a", "cell"), ("c", "cell"), ("b", "other"), ("c", "third")]
    table = make_table([{"recording": recording, "neuron": neuron} for recording, neuron in rows])
    assert list(selection.seen_before(table, AREAS)) == [True, False, True, False, False]
    assert list(select(table, filters=()).kept) == [False, True, False, True, True]


def test_the_first_recording_of_a_cell_counts_though_it_is_not_the_better_one():
    rows = [{"recording": "a", "neuron": "cell", "reliability": 0.2}, {"recording": "b", "neuron": "cell"}]
    selected = select(make_table(rows))
    assert list(selected.reason) == [REASONS["reliable"], "same cell as in an earlier recording"]


UNUSABLE = {
    "area not studied": {"area": "VISam"},
    "fewer than 2 trials of a stimulus": {"n_trials": 1},
    "reliability undefined": {"reliability": np.nan},
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_a_recording_in_which_a_cell_cannot_be_used_takes_it_from_no_other(reason):
    bad = UNUSABLE[reason]
    rows = [
        ("a", "cell", bad),
        ("b", "cell", {}),
        ("c", "cell", bad),
        ("d", "cell", {}),
        ("a", "lost", bad),
        ("b", "lost", bad),
    ]
    table = make_table([{"recording": recording, "neuron": neuron} | row for recording, neuron, row in rows])
    selected = select(table)
    assert list(selected.reason) == [reason, "", reason, "same cell as in an earlier recording", reason, reason]
    counts = selection.count(table, ["VISp"], 0.75, 0.05)
    everywhere = counts[(counts.area == "all")].set_index(COMBINATION).n_neurons
    assert everywhere[False, False, False, ""] == 1 + (bad != UNUSABLE["area not studied"])  # the lost cell was recorded
    assert everywhere[True, True, True, "spearman-brown"] == 1 + ("n_trials" in bad)  # whose reliability is that of others


def test_selection_changes_nothing_else_of_the_table():
    table = random_table(50, seed=1)
    pd.testing.assert_frame_equal(select(table, AREAS).drop(columns=["kept", "reason"]), table)


def test_kept_and_left_out_neurons_fit_the_table_of_neurons(tmp_path):
    selected = select(random_table(50, seed=2), AREAS)
    tables.write_table("neurons", selected.assign(selection="paper"), tmp_path / "neurons.parquet")
    read = tables.read_table("neurons", tmp_path / "neurons.parquet")
    assert list(read.kept) == list(selected.kept) and list(read.reason) == list(selected.reason)


def test_an_area_with_too_few_neurons_is_named_with_the_filters_and_limits():
    rows = [{}, {}, {"area": "VISl"}, {"area": "VISl", "reliability": 0.612}]
    message = (
        r"^VISl: 1 of 2 neurons pass the filters running, reliable; selection\.min_neurons asks for 2\. "
        r".* is 0\.900, selection\.min_reliability 0\.75\..* `areas`\.$"
    )
    with pytest.raises(InputError, match=message):
        select(make_table(rows), AREAS, filters=["running", "reliable"], min_neurons=2)
    assert select(make_table(rows), AREAS, filters=["running", "reliable"], min_neurons=1).kept.sum() == 3


def test_an_area_without_any_neuron_is_named():
    with pytest.raises(InputError, match=r"^VISam: 0 of 0 neurons"):
        select(make_table([{}]), ["VISp", "VISam"], min_neurons=1)


@pytest.mark.parametrize("correction", ["spearman-brown", "plain"])
def test_candidates_are_all_that_pass_the_other_filters_however_reliable(correction):
    table = random_table(400, seed=3)
    neurons = select(table, AREAS, correction=correction)
    found = selection.candidates(neurons, "VISl", correction)
    first = representatives(table).index
    passing = [
        row.area == "VISl"
        and not np.isnan(row.reliability)
        and all(passes_by_hand(row, name) for name in ("excitatory", "running", "responsive"))
        for row in table.itertuples()
    ]
    assert list(found.index) == list(table.index[table.index.isin(first) & np.array(passing)])
    assert 0 < found.kept.sum() < len(found)
    column = "split_half_r" if correction == "plain" else "reliability"
    np.testing.assert_array_equal(found.value, found[column])


def test_candidates_without_a_limit_of_reliability_are_the_kept_neurons():
    neurons = select(random_table(100, seed=4), AREAS, filters=["running"])
    kept = neurons.index[neurons.kept & (neurons.area == "VISp")]
    assert list(selection.candidates(neurons, "VISp", "plain").index) == list(kept)
    assert not neurons.reason.str.startswith(UNRELIABLE).any()


def service(rows: list[tuple[str, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["neuron", "p_ns", "p_run_mod_ns"])


def test_published_metrics_replace_computed_ones_of_the_cells_that_have_them():
    table = make_table([{"recording": "r1"}, {}, {"recording": "r2", "neuron": "n0"}, {"p_ns": 0.7}])
    table.index = [7, 3, 5, 1]
    metrics = service([("other", 0.9, 0.9), ("n3", 0.02, 0.03), ("n0", 0.2, 0.3)])
    found = selection.with_service_metrics(table, metrics)
    assert list(found.p_ns) == [0.2, 0.001, 0.2, 0.02]
    assert list(found.p_run_mod_ns) == [0.3, 0.5, 0.3, 0.03]
    assert list(found.metrics) == ["service", "computed", "service", "service"]
    unchanged = ["p_ns", "p_run_mod_ns", "metrics"]
    pd.testing.assert_frame_equal(found.drop(columns=unchanged), table.drop(columns=unchanged))


def test_a_published_metric_that_is_missing_replaces_the_computed_one_too():
    found = selection.with_service_metrics(make_table([{}, {}]), service([("n1", np.nan, np.nan)]))
    np.testing.assert_array_equal(found.p_ns, [0.001, np.nan])
    np.testing.assert_array_equal(found.p_run_mod_ns, [0.5, np.nan])
    assert list(found.metrics) == ["computed", "service"]
    assert list(select(found, filters=["running"]).kept) == [True, True]
    assert list(select(found, filters=["responsive"]).kept) == [True, False]


def test_without_published_metrics_the_computed_ones_stay():
    table = random_table(30, seed=5)
    empty = tables.read_tables("cell_metrics", [])
    pd.testing.assert_frame_equal(selection.with_service_metrics(table, empty), table, check_dtype=False)


def representatives(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row of each cell: of the first recording in which it can be used, or without any of the first."""
    rows = {}
    for index, row in table.sort_values("recording").iterrows():
        bad = row.area not in AREAS or np.isnan(row.reliability) or np.isnan(row.scored_reliability)
        if row.neuron not in rows or (rows[row.neuron][0] and not bad):
            rows[row.neuron] = bad, index
    return table.loc[sorted(index for _, index in rows.values())]


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
        ("VISp", "2/3", True, 2, np.nan),  # so many or more
        ("VISp", "4", True, 1, 1),
        ("VISp", "6", True, 0, 0),
        ("VISl", "4", True, np.nan, 2),  # so many or less
        ("VISl", "5", True, np.nan, np.nan),
    ],
    columns=["area", "cortical_layer", "reliable", "at_least", "at_most"],
)


def agreement(bad: list[dict], **wanted) -> dict[tuple[str, str], bool | None]:
    """Whether the counts of a combination agree with PUBLISHED, of neurons that pass all filters and of `bad` ones."""
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
def test_numbers_of_all_neurons_are_compared_without_a_limit_of_reliability_alone(n_more, agrees):
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
    """Counts of simulated cells under one combination are taken for published; it must come out as the only best one."""
    table = random_table(3000, seed=9)
    blind = selection.count(table, AREAS, 0.75, 0.05)
    keys = ["area", "cortical_layer"]
    mine = blind[(blind[COMBINATION] == pd.Series(truth, COMBINATION)).all(axis=1)].assign(reliable=True)
    everything = blind[(blind.reliable == "") & ~blind.excitatory & ~blind.running & ~blind.responsive].assign(reliable=False)
    known = pd.concat([mine, everything[everything.area == "all"]])
    published = known[[*keys, "reliable"]].assign(at_least=known.n_neurons, at_most=known.n_neurons)
    published.loc[published.cortical_layer == "2/3", "at_most"] = np.nan
    best = combination_counts(selection.count(table, AREAS, 0.75, 0.05, published))
    assert len(best) == 24
    assert tuple(best.loc[0, COMBINATION]) == truth
    assert best.agrees[0] == len(mine)
    assert list(best.published) == [1 if reliable == "" else len(mine) for reliable in best.reliable]
    assert (best.agrees[1:] < len(mine)).all()
    assert best.neurons[0] == mine[(mine.area == "all")].n_neurons.item()
    assert list(best.agrees) == sorted(best.agrees, reverse=True)
