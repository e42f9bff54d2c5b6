"""Exports of a run: tables that read back, columns that are told, RDMs that rsatoolbox reads, the same each time."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest
from example_tables import example
from made_up_tables import FACTS, write_run
from scipy.spatial.distance import squareform

from dormouse.columns import TABLES
from dormouse.files import write_arrays
from dormouse.neurons.populations import site_rdms
from dormouse.paper.exporting import write_exports
from dormouse.paper.exports.csv_files import columns_of, data_package, write_csv
from dormouse.paper.exports.rdm_file import write_rdms
from dormouse.tables import optional, schema

NUMBERS = [1 / 3, 1e-300, -0.1 + 0.2, 1e22, np.pi * 1e-7, -0.0]
TEXTS = ["", 'with "quotes", commas', "two\nlines", "2/3", "nan", "é", " spaces ", "1e5"]


def odd(name, n=8):
    """Return rows of a table with numbers and texts that are easily spoilt, and missing values where these may be."""
    table = pd.concat([example(name)] * (n // 2), ignore_index=True)
    for column, (kind, _) in TABLES[name].items():
        if kind == pa.float64():
            table[column] = (NUMBERS * 2)[:n]
        if kind == pa.string():
            table[column] = TEXTS[:n]
        if column in optional(name):
            table[column] = table[column].astype(object).mask(np.arange(n) == 1)
    return table


@pytest.mark.parametrize("name", TABLES)
def test_a_table_reads_back_from_csv_as_it_was(name, tmp_path):
    table, path = odd(name), tmp_path / f"{name}.csv"
    write_csv(name, table, path)
    told = {"strings_can_be_null": True, "quoted_strings_can_be_null": False, "null_values": [""]}
    options = pa.csv.ConvertOptions(column_types=schema(name), **told)
    read = pa.csv.read_csv(path, convert_options=options, parse_options=pa.csv.ParseOptions(newlines_in_values=True))
    assert read.equals(pa.Table.from_pandas(table, schema=schema(name), preserve_index=False).cast(read.schema))


def test_csv_is_utf_8_and_has_every_digit_whatever_reads_it(tmp_path):
    table = odd("specificity")
    write_csv("specificity", table, tmp_path / "s.csv")
    with open(tmp_path / "s.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["same"]).hex() for row in rows] == [value.hex() for value in table.same]
    assert [row["area"] for row in rows] == TEXTS and [row["low"] == "" for row in rows] == list(table.low.isna())


def test_columns_are_told_in_order_and_the_package_says_the_same_of_every_file(tmp_path):
    names = ["intervals", "neurons"]
    told = columns_of(names)
    package = data_package(names, FACTS)
    assert package["name"] == "my-mice" and package["sources"] == [{"title": "nobody"}]
    for name, resource in zip(names, package["resources"], strict=True):
        write_csv(name, odd(name), tmp_path / resource["path"])
        with open(tmp_path / resource["path"], encoding="utf-8", newline="") as file:
            (header, *_) = csv.reader(file)
        own = told[told.table == name]
        fields = resource["schema"]["fields"]
        assert header == list(TABLES[name]) == list(own.column) == [field["name"] for field in fields]
        assert [field["type"] for field in fields] == list(own.type)
        assert list(own.description) == [text for _, text in TABLES[name].values()]
        assert set(own.column[own.may_be_missing]) == optional(name)
        required = {field["name"] for field in fields if "constraints" in field}
        assert required == {c for c, (kind, _) in TABLES[name].items() if kind != pa.string()} - optional(name)


@pytest.fixture
def rdm_files(tmp_path):
    """Files of the RDMs of two areas by two selections, and the RDMs by selection, target, area and layer."""
    rng, files, expected = np.random.default_rng(0), [], {}
    for selection in ("paper", "strict"):
        for area in ("VISp", "VISl"):
            layers = np.repeat(["2/3", "4", ""], 5)
            population = {"mean": rng.random((7, 15)), "area": np.full(15, area), "cortical_layer": layers}
            sites = site_rdms(population, 3)
            files.append(tmp_path / f"rdms/{selection}/{area}.npz")
            write_arrays(files[-1], sites)
            for target in ("rdm", "rdm_zscored"):
                rdms = zip(sites["cortical_layer"], sites[target], strict=True)
                expected |= {(selection, target, area, str(layer)): rdm for layer, rdm in rdms}
    return files, expected


def test_rsatoolbox_reads_the_rdms_of_all_sites_with_their_names(rdm_files, tmp_path):
    from rsatoolbox.rdm import load_rdm

    (files, expected), names = rdm_files, [f"s{k}" for k in range(6)] + ["été"]
    write_rdms(tmp_path / "rdms.hdf5", files, names, "Mice")
    loaded = load_rdm(str(tmp_path / "rdms.hdf5"))
    said = loaded.rdm_descriptors
    sites = list(zip(*(said[key] for key in ("selection", "target", "area", "cortical_layer")), strict=True))
    assert sites == list(expected) and len(set(sites)) == 24
    for matrix, site in zip(loaded.get_matrices(), sites, strict=True):
        np.testing.assert_array_equal(matrix, expected[site])
    np.testing.assert_array_equal(loaded.dissimilarities[0], squareform(expected[sites[0]], checks=False))
    assert list(said["n_neurons"][:3]) == [15, 5, 5]
    assert list(loaded.pattern_descriptors["stimulus"]) == [*names[:6], r"\xe9t\xe9"]
    assert loaded.dissimilarity_measure == "correlation" and "1 - Pearson r" in loaded.descriptors["dissimilarity"]


def test_rsatoolbox_counts_the_same_distances(rdm_files, tmp_path):
    """Its own RDM of the same patterns is the one in the file."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, load_rdm

    patterns = np.random.default_rng(3).random((7, 20))
    everything = {"area": np.full(20, "VISp"), "cortical_layer": np.full(20, "")}
    path = tmp_path / "rdms/all/VISp.npz"
    write_arrays(path, site_rdms({"mean": patterns, **everything}, 3))
    write_rdms(tmp_path / "one.hdf5", [path], [str(k) for k in range(7)], "Mice")
    own = calc_rdm(Dataset(patterns), method="correlation").dissimilarities[0]
    np.testing.assert_allclose(load_rdm(str(tmp_path / "one.hdf5")).dissimilarities[0], own, atol=1e-12)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_exported_whole_and_the_same_each_time(rdm_files, tmp_path):
    tables, (files, _) = write_run(tmp_path / "tables"), rdm_files
    write_arrays(tmp_path / "stimuli.npz", {"names": np.array([f"s{k}" for k in range(7)])})
    write_exports(tmp_path / "first", tables, files, [tmp_path / "stimuli.npz"])
    time.sleep(1.1)  # HDF5 counts time in seconds
    write_exports(tmp_path / "second", tables, files, [tmp_path / "stimuli.npz"])
    first = contents(tmp_path / "first")
    assert first == contents(tmp_path / "second")
    others = {"README.md", "columns.csv", "datapackage.json", "numbers.tex", "rdms.hdf5"}
    assert set(first) == others | {f"tables/{path.stem}.csv" for path in tables}
    listed = [resource["path"] for resource in json.loads(first["datapackage.json"])["resources"]]
    assert sorted(listed) == sorted(set(first) - others)
    assert "rdms.hdf5" in first["README.md"].decode() and "not here" not in first["README.md"].decode()


def test_without_files_of_rdms_these_are_left_out_and_the_readme_says_so(tmp_path):
    write_exports(tmp_path / "exports", write_run(tmp_path / "tables"), [], [])
    assert not (tmp_path / "exports/rdms.hdf5").exists()
    assert "RDMs of the sites are not here" in (tmp_path / "exports/README.md").read_text()
