"""Scores in resamples of images and animals, against plain loops over the images and animals that were drawn."""

import numpy as np
import pytest
from experiments import FOLDS, LEFT_OUT, RSA, kernels_of, population_of
from ridge_data import predict_by_refits, predict_fold
from scipy.stats import pearsonr, rankdata

from dormouse.inference.layer_choice import OTHER_IMAGES, splits_of
from dormouse.inference.resampling import chosen_layers, draw_counts, draw_weights, entry_scores, resample, weighted_mean
from dormouse.inference.scorer import POOLED, Scorer
from dormouse.inference.scorers import scorers
from dormouse.methods import ridge, user

N = 20
SPEARMAN = RSA | {"settings": {"correlation": "spearman"}}
NESTED = FOLDS | {"settings": {"folds": 4, "seed": 3, "penalties": [0.1, 10.0]}}
OWN = RSA | {"source": "python", "name": "mine:score", "kernels": ["gram"], "files": []}
ROWS = {"pearson": RSA, "spearman": SPEARMAN, "left out": LEFT_OUT, "folds": NESTED}
UPPER = np.triu_indices(N, k=1)


@pytest.fixture(scope="module")
def features() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((N, p)) + rng.standard_normal() for p in (30, 8, 60)]


@pytest.fixture(scope="module")
def population(features) -> dict[str, np.ndarray]:
    """Neurons of four animals in two cortical layers; one animal has too few in one of them."""
    rng = np.random.default_rng(1)
    animals = np.repeat(["m1", "m2", "m3", "m4"], [6, 5, 8, 4])
    Y = features[0] @ rng.standard_normal((30, 23)) + 6 * rng.standard_normal((N, 23))
    layer = np.array(["2/3", "4"] * 11 + ["2/3"])
    layer[-4:] = ["2/3", "2/3", "2/3", "4"]
    return population_of(Y, animals) | {"cortical_layer": layer, "odd": Y + 1, "even": Y - 1}


def scorer_of(features, population, row) -> Scorer:
    (scorer,) = scorers(kernels_of(features), {"strict": population}, {"row": row}, [f"scene_{k}" for k in range(N)], 3)
    return scorer


def neurons_of(population, entry) -> np.ndarray:
    inside = np.full(population["mean"].shape[1], True)
    if entry.cortical_layer != "all":
        inside &= population["cortical_layer"] == entry.cortical_layer
    return inside if entry.animal == POOLED else inside & (population["animal"] == entry.animal)


def rdm(patterns: np.ndarray) -> np.ndarray:
    return 1 - np.corrcoef(patterns)


def rsa_loop(row, X, Y, images) -> float:
    """r of RDMs in which images are repeated, without distances of an image from its copy."""
    values = []
    for patterns in (X, Y):
        found = rdm(patterns)
        if row["settings"]["correlation"] == "spearman":  # ranks over all images
            found[UPPER] = rankdata(found[UPPER])
            found = np.triu(found, 1) + np.triu(found, 1).T
        values.append(found[np.ix_(images, images)])
    first, second = np.triu_indices(len(images), k=1)
    others = images[first] != images[second]
    return pearsonr(*(found[first, second][others] for found in values)).statistic


def predictions(row, X, Y) -> tuple[np.ndarray, np.ndarray]:
    """Held-out predictions by refits, and the fold of each image within which they are scored."""
    if "penalty" in row["settings"]:
        return predict_by_refits(X, Y, row["settings"]["penalty"]), np.zeros(N, int)
    centred = X - X.mean(axis=0)
    X = X / np.sqrt(np.trace(centred @ centred.T) / (N - 1))  # penalties are in units of the mean eigenvalue
    folds, predicted = ridge.make_folds(N, 4, seed=3), np.empty(Y.shape)
    for test in (folds == fold for fold in range(4)):
        errors = [((predict_by_refits(X[~test], Y[~test], a) - Y[~test]) ** 2).sum(axis=0) for a in (0.1, 10.0)]
        predicted[test] = np.where(errors[0] <= errors[1], *(predict_fold(X, Y, a, test) for a in (0.1, 10.0)))
    return predicted, folds


def ridge_loop(predicted, folds, Y, images) -> float:
    """Mean over neurons of r within folds in which images are repeated; folds of one image alone are left out."""
    of_neurons = []
    for k in range(Y.shape[1]):
        parts = [images[folds[images] == fold] for fold in np.unique(folds)]
        r = [pearsonr(predicted[part, k], Y[part, k]).statistic for part in parts if len(set(part)) > 1]
        of_neurons.append(np.mean(r))
    return np.mean(of_neurons)


@pytest.mark.parametrize("name", ROWS)
def test_resampled_scores_equal_those_of_repeated_images(features, population, name):
    row = ROWS[name]
    scorer, counts = scorer_of(features, population, row), draw_counts(3, N, seed=2)
    layers = np.array([2, 0, 1])[: scorer.n_pooled]
    found = scorer.resampled(layers, counts)
    assert found.shape == (3, len(scorer.sites)) and list(scorer.sites.n_neurons[:3]) == [23, 13, 10]
    for column, entry in enumerate(scorer.sites.itertuples()):
        X, Y = features[layers[entry.site]], population["mean"][:, neurons_of(population, entry)]
        assert Y.shape[1] == entry.n_neurons >= 3
        held_out = None if name in ("pearson", "spearman") else predictions(row, X, Y)
        for boot, count in enumerate(counts):
            images = np.repeat(np.arange(N), count)
            expected = ridge_loop(*held_out, Y, images) if held_out else rsa_loop(row, X, Y, images)
            assert found[boot, column] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ROWS)
