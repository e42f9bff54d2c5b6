import numpy as np
import pytest
import rsatoolbox
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from dormouse import rsa
from dormouse.errors import InputError
from dormouse.gram import Kernels


def make_patterns(n_stimuli: int, n_features: int, seed: int) -> np.ndarray:
    """Patterns whose distances spread: random mixtures of a few components, and noise."""
    rng = np.random.default_rng(seed)
    mixture = rng.standard_normal((n_stimuli, 4)) @ rng.standard_normal((4, n_features))
    return mixture + rng.standard_normal((n_stimuli, n_features))


def make_kernels(patterns: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "layer": np.array([f"Layer-{i}" for i in range(1, len(patterns) + 1)]),
        "block": np.array([f"block-{(i + 1) // 2}" for i in range(1, len(patterns) + 1)]),
        "blocks": np.array([f"block-{k}" for k in range(1, (len(patterns) + 1) // 2 + 1)]),
        "n_features": np.array([X.shape[1] for X in patterns]),
        "centred": np.stack([X.shape[1] * np.cov(X, bias=True) for X in patterns]),
        "row_sum": np.stack([X.sum(axis=1) for X in patterns]),
    }


def make_targets(patterns: list[np.ndarray], layers: list[str], n_neurons: list[int]) -> dict[str, np.ndarray]:
    return {
        "rdm": np.stack([rsa.rdm_from_patterns(X) for X in patterns]),
        "area": np.full(len(patterns), "VISp"),
        "cortical_layer": np.array(layers),
        "n_neurons": np.array(n_neurons),
    }


def make_rdms_with_ties(n_rdms: int, n_stimuli: int, seed: int) -> np.ndarray:
    pairs = np.random.default_rng(seed).integers(0, 12, (n_rdms, n_stimuli * (n_stimuli - 1) // 2)) / 8
    return np.stack([squareform(row) for row in pairs])


def to_rsatoolbox(rdms: np.ndarray) -> rsatoolbox.rdm.RDMs:
    return rsatoolbox.rdm.RDMs(np.stack([squareform(rdm, checks=False) for rdm in rdms]))


@pytest.mark.parametrize("n_features", [5, 300])
def test_rdm_is_the_correlation_distance_of_scipy(n_features):
    X = make_patterns(20, n_features, seed=0) + 3.0
    expected = squareform(pdist(X, metric="correlation"))
    np.testing.assert_allclose(rsa.rdm_from_patterns(X), expected, rtol=0, atol=1e-12)
    rdm, constant = rsa.rdm_from_gram(X @ X.T, X.sum(axis=1), n_features)
    np.testing.assert_allclose(rdm, expected, rtol=0, atol=1e-12)
    assert not constant.any()


def test_rdm_is_that_of_rsatoolbox():
    X = make_patterns(20, 50, seed=1)
    dataset = rsatoolbox.data.Dataset(X, obs_descriptors={"stimulus": np.arange(20)})
    expected = rsatoolbox.rdm.calc_rdm(dataset, method="correlation", descriptor="stimulus").get_matrices()[0]
    np.testing.assert_allclose(rsa.rdm_from_patterns(X), expected, rtol=0, atol=1e-12)


def test_rdms_of_many_layers_at_once_are_those_of_each():
    patterns = [make_patterns(15, n_features, seed=2) for n_features in (10, 40, 90)]
    kernels = make_kernels(patterns)
    rdms, _ = rsa.rdm_from_centred(kernels["centred"], kernels["row_sum"], kernels["n_features"])
    for rdm, X in zip(rdms, patterns, strict=True):
        np.testing.assert_allclose(rdm, squareform(pdist(X, metric="correlation")), rtol=0, atol=1e-12)


def test_patterns_are_left_as_they_are():
    X = make_patterns(10, 30, seed=3) + 5.0
    before = X.copy()
    rsa.rdm_from_patterns(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("offset", [10, 200, 30000])
def test_rdm_of_float32_features_survives_an_offset_large_beside_their_sd(offset):
    """Such layers exist: of an untrained efficientnet_b0, Sigmoid-1 has a mean of 240 sd, Sigmoid-2 one of 35000."""
    X = make_patterns(119, 5000, seed=4)
    X = (X / X.std() + offset).astype(np.float32)
    kernels = Kernels(eps=0.9, seed=0)
    kernels.add("Sigmoid-1", "gate", torch.from_numpy(X))
    arrays = kernels.arrays()
    rdms, constant = rsa.rdm_from_centred(arrays["centred"], arrays["row_sum"], arrays["n_features"])
    np.testing.assert_allclose(rdms[0], 1 - np.corrcoef(X.astype(np.float64)), rtol=0, atol=1e-4)
    assert not constant.any()


@pytest.mark.parametrize("value", [0.0, 127 / 255, 0.3, -1e3])
def test_a_constant_pattern_is_flagged_and_has_distance_1_to_all_others(value):
    X = make_patterns(8, 3000, seed=5).astype(np.float32)
    X[3], X[6] = value, value / 2
    rdm, constant = rsa.rdm_from_gram(X.astype(np.float64) @ X.T, X.sum(axis=1, dtype=np.float64), X.shape[1])
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
    _, constant = rsa.rdm_from_gram(X.astype(np.float64) @ X.T, X.sum(axis=1, dtype=np.float64), X.shape[1])
    np.testing.assert_array_equal(np.flatnonzero(constant), [3])


@pytest.mark.parametrize("value", [0.0, 127 / 255, 0.3, -1e3])
def test_a_constant_image_is_flagged_in_the_kernels_of_a_layer(value):
    """The blank is one, in the pixels and wherever the network keeps it uniform."""
    X = make_patterns(8, 50000, seed=5).astype(np.float32)
    X[3] = value
    kernels = Kernels(eps=0.9, seed=0)
    kernels.add("Pixels-1", "", torch.from_numpy(X))
    arrays = kernels.arrays()
    rdms, constant = rsa.rdm_from_centred(arrays["centred"], arrays["row_sum"], arrays["n_features"])
    np.testing.assert_array_equal(np.flatnonzero(constant[0]), [3])
    np.testing.assert_array_equal(rdms[0, 3], np.arange(8) != 3)


def test_diagonal_is_exactly_0_and_distances_stay_between_0_and_2():
    X = make_patterns(1, 40, seed=6) * np.linspace(-3, 3, 50)[:, None]  # all the same pattern, or its opposite
    rdm = rsa.rdm_from_patterns(X)
    np.testing.assert_array_equal(np.diag(rdm), 0.0)
    assert rdm.min() >= 0.0 and rdm.max() <= 2.0
    np.testing.assert_allclose(rdm[0], np.repeat([0.0, 2.0], 25), rtol=0, atol=1e-12)


def test_upper_triangle_lists_every_pair_of_stimuli_once():
    rdm = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(rsa.upper_triangles(rdm), [1, 2, 3, 6, 7, 11])
    np.testing.assert_array_equal(rsa.upper_triangles(np.stack([rdm, -rdm]))[1], [-1, -2, -3, -6, -7, -11])


def test_similarities_are_those_of_scipy_and_rsatoolbox_with_ties():
    models, sites = make_rdms_with_ties(4, 9, seed=7), make_rdms_with_ties(3, 9, seed=8)
    similarities = rsa.compare(models, sites)
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


def test_a_model_equal_to_the_site_scores_1():
    X = make_patterns(20, 60, seed=11)
    table = rsa.score(make_kernels([X, make_patterns(20, 60, seed=12)]), make_targets([X], ["all"], [60]))
    same = table[table.layer == "Layer-1"]
    np.testing.assert_allclose(same.score, 1.0, rtol=0, atol=1e-12)
    assert (table[table.layer == "Layer-2"].score < 0.9).all()


def test_shuffled_stimuli_give_scores_around_0():
    n_shuffles = 400
    X, rng = make_patterns(30, 100, seed=13), np.random.default_rng(14)
    shuffled = np.stack([rsa.rdm_from_patterns(X[rng.permutation(30)]) for _ in range(n_shuffles)])
    for values in rsa.compare(shuffled, rsa.rdm_from_patterns(X)[None]).values():
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(n_shuffles)


def test_scores_lie_in_the_row_of_their_layer_and_site():
    patterns = [make_patterns(12, n_features, seed=15) for n_features in (7, 30, 55)]
    neurons = [make_patterns(12, n_neurons, seed=16) for n_neurons in (20, 35)]
    table = rsa.score(make_kernels(patterns), make_targets(neurons, ["all", "2/3"], [20, 35]))
    assert len(table) == 3 * 2 * 2 and set(table.metric) == {"rsa"}
    for i, X in enumerate(patterns):
        for N, cortical_layer in zip(neurons, ["all", "2/3"], strict=True):
            inside = table[(table.layer == f"Layer-{i + 1}") & (table.cortical_layer == cortical_layer)]
            score = inside.set_index("variant").score
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
    table = rsa.score(make_kernels([X]), make_targets([X, X], ["2/3", "4"], [-1, 0]))
    assert list(table[table.cortical_layer == "2/3"].n_neurons.isna()) == [True, True]
    assert list(table[table.cortical_layer == "4"].n_neurons) == [0, 0]


def test_a_model_that_saw_another_number_of_images_is_refused():
    targets = make_targets([make_patterns(9, 20, seed=18)], ["all"], [20])
    with pytest.raises(InputError, match=r"^VISp: the model saw 10 images, the RDMs are of 9\."):
        rsa.score(make_kernels([make_patterns(10, 20, seed=19)]), targets)
