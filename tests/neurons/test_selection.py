"""Each filter leaves out the neurons that fail it and names the first reason, against loops over rows."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from neuron_tables import AREAS, COMBINATION, FILTERS, make_table, passes_by_hand, random_table, representatives, select

from dormouse import tables
from dormouse.errors import InputError
from dormouse.neurons import selection
from dormouse.neurons.selection import UNRELIABLE

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
def test_each_filter_alone_leaves_out_only_what_fails_it(name):
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
def test_values_at_the_threshold_and_unknown_values(column, values, kept):
    assert list(select(make_table([{column: value} for value in values])).kept) == kept


def test_thresholds_can_be_set():
    table = make_table([{"reliability": 0.5}, {"p_ns": 0.2}, {"p_run_mod_ns": 0.2}])
    assert list(select(table, min_reliability=0.5).kept) == [True, False, True]
    assert list(select(table, max_p=0.3).kept) == [False, True, False]
    assert list(select(table, max_p=0.3, min_reliability=0.4).reason) == [
        "",
        "",
        "response changes with running (p_run_mod_ns up to 0.3)",
    ]


@pytest.mark.parametrize(("correction", "kept"), [("spearman-brown", [True, True, False]), ("plain", [True, False, True])])
def test_the_threshold_applies_to_the_requested_reliability(correction, kept):
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


def test_the_first_recording_of_a_cell_counts_even_if_a_later_one_is_better():
    rows = [{"recording": "a", "neuron": "cell", "reliability": 0.2}, {"recording": "b", "neuron": "cell"}]
    selected = select(make_table(rows))
    assert list(selected.reason) == [REASONS["reliable"], "same cell as in an earlier recording"]


UNUSABLE = {
    "area not studied": {"area": "VISam"},
    "fewer than 2 trials of a stimulus": {"n_trials": 1},
    "reliability undefined": {"reliability": np.nan},
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_a_recording_in_which_a_cell_is_unusable_leaves_it_to_another(reason):
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


def test_selection_changes_no_other_column():
    table = random_table(50, seed=1)
    pd.testing.assert_frame_equal(select(table, AREAS).drop(columns=["kept", "reason"]), table)


def test_kept_and_left_out_neurons_fit_the_table_of_neurons(tmp_path):
    selected = select(random_table(50, seed=2), AREAS)
    tables.write_table("neurons", selected.assign(selection="paper"), tmp_path / "neurons.parquet")
    read = tables.read_table("neurons", tmp_path / "neurons.parquet")
    assert list(read.kept) == list(selected.kept) and list(read.reason) == list(selected.reason)


def test_an_area_with_too_few_neurons_is_named_with_filters_and_thresholds():
    rows = [{}, {}, {"area": "VISl"}, {"area": "VISl", "reliability": 0.612}]
    message = (
        r"^VISl: 1 of 2 neurons pass the filters running, reliable; selection\.min_neurons asks for 2\. "
        r".* is 0\.900, selection\.min_reliability 0\.75\..* `areas`\.$"
    )
    with pytest.raises(InputError, match=message):
        select(make_table(rows), AREAS, filters=["running", "reliable"], min_neurons=2)
    assert select(make_table(rows), AREAS, filters=["running", "reliable"], min_neurons=1).kept.sum() == 3


def test_neurons_of_undefined_reliability_are_counted_where_too_few_are_left():
    rows = [{"scored_reliability": np.nan}] * 3 + [{"reliability": np.nan}, {"reliability": 0.1}, {}]
    with pytest.raises(InputError, match=r"1 of 6 neurons .* It is undefined for 4 neurons, .* fewer than 2 trials"):
        select(make_table(rows), min_neurons=2)
    with pytest.raises(InputError, match=r"selection\.min_reliability 0\.75\. Lower the limit"):
        select(make_table([{}]), min_neurons=2)


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


def test_candidates_without_a_reliability_threshold_are_the_kept_neurons():
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
