"""The bootstrap over stimuli agrees with rsatoolbox, and its intervals have the coverage that they claim."""

import numpy as np
import pytest
import rsatoolbox
from rsa_data import compare, make_pairs, make_rdms_with_ties
from rsatoolbox.inference import evaluate
from scipy.spatial.distance import squareform

from dormouse.inference.resampling import draw_counts
from dormouse.methods import rdms, rsa


def bootstrap(layers: np.ndarray, sites: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return r of every layer with every site in every resample, (n_boot, n_layers, n_sites)."""
    n_layers, n_sites = len(layers), len(sites)
    of = np.repeat(np.arange(n_layers), n_sites)
    return rsa.resampled_pearson(layers, np.tile(sites, (n_layers, 1)), of, counts).reshape(len(counts), n_layers, n_sites)


def drawn_from(stimuli: list[int], n_stimuli: int) -> np.ndarray:
    return np.bincount(stimuli, minlength=n_stimuli)[None]


@pytest.mark.parametrize("n_stimuli", [4, 20])  # of 4 stimuli many resamples have but 2
def test_bootstrap_equals_that_of_rsatoolbox_with_the_same_draws(n_stimuli, monkeypatch):
    layers, sites = make_pairs(4, n_stimuli, seed=20), make_pairs(3, n_stimuli, seed=21)
    sample, drawn = evaluate.bootstrap_sample_pattern, []

    def remembered(*arguments):
        resample, stimuli = sample(*arguments)
        drawn.append(stimuli)
        return resample, stimuli

    monkeypatch.setattr(evaluate, "bootstrap_sample_pattern", remembered)
    np.random.seed(0)  # noqa: NPY002  (what rsatoolbox draws from)
    models = [rsatoolbox.model.ModelFixed(str(i), pairs) for i, pairs in enumerate(layers)]
    data = rsatoolbox.rdm.RDMs(sites)
    expected = evaluate.eval_bootstrap_pattern(models, data, method="corr", N=60, boot_noise_ceil=False).evaluations
    r = bootstrap(layers, sites, np.stack([np.bincount(stimuli, minlength=n_stimuli) for stimuli in drawn]))
    assert r.shape == (60, 4, 3)
    np.testing.assert_allclose(r.mean(axis=2), expected, rtol=0, atol=1e-10)
    degenerate = [len(set(stimuli)) < 3 for stimuli in drawn]
    np.testing.assert_array_equal(np.isnan(r).all(axis=(1, 2)), degenerate)
    assert any(degenerate) == (n_stimuli == 4) and not np.isnan(r[~np.array(degenerate)]).any()


def test_bootstrap_equals_the_correlation_of_rdms_with_repeated_stimuli():
    layers, sites, counts = make_pairs(4, 9, seed=22), make_pairs(3, 9, seed=23), draw_counts(20, 9, seed=24)
    r = bootstrap(layers, sites, counts)
    for boot, i, j in np.ndindex(20, 4, 3):
        stimuli = np.repeat(np.arange(9), counts[boot])
        first, second = np.triu_indices(9, k=1)
        others = stimuli[first] != stimuli[second]  # not a stimulus with its own copy
        repeated = [squareform(pairs)[stimuli][:, stimuli][first, second][others] for pairs in (layers[i], sites[j])]
        assert r[boot, i, j] == pytest.approx(np.corrcoef(*repeated)[0, 1], abs=1e-10)


def test_a_resample_with_every_stimulus_once_gives_the_plain_correlation():
    layers, sites = make_rdms_with_ties(4, 9, seed=25), make_rdms_with_ties(3, 9, seed=26)
    pairs = rdms.upper_triangles(layers), rdms.upper_triangles(sites)
    expected = compare(layers, sites)["pearson"]
    for counts in (np.ones((2, 9), int), np.full((2, 9), 3)):  # only relative weights count
        np.testing.assert_allclose(bootstrap(*pairs, counts), [expected] * 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e3])
@pytest.mark.filterwarnings("error")
def test_a_resample_in_which_an_rdm_does_not_vary_is_missing(value):
    layers, sites = make_pairs(3, 30, seed=30), make_pairs(2, 30, seed=31)
    alike = np.ix_([1], np.flatnonzero((np.stack(np.triu_indices(30, k=1)) < 12).all(axis=0)))
    layers[alike], sites[alike] = value, value
    layers[2] = 0.1
    missing = np.isnan(bootstrap(layers, sites, np.ones((1, 30), int)))[0]
    np.testing.assert_array_equal(missing, [[False, False], [False, False], [True, True]])
    among_the_alike = drawn_from([*range(12), *range(12), 0, 1, 2, 3, 4, 5], 30)
    missing = np.isnan(bootstrap(layers, sites, among_the_alike))[0]
    np.testing.assert_array_equal(missing, [[False, True], [True, True], [True, True]])
    for stimuli in ([7] * 30, [7] * 20 + [25] * 10):  # no pair, one pair
        assert np.isnan(bootstrap(layers, sites, drawn_from(stimuli, 30))).all()


def test_intervals_cover_the_correlation_over_all_stimuli_as_often_as_they_claim():
    """An experiment shows 50 stimuli of many to a layer and a site that share part of what drives them."""
    rng = np.random.default_rng(32)
    to_layer, to_site = rng.standard_normal((2, 6, 20))

    def experiment(n: int) -> list[np.ndarray]:
        latent, noise = rng.standard_normal((n, 6)), rng.standard_normal((n, 20))
        patterns = latent @ to_layer, latent @ to_site + 2 * noise
        return [rdms.upper_triangles(rdms.rdm_from_patterns(X))[None] for X in patterns]

    planted = rsa.pearson(*experiment(2500)).item()
    counts = [draw_counts(200, 50, seed) for seed in range(400)]
    resampled = np.stack([bootstrap(*experiment(50), drawn).ravel() for drawn in counts])
    for share, tolerance in ((0.5, 0.1), (0.95, 0.035)):  # 4 and 3 standard errors of 400 experiments
        low, high = np.quantile(resampled, [(1 - share) / 2, (1 + share) / 2], axis=1)
        assert np.mean((low <= planted) & (planted <= high)) == pytest.approx(share, abs=tolerance)


def test_draws_are_with_replacement_and_follow_the_seed():
    counts = draw_counts(4000, 25, seed=33)
    assert counts.shape == (4000, 25) and (counts.sum(axis=1) == 25).all()
    # each stimulus is drawn once on average, with the binomial variance of 25 draws at 1/25
    np.testing.assert_allclose(counts.mean(axis=0), 1, rtol=0, atol=4.5 / np.sqrt(4000))
    assert counts.var() == pytest.approx(24 / 25, rel=0.05)
    np.testing.assert_array_equal(draw_counts(4000, 25, seed=33), counts)
    assert (draw_counts(4000, 25, seed=34) != counts).any()


def test_stimuli_that_do_not_fit_the_pairs_are_refused():
    with pytest.raises(ValueError, match="mismatch"):
        bootstrap(make_pairs(2, 9, seed=35), make_pairs(2, 9, seed=36), draw_counts(5, 8, seed=37))
