"""Images that a method names by a column: which they are, their scores, and folds by a column."""

import numpy as np
import pytest
from ridge_data import fold_r_by_refits, make_data
from scipy.stats import pearsonr
from scoring import ROW, layers_of

from dormouse.errors import InputError
from dormouse.inference.scorers import scorers
from dormouse.methods import ridge
from dormouse.methods.images import images_of, with_images
from dormouse.methods.scores import score_rdms, score_responses
from dormouse.methods.table import left_out
from dormouse.neurons.populations import site_rdms

N, M = 24, 12
KINDS = ["animal", "plant", "house"]
DESCRIBED = {f"image_{k:02d}": {"category": KINDS[k % 3], "size": "large" if k < 20 else "small"} for k in range(N)}
DESCRIBED["blank"] = {}
NAMES = list(DESCRIBED)
RSA = ROW | {"family": "rsa", "kernels": ["centred"], "target": "rdm", "settings": {"correlation": "pearson"}}
RSA |= {"choice": "same_data"}
RIDGE = ROW | {"family": "ridge", "kernels": ["gram"], "target": "responses", "choice": "other_images", "images": "scenes"}
RIDGE |= {"settings": {"folds": {"by": "category"}, "penalties": [1.0]}}


def resolved(row, **images):
    return with_images({"mine": row | images}, DESCRIBED)["mine"]


@pytest.fixture
def kernels():
    X = np.random.default_rng(0).standard_normal((2, len(NAMES), 40))
    C = X - X.mean(axis=2, keepdims=True)
    return {"centred": C @ C.swapaxes(1, 2), "row_sum": X.sum(axis=2), "n_features": np.array([40, 40]), "X": X}


@pytest.fixture
def population():
    rng = np.random.default_rng(1)
    named = {"recording": "one", "animal": "m1", "area": "VISp", "cortical_layer": "4"}
    arrays = {key: np.full(M, value) for key, value in named.items()} | {"neuron": np.arange(M).astype(str)}
    means = {key: rng.standard_normal((len(NAMES), M)) for key in ("mean", "odd", "even")}
    return arrays | means | {"reliability": np.full(M, 0.9)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"category": "plant"}, range(1, N, 3)),
        ({"category": ["house", "animal"]}, [k for k in range(N) if k % 3 != 1]),
        ({"category": "plant", "size": "small"}, [22]),
    ],
)
def test_images_with_a_value_are_found_in_their_order(wanted, expected):
    row = resolved(RSA, images=wanted)
    assert row["images"] == [NAMES[k] for k in expected]
    assert list(images_of(row, NAMES)) == list(expected)


def test_rows_that_name_no_column_stay_as_they_are():
    rows = {"one": RSA, "two": RSA | {"images": "scenes"}}
    rows["of a user"] = RSA | {"source": "python", "settings": {"folds": {"mine": 1}}}
    assert with_images(rows, DESCRIBED) == rows


def test_a_score_on_some_images_is_that_of_their_own_rdms_and_has_no_ceiling(kernels, population):
    row, plants = resolved(RSA, images={"category": "plant"}), np.arange(1, N, 3)
    table = score_rdms(layers_of(kernels), kernels, {"paper": site_rdms(population, 3)}, {"mine": row}, NAMES)
    upper = np.triu_indices(len(plants), 1)
    of_neurons = 1 - np.corrcoef(population["mean"][plants])[upper]
    for layer, X in enumerate(kernels["X"]):
        expected = pearsonr(1 - np.corrcoef(X[plants])[upper], of_neurons).statistic
        found = table[(table.layer_index == layer + 1) & (table.cortical_layer == "all")].score
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    (scorer,) = scorers(kernels, {"paper": population}, {"mine": row}, NAMES, 3)
    assert scorer.n_images == len(plants)
    np.testing.assert_allclose(scorer.scores()[:, 0], table[table.cortical_layer == "all"].score, rtol=0, atol=1e-12)
    ridge_row = resolved(RIDGE, images={"category": "plant"}, settings={"penalty": 1.0})
    sites = score_responses(layers_of(kernels), kernels, {"paper": population}, {"mine": ridge_row}, NAMES, 3)[1]
    assert sites.corrected.isna().all() and sites.score.notna().all()


