"""Kernels of a network: from its layers through their files, as exact as they are said to be, and no score the worse."""

import numpy as np
import pandas as pd
import pytest
import torch
from kernel_files import RECORD, extract_to, make_arrays, mixtures, packed_in_one_piece, read_kernel, write
from networks import Aside, Beside, make_images, random_network
from scoring import score_rsa
from torch import nn

from dormouse.errors import InputError
from dormouse.features import extraction
from dormouse.features.kernels import (
    KERNELS,
    STEPS,
    StoredKernel,
    layer_table,
    pack,
    read_layers,
    read_provenance,
    unpack,
)
from dormouse.features.layers import Layer, places
from dormouse.features.plan import Plan, designs
from dormouse.features.spectrum import participation_ratio
from dormouse.features.survey import survey
from dormouse.methods import rdms, ridge

SCORES = 1e-9  # what storing may change of a score


def correlations(K: np.ndarray) -> np.ndarray:
    norm = np.sqrt(np.einsum("lii->li", K))
    rows, columns = np.tril_indices(K.shape[1], k=-1)
    scale = norm[:, rows] * norm[:, columns]
    return np.divide(K[:, rows, columns], scale, out=np.zeros_like(scale), where=scale > 0)


def unpacked(K: np.ndarray) -> np.ndarray:
    return np.array([unpack(*pack(of_layer)) for of_layer in K]).reshape(K.shape)


# --- accuracy


@pytest.mark.parametrize(("n_layers", "n_images"), [(5, 40), (1, 3), (3, 2), (1, 119)])
def test_kernels_come_back_within_half_a_step_of_each_correlation(n_layers, n_images):
    K = mixtures(n_layers, n_images, seed=0)
    found = unpacked(K)
    assert found.shape == K.shape and found.dtype == np.float64
    r = correlations(K)
    half = np.ptp(r, axis=1, keepdims=True) / STEPS / 2
    assert (np.abs(correlations(found) - r) <= half * 1.001 + 4e-16).all()
    np.testing.assert_array_equal(found, found.mT)
    np.testing.assert_allclose(np.einsum("lii->li", found), np.einsum("lii->li", K), rtol=1e-15)


def test_a_step_is_finer_where_correlations_are_alike():
    K = np.ones((1, 5, 5)) + 1e-6 * mixtures(1, 5, seed=1) / 400
    assert np.abs(correlations(unpacked(K)) - correlations(K)).max() < 1e-15


def test_layers_are_stored_each_in_its_own_range_and_size():
    K = mixtures(3, 20, seed=2)
    scaled = K * np.array([1e-12, 1.0, 1e12])[:, None, None]
    scaled[0] = np.einsum("ij,i,j->ij", scaled[0], *[np.logspace(-3, 3, 20)] * 2)
    for alone, together in zip(scaled, unpacked(scaled), strict=True):
        np.testing.assert_array_equal(unpacked(alone[None])[0], together)


def test_images_without_variance_stay_so():
    K = mixtures(2, 10, seed=3)
    K[1, 4], K[1, :, 4] = 0.0, 0.0
    found = unpacked(K)
    np.testing.assert_array_equal(found[1, 4], 0.0)
    np.testing.assert_array_equal(found[1, :, 4], 0.0)
    others = np.delete(np.arange(10), 4)
    np.testing.assert_allclose(found[1][np.ix_(others, others)], K[1][np.ix_(others, others)], rtol=1e-5)
    np.testing.assert_array_equal(unpacked(np.zeros((2, 4, 4))), 0.0)


def test_a_variance_that_rounding_left_below_zero_is_none():
    K = mixtures(1, 4, seed=4)
    K[0, 1, 1] = -1e-9
    np.testing.assert_array_equal(unpacked(K)[0, 1], 0.0)


@pytest.mark.filterwarnings("error")
def test_correlations_that_are_all_the_same_come_back():
    K = np.full((1, 4, 4), 0.25) + 0.75 * np.eye(4)
    np.testing.assert_array_equal(unpacked(K), K)


@pytest.mark.parametrize("shape", [(0, 5, 5), (2, 1, 1)])
def test_no_layers_and_no_pairs_are_stored_too(shape):
    K = np.full(shape, 3.0)
    np.testing.assert_allclose(unpacked(K), K, rtol=1e-15)


def test_layers_packed_one_by_one_are_those_packed_together_bit_by_bit():
    K = np.concatenate([mixtures(4, 30, seed=13), np.zeros((1, 30, 30)), np.ones((1, 30, 30))])
    assert unpacked(K).tobytes() == packed_in_one_piece(K).tobytes()


