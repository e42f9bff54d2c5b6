"""The method from Python: its scores are those of a naive loop, and the page that shows it runs as it stands."""

import re

import numpy as np
import pytest
import torch
from networks import make_images, random_network
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from dormouse.errors import InputError
from dormouse.notebook import kernels, score, tables


@pytest.fixture(scope="module")
def inputs():
    return make_images(12, 32, seed=0)


@pytest.fixture(scope="module")
def found(inputs):
    return kernels(random_network("squeezenet1_1"), inputs, names=["srp"], eps=0.9)


@pytest.fixture
def responses(inputs):
    rng = np.random.default_rng(0)
    features = inputs.reshape(12, -1) @ rng.standard_normal((inputs[0].size, 30))
    return features + 0.1 * features.std() * rng.standard_normal(features.shape)


def test_rsa_is_that_of_a_naive_loop_and_zero_on_shuffled_images(inputs, found, responses):
    import torch

    table = score(found, responses, n_shuffles=200)
    with torch.no_grad():
        first = random_network("squeezenet1_1").features[0](torch.from_numpy(inputs)).flatten(1).double().numpy()
    expected = pearsonr(pdist(first, "correlation"), pdist(responses, "correlation"))[0]
    assert table.layer.iloc[0] == found["layer"][0]
    assert table.score.iloc[0] == pytest.approx(expected, abs=1e-5)
    assert table.layer_index.tolist() == list(range(1, len(found["layer"]) + 1))
    assert abs(table.shuffled.mean()) < 0.05 < table.score.max()


def test_trials_are_averaged_and_a_seed_gives_the_same_shuffles(found, responses):
    trials = np.stack([responses - 1, responses + 1, np.full_like(responses, np.nan)])
    first, again = score(found, responses, "ridge_srp"), score(found, trials, "ridge_srp")
    np.testing.assert_allclose(first.score, again.score)
    np.testing.assert_allclose(first.shuffled, again.shuffled)
    assert (first.shuffled != score(found, responses, "ridge_srp", seed=1).shuffled).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "rsa_pearsn"}, r"unknown method 'rsa_pearsn'\. Did you mean rsa_pearson"),
        (
            {"method": "ridge_zscore"},
            r"needs the kernel 'zscore': kernels\(network, inputs, names=\['zscore'\]\)",
        ),
        ({"responses": np.zeros((3, 5))}, r"shape \(3, 5\); expected \(12 images, n_neurons\)"),
        ({"responses": np.full((12, 5), np.nan)}, r"neuron 0 \(from 0\) are not finite"),
    ],
)
def test_what_does_not_fit_is_named(found, responses, change, message):
    with pytest.raises(InputError, match=message):
        score(found, **({"responses": responses} | change))


def test_a_folder_without_tables_is_named(tmp_path):
    with pytest.raises(InputError, match="no tables; expected the folder of a run"):
        tables(tmp_path)


def test_the_page_runs_as_it_stands_and_prints_what_it_shows(root, capsys, monkeypatch):
    page = (root / "docs/python.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(root)
    namespace = {}
    for code in (text for kind, text in blocks if kind == "python" and "results/" not in text):  # those need a run
        exec(compile(code, "docs/python.md", "exec"), namespace)
    assert [capsys.readouterr().out.strip()] == [text.strip() for kind, text in blocks if kind == "text"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ["zscored"]}, r"unknown: 'zscored'\. Did you mean .*zscore"),
        ({"layers": "block"}, r"unknown: 'block'\. Did you mean blocks"),
        ({"inputs": np.zeros((3, 1, 8, 8), np.uint8)}, r"inputs are uint8 of shape \(3, 1, 8, 8\); expected"),
        ({"inputs": np.zeros((3, 8, 8))}, r"inputs are float64 of shape \(3, 8, 8\); expected"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    given = {"inputs": np.random.default_rng(0).standard_normal((3, 1, 8, 8))} | change
    with pytest.raises(InputError, match=message):
        kernels(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU()).eval(), **given)


def test_a_network_in_training_mode_is_refused():
    with pytest.raises(InputError, match=r"in training mode.*network\.eval\(\)"):
        kernels(torch.nn.Conv2d(1, 2, 3), np.zeros((3, 1, 8, 8)))
