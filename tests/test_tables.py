"""Tables: what is written is read again, described column by column, and what does not fit is refused."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from example_tables import example

from dormouse.columns import TABLES
from dormouse.errors import InputError
from dormouse.tables import cross, optional, read_table, read_tables, schema, write_by_area, write_table


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.parquet"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_as_it_was_written(name, path):
    write_table(name, example(name), path)
    pd.testing.assert_frame_equal(read_table(name, path), example(name), check_dtype=False)


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_stored_in_the_order_of_the_schema_whatever_theirs(name, path):
    write_table(name, example(name)[sorted(TABLES[name], reverse=True)], path)
    assert pq.read_schema(path).names == list(TABLES[name])


@pytest.mark.parametrize("name", TABLES)
def test_every_column_carries_its_description_in_the_file(name, path):
    write_table(name, example(name), path)
    described = {field.name: field.metadata[b"description"].decode() for field in pq.read_schema(path)}
    assert described == {column: text for column, (_, text) in TABLES[name].items()}
    assert all(len(text) > 5 for text in described.values())


def test_a_file_carries_the_name_of_its_table(path):
    write_table("scores", example("scores"), path)
    assert pq.read_schema(path).metadata[b"table"] == b"scores"


NEURON_MISSING = {
    *("depth_um", "excitatory", "reliability", "split_half_r", "oracle_r", "scored_reliability", "scored_r", "scored_r_sem"),
    *("p_ns", "p_run_mod_ns"),
}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("recordings", set()),
        ("neurons", NEURON_MISSING),
        ("cell_metrics", {"p_ns", "p_run_mod_ns"}),
        ("selection_counts", {"at_least", "at_most", "agrees"}),
        ("thresholds", {"split_half_r", "split_half_sem"}),
        ("ceilings", {"recording", "neuron", "split_half_r", "split_half_sem", "inter_animal", "ceiling"}),
        ("neuron_scores", {"effective_dimension", "score"}),
        ("scores", {"effective_dimension", "n_neurons", "site_dimension", "score", "corrected", "n_uncorrected"}),
        ("models", {"imagenet_top1", "trained_share", "seed"}),
        ("zoo", {"n_layers", "n_features", "n_parameters", "n_fixed", "forecast_mib", "runs"}),
    ],
)
def test_a_missing_value_is_allowed_only_where_it_has_a_meaning(name, columns):
    assert optional(name) == columns
    assert {field.name for field in schema(name) if field.nullable} == columns


def test_missing_values_of_optional_columns_survive(path):
    table = example("reliability").assign(reliability=[np.nan, 0.5], depth_um=np.nan)
    write_table("reliability", table, path)
    pd.testing.assert_frame_equal(read_table("reliability", path), table)


@pytest.mark.parametrize(("column", "value"), [("area", None), ("block", None), ("n_features", np.nan)])
def test_a_missing_value_of_another_column_is_refused(path, column, value):
    with pytest.raises(ValueError, match=f"table scores: missing values in {column}"):
        write_table("scores", example("scores").assign(**{column: value}), path)
    assert not path.exists()


def test_a_missing_column_is_refused(path):
    with pytest.raises(ValueError, match=r"table scores: missing columns \['layer'\], unknown columns \[\]"):
        write_table("scores", example("scores").drop(columns="layer"), path)


def test_an_unknown_column_is_refused(path):
    with pytest.raises(ValueError, match=r"table scores: missing columns \[\], unknown columns \['colour'\]"):
        write_table("scores", example("scores").assign(colour="red"), path)


@pytest.mark.parametrize(("column", "values"), [("score", ["high", "low"]), ("layer_index", [1.5, 2.5]), ("area", [1, 2])])
def test_values_of_another_type_are_refused(path, column, values):
    with pytest.raises(ValueError, match=column):
        write_table("scores", example("scores").assign(**{column: values}), path)
    assert not path.exists()


def test_another_table_is_refused_by_the_name_of_its_file(path):
    write_table("recordings", example("recordings"), path)
    with pytest.raises(
        InputError, match=r"table\.parquet: not a table 'scores' of this version; remove the file and run again"
    ):
        read_table("scores", path)


def test_a_file_that_is_not_parquet_is_refused(path):
    path.write_text("no parquet")
    with pytest.raises(InputError, match=r"table\.parquet: not a readable parquet file"):
        read_table("scores", path)


def test_a_file_that_is_not_there_is_refused(path):
    with pytest.raises(InputError, match=r"table\.parquet: not a readable parquet file"):
        read_table("scores", path)


def damageable() -> pd.DataFrame:
    """A table of every type, with missing values and texts that repeat."""
    return pd.concat([example("neurons")] * 10, ignore_index=True).assign(
        reliability=np.where(np.arange(20) % 3, 0.5, np.nan), excitatory=pd.array([True, None] * 10, dtype="boolean")
    )


def test_no_flipped_bit_gives_other_values_or_another_error(path):
    write_table("neurons", damageable(), path)
    whole, expected, n_refused = path.read_bytes(), read_table("neurons", path), 0
    for place in np.random.default_rng(0).permutation(8 * len(whole))[:600]:
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            pd.testing.assert_frame_equal(read_table("neurons", path), expected)  # a bit of a description, for instance
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and re.search("emove (it|the file) and run again", str(error))
            n_refused += 1
    assert n_refused > 300


@pytest.mark.parametrize(("column", "value"), [("score", 0.5), ("layer", "c"), ("n_neurons", 3), ("n_neurons", None)])
def test_a_changed_value_is_found_out_where_every_page_is_whole(path, column, value):
    write_table("scores", example("scores"), path)
    arrow = pq.read_table(path)
    changed = example("scores").astype({"n_neurons": "Int64"})
    changed.loc[1, column] = value
    pq.write_table(pa.Table.from_pandas(changed, schema=arrow.schema, preserve_index=False), path)
    with pytest.raises(InputError, match=r"table\.parquet: not as it was written: .*Remove it and run again\."):
        read_table("scores", path)


def test_pages_carry_checksums(path):
    write_table("scores", example("scores"), path)
    content = bytearray(path.read_bytes())
    place = content.index(np.array([0.25, -1.5]).tobytes())  # the scores
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"table\.parquet: not a readable parquet file .*CRC.*Remove it and run again\."):
        read_table("scores", path)


def test_a_table_of_the_version_before_which_had_no_digest_is_refused(path):
    arrow = pa.Table.from_pandas(example("scores"), schema=schema("scores"), preserve_index=False)
    pq.write_table(arrow.replace_schema_metadata({"table": "scores"}), path)
    with pytest.raises(
        InputError, match=r"table\.parquet: not a table 'scores' of this version; remove the file and run again"
    ):
        read_table("scores", path)


def test_a_table_reads_the_same_however_it_lies_in_the_file(path):
    """In groups of rows, and texts as dictionaries."""
    table = pd.concat([example("scores")] * 50, ignore_index=True)
    write_table("scores", table, path)
    arrow = pq.read_table(path)
    pq.write_table(arrow, path, row_group_size=7, compression="gzip", use_dictionary=False)
    pd.testing.assert_frame_equal(read_table("scores", path), table, check_dtype=False)


@pytest.mark.parametrize(
    "spoil", [lambda path: path.mkdir(), lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"PAR1" * 3)]
)
def test_what_is_no_table_at_all_is_refused_with_what_to_do(path, spoil):
    spoil(path)
    with pytest.raises(InputError, match=r"table\.parquet: not a readable parquet file .*Remove it and run again\."):
        read_table("scores", path)


def test_a_table_that_was_cut_off_anywhere_is_refused(path):
    write_table("scores", example("scores"), path)
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 50).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"Remove it and run again\."):
            read_table("scores", path)


def test_tables_are_stacked_in_the_order_of_their_files(tmp_path):
    paths = [tmp_path / f"{i}.parquet" for i in range(3)]
    for i, path in enumerate(paths):
        write_table("scores", example("scores").assign(layer_index=i), path)
    table = read_tables("scores", [paths[2], paths[0]])
    assert table.layer_index.tolist() == [2, 2, 0, 0]
    assert table.index.tolist() == [0, 1, 2, 3]


def test_no_files_give_an_empty_table_with_all_columns_and_their_types():
    table = read_tables("ceilings", [])
    assert len(table) == 0
    assert table.columns.tolist() == list(TABLES["ceilings"])
    assert table.ceiling.dtype == np.float64


def test_a_matrix_of_scores_becomes_a_row_for_each_of_its_entries():
    rows, columns = pd.DataFrame({"layer": ["a", "b", "c"]}), pd.DataFrame({"area": ["VISp", "VISl"]})
    scores = np.arange(6).reshape(3, 2) / 10
    table = cross(rows, columns, scores)
    assert len(table) == 6
    for row in table.itertuples():
        assert row.score == scores[rows.layer.tolist().index(row.layer), columns.area.tolist().index(row.area)]


def test_a_matrix_of_scores_keeps_the_columns_of_rows_and_columns_whatever_their_type():
    rows = pd.DataFrame({"layer": ["b", "a", "b"], "layer_index": [1, 2, 3]})
    columns = pd.DataFrame({"area": ["VISp", "VISl"], "n_neurons": pd.array([5, None], dtype="Int64")})
    table = cross(rows, columns, np.zeros((3, 2)))
    expected = rows.merge(columns, how="cross").assign(score=0.0)
    pd.testing.assert_frame_equal(
        table.astype({"layer": "str", "area": "str"}), expected.astype({"layer": "str", "area": "str"})
    )


def test_areas_are_written_to_the_folders_of_their_names_also_one_without_rows(tmp_path):
    table = example("scores").assign(area=["VISp", "VISl"])
    paths = [tmp_path / area / "net.parquet" for area in ("VISl", "VISp", "VISal")]
    write_by_area("scores", table, paths)
    assert [read_table("scores", path).area.tolist() for path in paths] == [["VISl"], ["VISp"], []]