# --- scores


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> tuple[dict, dict, dict]:
    """Give arrays of a network, what the files give of them, and the files."""
    arrays = make_arrays(6, 119)
    paths = write(tmp_path_factory.mktemp("network"), arrays)
    found = {name: read_kernel(path)["kernel"] for name, path in paths.items()}
    return arrays, arrays | found, paths


@pytest.mark.parametrize("name", KERNELS)
def test_every_file_tells_all_of_the_layers_the_images_and_the_network(stored, name):
    arrays, _, paths = stored
    layers, kernel = read_layers(paths[name]), read_kernel(paths[name])
    pd.testing.assert_frame_equal(layers, layer_table(arrays))
    assert kernel.keys() == {"kernel", "row_sum", "n_features", "image_sha256"}
    for key in ("row_sum", "n_features"):
        np.testing.assert_array_equal(kernel[key], arrays[key])
    assert kernel["image_sha256"].tolist() == [f"{k:064x}" for k in range(119)]
    assert kernel["kernel"].tobytes() == packed_in_one_piece(arrays[name]).tobytes()
    for expected, layer in zip(kernel["kernel"], StoredKernel(paths[name]), strict=True):
        np.testing.assert_array_equal(layer, expected)
    assert read_provenance(paths[name]) == RECORD


@pytest.mark.parametrize("name", ["srp", "zscore"])
@pytest.mark.parametrize("penalty", [1.0, 1e5])
def test_scores_of_ridge_are_those_of_the_kernels_before_they_were_stored(stored, name, penalty):
    arrays, found, _ = stored
    Y = np.random.default_rng(9).standard_normal((119, 50))
    Y[:, :25] += 0.05 * arrays[name][2] @ Y[:, :25] / 400
    expected = ridge.score_layers(arrays[name], Y, penalty)
    assert np.ptp(expected) > 0.3
    np.testing.assert_allclose(ridge.score_layers(found[name], Y, penalty), expected, rtol=0, atol=SCORES)


def test_scores_of_rsa_are_those_of_the_kernels_before_they_were_stored(stored):
    arrays, found, _ = stored
    rng = np.random.default_rng(10)
    sites = [rdms.rdm_from_patterns(rng.standard_normal((119, 60)) @ np.diag(np.logspace(0, 2, 60))) for _ in range(3)]
    targets = {
        "rdm": np.stack([*sites, rdms.rdm_from_centred(arrays["centred"], arrays["row_sum"], 400)[0][3]]),
        "area": np.array(["VISp", "VISl", "VISal", "VISam"]),
        "cortical_layer": np.array(["all"] * 4),
        "n_neurons": np.full(4, 60),
    }
    tables = [score_rsa(each, targets) for each in (arrays, found)]
    assert np.ptp(tables[0].score) > 0.5
    pd.testing.assert_frame_equal(*(table.drop(columns="score") for table in tables))
    np.testing.assert_allclose(tables[1].score, tables[0].score, rtol=0, atol=SCORES)


# --- layers


def test_layers_are_numbered_from_one_and_the_deepest_has_depth_one():
    arrays = make_arrays(4, 3)
    table = layer_table(arrays)
    assert list(table)[:4] == ["layer", "path", "layer_index", "layer_depth"]
    assert list(table)[4:] == ["block", "block_depth", "n_features", "effective_dimension"]
    assert table.layer_index.tolist() == [1, 2, 3, 4]
    assert table.layer_depth.tolist() == [0.25, 0.5, 0.75, 1.0]
    for name in set(table) - {"layer_index", "layer_depth"}:
        assert table[name].tolist() == arrays[name].tolist()


def test_blocks_are_numbered_by_their_first_layer_also_where_one_runs_again():
    blocks = {"a": "trunk", "b": "neck", "c": "trunk", "d": "head"}
    found = places([Layer(name, block, 0, False, 1, f"{block}.{name}") for name, block in blocks.items()])
    assert {name: place["block_depth"] for name, place in found.items()} == {"a": 1 / 3, "b": 2 / 3, "c": 1 / 3, "d": 1.0}
    assert {name: place["block"] for name, place in found.items()} == blocks
    assert found["c"]["path"] == "trunk.c"


# --- from a network to its files