def test_with_every_image_once_they_are_the_scores(features, population, name):
    scorer = scorer_of(features, population, ROWS[name])
    layers = np.array([1, 2, 0])
    found = scorer.resampled(layers, np.ones((1, N), int))[0]
    expected = scorer.scores()[layers[scorer.sites.site], np.arange(len(scorer.sites))]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def cosine(kernels, target, settings):
    return [np.vdot(K, target) / np.linalg.norm(K) / np.linalg.norm(target) for K in kernels["gram"]]


@pytest.mark.parametrize("target", ["rdm", "responses"])
def test_a_users_scores_are_those_of_halves(monkeypatch, features, population, target):
    def own(kernels, given, settings):
        return cosine(kernels, given if target == "rdm" else given @ given.T, settings)

    monkeypatch.setattr(user, "import_function", lambda name: own)
    monkeypatch.setattr(user, "user_code", lambda name: {})
    scorer = scorer_of(features, population, OWN | {"target": target})
    layers, halves = np.array([2, 0, 1]), np.random.default_rng(0).random((4, N)) < 0.5
    assert scorer.resampled(layers, np.ones((1, N), int)) is None
    found = scorer.halved(layers, halves)
    for (split, half), (column, entry) in ((a, b) for a in enumerate(halves) for b in enumerate(scorer.sites.itertuples())):
        X, Y = features[layers[entry.site]][half], population["mean"][half][:, neurons_of(population, entry)]
        other = rdm(Y) if target == "rdm" else Y @ Y.T
        expected = np.vdot(X @ X.T, other) / np.linalg.norm(X @ X.T) / np.linalg.norm(other)
        assert found[split, column] == pytest.approx(expected, abs=1e-12)


def test_an_animals_weights_do_not_depend_on_which_others_there_are():
    together = draw_weights(500, ["m1", "m2", "m3"], seed=4)
    np.testing.assert_array_equal(draw_weights(500, ["m3", "m1"], seed=4), together[:, [2, 0]])
    assert np.abs(np.corrcoef(together.T)[np.triu_indices(3, k=1)]).max() < 0.15
    assert (draw_weights(500, ["m1"], seed=5)[:, 0] != together[:, 0]).all()


def test_a_weighted_mean_leaves_missing_scores_out():
    rng = np.random.default_rng(0)
    weights, scores = rng.exponential(size=(6, 4)), rng.standard_normal((6, 4))
    scores[0, 1] = scores[2, :3] = scores[5] = np.nan
    for row, found in enumerate(weighted_mean(weights, scores)):
        known = [(w, x) for w, x in zip(weights[row], scores[row], strict=True) if not np.isnan(x)]
        expected = sum(w * x for w, x in known) / sum(w for w, _ in known) if known else np.nan
        assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ["pearson", "left out"])
@pytest.mark.parametrize("choice", ["same_data", OTHER_IMAGES])
def test_resamples_of_sites_equal_loops_over_animals(features, population, name, choice):
    scorer = scorer_of(features, population, ROWS[name] | {"choice": choice})
    whole, halves = scorer.scores(), np.random.default_rng(5).random((8, N)) < 0.5
    parts = scorer.splits(halves, len(scorer.sites))
    splits = {(site, found.choice): found for site, found in splits_of(scorer, whole, parts)}
    layers = chosen_layers(scorer, whole, splits)
    estimates = entry_scores(scorer, layers, whole, parts)
    found = resample(scorer, layers, estimates, whole, n_boot=5, n_halves=3, seed=6)
    values = scorer.resampled(layers, draw_counts(5, N, seed=6))
    for site in range(scorer.n_pooled):
        chosen = [int(parts[0][split, :, site].argmax()) for split in range(8)]
        own = [k for k, entry in enumerate(scorer.sites.itertuples()) if entry.site == site]
        if choice == OTHER_IMAGES:
            assert layers[site] == max(sorted(set(chosen)), key=chosen.count)
            expected = [np.mean([parts[1][split, chosen[split], k] for split in range(8)]) for k in own]
        else:
            assert layers[site] == whole[:, site].argmax()
            expected = [whole[layers[site], k] for k in own]
        np.testing.assert_allclose(estimates[own], expected, rtol=0, atol=1e-12)
        pooled, *animals = own
        assert found["n_animals"][site] == len(animals) == (4 if site == 0 else len(animals)) and found["n_images"][site] == N
        assert (found["pooled"][site], found["mean"][site]) == pytest.approx((expected[0], np.mean(expected[1:])))
        np.testing.assert_array_equal(found["of_pooled"][:, site], values[:, pooled])
        for boot in range(5):
            weights = [draw_weights(5, [scorer.sites.animal[k]], seed=6)[boot, 0] for k in animals]
            assert found["of_images"][boot, site] == pytest.approx(np.mean([values[boot, k] for k in animals]))
            for key, of_animal in (("of_both", values[boot]), ("of_animals", whole[layers[site]])):
                total = sum(w * of_animal[k] for w, k in zip(weights, animals, strict=True))
                assert found[key][boot, site] == pytest.approx(total / sum(weights))


def test_a_site_without_a_layer_has_no_score(features, population):
    scorer = scorer_of(features, population, RSA)
    whole = scorer.scores()
    estimates = entry_scores(scorer, np.array([0, -1, 1]), whole, None)
    assert list(scorer.sites.site[np.isnan(estimates)].unique()) == [1]
    found = resample(scorer, np.array([0, -1, 1]), estimates, whole, n_boot=4, n_halves=3, seed=0)
    for key in ("pooled", "mean", "of_pooled", "of_images", "of_animals", "of_both"):
        assert np.isnan(found[key][..., 1]).all() and not np.isnan(found[key][..., [0, 2]]).any()
    assert list(found["n_animals"] == 0) == [False, True, False]
