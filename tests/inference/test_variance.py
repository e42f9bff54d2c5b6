"""The variance of a mean over animals, of two factors, against rsatoolbox and an analysis of variance; its intervals."""

import numpy as np
import pytest
import rsatoolbox
from experiments import RSA, kernels_of, population_of
from rsatoolbox.inference import eval_dual_bootstrap
from rsatoolbox.util.inference_util import _dual_bootstrap
from scipy.stats import t

from dormouse.inference.resampling import draw_counts, draw_weights, interval, resample, two_factor_variance
from dormouse.inference.scorers import scorers


def mean_squares(scores: np.ndarray) -> np.ndarray:
    """Mean squares of animals, images and their interaction, over the number of scores (n_animals, n_images)."""
    n, m = scores.shape
    of_animals, of_images = scores.mean(axis=1), scores.mean(axis=0)
    residuals = scores - of_animals[:, None] - of_images + scores.mean()
    squares = m * of_animals.var(ddof=1), n * of_images.var(ddof=1), (residuals**2).sum() / (n - 1) / (m - 1)
    return np.array(squares) / scores.size


def made_scores(n: int, m: int, interaction: float) -> np.ndarray:
    rng = np.random.default_rng([n, m])
    return 0.3 * rng.standard_normal((n, 1)) + rng.standard_normal(m) + interaction * rng.standard_normal((n, m))


def rows_of(*variances: float) -> list[np.ndarray]:
    """Two resamples with each of these variances."""
    return [np.array([[1.0], [-1.0]]) * np.sqrt(variance / 2) for variance in variances]


def variance(both, animals, images, n, m, halved=False) -> float:
    return two_factor_variance(*rows_of(both, animals, images), *map(np.array, ([n], [m], [halved])))[0][0]


@pytest.mark.parametrize(("n", "m"), [(3, 9), (7, 118), (40, 20)])
def test_the_variance_is_that_of_an_analysis_of_variance(n, m):
    """Weights of n animals have the variance 1 / (n + 1) of theirs, counts of m images that of 1 / m."""
    animals, images, interaction = mean_squares(made_scores(n, m, 0.7))
    assert interaction < min(animals, images)  # so that no bound is reached
    f, g = (n - 1) / (n + 1), (m - 1) / m
    v_animals, v_images = f * animals, g * images
    found = variance(v_animals + v_images + f * g * interaction, v_animals, v_images, n, m)
    assert found == pytest.approx(animals + images - interaction, rel=1e-12)
    halved = variance(v_animals + images + f * interaction, v_animals, images, n, m, halved=True)
    assert halved == pytest.approx(animals + images - interaction, rel=1e-12)


@pytest.mark.parametrize(("n", "m", "share"), [(3, 30, 0.5), (14, 118, 0.1), (4, 118, 0.9)])
def test_the_quantile_is_the_mean_of_those_of_animals_and_images_weighted_by_their_variances(n, m, share):
    f, g = (n - 1) / (n + 1), (m - 1) / m
    given = rows_of(f * share + g * (1 - share) + 0.1 * f * g, f * share, g * (1 - share))
    _, df = two_factor_variance(*given, *map(np.array, ([n], [m], [False])))
    expected = share * t.ppf(0.975, n - 1) + (1 - share) * t.ppf(0.975, m - 1)
    assert t.ppf(0.975, df[0]) == pytest.approx(expected, rel=1e-6)
    assert min(n, m) - 1 < df[0] < m - 1


def test_degrees_of_freedom_are_those_of_what_decides():
    for of_animals, of_images, expected in ((1.0, 1e-9, 3), (1e-9, 1.0, 117), (0.0, 0.0, 3)):
        given = rows_of(of_animals + of_images, of_animals, of_images)
        _, df = two_factor_variance(*given, *map(np.array, ([4], [118], [False])))
        assert df[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (40, 118)])
def test_the_formula_is_that_of_rsatoolbox(n, m):
    """rsatoolbox draws animals with replacement: the same components are as wide as f = (n - 1) / n makes them."""
    animals, images, interaction = mean_squares(made_scores(n, m, 4.0))
    g = (m - 1) / m
    of_both = {}
    for f in ((n - 1) / n, (n - 1) / (n + 1)):
        of_both[f] = np.array([f * animals + g * images + f * g * interaction, f * animals, g * images])
    theirs, ours = of_both.values()
    assert variance(*ours, n, m) == pytest.approx(_dual_bootstrap(theirs, n, m), rel=1e-12)


