"""The step before MouseNet, on a made-up connectome whose answer is known, and in files of the published formats."""

import gzip
import json
import shutil

import nrrd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import csv
from web import File, cut

from dormouse.errors import InputError
from dormouse.mousenet.anatomy import Options, build_anatomy, read_measured
from dormouse.mousenet.connectome import Connectome, connection_width, flatten, has_one_peak, measure
from dormouse.mousenet.connectome_files import read_connectome

SHAPE, CENTRE, RADIUS = (80, 50, 70), np.array([45.0, 62.0, 34.5]), 45.0  # of the brain, and of its cortex, voxels
# latitude and longitude of the middle of every area, and half its side, voxels
PATCHES = {
    "VISp": (17, 0, 15),
    **{"VISl": (4, 19, 3), "VISrl": (11, 19, 3), "VISli": (18, 19, 3), "VISpl": (25, 19, 3)},
    **{"VISal": (4, 26, 3), "VISpor": (11, 26, 3)},
}
DEPTHS = {"2/3": 0, "4": 1, "5": 2}  # below the surface
SIGMA_MM, STRENGTHS = 0.35, {"VISp4": 1.0, "VISp2/3": 2.0, "VISp5": 5.0}  # of what areas receive
IDS = {area: 1000 + k for k, area in enumerate(PATCHES)} | {"cerebellum": 512}
NODES = pd.DataFrame(
    [("LGNd", "", 0, 21200, np.nan)]
    + [("VISp", layer, 1, 100_000, np.nan) for layer in ("4", "2/3", "5")]
    + [("VISl", layer, 2, 20_000, np.nan) for layer in ("4", "2/3", "5")],
    columns=["area", "layer", "level", "n_neurons", "surface_area_mm2"],
)


def structure_paths():
    """Acronyms and their ids, from the root on."""
    paths = {"root": [997], "grey": [997, 8], "VIS": [997, 8, 669], "cerebellum": [997, 8, 512]}
    for area in PATCHES:
        paths[area] = [*paths["VIS"], IDS[area]]
        paths |= {f"{area}{layer}": [*paths[area], 10 * IDS[area] + depth] for layer, depth in DEPTHS.items()}
    return paths


def annotated():
    """A brain with visual areas in both hemispheres, on a sphere around the middle, and something else behind them."""
    places = np.indices(SHAPE).reshape(3, -1).T
    volume = np.zeros(len(places), np.uint32)
    offsets = places - CENTRE
    distance = np.linalg.norm(offsets, axis=1)
    latitude = RADIUS * np.arctan(np.abs(places[:, 2] - 34.5) / np.hypot(offsets[:, 0], offsets[:, 1]))
    longitude = RADIUS * np.arctan2(-offsets[:, 0], -offsets[:, 1])
    for area, (north, east, half) in PATCHES.items():
        patch = (np.abs(latitude - north) < half) & (np.abs(longitude - east) < half)
        for depth in DEPTHS.values():
            layer = (distance <= RADIUS - depth) & (distance > RADIUS - depth - 1)
            volume[patch & layer] = 10 * IDS[area] + depth
    volume[(longitude < -20) & (distance < RADIUS) & (distance > RADIUS - 2)] = IDS["cerebellum"]
    return volume.reshape(SHAPE)