def test_folds_by_a_column_predict_each_value_from_the_others(kernels, population):
    row, scenes = resolved(RIDGE), np.arange(N)
    assert row["settings"]["folds"] == [k % 3 for k in range(N)]
    _, sites = score_responses(layers_of(kernels), kernels, {"paper": population}, {"mine": row}, NAMES, 3)
    for layer, X in enumerate(kernels["X"][:, scenes]):
        K = X @ X.T
        unit = np.trace(K - K.mean(axis=0)) / (N - 1)
        expected = fold_r_by_refits(X / np.sqrt(unit), population["mean"][scenes], 1.0, scenes % 3)
        found = sites[(sites.layer_index == layer + 1) & (sites.cortical_layer == "all")].score
        np.testing.assert_allclose(found, expected.mean(), rtol=0, atol=1e-9)


def test_what_differs_between_values_alone_is_not_predicted_across_them():
    """Random folds see images of all values; features that tell values apart and no more then look predictive."""
    X, Y = make_data(30, seed=3)
    kind = np.arange(len(X)) % 4
    offsets = np.random.default_rng(4).standard_normal((4, Y.shape[1]))
    of_kind = np.eye(4)[kind] + 1e-3 * X[:, :4]
    Y = offsets[kind] + 0.5 * np.random.default_rng(5).standard_normal(Y.shape)
    kernels = {"gram": (of_kind @ of_kind.T)[None], "row_sum": of_kind.sum(axis=1)[None], "n_features": np.array([4])}
    settings = {"penalties": [0.01], "seed": 0}
    random = ridge.score(kernels, Y, settings | {"folds": 4}).mean()
    across = ridge.score(kernels, Y, settings | {"folds": kind.tolist()}).mean()
    assert random > 0.6 and abs(across) < 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": {"categry": "plant"}}, r"method mine: images: no column 'categry'.*Did you mean category\?"),
        ({"images": {"category": "plants"}}, r"images: no image has category 'plants'\. Did you mean plant\?"),
        ({"settings": {"folds": {"by": "sise"}}}, r"settings\.folds: no column 'sise'.*Did you mean size"),
        ({"settings": {"folds": {"of": "size"}}}, r"folds: {'of': 'size'}; expected a number, or {by: COLUMN}"),
        ({"settings": {"folds": {"by": "size"}}, "images": "all"}, r"folds: blank \(1 of 25 images\) has no size"),
        ({"settings": {"folds": {"by": "size"}}, "images": {"size": "small"}}, r"all images have size 'small'; folds need"),
    ],
)
def test_a_column_or_a_value_that_is_not_there_is_told_with_what_is(change, message):
    with pytest.raises(InputError, match=message):
        resolved(RIDGE, **change)


def test_data_that_describe_no_images_say_so():
    with pytest.raises(InputError, match=r"images: nothing describes the images; expected stimuli\.csv with a column 'group'"):
        with_images({"mine": RSA | {"images": {"group": "x"}}}, {"a": {}, "b": {}})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (resolved(RSA, images={"category": "plant", "size": "small"}), "1 such images, and a method needs 4"),
        (resolved(RIDGE, images={"size": "small"}), "a fold of 1 images, and each needs 3"),
        (resolved(RSA, images={"size": "small"}, choice="other_images"), "4 images, and layers chosen on other images need 8"),
    ],
)
def test_a_method_with_too_few_such_images_is_left_out(row, reason):
    assert left_out({"mine": row, "other": RSA}, {}, "responses", NAMES, {}) == {reason: ["mine"]}
