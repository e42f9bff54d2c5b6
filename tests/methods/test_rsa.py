"""RSA scores equal the correlations of RDMs by SciPy and rsatoolbox."""

import numpy as np
import pytest
import rsatoolbox
from rsa_data import compare, make_kernels, make_pairs, make_patterns, make_rdms_with_ties
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr
from scoring import score_rsa

from dormouse.methods import rdms, rsa


def make_targets(patterns: list[np.ndarray], layers: list[str], n_neurons: list[int]) -> dict[str, np.ndarray]:
    return {
        "rdm": np.stack([rdms.rdm_from_patterns(X) for X in patterns]),
        "area": np.full(len(patterns), "VISp"),
        "cortical_layer": np.array(layers),
        "n_neurons": np.array(n_neurons),
    }


def to_rsatoolbox(rdms: np.ndarray) -> rsatoolbox.rdm.RDMs:
    return rsatoolbox.rdm.RDMs(np.stack([squareform(rdm, checks=False) for rdm in rdms]))


def test_similarities_equal_those_of_scipy_and_rsatoolbox_with_ties():
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
def test_an_rdm_with_an_unknown_distance_has_no_similarity(measure):
    A, B = make_pairs(2, 10, seed=9), make_pairs(3, 10, seed=10)
    A[1, 4] = np.nan
    np.testing.assert_array_equal(np.isnan(measure(A, B)), [[False] * 3, [True] * 3])


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
