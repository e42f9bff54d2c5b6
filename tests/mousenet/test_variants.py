"""MouseNet as a network of the zoo: variants of the configuration, weights, layers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from mousenets import DIGESTS, SMALL, count, images, make

from dormouse.errors import InputError
from dormouse.features.extraction import extract
from dormouse.models.build import build
from dormouse.models.registry import list_models
from dormouse.mousenet.anatomy import read_anatomy


def specify(**change):
    config = yaml.safe_load(Path("config.yaml").read_text())
    table = pd.read_csv("resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
    models = config["models"] | {"groups": ["mousenet"]} | change
    return list_models(table, config | {"models": models})


@pytest.fixture
def in_root(root, monkeypatch):
    monkeypatch.chdir(root)


def test_layers_have_the_names_of_nodes():
    network = make(read_anatomy(replace(SMALL, initialisation="masked"))).eval().requires_grad_(False)
    inputs = np.random.default_rng(0).standard_normal((5, 3, 16, 16), np.float32)
    arrays = extract(network, inputs, "all", [], 0.5, 0, 1)
    assert arrays["layer"].tolist() == [*network.populations, "Linear-1"]
    assert arrays["block"].tolist()[:3] == ["populations.LGNd", "populations.VISp4", "populations.VISp2/3"]
    X = network.activity(torch.from_numpy(inputs), ["VISl5"])["VISl5"].flatten(1).double()
    X = X - X.mean(dim=1, keepdim=True)
    np.testing.assert_allclose(arrays["centred"][arrays["layer"].tolist().index("VISl5")], X @ X.T, rtol=1e-5, atol=1e-6)


def test_the_row_of_the_table_is_the_network_of_the_paper(in_root):
    (name, spec), *others = specify(seeds=[3]).items()
    assert (name, spec["input"]["size"], others) == ("mousenet-random3", 64, [])
    network = build(spec)
    assert count(network.parameters()) == 4_457_969
    masks = [convolution.mask.numpy() for convolution in network.projections.values()]
    assert sum(mask.sum() for mask in masks) == DIGESTS[2021][0]
    assert not torch.equal(network.classifier.weight, build(spec | {"seed": 4}).classifier.weight)


def test_a_variant_without_a_seed_for_masks_draws_them_with_the_weights(in_root):
    line = {"source": "mousenet", "name": "corrected", "weights": "random"}
    models = specify(groups=[], add={"a": line | {"seed": 1}, "b": line | {"seed": 2, "display_name": "B"}})
    first, again, other = (build(models[name]) for name in ("a", "a", "b"))
    name = "VISp4>VISp2/3"
    assert torch.equal(first.projections[name].mask, again.projections[name].mask)
    assert not torch.equal(first.projections[name].mask, other.projections[name].mask)


def test_a_variant_there_is_not(in_root):
    with pytest.raises(InputError, match=r"^config: model a: mousenet.variants has no 'papers'\. Did you mean paper\?"):
        specify(groups=[], add={"a": {"source": "mousenet", "name": "papers", "weights": "random"}})


def test_weights_of_ones_own_bring_their_number_of_classes(in_root, tmp_path):
    from safetensors.torch import save_file

    network = make(read_anatomy(), n_classes=7).eval()
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    line = {"source": "mousenet", "name": "paper", "weights": str(tmp_path / "mine.safetensors")}
    loaded = build(specify(groups=[], add={"mine": line})["mine"])
    assert torch.equal(loaded(images(2, 64)), network(images(2, 64)))