class Brain:
    """A voxel model in which layer 4 of areas receives from VISp what `STRENGTHS` says, each voxel from around one place."""

    def __init__(self):
        self.annotation, paths = annotated(), structure_paths()
        grey = self.annotation > 0
        right = grey.copy()
        right[..., : SHAPE[2] // 2] = False
        self.sources, self.targets = np.argwhere(right), np.argwhere(grey)
        names = {path[-1]: name for name, path in paths.items()}
        self.names = np.array([names[k] for k in self.annotation[right]])
        visual = np.char.startswith(self.names, "VIS")
        self.flat = np.full((len(self.sources), 2), np.nan)
        self.flat[visual] = flatten(self.sources[visual])
        receiving = np.flatnonzero(np.char.endswith(self.names, "4") & (self.names != "VISp4"))
        middle = np.nanmean(self.flat[np.isin(self.names, list(STRENGTHS))], axis=0)
        aims = middle + 0.3 * (self.flat[receiving] - self.flat[receiving].mean(axis=0))
        self.weights = np.zeros((len(self.sources), len(receiving)))
        for name, strength in STRENGTHS.items():
            rows = np.flatnonzero(self.names == name)
            squares = ((self.flat[rows][:, None] - aims) ** 2).sum(axis=2)
            self.weights[rows] = np.round(strength * np.exp(-squares / (2 * SIGMA_MM**2)), 5)
        place = {tuple(voxel): k for k, voxel in enumerate(self.targets)}
        self.columns = np.array([place[tuple(voxel)] for voxel in self.sources])  # of each source voxel among the targets
        # of no meaning but for targets that are wrongly found
        self.nodes = np.random.default_rng(0).integers(3, size=(len(receiving), len(self.targets))).astype(float)
        self.nodes[:, self.columns[receiving]] = np.eye(len(receiving))
        self.visual = visual

    def connectome(self):
        rows = np.flatnonzero(self.visual)
        nodes = {"published": self.nodes[:, rows], "corrected": self.nodes[:, self.columns[rows]]}
        return Connectome(self.sources[rows], self.names[rows], self.weights[rows], nodes)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in (("weights", self.weights), ("nodes", self.nodes)):
            with gzip.open(folder / f"{name}.csv.gz", "wb", compresslevel=1) as file:
                table = pa.table(list(values.T), names=[str(k) for k in range(values.shape[1])])
                csv.write_csv(table, file, csv.WriteOptions(include_header=False))  # in a tenth of the time that pandas takes
        for part, hemisphere in (("source", 2), ("target", 3)):
            (folder / f"{part}_mask_params.json").write_text(json.dumps({"structure_ids": [8], "hemisphere_id": hemisphere}))
        nrrd.write(str(folder / "annotation_100.nrrd"), self.annotation)
        rows = [
            {"acronym": name, "id": path[-1], "structure_id_path": "/" + "/".join(map(str, path)) + "/"}
            for name, path in structure_paths().items()
        ]
        (folder / "structures.json").write_text(json.dumps({"success": True, "msg": rows}))
        return folder


@pytest.fixture(scope="module")
def brain():
    return Brain()


@pytest.fixture(scope="module")
def published(brain, tmp_path_factory):
    return brain.write(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def measured(brain):
    return {indexing: measure(brain.connectome(), NODES, indexing) for indexing in ("published", "corrected")}


def planted_width_mm():
    """Of a Gaussian of `SIGMA_MM` in two dimensions, cut where the square of the distance is twice its sd: in closed form."""
    variance = 2 * SIGMA_MM**2
    x = 2 * np.sqrt(variance) / variance
    cut = variance * (1 - (1 + x) * np.exp(-x)) / (1 - np.exp(-x))
    return np.sqrt(cut - 0.3**2)


def test_the_planted_widths_are_recovered(measured):
    _, connections = measured["corrected"]
    assert connections[["source", "target"]].to_numpy().tolist() == [[source, "VISl4"] for source in STRENGTHS]
    np.testing.assert_allclose(connections.width_um, 1000 * planted_width_mm(), rtol=0.05)


def test_the_planted_in_degrees_are_recovered(brain, measured):
    """A thousand in all, shared by strength and number of voxels."""
    _, connections = measured["corrected"]
    receiving = np.flatnonzero(brain.names == "VISl4")
    W = brain.weights @ brain.nodes[:, brain.columns[receiving]]
    totals = np.array([W[brain.names == name].sum() for name in STRENGTHS])
    np.testing.assert_allclose(connections.in_degree, 1000 * totals / totals.sum(), rtol=1e-9)
    a_voxel = totals / [np.sum(brain.names == name) for name in STRENGTHS]
    np.testing.assert_allclose(a_voxel / a_voxel[0], [1, 2, 5], rtol=0.05)
    assert connections.in_degree.sum() == pytest.approx(1000)


def test_published_indexing_reads_other_voxels(brain, measured):
    """By definition: the place of a target voxel among those of one hemisphere, as a column of both."""
    receiving = np.flatnonzero(brain.names == "VISl4")
    assert not np.array_equal(receiving, brain.columns[receiving])
    W = brain.weights @ brain.nodes[:, receiving]
    totals = np.array([W[brain.names == name].sum() for name in STRENGTHS])
    _, connections = measured["published"]
    np.testing.assert_allclose(connections.in_degree, 1000 * totals / totals.sum(), rtol=1e-9)
    assert not np.allclose(connections.width_um, measured["corrected"][1].width_um, rtol=0.01)


def test_surface_areas_are_those_of_the_patches(measured):
    nodes, _ = measured["corrected"]
    areas = nodes.set_index(nodes.area + nodes.layer).surface_area_mm2
    assert np.isnan(areas["LGNd"])
    assert areas["VISp2/3"] == pytest.approx((3.0 - 0.1) ** 2, rel=0.05)  # between the middles of voxels
    assert 0.4 * 0.4 <= areas["VISl2/3"] <= 0.6 * 0.6


def test_a_flat_map_is_latitude_and_longitude_on_the_sphere_that_fits():
    rng = np.random.default_rng(0)
    latitude, longitude = rng.uniform(-0.5, 0.5, (2, 500))
    y, x = -np.cos(latitude) * np.cos(longitude), -np.cos(latitude) * np.sin(longitude)
    positions = 40 * np.stack([x, y, np.sin(latitude)], axis=1) + [60, 55, 48]
    np.testing.assert_allclose(flatten(positions), 0.1 * 40 * np.stack([latitude, longitude], axis=1), atol=1e-6)


@pytest.fixture
def square():
    return np.stack(np.meshgrid(np.arange(30), np.arange(30)), axis=-1).reshape(-1, 2) * 0.1


def bump(flat, *places, sigma=0.3):
    return sum(np.exp(-((flat - place) ** 2).sum(axis=1) / (2 * sigma**2)) for place in places)


def test_connections_of_two_peaks_do_not_count_and_those_of_none_do(square):
    one, two, none = bump(square, [1.5, 1.5]), bump(square, [0.5, 0.5], [2.5, 2.5], sigma=0.2), np.zeros(len(square))
    assert has_one_peak(np.stack([one, two, none], axis=1), square).tolist() == [True, False, True]
    alone = connection_width(one[:, None], square)
    assert connection_width(np.stack([one, two], axis=1), square) == pytest.approx(alone)
    assert connection_width(np.stack([one, none], axis=1), square) == pytest.approx(alone / 2)


def test_a_width_is_that_of_a_loop_over_targets(square):
    W = np.stack([bump(square, [1.5, 1.2]), 3 * bump(square, [1.0, 1.6], sigma=0.4)], axis=1)
    widths = []
    for w in W.T:
        centre = (w[:, None] * square).sum(axis=0) / w.sum()
        squares = ((square - centre) ** 2).sum(axis=1)
        kept = w * (squares < 2 * np.sqrt((w * squares).sum() / w.sum()))
        widths.append(np.sqrt(max(0, (kept * squares).sum() / kept.sum() - 0.09)))
    assert connection_width(W, square) == pytest.approx(np.mean(widths))


def test_nothing_but_smoothing_is_no_width(square):
    assert connection_width(bump(square, [1.5, 1.5], sigma=0.15)[:, None], square) == 0.0


# --- files


def test_files_of_the_published_formats_give_the_same(brain, published):
    found, expected = read_connectome(published, NODES), brain.connectome()
    np.testing.assert_array_equal(found.positions, expected.positions)
    asked_for = np.isin(expected.node, NODES.area + NODES.layer)
    np.testing.assert_array_equal(found.node, np.where(asked_for, expected.node, ""))
    np.testing.assert_array_equal(found.as_source, expected.as_source)
    for indexing, factor in expected.as_target.items():
        np.testing.assert_array_equal(found.as_target[indexing], factor)


@pytest.mark.parametrize(
    ("file", "spoil", "message"),
    [
        ("weights.csv.gz", lambda path: path.write_bytes(path.read_bytes()[:-500]), "not a readable table of numbers"),
        ("weights.csv.gz", lambda path: path.write_bytes(gzip.compress(b"1,2\n3,4\n")), "2 rows, but the mask has"),
        ("nodes.csv.gz", lambda path: path.write_bytes(gzip.compress(b"1,2\n3,4\n")), "2 columns, but the mask has"),
        ("nodes.csv.gz", lambda path: path.write_bytes(b"no"), "not a readable table of numbers"),
        ("annotation_100.nrrd", lambda path: path.write_bytes(b"NRRD"), "not a readable NRRD file"),
        ("structures.json", lambda path: path.write_text('{"success": false, "msg": "busy"}'), "not a list of structures"),
        ("structures.json", lambda path: path.write_text("<html>"), "not a list of structures"),
        ("source_mask_params.json", lambda path: path.unlink(), "not the structures of a mask .*not found"),
    ],
)
def test_a_file_that_is_spoilt_is_named(published, tmp_path, file, spoil, message):
    folder = shutil.copytree(published, tmp_path / "spoilt")
    spoil(folder / file)
    with pytest.raises(InputError, match=message) as raised:
        read_connectome(folder, NODES)
    assert str(raised.value).startswith(str(folder / file))


def test_nodes_that_are_no_structures_are_named(published):
    with pytest.raises(InputError, match=r"no structure 'VISam4'"):
        read_connectome(published, NODES.replace("VISl", "VISam"))


@pytest.mark.workflow
@pytest.mark.slow
def test_the_rules_fetch_and_measure_and_a_variant_names_the_result(root, published, tmp_path, web, snakemake):
    """From a local server that breaks off once, to tables that make a network."""
    web.files |= {f"/{path.name}": File(path) for path in published.iterdir()}
    web.will(cut(1000), at="/weights")
    sources = {"model": web.address, "annotation": web.address, "structures": f"{web.address}/structures.json"}
    tables = "results/mousenet/connectome/corrected"
    mine = yaml.safe_load((root / "config.yaml").read_text())["mousenet"]["variants"]["small"] | {"tables": tables}
    config = {"dataset": "demo", "mousenet": {"connectome": sources, "variants": {"mine": mine}}}
    snakemake("results/mousenet/mine/connections.parquet", config=config)
    known = read_measured("nodes")
    nodes, expected = measure(read_connectome(published, known), known, "corrected")
    found = read_measured("connections", tmp_path / "run" / tables)
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))
    areas = read_measured("nodes", tmp_path / "run" / tables)
    anatomy = build_anatomy(areas, found, read_measured("laminar"), Options())
    assert len(anatomy.connections) == 49
    assert anatomy.nodes["VISp4"].surface_area_mm2 == pytest.approx(nodes.surface_area_mm2[1])
