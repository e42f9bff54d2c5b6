import numpy as np
import pytest
import rsatoolbox
import torch
from rsatoolbox.inference import evaluate
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr
from scoring import score_rsa

from dormouse.features import gram
from dormouse.methods import rdms, rsa


def make_patterns(n_stimuli: int, n_features: int, seed: int) -> np.ndarray:
    """Patterns whose distances spread: random mixtures of a few components, and noise."""
    rng = np.random.default_rng(seed)
    mixture = rng.standard_normal((n_stimuli, 4)) @ rng.standard_normal((4, n_features))
    return mixture + rng.standard_normal((n_stimuli, n_features))


def make_kernels(patterns: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "layer": np.array([f"Layer-{i}" for i in range(1, len(patterns) + 1)]),
        "block": np.array([f"block-{(i + 1) // 2}" for i in range(1, len(patterns) + 1)]),
        "block_depth": np.array([(i + 1) // 2 for i in range(1, len(patterns) + 1)]) / ((len(patterns) + 1) // 2),
        "path": np.array([f"features.{i}" for i in range(len(patterns))]),
        "effective_dimension": np.ones(len(patterns)),
        "n_features": np.array([X.shape[1] for X in patterns]),
        "centred": np.stack([X.shape[1] * np.cov(X, bias=True) for X in patterns]),
        "row_sum": np.stack([X.sum(axis=1) for X in patterns]),
    }


def make_targets(patterns: list[np.ndarray], layers: list[str], n_neurons: list[int]) -> dict[str, np.ndarray]:
    return {
        "rdm": np.stack([rdms.rdm_from_patterns(X) for X in patterns]),
        "area": np.full(len(patterns), "VISp"),
        "cortical_layer": np.array(layers),
        "n_neurons": np.array(n_neurons),
    }


def rdm_of_features(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = gram.reduce([torch.from_numpy(X)])
    return rdms.rdm_from_centred(found["centred"], found["row_sum"], X.shape[1])


def make_pairs(n_rdms: int, n_stimuli: int, seed: int) -> np.ndarray:
    """Upper triangles that have something in common, and lie far from 0."""
    n_pairs = n_stimuli * (n_stimuli - 1) // 2
    common = np.random.default_rng(0).standard_normal(n_pairs)
    return 1000 + common + np.random.default_rng(seed).standard_normal((n_rdms, n_pairs))


def drawn_from(stimuli: list[int], n_stimuli: int) -> np.ndarray:
    return np.bincount(stimuli, minlength=n_stimuli)[None]


def make_rdms_with_ties(n_rdms: int, n_stimuli: int, seed: int) -> np.ndarray:
    pairs = np.random.default_rng(seed).integers(0, 12, (n_rdms, n_stimuli * (n_stimuli - 1) // 2)) / 8
    return np.stack([squareform(row) for row in pairs])


def to_rsatoolbox(rdms: np.ndarray) -> rsatoolbox.rdm.RDMs:
    return rsatoolbox.rdm.RDMs(np.stack([squareform(rdm, checks=False) for rdm in rdms]))


@pytest.mark.parametrize("n_features", [5, 300])
def test_rdm_is_the_correlation_distance_of_scipy(n_features):
    X = make_patterns(20, n_features, seed=0) + 3.0
    expected = squareform(pdist(X, metric="correlation"))
    np.testing.assert_allclose(rdms.rdm_from_patterns(X), expected, rtol=0, atol=1e-12)
    rdm, constant = rdms.rdm_from_gram(X @ X.T, X.sum(axis=1), n_features)
    np.testing.assert_allclose(rdm, expected, rtol=0, atol=1e-12)
    assert not constant.any()


def test_rdm_is_that_of_rsatoolbox():
    X = make_patterns(20, 50, seed=1)
    dataset = rsatoolbox.data.Dataset(X, obs_descriptors={"stimulus": np.arange(20)})
    expected = rsatoolbox.rdm.calc_rdm(dataset, method="correlation", descriptor="stimulus").get_matrices()[0]
    np.testing.assert_allclose(rdms.rdm_from_patterns(X), expected, rtol=0, atol=1e-12)


def test_rdms_of_many_layers_at_once_are_those_of_each():
    patterns = [make_patterns(15, n_features, seed=2) for n_features in (10, 40, 90)]
    kernels = make_kernels(patterns)
    found, _ = rdms.rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    for rdm, X in zip(found, patterns, strict=True):
        np.testing.assert_allclose(rdm, squareform(pdist(X, metric="correlation")), rtol=0, atol=1e-12)


def test_patterns_are_left_as_they_are():
    X = make_patterns(10, 30, seed=3) + 5.0
    before = X.copy()
    rdms.rdm_from_patterns(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("offset", [10, 200, 30000])
def test_rdm_of_float32_features_survives_an_offset_large_beside_their_sd(offset):
    """Such layers exist: of an untrained efficientnet_b0, Sigmoid-1 has a mean of 240 sd, Sigmoid-2 one of 35000."""
    X = make_patterns(119, 5000, seed=4)
    X = (X / X.std() + offset).astype(np.float32)
    rdm, constant = rdm_of_features(X)
    np.testing.assert_allclose(rdm, 1 - np.corrcoef(X.astype(np.float64)), rtol=0, atol=1e-4)
    assert not constant.any()


@pytest.mark.parametrize("value", [0.0, 127 / 255, 0.3, -1e3])
def test_a_constant_pattern_is_flagged_and_has_distance_1_to_all_others(value):
    X = make_patterns(8, 3000, seed=5).astype(np.float32)
    X[3], X[6] = value, value / 2
    rdm, constant = rdms.rdm_from_gram(X.astype(np.float64) @ X.T, X.sum(axis=1, dtype=np.float64), X.shape[1])
    np.testing.assert_array_equal(np.flatnonzero(constant), [3, 6])
    for i in (3, 6):
        np.testing.assert_array_equal(rdm[i], np.arange(8) != i)
        np.testing.assert_array_equal(rdm[:, i], np.arange(8) != i)
    others = [0, 1, 2, 4, 5, 7]
    expected = 1 - np.corrcoef(X[others].astype(np.float64))
    np.testing.assert_allclose(rdm[np.ix_(others, others)], expected, rtol=0, atol=1e-9)


def test_a_pattern_that_varies_by_rounding_alone_counts_as_constant():
    X = make_patterns(8, 3000, seed=5).astype(np.float32)
    X[3] = 0.3 * (1 + 2 * np.finfo(np.float32).eps * np.random.default_rng(0).standard_normal(3000))
    assert len(np.unique(X[3])) > 5
    _, constant = rdms.rdm_from_gram(X.astype(np.float64) @ X.T, X.sum(axis=1, dtype=np.float64), X.shape[1])
    np.testing.assert_array_equal(np.flatnonzero(constant), [3])


@pytest.mark.parametrize("value", [0.0, 127 / 255, 0.3, -1e3])
def test_a_constant_image_is_flagged_in_the_kernels_of_a_layer(value):
    """The blank is one, in the pixels and wherever the network keeps it uniform."""
    X = make_patterns(8, 50000, seed=5).astype(np.float32)
    X[3] = value
    rdm, constant = rdm_of_features(X)
    np.testing.assert_array_equal(np.flatnonzero(constant), [3])
    np.testing.assert_array_equal(rdm[3], np.arange(8) != 3)


def test_diagonal_is_exactly_0_and_distances_stay_between_0_and_2():
    X = make_patterns(1, 40, seed=6) * np.linspace(-3, 3, 50)[:, None]  # all the same pattern, or its opposite
    rdm = rdms.rdm_from_patterns(X)
    np.testing.assert_array_equal(np.diag(rdm), 0.0)
    assert rdm.min() >= 0.0 and rdm.max() <= 2.0
    np.testing.assert_allclose(rdm[0], np.repeat([0.0, 2.0], 25), rtol=0, atol=1e-12)


def test_upper_triangle_lists_every_pair_of_stimuli_once():
    rdm = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(rdms.upper_triangles(rdm), [1, 2, 3, 6, 7, 11])
    np.testing.assert_array_equal(rdms.upper_triangles(np.stack([rdm, -rdm]))[1], [-1, -2, -3, -6, -7, -11])


def test_similarities_are_those_of_scipy_and_rsatoolbox_with_ties():
    models, sites = make_rdms_with_ties(4, 9, seed=7), make_rdms_with_ties(3, 9, seed=8)
    similarities = compare(models, sites)
    assert set(similarities) == {"pearson", "spearman"}
    for i, j in np.ndindex(4, 3):
        pairs = squareform(models[i]), squareform(sites[j])
        assert similarities["pearson"][i, j] == pytest.approx(pearsonr(*pairs).statistic, abs=1e-12)
        assert similarities["spearman"][i, j] == pytest.approx(spearmanr(*pairs).statistic, abs=1e-12)
    for name, method in (("pearson", "corr"), ("spearman", "spearman")):
        expected = rsatoolbox.rdm.compare(to_rsatoolbox(models), to_rsatoolbox(sites), method=method)
        np.testing.assert_allclose(similarities[name], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("measure", [rsa.pearson, rsa.spearman])
@pytest.mark.parametrize("value", [1.0, 0.1])  # the mean of many 0.1 is not 0.1
def test_an_rdm_without_variance_has_no_similarity(measure, value):
    rng = np.random.default_rng(9)
    A, B = rng.standard_normal((2, 45)), rng.standard_normal((3, 45))
    A[0] = value
    np.testing.assert_array_equal(np.isnan(measure(A, B)), [[True] * 3, [False] * 3])


@pytest.mark.parametrize("measure", [rsa.pearson, rsa.spearman])
def test_an_rdm_with_a_distance_that_is_not_known_has_no_similarity(measure):
    A, B = make_pairs(2, 10, seed=9), make_pairs(3, 10, seed=10)
    A[1, 4] = np.nan
    np.testing.assert_array_equal(np.isnan(measure(A, B)), [[False] * 3, [True] * 3])


@pytest.mark.parametrize("n_stimuli", [4, 20])  # of 4 stimuli many resamples have but 2
def test_bootstrap_is_that_of_rsatoolbox_with_the_same_draws(n_stimuli, monkeypatch):
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
    r = rsa.bootstrap_pearson(layers, sites, np.stack([np.bincount(stimuli, minlength=n_stimuli) for stimuli in drawn]))
    assert r.shape == (60, 4, 3)
    np.testing.assert_allclose(r.mean(axis=2), expected, rtol=0, atol=1e-10)
    degenerate = [len(set(stimuli)) < 3 for stimuli in drawn]
    np.testing.assert_array_equal(np.isnan(r).all(axis=(1, 2)), degenerate)
    assert any(degenerate) == (n_stimuli == 4) and not np.isnan(r[~np.array(degenerate)]).any()


def test_bootstrap_is_the_correlation_of_rdms_whose_stimuli_are_repeated():
    layers, sites, counts = make_pairs(4, 9, seed=22), make_pairs(3, 9, seed=23), rsa.draw_counts(20, 9, seed=24)
    r = rsa.bootstrap_pearson(layers, sites, counts)
    for boot, i, j in np.ndindex(20, 4, 3):
        stimuli = np.repeat(np.arange(9), counts[boot])
        first, second = np.triu_indices(9, k=1)
        others = stimuli[first] != stimuli[second]  # not a stimulus with its own copy
        repeated = [squareform(pairs)[stimuli][:, stimuli][first, second][others] for pairs in (layers[i], sites[j])]
        assert r[boot, i, j] == pytest.approx(np.corrcoef(*repeated)[0, 1], abs=1e-10)


def test_a_resample_with_every_stimulus_once_is_the_comparison_itself():
    layers, sites = make_rdms_with_ties(4, 9, seed=25), make_rdms_with_ties(3, 9, seed=26)
    pairs = rdms.upper_triangles(layers), rdms.upper_triangles(sites)
    expected = compare(layers, sites)["pearson"]
    for counts in (np.ones((2, 9), int), np.full((2, 9), 3)):  # weights count as shares
        np.testing.assert_allclose(rsa.bootstrap_pearson(*pairs, counts), [expected] * 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_bytes", [1, 8 * 190 * 7])  # one at a time; resamples by 7, layers by 2
def test_bootstrap_in_blocks_is_that_in_one(n_bytes, monkeypatch):
    layers, sites, counts = make_pairs(5, 20, seed=27), make_pairs(3, 20, seed=28), rsa.draw_counts(30, 20, seed=29)
    whole = rsa.bootstrap_pearson(layers, sites, counts)
    monkeypatch.setattr(rsa, "BLOCK_BYTES", n_bytes)
    sizes = [len(range(30)[block]) for block in rsa._blocks(30, 8 * 190)]
    assert sizes == ([1] * 30 if n_bytes == 1 else [7, 7, 7, 7, 2])
    np.testing.assert_allclose(rsa.bootstrap_pearson(layers, sites, counts), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e3])
@pytest.mark.filterwarnings("error")
def test_a_resample_in_which_an_rdm_does_not_vary_is_missing(value):
    layers, sites = make_pairs(3, 30, seed=30), make_pairs(2, 30, seed=31)
    alike = np.ix_([1], np.flatnonzero((np.stack(np.triu_indices(30, k=1)) < 12).all(axis=0)))
    layers[alike], sites[alike] = value, value
    layers[2] = 0.1
    missing = np.isnan(rsa.bootstrap_pearson(layers, sites, np.ones((1, 30), int)))[0]
    np.testing.assert_array_equal(missing, [[False, False], [False, False], [True, True]])
    among_the_alike = drawn_from([*range(12), *range(12), 0, 1, 2, 3, 4, 5], 30)
    missing = np.isnan(rsa.bootstrap_pearson(layers, sites, among_the_alike))[0]
    np.testing.assert_array_equal(missing, [[False, True], [True, True], [True, True]])
    for stimuli in ([7] * 30, [7] * 20 + [25] * 10):  # no pair, one pair
        assert np.isnan(rsa.bootstrap_pearson(layers, sites, drawn_from(stimuli, 30))).all()


def test_intervals_hold_the_correlation_among_all_stimuli_as_often_as_they_say():
    """An experiment shows 50 stimuli of many to a layer and a site that share part of what drives them."""
    rng = np.random.default_rng(32)
    to_layer, to_site = rng.standard_normal((2, 6, 20))

    def experiment(n: int) -> list[np.ndarray]:
        latent, noise = rng.standard_normal((n, 6)), rng.standard_normal((n, 20))
        patterns = latent @ to_layer, latent @ to_site + 2 * noise
        return [rdms.upper_triangles(rdms.rdm_from_patterns(X))[None] for X in patterns]

    planted = rsa.pearson(*experiment(2500)).item()
    counts = [rsa.draw_counts(200, 50, seed) for seed in range(400)]
    resampled = np.stack([rsa.bootstrap_pearson(*experiment(50), drawn).ravel() for drawn in counts])
    for share, tolerance in ((0.5, 0.1), (0.95, 0.035)):  # 4 and 3 standard errors of 400 experiments
        low, high = np.quantile(resampled, [(1 - share) / 2, (1 + share) / 2], axis=1)
        assert np.mean((low <= planted) & (planted <= high)) == pytest.approx(share, abs=tolerance)


def test_draws_are_with_replacement_and_follow_the_seed():
    counts = rsa.draw_counts(4000, 25, seed=33)
    assert counts.shape == (4000, 25) and (counts.sum(axis=1) == 25).all()
    # each stimulus is drawn once on average, with the binomial variance of 25 draws at 1/25
    np.testing.assert_allclose(counts.mean(axis=0), 1, rtol=0, atol=4.5 / np.sqrt(4000))
    assert counts.var() == pytest.approx(24 / 25, rel=0.05)
    np.testing.assert_array_equal(rsa.draw_counts(4000, 25, seed=33), counts)
    assert (rsa.draw_counts(4000, 25, seed=34) != counts).any()


def test_stimuli_that_do_not_fit_the_pairs_are_refused():
    with pytest.raises(ValueError, match="mismatch"):
        rsa.bootstrap_pearson(make_pairs(2, 9, seed=35), make_pairs(2, 9, seed=36), rsa.draw_counts(5, 8, seed=37))


def compare(layers: np.ndarray, sites: np.ndarray) -> dict[str, np.ndarray]:
    """Every correlation of the RDMs of layers with those of sites, (n_layers, n_sites)."""
    pairs = rdms.upper_triangles(layers), rdms.upper_triangles(sites)
    return {name: correlation(*pairs) for name, correlation in rsa.CORRELATIONS.items()}


def test_a_model_equal_to_the_site_scores_1():
    X = make_patterns(20, 60, seed=11)
    table = score_rsa(make_kernels([X, make_patterns(20, 60, seed=12)]), make_targets([X], ["all"], [60]))
    same = table[table.layer == "Layer-1"]
    np.testing.assert_allclose(same.score, 1.0, rtol=0, atol=1e-12)
    assert (table[table.layer == "Layer-2"].score < 0.9).all()


def test_shuffled_stimuli_give_scores_around_0():
    n_shuffles = 400
    X, rng = make_patterns(30, 100, seed=13), np.random.default_rng(14)
    shuffled = np.stack([rdms.rdm_from_patterns(X[rng.permutation(30)]) for _ in range(n_shuffles)])
    for values in compare(shuffled, rdms.rdm_from_patterns(X)[None]).values():
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(n_shuffles)


def test_scores_lie_in_the_row_of_their_layer_and_site():
    patterns = [make_patterns(12, n_features, seed=15) for n_features in (7, 30, 55)]
    neurons = [make_patterns(12, n_neurons, seed=16) for n_neurons in (20, 35)]
    table = score_rsa(make_kernels(patterns), make_targets(neurons, ["all", "2/3"], [20, 35]))
    assert len(table) == 3 * 2 * 2
    for i, X in enumerate(patterns):
        for N, cortical_layer in zip(neurons, ["all", "2/3"], strict=True):
            inside = table[(table.layer == f"Layer-{i + 1}") & (table.cortical_layer == cortical_layer)]
            score = inside.set_index("method").score
            pairs = pdist(X, metric="correlation"), pdist(N, metric="correlation")
            assert score["pearson"] == pytest.approx(pearsonr(*pairs).statistic, abs=1e-12)
            assert score["spearman"] == pytest.approx(spearmanr(*pairs).statistic, abs=1e-12)
            assert set(inside.n_neurons) == {N.shape[1]} and set(inside.area) == {"VISp"}
            assert set(inside.n_features) == {X.shape[1]} and set(inside.layer_index) == {i + 1}
            assert set(inside.layer_depth) == {(i + 1) / 3}
            assert set(inside.block) == {f"block-{i // 2 + 1}"} and set(inside.block_depth) == {(i // 2 + 1) / 2}
    assert len(np.unique(table.score.round(6))) == len(table)


def test_an_unknown_number_of_neurons_is_missing_in_the_table():
    X = make_patterns(10, 20, seed=17)
    table = score_rsa(make_kernels([X]), make_targets([X, X], ["2/3", "4"], [-1, 0]))
    assert list(table[table.cortical_layer == "2/3"].n_neurons.isna()) == [True, True]
    assert list(table[table.cortical_layer == "4"].n_neurons) == [0, 0]