def test_the_variance_is_held_between_its_bounds():
    rng, reached = np.random.default_rng(0), set()
    for both, animals, images in rng.exponential(size=(200, 3)) * [3, 1, 1]:
        n, m = 5, 12
        a, i = animals * (n + 1) / (n - 1), images * m / (m - 1)
        e = (both - animals - images) * (n + 1) / (n - 1) * m / (m - 1)
        expected, place = a + i - e, "free"
        if expected > max(a + i + e, a, i):
            expected, place = max(a + i + e, a, i), "upper"
        if expected < max(a, i):
            expected, place = max(a, i), "lower"
        reached.add(place)
        assert variance(both, animals, images, n, m) == pytest.approx(expected, rel=1e-12)
    assert reached == {"free", "upper", "lower"}


@pytest.mark.parametrize("halved", [False, True])
def test_resamples_of_a_mean_over_animals_and_images_have_its_variance(halved):
    """The relative error of a variance of N resamples is sqrt(2 / N), here 1 %; three of them are combined."""
    n, m, n_boot = 5, 12, 20000
    scores = made_scores(n, m, 1.0)
    weights = draw_weights(n_boot, [f"m{k}" for k in range(n)], seed=1)
    counts = draw_counts(n_boot, m, seed=2)
    if halved:
        counts = np.random.default_rng(2).permuted(np.tile(np.arange(m) < m // 2, (n_boot, 1)), axis=1)
    weights, counts = (drawn / drawn.sum(axis=1, keepdims=True) for drawn in (weights, counts))
    both = np.einsum("ba,bi,ai->b", weights, counts, scores)
    alone = weights @ scores.mean(axis=1), counts @ scores.mean(axis=0)
    parts = [values[:, None] for values in (both, *alone)]
    animals, images, interaction = mean_squares(scores)
    found = two_factor_variance(*parts, np.array([n]), np.array([m]), np.array([halved]))[0][0]
    assert found == pytest.approx(animals + images - interaction, rel=0.06)
    assert interaction > 0.2 * found  # so that a wrong sign would show


def test_intervals_are_those_of_students_t():
    estimate, var, df = np.array([0.2, -0.1]), np.array([0.01, 0.04]), np.array([3, 117])
    table = interval(estimate, var, df)
    low, high = t.interval(0.95, df, loc=estimate, scale=np.sqrt(var))
    np.testing.assert_allclose(table[["sem", "low", "high"]], np.stack([np.sqrt(var), low, high], axis=1), rtol=1e-12)
    assert list(table.df) == [3, 117]


def planted(n_animals: int, n_images: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A layer, and neurons of animals that share its features and have much of their own."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((n_images, 30))
    parts = [X @ rng.standard_normal((30, 40)) + 6 * rng.standard_normal((n_images, 40)) for _ in range(n_animals)]
    return X, population_of(np.hstack(parts), np.repeat([f"m{k}" for k in range(n_animals)], 40))


def test_the_variance_of_rsa_is_that_of_rsatoolboxs_dual_bootstrap():
    """Both have a Monte-Carlo error: ours is measured over batches, theirs of as many resamples is as large."""
    n, m, n_boot = 14, 20, 150
    X, population = planted(n, m)
    (scorer,) = scorers(kernels_of([X]), {"strict": population}, {"rsa": RSA}, [f"scene_{k}" for k in range(m)], 3)
    whole, of_batches = scorer.scores(), []
    for seed in range(20):
        found = resample(scorer, np.array([0]), whole[0], whole, n_boot=n_boot, n_halves=1, seed=seed)
        parts = [found[name] for name in ("of_both", "of_animals", "of_images")]
        of_batches.append(two_factor_variance(*parts, *(found[name] for name in ("n_animals", "n_images", "halved")))[0][0])

    upper = np.triu_indices(m, k=1)
    rdms = [1 - np.corrcoef(values) for values in (X, *np.split(population["mean"], n, axis=1))]
    model, *animals = (rdm[upper] for rdm in rdms)
    np.random.seed(0)  # noqa: NPY002  (what rsatoolbox draws from)
    data = rsatoolbox.rdm.RDMs(np.stack(animals))
    result = eval_dual_bootstrap([rsatoolbox.model.ModelFixed("X", model)], data, method="corr", N=n_boot)
    assert found["mean"][0] == pytest.approx(np.mean([np.corrcoef(model, animal)[0, 1] for animal in animals]), abs=1e-12)
    v_both, v_animals, v_images = result.variances[:, 0, 0]
    theirs = _dual_bootstrap(np.array([v_both, v_animals, v_images]), n, m)
    assert theirs < v_both  # where it is held, the two need not agree
    ours, error = np.mean(of_batches), np.std(of_batches, ddof=1)
    assert abs(theirs - ours) < 3.5 * error * np.sqrt(1 + 1 / len(of_batches)) and error < 0.2 * ours
