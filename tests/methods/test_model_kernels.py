"""Kernels that methods read in blocks of layers: the scores are those of all layers at once, whatever fits into memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from experiments import FOLDS, LEFT_OUT, RSA, population_of
from kernel_files import make_arrays, write

from dormouse.files import write_arrays
from dormouse.inference import rdm_scorer, specificity
from dormouse.inference.assessment import assess
from dormouse.inference.permutation import best_scores
from dormouse.inference.scorers import scorers
from dormouse.methods import model_kernels, scores
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.scores import read_areas, read_model, score_areas, score_rdms, score_responses
from dormouse.neurons.populations import site_rdms
from dormouse.tables import read_table, write_by_area

N_LAYERS, N = 7, 16
STIMULI = [f"scene_{k}" for k in range(N - 1)] + ["blank"]
NESTED = FOLDS | {"settings": {"folds": 3, "seed": 3, "penalties": [0.1, 10.0]}, "images": "scenes"}
ROWS = {
    "rsa": RSA,
    "scenes": RSA | {"images": "scenes", "settings": {"correlation": "spearman"}, "choice": "other_images"},
    "left out": LEFT_OUT | {"kernels": ["srp"]},
    "folds": NESTED | {"choice": "other_images"},
}


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return make_arrays(N_LAYERS, N)


@pytest.fixture(scope="module")
def files(arrays, tmp_path_factory) -> dict:
    return write(tmp_path_factory.mktemp("kernels"), arrays)


def model(files) -> tuple[pd.DataFrame, ModelKernels]:
    return read_model([files["centred"], files["srp"]], {name: f"{k:064x}" for k, name in enumerate(STIMULI)})


@pytest.fixture
def little_memory(monkeypatch):
    """Nothing is held, a block has two layers at most, and RDMs of sites and populations come one at a time."""
    monkeypatch.setattr(model_kernels, "HELD_BYTES", 0)
    monkeypatch.setattr(model_kernels, "BLOCK_BYTES", 2 * 8 * N**2)
    monkeypatch.setattr(rdm_scorer, "BLOCK_BYTES", 1)
    monkeypatch.setattr(specificity, "BLOCK_BYTES", 1)
    monkeypatch.setattr(scores, "AREAS_BYTES", 1)


def population() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((N, 30))
    layer = np.array(["2/3", "4", "4"] * 10)
    halves = {"odd": Y + rng.standard_normal(Y.shape), "even": Y - rng.standard_normal(Y.shape)}
    return population_of(Y, ["a", "b", "c"] * 10) | {"cortical_layer": layer} | halves


def everything(files) -> list:
    """What the jobs of scores, of resamples and of permuted orders make of a model."""
    layers, kernels = model(files)
    given, choice = population(), {"n_halves": 3, "seed": 0}
    of_rdms = {name: row for name, row in ROWS.items() if row["target"] == "rdm"}
    of_responses = {name: row for name, row in ROWS.items() if row["target"] == "responses"}
    found = [score_rdms(layers, kernels, {"strict": site_rdms(given, 3)}, of_rdms, STIMULI)]
    found += score_responses(layers, kernels, {"strict": given}, of_responses, STIMULI, 3)
    of = list(scorers(kernels, {"strict": given}, ROWS, STIMULI, 3))
    resampling = {"n_boot": 5, "n_halves": 2, "n_neurons": 4, "seed": 1}
    found += assess(layers, of, choice, resampling, {"rdm": 4, "responses": 4})
    found += [best_scores(scorer, 3, 4, seed=2) for scorer in of]
    return found + [specificity.scores_between_animals(name, row, given, STIMULI, 3) for name, row in ROWS.items()]


def test_scores_are_the_same_whether_kernels_are_held_or_read_two_layers_at_a_time(files, request):
    whole = everything(files)
    request.getfixturevalue("little_memory")
    parts = everything(files)
    for expected, found in zip(whole, parts, strict=True):
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
            continue
        expected, found = (part if isinstance(part, dict) else {"": part} for part in (expected, found))
        assert list(found) == list(expected)
        for name, values in expected.items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-12)
            else:
                np.testing.assert_array_equal(found[name], values)


def test_sites_are_the_same_whether_all_areas_are_read_at_once_or_one_after_another(files, tmp_path, request):
    layers, kernels = model(files)
    rows = {"rsa": RSA, "paper": RSA | {"selection": "paper"}}
    paths = [tmp_path / selection / f"{area}.npz" for selection in ("paper", "strict") for area in "ABC"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        own = population() | {"area": np.full(30, path.stem), "mean": np.random.default_rng(ord(path.stem)).random((N, 30))}
        write_arrays(path, site_rdms(own, 3))

    def scored() -> tuple[list[set], list[pd.DataFrame]]:
        at_once = [set(targets["strict"]["area"]) for targets in read_areas(paths, 0)]
        written = [tmp_path / f"{len(at_once)}/{area}/model.parquet" for area in "ABC"]
        table = score_areas(layers, kernels, paths, rows, STIMULI)
        write_by_area("scores", table.assign(model="model", differs=""), written)
        return at_once, [read_table("scores", path) for path in written]

    together, whole = scored()
    request.getfixturevalue("little_memory")
    one_by_one, parts = scored()
    assert together == [{"A", "B", "C"}] and one_by_one == [{"A"}, {"B"}, {"C"}]
    for expected, found in zip(whole, parts, strict=True):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


@pytest.mark.parametrize("layers", [[0, 1, 2, 3, 4, 5, 6], [1, 4, 6], [3]])
@pytest.mark.parametrize("images", [slice(None), [5, 2, 9, 0]])
def test_blocks_hold_what_was_asked_for(files, arrays, layers, images, little_memory):
    kernels = model(files)[1].reading(["gram", "srp"]).of_layers(layers).of_images(images)
    blocks = list(kernels.blocks())
    assert len(blocks) == (1 if images != slice(None) else len(layers))  # two kernels of a layer
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    s = arrays["row_sum"]
    gram = arrays["centred"] + s[:, :, None] * s[:, None, :] / arrays["n_features"][:, None, None]
    expected = {"gram": gram, "srp": arrays["srp"], "row_sum": s[:, :, None]}
    for name, values in expected.items():
        values = values[layers][:, images]
        values = values[..., 0] if name == "row_sum" else values[:, :, images]
        np.testing.assert_allclose(joined[name], values, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(joined["n_features"], arrays["n_features"][layers])


def test_parts_of_parts_are_those_of_the_whole(files, arrays):
    kernels = ModelKernels.of(arrays).reading(["zscore"])
    part = kernels.of_layers([1, 3, 5]).of_images([4, 1, 7, 2]).of_layers([0, 2]).of_images([3, 0, 1])
    assert len(part) == 2 and part.n_images == 3
    for one in (part, part.held()):
        (block,) = one.blocks()
        images = [2, 4, 1]
        np.testing.assert_array_equal(block["zscore"], arrays["zscore"][[1, 5]][:, images][:, :, images])
        np.testing.assert_array_equal(block["row_sum"], arrays["row_sum"][[1, 5]][:, images])


def test_memory_does_not_grow_with_the_number_of_layers(tmp_path, monkeypatch):
    n = 100
    layers = make_arrays(20, n)
    path = write(tmp_path, layers, ["centred"])["centred"]
    monkeypatch.setattr(model_kernels, "HELD_BYTES", 0)
    monkeypatch.setattr(model_kernels, "BLOCK_BYTES", 8 * n**2)
    kernels = read_model([path], {str(k): f"{k:064x}" for k in range(n)})[1]
    tracemalloc.start()
    try:
        kernels.concatenate(lambda block: block["centred"].sum(axis=(1, 2)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * 8 * n**2  # of 20 layers