def test_layers_have_the_path_of_their_module_and_the_dimension_of_their_features(tmp_path):
    network, images, features = random_network("alexnet"), make_images(12, 64, seed=0), {}
    table = read_layers(extract_to(tmp_path, network, images)["srp"]).set_index("layer")
    assert table.path["Conv2d-4"] == "features.8" and table.path["Linear-3"] == "classifier.6"
    modules = dict(network.named_modules())
    assert all(type(modules[row.path]).__name__ == row.Index.split("-")[0] for row in table.itertuples())
    for path, module in modules.items():
        module.inplace = False
        module.register_forward_hook(lambda module, _, output, path=path: features.update({path: output}))
    with torch.no_grad():
        network(torch.from_numpy(images))
    for row in table.itertuples():
        X = features[row.path].flatten(1).numpy().astype(np.float64)
        X -= X.mean(axis=0)
        values = np.linalg.eigvalsh(X @ X.T)
        assert row.effective_dimension == pytest.approx(values.sum() ** 2 / np.square(values).sum(), rel=1e-4), row.Index


def test_a_layer_that_does_not_vary_over_images_has_no_dimension(tmp_path):
    def same(x):
        return x[:1].expand(x.shape) * 0 + nn.functional.pad(x.new_ones(3, 4, 4), (1, 3, 2, 2)) / 3

    network = nn.Sequential(Beside(Aside(same)))
    table = read_layers(extract_to(tmp_path, network, make_images(5, 8, seed=1))["centred"]).set_index("layer")
    assert np.isnan(table.effective_dimension["Aside-1"])
    assert table.effective_dimension["Beside-1"] == pytest.approx(1.0)


@pytest.mark.parametrize(("n_passes", "n_groups"), [(1, 1), (3, 1), (7, 3), (28, 2)])
def test_files_of_every_plan_hold_what_is_kept_in_memory_bit_by_bit(monkeypatch, tmp_path, n_passes, n_groups):
    layers = [nn.Conv2d(3, 9, 3), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Conv2d(9, 7, 3), nn.Flatten(), nn.Linear(112, 20)]
    network, images = nn.Sequential(*layers).eval(), make_images(8, 8, seed=2)
    names = [layer.name for layer in survey(network, torch.from_numpy(images)).layers]
    groups = [frozenset(part) for part in np.array_split(names, n_groups)]
    passes = next(passes for passes in designs(8) if len(passes) == n_passes)
    monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: Plan(passes, groups, 4, 0, 0))
    arrays = extraction.extract(network, images, "all", KERNELS, 0.9, 0, threads=1)
    assert arrays["layer"].tolist() == ["Conv2d-1", "ReLU-1", "Conv2d-2", "Linear-1"]  # the others repeat one
    for name, path in extract_to(tmp_path, network, images).items():
        found = read_kernel(path)
        assert found["kernel"].tobytes() == packed_in_one_piece(arrays[name]).tobytes()
        assert found["row_sum"].tobytes() == arrays["row_sum"].tobytes()
        pd.testing.assert_frame_equal(read_layers(path), layer_table(arrays))
        ratios = [
            participation_ratio(K + np.outer(s, s) / p)
            for K, s, p in zip(arrays["centred"], arrays["row_sum"], arrays["n_features"], strict=True)
        ]
        np.testing.assert_array_equal(read_layers(path).effective_dimension, ratios)


def test_layers_are_handed_on_before_the_next_one_runs():
    seen, network = [], nn.Sequential(nn.Tanh(), Aside(lambda x: seen.append("runs") or x + 1), nn.Sigmoid())

    def keep(layer: dict) -> None:
        seen.append(layer["layer"])

    found = extraction.extract(network, make_images(5, 8, seed=3), "all", [], 0.9, 0, threads=1, keep=keep)
    assert seen == ["runs", "runs", "Tanh-1", "runs", "Aside-1", "Sigmoid-1"]  # the first two times it is surveyed
    assert found == {}


def test_a_network_none_of_whose_blocks_has_numbers_is_refused_by_blocks_and_leaves_no_file(tmp_path):
    class Says(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Tanh()

        def forward(self, x):
            return str(self.inner(x).shape)

    network = nn.Sequential(Says())
    assert len(read_layers(extract_to(tmp_path / "all", network, make_images(4, 8, seed=4))["srp"])) == 1
    with pytest.raises(InputError, match=r"no block of the network puts out numbers of single images\. Set `layers: all`"):
        extract_to(tmp_path / "blocks", network, make_images(4, 8, seed=4), "blocks")
    assert list((tmp_path / "blocks").iterdir()) == []
