"""The smallest difference that is found in 80 % of studies, against simulated studies and the table of differences."""

import numpy as np
import pytest
from resample_arrays import MODELS, SITES, made, row_of
from scipy.stats import nct, t

from dormouse.inference.comparison import differences
from dormouse.inference.power import in_standard_errors, power, smallest_differences
from dormouse.inference.resampling import df_of_quantile, two_factor_variance


def share_found(components, n: int, m: int, difference: float, rng: np.random.Generator, n_studies: int = 6000) -> float:
    """Return how many studies of n animals and m images find a difference, by the mean squares of a table of scores.

    Parameters
    ----------
    components : variances of animals, images and their interaction, of single ones
    """
    of_animals, of_images, of_both = (np.sqrt(v) for v in components)
    scores = difference + of_both * rng.standard_normal((n_studies, n, m))
    scores += of_animals * rng.standard_normal((n_studies, n, 1)) + of_images * rng.standard_normal((n_studies, 1, m))
    animals, images, mean = scores.mean(axis=2), scores.mean(axis=1), scores.mean(axis=(1, 2))
    rest = scores - animals[:, :, None] - images[:, None] + mean[:, None, None]
    v_animals, v_images = animals.var(axis=1, ddof=1) / n, images.var(axis=1, ddof=1) / m
    interaction = (rest**2).sum(axis=(1, 2)) / (n - 1) / (m - 1) / (n * m)
    variance = np.maximum(v_animals + v_images - interaction, np.maximum(v_animals, v_images))
    share = v_animals / (v_animals + v_images)
    df = df_of_quantile(share * t.ppf(0.975, n - 1) + (1 - share) * t.ppf(0.975, m - 1))
    return float((2 * t.sf(np.abs(mean) / np.sqrt(variance), df) < 0.05).mean())


@pytest.mark.parametrize(
    ("animals", "images", "components", "abs_tol"),
    [
        (4, 40, (1.0, 0.0, 0.0), 0.015),  # animals alone: a t test of few scores
        (12, 25, (0.5, 4.0, 3.0), 0.04),
        (6, 60, (0.3, 8.0, 2.0), 0.05),
    ],
)
def test_simulated_studies_find_the_smallest_difference_in_80_percent(animals, images, components, abs_tol):
    """The components are known from a study of 7 animals and 30 images; the one that is planned has other numbers."""
    of_study = np.array(components)[:, None] / np.array([[7], [30], [7 * 30]])
    (smallest,) = smallest_differences(of_study, np.array([7]), np.array([30]), animals, images)
    found = share_found(components, animals, images, smallest, np.random.default_rng(5))
    assert found == pytest.approx(0.8, abs=abs_tol)
    assert share_found(components, animals, images, 0.0, np.random.default_rng(6)) < 0.07


def test_in_standard_errors_is_the_sum_of_quantiles_where_many_degrees_of_freedom_are():
    df = np.array([5, 10, 30, 117, 1e4])
    np.testing.assert_allclose(in_standard_errors(df), t.ppf(0.975, df) + t.ppf(0.8, df), rtol=0.01)
    df = np.array([1.0, 2.0, 2.5, 7.0])
    np.testing.assert_allclose(nct.sf(t.ppf(0.975, df), df, in_standard_errors(df)), 0.8, rtol=1e-4)


def test_with_the_numbers_of_the_data_it_follows_from_the_standard_errors_of_differences():
    arrays = [made(seed) for seed in range(1, 5)]
    table, pairs = power(arrays, animals=[3, 12], images=[10, 30, 60]), differences(arrays, MODELS)
    assert len(table) == 3 * 3 * 3 and table.own.sum() == 3
    for site in (SITES[0], SITES[2], SITES[3]):
        row, own = row_of(table, site, own=True), pairs[(pairs[["method", "area"]] == [site[0], site[1]]).all(axis=1)]
        assert (row.n_animals, row.n_images, row.n_pairs) == (6, 30, 6)
        expected = nct_of(own.df) * own["sem"]
        found = row[["smallest", "lowest", "highest"]].to_numpy(float)
        np.testing.assert_allclose(found, [np.median(expected), expected.min(), expected.max()], rtol=1e-4)


def nct_of(df: np.ndarray) -> np.ndarray:
    """Return the noncentrality with power .8, by bisection."""
    low, high = np.zeros(len(df)), np.full(len(df), 60.0)
    for _ in range(60):
        middle = (low + high) / 2
        found = nct.sf(t.ppf(0.975, df), df, middle)
        low, high = np.where(found < 0.8, middle, low), np.where(found < 0.8, high, middle)
    return (low + high) / 2


def test_components_shrink_with_their_own_numbers():
    """One pair, by hand: with many animals, what images add is left, and the reverse."""
    first, second = made(1), made(2)
    table = power([first, second], animals=[3, 1000], images=[10, 100_000])
    values = [first[name][:, :1] - second[name][:, :1] for name in ("of_both", "of_animals", "of_images")]
    v_animals = values[1].var(ddof=1) * 7 / 5
    v_images = values[2].var(ddof=1) * 30 / 29
    variance = two_factor_variance(*values, np.array([6]), np.array([30]), np.array([False]))[0][0]
    both = v_animals + v_images - variance
    for n, m in ((3, 10), (1000, 10), (3, 100_000), (1000, 100_000)):
        a, i = 6 / n, 30 / m
        row = row_of(table, SITES[0], n_animals=n, n_images=m)
        # in standard errors, a difference depends on the degrees of freedom, between those of animals and of images
        ends = in_standard_errors(np.array([n - 1.0, m - 1.0]))
        sem = np.sqrt((v_animals - both) * a + (v_images - both) * i + both * a * i)
        assert ends.min() * sem * 0.999 <= row.smallest <= ends.max() * sem * 1.001
    smallest = table[table.method == "rsa"].groupby(["n_animals", "n_images"]).smallest.min()
    assert smallest[3, 10] > max(smallest[1000, 10], smallest[3, 100_000]) > smallest[1000, 100_000]


def test_below_three_animals_it_is_over_images_alone_and_one_model_has_none():
    arrays = [made(seed, n_animals=2) for seed in (1, 2)]
    table = power(arrays, animals=[3, 5], images=[15, 60])
    assert table.n_animals.isna().all() and set(table.over) == {"images"} and set(table.n_images) == {15, 30, 60}
    pairs = differences(arrays, ["a", "b"])
    own = table[table.own].merge(pairs[["method", "area", "sem"]], on=["method", "area"])
    np.testing.assert_allclose(own.smallest, in_standard_errors(np.array([29.0])) * own["sem"], rtol=1e-9)
    few, many = (row_of(table, SITES[0], n_images=m).smallest for m in (15, 60))
    ratio = in_standard_errors(np.array([14.0]))[0] / in_standard_errors(np.array([59.0]))[0]
    assert few / many == pytest.approx(2 * ratio, rel=1e-9)
    assert power(arrays[:1], animals=[3], images=[15]).empty
