"""How alike the RDMs of sites are: against SciPy pair by pair, with a planted order of sites, and against published ones."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from dormouse.files import read_joined, write_arrays
from dormouse.neurons import site_similarity
from dormouse.neurons.populations import site_rdms
from dormouse.tables import read_table, write_table

KEYS = ["area", "cortical_layer", "other_area", "other_cortical_layer"]


def made_up_sites(folder=None, n_images=12, seed=0):
    """RDMs of two areas of two layers each, whose neurons share a signal; by way of files where a folder is given."""
    rng = np.random.default_rng(seed)
    shared, areas = rng.standard_normal((n_images, 30)), []
    for area in ("VISp", "VISl"):
        population = {
            "mean": shared + 0.3 * rng.standard_normal((n_images, 30)),
            "area": np.full(30, area),
            "cortical_layer": np.repeat(["2/3", "4", ""], 10),
        }
        areas.append(site_rdms(population, min_neurons=3))
    if folder is None:
        return {name: np.concatenate([found[name] for found in areas]) for name in areas[0]}
    paths = [folder / "VISp.npz", folder / "VISl.npz"]
    for path, found in zip(paths, areas, strict=True):
        write_arrays(path, found)
    return read_joined(paths, 0)


def by_hand(first, second):
    n = len(first)
    pairs = [(i, j) for i in range(n) for j in range(n) if i < j]
    return pearsonr([first[pair] for pair in pairs], [second[pair] for pair in pairs]).statistic


def test_every_pair_of_areas_and_every_pair_of_layers_is_compared_once_as_by_hand(tmp_path):
    sites = made_up_sites(tmp_path)
    rdms = dict(zip(zip(sites["area"], sites["cortical_layer"], strict=True), sites["rdm"], strict=True))
    table = site_similarity.compare_sites(sites)
    pairs = [((row.area, row.cortical_layer), (row.other_area, row.other_cortical_layer)) for row in table.itertuples()]
    layers = [site for site in rdms if site[1] != "all"]
    expected = {frozenset(pair) for pair in ((a, b) for a in layers for b in layers if a != b)}
    expected |= {frozenset([("VISp", "all"), ("VISl", "all")])}
    assert {frozenset(pair) for pair in pairs} == expected and len(pairs) == len(expected) == 7
    np.testing.assert_allclose(table.r, [by_hand(rdms[a], rdms[b]) for a, b in pairs], atol=1e-12)
    numbers = {("VISp", "all"): 30, ("VISl", "all"): 30} | dict.fromkeys(layers, 10)
    assert list(table.n_neurons) == [numbers[a] for a, _ in pairs]
    assert list(table.other_n_neurons) == [numbers[b] for _, b in pairs]


def test_sites_of_one_signal_are_more_alike_than_sites_of_different_signals():
    sites, others = made_up_sites(seed=0), made_up_sites(seed=1)
    mixed = {name: np.stack([sites[name][0], sites[name][3], others[name][0]]) for name in sites}
    mixed["area"] = np.array(["VISp", "VISl", "VISal"])
    same, other, unlike = site_similarity.compare_sites(mixed).r
    assert same > 0.6 and abs(other) < 0.4 and abs(unlike) < 0.4


def test_numbers_of_neurons_are_missing_for_similarities_and_the_table_survives_writing(tmp_path):
    sites = made_up_sites() | {"n_neurons": np.full(6, -1)}
    table = site_similarity.compare_sites(sites).assign(selection="given")
    write_table("site_similarity", table, tmp_path / "s.parquet")
    read = read_table("site_similarity", tmp_path / "s.parquet")
    assert read.n_neurons.isna().all() and read.other_n_neurons.isna().all() and read.r.notna().all()


@pytest.mark.parametrize("n_published", [12, 11])
def test_published_rdms_are_compared_site_by_site_without_the_blank_which_is_last(n_published):
    sites, published = made_up_sites(seed=0), made_up_sites(seed=0)
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(published["rdm"].shape)
    published["rdm"] = published["rdm"] + noise + noise.swapaxes(1, 2)
    published = {
        "rdm": published["rdm"][[4, 1], :n_published, :n_published],
        "area": np.array(["VISl", "VISal"]),
        "cortical_layer": np.array(["2/3", "2/3"]),
        "n_neurons": np.array([-1, -1]),
    }
    (row,) = site_similarity.compare_with_published(sites, published).to_dict("records")
    expected = by_hand(sites["rdm"][4][:n_published, :n_published], published["rdm"][0])
    assert row["r"] == pytest.approx(expected, abs=1e-12) and 0.02 < abs(row["r"]) < 0.98
    assert (row["area"], row["cortical_layer"], row["n_neurons"]) == ("VISl", "2/3", 10)


def test_without_a_common_site_the_table_is_empty(tmp_path):
    published = made_up_sites()
    published["area"] = np.full(6, "VISam")
    table = site_similarity.compare_with_published(made_up_sites(), published).assign(selection="paper")
    write_table("published_rdms", table, tmp_path / "p.parquet")
    assert isinstance(table, pd.DataFrame) and len(read_table("published_rdms", tmp_path / "p.parquet")) == 0


def test_published_similarities_are_read_as_distances(similarity_folder):
    sites = site_similarity.read_published(similarity_folder / "similarity.npz", ["VISl", "VISam", "VISp"])
    with np.load(similarity_folder / "similarity.npz") as stored:
        # VISam is not there
        assert list(sites["area"]) == ["VISl", "VISp", "VISp"]
        np.testing.assert_allclose(sites["rdm"][0], 1 - stored["VISl"])


@pytest.mark.real
def test_the_published_matrices_are_as_alike_as_was_computed_from_them(real):
    """Of 119 stimuli, in two decimals: here without the blank, so within .02."""
    path = real / "allen-2p-similarity/similarity.npz"
    table = site_similarity.compare_sites(site_similarity.read_published(path, ["VISp", "VISl", "VISpm", "VISam"]))
    r = table.set_index(KEYS).r
    known = {("VISp", "2/3", "VISp", "4"): 0.63, ("VISl", "5", "VISpm", "2/3"): 0.61, ("VISp", "5", "VISl", "5"): 0.56}
    for pair, expected in known.items():
        assert r[pair] == pytest.approx(expected, abs=0.02), pair
